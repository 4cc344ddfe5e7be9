//! The same without async: threads that store mail, read it and remove it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use futures_core::future::BoxFuture;
use mail_client::{
    Result,
    blocking::ImapClient,
    imap::{FetchItems, NewMessage, PoolStatus, Removal, SequenceSet},
};
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle, time::Instant};

use super::{
    Became,
    book::{Book, MAILBOXES},
    look_for, site,
    worker::Mine,
};
use crate::{
    random::Random,
    scene::{Scene, Security, Site, impatient},
    text::message,
};

/// A worker removes mail when it has more.
const MOST: usize = 12;

/// Threads on one client.
pub(crate) struct Threads {
    place: Arc<Place>,
    workers: Vec<Arc<Mutex<Worker>>>,
}

struct Place {
    client: ImapClient,
    site: Arc<Site>,
    book: Book,
}

struct Worker {
    place: Arc<Place>,
    random: Random,
    mine: Vec<Mine>,
}

impl Threads {
    pub(crate) fn start(security: Security, workers: u64, random: &mut Random, servers: &Handle) -> Self {
        let site = site(format!("IMAP from threads, {security:?}"), &[], security, random, servers);
        let client = impatient!(ImapClient at &site).build_blocking().expect("a client");
        let place = Arc::new(Place { client, site, book: Book::default() });
        let worker = |_| {
            let (place, random) = (Arc::clone(&place), Random::new(random.next(), 0));
            Arc::new(Mutex::new(Worker { place, random, mine: Vec::new() }))
        };
        let workers = (0..workers).map(worker).collect();
        Self { place, workers }
    }
}

impl Scene for Threads {
    fn site(&self) -> &Site {
        &self.place.site
    }

    fn pool_status(&self) -> PoolStatus {
        self.place.client.pool_status()
    }

    fn work(&self, until: Instant) -> Vec<JoinHandle<()>> {
        let begin = |worker: &Arc<Mutex<Worker>>| {
            let worker = Arc::clone(worker);
            // Dropped by a thread that panics.
            let (done, ended) = oneshot::channel();
            thread::spawn(move || {
                while Instant::now() < until {
                    worker.lock().unwrap_or_else(PoisonError::into_inner).turn();
                }
                done.send(())
            });
            tokio::spawn(async { ended.await.expect("the thread doesn't panic") })
        };
        self.workers.iter().map(begin).collect()
    }

    fn audit(&self) {
        self.place.book.audit(&self.site().account(), &self.site().tally);
        for worker in &self.workers {
            let worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
            worker.mine.iter().for_each(|mine| look_for(self.site(), *mine));
        }
    }

    fn known(&self) -> usize {
        self.place.book.len()
    }

    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            let client = self.place.client.to_async();
            client.noop().await?;
            let mut all = Vec::new();
            for _ in 1..self.site().quota {
                all.push(client.create_connection().await?);
            }
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let client = self.place.client.clone();
            tokio::task::spawn_blocking(move || client.close()).await.expect("it doesn't panic");
        })
    }
}

impl Worker {
    /// A few calls, on one kind of connection or the other.
    fn turn(&mut self) {
        let place = Arc::clone(&self.place);
        let (client, tally) = (&place.client, &place.site.tally);
        match self.random.within(0..6) {
            0..3 => client.scope(|| self.calls(client)),
            3 => {
                let made = client.create_default_connection();
                tally.called("create_default_connection", &made);
                if made.is_ok() {
                    self.calls(client);
                }
            }
            4 => {
                let own = client.create_connection();
                tally.called("create_connection", &own);
                if let Ok(own) = own {
                    self.calls(&client.via(&own));
                }
            }
            _ => {
                let begun = client.begin(|client| Ok(client.examine("INBOX")?.exists()));
                let ended = begun.and_then(|begun| begun.wait());
                tally.called("begun", &ended);
            }
        }
    }

    fn calls(&mut self, client: &ImapClient) {
        for _ in 0..self.random.within(1..5) {
            match self.random.within(0..4) {
                _ if self.mine.is_empty() => self.append(client),
                _ if self.mine.len() > MOST => self.delete(client),
                0 => self.append(client),
                1 | 2 => self.fetch(client),
                _ => self.delete(client),
            }
        }
    }

    fn append(&mut self, client: &ImapClient) {
        let Place { site, book, .. } = &*self.place;
        let number = site.tally.next_message();
        book.enter(number);
        let mailbox = self.random.within(0..MAILBOXES.len() as u64) as usize;
        let after = book.after(number, |copies| copies[mailbox] += 1);
        let either: Vec<_> = book.worlds(number).into_iter().chain(after.clone()).collect();
        let text = message(number);
        let new = if self.random.once_in(3) {
            let len = text.len() as u64;
            NewMessage::from_blocking_reader(std::io::Cursor::new(text), len)
        } else {
            NewMessage::new(text)
        };
        let before = book.worlds(number);
        book.is(number, either);
        let outcome = client.append(MAILBOXES[mailbox], new);
        site.tally.called("append", &outcome);
        match Became::from(Some(outcome)) {
            Became::Done(appended) => {
                book.is(number, after);
                match appended.uid {
                    Some(uid) => self.mine.push(Mine::new(number, mailbox, uid)),
                    None => site.tally.mistake(format!("nothing says what UID {number} has")),
                }
            }
            Became::NotDone => book.is(number, before),
            Became::Unknown(_) => {}
        }
    }

    fn fetch(&mut self, client: &ImapClient) {
        let Place { site, .. } = &*self.place;
        let index = self.random.within(0..self.mine.len() as u64) as usize;
        let mine = self.mine[index];
        let opened = client.examine(MAILBOXES[mine.mailbox]);
        site.tally.called("examine", &opened);
        let Ok(mailbox) = opened else { return };
        let first = mine.uid.saturating_sub(self.random.within(0..20) as u32).max(1);
        let leaves_off = self.random.once_in(10);
        let mut found = false;
        for fetched in mailbox.fetch(SequenceSet::from(first..=mine.uid), FetchItems::new().flags().body()) {
            let read = fetched.and_then(|message| Ok((message.uid(), message.into_body().bytes()?)));
            // Others remove theirs meanwhile.
            if read.as_ref().is_err_and(|error| error.kind() == mail_client::ErrorKind::Gone) {
                continue;
            }
            site.tally.called("fetch", &read);
            let Ok((uid, text)) = read else { return };
            site.tally.read(format_args!("the body of {uid}"), &text);
            if uid == mine.uid {
                site.tally.expect(!found, format_args!("{mine:?} was given twice"));
                site.tally.expect(mine.has(&text), format_args!("{mine:?} is another message"));
                found = true;
            }
            if leaves_off {
                return;
            }
        }
        site.tally.expect(found, format_args!("{mine:?} was not given"));
    }

    fn delete(&mut self, client: &ImapClient) {
        let Place { site, book, .. } = &*self.place;
        let index = self.random.within(0..self.mine.len() as u64) as usize;
        let mine = self.mine[index];
        let opened = client.select(MAILBOXES[mine.mailbox]);
        site.tally.called("select", &opened);
        let Ok(mailbox) = opened else { return };
        let before = book.worlds(mine.number);
        let after =
            book.after(mine.number, |copies| copies[mine.mailbox] = copies[mine.mailbox].wrapping_sub(1));
        book.is(mine.number, before.iter().chain(&after).copied());
        self.mine.swap_remove(index);
        let outcome = mailbox.delete(mine.uid);
        site.tally.called("delete", &outcome);
        match Became::from(Some(outcome)) {
            Became::Done(removal) => {
                book.is(mine.number, after);
                site.tally.expect(removal == Removal::Expunged, format_args!("{mine:?} is still there"));
            }
            Became::NotDone => {
                book.is(mine.number, before);
                self.mine.push(mine);
            }
            Became::Unknown(_) => {}
        }
    }
}
