//! ImapClient against a Dovecot full of awkward mail: every message as it is held, over one connection and several.

system_tests::watch_for_secrets!();

use mail_client::imap::{FetchItems, ImapClient, ImapClientBuilder, MailboxName};
use mail_client::transport::Tls;
use system_tests::digest::sha256;
use system_tests::oracle::{self, Mailbox, Mailboxes, Message};
use system_tests::seed;
use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::{Info, Server, dovecot_log};

const MESSAGES: usize = 400;

fn filled(limit: Option<u32>) -> (Server, Mailboxes) {
    let mut options = Options::default();
    options.max_userip_connections = limit;
    let server = dovecot::start(&options).unwrap();
    seed::fill(server.info(), MESSAGES).unwrap();
    let held = oracle::read(server.info());
    (server, held)
}

fn client(server: &Info, port: &str) -> ImapClientBuilder {
    let tls = Tls::builder().root_pem(&std::fs::read(&server.ca_file).unwrap()).unwrap().build().unwrap();
    ImapClient::builder("127.0.0.1", &server.user)
        .port(server.ports[port])
        .password(&*server.password)
        .tls(tls)
}

/// All messages of a mailbox, in the order of their UIDs, as the oracle would tell of them.
async fn messages(client: &ImapClient, name: &str, connections: usize) -> Vec<Message> {
    let mailbox = client.examine(MailboxName::from_wire(name.to_owned())).await.unwrap();
    let items = FetchItems::new().flags().size().body();
    let mut stream = mailbox.fetch(1..=mailbox.uid_next().unwrap(), items).connections(connections);
    let mut messages = Vec::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let flags = message.flags().unwrap().to_vec();
        let mut flags: Vec<_> =
            flags.iter().map(|flag| String::from_utf8(flag.as_bytes().to_vec()).unwrap()).collect();
        flags.sort_unstable();
        let (uid, size) = (u64::from(message.uid()), message.size().unwrap());
        let body = message.into_body().bytes().await.unwrap();
        let sha256 = sha256(&body[..]).unwrap();
        messages.push(Message { uid, flags, size, octets: body.len() as u64, sha256 });
    }
    messages.sort_by_key(|message| message.uid);
    messages
}

async fn assert_all_come(client: &ImapClient, held: &Mailboxes, connections: usize) {
    let listed = client.list("", "*").await.unwrap();
    let selectable = listed.iter().filter(|list| list.is_selectable());
    let mut names: Vec<_> =
        selectable.map(|list| String::from_utf8(list.mailbox.as_bytes().to_vec()).unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, held.keys().cloned().collect::<Vec<_>>());
    for (name, Mailbox { messages: expected, .. }) in held {
        let found = messages(client, name, connections).await;
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn every_message_comes_as_it_is_held_and_nothing_changes() {
    let (server, held) = filled(None);
    let server = server.info();
    let mut most = 0;
    for (port, connections) in [("imaps", 1), ("imaps", 8), ("imap", 8)] {
        let before = dovecot_log::read(server).logins;
        let mut builder = client(server, port).max_connections(connections);
        if port == "imap" {
            builder = builder.starttls();
        }
        let client = builder.build().unwrap();
        assert_all_come(&client, &held, connections).await;
        client.close().await;
        let logins = dovecot_log::read(server).logins - before;
        // On a slow day the work is done before the last connection stands.
        assert!((1..=connections as u64).contains(&logins), "{logins} connections for {connections}");
        most = most.max(logins);
    }
    assert!(most > 1, "it was never more than one connection");
    assert_eq!(oracle::read(server), held, "reading changed something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn a_limit_below_the_quota_costs_no_message() {
    let (server, held) = filled(Some(4));
    let server = server.info();
    // The work may be done before a fifth connection was tried.
    for _ in 0..30 {
        let client = client(server, "imaps").max_connections(8).build().unwrap();
        assert_all_come(&client, &held, 8).await;
        client.close().await;
        if dovecot_log::read(server).over_the_limit > 0 {
            break;
        }
    }
    assert!(dovecot_log::read(server).over_the_limit > 0, "the limit was never reached");
    assert_eq!(oracle::read(server), held, "reading changed something");
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn a_wrong_password_and_a_strange_certificate_are_told_apart() {
    let (server, other) =
        (dovecot::start(&Options::default()).unwrap(), dovecot::start(&Options::default()).unwrap());
    let (server, other) = (server.info(), other.info());
    let error =
        client(server, "imaps").password("wrong secret").build().unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), mail_client::ErrorKind::Login, "{error}");
    let mut strange = server.clone();
    strange.ca_file = other.ca_file.clone();
    let error = client(&strange, "imaps").build().unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), mail_client::ErrorKind::Transport, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(dovecot_log::read(server).logins, 0);
}
