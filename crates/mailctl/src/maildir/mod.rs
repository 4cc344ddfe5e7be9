//! One mailbox on disk: a Maildir, written so that a file in `new/` or `cur/` is always a whole message.

mod delivery;
mod earlier;
mod folder;
mod name;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) use self::{
    delivery::Delivery,
    earlier::{EarlierMail, OnDisk, hash_file},
    folder::{Folders, STATE_FOLDER},
    name::{MaildirFlags, MessageName},
};
use crate::disk::{self, DiskError, failed};

/// What the names of our unfinished files begin with. A run that died leaves them; the next one removes them.
const UNFINISHED: &str = "mailctl.V";

/// A Maildir: `new/`, `cur/` and `tmp/` in a folder.
#[derive(Debug)]
pub(crate) struct Maildir {
    path: PathBuf,
    /// Whether names were added to `new/` and to `cur/` that are not yet durable.
    unsynced: [AtomicBool; 2],
}

/// A sub-folder where messages lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sub {
    /// Mail without flags.
    New,
    /// Mail with flags.
    Cur,
}

impl Sub {
    /// `new` before `cur`, since a mail program that looks in meanwhile moves mail that way.
    const ALL: [Self; 2] = [Self::New, Self::Cur];

    fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
        }
    }
}

impl Maildir {
    /// Makes the Maildir where there is none, durably, and removes what an interrupted run of ours left in `tmp/`.
    /// `is_subfolder` marks it as part of another Maildir, as Maildir++ asks.
    ///
    /// The caller holds the lock on the whole backup: nobody else of ours is writing here.
    pub(crate) fn open(path: &Path, is_subfolder: bool) -> Result<Self, DiskError> {
        let mut made = disk::make_folder(path)?;
        if made && let Some(parent) = path.parent() {
            disk::sync_folder(parent)?;
        }
        for sub in ["tmp", "new", "cur"] {
            made |= disk::make_folder(&path.join(sub))?;
        }
        if is_subfolder {
            let mark = path.join("maildirfolder");
            if !mark.exists() {
                disk::create_new(&mark)?;
                made = true;
            }
        }
        if made {
            disk::sync_folder(path)?;
        }
        let maildir = Self { path: path.to_owned(), unsynced: Default::default() };
        maildir.remove_unfinished()?;
        Ok(maildir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn remove_unfinished(&self) -> Result<(), DiskError> {
        let tmp = self.path.join("tmp");
        for entry in fs::read_dir(&tmp).map_err(failed("read the folder", &tmp))? {
            let entry = entry.map_err(failed("read the folder", &tmp))?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let path = entry.path();
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Calls `each` with every message of ours: which it is, where it lies, and what follows the base of its name.
    pub(crate) fn messages(&self, mut each: impl FnMut(MessageName, Sub, &str)) -> Result<(), DiskError> {
        for sub in Sub::ALL {
            let path = self.path.join(sub.name());
            for entry in fs::read_dir(&path).map_err(failed("read the folder", &path))? {
                let name = entry.map_err(failed("read the folder", &path))?.file_name();
                if let Some((message, rest)) = name.to_str().and_then(MessageName::parse) {
                    each(message, sub, rest);
                }
            }
        }
        Ok(())
    }

    /// Where each message of ours lies, by UIDVALIDITY and UID.
    pub(crate) fn paths(&self) -> Result<HashMap<(u32, u32), PathBuf>, DiskError> {
        let mut paths = HashMap::new();
        self.messages(|message, sub, rest| {
            let name = format!("{}{rest}", message.base());
            paths.insert((message.uid_validity, message.uid), self.path.join(sub.name()).join(name));
        })?;
        Ok(paths)
    }

    /// Begins to write a message; nothing of it is seen before [`Delivery::finish`].
    pub(crate) fn deliver(self: &Arc<Self>, uid_validity: u32, uid: u32) -> Result<Delivery, DiskError> {
        Delivery::begin(Arc::clone(self), uid_validity, uid)
    }

    /// Makes the names of finished messages durable. Their content has been since they were finished.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        for sub in Sub::ALL {
            let unsynced = &self.unsynced[sub as usize];
            if unsynced.swap(false, Ordering::AcqRel) {
                disk::sync_folder(&self.path.join(sub.name()))
                    .inspect_err(|_| unsynced.store(true, Ordering::Release))?;
            }
        }
        Ok(())
    }

    /// Has the next [`Self::sync`] make every name durable, whoever added it.
    pub(crate) fn distrust_names(&self) {
        self.unsynced.iter().for_each(|unsynced| unsynced.store(true, Ordering::Release));
    }

    /// Moves a finished file out of `tmp/`.
    fn publish(&self, tmp: &Path, sub: Sub, name: &str) -> Result<PathBuf, DiskError> {
        let path = self.path.join(sub.name()).join(name);
        // A rename would replace a file of that name. There is none unless somebody copied one here behind our back.
        if path.exists() {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(DiskError::Io { doing: "store a message as", path, source });
        }
        fs::rename(tmp, &path).map_err(failed("store a message as", &path))?;
        self.unsynced[sub as usize].store(true, Ordering::Release);
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_leftovers_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        Maildir::open(folder.path(), false).unwrap();
        let tmp = folder.path().join("tmp");
        for name in ["mailctl.V1U2.77", "1700000000.M1P2.host", "mailctl", "mine"] {
            fs::write(tmp.join(name), "x").unwrap();
        }
        Maildir::open(folder.path(), false).unwrap();
        let mut left: Vec<_> = fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1700000000.M1P2.host", "mailctl", "mine"]);
    }

    #[test]
    fn a_subfolder_is_marked_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".a.b");
        Maildir::open(&path, true).unwrap();
        assert!(path.join("maildirfolder").is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(path.join("cur")).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(!folder.path().join("maildirfolder").exists());
    }

    #[test]
    fn messages_of_others_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::open(folder.path(), false).unwrap();
        fs::write(folder.path().join("new/1.V1U1.mailctl,S=0"), "").unwrap();
        fs::write(folder.path().join("cur/1.V1U2.mailctl,S=0:2,S"), "").unwrap();
        fs::write(folder.path().join("cur/17.M1P2.host,S=5:2,S"), "").unwrap();
        let mut found = Vec::new();
        maildir.messages(|message, sub, rest| found.push((message.uid, sub, rest.to_owned()))).unwrap();
        assert_eq!(found, [(1, Sub::New, String::new()), (2, Sub::Cur, ":2,S".to_owned())]);
    }
}
