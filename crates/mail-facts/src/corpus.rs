//! A corpus of what servers send: cases that say what must be read of some bytes.
//!
//! A case is two files: `NAME.bin` with the bytes of one response, and `NAME.json` with what it means, its facts under
//! the names that [`Facts`] has.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::facts::{Facts, hex};

/// A response of the corpus and what it means.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which protocol's: `imap` or `pop3`.
    pub proto: String,
    /// The bytes as on the wire.
    pub wire: Vec<u8>,
    /// Whether it must be rejected: no value, or something in it that is told as invalid.
    pub reject: bool,
    /// Whether reading and rejecting both pass.
    pub either: bool,
    /// Whether this is the first line of a connection.
    pub greeting: bool,
    /// The keyword that the response must be read as.
    pub kind: String,
    /// What must be read of it.
    pub facts: Map<String, Value>,
    /// Everything that is said of the case.
    pub members: Map<String, Value>,
}

/// A case that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The description isn't JSON, or no object.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The description lacks something, or it has another form.
    #[error("{}: there is no {member} that can be used", path.display())]
    Member {
        /// The file.
        path: PathBuf,
        /// What is lacking.
        member: &'static str,
    },
}

/// A fact that isn't as expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// There is no such fact, or none that can be compared with this.
    #[error("the fact {key} wasn't read or can't be checked")]
    Missing {
        /// The fact's name.
        key: String,
    },
    /// It is another.
    #[error("{key} is {found}, not {expected}")]
    Differs {
        /// The fact's name.
        key: String,
        /// What was read.
        found: Value,
        /// What should have been.
        expected: Value,
    },
}

/// The descriptions of the cases in a folder and the folders in it, by name.
///
/// # Errors
/// A folder can't be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Case {
    /// Reads a case: its description, and the bytes that lie beside it.
    ///
    /// # Errors
    /// A file is missing, or doesn't hold what it should.
    pub fn load(description: &Path) -> Result<Self, CaseError> {
        let read = |path: PathBuf| fs::read(&path).map_err(|source| CaseError::Read { path, source });
        let path = || description.to_owned();
        let members: Map<String, Value> = serde_json::from_slice(&read(path())?)
            .map_err(|source| CaseError::Json { path: path(), source })?;
        let wire = read(description.with_extension("bin"))?;
        let lacks = |member| CaseError::Member { path: path(), member };
        let text = |member: &'static str| {
            let value = members.get(member).and_then(Value::as_str);
            value.map(str::to_owned).ok_or_else(|| lacks(member))
        };
        let flag = |member: &str| members.get(member).and_then(Value::as_bool).unwrap_or_default();
        let reject = match text("expect")?.as_str() {
            "ok" => false,
            "reject" => true,
            _ => return Err(lacks("expect")),
        };
        let facts = members.get("facts").and_then(Value::as_object).cloned();
        Ok(Self {
            proto: text("proto")?,
            wire,
            reject,
            either: flag("either"),
            greeting: flag("greeting"),
            kind: text("kind")?,
            facts: facts.ok_or_else(|| lacks("facts"))?,
            members,
        })
    }

    /// Whether a response of this kind may be told as one that isn't known, of which only the framing is asserted.
    pub fn may_be_unknown(&self) -> bool {
        ["XLIST", "LANGUAGE", "GENURLAUTH", "XSOMETHING", "XTHING", "COPYUID"].contains(&self.kind.as_str())
    }
}

impl Facts {
    /// Whether a fact is as a case expects it.
    ///
    /// Words (flags, attributes, capabilities) are compared without case and order, of a mailbox' status the expected
    /// items must be there, names without a value may be left out, and `_hex` may stand for any text. Everything else
    /// is compared as it is.
    ///
    /// # Errors
    /// It is another, or can't be compared.
    pub fn check(&self, key: &str, expected: &Value) -> Result<(), Mismatch> {
        let (found, matches) = match self.get(key) {
            Some(found) => (found, is(key, found, expected)),
            None => {
                let base = key.strip_suffix("_hex");
                let text = base.and_then(|base| self.get(&format!("{base}_text")).or_else(|| self.get(base)));
                match text {
                    Some(found) => (found, in_hex(found) == *expected),
                    None => return Err(Mismatch::Missing { key: key.to_owned() }),
                }
            }
        };
        if matches {
            return Ok(());
        }
        Err(Mismatch::Differs { key: key.to_owned(), found: found.clone(), expected: expected.clone() })
    }
}

fn is(key: &str, found: &Value, expected: &Value) -> bool {
    match (key, found, expected) {
        ("flags" | "attrs" | "caps", Value::Array(found), Value::Array(expected)) => {
            words(found).is_some_and(|found| Some(found) == words(expected))
        }
        ("status", Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name) == Some(value))
        }
        ("bs_params" | "acl" | "id" | "entries", Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| found.get(name) == Some(value))
                && found.iter().all(|(name, value)| value.is_null() || expected.contains_key(name))
        }
        _ => found == expected,
    }
}

fn words(words: &[Value]) -> Option<Vec<String>> {
    let words: Option<Vec<String>> =
        words.iter().map(|word| Some(word.as_str()?.to_ascii_lowercase())).collect();
    words.map(|mut words| {
        words.sort();
        words.dedup();
        words
    })
}

/// The same with all texts in hexadecimal.
fn in_hex(value: &Value) -> Value {
    match value {
        Value::String(text) => hex(text.as_bytes()).into(),
        Value::Array(list) => list.iter().map(in_hex).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), in_hex(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_compared_by_the_rules_of_the_corpus() {
        let mut facts = Facts::default();
        facts.json("flags", json!(["\\Seen", "$A"])).json("status", json!({"UNSEEN": 1, "MESSAGES": 2}));
        facts.json("section_text", "a").json("id", json!({"name": "x", "os": null})).json("num", 3);
        for (key, expected) in [
            ("flags", json!(["$a", "\\SEEN"])),
            ("status", json!({"MESSAGES": 2})),
            ("section_hex", json!("61")),
            ("id", json!({"name": "x"})),
            ("num", json!(3)),
        ] {
            assert_eq!(facts.check(key, &expected), Ok(()));
        }
        for (key, expected) in [
            ("flags", json!(["\\Seen"])),
            ("status", json!({"MESSAGES": 3})),
            ("section_hex", json!("62")),
            ("id", json!({})),
            ("num", json!("3")),
            ("nothing", json!(null)),
            ("nothing_hex", json!("")),
        ] {
            assert!(facts.check(key, &expected).is_err(), "{key} {expected}");
        }
    }
}
