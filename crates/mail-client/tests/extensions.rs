//! Extensions that are switched on: everything goes on as without them, but smaller.

system_tests::watch_for_secrets!();

mod common;

use common::{builder, client, count, script, server};
use mail_client::{
    ErrorKind,
    imap::{Capability, FetchItems, Flag},
};
use mail_testkit::Server;

/// All messages of INBOX.
async fn bodies(client: &mail_client::imap::ImapClient) -> Vec<(u32, usize)> {
    let inbox = client.select("INBOX").await.unwrap();
    let mut stream = inbox.fetch(1..=inbox.exists(), FetchItems::new().flags().body()).connections(3);
    let mut bodies = Vec::new();
    while let Some(message) = stream.next().await {
        let message = message.unwrap();
        let uid = message.uid();
        bodies.push((uid, message.into_body().bytes().await.unwrap().len()));
    }
    bodies.sort_unstable();
    bodies
}

async fn filled() -> Server {
    let text = |n: usize| format!("Subject: {n}\r\n\r\n{}", "all work and no play\r\n".repeat(n * 100));
    server().messages("INBOX", (0..60).map(text)).with_capability("COMPRESS=DEFLATE").start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_connection_carries_the_same_in_fewer_bytes() {
    let server = filled().await;
    let plain = client(&server).build().unwrap();
    let expected = bodies(&plain).await;
    assert_eq!(expected.len(), 60);
    plain.close().await;
    let before = server.report().sent;
    let small = client(&server).compress(true).build().unwrap();
    assert_eq!(bodies(&small).await, expected);
    let inbox = small.select("INBOX").await.unwrap();
    inbox.add_flags(1..=60, [Flag::Seen]).await.unwrap();
    small.close().await;
    let report = server.report();
    assert!(count(&server, "COMPRESS") >= 1);
    assert!(report.sent - before < before / 4, "{} bytes and {} before", report.sent - before, before);
}

#[tokio::test]
async fn a_server_without_an_extension_or_against_it_is_got_along_with() {
    let server =
        server().messages("INBOX", ["x"]).without_capability("COMPRESS=DEFLATE").start().await.unwrap();
    let without = client(&server).compress(true).enable([Capability::QResync]).build().unwrap();
    assert!(without.enabled().await.unwrap().has(&Capability::QResync));
    without.noop().await.unwrap();
    assert_eq!(count(&server, "COMPRESS"), 0);
    without.close().await;
    let greeting = "* OK [CAPABILITY IMAP4rev1] hi\r\n";
    let (port, seen) = script::scripted(greeting, |_, line| match script::parts(line) {
        (tag, login) if login.starts_with("LOGIN") => {
            format!("{tag} OK [CAPABILITY IMAP4rev1 ENABLE CONDSTORE COMPRESS=DEFLATE] done\r\n")
        }
        (tag, "COMPRESS DEFLATE") => format!("{tag} NO [COMPRESSIONACTIVE] TLS does\r\n"),
        (tag, enable) if enable.starts_with("ENABLE") => format!("{tag} BAD no\r\n"),
        _ => script::agree(line),
    })
    .await;
    let builder = builder(port).plaintext_without_encryption().compress(true);
    let refused = builder.enable([Capability::CondStore, Capability::QResync]).build().unwrap();
    refused.noop().await.unwrap();
    assert_eq!(refused.enabled().await.unwrap().iter().count(), 0);
    assert_eq!(seen.lines()[1..4], ["A2 ENABLE CONDSTORE", "A3 COMPRESS DEFLATE", "A4 NOOP"]);
    refused.close().await;
}

#[tokio::test]
async fn what_was_asked_for_is_enabled_on_every_connection() {
    let server = server().messages("INBOX", ["x"]).start().await.unwrap();
    let client = client(&server).enable([Capability::CondStore, Capability::QResync]).build().unwrap();
    client.noop().await.unwrap();
    let own = client.create_connection().await.unwrap();
    client.via(&own).noop().await.unwrap();
    for client in [&client, &client.via(&own)] {
        let enabled = client.enabled().await.unwrap();
        assert!(enabled.has(&Capability::CondStore) && enabled.has(&Capability::QResync));
        assert!(!enabled.has(&Capability::Utf8Accept));
    }
    assert_eq!(count(&server, "ENABLE CONDSTORE QRESYNC"), 2, "{:?}", common::commands(&server));
    client.close().await;
}

#[tokio::test]
async fn broken_compression_is_a_typed_error() {
    let (port, _) =
        script::scripted("* OK [CAPABILITY IMAP4rev1] hi\r\n", |_, line| match script::parts(line) {
            (tag, login) if login.starts_with("LOGIN") => {
                format!("{tag} OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] done\r\n")
            }
            // What follows isn't compressed.
            (tag, "COMPRESS DEFLATE") => format!("{tag} OK done\r\n\x07\x07\x07"),
            _ => script::agree(line),
        })
        .await;
    let client = builder(port).plaintext_without_encryption().compress(true).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("compressed"), "{error:?}");
}
