//! A POP3 maildrop to disk: each message once by its unique-id, and deleted on the server only if told so, when all of
//! it is safe.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use mail_client::{
    ErrorKind,
    imap::MailboxName,
    pop3::{MessageReader, Pop3Client, UniqueId, Which},
};

use super::{Summary, explain, writer::blocking};
use crate::{
    archive::{Archive, ArchiveError, Place},
    cli,
    connect::Server,
    disk::DiskError,
    failure::{Failure, Severity},
    maildir::{Delivery, EarlierMail, MaildirFlags, OnDisk, hash_file},
    progress::{Progress, note},
    state::Account,
    stop::{KEPT, Stop},
    terminal::printable,
    uid_ranges::UidRanges,
    unique_ids::Kept,
};

/// What the maildrop is called in the state. No IMAP mailbox can have this name, so both may be in one directory.
const NAME: &[u8] = b"\0POP3";

/// How much of a message waits in memory before it goes to its file.
const BUFFERED: usize = 128 << 10;

/// How often a message is asked for again whose connection was lost amid it.
const AGAIN: u32 = 2;

/// A maildrop's place on disk, for tasks and threads.
#[derive(Clone)]
struct Store {
    archive: Arc<Archive>,
    place: Place,
    epoch: u32,
    /// Mail of earlier epochs, for which a state that was lost has no unique-ids.
    earlier: Arc<Mutex<EarlierMail>>,
}

/// A message that is to be fetched.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    number: u32,
    /// The number of a file that may be this message: the run that stored it ended before it could say so.
    before: Option<u32>,
}

/// Backs up the maildrop, prints what that came to, and deletes it on the server if told to.
pub(crate) async fn run(options: &cli::Backup, server: Server<Pop3Client>) -> Result<(), Failure> {
    let start = Instant::now();
    let stop = Stop::on_signals(KEPT);
    let account = Account { user: server.url.user.clone(), host: server.url.host.clone() };
    let archive = Arc::new(Archive::open(&options.to, account, options.host_changed)?);
    let mut summary = Summary { mailboxes: 1, ..Summary::default() };
    let result = tokio::select! {
        result = back_up(&server.client, &archive, options.delete_after_verify, &mut summary) => result,
        () = stop.stopped() => Err(Failure::Interrupted),
    };
    // Whatever happened, what has come is kept and known.
    let committed = blocking(move || archive.commit()).await.map_err(Failure::from);
    let result = match committed.and(result) {
        // Once begun it isn't broken off: then nobody would know what became of it.
        Ok((store, verified)) if options.delete_after_verify => {
            delete(&server.client, &store, verified).await.map(Some)
        }
        other => other.map(|_| None),
    };
    let deleted = match &result {
        Ok(Some(deleted)) => format!(", {deleted} deleted on the server"),
        _ => String::new(),
    };
    crate::say(&format!("{summary}{deleted}, {:.1} s", start.elapsed().as_secs_f64()));
    result?;
    // Everything is on disk by now: a server that is slow to say goodbye keeps nobody.
    let _ = tokio::time::timeout(Duration::from_secs(5), server.client.close()).await;
    Ok(())
}

/// Fetches what is missing; if all is to be deleted, gives all that the server has, of which all was found whole on disk.
async fn back_up(
    client: &Pop3Client,
    archive: &Arc<Archive>,
    deletes: bool,
    summary: &mut Summary,
) -> Result<(Store, Vec<UniqueId>), Failure> {
    let listed = client.list().await?;
    let mut sizes: HashMap<UniqueId, u64> = HashMap::with_capacity(listed.len());
    let mut shared = HashSet::new();
    for message in listed {
        if sizes.insert(message.uid.clone(), message.octets).is_some() {
            shared.insert(message.uid);
        }
    }
    let of = sizes.len() as u64;
    shared.iter().for_each(|id| {
        let id = id.to_string();
        note(&format!("several messages have the unique-id {}, and can't be told apart", printable(&id)));
    });
    let (store, present) = Store::open(archive).await?;
    let (wanted, mut verified) = {
        let (store, ids) = (store.clone(), sizes.keys().cloned().collect::<Vec<_>>());
        blocking(move || store.missing(&ids, &present, deletes)).await?
    };
    summary.already_there = of - wanted.len() as u64;

    let bytes = wanted.keys().filter_map(|id| sizes.get(id)).sum();
    let progress = Progress::begin("maildrop", wanted.len() as u64, bytes);
    let fetched = fetch(client, &store, wanted, &shared, &progress, summary).await;
    progress.finish();
    {
        let archive = Arc::clone(archive);
        blocking(move || archive.commit()).await?;
    }
    let fetched = fetched?;
    if !deletes {
        return Ok((store, verified));
    }
    verified.extend({
        let store = store.clone();
        blocking(move || store.whole(fetched)).await?
    });
    let failed = sizes.len().saturating_sub(verified.len());
    if failed > 0 {
        return Err(Failure::Unverified { failed, of: sizes.len() });
    }
    Ok((store, verified))
}

/// Fetches and stores messages one after the other; which are on disk then.
async fn fetch(
    client: &Pop3Client,
    store: &Store,
    mut wanted: HashMap<UniqueId, Wanted>,
    shared: &HashSet<UniqueId>,
    progress: &Progress,
    summary: &mut Summary,
) -> Result<Vec<UniqueId>, Failure> {
    let of = wanted.len() as u64;
    let mut fetched = Vec::new();
    // Several messages have one name, and can't be told apart by it.
    let mut unread = shared.len() as u64;
    wanted.retain(|id, _| !shared.contains(id));
    let mut cause = None;
    for _ in 0..=AGAIN {
        // Asked for again, they are found gone again.
        summary.gone = 0;
        let mut ids: Vec<_> = wanted.iter().map(|(id, wanted)| (wanted.number, id.clone())).collect();
        ids.sort_unstable();
        let mut mail = client.retrieve_all(ids.into_iter().map(|(_, id)| id));
        while let Some(message) = mail.next().await {
            let message = match message {
                Ok(message) => message,
                Err(error) if error.kind() == ErrorKind::Gone => {
                    summary.gone += 1;
                    continue;
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    if failure.severity() == Severity::Run {
                        return Err(failure);
                    }
                    cause.get_or_insert(failure);
                    continue;
                }
            };
            let Which::Unique(id) = message.which else { continue };
            let Some(this) = wanted.get(&id) else { continue };
            match store.receive(&id, this, message.content, progress).await {
                Ok((is_new, bytes)) => {
                    summary.new += u64::from(is_new);
                    summary.already_there += u64::from(!is_new);
                    summary.bytes += if is_new { bytes } else { 0 };
                    wanted.remove(&id);
                    fetched.push(id);
                    progress.message();
                }
                // The others come over another connection.
                Err(failure) if failure.severity() != Severity::Run => drop(cause.get_or_insert(failure)),
                Err(failure) => return Err(failure),
            }
        }
        if wanted.is_empty() {
            break;
        }
    }
    unread += (wanted.len() as u64).saturating_sub(summary.gone);
    match unread {
        0 => Ok(fetched),
        unread => Err(Failure::Unread { unread, of, source: cause.map(Box::new) }),
    }
}

/// Deletes exactly these on the server, all or none.
async fn delete(client: &Pop3Client, store: &Store, ids: Vec<UniqueId>) -> Result<usize, Failure> {
    if ids.is_empty() {
        return Ok(0);
    }
    // A server may give the name of a message that is no more to another one. Whatever has one of these names after
    // this is fetched, and compared with the file.
    let doubting = store.clone();
    blocking(move || doubting.archive.doubt(&doubting.place)).await?;
    let session = client.session().await.map_err(Failure::NotDeleted)?;
    for id in ids {
        if let Err(error) = session.delete(id).await {
            session.close().await;
            return Err(Failure::NotDeleted(error));
        }
    }
    let deleted = session.deleted();
    match session.commit().await {
        Ok(()) => Ok(deleted),
        // A server that says no to its QUIT may have deleted some (RFC 1939 section 6).
        Err(error) if matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Refused) => {
            Err(Failure::DeletionUnknown(error))
        }
        Err(error) => Err(Failure::NotDeleted(error)),
    }
}

impl Store {
    /// Finds the maildrop its place; the numbers that files there have.
    async fn open(archive: &Arc<Archive>) -> Result<(Self, UidRanges), Failure> {
        let archive = Arc::clone(archive);
        let opened = tokio::task::spawn_blocking(move || {
            let place = archive.place(NAME, None, true)?;
            let mut epoch = archive.known(&place).uid_validity;
            if epoch == 0 {
                // Another one each time that nothing is known, so that files of before aren't taken for others.
                let last = place.maildir.paths()?.keys().map(|(epoch, _)| *epoch).max().unwrap_or(0);
                epoch = now().max(last.saturating_add(1));
                archive.enter_epoch(&place, epoch);
            }
            let OnDisk { present, earlier } = archive.on_disk(&place)?;
            Ok::<_, ArchiveError>((
                Self { archive, place, epoch, earlier: Arc::new(Mutex::new(earlier)) },
                present,
            ))
        });
        let (store, present) = opened.await.map_err(|_| DiskError::Stopped)??;
        explain(&store.place, &MailboxName::new("the maildrop"));
        Ok((store, present))
    }

    /// Which of the messages are to be fetched, and, if everything is to be `verified`, which were found whole. Then one
    /// whose file is gone or altered counts as missing.
    fn missing(
        &self,
        ids: &[UniqueId],
        present: &UidRanges,
        verified: bool,
    ) -> Result<(HashMap<UniqueId, Wanted>, Vec<UniqueId>), DiskError> {
        let before = self.archive.known(&self.place).unique_ids;
        let whole: HashSet<_> = if verified {
            let known = ids.iter().filter(|id| before.get(id.as_bytes()).is_some());
            self.whole(known.cloned().collect())?.into_iter().collect()
        } else {
            HashSet::new()
        };
        let bad: HashSet<(u32, u32)> = ids
            .iter()
            .filter(|id| verified && !whole.contains(*id))
            .filter_map(|id| before.get(id.as_bytes())?.kept.map(|kept| kept.file))
            .collect();
        let listed: HashSet<_> = ids.iter().map(UniqueId::as_bytes).collect();
        self.archive.listed(&self.place, &listed, present, |kept| bad.contains(&kept.file))?;
        let known = self.archive.known(&self.place).unique_ids;
        let mut wanted = HashMap::new();
        for id in ids {
            if let Some(known) = known.get(id.as_bytes()).filter(|known| known.kept.is_none()) {
                wanted.insert(id.clone(), Wanted { number: known.number, before: known.before });
            }
        }
        Ok((wanted, whole.into_iter().collect()))
    }

    /// Those of the messages whose files hold what came from the server.
    fn whole(&self, mut ids: Vec<UniqueId>) -> Result<Vec<UniqueId>, DiskError> {
        let known = self.archive.known(&self.place).unique_ids;
        let paths = self.place.maildir.paths()?;
        let mut failed = None;
        ids.retain(|id| {
            let kept = known.get(id.as_bytes()).and_then(|known| known.kept);
            let Some((kept, path)) = kept.and_then(|kept| Some((kept, paths.get(&kept.file)?))) else {
                return false;
            };
            match hash_file(path) {
                Ok(found) => found == Some(kept.sha256),
                Err(error) => {
                    failed.get_or_insert(error);
                    false
                }
            }
        });
        failed.map_or(Ok(ids), Err)
    }

    /// Stores a message as it comes; whether it was written, and how many bytes it has.
    async fn receive(
        &self,
        id: &UniqueId,
        wanted: &Wanted,
        mut content: MessageReader,
        progress: &Progress,
    ) -> Result<(bool, u64), Failure> {
        let (mut delivery, mut waiting, mut held) = (None, Vec::new(), 0);
        while let Some(chunk) = content.chunk().await? {
            progress.bytes(chunk.len() as u64);
            held += chunk.len();
            waiting.push(chunk);
            if held >= BUFFERED {
                let (store, number, chunks) = (self.clone(), wanted.number, std::mem::take(&mut waiting));
                delivery = Some(blocking(move || store.write(number, delivery, chunks)).await?);
                held = 0;
            }
        }
        let (store, id, wanted) = (self.clone(), id.clone(), *wanted);
        let stored = blocking(move || {
            let delivery = store.write(wanted.number, delivery, waiting)?;
            store.finish(&id, &wanted, delivery)
        });
        Ok(stored.await?)
    }

    fn write(
        &self,
        number: u32,
        delivery: Option<Delivery>,
        chunks: Vec<Bytes>,
    ) -> Result<Delivery, DiskError> {
        let mut delivery = match delivery {
            Some(delivery) => delivery,
            None => self.place.maildir.deliver(self.epoch, number)?,
        };
        chunks.iter().try_for_each(|chunk| delivery.write(chunk))?;
        Ok(delivery)
    }

    /// Gives a message that has come its name, unless it is on disk already.
    fn finish(&self, id: &UniqueId, wanted: &Wanted, delivery: Delivery) -> Result<(bool, u64), DiskError> {
        let (size, sha256) = delivery.digest();
        let there = match self.is_there(wanted, &sha256)? {
            Some(file) => Some(file),
            None => {
                let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
                earlier.claim(&self.place.maildir, size, &sha256)?
            }
        };
        let file = match there {
            Some(file) => file,
            None => {
                delivery.finish(MaildirFlags::default(), Some(i64::from(now())))?;
                (self.epoch, wanted.number)
            }
        };
        self.archive.kept(&self.place, id.as_bytes(), Kept { file, sha256 })?;
        Ok((there.is_none(), size))
    }

    /// The file that a run which was cut off has left of this message.
    fn is_there(&self, wanted: &Wanted, sha256: &[u8; 32]) -> Result<Option<(u32, u32)>, DiskError> {
        let Some(number) = wanted.before else { return Ok(None) };
        let file = (self.epoch, number);
        let paths = self.place.maildir.paths()?;
        let Some(path) = paths.get(&file) else { return Ok(None) };
        Ok((hash_file(path)?.as_ref() == Some(sha256)).then_some(file))
    }
}

/// Seconds since 1970.
fn now() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(u32::MAX)
}
