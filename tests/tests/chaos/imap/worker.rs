//! A task that does with mail what it likes, and writes down what must come of it.

use std::{sync::Arc, time::Duration};

use mail_client::{
    ErrorKind, Result,
    imap::{Connection, FetchItems, Flag, ImapClient, Mailbox, NewMessage, Removal, SearchKey, SequenceSet},
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Became,
    book::{Book, Copies, MAILBOXES},
};
use crate::{
    random::Random,
    scene::Site,
    tally::Tally,
    text::{message, number_of},
};

/// A worker removes mail when it has more.
const MOST: usize = 12;

/// What the workers share.
pub(super) struct Place {
    pub(super) client: ImapClient,
    pub(super) site: Arc<Site>,
    pub(super) book: Book,
    /// Whether moving is one step on this server.
    pub(super) moves_at_once: bool,
}

impl Place {
    fn tally(&self) -> &Tally {
        &self.site.tally
    }
}

pub(super) struct Worker {
    place: Arc<Place>,
    random: Random,
    /// Messages that are known to be there, all of them its own.
    mine: Vec<Mine>,
}

/// A copy of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mine {
    pub(super) number: u64,
    pub(super) mailbox: usize,
    pub(super) uid: u32,
    pub(super) is_flagged: bool,
}

impl Mine {
    pub(super) fn new(number: u64, mailbox: usize, uid: u32) -> Self {
        Self { number, mailbox, uid, is_flagged: false }
    }

    /// Whether this is its text.
    pub(super) fn has(&self, text: &[u8]) -> bool {
        number_of(text) == Some(self.number)
    }
}

/// Works until then.
pub(super) async fn work(worker: Arc<Mutex<Worker>>, until: Instant) {
    while Instant::now() < until {
        let (place, turn) = {
            let mut worker = worker.lock().await;
            (Arc::clone(&worker.place), worker.random.within(0..12))
        };
        let (client, tally) = (&place.client, place.tally());
        match turn {
            0..4 => worker.lock().await.calls(client).await,
            4 | 5 => {
                let made = tally.call("create_default_connection", client.create_default_connection()).await;
                let Some(Ok(default)) = made else { continue };
                let mut worker = worker.lock().await;
                worker.calls(client).await;
                if worker.random.once_in(2) {
                    default.close().await;
                }
            }
            6 | 7 => {
                let Some(own) = connection(&place).await else { continue };
                let mut worker = worker.lock().await;
                worker.calls(&client.via(&own)).await;
                if worker.random.once_in(2) {
                    own.close().await;
                }
            }
            8 => {
                let Some(own) = connection(&place).await else { continue };
                let exclusive = tally.call("exclusive", client.exclusive(&own)).await;
                let Some(Ok(exclusive)) = exclusive else { continue };
                worker.lock().await.calls(exclusive.client()).await;
            }
            9 | 10 => {
                let begun = Arc::clone(&worker);
                let pending = client.begin(|client| async move {
                    begun.lock().await.calls(&client).await;
                    Ok(())
                });
                let mut random = worker.lock().await.random.clone();
                match pending {
                    Err(error) => tally.called("begin", &Err::<(), _>(error)),
                    Ok(pending) if random.once_in(6) => {
                        // What it was at is left off in the midst of it.
                        let canceller = pending.canceller();
                        let patience = Duration::from_millis(random.within(0..100));
                        if timeout(patience, pending).await.is_err() {
                            canceller.cancel();
                        }
                    }
                    Ok(pending) => drop(tally.call("begun", pending).await),
                }
            }
            _ => watch(&worker, client).await,
        }
    }
}

async fn connection(place: &Place) -> Option<Connection> {
    place.tally().call("create_connection", place.client.create_connection()).await?.ok()
}

/// Watches a mailbox for a while.
async fn watch(worker: &Mutex<Worker>, client: &ImapClient) {
    let (place, mailbox, end) = {
        let mut worker = worker.lock().await;
        let patience = Duration::from_millis(worker.random.within(10..1_500));
        let mailbox = worker.random.one_of(&MAILBOXES);
        (Arc::clone(&worker.place), mailbox, Instant::now() + patience)
    };
    let mut watcher = client.watch(mailbox).recheck(Duration::from_millis(500)).start();
    while let Ok(next) = tokio::time::timeout_at(end, watcher.next()).await {
        match next {
            Some(Ok(_)) => {}
            Some(Err(error)) => place.tally().called("watch", &Err::<(), _>(error)),
            None => break,
        }
    }
}

impl Worker {
    pub(super) fn new(place: Arc<Place>, random: Random) -> Self {
        Self { place, random, mine: Vec::new() }
    }

    pub(super) fn mine(&self) -> &[Mine] {
        &self.mine
    }

    /// A few calls, one after the other.
    async fn calls(&mut self, client: &ImapClient) {
        for _ in 0..self.random.within(1..6) {
            let client = match self.random.within(0..10) {
                0 => client.with_deadline(Duration::from_millis(self.random.within(1..1_000))),
                _ => client.clone(),
            };
            if self.mine.is_empty() {
                self.append(&client).await;
                continue;
            }
            match self.random.within(0..10) {
                _ if self.mine.len() > MOST => self.delete(&client).await,
                0 | 1 => self.append(&client).await,
                2..5 => self.fetch(&client).await,
                5 => self.search(&client).await,
                6 => self.store(&client).await,
                7 => self.copy(&client).await,
                8 => self.move_to(&client).await,
                _ => self.delete(&client).await,
            }
        }
    }

    /// Makes a call; nothing comes of it if it was given up.
    async fn call<T>(&mut self, name: &str, call: impl Future<Output = Result<T>>) -> Option<Result<T>> {
        self.place.site.tally.call_or_leave(&mut self.random, name, call).await
    }

    /// Makes a call that changes something.
    async fn change<T>(&mut self, name: &str, call: impl Future<Output = Result<T>>) -> Became<T> {
        self.call(name, call).await.into()
    }

    async fn select(&mut self, client: &ImapClient, mailbox: usize) -> Option<Mailbox> {
        self.call("select", client.select(MAILBOXES[mailbox])).await?.ok()
    }

    fn any_mine(&mut self) -> usize {
        self.random.within(0..self.mine.len() as u64) as usize
    }

    fn any_mailbox(&mut self) -> usize {
        self.random.within(0..MAILBOXES.len() as u64) as usize
    }

    async fn append(&mut self, client: &ImapClient) {
        let place = Arc::clone(&self.place);
        let (number, mailbox) = (place.tally().next_message(), self.any_mailbox());
        place.book.enter(number);
        let before = place.book.worlds(number);
        let after = place.book.after(number, |copies| copies[mailbox] += 1);
        place.book.is(number, before.iter().chain(&after).copied());
        let text = message(number);
        let new = if self.random.once_in(4) {
            let len = text.len() as u64;
            NewMessage::from_reader(std::io::Cursor::new(text), len)
        } else {
            NewMessage::new(text)
        };
        match self.change("append", client.append(MAILBOXES[mailbox], new)).await {
            Became::Done(appended) => {
                place.book.is(number, after);
                match appended.uid {
                    Some(uid) => self.mine.push(Mine { number, mailbox, uid, is_flagged: false }),
                    None => place.tally().mistake(format!("nothing says what UID {number} has")),
                }
            }
            Became::NotDone => place.book.is(number, before),
            Became::Unknown(_) => {}
        }
    }

    async fn fetch(&mut self, client: &ImapClient) {
        let place = Arc::clone(&self.place);
        let index = self.any_mine();
        let mine = self.mine[index];
        let opened = if self.random.once_in(2) {
            self.call("examine", client.examine(MAILBOXES[mine.mailbox])).await
        } else {
            self.call("select", client.select(MAILBOXES[mine.mailbox])).await
        };
        let Some(Ok(mailbox)) = opened else { return };
        // Its own, and what others have put there.
        let first = mine.uid.saturating_sub(self.random.within(0..30) as u32).max(1);
        let uids = SequenceSet::from(first..=mine.uid);
        let mut found = false;
        let items = FetchItems::new().flags().body();
        let stream = mailbox.fetch(uids, items);
        let mut stream = if self.random.once_in(5) { stream.connections(3) } else { stream };
        let read = async {
            while let Some(message) = stream.next().await.transpose()? {
                let (uid, is_flagged) = (message.uid(), message.has_flag(&Flag::Flagged));
                let text = message.into_body().bytes().await;
                let text = match text {
                    Err(error) if error.kind() == ErrorKind::Gone => continue,
                    text => text?,
                };
                place.tally().read(format_args!("the body of {uid}"), &text);
                if uid == mine.uid {
                    place.tally().expect(!found, format_args!("{mine:?} was given twice"));
                    place.tally().expect(mine.has(&text), format_args!("{mine:?} is another message"));
                    place
                        .tally()
                        .expect(is_flagged || !mine.is_flagged, format_args!("{mine:?} has no flag"));
                    found = true;
                }
            }
            Ok(())
        };
        if let Some(Ok(())) = self.call("fetch", read).await {
            place.tally().expect(found, format_args!("{mine:?} was not given"));
        }
    }

    async fn search(&mut self, client: &ImapClient) {
        let index = self.any_mine();
        let mine = self.mine[index];
        let Some(mailbox) = self.select(client, mine.mailbox).await else { return };
        let key = SearchKey::subject(format!("chaos {}.", mine.number));
        if let Some(Ok(found)) = self.call("search", mailbox.search(key)).await {
            self.place
                .tally()
                .expect(found.uids().contains(mine.uid), format_args!("{mine:?} was not found"));
        }
    }

    async fn store(&mut self, client: &ImapClient) {
        let index = self.any_mine();
        let mine = self.mine[index];
        let Some(mailbox) = self.select(client, mine.mailbox).await else { return };
        if let Some(Ok(())) = self.call("store", mailbox.add_flags(mine.uid, [Flag::Flagged])).await {
            self.mine[index].is_flagged = true;
        }
    }

    async fn copy(&mut self, client: &ImapClient) {
        let place = Arc::clone(&self.place);
        let (index, to) = (self.any_mine(), self.any_mailbox());
        let mine = self.mine[index];
        let Some(mailbox) = self.select(client, mine.mailbox).await else { return };
        let before = place.book.worlds(mine.number);
        let after = place.book.after(mine.number, |copies| copies[to] += 1);
        place.book.is(mine.number, before.iter().chain(&after).copied());
        match self.change("copy", mailbox.copy(mine.uid, MAILBOXES[to])).await {
            Became::Done(copied) => {
                place.book.is(mine.number, after);
                self.found(mine, to, copied.pairs().next());
            }
            Became::NotDone => place.book.is(mine.number, before),
            Became::Unknown(_) => {}
        }
    }

    async fn move_to(&mut self, client: &ImapClient) {
        let place = Arc::clone(&self.place);
        let (index, to) = (self.any_mine(), self.any_mailbox());
        let mine = self.mine[index];
        let from = mine.mailbox;
        let Some(mailbox) = self.select(client, from).await else { return };
        if to == from {
            return;
        }
        let before: Vec<_> = place.book.worlds(mine.number).into_iter().collect();
        let copied = place.book.after(mine.number, |copies| copies[to] += 1);
        let moved = place.book.after(mine.number, |copies| {
            copies[to] += 1;
            copies[from] = copies[from].wrapping_sub(1);
        });
        // Where moving is more than one step, the copy may be all that is done.
        let between: &[Copies] = if place.moves_at_once { &[] } else { &copied };
        place.book.is(mine.number, [&before, &moved, between].into_iter().flatten().copied());
        // Whatever becomes of it, even if this is the end of the worker's turn.
        self.mine.swap_remove(index);
        match self.change("move", mailbox.move_to(mine.uid, MAILBOXES[to])).await {
            Became::Done(done) => {
                place.book.is(mine.number, moved);
                let is_removed = done.removal() == Removal::Expunged;
                place.tally().expect(is_removed, format_args!("{mine:?} was moved and is still there"));
                self.found(mine, to, done.copied().pairs().next());
            }
            Became::NotDone => {
                place.book.is(mine.number, before);
                self.mine.push(mine);
            }
            Became::Unknown(Some(error)) if error.kind() == ErrorKind::CopiedNotRemoved => {
                place.tally().expect(!place.moves_at_once, "a move in one step stopped half-way");
                place.book.is(mine.number, copied.into_iter().chain(moved));
            }
            // With no word of a copy that stayed, it is in one place.
            Became::Unknown(_) => {}
        }
    }

    /// A copy has come of it: from this UID to that.
    fn found(&mut self, mine: Mine, mailbox: usize, pair: Option<(u32, u32)>) {
        match pair {
            Some((source, uid)) if source == mine.uid => self.mine.push(Mine { mailbox, uid, ..mine }),
            _ => self.place.tally().mistake(format!("nothing says where the copy of {mine:?} is: {pair:?}")),
        }
    }

    async fn delete(&mut self, client: &ImapClient) {
        let place = Arc::clone(&self.place);
        let index = self.any_mine();
        let mine = self.mine[index];
        let Some(mailbox) = self.select(client, mine.mailbox).await else { return };
        let before = place.book.worlds(mine.number);
        let after = place
            .book
            .after(mine.number, |copies| copies[mine.mailbox] = copies[mine.mailbox].wrapping_sub(1));
        place.book.is(mine.number, before.iter().chain(&after).copied());
        self.mine.swap_remove(index);
        match self.change("delete", mailbox.delete(mine.uid)).await {
            Became::Done(removal) => {
                place.book.is(mine.number, after);
                place.tally().expect(removal == Removal::Expunged, format_args!("{mine:?} is still there"));
            }
            Became::NotDone => {
                place.book.is(mine.number, before);
                self.mine.push(mine);
            }
            Became::Unknown(_) => {}
        }
    }
}
