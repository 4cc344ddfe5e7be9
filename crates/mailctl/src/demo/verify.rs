//! Whether a Maildir holds what a server holds.

use std::{collections::HashMap, fs::File, io, path::Path};

use sha2::{Digest, Sha256};

/// Counts the files of a Maildir, and those among them whose SHA-256 is one of `wanted`, each as often as it is there.
pub(crate) fn verify(maildir: &Path, wanted: impl IntoIterator<Item = [u8; 32]>) -> io::Result<(u64, u64)> {
    let mut missing = HashMap::<_, u64>::new();
    for sha256 in wanted {
        *missing.entry(sha256).or_default() += 1;
    }
    let (mut files, mut verified) = (0, 0);
    for sub in ["new", "cur"] {
        for entry in maildir.join(sub).read_dir()? {
            let mut hash = Sha256::new();
            io::copy(&mut File::open(entry?.path())?, &mut hash)?;
            files += 1;
            if let Some(left @ 1..) = missing.get_mut(&<[u8; 32]>::from(hash.finalize())) {
                *left -= 1;
                verified += 1;
            }
        }
    }
    Ok((files, verified))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_file_counts_for_one_message() {
        let maildir = tempfile::tempdir().unwrap();
        for sub in ["new", "cur"] {
            fs::create_dir(maildir.path().join(sub)).unwrap();
        }
        for (name, content) in [("new/1", "a"), ("new/2", "a"), ("cur/3", "b"), ("cur/4", "B")] {
            fs::write(maildir.path().join(name), content).unwrap();
        }
        let wanted = |all: &[&str]| {
            all.iter().map(|content| Sha256::digest(content).into()).collect::<Vec<[u8; 32]>>()
        };
        assert_eq!(verify(maildir.path(), wanted(&["a", "a", "b", "B"])).unwrap(), (4, 4));
        assert_eq!(verify(maildir.path(), wanted(&["a", "b", "b", "c"])).unwrap(), (4, 2));
        assert_eq!(verify(maildir.path(), []).unwrap(), (4, 0));
    }
}
