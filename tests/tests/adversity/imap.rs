//! The sessions of IMAP.

use std::time::Duration;

use mail_client::{
    Error, Result,
    imap::{
        Change, FetchItems, FetchStream, Flag, ImapClient, ImapClientBuilder, ListQuery, Mailbox, NewMessage,
        PoolStatus, Removal, SearchKey, SequenceSet, StatusItem,
    },
};
use mail_testkit::{Builder, Endpoint};

use super::{
    ledger::{ACQUIRES, CONNECTS, Done, Effect, Ledger, READS, WRITES},
    stage::{Client, HELD_BACK, PASSWORD, Session, Stage, USER, Way, trust},
    wire::{BoxFuture, over},
};

impl Client for ImapClient {
    const MOST: usize = 3;

    fn probe(&self, stage: &Stage, closely: bool) -> BoxFuture<'_, Result<()>> {
        let stage = stage.clone();
        Box::pin(async move {
            self.noop().await?;
            read_inbox(self, &stage, "main").await?;
            if !closely {
                return Ok(());
            }
            // Every place that there is can be had.
            let one = self.create_connection().await?;
            let two = self.create_connection().await?;
            self.via(&one).noop().await?;
            read_inbox(&self.via(&two), &stage, "another").await
        })
    }

    fn retry_login(&self) {
        Self::retry_login(self);
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { Self::close(self).await })
    }

    fn status(&self) -> PoolStatus {
        self.pool_status()
    }
}

/// Reads the first messages of the inbox, and compares.
async fn read_inbox(client: &ImapClient, stage: &Stage, stream: &str) -> Result<()> {
    let inbox = client.examine("INBOX").await?;
    let there = stage.server.account(USER).expect("the user").messages("INBOX").expect("it is there");
    stage.ledger.expect(inbox.exists() as usize == there.len(), "the inbox has another number of messages");
    for message in there.iter().filter(|message| message.body.len() < 10_000).take(1) {
        let mut mail = inbox.fetch(message.uid, FetchItems::new().body());
        let found = mail.next().await.transpose()?;
        let Some(found) = found else {
            stage.ledger.mistake(format!("the probe on {stream}: message {} doesn't come", message.uid));
            continue;
        };
        let body = found.into_body().bytes().await?;
        // The probe may be made more than once.
        stage.ledger.expect(body == message.body, format_args!("the probe on {stream}: another message"));
    }
    Ok(())
}

/// A client in the clear, or where that goes over TCP, over TLS.
fn plain(stage: &Stage) -> ImapClient {
    usual(stage).build().expect("a client")
}

fn compressed(stage: &Stage) -> ImapClient {
    usual(stage).compress(true).build().expect("a client")
}

fn usual(stage: &Stage) -> ImapClientBuilder {
    match stage.way {
        Way::Memory => builder(stage, Endpoint::ImapPlain).plaintext_without_encryption(),
        Way::Tls => builder(stage, Endpoint::ImapTls).tls(trust(&stage.server)),
    }
}

fn starttls(stage: &Stage) -> ImapClient {
    let tls = trust(&stage.server);
    builder(stage, Endpoint::ImapStartTls).starttls().tls(tls).build().expect("a client")
}

fn builder(stage: &Stage, endpoint: Endpoint) -> ImapClientBuilder {
    let builder = ImapClient::builder("localhost", USER).password(PASSWORD).max_connections(3);
    let builder = builder.connector(over(stage, endpoint));
    match stage.way {
        Way::Memory => builder,
        // Nobody wants to wait that long where time isn't paused.
        Way::Tls => {
            let soon = Duration::from_secs(2);
            builder.acquire_timeout(Some(soon)).cool_down(soon)
        }
    }
}

/// Connects, which is no part of the session's own work.
async fn connect(client: &ImapClient, stage: &Stage) -> Result<()> {
    stage.ledger.call("connect", CONNECTS, client.connect()).await?;
    stage.wire.prelude_is_over();
    Ok(())
}

async fn select(client: &ImapClient, stage: &Stage) -> Result<Mailbox> {
    connect(client, stage).await?;
    stage.ledger.call("select", WRITES, client.select("INBOX")).await
}

/// Five small messages.
const MAIL: [&str; 5] = [
    "Subject: one\r\nFrom: kim@example.org\r\n\r\nThe first.\r\n",
    "Subject: two\r\n\r\nThe second.\r\n",
    "Subject: three\r\n\r\nThe third.\r\n",
    "Subject: four\r\n\r\nThe fourth.\r\n",
    "Subject: five\r\n\r\nThe fifth.\r\n",
];

/// One to put somewhere, with what could be taken for a command or an answer.
const DRAFT: &str = "Subject: new\r\n\r\nA1 OK done {3}\r\n* BYE\r\n.\r\n+ go on\r\n";

fn small(server: Builder) -> Builder {
    server.messages("INBOX", MAIL).mailbox("Archive")
}

fn large_message(len: usize, seed: u8) -> Vec<u8> {
    let head = format!("Subject: large {seed}\r\nContent-Type: text/plain\r\n\r\n");
    let line = |n: usize| format!("{seed} {n:060}\r\n");
    let mut message = head.into_bytes();
    (0..).map(line).take_while(|_| true).take(len / 64).for_each(|line| message.extend(line.into_bytes()));
    message
}

/// 70 KiB and 1.1 MiB, which is two parts.
fn large(server: Builder) -> Builder {
    server.messages(
        "INBOX",
        [MAIL[0].as_bytes().to_vec(), large_message(70 << 10, 1), large_message(1100 << 10, 2)],
    )
}

/// 24 small messages.
fn many(server: Builder) -> Builder {
    server.messages("INBOX", (0..24).map(|seed| large_message(192, seed)))
}

/// Reads a stream to its end and compares what comes.
///
/// `waits` is how long its server may keep it waiting: a SELECT or a SEARCH may be among what it does, as before the first
/// message.
async fn read_all(stage: &Stage, name: &str, mut mail: FetchStream, waits: Duration) -> Result<()> {
    let there = stage.server.account(USER).expect("the user").messages("INBOX").expect("it is there");
    let mut count = 0;
    loop {
        let limit = if count == 0 { WRITES } else { waits };
        let next = stage.ledger.call(name, limit, async { mail.next().await.transpose() }).await?;
        let Some(message) = next else { break };
        count += 1;
        let uid = message.uid();
        let body = stage.ledger.call(name, READS, message.into_body().bytes()).await?;
        match there.iter().find(|stored| stored.uid == uid) {
            Some(stored) => stage.ledger.gave(name, uid, &body, &stored.body),
            None => stage.ledger.mistake(format!("{name}: there is no message {uid}")),
        }
    }
    stage
        .ledger
        .expect(count == there.len(), format_args!("{name} gave {count} of {} messages", there.len()));
    Ok(())
}

pub(crate) const LOGIN_STARTTLS: Session<ImapClient> =
    Session::new("login with STARTTLS", small, starttls, |client, stage| {
        Box::pin(async move {
            stage.ledger.call("connect", CONNECTS, client.connect()).await?;
            stage.ledger.call("noop", READS, client.noop()).await
        })
    });

pub(crate) const LIST: Session<ImapClient> = Session::new(
    "list",
    |server| small(server).mailbox("a/b").mailbox("&AOk-"),
    plain,
    |client, stage| {
        Box::pin(async move {
            connect(&client, &stage).await?;
            let ledger = &stage.ledger;
            let listed = ledger.call("list", READS, client.list("", "*")).await?;
            ledger.expect(listed.len() == 4, format_args!("{} of 4 mailboxes", listed.len()));
            let query = ListQuery::all().with_status([StatusItem::Messages]);
            let listed = ledger.call("list", READS, client.list_mailboxes(query)).await?;
            ledger
                .expect(listed.len() == 4, format_args!("{} of 4 mailboxes with their status", listed.len()));
            Ok(())
        })
    },
)
.surviving();

pub(crate) const SELECT: Session<ImapClient> = Session::new("select", small, plain, |client, stage| {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        stage.ledger.expect(inbox.exists() == 5, "the inbox has another number of messages");
        let archive = stage.ledger.call("examine", WRITES, client.examine("Archive")).await?;
        stage.ledger.expect(archive.exists() == 0, "the archive isn't empty");
        let status = client.status("INBOX", &[StatusItem::Messages, StatusItem::Unseen]);
        let status = stage.ledger.call("status", READS, status).await?;
        stage
            .ledger
            .expect(status.get(StatusItem::Messages) == Some(5), "another number of messages by STATUS");
        Ok(())
    })
});

pub(crate) const FETCH_SMALL: Session<ImapClient> =
    Session::new("fetch, small", small, plain, |client, stage| {
        Box::pin(async move {
            let inbox = select(&client, &stage).await?;
            let items = FetchItems::new().flags().envelope().body_structure().body();
            read_all(&stage, "fetch", inbox.fetch(SequenceSet::all(), items), READS).await
        })
    });

pub(crate) const FETCH_LARGE: Session<ImapClient> =
    Session::new("fetch, large", large, plain, |client, stage| {
        Box::pin(async move {
            let inbox = select(&client, &stage).await?;
            read_all(&stage, "fetch", inbox.fetch(1..=3, FetchItems::new().body()), READS).await
        })
    })
    .one_of(4);

pub(crate) const FETCH_STREAMED: Session<ImapClient> =
    Session::new("fetch, large, on a connection of its own", large, plain, |client, stage| {
        Box::pin(async move {
            let own = stage.ledger.call("connect", CONNECTS, client.create_connection()).await?;
            stage.wire.prelude_is_over();
            let client = client.via(&own);
            let inbox = stage.ledger.call("examine", WRITES, client.examine("INBOX")).await?;
            read_all(&stage, "fetch", inbox.fetch(1..=3, FetchItems::new().body()), READS).await
        })
    })
    .one_of(4);

pub(crate) const FAN_OUT: Session<ImapClient> =
    Session::new("fetch over three connections", many, plain, |client, stage| {
        Box::pin(async move {
            let inbox = select(&client, &stage).await?;
            let mail = inbox.fetch(1..=24, FetchItems::new().body()).connections(3);
            read_all(&stage, "fetch", mail, WRITES).await
        })
    })
    .one_of(8);

pub(crate) const SEARCH: Session<ImapClient> = Session::new("search", small, plain, |client, stage| {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        let ledger = &stage.ledger;
        let found = ledger.call("search", WRITES, inbox.search(SearchKey::subject("t"))).await?;
        ledger.expect(found.uids().to_string() == "2:3", format_args!("found {:?}", found.uids()));
        let found = inbox.search_summary(SearchKey::All);
        let found = ledger.call("search", WRITES, found).await?;
        ledger.expect((found.count, found.max) == (5, Some(5)), "another summary");
        Ok(())
    })
});

pub(crate) const STORE: Session<ImapClient> = Session::new("store", small, plain, |client, stage| {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        let seen = Effect::default().flag("INBOX", MAIL[0], "\\Seen").flag("INBOX", MAIL[1], "\\Seen");
        stage.ledger.change("store", seen, inbox.add_flags(1..=2, [Flag::Seen])).await?;
        let flagged = Effect::default().flag("INBOX", MAIL[2], "\\Flagged");
        stage.ledger.change("store", flagged, inbox.set_flags(3, [Flag::Flagged])).await
    })
});

/// Puts one message into the archive, and one in the flow.
fn append(client: ImapClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let effect = || Effect::default().add("Archive", DRAFT);
        let draft = client.append("Archive", NewMessage::new(DRAFT).flags([Flag::Draft]));
        stage.ledger.change("append", effect(), draft).await?;
        let streamed = NewMessage::from_reader(DRAFT.as_bytes(), DRAFT.len() as u64);
        stage.ledger.change("append", effect(), client.append("Archive", streamed)).await?;
        Ok(())
    })
}

/// Puts a large message into the archive, whole and in the flow.
fn append_large(client: ImapClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let message = large_message(150 << 10, 7);
        let effect = || Effect::default().add("Archive", &message);
        let whole = client.append("Archive", NewMessage::new(message.clone()));
        stage.ledger.change("append", effect(), whole).await?;
        let streamed = NewMessage::from_reader(std::io::Cursor::new(message.clone()), message.len() as u64);
        stage.ledger.change("append", effect(), client.append("Archive", streamed)).await?;
        Ok(())
    })
}

pub(crate) const APPEND_SYNC: Session<ImapClient> = Session::new(
    "append, synchronising",
    |server| small(server).without_capability("LITERAL+"),
    plain,
    append,
);

pub(crate) const APPEND: Session<ImapClient> = Session::new("append", small, plain, append);

pub(crate) const APPEND_LARGE: Session<ImapClient> =
    Session::new("append, large", small, plain, append_large).one_of(4);

/// Puts five messages into the archive at once.
fn append_many(client: ImapClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let effects: Vec<_> = MAIL.iter().map(|message| Effect::default().add("Archive", message)).collect();
        effects.iter().for_each(|effect| stage.ledger.may(effect));
        let outcomes = client.append_many("Archive", MAIL.map(NewMessage::new)).await;
        stage.ledger.expect(outcomes.len() == MAIL.len(), "another number of outcomes");
        let mut first: Option<Error> = None;
        for (effect, outcome) in effects.iter().zip(outcomes) {
            stage.ledger.became(effect, outcome.as_ref().map(drop));
            if let Err(error) = outcome {
                stage.ledger.examine("append_many", &error);
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(()), Err)
    })
}

pub(crate) const APPEND_MANY: Session<ImapClient> = Session::new("append_many", small, plain, append_many);

pub(crate) const APPEND_MANY_ONE_BY_ONE: Session<ImapClient> = Session::new(
    "append_many without MULTIAPPEND",
    |server| small(server).without_capability("MULTIAPPEND"),
    plain,
    append_many,
);

pub(crate) const APPEND_MANY_SYNC: Session<ImapClient> = Session::new(
    "append_many without MULTIAPPEND and LITERAL+",
    |server| small(server).without_capability("MULTIAPPEND").without_capability("LITERAL+"),
    plain,
    append_many,
);

pub(crate) const COPY: Session<ImapClient> = Session::new("copy", small, plain, |client, stage| {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        let effect = Effect::default().add("Archive", MAIL[1]).add("Archive", MAIL[2]);
        let copied = stage.ledger.change("copy", effect, inbox.copy(2..=3, "Archive")).await?;
        stage.ledger.expect(copied.pairs().count() == 2, "another number of copies");
        Ok(())
    })
});

/// Moves two messages into the archive.
fn move_to(client: ImapClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        let flags = Effect::default().flag("INBOX", MAIL[1], "\\Deleted").flag("INBOX", MAIL[2], "\\Deleted");
        // Where there is no MOVE, what stays may be marked.
        stage.ledger.may(&flags);
        let adds = Effect::default().add("Archive", MAIL[1]).add("Archive", MAIL[2]);
        let effect = adds.clone().remove("INBOX", MAIL[1]).remove("INBOX", MAIL[2]);
        stage.ledger.may(&effect);
        let moved = stage.ledger.call("move", WRITES, inbox.move_to(2..=3, "Archive")).await;
        match &moved {
            Ok(moved) if moved.removal() == Removal::MarkedOnly => {
                stage.ledger.is(&adds, Done::Yes);
                stage.ledger.is(&flags, Done::Yes);
                let stays = Effect::default().remove("INBOX", MAIL[1]).remove("INBOX", MAIL[2]);
                stage.ledger.is(&stays, Done::No);
            }
            _ => stage.ledger.became(&effect, moved.as_ref().map(drop)),
        }
        moved.map(drop)
    })
}

pub(crate) const MOVE: Session<ImapClient> = Session::new("move", small, plain, move_to);

pub(crate) const MOVE_WITHOUT_MOVE: Session<ImapClient> =
    Session::new("move without MOVE", |server| small(server).without_capability("MOVE"), plain, move_to);

pub(crate) const MOVE_WITHOUT_UIDPLUS: Session<ImapClient> = Session::new(
    "move without MOVE and UIDPLUS",
    |server| small(server).without_capability("MOVE").without_capability("UIDPLUS"),
    plain,
    move_to,
);

pub(crate) const DELETE: Session<ImapClient> = Session::new("delete", small, plain, |client, stage| {
    Box::pin(async move {
        let inbox = select(&client, &stage).await?;
        stage.ledger.may(&Effect::default().flag("INBOX", MAIL[3], "\\Deleted"));
        let effect = Effect::default().remove("INBOX", MAIL[3]);
        let deleting = async {
            stage.ledger.may_be_lost(MAIL[3]);
            inbox.delete(4).await
        };
        stage.ledger.change("delete", effect, deleting).await.map(|removal| {
            stage.ledger.expect(removal == Removal::Expunged, "it was only marked");
        })
    })
});

/// Watches the inbox while something happens there, and hears of all of it.
fn watch(client: ImapClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let ledger = &stage.ledger;
        let account = stage.server.account(USER).expect("the user");
        let mut watcher = client.watch("INBOX").tell_all().poll_interval(Duration::from_secs(1)).start();
        let mut heard = Vec::new();
        // What happens when so much was heard.
        type Told = fn(&Change) -> bool;
        type Happens = fn(&mail_testkit::Account, &Ledger);
        let happens: [(Told, Happens); 4] = [
            (
                |change| matches!(change, Change::New { uid: 5, .. }),
                |account, ledger| {
                    let effect = Effect::default().add("INBOX", DRAFT);
                    ledger.may(&effect);
                    ledger.is(&effect, Done::Yes);
                    account.deliver("INBOX", DRAFT).expect("the inbox");
                },
            ),
            (
                |change| matches!(change, Change::New { uid: 6, .. }),
                |account, ledger| {
                    let effect = Effect::default().flag("INBOX", MAIL[0], "\\Flagged");
                    ledger.may(&effect);
                    ledger.is(&effect, Done::Yes);
                    account.set_flags("INBOX", 1, ["\\Flagged"]).expect("it is there");
                },
            ),
            (
                |change| matches!(change, Change::Flags { uid: 1, .. }),
                |account, ledger| {
                    let effect = Effect::default().remove("INBOX", MAIL[1]);
                    ledger.may(&effect);
                    ledger.is(&effect, Done::Yes);
                    ledger.may_be_lost(MAIL[1]);
                    account.expunge("INBOX", [2]).expect("the inbox");
                },
            ),
            (|change| matches!(change, Change::Gone { .. }), |_, _| {}),
        ];
        for (until, then) in happens {
            loop {
                let next = async { watcher.next().await.transpose() };
                // A dead line is found out when the server is next asked whether it is there.
                let next = ledger.call("watch", 3 * WRITES, next).await?;
                let Some(change) = next else {
                    ledger.mistake("the watcher ended".to_owned());
                    return Ok(());
                };
                let is_it = until(&change);
                heard.push(change);
                if is_it {
                    break;
                }
            }
            then(&account, ledger);
        }
        for uid in 1..=6 {
            let is_new = |change: &&Change| matches!(change, Change::New { uid: new, .. } if *new == uid);
            ledger.expect(heard.iter().any(|change| is_new(&change)), format_args!("{uid} was not told"));
        }
        Ok(())
    })
}

pub(crate) const WATCH: Session<ImapClient> =
    Session::new("watch by NOTIFY", small, plain, watch).surviving();

pub(crate) const WATCH_IDLE: Session<ImapClient> =
    Session::new("watch by IDLE", |server| small(server).without_capability("NOTIFY"), plain, watch)
        .surviving();

pub(crate) const WATCH_POLL: Session<ImapClient> = Session::new(
    "watch by asking",
    |server| ["NOTIFY", "IDLE", "CONDSTORE"].into_iter().fold(small(server), Builder::without_capability),
    plain,
    watch,
)
.surviving();

pub(crate) const COMPRESSED: Session<ImapClient> =
    Session::new("fetch, compressed", small, compressed, FETCH_SMALL.doings);

pub(crate) const POOL: Session<ImapClient> =
    Session::new("connections of one's own and begun operations", small, plain, |client, stage| {
        Box::pin(async move {
            connect(&client, &stage).await?;
            let ledger = &stage.ledger;
            let own = ledger.call("create_connection", ACQUIRES, client.create_connection()).await?;
            ledger.call("noop", READS, client.via(&own).noop()).await?;
            let begun: Vec<_> = (0..3)
                .map(|_| client.begin(|client| async move { client.list("", "*").await }))
                .collect::<Result<_>>()?;
            for pending in begun {
                ledger.call("begun", HELD_BACK, pending).await?;
            }
            let exclusive = ledger.call("exclusive", ACQUIRES, client.exclusive(&own)).await?;
            ledger.call("exclusive noop", READS, exclusive.client().noop()).await?;
            drop(exclusive);
            let default = ledger.call("default", ACQUIRES, client.create_default_connection()).await?;
            ledger.call("noop", READS, client.noop()).await?;
            default.close().await;
            own.close().await;
            Ok(())
        })
    })
    .one_of(4);
