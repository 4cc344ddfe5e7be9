//! From a connection to a file: chunks are handed to threads that may block, one message at a time or many at once.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::listing::Listed;
use crate::{
    archive::{Archive, Place},
    disk::DiskError,
    maildir::{Delivery, EarlierMail},
};

/// How much of a message waits in memory before it goes to its file; most messages go there at once.
const BUFFERED: usize = 128 << 10;

/// Writes the messages of one mailbox and epoch.
#[derive(Debug)]
pub(crate) struct Writer {
    archive: Arc<Archive>,
    place: Place,
    uid_validity: u32,
    /// Mail of earlier epochs, where there is any.
    earlier: Option<Mutex<EarlierMail>>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was written.
    New,
    /// It was there from an earlier epoch.
    Recognised,
}

/// A message that is coming in. Dropped before [`Incoming::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Incoming {
    writer: Arc<Writer>,
    message: Listed,
    covers: (u32, u32),
    waiting: Vec<Bytes>,
    delivery: Option<Delivery>,
}

impl Writer {
    pub(crate) fn new(archive: Arc<Archive>, place: Place, uid_validity: u32, earlier: EarlierMail) -> Self {
        let earlier = (!earlier.is_empty()).then(|| Mutex::new(earlier));
        Self { archive, place, uid_validity, earlier }
    }

    /// Begins a message. `covers` are the UIDs that need not be fetched any more once it is there.
    pub(crate) fn begin(self: &Arc<Self>, message: Listed, covers: (u32, u32)) -> Incoming {
        Incoming { writer: Arc::clone(self), message, covers, waiting: Vec::new(), delivery: None }
    }

    fn write(
        &self,
        message: Listed,
        delivery: Option<Delivery>,
        chunks: Vec<Bytes>,
    ) -> Result<Delivery, DiskError> {
        let mut delivery = match delivery {
            Some(delivery) => delivery,
            None => self.place.maildir.deliver(self.uid_validity, message.uid)?,
        };
        for chunk in chunks {
            delivery.write(&chunk)?;
        }
        Ok(delivery)
    }

    fn finish(&self, message: Listed, covers: (u32, u32), delivery: Delivery) -> Result<Outcome, DiskError> {
        if let Some(earlier) = &self.earlier {
            let (size, sha256) = delivery.digest();
            let claimed = {
                let mut earlier = earlier.lock().unwrap_or_else(PoisonError::into_inner);
                earlier.claim(&self.place.maildir, size, &sha256)?
            };
            if let Some(file) = claimed {
                self.archive.recognised(&self.place, file, covers)?;
                return Ok(Outcome::Recognised);
            }
        }
        delivery.finish(message.flags, message.date)?;
        self.archive.done(&self.place, covers)?;
        Ok(Outcome::New)
    }
}

impl Incoming {
    /// Appends octets of the message.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), DiskError> {
        self.waiting.push(chunk);
        if self.waiting.iter().map(Bytes::len).sum::<usize>() < BUFFERED {
            return Ok(());
        }
        let (writer, message) = (Arc::clone(&self.writer), self.message);
        let (delivery, chunks) = (self.delivery.take(), std::mem::take(&mut self.waiting));
        self.delivery = Some(blocking(move || writer.write(message, delivery, chunks)).await?);
        Ok(())
    }

    /// Gives the message its place on disk, once all of it has come.
    pub(crate) async fn finish(self) -> Result<Outcome, DiskError> {
        let Self { writer, message, covers, waiting, delivery } = self;
        blocking(move || {
            let delivery = writer.write(message, delivery, waiting)?;
            writer.finish(message, covers, delivery)
        })
        .await
    }
}

/// Runs what may block on the disk on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DiskError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The program is about to end.
            Err(_) => Err(DiskError::Stopped),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{maildir::MaildirFlags, state::Account};

    fn writer(directory: &Path, uid_validity: u32) -> Arc<Writer> {
        let account = Account { user: "me".into(), host: "h".into() };
        let archive = Arc::new(Archive::open(directory, account, false).unwrap());
        let place = archive.place(b"INBOX", None, true).unwrap();
        archive.enter_epoch(&place, uid_validity);
        let on_disk = archive.on_disk(&place).unwrap();
        Arc::new(Writer::new(archive, place, uid_validity, on_disk.earlier))
    }

    fn message(uid: u32) -> Listed {
        Listed { uid, size: 0, flags: MaildirFlags::default(), date: Some(5) }
    }

    fn files(directory: &Path, sub: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory.join(sub))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    async fn store(writer: &Arc<Writer>, uid: u32, content: &'static [u8]) -> Outcome {
        let mut incoming = writer.begin(message(uid), (uid, uid));
        for chunk in content.chunks(100_000) {
            incoming.write(Bytes::from_static(chunk)).await.unwrap();
        }
        incoming.finish().await.unwrap()
    }

    #[tokio::test]
    async fn large_and_small_messages_arrive_whole() {
        static LARGE: [u8; 300_000] = [b'x'; 300_000];
        let directory = tempfile::tempdir().unwrap();
        let writer = writer(directory.path(), 7);
        for (uid, content) in [(1, &LARGE[..]), (2, b""), (3, b"small")] {
            assert_eq!(store(&writer, uid, content).await, Outcome::New);
            let path = directory.path().join(format!("new/5.V7U{uid}.mailctl,S={}", content.len()));
            assert!(fs::read(path).unwrap() == content);
        }
        assert_eq!(writer.archive.known(&writer.place).done.to_string(), "1:3");
    }

    #[tokio::test]
    async fn a_message_that_is_cut_off_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let writer = writer(directory.path(), 7);
        let mut incoming = writer.begin(message(1), (1, 1));
        incoming.write(Bytes::from(vec![0; BUFFERED])).await.unwrap();
        assert_eq!(files(directory.path(), "tmp").len(), 1);
        drop(incoming);
        for sub in ["tmp", "new", "cur"] {
            assert!(files(directory.path(), sub).is_empty());
        }
        assert!(writer.archive.known(&writer.place).done.is_empty());
    }

    #[tokio::test]
    async fn a_new_epoch_writes_only_what_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let first = writer(directory.path(), 1);
        for (uid, content) in [(1, &b"one"[..]), (2, b"one"), (3, b"two"), (4, b"")] {
            store(&first, uid, content).await;
        }
        first.archive.commit().unwrap();
        drop(first);
        let before = files(directory.path(), "new");

        let second = writer(directory.path(), 2);
        assert_eq!(store(&second, 10, b"two").await, Outcome::Recognised);
        assert_eq!(store(&second, 11, b"one").await, Outcome::Recognised);
        assert_eq!(store(&second, 12, b"new").await, Outcome::New);
        second.archive.commit().unwrap();
        drop(second);

        // Interrupted there, and run again: what was recognised stays so, and each file counts once.
        let third = writer(directory.path(), 2);
        assert_eq!(third.archive.known(&third.place).done.to_string(), "10:12");
        assert_eq!(store(&third, 13, b"one").await, Outcome::Recognised);
        assert_eq!(store(&third, 14, b"one").await, Outcome::New);
        assert_eq!(store(&third, 15, b"two").await, Outcome::New);
        assert_eq!(store(&third, 16, b"").await, Outcome::Recognised);
        assert_eq!(files(directory.path(), "new").len(), before.len() + 3);
        assert!(before.iter().all(|name| directory.path().join("new").join(name).exists()));
        assert!(files(directory.path(), "tmp").is_empty());
    }
}
