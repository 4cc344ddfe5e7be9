//! What a Maildir++ holds on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::digest::sha256;

/// Folders by name: the empty one is the folder itself, the others begin with a dot. Each message once for each file.
pub type Folders = BTreeMap<String, Vec<Message>>;

/// A file in `new` or `cur`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    /// The letters behind `:2,` for a message in `cur`, None in `new`.
    pub flags: Option<String>,
}

/// Reads the Maildir++ at `dir`; the messages of each folder are sorted.
///
/// # Errors
/// The disk, a file left in a `tmp`, or one in `cur` without `:2,`.
pub fn read(dir: &Path) -> io::Result<Folders> {
    let mut folders = Folders::new();
    folders.insert(String::new(), folder(dir)?);
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| io::Error::other(format!("{name:?}")))?;
        if name.starts_with('.') && entry.path().join("cur").is_dir() {
            folders.insert(name, folder(&entry.path())?);
        }
    }
    Ok(folders)
}

fn folder(dir: &Path) -> io::Result<Vec<Message>> {
    if let Some(left) = fs::read_dir(dir.join("tmp"))?.next() {
        return Err(io::Error::other(format!("left behind: {}", left?.path().display())));
    }
    let mut messages = Vec::new();
    for place in ["new", "cur"] {
        for entry in fs::read_dir(dir.join(place))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let flags = match (place, name.split_once(":2,")) {
                ("new", None) => None,
                ("cur", Some((_, flags))) => Some(flags.to_owned()),
                _ => return Err(io::Error::other(format!("not a name for {place}: {name}"))),
            };
            messages.push(Message { sha256: sha256(fs::File::open(&path)?)?, flags });
        }
    }
    messages.sort();
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_messages_and_flags_are_read() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["", ".a.b"] {
            for place in ["tmp", "new", "cur"] {
                fs::create_dir_all(dir.path().join(folder).join(place)).unwrap();
            }
        }
        fs::create_dir(dir.path().join(".other")).unwrap();
        fs::write(dir.path().join("new/1"), "abc").unwrap();
        fs::write(dir.path().join(".a.b/cur/2:2,FS"), "").unwrap();
        let folders = read(dir.path()).unwrap();
        assert_eq!(folders.keys().collect::<Vec<_>>(), ["", ".a.b"]);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(folders[""], [Message { sha256: abc.to_owned(), flags: None }]);
        assert_eq!(folders[".a.b"][0].flags.as_deref(), Some("FS"));
        fs::write(dir.path().join("tmp/3"), "").unwrap();
        assert!(read(dir.path()).is_err(), "a file in tmp went unseen");
    }
}
