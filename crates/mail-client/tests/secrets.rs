//! No secret is ever written down. Alone in its file, since tracing asks every thread of a process who listens.

system_tests::watch_for_secrets!();

mod common;

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use common::{
    builder,
    script::{agree, parts, scripted},
    server,
};
use mail_client::{
    Mechanism, Secret, TokenRequest,
    imap::{FetchItems, ImapClientBuilder},
};
use mail_proto::sasl::{Nonce, Server, ServerOptions, ServerStep};
use mail_testkit::Endpoint;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

/// Writes down whatever anybody says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    /// The lines of the protocol log.
    fn protocol(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let lines = lines.iter().filter_map(|line| line.strip_prefix("mail_client::protocol "));
        lines.map(str::to_owned).collect()
    }
}

const PASSWORD: &str = "hunter2-top-secret";

/// A server with one way to log in, which it goes all the way.
async fn server_with(mechanism: Mechanism) -> (u16, common::script::Seen) {
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH={mechanism}] hi\r\n");
    let exchange: Mutex<Option<Server>> = Mutex::new(None);
    scripted(greeting.leak(), move |_, line| {
        let (tag, command) = parts(line);
        let mut exchange = exchange.lock().unwrap();
        let message = if let Some(begun) = command.strip_prefix("AUTHENTICATE ") {
            let mut options = ServerOptions::default();
            options.nonce = Some(Nonce::from_random([5; 18]));
            options.challenge = Some("<1@example.org>".into());
            options.salt = b"salt".to_vec();
            let server = Server::new(mechanism, &options).unwrap();
            let opening = BASE64_STANDARD.encode(server.opening());
            *exchange = Some(server);
            match begun.split_once(' ') {
                Some((_, initial)) => initial.to_owned(),
                None => return format!("+ {opening}\r\n"),
            }
        } else if !command.is_empty() || exchange.is_none() {
            return agree(line);
        } else {
            tag.to_owned()
        };
        let message = BASE64_STANDARD.decode(message).unwrap();
        let step = exchange.as_mut().unwrap().response(&message, |_| Some(PASSWORD.into())).unwrap();
        match step {
            ServerStep::Challenge(challenge) => format!("+ {}\r\n", BASE64_STANDARD.encode(challenge)),
            _ => {
                *exchange = None;
                "A1 OK [CAPABILITY IMAP4rev1] welcome\r\n".to_owned()
            }
        }
    })
    .await
}

/// Every way in which the password could stand in a line.
fn disguises() -> Vec<String> {
    let mut disguises = vec!["hunter2".to_owned()];
    let messages = [
        PASSWORD.to_owned(),
        format!("\0kim\0{PASSWORD}"),
        format!("user=kim\x01auth=Bearer {PASSWORD}\x01\x01"),
    ];
    for message in messages {
        // But for its ends, which depend on what is around it.
        let encoded = BASE64_STANDARD.encode(message);
        disguises.push(encoded[4..encoded.len() - 6].to_owned());
    }
    disguises
}

#[tokio::test]
async fn a_login_by_any_mechanism_is_logged_without_its_secret() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    type Change = fn(ImapClientBuilder) -> ImapClientBuilder;
    let tokens: Change =
        |builder| builder.token_provider(|_: TokenRequest| async { Ok(Secret::from(PASSWORD)) });
    let cases: [(Mechanism, Change, &str); 9] = [
        (Mechanism::Plain, |builder| builder, "AUTHENTICATE PLAIN …"),
        (Mechanism::Plain, |builder| builder.initial_response(false), "AUTHENTICATE PLAIN"),
        (Mechanism::Plain, |builder| builder.mechanisms([]), "LOGIN …"),
        (Mechanism::Login, |builder| builder, "AUTHENTICATE LOGIN"),
        (Mechanism::CramMd5, |builder| builder, "AUTHENTICATE CRAM-MD5"),
        (Mechanism::ScramSha1, |builder| builder, "AUTHENTICATE SCRAM-SHA-1 …"),
        (Mechanism::ScramSha256, |builder| builder, "AUTHENTICATE SCRAM-SHA-256 …"),
        (Mechanism::XOAuth2, tokens, "AUTHENTICATE XOAUTH2 …"),
        (Mechanism::OAuthBearer, tokens, "AUTHENTICATE OAUTHBEARER …"),
    ];
    for (mechanism, change, expected) in cases {
        let (port, seen) = server_with(mechanism).await;
        let client = change(builder(port).plaintext_without_encryption().password(PASSWORD)).build().unwrap();
        client.noop().await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        client.close().await;
        let lines = log.protocol();
        assert!(
            lines.iter().any(|line| line.contains(&format!("C: A1 {expected} connection="))),
            "{mechanism}: {lines:#?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("connection=1") && line.contains("S: A1 OK")),
            "{lines:#?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("command=\"NOOP\"") && line.contains("C: A")),
            "{lines:#?}"
        );
        assert!(seen.lines().len() > 1);
        let all = std::mem::take(&mut *log.0.lock().unwrap());
        for disguise in disguises() {
            let found = all.iter().find(|line| line.contains(&disguise));
            assert!(found.is_none(), "{mechanism}: {found:?}");
        }
    }
    // A refused login quotes nothing either, and neither does anything that prints.
    let (port, _) = scripted("* OK [CAPABILITY IMAP4rev1] hi\r\n", |_, line| {
        let (tag, command) = parts(line);
        format!("{tag} BAD what is {command}\r\n")
    })
    .await;
    let client = builder(port).plaintext_without_encryption().password("hunter2").build().unwrap();
    client.noop().await.unwrap_err();
    let shown = format!("{client:?} {}", log.protocol().join("\n"));
    assert!(!shown.contains("hunter2") && shown.contains("A1 BAD …"), "{shown}");
}

#[tokio::test]
async fn what_is_said_is_logged_without_the_mail() {
    let server = server().messages("INBOX", ["Subject: hunter2\r\n\r\nhunter2\r\n"]).start().await.unwrap();
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let port = server.address(Endpoint::ImapPlain).port();
    let client = builder(port).plaintext_without_encryption().build().unwrap();
    let inbox = client.examine("INBOX").await.unwrap();
    let mut mail = inbox.fetch(1, FetchItems::new().flags().body());
    let body = mail.next().await.unwrap().unwrap().into_body().bytes().await.unwrap();
    assert_eq!(body, "Subject: hunter2\r\n\r\nhunter2\r\n");
    assert!(mail.next().await.is_none());
    client.close().await;
    drop(guard);
    let lines = log.protocol();
    assert!(!log.0.lock().unwrap().iter().any(|line| line.contains("hunter2")), "{lines:#?}");
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(has("C: A3 EXAMINE") && has("UID FETCH 1 (UID FLAGS BODY.PEEK[]"), "{lines:#?}");
    assert!(has(" {29} ") && has("S: )"), "{lines:#?}");
    assert!(has("command=\"UID FETCH\"") && has("C: A5 LOGOUT"), "{lines:#?}");
}
