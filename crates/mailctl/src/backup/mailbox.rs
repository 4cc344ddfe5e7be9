//! One mailbox: what it has, what of that is missing on disk, and that.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{FutureExt, StreamExt, stream};
use mail_client::{
    Error, ErrorKind,
    imap::{Body, FetchItems, ImapClient, List, Mailbox, Message, SequenceSet, StatusItem},
};

use super::{
    Summary, blocking,
    download::{Arrived, Chunks, DownloadError, Tally, download},
    explain,
    listing::{Listed, Listing},
    writer::Writer,
};
use crate::{
    archive::{Archive, Place},
    disk::DiskError,
    failure::{Failure, Severity},
    maildir::{MaildirFlags, OnDisk},
    progress::{Progress, note},
    state::MailboxState,
    stop::Stop,
    terminal::printable,
    uid_ranges::UidRanges,
};

/// In how many ranges the server is asked what it has, so that the command stays below 8,192 bytes; where more would be
/// exact, some is listed that is known.
const MOST_RANGES: usize = 350;

/// So many rounds in a row may bring nothing; then it is not a message that the server can't give.
const MOST_IN_VAIN: u32 = 8;

/// How often a message is asked for again alone before it counts as one that can't be read.
const ALONE: u32 = 1;

/// From so many messages on they are listed in portions, so that no more than a few thousand wait in memory to be taken
/// in. It costs a round trip now and then.
const MANY: u32 = 50_000;

/// How the bodies are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Each when the one before has come.
    OneByOne,
    /// As the client does it best.
    Pipelined,
}

/// A server, a place for its mail, and how to go about it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) client: ImapClient,
    pub(crate) archive: Arc<Archive>,
    pub(crate) stop: Stop,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
}

impl Run {
    /// Does this unless asked to stop.
    pub(crate) async fn until_stopped<T, E: Into<Failure>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            result = work => result.map_err(Into::into),
            () = self.stop.stopped() => Err(Failure::Interrupted),
        }
    }

    /// Backs up a mailbox. What came before a failure counts as well.
    pub(crate) async fn mailbox(
        &self,
        list: &List,
        wants_directory: bool,
        title: &str,
    ) -> (Summary, Result<(), Failure>) {
        let mut summary = Summary::default();
        let result = self.read(list, wants_directory, title, &mut summary).await;
        (summary, result)
    }

    async fn read(
        &self,
        list: &List,
        wants_directory: bool,
        title: &str,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let mailbox = self.until_stopped(self.client.examine(&list.mailbox)).await?;
        summary.mailboxes = 1;
        let (place, known) = self.enter(list, wants_directory, &mailbox).await?;
        let (listing, unread) = self.until_stopped(list_missing(&mailbox, &known)).await?;
        let listed = listing.len() as u64;
        // Only a list of everything can be counted. One that holds all that there is says of every other UID that no
        // message has it.
        let is_first = known.done.is_empty();
        if !is_first {
            summary.already_there = u64::from(mailbox.exists()).saturating_sub(listed);
        }
        let is_whole = is_first && is_whole(&listing, mailbox.exists(), mailbox.uid_next());
        if is_whole && let Some(uid_next) = mailbox.uid_next() {
            let after = listing.last_uid().saturating_add(1);
            self.archive.none_there(&place, (after, uid_next.saturating_sub(1)));
        }
        // Counted now: later there will be messages that came since.
        let hole = if is_first && !is_whole { self.count_hole(&mailbox, listed).await? } else { None };
        if !listing.is_empty() {
            self.read_listed(&mailbox, place, listing, is_whole, title, summary).await?;
        }
        hole.or_else(|| unread.map(Failure::from)).map_or(Ok(()), Err)
    }

    /// Backs up what is listed and not on disk.
    async fn read_listed(
        &self,
        mailbox: &Mailbox,
        place: Place,
        mut listing: Listing,
        is_whole: bool,
        title: &str,
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        let listed = listing.len() as u64;
        let OnDisk { present, earlier } = {
            let (archive, place) = (Arc::clone(&self.archive), place.clone());
            blocking(move || archive.on_disk(&place)).await?
        };
        let mut found = UidRanges::default();
        let mut missing = listed;
        for (first, last) in present.ranges() {
            for index in listing.between(first, last) {
                listing.mark(index);
                let (first, last) = listing.covers(index, is_whole);
                found.insert_range(first, last);
                missing -= 1;
            }
        }
        summary.already_there += listed - missing;
        self.archive.found(&place, &found);
        if missing == 0 {
            return Ok(());
        }

        let uid_validity = mailbox.uid_validity().unwrap_or(0);
        let writer = Arc::new(Writer::new(Arc::clone(&self.archive), place, uid_validity, earlier));
        let progress = Arc::new(Progress::begin(title, missing, listing.unmarked_bytes()));
        let mut tally = Tally::default();
        let result = self.fetch(mailbox, &mut listing, is_whole, &writer, &progress, &mut tally).await;
        progress.finish();
        summary.new = tally.new;
        summary.already_there += tally.recognised;
        summary.gone = tally.gone;
        summary.bytes = tally.bytes;
        result
    }

    /// Finds the mailbox its place, in the epoch that the server says.
    async fn enter(
        &self,
        list: &List,
        wants_directory: bool,
        mailbox: &Mailbox,
    ) -> Result<(Place, MailboxState), Failure> {
        let archive = Arc::clone(&self.archive);
        let (name, delimiter) = (list.mailbox.clone(), list.delimiter);
        let place =
            tokio::task::spawn_blocking(move || archive.place(name.as_bytes(), delimiter, wants_directory));
        let place = place.await.map_err(|_| DiskError::Stopped)??;
        explain(&place, &list.mailbox);
        if self.archive.enter_epoch(&place, mailbox.uid_validity().unwrap_or(0)) {
            let name = list.mailbox.to_string();
            note(&format!(
                "{}: the server has numbered its messages anew; they are compared",
                printable(&name)
            ));
        }
        let known = self.archive.known(&place);
        Ok((place, known))
    }

    /// Fewer messages were listed than the mailbox had: some may have been removed meanwhile, but if the server still
    /// counts more, its list has a hole, and what is in there would be missed in silence.
    async fn count_hole(&self, mailbox: &Mailbox, listed: u64) -> Result<Option<Failure>, Failure> {
        match self.until_stopped(self.client.status(mailbox.name(), &[StatusItem::Messages])).await {
            Ok(status) => Ok(match status.get(StatusItem::Messages) {
                Some(of) if of > listed => Some(Failure::Unread { unread: of - listed, of, source: None }),
                _ => None,
            }),
            Err(failure) if failure.severity() == Severity::Mailbox => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// Fetches what isn't marked, and again what broke off, as long as that gets anywhere. What can't be read doesn't
    /// keep the others from it.
    async fn fetch(
        &self,
        mailbox: &Mailbox,
        listing: &mut Listing,
        is_whole: bool,
        writer: &Arc<Writer>,
        progress: &Arc<Progress>,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let wanted = match self.connections {
            1 => set(listing.unmarked()),
            _ => set(listing.balanced().into_iter()),
        };
        // The last is next, each with how often it has been tried.
        let mut portions = vec![(wanted, 0)];
        let mut in_vain = 0;
        let mut first_cause = None;
        while let Some((wanted, tries)) = portions.pop() {
            let round = match self.pace {
                Pace::Pipelined => {
                    let bodies =
                        mailbox.fetch(wanted.clone(), FetchItems::new().body()).connections(self.connections);
                    let bodies = bodies.map(|message| message.map(arrived));
                    download(bodies, listing, is_whole, writer, progress, &self.stop).await
                }
                Pace::OneByOne => {
                    let bodies = one_by_one(mailbox, wanted.clone());
                    download(bodies, listing, is_whole, writer, progress, &self.stop).await
                }
            };
            tally.add(round.tally);
            let (broken, source) = match round.result {
                Err(DownloadError::Disk(error)) => return Err(error.into()),
                Err(DownloadError::Server(error)) => (None, error),
                Ok(()) if self.stop.is_stopped() => return Err(Failure::Interrupted),
                Ok(()) => match round.why {
                    Some(error) => (round.broken.first().copied(), error),
                    None => continue,
                },
            };
            in_vain = if round.tally.stored() > 0 { 0 } else { in_vain + 1 };
            let is_hopeless = in_vain > MOST_IN_VAIN || !may_be_one_message(&source);
            // What it began with says more than what it came to.
            let cause = first_cause.take().unwrap_or_else(|| match broken {
                Some(uid) => Failure::BrokeOff { uid, source },
                None => source.into(),
            });
            if is_hopeless {
                return Err(cause);
            }
            first_cause = Some(cause);
            split(&wanted, tries, listing, &mut portions);
        }
        self.account_for_the_rest(mailbox, listing, tally, first_cause).await
    }

    /// What was asked for and didn't come has been removed, unless the server still lists it.
    async fn account_for_the_rest(
        &self,
        mailbox: &Mailbox,
        listing: &Listing,
        tally: &mut Tally,
        cause: Option<Failure>,
    ) -> Result<(), Failure> {
        let rest: SequenceSet = set(listing.unmarked());
        if rest.is_empty() {
            return Ok(());
        }
        let mut still_there = mailbox.fetch(rest, FetchItems::new());
        let mut unread = 0;
        loop {
            let message = match self.until_stopped(still_there.next().map(Option::transpose)).await {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                Err(failure) => return Err(cause.unwrap_or(failure)),
            };
            unread += u64::from(listing.find(message.uid()).is_some_and(|index| !listing.is_marked(index)));
        }
        let missing: u64 = listing.unmarked().map(|(first, last)| u64::from(last - first) + 1).sum();
        tally.gone += missing.saturating_sub(unread);
        match unread {
            0 => Ok(()),
            _ => Err(Failure::Unread { unread, of: listing.len() as u64, source: cause.map(Box::new) }),
        }
    }
}

/// Whether this may be about one message that the server can't give, so that others can be had.
fn may_be_one_message(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Refused => !error.is_retryable(),
        // A server that has kept silent once would let us wait as long again.
        ErrorKind::ConnectionLost | ErrorKind::Protocol => !error.is_timeout(),
        _ => false,
    }
}

/// Adds what has not come of a portion, in halves, so that what can't be read is soon alone. The half in which it is
/// likelier comes last. A message that was tried alone too often is left out.
fn split(wanted: &SequenceSet, tries: u32, listing: &Listing, portions: &mut Vec<(SequenceSet, u32)>) {
    let is_missing = |uid: &u32| listing.find(*uid).is_some_and(|index| !listing.is_marked(index));
    let missing: Vec<u32> = wanted.numbers().into_iter().flatten().filter(is_missing).collect();
    match &missing[..] {
        [] => {}
        [uid] if tries < ALONE => portions.push((SequenceSet::from(*uid), tries + 1)),
        [_] => {}
        several => {
            let (front, back) = several.split_at(several.len() / 2);
            portions.extend([front, back].map(|half| (half.iter().copied().collect(), 0)));
        }
    }
}

/// Whether the list holds every message that the mailbox had when it was opened. Those that came since don't count:
/// they would hide that others are missing.
fn is_whole(listing: &Listing, exists: u32, uid_next: Option<u32>) -> bool {
    let listed = match uid_next {
        Some(next) => listing.between(1, next.saturating_sub(1)).len(),
        None => listing.len(),
    };
    match uid_next {
        Some(_) => listed >= exists as usize,
        None => listed == exists as usize,
    }
}

fn set(ranges: impl Iterator<Item = (u32, u32)>) -> SequenceSet {
    let mut set = SequenceSet::default();
    ranges.for_each(|(first, last)| set.insert_range(first..=last));
    set
}

/// What the mailbox has and nobody knows of yet; and why that may not be all of it, if something was told that can't be
/// read.
async fn list_missing(mailbox: &Mailbox, known: &MailboxState) -> Result<(Listing, Option<Error>), Error> {
    if mailbox.exists() == 0 {
        return Ok((Listing::default(), None));
    }
    let end = mailbox.uid_next().filter(|_| mailbox.exists() >= MANY).map(|next| next.saturating_sub(1));
    let Some(wanted) = unknown(&known.done, end, mailbox.exists()) else {
        return Ok((Listing::default(), None));
    };
    let mut listing = Listing::with_capacity(if known.done.is_empty() { mailbox.exists() } else { 0 });
    let mut messages = mailbox.fetch(wanted, FetchItems::new().flags().size().internal_date());
    let mut unread = None;
    while let Some(message) = messages.next().await {
        let message = match message {
            Ok(message) => message,
            Err(error) if !error.unreadable().is_empty() => {
                unread = Some(error);
                break;
            }
            Err(error) => return Err(error),
        };
        // `n:*` holds the last message even if its UID is below `n`.
        if message.uid() != 0 && !known.done.contains(message.uid()) {
            listing.push(listed(&message));
        }
    }
    listing.sort();
    Ok((listing, unread))
}

/// The UIDs to ask for: those that aren't done, without an upper end, which the client asks for at once; or up to
/// `end`, which it asks for in portions, unless by far the most of them are no message's. `None` if there are none.
fn unknown(done: &UidRanges, end: Option<u32>, exists: u32) -> Option<SequenceSet> {
    let ranges = done.complement_covered(MOST_RANGES);
    if let Some(end) = end {
        let ranges = || {
            ranges.ranges().map(|(first, last)| (first, last.min(end))).filter(|(first, last)| first <= last)
        };
        let count: u64 = ranges().map(|(first, last)| u64::from(last - first) + 1).sum();
        if count <= u64::from(exists) * 4 {
            return Some(set(ranges())).filter(|set| !set.is_empty());
        }
    }
    let mut wanted = String::new();
    for (first, last) in ranges.ranges() {
        let comma = if wanted.is_empty() { "" } else { "," };
        match last {
            u32::MAX => wanted += &format!("{comma}{first}:*"),
            last => wanted += &format!("{comma}{first}:{last}"),
        }
    }
    wanted.parse().ok()
}

fn listed(message: &Message) -> Listed {
    let mut flags = MaildirFlags::default();
    for flag in message.flags().map(|flags| flags.to_vec()).unwrap_or_default() {
        if let Ok(name) = std::str::from_utf8(flag.as_bytes()) {
            flags.add(name);
        }
    }
    Listed {
        uid: message.uid(),
        size: message.size().map_or(0, |size| size.try_into().unwrap_or(u32::MAX)),
        flags,
        date: message.internal_date().map(|date| date.unix_seconds()),
    }
}

fn arrived(message: Message) -> Arrived<Body> {
    let uid = message.uid();
    match message.into_body() {
        Body::Gone => Arrived { uid, body: None },
        body => Arrived { uid, body: Some(body) },
    }
}

/// Each body whole before the next is asked for.
fn one_by_one(mailbox: &Mailbox, uids: SequenceSet) -> impl Stream<Item = Result<Arrived<Body>, Error>> {
    let mut wanted = UidRanges::default();
    for range in uids.ranges(u32::MAX) {
        wanted.insert_range(*range.start(), *range.end());
    }
    let ranges: Vec<_> = wanted.ranges().collect();
    let mailbox = mailbox.clone();
    let bodies = stream::iter(ranges.into_iter().flat_map(|(first, last)| first..=last)).then(move |uid| {
        let mailbox = mailbox.clone();
        async move {
            // It must live until the body is read: dropped, it would end it.
            let mut answer = mailbox.fetch(uid, FetchItems::new().body());
            let Some(message) = answer.next().await.transpose()? else { return Ok(None) };
            Ok(Some(match arrived(message) {
                Arrived { uid, body: Some(body) } => {
                    Arrived { uid, body: Some(Body::Bytes(body.bytes().await?)) }
                }
                gone => gone,
            }))
        }
    });
    bodies.filter_map(async |message: Result<_, Error>| message.transpose())
}

impl Chunks for Body {
    type Error = Error;

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Stream(reader) => reader.chunk().await,
            Self::Unreadable(error) => Err(error.clone()),
            Self::Bytes(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_has_no_end() {
        let asked = |done: &str| unknown(&done.parse().unwrap(), None, 9).map(|set| set.to_string());
        assert_eq!(asked("").as_deref(), Some("1:*"));
        assert_eq!(asked("1:500").as_deref(), Some("501:*"));
        assert_eq!(asked("2:3,7").as_deref(), Some("1,4:6,8:*"));
        assert_eq!(asked("1:4294967295"), None);
        let up_to =
            |done: &str, end| unknown(&done.parse().unwrap(), Some(end), 100).map(|set| set.to_string());
        assert_eq!(up_to("", 120).as_deref(), Some("1:120"));
        assert_eq!(up_to("5:9,11", 120).as_deref(), Some("1:4,10,12:120"));
        assert_eq!(up_to("1:120", 120), None);
        // Numbers that few messages have are better asked for at once.
        assert_eq!(up_to("", 4_000_000_000).as_deref(), Some("1:*"));
        let sparse: UidRanges = (1..5000).map(|uid| uid * 2).collect();
        assert!(unknown(&sparse, None, 9).unwrap().to_string().len() < 10_000);
    }
}
