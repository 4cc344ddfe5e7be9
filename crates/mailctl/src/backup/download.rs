//! The bodies of a mailbox's messages, as they come from any number of connections, to disk.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use tokio::task::JoinSet;

use super::{
    listing::Listing,
    writer::{Outcome, Writer},
};
use crate::{disk::DiskError, progress::Progress, stop::Stop};

/// How many messages are on their way to disk at once: enough that a disk that syncs several files together can do so.
const IN_FLIGHT: usize = 16;

/// A message's body, in chunks.
pub(crate) trait Chunks: Send + 'static {
    /// Why the rest of it doesn't come.
    type Error: Send + 'static;

    /// The next octets; `None` after the last.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;
}

/// A message of the answer to the fetch.
#[derive(Debug)]
pub(crate) struct Arrived<B> {
    pub(crate) uid: u32,
    /// `None` if the server had none to give (NIL): the message is gone, and not empty.
    pub(crate) body: Option<B>,
}

/// Why a download ended early.
#[derive(Debug)]
pub(crate) enum DownloadError<E> {
    /// The connection or the server failed.
    Server(E),
    /// The disk failed.
    Disk(DiskError),
}

/// What a download came to.
#[derive(Debug)]
pub(crate) struct Downloaded<E> {
    pub(crate) tally: Tally,
    /// Messages whose bodies broke off while the others came on.
    pub(crate) broken: Vec<u32>,
    /// Why the first of them did.
    pub(crate) why: Option<E>,
    /// How it ended.
    pub(crate) result: Result<(), DownloadError<E>>,
}

/// How many messages came, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that were written, and octets in them.
    pub(crate) new: u64,
    pub(crate) bytes: u64,
    /// Messages of an earlier epoch that were there.
    pub(crate) recognised: u64,
    /// Messages that the server had no body of.
    pub(crate) gone: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.new += other.new;
        self.bytes += other.bytes;
        self.recognised += other.recognised;
        self.gone += other.gone;
    }

    /// Messages that are on disk now.
    pub(crate) fn stored(&self) -> u64 {
        self.new + self.recognised
    }
}

/// Stores what arrives, and marks it in the listing, until the stream ends, something fails or `stop` is told.
/// Whatever way it ends, no message is left half done: it is on disk whole, or not at all.
pub(crate) async fn download<S, B>(
    arriving: S,
    listing: &mut Listing,
    is_whole: bool,
    writer: &Arc<Writer>,
    progress: &Arc<Progress>,
    stop: &Stop,
) -> Downloaded<B::Error>
where
    S: Stream<Item = Result<Arrived<B>, B::Error>>,
    B: Chunks,
{
    let mut arriving = std::pin::pin!(arriving);
    let mut tasks = JoinSet::new();
    let mut downloaded =
        Downloaded { tally: Tally::default(), broken: Vec::new(), why: None, result: Ok(()) };
    let tally = &mut downloaded.tally;
    // Tells the tasks, without telling the rest of the program when only this mailbox fails.
    let give_up = Stop::new();
    let mut open = true;
    while open || !tasks.is_empty() {
        tokio::select! {
            arrived = arriving.next(), if open && tasks.len() < IN_FLIGHT => match arrived {
                Some(Ok(Arrived { uid, body: Some(body) })) => {
                    // What was not asked for is not stored, nor anything twice.
                    let Some(index) = listing.find(uid).filter(|&index| listing.mark(index)) else { continue };
                    let incoming = writer.begin(listing.get(index), listing.covers(index, is_whole));
                    let (progress, give_up) = (Arc::clone(progress), give_up.clone());
                    tasks.spawn(async move {
                        (index, store(body, incoming, &progress, &give_up).await)
                    });
                }
                Some(Ok(Arrived { uid, body: None })) => {
                    tally.gone += u64::from(listing.find(uid).is_some_and(|index| listing.mark(index)));
                }
                Some(Err(error)) => {
                    downloaded.result = downloaded.result.and(Err(DownloadError::Server(error)));
                    give_up.stop();
                    open = false;
                }
                None => open = false,
            },
            Some(stored) = tasks.join_next() => match stored {
                Ok((_, Ok(Some((Outcome::New, bytes))))) => {
                    tally.new += 1;
                    tally.bytes += bytes;
                }
                Ok((_, Ok(Some((Outcome::Recognised, _))))) => tally.recognised += 1,
                Ok((_, Ok(None))) => {}
                Ok((index, Err(DownloadError::Server(error)))) => {
                    // The connection of this one is gone; the others go on.
                    listing.unmark(index);
                    downloaded.broken.push(listing.get(index).uid);
                    downloaded.why.get_or_insert(error);
                }
                Ok((_, Err(error @ DownloadError::Disk(_)))) => {
                    downloaded.result = downloaded.result.and(Err(error));
                    give_up.stop();
                    open = false;
                }
                Err(error) => if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                },
            },
            () = stop.stopped(), if open => {
                give_up.stop();
                open = false;
            }
        }
    }
    downloaded
}

/// Writes one body; `None` if it was given up before its end.
async fn store<B: Chunks>(
    mut body: B,
    mut incoming: super::writer::Incoming,
    progress: &Progress,
    give_up: &Stop,
) -> Result<Option<(Outcome, u64)>, DownloadError<B::Error>> {
    let mut bytes = 0;
    loop {
        // A body that is there is taken before anyone looks whether to give up.
        let chunk = tokio::select! {
            biased;
            chunk = body.chunk() => chunk.map_err(DownloadError::Server)?,
            () = give_up.stopped() => return Ok(None),
        };
        let Some(chunk) = chunk else { break };
        bytes += chunk.len() as u64;
        progress.bytes(chunk.len() as u64);
        incoming.write(chunk).await.map_err(DownloadError::Disk)?;
    }
    let outcome = incoming.finish().await.map_err(DownloadError::Disk)?;
    progress.message();
    Ok(Some((outcome, bytes)))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::{archive::Archive, backup::listing::Listed, maildir::MaildirFlags, state::Account};

    /// Chunks, and how it ends.
    #[derive(Debug)]
    struct Scripted(Vec<&'static [u8]>, End);

    #[derive(Debug, PartialEq)]
    enum End {
        Whole,
        Fails,
        Stalls,
    }

    impl Chunks for Scripted {
        type Error = &'static str;

        async fn chunk(&mut self) -> Result<Option<Bytes>, &'static str> {
            if !self.0.is_empty() {
                return Ok(Some(Bytes::from_static(self.0.remove(0))));
            }
            match self.1 {
                End::Whole => Ok(None),
                End::Fails => Err("closed"),
                End::Stalls => std::future::pending().await,
            }
        }
    }

    fn whole(uid: u32, content: &'static [u8]) -> Result<Arrived<Scripted>, &'static str> {
        Ok(Arrived { uid, body: Some(Scripted(vec![content], End::Whole)) })
    }

    struct Fixture {
        directory: tempfile::TempDir,
        archive: Arc<Archive>,
        writer: Arc<Writer>,
        listing: Listing,
        progress: Arc<Progress>,
    }

    fn fixture(uids: &[u32]) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let account = Account { user: "me".into(), host: "h".into() };
        let archive = Arc::new(Archive::open(directory.path(), account, false).unwrap());
        let place = archive.place(b"INBOX", None, true).unwrap();
        archive.enter_epoch(&place, 7);
        let earlier = archive.on_disk(&place).unwrap().earlier;
        let writer = Arc::new(Writer::new(Arc::clone(&archive), place, 7, earlier));
        let mut listing = Listing::default();
        for &uid in uids {
            listing.push(Listed { uid, size: 1, flags: MaildirFlags::default(), date: None });
        }
        Fixture { directory, archive, writer, listing, progress: Arc::new(Progress::begin("INBOX", 1, 1)) }
    }

    impl Fixture {
        async fn run(
            &mut self,
            arriving: impl Stream<Item = Result<Arrived<Scripted>, &'static str>>,
            stop: &Stop,
        ) -> Downloaded<&'static str> {
            download(arriving, &mut self.listing, true, &self.writer, &self.progress, stop).await
        }

        fn count(&self, sub: &str) -> usize {
            std::fs::read_dir(self.directory.path().join(sub)).unwrap().count()
        }

        fn done(&self) -> String {
            let place = self.archive.place(b"INBOX", None, true).unwrap();
            self.archive.known(&place).done.to_string()
        }
    }

    #[tokio::test]
    async fn what_was_not_asked_for_comes_twice_or_not_at_all_is_not_stored() {
        let mut fixture = fixture(&[1, 2, 5, 9]);
        let arriving = stream::iter([
            whole(5, b"five"),
            whole(5, b"five again"),
            whole(3, b"not asked for"),
            Ok(Arrived { uid: 2, body: None }),
            whole(1, b""),
        ]);
        let Downloaded { tally, result, .. } = fixture.run(arriving, &Stop::new()).await;
        assert!(result.is_ok());
        assert_eq!(tally, Tally { new: 2, bytes: 4, recognised: 0, gone: 1 });
        assert_eq!(fixture.count("new"), 2);
        assert!(fixture.directory.path().join("new/0.V7U1.mailctl,S=0").exists());
        assert_eq!(fixture.listing.unmarked().collect::<Vec<_>>(), [(9, 9)]);
        // Those that are gone are asked for again another time, should they come back.
        assert_eq!(fixture.done(), "1,3:5");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_leaves_the_others() {
        let mut fixture = fixture(&[1, 2, 3]);
        let broken = Arrived { uid: 2, body: Some(Scripted(vec![b"half"], End::Fails)) };
        let arriving = stream::iter([whole(1, b"one"), Ok(broken), whole(3, b"three")]);
        let Downloaded { tally, broken, why, result } = fixture.run(arriving, &Stop::new()).await;
        assert!(result.is_ok());
        assert_eq!((broken, why), (vec![2], Some("closed")));
        assert_eq!((tally.new, fixture.count("new"), fixture.count("tmp")), (2, 2, 0));
        assert_eq!(fixture.done(), "1,3");
        // It can be asked for again.
        assert_eq!(fixture.listing.unmarked().collect::<Vec<_>>(), [(2, 2)]);
        let again = fixture.run(stream::iter([whole(2, b"two")]), &Stop::new()).await;
        assert_eq!((again.tally.new, fixture.done().as_str()), (1, "1:3"));
    }

    #[tokio::test]
    async fn an_error_of_the_stream_ends_it() {
        let mut fixture = fixture(&[1, 2]);
        let stalled = Arrived { uid: 2, body: Some(Scripted(vec![], End::Stalls)) };
        let arriving = stream::iter([whole(1, b"one"), Ok(stalled), Err("NO")]).chain(stream::pending());
        let Downloaded { result, .. } = fixture.run(arriving, &Stop::new()).await;
        assert!(matches!(result, Err(DownloadError::Server("NO"))));
        assert_eq!((fixture.count("new"), fixture.count("tmp")), (1, 0));
    }

    #[tokio::test]
    async fn stopping_keeps_what_is_whole() {
        let mut fixture = fixture(&[1, 2]);
        let stop = Stop::new();
        let stopper = stop.clone();
        let half = vec![&[b'x'; 200_000][..]];
        let arriving =
            stream::iter([whole(1, b"one"), Ok(Arrived { uid: 2, body: Some(Scripted(half, End::Stalls)) })])
                .chain(stream::once(async move {
                    stopper.stop();
                    std::future::pending().await
                }));
        let Downloaded { tally, result, .. } = fixture.run(arriving, &stop).await;
        assert!(result.is_ok());
        assert_eq!((tally.new, fixture.count("new"), fixture.count("tmp")), (1, 1, 0));
    }

    #[tokio::test]
    async fn a_disk_that_fails_ends_it() {
        let mut fixture = fixture(&[1, 2]);
        std::fs::remove_dir(fixture.directory.path().join("tmp")).unwrap();
        let Downloaded { tally, result, .. } =
            fixture.run(stream::iter([whole(1, b"one")]).chain(stream::pending()), &Stop::new()).await;
        assert!(matches!(result, Err(DownloadError::Disk(_))));
        assert_eq!(tally.new, 0);
    }
}
