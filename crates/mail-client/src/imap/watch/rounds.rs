//! One look at a mailbox: what is there now against what was known, told as changes.
//!
//! A look compares and doesn't add up what the server tells unasked: that only says that it is time for one. So nothing
//! is left out, however the connection was lost or the server counts.

use std::collections::{BTreeMap, HashMap};

use mail_proto::imap::{
    Command, Flag, SearchKey, SequenceSet,
    fetch::{Fetch, FetchItem, FetchModifiers},
    response::Untagged,
};
use tokio::sync::mpsc;

use super::{Change, News, WatchState};
use crate::{
    error::Result,
    imap::{FetchItems, Mailbox},
};

/// Nobody reads the changes any more.
pub(super) struct Unread;

/// Why a look came to no end.
pub(super) enum Ended {
    Unread,
    /// The connection was opened anew meanwhile.
    Moved,
    Failed(crate::error::Error),
}

impl From<Unread> for Ended {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl From<crate::error::Error> for Ended {
    fn from(error: crate::error::Error) -> Self {
        Self::Failed(error)
    }
}

/// Where changes are told.
pub(super) struct Teller<'a>(pub(super) &'a mpsc::Sender<News>);

impl Teller<'_> {
    async fn tell(&self, change: Change) -> Result<(), Unread> {
        self.0.send(News::Change(change)).await.map_err(|_| Unread)
    }
}

/// A mailbox that was just opened, against what was known of it, if anything was.
pub(super) async fn first(
    mailbox: &Mailbox,
    known: Option<WatchState>,
    tell_all: bool,
    teller: &Teller<'_>,
) -> Result<WatchState, Ended> {
    let fresh = || WatchState { uid_validity: mailbox.uid_validity(), ..WatchState::default() };
    let Some(mut known) = known else {
        let mut state = fresh();
        everything(mailbox, &mut state, tell_all.then_some(teller)).await?;
        return Ok(state);
    };
    let is_another = known.uid_validity != mailbox.uid_validity();
    if is_another || (known.mod_seq.is_some() && mailbox.highest_mod_seq().is_none()) {
        teller.tell(Change::Reset { uid_validity: mailbox.uid_validity() }).await?;
        let mut state = fresh();
        everything(mailbox, &mut state, Some(teller)).await?;
        return Ok(state);
    }
    again(mailbox, &mut known, false, || false, teller).await?;
    Ok(known)
}

/// What has changed since the last look. `is_quiet` says whether nothing was told unasked while it went on.
pub(super) async fn again(
    mailbox: &Mailbox,
    known: &mut WatchState,
    tells_vanished: bool,
    is_quiet: impl Fn() -> bool,
    teller: &Teller<'_>,
) -> Result<(), Ended> {
    // A change counts as known only when all of its look was told.
    let mut now = known.clone();
    match known.mod_seq {
        Some(mod_seq) => since(mailbox, &mut now, mod_seq, tells_vanished, is_quiet, teller).await?,
        None => compare(mailbox, &mut now, teller).await?,
    }
    *known = now;
    Ok(())
}

/// All that is there, told as new if it is to be told at all.
async fn everything(
    mailbox: &Mailbox,
    state: &mut WatchState,
    teller: Option<&Teller<'_>>,
) -> Result<(), Ended> {
    state.mod_seq = mailbox.highest_mod_seq();
    if teller.is_none() && state.mod_seq.is_some() {
        state.uids = mailbox.search(SearchKey::All).await?.into_uids();
        return Ok(());
    }
    let items = FetchItems::new().flags();
    let items = if state.mod_seq.is_some() { items.mod_seq() } else { items };
    // Whoever reads the changes may take their time.
    let mut messages = mailbox.fetch(SequenceSet::all(), items).deadline(None);
    while let Some(message) = messages.next().await {
        let message = message?;
        let flags = flags_of(message.data());
        // What has changed since the selection comes up again at the next look.
        if message.mod_seq() > state.mod_seq || state.mod_seq.is_none() {
            state.flags.insert(message.uid(), in_short(&flags));
        }
        state.uids.insert(message.uid());
        if let Some(teller) = teller {
            teller.tell(Change::New { uid: message.uid(), flags }).await?;
        }
    }
    state.uids = state.uids.sorted().unwrap_or_default();
    Ok(())
}

/// By mod-sequence: the server tells what changed, and what is gone if it can.
async fn since(
    mailbox: &Mailbox,
    state: &mut WatchState,
    mod_seq: u64,
    tells_vanished: bool,
    is_quiet: impl Fn() -> bool,
    teller: &Teller<'_>,
) -> Result<(), Ended> {
    let fetch = Command::Fetch {
        uid: true,
        set: SequenceSet::all(),
        items: vec![FetchItem::Uid, FetchItem::Flags, FetchItem::ModSeq],
        modifiers: FetchModifiers { vanished: tells_vanished, ..FetchModifiers::changed_since(mod_seq) },
    };
    // What can't be read may be a change, and would never be told again.
    let answer = mailbox.ask_all(fetch).await?;
    let mut highest = mod_seq;
    let mut changed = BTreeMap::new();
    let mut vanished = SequenceSet::default();
    for data in answer {
        match data {
            Untagged::Fetch(fetch) => {
                if let Some(uid) = fetch.uid() {
                    highest = highest.max(fetch.mod_seq().unwrap_or(0));
                    changed.insert(uid, flags_of(&fetch));
                }
            }
            Untagged::Vanished(told) => told.uids.ranges(0).for_each(|range| vanished.insert_range(range)),
            _ => {}
        }
    }
    let mut all = state.uids.clone();
    changed.keys().for_each(|uid| all.insert(*uid));
    let gone = if tells_vanished {
        all.intersection(&vanished)
    } else {
        all.difference(mailbox.search(SearchKey::All).await?.uids())
    };
    let mut told = HashMap::new();
    for (uid, flags) in changed {
        let (was_there, short) = (state.uids.contains(uid), in_short(&flags));
        // It has come and gone, or was told at the look before.
        if (!was_there && gone.contains(uid)) || state.flags.get(&uid) == Some(&short) {
            continue;
        }
        told.insert(uid, short);
        teller
            .tell(if was_there { Change::Flags { uid, flags } } else { Change::New { uid, flags } })
            .await?;
    }
    if is_quiet() {
        state.mod_seq = Some(highest);
        state.flags.clear();
    } else {
        // Something that was told meanwhile may have a lower mod-sequence than what came here: looked at once more,
        // what came here is known by its flags.
        state.flags.extend(told);
    }
    finish(state, &all, gone, teller).await
}

/// Without mod-sequences: every message's flags against what they were.
async fn compare(mailbox: &Mailbox, state: &mut WatchState, teller: &Teller<'_>) -> Result<(), Ended> {
    let mut there = SequenceSet::default();
    let mut flags_now = HashMap::new();
    let mut messages = mailbox.fetch(SequenceSet::all(), FetchItems::new().flags()).deadline(None);
    while let Some(message) = messages.next().await {
        let message = message?;
        let (uid, flags) = (message.uid(), flags_of(message.data()));
        there.insert(uid);
        let short = in_short(&flags);
        flags_now.insert(uid, short);
        if !state.uids.contains(uid) {
            teller.tell(Change::New { uid, flags }).await?;
        } else if state.flags.get(&uid) != Some(&short) {
            teller.tell(Change::Flags { uid, flags }).await?;
        }
    }
    let gone = state.uids.difference(&there);
    state.flags = flags_now;
    let mut all = state.uids.clone();
    there.ranges(0).for_each(|range| all.insert_range(range));
    finish(state, &all, gone, teller).await
}

async fn finish(
    state: &mut WatchState,
    all: &SequenceSet,
    gone: SequenceSet,
    teller: &Teller<'_>,
) -> Result<(), Ended> {
    let told = state.uids.intersection(&gone);
    state.uids = all.difference(&gone);
    if !told.is_empty() {
        teller.tell(Change::Gone { uids: told }).await?;
    }
    Ok(())
}

/// The flags of a message, but for `\Recent`, which is another session's business.
fn flags_of(fetch: &Fetch) -> Vec<Flag> {
    let mut flags = fetch.flags().map(|flags| flags.to_vec()).unwrap_or_default();
    flags.retain(|flag| *flag != Flag::Recent);
    flags
}

/// Flags as a number that others don't have, whatever their order: FNV-1a, which stays the same wherever a state is
/// kept. `\Recent` is another's business.
fn in_short(flags: &[Flag]) -> u64 {
    let mut names: Vec<_> = flags.iter().map(|flag| flag.as_bytes().to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    let bytes = names.iter().flat_map(|name| name.iter().copied().chain([b' ']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
