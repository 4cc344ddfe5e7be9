//! One message on its way to disk: through `tmp/`, in chunks, durable before it is seen.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};

use super::{Maildir, MaildirFlags, MessageName, Sub, UNFINISHED};
use crate::disk::{self, DiskError, failed};

/// A message that is being written. Dropped before [`Delivery::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Delivery {
    maildir: Arc<Maildir>,
    uid_validity: u32,
    uid: u32,
    /// Taken away when the file got its name.
    tmp: Option<PathBuf>,
    file: File,
    hash: Sha256,
    size: u64,
}

/// A message that is on disk under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

impl Delivery {
    pub(super) fn begin(maildir: Arc<Maildir>, uid_validity: u32, uid: u32) -> Result<Self, DiskError> {
        let name = format!("{UNFINISHED}{uid_validity}U{uid}.{}", std::process::id());
        let tmp = maildir.path.join("tmp").join(name);
        let file = disk::create_new(&tmp)?;
        Ok(Self { maildir, uid_validity, uid, tmp: Some(tmp), file, hash: Sha256::new(), size: 0 })
    }

    /// Appends octets of the message.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), DiskError> {
        self.file
            .write_all(octets)
            .map_err(failed("write", self.tmp.as_deref().unwrap_or(&self.maildir.path)))?;
        self.hash.update(octets);
        self.size += octets.len() as u64;
        Ok(())
    }

    /// Octets so far and their SHA-256.
    pub(crate) fn digest(&self) -> (u64, [u8; 32]) {
        (self.size, self.hash.clone().finalize().into())
    }

    /// Makes the content durable, gives the file its date (`date`, in seconds since 1970, where there is one) and moves
    /// it to `cur/` if it has flags, else to `new/`. The name becomes durable with [`Maildir::sync`].
    pub(crate) fn finish(mut self, flags: MaildirFlags, date: Option<i64>) -> Result<Stored, DiskError> {
        let (size, sha256) = self.digest();
        let tmp = self.tmp.as_deref().unwrap_or(&self.maildir.path);
        if let Some(time) = date.and_then(system_time) {
            self.file.set_modified(time).map_err(failed("set the date of", tmp))?;
        }
        self.file.sync_all().map_err(failed("sync", tmp))?;
        let date = date.unwrap_or(0).clamp(0, i64::from(u32::MAX)) as u32;
        let name = MessageName { date, uid_validity: self.uid_validity, uid: self.uid, size };
        let (sub, name) = if flags.is_empty() {
            (Sub::New, name.base())
        } else {
            (Sub::Cur, name.with_flags(flags.letters()))
        };
        let path = self.maildir.publish(tmp, sub, &name)?;
        self.tmp = None;
        Ok(Stored { path, size, sha256 })
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(tmp) = self.tmp.take() {
            // What stays behind is removed by the next run.
            let _ = fs::remove_file(tmp);
        }
    }
}

fn system_time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &std::path::Path) -> Vec<String> {
        let mut names = Vec::new();
        for sub in ["tmp", "new", "cur"] {
            for entry in fs::read_dir(path.join(sub)).unwrap() {
                names.push(format!("{sub}/{}", entry.unwrap().file_name().to_string_lossy()));
            }
        }
        names.sort();
        names
    }

    #[test]
    fn a_message_is_seen_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Arc::new(Maildir::open(folder.path(), false).unwrap());
        let mut delivery = maildir.deliver(7, 42).unwrap();
        delivery.write(b"Subject: x\r\n").unwrap();
        delivery.write(b"\r\n\0\xff.\n").unwrap();
        assert_eq!(names(folder.path()), [format!("tmp/mailctl.V7U42.{}", std::process::id())]);
        let mut flags = MaildirFlags::default();
        flags.add("\\Seen");
        let stored = delivery.finish(flags, Some(1_000_000_000)).unwrap();
        assert_eq!(names(folder.path()), ["cur/1000000000.V7U42.mailctl,S=18:2,S"]);
        let octets = fs::read(&stored.path).unwrap();
        assert_eq!(octets, b"Subject: x\r\n\r\n\0\xff.\n");
        assert_eq!(stored.sha256, <[u8; 32]>::from(Sha256::digest(&octets)));
        let modified = fs::metadata(&stored.path).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    }

    #[test]
    fn mail_without_flags_is_new_and_may_be_empty() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Arc::new(Maildir::open(folder.path(), false).unwrap());
        maildir.deliver(7, 1).unwrap().finish(MaildirFlags::default(), None).unwrap();
        maildir.deliver(7, 2).unwrap().finish(MaildirFlags::default(), Some(-3600)).unwrap();
        assert_eq!(names(folder.path()), ["new/0.V7U1.mailctl,S=0", "new/0.V7U2.mailctl,S=0"]);
        let modified =
            fs::metadata(folder.path().join("new/0.V7U2.mailctl,S=0")).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH - Duration::from_secs(3600));
        maildir.sync().unwrap();
    }

    #[test]
    fn a_message_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Arc::new(Maildir::open(folder.path(), false).unwrap());
        let mut delivery = maildir.deliver(7, 42).unwrap();
        delivery.write(b"half").unwrap();
        drop(delivery);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Arc::new(Maildir::open(folder.path(), false).unwrap());
        let other = folder.path().join("new/0.V7U1.mailctl,S=0");
        fs::write(&other, "x").unwrap();
        let error = maildir.deliver(7, 1).unwrap().finish(MaildirFlags::default(), None).unwrap_err();
        assert!(error.to_string().contains("V7U1"), "{error}");
        assert_eq!(fs::read(&other).unwrap(), b"x");
        assert_eq!(names(folder.path()), ["new/0.V7U1.mailctl,S=0"]);
    }
}
