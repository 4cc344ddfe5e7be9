//! How much memory a backup takes, whatever the mailbox holds.

#![cfg(target_os = "linux")]

system_tests::watch_for_secrets!();

mod support;

use mail_testkit::{Corpus, Message};
use support::{Fixture, alice};

/// In KiB; what a backup may have resident at most.
const MOST: u64 = 40 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_passes_through_in_little_memory() {
    let messages = Corpus::new(300, 7).chain([Message::from(vec![b'x'; 50_000_000])]);
    let fixture = Fixture::start(alice().messages("INBOX", messages)).await;
    let run = fixture.backup("/INBOX").await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
    assert!(run.peak_kib > 1000 && run.peak_kib < MOST, "{} KiB", run.peak_kib);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_are_no_burden() {
    let many = (0..5_000).map(|number| format!("Subject: {number}\r\n\r\nbody\r\n"));
    let fixture = Fixture::start(alice().messages("INBOX", many)).await;
    let run = fixture.backup("/INBOX").await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.peak_kib > 1000 && run.peak_kib < MOST, "{} KiB", run.peak_kib);
    // The state doesn't grow with them.
    let state = std::fs::metadata(fixture.to().join(".mailctl/state")).unwrap().len();
    assert!(state < 1000, "{state}");
}
