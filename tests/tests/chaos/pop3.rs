//! POP3: mail that comes, is read, and is deleted once it was read, by a commit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_core::future::BoxFuture;
use mail_client::{
    Error, ErrorKind, Result,
    pop3::{MessageReader, PoolStatus, Pop3Client, Session, UniqueId},
};
use mail_testkit::{Endpoint, Server};
use tokio::{runtime::Handle, task::JoinHandle, time::Instant};

use crate::{
    random::Random,
    scene::{PASSWORD, Scene, Security, Site, USER, impatient},
    tally::Tally,
    text::{message, number_of, shown},
};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::Pop3Plain, Endpoint::Pop3StartTls, Endpoint::Pop3Tls];

/// A worker lets no more mail come while so much of its own is there.
const MOST: usize = 6;

/// Tasks on one client.
pub(crate) struct Maildrop {
    place: Arc<Place>,
    workers: Vec<Arc<tokio::sync::Mutex<Worker>>>,
}

struct Place {
    client: Pop3Client,
    site: Arc<Site>,
    /// Whether one session at a time is let in: then it sees all that has come before.
    locks: bool,
    book: Mutex<Book>,
}

/// What is known of the mail.
#[derive(Default)]
struct Book {
    /// By message.
    fates: BTreeMap<u64, Fate>,
    /// The messages by their names, as far as they were read.
    names: BTreeMap<UniqueId, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    There,
    Gone,
    /// Nobody knows.
    Either,
}

struct Worker {
    place: Arc<Place>,
    random: Random,
    /// What it may delete: messages whose number leaves this, divided by how many there are.
    number: u64,
    of: u64,
}

impl Maildrop {
    pub(crate) fn start(security: Security, workers: u64, random: &mut Random, servers: &Handle) -> Self {
        let locks = random.once_in(2);
        let lacks: Vec<_> =
            ["PIPELINING", "TOP", "RESP-CODES"].into_iter().filter(|_| random.once_in(3)).collect();
        let mut server = Server::builder().user(USER, PASSWORD).maildrop_lock(locks);
        server = lacks.iter().fold(server, |server, name| server.without_pop3_capability(name));
        let name = format!("POP3, {security:?}, without {lacks:?}, locked: {locks}");
        let tally = Tally::new(name, is_explained);
        let quota = if locks { 1 } else { 4 };
        let site = Site::start(tally, server, ENDPOINTS, security, quota, random, servers);
        let client = impatient!(Pop3Client at &site).build().expect("a client");
        let place = Arc::new(Place { client, site, locks, book: Mutex::default() });
        let worker = |number| {
            let random = Random::new(random.next(), 0);
            let worker = Worker { place: Arc::clone(&place), random, number, of: workers };
            Arc::new(tokio::sync::Mutex::new(worker))
        };
        let workers = (0..workers).map(worker).collect();
        Self { place, workers }
    }
}

/// What a bad line can do to a commit, and others to what one wants to read.
fn is_explained(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown || is_gone(error)
}

/// Whether there is no such message: the client knows, or the server says so.
fn is_gone(error: &Error) -> bool {
    let is_read = error.command().is_some_and(|command| command.starts_with("RETR"));
    error.kind() == ErrorKind::Gone || is_read && error.kind() == ErrorKind::Refused
}

impl Scene for Maildrop {
    fn site(&self) -> &Site {
        &self.place.site
    }

    fn pool_status(&self) -> PoolStatus {
        self.place.client.pool_status()
    }

    fn work(&self, until: Instant) -> Vec<JoinHandle<()>> {
        let begin = |worker: &Arc<tokio::sync::Mutex<Worker>>| {
            let worker = Arc::clone(worker);
            tokio::spawn(async move {
                while Instant::now() < until {
                    worker.lock().await.turn().await;
                }
            })
        };
        self.workers.iter().map(begin).collect()
    }

    fn audit(&self) {
        let Place { site, .. } = &*self.place;
        let mut there: BTreeMap<u64, usize> = BTreeMap::new();
        for message in site.account().messages("INBOX").expect("it is there") {
            match number_of(&message.body) {
                Some(number) => *there.entry(number).or_default() += 1,
                None => site.tally.mistake(format!("there is what nobody sent: {}", shown(&message.body))),
            }
        }
        let mut book = self.place.book();
        for (number, count) in &there {
            let fate = book.fates.get(number);
            let may_be = *count == 1 && matches!(fate, Some(Fate::There | Fate::Either));
            site.tally.expect(may_be, format_args!("message {number} is there {count} times: {fate:?}"));
        }
        for (number, fate) in &book.fates {
            let may_be = *fate != Fate::There || there.contains_key(number);
            site.tally
                .expect(may_be, format_args!("message {number} was deleted, and nobody asked for that"));
        }
        book.fates.retain(|number, _| there.contains_key(number));
        book.fates.values_mut().for_each(|fate| *fate = Fate::There);
        book.names.retain(|_, number| there.contains_key(number));
    }

    fn known(&self) -> usize {
        self.place.book().fates.len()
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            let client = &self.place.client;
            client.noop().await?;
            let mut all = Vec::new();
            for _ in 1..self.site().quota {
                all.push(client.create_connection().await?);
            }
            for own in &all {
                client.via(own).stat().await?;
            }
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.place.client.close())
    }
}

impl Place {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message was read whole, by this name. Its number.
    fn read(&self, uid: Option<&UniqueId>, text: &[u8]) -> Option<u64> {
        let number = self.site.tally.read(format_args!("message {uid:?}"), text)?;
        let mut book = self.book();
        let known = uid.and_then(|uid| book.names.insert(uid.clone(), number));
        let is_it = known.is_none_or(|known| known == number);
        self.site.tally.expect(is_it, format_args!("{uid:?} is message {number}, and was {known:?}"));
        Some(number)
    }

    /// A message couldn't be had because it isn't there.
    fn cant_be_had(&self, uid: &UniqueId) {
        let book = self.book();
        let fate = book.names.get(uid).and_then(|number| book.fates.get(number));
        // Without the lock another connection may have been there before it came.
        let is_there = self.locks && fate == Some(&Fate::There);
        self.site.tally.expect(!is_there, format_args!("{uid} is there and can't be had"));
    }
}

impl Worker {
    /// A few calls, on one kind of connection or the other.
    async fn turn(&mut self) {
        let place = Arc::clone(&self.place);
        let (client, tally) = (&place.client, &place.site.tally);
        self.mail_comes();
        match self.random.within(0..8) {
            0..4 => self.calls(client).await,
            4 if place.site.quota > 1 => {
                let made = tally.call("create_default_connection", client.create_default_connection()).await;
                if let Some(Ok(_default)) = made {
                    self.calls(client).await;
                }
            }
            5 if place.site.quota > 1 => {
                let made = tally.call("create_connection", client.create_connection()).await;
                if let Some(Ok(own)) = made {
                    self.calls(&client.via(&own)).await;
                }
            }
            6 => {
                let counting = client.begin(|client| async move { Ok(client.stat().await?.count) });
                match counting {
                    Ok(pending) => drop(tally.call("begun", pending).await),
                    Err(error) => tally.called("begin", &Err::<(), _>(error)),
                }
            }
            _ => {
                let limit = Duration::from_millis(self.random.within(1..1_000));
                self.calls(&client.with_deadline(limit)).await;
            }
        }
    }

    /// One message more, for this worker.
    fn mail_comes(&self) {
        let mut book = self.place.book();
        let own = book.fates.keys().filter(|number| *number % self.of == self.number).count();
        if own >= MOST {
            return;
        }
        let number = self.place.site.tally.next_message() * self.of + self.number;
        book.fates.insert(number, Fate::There);
        drop(book);
        self.place.site.account().deliver("INBOX", message(number)).expect("there is room");
    }

    async fn calls(&mut self, client: &Pop3Client) {
        match self.random.within(0..8) {
            0 => self.look(client).await,
            1 | 2 => self.read_one(client).await,
            3 => self.read_many(client).await,
            _ => {
                let tally = &self.place.site.tally;
                let session = tally.call_or_leave(&mut self.random, "session", client.session()).await;
                if let Some(Ok(session)) = session {
                    self.session(session).await;
                }
            }
        }
    }

    async fn look(&mut self, client: &Pop3Client) {
        let tally = &self.place.site.tally;
        drop(tally.call_or_leave(&mut self.random, "list", client.list()).await);
        drop(tally.call_or_leave(&mut self.random, "stat", client.stat()).await);
        drop(tally.call_or_leave(&mut self.random, "noop", client.noop()).await);
    }

    async fn read_one(&mut self, client: &Pop3Client) {
        let place = Arc::clone(&self.place);
        let tally = &place.site.tally;
        let Some(Ok(uids)) = tally.call_or_leave(&mut self.random, "uidl", client.uidl()).await else {
            return;
        };
        let Some(uid) = self.any_of(&uids) else { return };
        let leaves_off = self.random.once_in(8);
        let retrieve = async {
            let reader = client.retrieve(&uid).await?;
            if leaves_off { first_of(reader).await.map(|_| None) } else { reader.bytes().await.map(Some) }
        };
        match tally.call_or_leave(&mut self.random, "retrieve", retrieve).await {
            Some(Ok(Some(text))) => drop(place.read(Some(&uid), &text)),
            Some(Err(error)) if is_gone(&error) => place.cant_be_had(&uid),
            _ => {}
        }
    }

    async fn read_many(&mut self, client: &Pop3Client) {
        let place = Arc::clone(&self.place);
        let tally = &place.site.tally;
        let Some(Ok(uids)) = tally.call("uidl", client.uidl()).await else { return };
        let wanted: Vec<_> = uids.into_iter().filter(|_| !self.random.once_in(4)).take(20).collect();
        let mut stream = client.retrieve_all(&wanted);
        let read = async {
            let mut told = wanted.iter();
            while let Some(next) = stream.next().await {
                // A message that can't be had stands in its place, and so does the end of them all.
                let Some(uid) = told.next() else {
                    tally.mistake("more messages came than were asked for");
                    break;
                };
                match next {
                    Ok(next) => {
                        let is_it = next.which.to_string() == uid.to_string();
                        tally.expect(is_it, format_args!("{} came in the place of {uid}", next.which));
                        let text = next.content.bytes().await?;
                        place.read(Some(uid), &text);
                    }
                    Err(error) if is_gone(&error) => place.cant_be_had(uid),
                    Err(error) => return Err(error),
                }
            }
            let left = told.count();
            tally.expect(left == 0, format_args!("{left} of {} messages were left out", wanted.len()));
            Ok(())
        };
        let _ = tally.call_or_leave(&mut self.random, "retrieve_all", read).await;
    }

    /// Reads some of what is there, deletes what is its own of that, and ends the session in some way.
    async fn session(&mut self, session: Session) {
        let place = Arc::clone(&self.place);
        let tally = &place.site.tally;
        let Some(Ok(listed)) = tally.call("list", session.list()).await else { return };
        let (mut marked, mut is_unsure) = (Vec::new(), false);
        for listed in listed {
            if self.random.once_in(3) {
                continue;
            }
            let retrieve = async { session.retrieve(listed.number).await?.bytes().await };
            let text = match tally.call_or_leave(&mut self.random, "retrieve", retrieve).await {
                Some(Ok(text)) => text,
                // Deleted by another session meanwhile, which the lock would have kept out.
                Some(Err(error)) if is_gone(&error) && !place.locks => continue,
                Some(Err(_)) => return,
                None => continue,
            };
            let Some(number) = place.read(listed.uid.as_ref(), &text) else { continue };
            if number % self.of != self.number {
                continue;
            }
            match tally.call_or_leave(&mut self.random, "delete", session.delete(listed.number)).await {
                Some(Ok(())) => marked.push(number),
                Some(Err(_)) => return,
                None => is_unsure = true,
            }
        }
        match self.random.within(0..8) {
            0 => drop(session),
            1 => {
                let close = async {
                    session.close().await;
                    Ok(())
                };
                drop(tally.call("close", close).await);
            }
            turn => {
                if turn == 2 {
                    let Some(Ok(())) = tally.call("undelete_all", session.undelete_all()).await else {
                        return;
                    };
                    marked.clear();
                    is_unsure = false;
                }
                self.commit(session, &marked, is_unsure).await;
            }
        }
    }

    async fn commit(&mut self, session: Session, marked: &[u64], is_unsure: bool) {
        let place = Arc::clone(&self.place);
        let tally = &place.site.tally;
        let fates = |number: &u64| place.book().fates.get(number).copied();
        let before: Vec<_> = marked.iter().map(fates).collect();
        let set = |fate: &dyn Fn(usize) -> Option<Fate>| {
            let mut book = place.book();
            for (at, number) in marked.iter().enumerate() {
                if let Some(fate) = fate(at) {
                    book.fates.insert(*number, fate);
                }
            }
        };
        set(&|_| Some(Fate::Either));
        let commit = async {
            match session.commit().await {
                // It isn't known what would be deleted, and the client says so.
                Err(error) if error.kind() == ErrorKind::Argument && is_unsure => Ok(false),
                outcome => outcome.map(|()| true),
            }
        };
        match tally.call_or_leave(&mut self.random, "commit", commit).await {
            Some(Ok(true)) => set(&|_| Some(Fate::Gone)),
            Some(Err(error)) if error.kind() == ErrorKind::OutcomeUnknown => {
                tally.expect(!error.is_retryable(), "what may be done says that it may be tried again");
            }
            Some(Ok(false) | Err(_)) => set(&|at| before[at]),
            None => {}
        }
    }

    fn any_of(&mut self, uids: &[UniqueId]) -> Option<UniqueId> {
        let index = self.random.next() as usize % uids.len().max(1);
        uids.get(index).cloned()
    }
}

/// The beginning of a message whose rest nobody wants.
async fn first_of(mut reader: MessageReader) -> Result<()> {
    reader.chunk().await.map(drop)
}
