//! Watching, from a thread.

use std::{thread, time::Duration};

use mail_client::{ErrorKind, imap::Change};

use crate::{common, server::start};

#[test]
fn p39_changes_come_as_an_iterator_that_can_wait_for_a_while_only() {
    let running = start(common::server().messages("INBOX", ["Subject: one\r\n\r\n"]));
    let client = running.client(4);
    let mut changes = client.watch("INBOX").tell_all().recheck(Duration::from_secs(60)).start();
    assert!(matches!(changes.next().unwrap().unwrap(), Change::New { uid: 1, .. }));
    assert!(changes.next_within(Duration::from_millis(20)).unwrap().is_none());
    let account = running.server.account("kim").unwrap();
    account.deliver("INBOX", "Subject: two\r\n\r\n").unwrap();
    let change = changes.next_within(Duration::from_secs(30)).unwrap();
    assert!(matches!(change, Some(Change::New { uid: 2, .. })), "{change:?}");
    account.deliver("INBOX", "Subject: three\r\n\r\n").unwrap();
    assert!(matches!(changes.next().unwrap().unwrap(), Change::New { uid: 3, .. }));
    while changes.next_within(Duration::from_millis(5)).unwrap().is_some() {}
    let state = changes.state().unwrap().clone();
    drop(changes);

    account.deliver("INBOX", "Subject: four\r\n\r\n").unwrap();
    let mut changes = client.watch("INBOX").resume(state).start();
    assert!(matches!(changes.next().unwrap().unwrap(), Change::New { uid: 4, .. }));
    // Whoever waits is told of the end.
    let waiting = thread::spawn(move || (changes.next(), changes.next_within(Duration::ZERO)));
    client.close();
    let (ended, within) = waiting.join().unwrap();
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(within.unwrap_err().kind(), ErrorKind::Closed);
}
