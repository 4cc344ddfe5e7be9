//! What a mailbox's folder is called: Maildir++ names made of bytes that a server chose.
//!
//! A mailbox's name is never a path. Each level of it becomes text in modified UTF-7 (RFC 3501, section 5.1.3) in which
//! `. / \ % :`, control characters, bytes that are no text and a leading `~` stand as `%XX`; the levels are joined by
//! `.` behind a first `.`. So one mailbox is one path component that begins with a dot and holds no separator.
//! A `%` that two hexadecimal digits don't follow is never part of a level: alone it stands for an empty level, and
//! `%-` with 16 digits of a hash ends a name that was cut or that would else be another mailbox's.

use std::collections::HashMap;

use mail_proto::imap::MailboxName;
use sha2::{Digest, Sha256};

/// The longest name that isn't cut, in bytes. File systems allow 255, and the hash needs 18.
const LONGEST: usize = 200;

/// The folder of the state; a mailbox that would be called so gets another name.
pub(crate) const STATE_FOLDER: &str = ".mailctl";

/// The folder of each mailbox, no two in the same.
#[derive(Debug)]
pub(crate) struct Folders {
    /// By the folder's name as the file system compares it; the value is the mailbox.
    taken: HashMap<String, Vec<u8>>,
    case_insensitive: bool,
}

impl Folders {
    /// No folders yet, on a file system that does or doesn't tell `A` from `a`.
    pub(crate) fn new(case_insensitive: bool) -> Self {
        Self { taken: HashMap::new(), case_insensitive }
    }

    /// Keeps a folder for the mailbox that has had it since an earlier run. False if another mailbox has it.
    pub(crate) fn reserve(&mut self, folder: &str, mailbox: &[u8]) -> bool {
        let owner = self.taken.entry(key(self.case_insensitive, folder)).or_insert_with(|| mailbox.to_vec());
        owner == mailbox
    }

    /// The folder for a mailbox by its wire name: the plain name, or, where another mailbox has that already, one with
    /// a hash of the wire name. `None` if that is taken as well.
    pub(crate) fn assign(&mut self, mailbox: &[u8], delimiter: Option<u8>) -> Option<String> {
        let plain = folder_name(mailbox, delimiter);
        let reserved = plain.eq_ignore_ascii_case(STATE_FOLDER);
        if !reserved && self.reserve(&plain, mailbox) {
            return Some(plain);
        }
        let hashed = cut_with_hash(&plain, mailbox);
        self.reserve(&hashed, mailbox).then_some(hashed)
    }
}

fn key(case_insensitive: bool, folder: &str) -> String {
    if case_insensitive { folder.to_ascii_lowercase() } else { folder.to_owned() }
}

/// The Maildir++ name of a mailbox: `.Archive.2024` for `Archive/2024` with the delimiter `/`.
fn folder_name(mailbox: &[u8], delimiter: Option<u8>) -> String {
    let mut name = String::with_capacity(mailbox.len() + 8);
    let mut add = |level: &[u8]| {
        name.push('.');
        push_level(&mut name, level);
    };
    match delimiter {
        Some(delimiter) => mailbox.split(|&byte| byte == delimiter).for_each(&mut add),
        None => add(mailbox),
    }
    if name.len() > LONGEST { cut_with_hash(&name, mailbox) } else { name }
}

fn push_level(name: &mut String, level: &[u8]) {
    if level.is_empty() {
        name.push('%');
        return;
    }
    let start = name.len();
    // ASCII that decodes: a level in modified UTF-7 keeps the bytes that it has on the wire.
    if level.is_ascii() && MailboxName::from_wire(level.to_vec()).to_text().is_some() {
        level.iter().for_each(|&byte| push_ascii(name, byte, start));
    } else if let Ok(text) = std::str::from_utf8(level) {
        // Runs of ASCII, where controls stay visible, and of other characters.
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let same = |c: char| c.is_ascii() == first.is_ascii();
            let (run, behind) = rest.split_at(rest.find(|c| !same(c)).unwrap_or(rest.len()));
            if first.is_ascii() {
                for byte in run.bytes() {
                    push_ascii(name, byte, start);
                    if byte == b'&' {
                        name.push('-');
                    }
                }
            } else {
                name.extend(MailboxName::new(run).as_bytes().iter().copied().map(char::from));
            }
            rest = behind;
        }
    } else {
        for &byte in level {
            push_ascii(name, byte, start);
            if byte == b'&' {
                name.push('-');
            }
        }
    }
}

/// Appends a byte of a level that began at `start`, escaped where it can't stand for itself.
fn push_ascii(name: &mut String, byte: u8, start: usize) {
    let escaped = matches!(byte, b'.' | b'/' | b'\\' | b'%' | b':' | 0..0x20 | 0x7f..)
        || (byte == b'~' && name.len() == start);
    if escaped {
        name.push('%');
        name.push(char::from(HEX[usize::from(byte >> 4)]));
        name.push(char::from(HEX[usize::from(byte & 15)]));
    } else {
        name.push(char::from(byte));
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// At most the first 200 bytes of the name, and a hash of the whole wire name.
fn cut_with_hash(name: &str, mailbox: &[u8]) -> String {
    let mut end = name.len().min(LONGEST);
    // Not amid a `%XX`. Names are ASCII, so any byte is a boundary.
    if let Some(percent) = name[..end].rfind('%').filter(|&percent| percent + 3 > end) {
        let whole = name.as_bytes().get(percent + 1).is_none_or(|byte| !byte.is_ascii_hexdigit());
        end = if whole { end } else { percent };
    }
    let mut cut = name[..end].to_owned();
    cut.push_str("%-");
    for byte in &Sha256::digest(mailbox)[..8] {
        cut.push(char::from(HEX[usize::from(byte >> 4)]));
        cut.push(char::from(HEX[usize::from(byte & 15)]));
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slash(mailbox: &str) -> String {
        folder_name(mailbox.as_bytes(), Some(b'/'))
    }

    #[test]
    fn levels_are_joined_by_dots() {
        assert_eq!(slash("Archive"), ".Archive");
        assert_eq!(slash("a/b"), ".a.b");
        assert_eq!(folder_name(b"INBOX.a.b", Some(b'.')), ".INBOX.a.b");
        assert_eq!(folder_name(b"a.b/c", None), ".a%2Eb%2Fc");
        assert_eq!(slash("Entw&APw-rfe/&ZeVnLA-"), ".Entw&APw-rfe.&ZeVnLA-");
        assert_eq!(slash("R&-D \"x\" 'y'"), ".R&-D \"x\" 'y'");
    }

    #[test]
    fn text_that_is_not_modified_utf7_becomes_it() {
        assert_eq!(slash("Entwürfe/日本"), ".Entw&APw-rfe.&ZeVnLA-");
        assert_eq!(slash("R&D"), ".R&-D");
        assert_eq!(slash("a&é"), ".a&-&AOk-");
        assert_eq!(folder_name(b"a\xff&b", Some(b'/')), ".a%FF&-b");
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        assert_eq!(slash("../x"), ".%2E%2E.x");
        assert_eq!(slash(".."), ".%2E%2E");
        assert_eq!(slash("."), ".%2E");
        assert_eq!(slash(""), ".%");
        assert_eq!(slash("/"), ".%.%");
        assert_eq!(slash("//etc/passwd"), ".%.%.etc.passwd");
        assert_eq!(folder_name(b"..", Some(b'.')), ".%.%.%");
        assert_eq!(slash("a\\..\\b"), ".a%5C%2E%2E%5Cb");
        assert_eq!(slash("~root/a~/~"), ".%7Eroot.a~.%7E");
        assert_eq!(slash("C:\\x"), ".C%3A%5Cx");
        assert_eq!(slash("a%2Fb"), ".a%252Fb");
        assert_eq!(slash("a\0\n\u{7f}b"), ".a%00%0A%7Fb");
        assert_eq!(slash("cur"), ".cur");
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = |end: &str| slash(&format!("{}{end}", "x".repeat(300)));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a").len(), 218);
        assert!(long("a").starts_with(".xxx"));
        assert_eq!(slash(&"x".repeat(199)).len(), 200);
        // A cut never leaves half an escape.
        let escapes = slash(&".".repeat(120));
        let (kept, hash) = escapes.rsplit_once("%-").unwrap();
        assert_eq!((kept.len() - 1) % 3, 0);
        assert_eq!(hash.len(), 16);
    }

    #[test]
    fn no_two_mailboxes_share_a_folder() {
        let mut folders = Folders::new(false);
        assert_eq!(folders.assign(b"a&b", Some(b'/')).as_deref(), Some(".a&-b"));
        let other = folders.assign(b"a&-b", Some(b'/')).unwrap();
        assert!(other.starts_with(".a&-b%-"), "{other}");
        // Asked again, each keeps its own.
        assert_eq!(folders.assign(b"a&b", Some(b'/')).as_deref(), Some(".a&-b"));
        assert_eq!(folders.assign(b"a&-b", Some(b'/')), Some(other));
        // The same levels under two delimiters.
        assert_eq!(folders.assign(b"x/y", Some(b'/')).as_deref(), Some(".x.y"));
        assert_ne!(folders.assign(b"x.y", Some(b'.')).as_deref(), Some(".x.y"));
        // Case counts where the file system says so.
        assert_eq!(folders.assign(b"Work", None).as_deref(), Some(".Work"));
        assert_eq!(folders.assign(b"work", None).as_deref(), Some(".work"));
        let mut folders = Folders::new(true);
        assert_eq!(folders.assign(b"Work", None).as_deref(), Some(".Work"));
        assert_ne!(folders.assign(b"work", None).as_deref(), Some(".work"));
    }

    #[test]
    fn the_state_has_its_folder_for_itself() {
        for name in ["mailctl", "MailCtl"] {
            let folder = Folders::new(false).assign(name.as_bytes(), None).unwrap();
            assert!(!folder.eq_ignore_ascii_case(STATE_FOLDER), "{folder}");
        }
    }

    #[test]
    fn a_folder_known_from_before_stays_with_its_mailbox() {
        let mut folders = Folders::new(false);
        assert!(folders.reserve(".a.b", b"a/b"));
        assert!(!folders.reserve(".a.b", b"other"));
        assert_ne!(folders.assign(b"a.b", Some(b'.')).as_deref(), Some(".a.b"));
        assert_eq!(folders.assign(b"a/b", Some(b'/')).as_deref(), Some(".a.b"));
    }

    proptest! {
        #[test]
        fn every_name_is_one_safe_component(
            names in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                "[./a&%~:\\\\é-]{0,12}".prop_map(String::into_bytes),
                "(a|b|&AOk-|/){0,90}".prop_map(String::into_bytes),
            ], 1..8),
            delimiter in prop::option::of(prop_oneof![Just(b'/'), Just(b'.'), any::<u8>()]),
        ) {
            let mut folders = Folders::new(false);
            let mut seen = HashMap::new();
            for name in names {
                let folder = folders.assign(&name, delimiter).unwrap();
                prop_assert!(folder.starts_with('.') && folder.len() > 1 && folder.len() <= 218, "{folder}");
                prop_assert!(folder != "..");
                prop_assert!(folder.bytes().all(|b| (0x20..0x7f).contains(&b) && !matches!(b, b'/' | b'\\' | b':')));
                let path = std::path::Path::new(&folder);
                prop_assert_eq!(path.components().count(), 1);
                let owner = seen.entry(folder).or_insert_with(|| name.clone());
                prop_assert_eq!(&*owner, &name);
            }
        }
    }
}
