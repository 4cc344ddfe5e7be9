//! The sessions of POP3.

use std::time::Duration;

use mail_client::{
    ErrorKind, Result,
    pop3::{PoolStatus, Pop3Client, Pop3ClientBuilder, RetrieveStream},
};
use mail_testkit::{Builder, Endpoint};

use super::{
    ledger::{ACQUIRES, CONNECTS, Done, Effect, READS, WRITES},
    stage::{Client, PASSWORD, Session, Stage, USER, Way, trust},
    wire::{BoxFuture, over},
};

impl Client for Pop3Client {
    const MOST: usize = 1;
    const ANSWER: Option<&'static [u8]> = Some(b"-ERR");

    fn probe(&self, stage: &Stage, _: bool) -> BoxFuture<'_, Result<()>> {
        probe(self.clone(), stage.clone())
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

/// Reads the last message, and compares.
fn probe(client: Pop3Client, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        let listed = client.list().await?;
        let there = stage.server.account(USER).expect("the user").messages("INBOX").expect("it is there");
        stage.ledger.expect(listed.len() == there.len(), "the maildrop has another number of messages");
        let Some(last) = listed.last() else { return Ok(()) };
        let message = client.retrieve(&last.uid).await?.bytes().await?;
        stage.ledger.expect(there.last().is_some_and(|last| message == last.body), "another message");
        Ok(())
    })
}

fn plain(stage: &Stage) -> Pop3Client {
    let builder = match stage.way {
        Way::Memory => builder(stage, Endpoint::Pop3Plain).plaintext_without_encryption(),
        Way::Tls => builder(stage, Endpoint::Pop3Tls).tls(trust(&stage.server)),
    };
    builder.build().expect("a client")
}

fn starttls(stage: &Stage) -> Pop3Client {
    let tls = trust(&stage.server);
    builder(stage, Endpoint::Pop3StartTls).starttls().tls(tls).build().expect("a client")
}

fn builder(stage: &Stage, endpoint: Endpoint) -> Pop3ClientBuilder {
    let builder = Pop3Client::builder("localhost", USER).password(PASSWORD).connector(over(stage, endpoint));
    match stage.way {
        Way::Memory => builder,
        Way::Tls => {
            let soon = Duration::from_secs(2);
            builder.acquire_timeout(Some(soon)).cool_down(soon)
        }
    }
}

/// Messages with what could be taken for their end.
const MAIL: [&str; 4] = [
    "Subject: one\r\n\r\nThe first.\r\n",
    "Subject: two\r\n\r\n.\r\n..\r\n+OK\r\n",
    "Subject: three\r\n\r\n-ERR\r\n.x\r\n",
    "\r\n",
];

fn mail(server: Builder) -> Builder {
    server.messages("INBOX", MAIL)
}

async fn connect(client: &Pop3Client, stage: &Stage) -> Result<()> {
    stage.ledger.call("connect", CONNECTS, client.connect()).await?;
    stage.wire.prelude_is_over();
    Ok(())
}

pub(crate) const LOGIN_STARTTLS: Session<Pop3Client> =
    Session::new("POP3 login with STLS", mail, starttls, |client, stage| {
        Box::pin(async move {
            stage.ledger.call("connect", CONNECTS, client.connect()).await?;
            stage.ledger.call("noop", READS, client.noop()).await
        })
    });

/// Reads a stream to its end and compares what comes with these messages, in their order.
async fn read_all(stage: &Stage, mut stream: RetrieveStream, numbers: &[usize]) -> Result<()> {
    for number in numbers {
        let limit = READS + CONNECTS;
        let next = stage.ledger.call("retrieve", limit, async { stream.next().await.transpose() }).await?;
        let Some(message) = next else {
            stage.ledger.mistake(format!("message {number} doesn't come"));
            return Ok(());
        };
        let text = stage.ledger.call("retrieve", READS, message.content.bytes()).await?;
        stage.ledger.gave("retrieve", *number as u32, &text, MAIL[*number].as_bytes());
    }
    let more = stage.ledger.call("retrieve", READS, async { stream.next().await.transpose() }).await?;
    stage.ledger.expect(more.is_none(), "more messages come than were asked for");
    Ok(())
}

fn retrieve(client: Pop3Client, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let listed = stage.ledger.call("list", READS, client.list()).await?;
        stage.ledger.expect(listed.len() == MAIL.len(), "another number of messages");
        let uids: Vec<_> = listed.into_iter().map(|listed| listed.uid).collect();
        read_all(&stage, client.retrieve_all(uids), &[0, 1, 2, 3]).await
    })
}

pub(crate) const RETRIEVE: Session<Pop3Client> = Session::new("POP3 retrieve", mail, plain, retrieve);

pub(crate) const RETRIEVE_WITHOUT_PIPELINING: Session<Pop3Client> = Session::new(
    "POP3 retrieve without PIPELINING",
    |server| mail(server).without_pop3_capability("PIPELINING"),
    plain,
    retrieve,
);

/// Deletes two messages that were read, which the commit does and nothing else.
pub(crate) const DELETE: Session<Pop3Client> =
    Session::new("POP3 delete and commit", mail, plain, |client, stage| {
        Box::pin(async move {
            connect(&client, &stage).await?;
            let ledger = &stage.ledger;
            let session = ledger.call("session", ACQUIRES, client.session()).await?;
            let listed = ledger.call("uidl", READS, session.uidl()).await?;
            ledger.expect(listed.len() == MAIL.len(), "another number of messages");
            read_all(&stage, session.retrieve_all([1, 3]), &[0, 2]).await?;
            ledger.call("delete", WRITES, session.delete(1)).await?;
            ledger.call("delete", WRITES, session.delete(3)).await?;
            let effect = Effect::default().remove("INBOX", MAIL[0]).remove("INBOX", MAIL[2]);
            let committing = async {
                ledger.may_be_lost(MAIL[0]);
                ledger.may_be_lost(MAIL[2]);
                session.commit().await
            };
            ledger.may(&effect);
            let outcome = ledger.call("commit", WRITES, committing).await;
            match &outcome {
                Ok(()) => ledger.is(&effect, Done::Yes),
                // A server that refuses may have deleted some of it.
                Err(error) if matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::Refused) => {}
                // Whatever else it is, nothing is deleted.
                Err(_) => ledger.is(&effect, Done::No),
            }
            outcome
        })
    });

/// Marks a message and thinks better of it: nothing is ever deleted.
pub(crate) const GIVE_UP: Session<Pop3Client> =
    Session::new("POP3 delete and give up", mail, plain, |client, stage| {
        Box::pin(async move {
            connect(&client, &stage).await?;
            let ledger = &stage.ledger;
            let session = ledger.call("session", ACQUIRES, client.session()).await?;
            ledger.call("delete", WRITES, session.delete(2)).await?;
            drop(session);
            let listed = ledger.call("list", READS + CONNECTS, client.list()).await?;
            ledger.expect(listed.len() == MAIL.len(), "another number of messages");
            Ok(())
        })
    });
