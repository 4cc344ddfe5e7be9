//! IMAP: mail that is stored, read, searched, marked, copied, moved and removed, by tasks and by threads.

mod book;
mod threads;
mod worker;

use std::sync::Arc;

use futures_core::future::BoxFuture;
use mail_client::{
    Error, ErrorKind, Result,
    imap::{ImapClient, PoolStatus},
};
use mail_testkit::{Endpoint, Server};
use tokio::{runtime::Handle, sync::Mutex, task::JoinHandle, time::Instant};

pub(crate) use self::threads::Threads;
use self::{
    book::{Book, MAILBOXES},
    worker::{Mine, Place, Worker},
};
use crate::{
    random::Random,
    scene::{PASSWORD, Scene, Security, Site, USER, impatient},
    tally::Tally,
};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::ImapPlain, Endpoint::ImapStartTls, Endpoint::ImapTls];

/// Tasks on one client.
pub(crate) struct Tasks {
    place: Arc<Place>,
    workers: Vec<Arc<Mutex<Worker>>>,
}

impl Tasks {
    pub(crate) fn start(security: Security, workers: u64, random: &mut Random, servers: &Handle) -> Self {
        let lacks: Vec<_> =
            ["MOVE", "LITERAL+", "NOTIFY", "CONDSTORE"].into_iter().filter(|_| random.once_in(3)).collect();
        let compresses = random.once_in(4);
        let name = format!("IMAP, {security:?}, without {lacks:?}, compressed: {compresses}");
        let site = site(name, &lacks, security, random, servers);
        let client = impatient!(ImapClient at &site).compress(compresses).build().expect("a client");
        let moves_at_once = !lacks.contains(&"MOVE");
        let place = Arc::new(Place { client, site, book: Book::default(), moves_at_once });
        let worker = |_| Arc::new(Mutex::new(Worker::new(Arc::clone(&place), Random::new(random.next(), 0))));
        let workers = (0..workers).map(worker).collect();
        Self { place, workers }
    }
}

impl Scene for Tasks {
    fn site(&self) -> &Site {
        &self.place.site
    }

    fn pool_status(&self) -> PoolStatus {
        self.place.client.pool_status()
    }

    fn work(&self, until: Instant) -> Vec<JoinHandle<()>> {
        let workers = self.workers.iter();
        workers.map(|worker| tokio::spawn(worker::work(Arc::clone(worker), until))).collect()
    }

    fn audit(&self) {
        self.place.book.audit(&self.site().account(), &self.site().tally);
        for worker in &self.workers {
            match worker.try_lock() {
                Ok(worker) => worker.mine().iter().for_each(|mine| look_for(self.site(), *mine)),
                Err(_) => self.site().tally.mistake("a worker isn't done"),
            }
        }
    }

    fn known(&self) -> usize {
        self.place.book.len()
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
                client.via(own).examine("INBOX").await?;
            }
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.place.client.close())
    }
}

fn site(
    name: String,
    lacks: &[&str],
    security: Security,
    random: &mut Random,
    servers: &Handle,
) -> Arc<Site> {
    let mut server = Server::builder().user(USER, PASSWORD);
    server = MAILBOXES[1..].iter().fold(server, |server, mailbox| server.mailbox(mailbox));
    server = lacks.iter().fold(server, |server, name| server.without_capability(*name));
    // Somebody else may have removed it.
    let tally = Tally::new(name, |error: &Error| {
        matches!(error.kind(), ErrorKind::CopiedNotRemoved | ErrorKind::Gone)
    });
    Site::start(tally, server, ENDPOINTS, security, 10, random, servers)
}

/// What a worker knows of is there, with its UID.
fn look_for(site: &Site, mine: Mine) {
    let held = site.account().messages(MAILBOXES[mine.mailbox]).expect("it is there");
    let is_there = held.iter().any(|message| {
        let is_flagged = message.flags.iter().any(|flag| flag == "\\Flagged");
        message.uid == mine.uid && mine.has(&message.body) && (is_flagged || !mine.is_flagged)
    });
    site.tally.expect(is_there, format_args!("{mine:?} is not what is there"));
}

/// What became of a change.
enum Became<T> {
    Done(T),
    NotDone,
    /// Done or not, now or later.
    Unknown(Option<Error>),
}

impl<T> From<Option<Result<T>>> for Became<T> {
    /// `None` is a call that was given up.
    fn from(outcome: Option<Result<T>>) -> Self {
        match outcome {
            Some(Ok(done)) => Self::Done(done),
            // What may be tried again must not be done by then, or it is done twice.
            Some(Err(error)) if !error.was_written() || error.is_retryable() => Self::NotDone,
            Some(Err(error)) => Self::Unknown(Some(error)),
            None => Self::Unknown(None),
        }
    }
}
