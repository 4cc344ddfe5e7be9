//! The test programs: each is watched, knows all the passwords that it uses, and fails if one is traced.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::secrets::WORDS;

/// Folders with test programs in them, in whose crates passwords are used.
const FOLDERS: [&str; 4] =
    ["tests/tests", "crates/mail-client/tests", "crates/mail-testkit/tests", "crates/mailctl/tests"];

/// Behind these a password stands, in quotes.
const BEFORE_PASSWORDS: [&str; 8] = [
    ".password(",
    ".set_password(",
    ".token(",
    "PASSWORD: &str = ",
    "Secret::from(",
    "Credentials::password(\"kim\", ",
    "Credentials::token(\"kim\", ",
    ".user(\"kim\", ",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder and of those in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_program_is_watched() {
    let mut programs = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(workspace().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let main = if path.is_dir() { path.join("main.rs") } else { path };
            programs.extend(main.exists().then_some(main).filter(|main| main.extension().is_some()));
        }
    }
    programs.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(programs.len() > 50, "{programs:#?}");
    let is_watched = |path: &&PathBuf| {
        let source = fs::read_to_string(path).unwrap();
        source.lines().any(|line| line == "system_tests::watch_for_secrets!();")
    };
    let others: Vec<_> = programs.iter().filter(|path| !is_watched(path)).collect();
    assert!(others.is_empty(), "they lack the line system_tests::watch_for_secrets!(): {others:#?}");
}

#[test]
fn every_password_in_tests_is_known() {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        // Some of the embedded server's are half of another on purpose.
        if !folder.contains("testkit") {
            files(&workspace().join(folder), &mut sources);
        }
    }
    let (mut known, mut unknown) = (0, BTreeSet::new());
    // Here they are only searched for.
    sources.retain(|path| !path.ends_with("unsaid/programs.rs"));
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        for before in BEFORE_PASSWORDS {
            for (at, _) in source.match_indices(before) {
                let Some(quoted) = source[at + before.len()..].strip_prefix('"') else { continue };
                let end = quoted.match_indices('"').find(|(end, _)| !quoted[..*end].ends_with('\\'));
                let password = quoted[..end.unwrap().0].replace("\\\"", "\"").replace("\\\\", "\\");
                if WORDS.iter().any(|word| password.contains(word)) {
                    known += 1;
                } else {
                    unknown.insert(format!("{}: {before}{password:?}", path.display()));
                }
            }
        }
    }
    assert!(known > 20, "{known}");
    assert!(unknown.is_empty(), "these have none of system_tests::secrets::WORDS in them: {unknown:#?}");
}

/// Set where this program is run by itself, to what it is to do.
const CHILD: &str = "SECRETS_CHILD";

#[test]
fn a_program_that_traces_a_secret_fails_and_says_where() {
    match std::env::var(CHILD).as_deref() {
        Err(_) => {}
        Ok("event") => tracing::trace!(value = "aGVsbG8gaHVudGVyMg==", "a harmless line"),
        Ok("error") => {
            let error = std::io::Error::other(std::io::Error::other("what is PASS hunter2"));
            tracing::debug!(error = &error as &dyn std::error::Error);
        }
        Ok("span") => drop(tracing::info_span!("span", bytes = ?b"hunter2")),
        Ok("log") => log::debug!("hunter{}", 2),
        Ok(_) => tracing::trace!("a harmless line"),
    }
    if std::env::var(CHILD).is_ok() {
        return;
    }
    for deed in ["event", "error", "span", "log", "nothing"] {
        let this = "programs::a_program_that_traces_a_secret_fails_and_says_where";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env(CHILD, deed)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("1 passed"), "{deed}: {said}");
        assert!(said.contains("counted: trace lines searched for secrets "), "{deed}: {said}");
        assert_eq!(output.status.success(), deed == "nothing", "{deed}: {said}");
        let place = format!("at {}:", file!());
        assert_eq!(said.contains("A SECRET IS TRACED"), deed != "nothing", "{deed}: {said}");
        assert_eq!(said.contains(&place) && said.contains(this), deed != "nothing", "{deed}: {said}");
    }
}
