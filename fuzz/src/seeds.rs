//! What the targets begin with, so that they needn't find the grammar by chance.
//!
//! `seeds/TARGET.txt` has one seed a line, in the form of a Rust byte string (`\r`, `\n`, `\\`, `\"`, `\xff`); lines
//! that begin with `#` say what the seeds behind them are about. What a run of the fuzzer found is added there.
//! `dictionaries/PROTOCOL.dict` is in libFuzzer's form. The quirk corpus lies in `tests/data/quirks`.

use std::{fs, path::Path};

/// A folder of the quirk corpus.
#[derive(Clone, Copy, Debug)]
pub enum Corpus {
    /// Responses of IMAP servers.
    Imap,
    /// Answers of POP3 servers.
    Pop3,
}

/// Larger cases of the corpus are about size, which tests of their own look at.
const LARGEST: usize = 4 << 10;

/// The bytes of the cases.
pub(crate) fn quirks(corpus: Corpus) -> Vec<Vec<u8>> {
    let name = match corpus {
        Corpus::Imap => "imap",
        Corpus::Pop3 => "pop3",
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/quirks").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder that can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    paths.sort();
    let cases = paths.iter().map(|path| fs::read(path).expect("a case that can be read"));
    cases.filter(|case| case.len() <= LARGEST).collect()
}

/// The seeds in the file of this name, if there is one.
pub(crate) fn written(name: &str) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name).with_extension("txt");
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| unescape(line).unwrap_or_else(|| panic!("a seed of {name}: {line}"))).collect()
}

/// The words of a protocol's dictionary.
#[cfg(test)]
pub(crate) fn dictionary(protocol: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(dictionary_path(protocol)).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let word = |line: &str| unescape(line.strip_prefix('"')?.strip_suffix('"')?);
    lines.map(|line| word(line).unwrap_or_else(|| panic!("a word for {protocol}: {line}"))).collect()
}

/// Where a protocol's dictionary is.
pub fn dictionary_path(protocol: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries").join(protocol).with_extension("dict")
}

/// The bytes of a Rust byte string without its quotes. `None` if it isn't one.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            byte @ (b'\\' | b'"' | b'\'') => byte,
            b'x' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                // Two digits of four bits each.
                (digit()? * 16 + digit()?) as u8
            }
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_byte_strings() {
        assert_eq!(unescape(r#"a\r\n\t\\\"\x00\xff'"#).as_deref(), Some(&b"a\r\n\t\\\"\x00\xff'"[..]));
        assert!([r"\q", r"\x1", r"\"].into_iter().all(|text| unescape(text).is_none()));
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&bytes.escape_ascii().to_string()), Some(bytes));
    }

    #[test]
    fn the_corpus_is_there() {
        assert!(quirks(Corpus::Imap).len() > 200 && quirks(Corpus::Pop3).len() > 60);
    }
}
