//! SMTP: mail that is sent, and delivered once, or not at all, or nobody knows and then at most once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::RangeInclusive,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_core::future::BoxFuture;
use mail_client::{
    Error, ErrorKind, Result,
    smtp::{Address, Mail, PoolStatus, Sent, SmtpClient, Transfer},
};
use mail_testkit::{Endpoint, Server};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    random::Random,
    scene::{PASSWORD, Scene, Security, Site, USER, impatient},
    tally::Tally,
    text::{message, number_of, shown},
};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::SmtpPlain, Endpoint::SmtpStartTls, Endpoint::SmtpTls];

/// Who may get mail, and two who never do.
const TAKEN: [&str; 3] = ["kim@example.org", "bob@example.org", "zoe@example.org"];
const REFUSED: [(&str, &str); 2] =
    [("nobody@example.org", "550 5.1.1 no such user"), ("later@example.org", "450 4.2.1 try later")];

/// Tasks on one client.
pub(crate) struct Submission {
    place: Arc<Place>,
    workers: Vec<Arc<tokio::sync::Mutex<Worker>>>,
}

struct Place {
    client: SmtpClient,
    site: Arc<Site>,
    chunks: bool,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    letters: BTreeMap<u64, Letter>,
    /// How many of the server's submissions were looked at.
    looked_at: usize,
}

/// A message, and what is known of it.
struct Letter {
    /// Those of its recipients who aren't refused.
    taken: BTreeSet<&'static str>,
    /// How often it may have been delivered.
    may_be: RangeInclusive<u32>,
    delivered: u32,
    /// How often it was found to be as it must.
    audits: u32,
}

struct Worker {
    place: Arc<Place>,
    random: Random,
}

impl Submission {
    pub(crate) fn start(security: Security, workers: u64, random: &mut Random, servers: &Handle) -> Self {
        let lacks: Vec<_> = ["PIPELINING", "CHUNKING", "SIZE", "ENHANCEDSTATUSCODES"]
            .into_iter()
            .filter(|_| random.once_in(3))
            .collect();
        let mut server = Server::builder().user(USER, PASSWORD);
        server = REFUSED.iter().fold(server, |server, (who, reply)| server.refuse_recipient(who, *reply));
        server = lacks.iter().fold(server, |server, name| server.without_smtp_keyword(name));
        let name = format!("SMTP, {security:?}, without {lacks:?}");
        let tally = Tally::new(name, |error: &Error| error.kind() == ErrorKind::OutcomeUnknown);
        let site = Site::start(tally, server, ENDPOINTS, security, 5, random, servers);
        let client = impatient!(SmtpClient at &site).end_timeout(Duration::from_secs(3));
        let client = client.build().expect("a client");
        let chunks = !lacks.contains(&"CHUNKING");
        let place = Arc::new(Place { client, site, chunks, book: Mutex::default() });
        let worker = |_| {
            let (place, random) = (Arc::clone(&place), Random::new(random.next(), 0));
            Arc::new(tokio::sync::Mutex::new(Worker { place, random }))
        };
        let workers = (0..workers).map(worker).collect();
        Self { place, workers }
    }
}

impl Scene for Submission {
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
        let submissions = site.server.submissions();
        let mut book = self.place.book();
        let Book { letters, looked_at } = &mut *book;
        for submission in &submissions[*looked_at..] {
            let number = number_of(&submission.message);
            let Some(letter) = number.and_then(|number| letters.get_mut(&number)) else {
                site.tally.mistake(format!("delivered, and not sent now: {}", shown(&submission.message)));
                continue;
            };
            letter.delivered += 1;
            let to: BTreeSet<_> = submission.recipients.iter().map(|(to, _)| to.as_str()).collect();
            let is_right = to == letter.taken;
            site.tally
                .expect(is_right, format_args!("message {number:?} went to {to:?}, not {:?}", letter.taken));
        }
        *looked_at = submissions.len();
        for (number, letter) in letters.iter_mut() {
            let Letter { may_be, delivered, .. } = letter;
            let is_right = may_be.contains(delivered);
            site.tally.expect(
                is_right,
                format_args!("message {number} was delivered {delivered} times, not {may_be:?}"),
            );
            letter.audits += 1;
        }
        // What was too late for one audit would be seen by the next.
        letters.retain(|_, letter| letter.audits < 2);
    }

    fn known(&self) -> usize {
        self.place.book().letters.len()
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
                client.via(own).noop().await?;
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

    /// A message's sending ended, or was given up.
    fn ended(&self, number: u64, is_broken: bool, outcome: Option<&Result<Sent>>) {
        let tally = &self.site.tally;
        let mut book = self.book();
        let Some(letter) = book.letters.get_mut(&number) else { return };
        letter.may_be = match outcome {
            Some(Ok(sent)) => {
                let accepted = sent.recipients().iter().filter(|one| one.outcome.is_accepted());
                let accepted: BTreeSet<_> = accepted.map(|one| one.address.as_str()).collect();
                tally.expect(
                    accepted == letter.taken,
                    format_args!("{number} is said to be for {accepted:?}"),
                );
                tally.expect(!is_broken, format_args!("{number} was sent, and its source fails"));
                1..=1
            }
            Some(Err(error)) if error.kind() == ErrorKind::OutcomeUnknown => {
                tally.expect(!error.is_retryable(), "what may be done says that it may be tried again");
                0..=1
            }
            Some(Err(error)) => {
                let is_refused = error.kind() == ErrorKind::Refused;
                tally.expect(
                    !is_refused || letter.taken.is_empty(),
                    format_args!("{number} was refused: {error}"),
                );
                let is_source = error.kind() == ErrorKind::Argument;
                tally.expect(!is_source || is_broken, format_args!("{number} has no source: {error}"));
                0..=0
            }
            // Nobody heard what came of it; what was never begun wasn't delivered either.
            None => 0..=1,
        };
    }
}

/// A message that is to be sent.
struct Draft {
    number: u64,
    /// Whether it can't be read to its end.
    is_broken: bool,
    mail: Mail,
}

impl Worker {
    /// A few calls, on one kind of connection or the other.
    async fn turn(&mut self) {
        let place = Arc::clone(&self.place);
        let (client, tally) = (&place.client, &place.site.tally);
        match self.random.within(0..9) {
            0..3 => self.send(client).await,
            3 => {
                let made = tally.call("create_default_connection", client.create_default_connection()).await;
                if let Some(Ok(_default)) = made {
                    self.send(client).await;
                    self.send(client).await;
                }
            }
            4 => {
                let made = tally.call("create_connection", client.create_connection()).await;
                if let Some(Ok(own)) = made {
                    self.send(&client.via(&own)).await;
                    drop(tally.call("noop", client.via(&own).noop()).await);
                    self.send(&client.via(&own)).await;
                }
            }
            5 => {
                let limit = Duration::from_millis(self.random.within(1..500));
                self.send(&client.with_deadline(limit)).await;
            }
            6 => self.begin(client).await,
            _ => self.send_many(client).await,
        }
    }

    fn draft(&mut self) -> Draft {
        let number = self.place.site.tally.next_message();
        let mut to: Vec<_> = TAKEN.into_iter().filter(|_| self.random.once_in(2)).collect();
        let taken = to.iter().copied().collect();
        to.extend(REFUSED.iter().map(|(who, _)| *who).filter(|_| self.random.once_in(6)));
        if to.is_empty() {
            to.push(REFUSED[0].0);
        }
        self.random.shuffle(&mut to);
        let letter = Letter { taken, may_be: 0..=0, delivered: 0, audits: 0 };
        self.place.book().letters.insert(number, letter);

        let text = message(number);
        let is_broken = self.random.once_in(15);
        let len = text.len() as u64;
        let read = if is_broken { self.random.within(0..len) } else { len };
        let mail = match self.random.within(0..4) {
            _ if is_broken => {
                let source = io::Cursor::new(text).take(read).chain(Broken);
                Mail::from_reader(source, len)
            }
            0 => Mail::from_reader(io::Cursor::new(text), None),
            1 => Mail::from_reader(io::Cursor::new(text), len),
            _ => Mail::new(text),
        };
        let to = to.iter().map(|to| Address::new(to).expect("an address"));
        let mut mail = mail.sender(Address::new("kim@example.org").expect("an address")).to(to);
        if self.place.chunks && self.random.once_in(2) {
            mail = mail.transfer(Transfer::Chunks);
        }
        Draft { number, is_broken, mail }
    }

    /// Makes the call of one message, and writes down what came of it.
    async fn send(&mut self, client: &SmtpClient) {
        let Draft { number, is_broken, mail } = self.draft();
        let place = Arc::clone(&self.place);
        let outcome = self.call("send", is_broken, client.send(mail)).await;
        place.ended(number, is_broken, outcome.as_ref());
    }

    async fn call(
        &mut self,
        name: &str,
        is_broken: bool,
        call: impl Future<Output = Result<Sent>>,
    ) -> Option<Result<Sent>> {
        // What is to fail in itself is no strange error.
        let mut failed = None;
        let call = async {
            match call.await {
                Err(error) if is_expected(&error, is_broken) => {
                    failed = Some(error);
                    Ok(None)
                }
                outcome => outcome.map(Some),
            }
        };
        let place = Arc::clone(&self.place);
        let outcome = place.site.tally.call_or_leave(&mut self.random, name, call).await?;
        match outcome {
            Ok(Some(sent)) => Some(Ok(sent)),
            Ok(None) => failed.map(Err),
            Err(error) => Some(Err(error)),
        }
    }

    async fn begin(&mut self, client: &SmtpClient) {
        let Draft { number, is_broken, mail } = self.draft();
        let place = Arc::clone(&self.place);
        let pending = match client.begin_send(mail) {
            Ok(pending) => pending,
            Err(error) => return place.site.tally.called("begin_send", &Err::<(), _>(error)),
        };
        let outcome = if self.random.once_in(6) {
            let canceller = pending.canceller();
            let patience = Duration::from_millis(self.random.within(0..100));
            let outcome = timeout(patience, pending).await.ok();
            if outcome.is_none() {
                canceller.cancel();
            }
            outcome
        } else {
            self.call("begin_send", is_broken, pending).await
        };
        place.ended(number, is_broken, outcome.as_ref());
    }

    async fn send_many(&mut self, client: &SmtpClient) {
        let place = Arc::clone(&self.place);
        let tally = &place.site.tally;
        let drafts: Vec<_> = (0..self.random.within(1..8)).map(|_| self.draft()).collect();
        let about: Vec<_> = drafts.iter().map(|draft| (draft.number, draft.is_broken)).collect();
        let mails = drafts.into_iter().map(|draft| draft.mail);
        let mut sending = client.send_many(mails).connections(self.random.within(1..4) as usize);
        let mut told = BTreeSet::new();
        let all = async {
            while let Some(one) = sending.next().await {
                let (number, is_broken) = about[one.index];
                tally.expect(told.insert(one.index), format_args!("{number} was told twice"));
                if !one.outcome.as_ref().is_err_and(|error| is_expected(error, is_broken)) {
                    tally.called("send_many", &one.outcome);
                }
                place.ended(number, is_broken, Some(&one.outcome));
            }
            Ok(())
        };
        let ended = tally.call_or_leave(&mut self.random, "all of send_many", all).await;
        drop(sending);
        let untold = || about.iter().enumerate().filter(|(index, _)| !told.contains(index));
        tally.expect(ended.is_none() || untold().count() == 0, "nobody says what became of a message");
        untold().for_each(|(_, (number, is_broken))| place.ended(*number, *is_broken, None));
    }
}

/// Whether a message fails for what it is: nobody may get it, or it can't be read.
fn is_expected(error: &Error, is_broken: bool) -> bool {
    error.kind() == ErrorKind::Refused || is_broken && error.kind() == ErrorKind::Argument
}

/// Nothing can be read from it.
struct Broken;

impl AsyncRead for Broken {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::other("the disk is broken")))
    }
}
