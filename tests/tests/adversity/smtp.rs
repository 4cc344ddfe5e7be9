//! The sessions of SMTP.

use std::time::Duration;

use mail_client::{
    Result,
    smtp::{Address, Mail, PoolStatus, SmtpClient, SmtpClientBuilder},
};
use mail_testkit::{Builder, Endpoint};

use super::{
    ledger::{CONNECTS, Effect, READS},
    stage::{Client, PASSWORD, Session, Stage, USER, Way, trust},
    wire::{BoxFuture, over},
};

/// How long the end of a message may take (RFC 5321 section 4.5.3.2.6), and what comes before it each.
const SENDS: Duration = Duration::from_secs(600);

impl Client for SmtpClient {
    const MOST: usize = 3;
    const ANSWER: Option<&'static [u8]> = Some(b"500");

    fn probe(&self, _: &Stage, closely: bool) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.noop().await?;
            if !closely {
                return Ok(());
            }
            // Every place that there is can be had.
            let one = self.create_connection().await?;
            let two = self.create_connection().await?;
            self.via(&one).noop().await?;
            self.via(&two).noop().await.map(drop)
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

fn plain(stage: &Stage) -> SmtpClient {
    let builder = match stage.way {
        Way::Memory => builder(stage, Endpoint::SmtpPlain).plaintext_without_encryption(),
        Way::Tls => builder(stage, Endpoint::SmtpTls).tls(trust(&stage.server)),
    };
    builder.build().expect("a client")
}

fn starttls(stage: &Stage) -> SmtpClient {
    let tls = trust(&stage.server);
    builder(stage, Endpoint::SmtpStartTls).starttls().tls(tls).build().expect("a client")
}

fn builder(stage: &Stage, endpoint: Endpoint) -> SmtpClientBuilder {
    let builder = SmtpClient::builder("localhost", USER).password(PASSWORD).max_connections(3);
    let builder = builder.connector(over(stage, endpoint));
    match stage.way {
        Way::Memory => builder,
        Way::Tls => {
            let soon = Duration::from_secs(2);
            builder.acquire_timeout(Some(soon)).cool_down(soon)
        }
    }
}

/// A message with what could be taken for its end, or for commands.
fn message(number: usize) -> String {
    format!("From: kim@example.org\r\nSubject: {number}\r\n\r\n.\r\n..\r\nQUIT\r\n. \r\n250 ok\r\n")
}

fn mail(message: Mail) -> Mail {
    let address = |text| Address::new(text).expect("an address");
    message.sender(address("eve@example.com")).to([address("kim@example.org")])
}

async fn connect(client: &SmtpClient, stage: &Stage) -> Result<()> {
    stage.ledger.call("connect", CONNECTS, client.connect()).await?;
    stage.wire.prelude_is_over();
    Ok(())
}

pub(crate) const LOGIN_STARTTLS: Session<SmtpClient> = Session::new(
    "SMTP login with STARTTLS",
    |server| server,
    starttls,
    |client, stage| {
        Box::pin(async move {
            stage.ledger.call("connect", CONNECTS, client.connect()).await?;
            stage.ledger.call("noop", SENDS, client.noop()).await.map(drop)
        })
    },
);

/// Sends a message that is there and one that is read as it goes, to a user of the server.
fn send(client: SmtpClient, stage: Stage) -> BoxFuture<'static, Result<()>> {
    Box::pin(async move {
        connect(&client, &stage).await?;
        let whole = client.send(mail(Mail::new(message(1))));
        let effect = Effect::default().add("INBOX", message(1));
        let sent = stage.ledger.change_within("send", SENDS, effect, whole).await?;
        stage.ledger.expect(sent.is_complete(), "a recipient was refused");
        let text = message(2);
        let streamed = Mail::from_reader(std::io::Cursor::new(text.clone()), text.len() as u64);
        let effect = Effect::default().add("INBOX", text);
        let sent = client.send(mail(streamed));
        let sent = stage.ledger.change_within("send", SENDS, effect, sent).await?;
        stage.ledger.expect(sent.is_complete(), "a recipient was refused");
        Ok(())
    })
}

pub(crate) const SEND: Session<SmtpClient> = Session::new("SMTP send", |server| server, plain, send);

pub(crate) const SEND_WITHOUT_CHUNKING: Session<SmtpClient> =
    Session::new("SMTP send without CHUNKING", |server| server.without_smtp_keyword("CHUNKING"), plain, send);

pub(crate) const SEND_WITHOUT_PIPELINING: Session<SmtpClient> = Session::new(
    "SMTP send without PIPELINING and CHUNKING",
    |server| ["CHUNKING", "PIPELINING"].into_iter().fold(server, Builder::without_smtp_keyword),
    plain,
    send,
);

pub(crate) const SEND_MANY: Session<SmtpClient> = Session::new(
    "SMTP send of many",
    |server| server,
    plain,
    |client, stage| {
        Box::pin(async move {
            connect(&client, &stage).await?;
            let effects: Vec<_> = (0..6).map(|n| Effect::default().add("INBOX", message(n))).collect();
            effects.iter().for_each(|effect| stage.ledger.may(effect));
            let mails = (0..6).map(|n| mail(Mail::new(message(n))));
            let mut sending = client.send_many(mails).connections(2);
            let (mut told, mut failed) = (0, Ok(()));
            loop {
                // A connection of two may be silent while the other works.
                let next = async { Ok(sending.next().await) };
                let Some(sent) = stage.ledger.call("send_many", SENDS + READS, next).await? else { break };
                told += 1;
                let outcome = sent.outcome.map(drop);
                stage.ledger.became(&effects[sent.index], outcome.as_ref().copied());
                if let Err(error) = outcome {
                    stage.ledger.examine("send_many", &error);
                    failed = Err(error);
                }
            }
            stage.ledger.expect(told == effects.len(), "another number of outcomes");
            failed
        })
    },
)
.one_of(4);
