//! Servers whose processes are killed, or that are restarted, amid work: every message is accounted for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mail_client::imap::{FetchItems, ImapClient, NewMessage, SequenceSet};
use system_tests::counted::counted;
use tokio::sync::watch;

use crate::place::{Kind, Place};

/// How much is done between two blows, of all calls together.
const BETWEEN: u64 = 12;

/// Each has a mailbox of its own: Courier lets one wait for minutes that several connections open at once.
const TASKS: usize = 12;

pub(crate) async fn every_message_is_accounted_for_while_processes_are_killed(kind: Kind) {
    let place = kind.plain().await;
    let amid = Amid::begin(&place);
    for blow in 1..=16 {
        amid.more_is_done().await;
        if blow % 8 == 0 { place.reload() } else { place.kill_one() }
    }
    amid.end(&place).await;
}

pub(crate) async fn every_message_is_accounted_for_while_the_server_is_restarted(kind: Kind) {
    let mut place = kind.plain().await;
    let amid = Amid::begin(&place);
    for _ in 0..4 {
        amid.more_is_done().await;
        place.restart();
    }
    amid.more_is_done().await;
    amid.end(&place).await;
}

/// Tasks that store mail and read all that is there, until they are told to end.
struct Amid {
    client: ImapClient,
    is_over: Arc<AtomicBool>,
    /// How many messages were stored and answered for.
    stored: watch::Sender<u64>,
    /// What became of each message, by its subject: whether it is there, if that is known.
    tasks: Vec<tokio::task::JoinHandle<BTreeMap<String, Option<bool>>>>,
}

impl Amid {
    fn begin(place: &Place) -> Self {
        let mut wire = place.wire();
        for task in 0..TASKS {
            wire.command(format!("CREATE {}", own_box(place, task)).as_bytes()).unwrap();
        }
        let client = place.builder().max_connections(6).build().unwrap();
        let (is_over, stored) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(0));
        let tasks = (0..TASKS).map(|task| {
            let (client, is_over, stored) = (client.clone(), Arc::clone(&is_over), stored.clone());
            tokio::spawn(work(task, own_box(place, task), client, is_over, stored))
        });
        let tasks = tasks.collect();
        Self { client, is_over, stored, tasks }
    }

    /// Waits until the work has gone on for a while.
    async fn more_is_done(&self) {
        let mut stored = self.stored.subscribe();
        let before = *stored.borrow_and_update();
        stored.wait_for(|stored| *stored >= before + BETWEEN).await.unwrap();
    }

    /// Ends the work, and looks at what came of it.
    async fn end(self, place: &Place) {
        self.is_over.store(true, Ordering::SeqCst);
        let mut appended = BTreeMap::new();
        for task in self.tasks {
            appended.append(&mut task.await.unwrap());
        }
        let status = self.client.pool_status();
        assert!(status.connections.len() <= 6 && status.closed > 3, "{status}");
        self.client.close().await;

        let client = place.client();
        let mut there: BTreeMap<String, usize> = BTreeMap::new();
        for task in 0..TASKS {
            let own = client.examine(own_box(place, task)).await.unwrap();
            let mut mail = own.fetch(SequenceSet::all(), FetchItems::new().body());
            while let Some(message) = mail.next().await {
                let body = message.unwrap().into_body().bytes().await.unwrap();
                let text = String::from_utf8(body.to_vec()).unwrap();
                let subject = text.lines().next().unwrap().strip_prefix("Subject: ").unwrap();
                assert!(text.ends_with("\r\n\r\nhello\r\n"), "{text:?}");
                *there.entry(subject.to_owned()).or_default() += 1;
            }
        }
        for (subject, known) in &appended {
            let count = there.remove(subject).unwrap_or(0);
            match known {
                Some(is_there) => assert_eq!(count, usize::from(*is_there), "{subject}"),
                None => assert!(count <= 1, "{subject} is there {count} times"),
            }
        }
        assert!(there.is_empty(), "nobody sent these: {there:?}");
        client.close().await;
        counted("messages accounted for", appended.len() as u64);
    }
}

fn own_box(place: &Place, task: usize) -> String {
    place.name(&format!("box-{task}"))
}

async fn work(
    task: usize,
    own_box: String,
    client: ImapClient,
    is_over: Arc<AtomicBool>,
    stored: watch::Sender<u64>,
) -> BTreeMap<String, Option<bool>> {
    let mut appended = BTreeMap::new();
    let own = if task.is_multiple_of(3) { client.create_connection().await.ok() } else { None };
    let client = own.as_ref().map_or_else(|| client.clone(), |own| client.via(own));
    for turn in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let subject = format!("letter-{task}-{turn}");
        let letter = NewMessage::new(format!("Subject: {subject}\r\n\r\nhello\r\n"));
        let known = match client.append(&*own_box, letter).await {
            Ok(_) => Some(true),
            // What may be tried again must not be done by then.
            Err(error) if !error.was_written() || error.is_retryable() => Some(false),
            Err(_) => None,
        };
        appended.insert(subject, known);
        stored.send_modify(|stored| *stored += u64::from(known == Some(true)));
        // Reading goes on or ends in an error, and never in something else.
        let Ok(inbox) = client.examine(&*own_box).await else { continue };
        let newest = inbox.uid_next().unwrap_or(1).saturating_sub(20).max(1);
        let mut mail = inbox.fetch(SequenceSet::starting_at(newest), FetchItems::new().body());
        let begin = format!("Subject: letter-{task}-");
        while let Some(message) = mail.next().await {
            let Ok(message) = message else { break };
            if let Ok(body) = message.into_body().bytes().await {
                assert!(body.starts_with(begin.as_bytes()) && body.ends_with(b"\r\n\r\nhello\r\n"));
            }
        }
    }
    appended
}
