//! Where the examples find a server: the one that the command line names, or else one of their own, in this process.
//!
//! `cargo run --example NAME -- HOST USER PASSWORD` uses a real one, over TLS.
#![allow(dead_code, reason = "no example uses all of it")]

use mail_client::{
    imap::{ImapClient, ImapClientBuilder},
    pop3::{Pop3Client, Pop3ClientBuilder},
    smtp::{SmtpClient, SmtpClientBuilder},
    transport::Tls,
};
use mail_testkit::{Endpoint, Server};

/// What any example may fail with.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "give a host, a user and a password, or nothing";

fn trust(server: &Server) -> Result<Tls, Failure> {
    Ok(Tls::builder().root_pem(server.ca_pem().as_bytes())?.build()?)
}

/// A server to try things on, if the command line names no other.
pub(crate) struct Demo {
    own: Option<Server>,
}

impl Demo {
    /// Starts the server, if one is needed, with a few mailboxes and some mail.
    pub(crate) async fn start() -> Result<Self, Failure> {
        if std::env::args().len() > 3 {
            return Ok(Self { own: None });
        }
        let mut server = Server::builder().user("kim", "secret");
        for (mailbox, count) in [("INBOX", 10), ("Work", 30), ("Family", 20)] {
            let letter =
                move |n| format!("From: kim\r\nSubject: letter {n} to {mailbox}\r\n\r\nDear {mailbox} …\r\n");
            server = server.messages(mailbox, (1..=count).map(letter));
        }
        Ok(Self { own: Some(server.max_connections_per_user(10).start().await?) })
    }

    /// A client for it.
    pub(crate) fn client(&self) -> Result<ImapClientBuilder, Failure> {
        Ok(match (&self.own, std::env::args().collect::<Vec<_>>().as_slice()) {
            (Some(server), _) => ImapClient::builder("127.0.0.1", "kim")
                .password("secret")
                .port(server.address(Endpoint::ImapTls).port())
                .tls(trust(server)?),
            (None, [_, host, user, password, ..]) => {
                ImapClient::builder(host, user).password(password.as_str())
            }
            (None, _) => return Err(USAGE.into()),
        })
    }

    /// A client for its POP3.
    pub(crate) fn pop3_client(&self) -> Result<Pop3ClientBuilder, Failure> {
        Ok(match (&self.own, std::env::args().collect::<Vec<_>>().as_slice()) {
            (Some(server), _) => Pop3Client::builder("127.0.0.1", "kim")
                .password("secret")
                .port(server.address(Endpoint::Pop3Tls).port())
                .tls(trust(server)?),
            (None, [_, host, user, password, ..]) => {
                Pop3Client::builder(host, user).password(password.as_str())
            }
            (None, _) => return Err(USAGE.into()),
        })
    }

    /// A client that sends mail by it.
    pub(crate) fn smtp_client(&self) -> Result<SmtpClientBuilder, Failure> {
        Ok(match (&self.own, std::env::args().collect::<Vec<_>>().as_slice()) {
            (Some(server), _) => SmtpClient::builder("127.0.0.1", "kim")
                .password("secret")
                .port(server.address(Endpoint::SmtpTls).port())
                .tls(trust(server)?),
            (None, [_, host, user, password, ..]) => {
                SmtpClient::builder(host, user).password(password.as_str())
            }
            (None, _) => return Err(USAGE.into()),
        })
    }

    /// An address that gets mail there.
    pub(crate) fn address(&self) -> String {
        match (&self.own, std::env::args().nth(2)) {
            (None, Some(user)) => user,
            _ => "kim@example.org".to_owned(),
        }
    }

    /// The mailboxes that are there to be read.
    pub(crate) async fn mailboxes(
        &self,
        client: &ImapClient,
    ) -> Result<Vec<mail_client::imap::MailboxName>, Failure> {
        let listed = client.list("", "*").await?;
        let selectable = listed.into_iter().filter(mail_client::imap::List::is_selectable);
        Ok(selectable.map(|list| list.mailbox).collect())
    }

    /// How many connections the demo's own server has seen at a time.
    pub(crate) fn peak(&self) -> Option<usize> {
        self.own.as_ref().map(|server| server.report().connections.peak)
    }
}
