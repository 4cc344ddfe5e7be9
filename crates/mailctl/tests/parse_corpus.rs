//! `mailctl parse` reads every case of the corpus as the case says.

system_tests::watch_for_secrets!();

#[path = "support/parse.rs"]
mod support;

use std::path::Path;

use mail_facts::{
    Facts,
    corpus::{self, Case},
};
use serde_json::Value;
use support::{Parsed, parse};

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/quirks");
    let files = corpus::files(&folder).unwrap();
    assert!(files.len() >= 319, "{} cases", files.len());
    let name = |file: &Path| file.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), Case::load(file).unwrap())).collect()
}

fn run(case: &Case) -> Parsed {
    match case.members.get("command").and_then(Value::as_str) {
        Some(asked) => parse(&[&case.proto, "--command", asked], &case.wire),
        None => parse(&[&case.proto], &case.wire),
    }
}

fn check(case: &Case, parsed: &Parsed) -> Result<(), String> {
    let said = |line: &Value| line["invalid"].as_array().is_some_and(|invalid| !invalid.is_empty());
    let broken = parsed.lines.iter().any(|line| line["ok"] == false || said(line));
    if parsed.status != Some(i32::from(broken)) {
        return Err(format!("ended with {:?}", parsed.status));
    }
    // An item of a FETCH may be broken beyond grammar: the facts name what survives around it.
    let survives = case.kind == "FETCH" && parsed.lines.iter().all(|line| line["ok"] == true);
    if broken && !case.reject && !case.either && !survives {
        return Err(format!("wasn't read: {:?}", parsed.lines));
    }
    if case.reject && !broken && !case.either {
        return Err(format!("wasn't rejected: {:?}", parsed.lines));
    }
    let line = match parsed.lines.as_slice() {
        [line] => line,
        _ if broken => return Ok(()),
        lines => return Err(format!("was read as {} responses", lines.len())),
    };
    let Some(value) = line["value"].as_object() else { return Ok(()) };
    if !case.reject && !case.may_be_unknown() && line["kind"] != case.kind.as_str() {
        return Err(format!("was read as {}, not {}", line["kind"], case.kind));
    }
    let facts = Facts::from(value.clone());
    let mut all = case.facts.iter();
    all.try_for_each(|(key, expected)| facts.check(key, expected)).map_err(|error| error.to_string())
}

#[test]
fn every_case_is_read_as_it_says() {
    let failed: Vec<String> = cases()
        .iter()
        .filter_map(|(name, case)| Some(format!("{name}: {}", check(case, &run(case)).err()?)))
        .collect();
    assert!(failed.is_empty(), "{} failed\n{}", failed.len(), failed.join("\n"));
}

/// Cases that are one response whole, on connections whose lines end in CRLF.
fn in_a_row(proto: &str) -> (Vec<u8>, Vec<String>, Vec<Value>) {
    let (mut wire, mut commands, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for (_, case) in cases().iter().filter(|(_, case)| case.proto == proto) {
        let mut alone = run(case).lines;
        let ends_early = alone.iter().any(|line| line["invalid"].to_string().contains(r#""item":"input""#));
        if alone.len() == 1 && !ends_early && case.wire.ends_with(b"\r\n") {
            wire.extend_from_slice(&case.wire);
            commands.extend(case.members.get("command").and_then(Value::as_str).map(str::to_owned));
            lines.append(&mut alone);
        }
    }
    (wire, commands, lines)
}

#[test]
fn many_responses_in_a_row_are_read_as_each_alone() {
    let (wire, _, lines) = in_a_row("imap");
    assert!(lines.len() >= 240, "{}", lines.len());
    assert_eq!(parse(&["imap"], wire).lines, lines);
}

#[test]
fn many_answers_in_a_row_are_read_as_each_alone() {
    let (wire, commands, lines) = in_a_row("pop3");
    assert!(lines.len() >= 55, "{}", lines.len());
    let mut args = vec!["pop3"];
    commands.iter().for_each(|command| args.extend(["--command", command]));
    assert_eq!(parse(&args, wire).lines, lines);
}
