//! Mail of earlier epochs, recognised by size and hash.
//!
//! After a new UIDVALIDITY every UID means something else (RFC 9051, section 2.3.1.1). What is on disk is still mail
//! of this mailbox, most of it on the server under new UIDs. A message that arrives is compared with the files of its
//! size; if one has the same SHA-256 and stands for no other message yet, it stands for this one and nothing is
//! written. A message that is twice on the server is so twice on disk.
//!
//! What a file holds is read from the file, not from an index of long ago: one that was changed or damaged since is
//! not taken for the message. Only files whose size turns up are read.

use std::{
    collections::HashMap,
    fs::File,
    io::{ErrorKind, Read},
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::{Maildir, MessageName, Sub};
use crate::{
    disk::{DiskError, failed},
    uid_ranges::UidRanges,
};

/// The files that no message of the current epoch has been found to equal, in 32 bytes each.
#[derive(Debug)]
pub(crate) struct EarlierMail {
    /// By size; inside a size whose hashes were taken, by the hash's first bytes.
    files: Vec<EarlierFile>,
    /// What stands behind the base of a name that isn't canonical `:2,` flags.
    unusual: HashMap<(u32, u32), String>,
}

#[derive(Clone, Copy, Debug)]
struct EarlierFile {
    /// The first eight bytes of the SHA-256, once [`Self::HASHED`].
    hash: u64,
    state: u64,
    /// No message has 4 GiB: a literal hasn't.
    size: u32,
    date: u32,
    uid_validity: u32,
    uid: u32,
}

impl EarlierFile {
    /// Bits above the 52 for the letters A–Z and a–z.
    const CUR: u64 = 1 << 63;
    const UNUSUAL: u64 = 1 << 62;
    const HASHED: u64 = 1 << 61;
    const CLAIMED: u64 = 1 << 60;
    const SUFFIX: u64 = 1 << 59;

    fn has(&self, bit: u64) -> bool {
        self.state & bit != 0
    }

    fn path(&self, maildir: &Maildir, unusual: &HashMap<(u32, u32), String>) -> PathBuf {
        let name = MessageName {
            date: self.date,
            uid_validity: self.uid_validity,
            uid: self.uid,
            size: self.size.into(),
        };
        let name = match unusual.get(&(self.uid_validity, self.uid)).filter(|_| self.has(Self::UNUSUAL)) {
            Some(rest) => name.base() + rest,
            None if self.has(Self::SUFFIX) => name.with_flags(
                LETTERS
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| self.has(1 << bit))
                    .map(|(_, &letter)| char::from(letter)),
            ),
            None => name.base(),
        };
        let sub = if self.has(Self::CUR) { Sub::Cur } else { Sub::New };
        maildir.path().join(sub.name()).join(name)
    }
}

/// Flags of a Maildir and keywords, as Dovecot writes them, in ASCII order.
const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bits of `:2,` and ascending letters, 0 for nothing at all; `None` for any other end of a name.
fn letters(rest: &str) -> Option<u64> {
    if rest.is_empty() {
        return Some(0);
    }
    let mut bits = 0;
    for letter in rest.strip_prefix(":2,")?.bytes() {
        let bit = 1 << LETTERS.iter().position(|&known| known == letter)?;
        // Ascending, or the name could not be put together again.
        if bits >= bit {
            return None;
        }
        bits |= bit;
    }
    Some(bits | EarlierFile::SUFFIX)
}

/// What is on disk when an epoch's messages are about to be fetched.
#[derive(Debug)]
pub(crate) struct OnDisk {
    /// UIDs of the current epoch whose files are there.
    pub(crate) present: UidRanges,
    pub(crate) earlier: EarlierMail,
}

impl Maildir {
    /// Reads which messages are there: those of the epoch `uid_validity`, and those of others that `claimed` doesn't
    /// hold.
    pub(crate) fn on_disk(
        &self,
        uid_validity: u32,
        claimed: impl Fn(u32, u32) -> bool,
    ) -> Result<OnDisk, DiskError> {
        let mut present = Vec::new();
        let mut files = Vec::new();
        let mut unusual = HashMap::new();
        self.messages(|message, sub, rest| {
            let MessageName { date, uid_validity: epoch, uid, size } = message;
            if epoch == uid_validity {
                present.push(uid);
            } else if let Ok(size) = u32::try_from(size)
                && !claimed(epoch, uid)
            {
                let bits = letters(rest).unwrap_or_else(|| {
                    unusual.insert((epoch, uid), rest.to_owned());
                    EarlierFile::UNUSUAL
                });
                let state = bits | if sub == Sub::Cur { EarlierFile::CUR } else { 0 };
                files.push(EarlierFile { hash: 0, state, size, date, uid_validity: epoch, uid });
            }
        })?;
        files.sort_unstable_by_key(|file: &EarlierFile| (file.size, file.uid_validity, file.uid));
        // A mail program that renamed a file while the folder was read may have shown it twice.
        files.dedup_by_key(|file| (file.size, file.uid_validity, file.uid));
        files.shrink_to_fit();
        Ok(OnDisk { present: present.into_iter().collect(), earlier: EarlierMail { files, unusual } })
    }
}

impl EarlierMail {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file that holds a message of this size and hash, as UIDVALIDITY and UID of its time, and never again.
    pub(crate) fn claim(
        &mut self,
        maildir: &Maildir,
        size: u64,
        sha256: &[u8; 32],
    ) -> Result<Option<(u32, u32)>, DiskError> {
        let Ok(size) = u32::try_from(size) else { return Ok(None) };
        let start = self.files.partition_point(|file| file.size < size);
        let end = start + self.files[start..].partition_point(|file| file.size == size);
        let same_size = &mut self.files[start..end];
        if same_size.first().is_some_and(|file| !file.has(EarlierFile::HASHED)) {
            for file in same_size.iter_mut() {
                match hash_file(&file.path(maildir, &self.unusual))? {
                    Some(hash) => file.hash = prefix(&hash),
                    // Removed or renamed since the folder was read: it can't be vouched for.
                    None => file.state |= EarlierFile::CLAIMED,
                }
                file.state |= EarlierFile::HASHED;
            }
            same_size.sort_unstable_by_key(|file| (file.hash, file.uid_validity, file.uid));
        }
        let prefix = prefix(sha256);
        let first = same_size.partition_point(|file| file.hash < prefix);
        for file in same_size[first..].iter_mut().take_while(|file| file.hash == prefix) {
            if file.has(EarlierFile::CLAIMED) {
                continue;
            }
            file.state |= EarlierFile::CLAIMED;
            // Read once more: eight bytes of a hash are enough to find a file, not to give up a message for it.
            if hash_file(&file.path(maildir, &self.unusual))?.as_ref() == Some(sha256) {
                return Ok(Some((file.uid_validity, file.uid)));
            }
        }
        Ok(None)
    }
}

fn prefix(sha256: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&sha256[..8]);
    u64::from_be_bytes(first)
}

/// The SHA-256 of a file, `None` if it is not there.
pub(crate) fn hash_file(path: &std::path::Path) -> Result<Option<[u8; 32]>, DiskError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(hash.finalize().into())),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Maildir) {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path(), false).unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        (folder, maildir)
    }

    fn sha256(content: &str) -> [u8; 32] {
        Sha256::digest(content).into()
    }

    #[test]
    fn mail_is_recognised_as_often_as_it_is_there() {
        let (_folder, maildir) = folder(&[
            ("new/5.V1U1.mailctl,S=3", "one"),
            ("cur/5.V1U2.mailctl,S=3:2,FSa", "one"),
            ("cur/5.V2U9.mailctl,S=3,U=7:2,S", "two"),
            ("cur/5.V3U1.mailctl,S=3:2,S", "one"),
            ("cur/5.V3U4.mailctl,S=3:2,S", "one"),
            ("new/5.V1U8.mailctl,S=0", ""),
            ("new/5.M1P1.host,S=3", "one"),
        ]);
        let OnDisk { present, mut earlier } = maildir.on_disk(3, |_, _| false).unwrap();
        assert_eq!(present.to_string(), "1,4");
        let mut claim =
            |content: &str| earlier.claim(&maildir, content.len() as u64, &sha256(content)).unwrap();
        assert_eq!(claim("one"), Some((1, 1)));
        assert_eq!(claim("One"), None);
        assert_eq!(claim("one"), Some((1, 2)));
        assert_eq!(claim("one"), None);
        assert_eq!(claim("two"), Some((2, 9)));
        assert_eq!(claim(""), Some((1, 8)));
        assert_eq!(claim(""), None);
        assert_eq!(claim("four"), None);
    }

    #[test]
    fn what_stands_for_a_message_already_is_not_taken_again() {
        let (_folder, maildir) =
            folder(&[("new/5.V1U1.mailctl,S=3", "one"), ("new/5.V1U2.mailctl,S=3", "two")]);
        let mut earlier = maildir.on_disk(2, |epoch, uid| (epoch, uid) == (1, 1)).unwrap().earlier;
        assert!(!earlier.is_empty());
        assert_eq!(earlier.claim(&maildir, 3, &sha256("one")).unwrap(), None);
        assert_eq!(earlier.claim(&maildir, 3, &sha256("two")).unwrap(), Some((1, 2)));
    }

    #[test]
    fn a_file_that_was_changed_or_removed_is_not_the_message() {
        let (folder, maildir) = folder(&[
            ("new/5.V1U1.mailctl,S=3", "oNe"),
            ("new/5.V1U2.mailctl,S=3", "two"),
            ("new/5.V1U3.mailctl,S=5", "three"),
        ]);
        let mut earlier = maildir.on_disk(2, |_, _| false).unwrap().earlier;
        fs::remove_file(folder.path().join("new/5.V1U2.mailctl,S=3")).unwrap();
        assert_eq!(earlier.claim(&maildir, 3, &sha256("one")).unwrap(), None);
        assert_eq!(earlier.claim(&maildir, 3, &sha256("two")).unwrap(), None);
        assert_eq!(earlier.claim(&maildir, 5, &sha256("three")).unwrap(), Some((1, 3)));
    }

    #[test]
    fn many_files_of_one_size_are_each_read_once() {
        let files: Vec<_> =
            (1..=300).map(|uid| (format!("new/5.V1U{uid}.mailctl,S=4"), format!("{uid:04}"))).collect();
        let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
        let (_folder, maildir) = folder(&files);
        let mut earlier = maildir.on_disk(2, |_, _| false).unwrap().earlier;
        for uid in (1..=300).rev() {
            assert_eq!(earlier.claim(&maildir, 4, &sha256(&format!("{uid:04}"))).unwrap(), Some((1, uid)));
        }
        assert_eq!(earlier.claim(&maildir, 4, &sha256("0001")).unwrap(), None);
    }
}
