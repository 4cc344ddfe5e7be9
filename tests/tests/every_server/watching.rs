//! Every change of a mailbox, told as it happens, and after connections were lost.

use std::time::Duration;

use mail_client::imap::{Change, Flag, WatchState, Watcher};
use tokio::time::timeout;

use crate::connections::Severed;
use crate::place::{Kind, Setup};

/// With all that a server may have for it, and with less and less.
fn announcements(kind: Kind) -> &'static [Option<&'static str>] {
    let all = &[
        None,
        Some("IMAP4rev1 IDLE UIDPLUS ENABLE CONDSTORE QRESYNC"),
        Some("IMAP4rev1 IDLE UIDPLUS"),
        Some("IMAP4rev1"),
    ];
    if kind.announcements().len() > 1 { all } else { &all[..1] }
}

/// Of those that don't tell by themselves.
const POLL: Duration = Duration::from_millis(50);

/// Courier looks for changes once a minute while a client idles.
const RECHECK: Duration = Duration::from_secs(4);

async fn next(watcher: &mut Watcher) -> Change {
    timeout(Duration::from_secs(120), watcher.next()).await.expect("a change").expect("more").unwrap()
}

/// The next change that isn't a flag which the server alone sets.
async fn next_of_ours(watcher: &mut Watcher) -> Change {
    loop {
        let change = next(watcher).await;
        let change = match change {
            Change::New { uid, flags } => Change::New { uid, flags: ours(flags) },
            Change::Flags { flags, .. } if ours(flags.clone()).is_empty() => continue,
            Change::Flags { uid, flags } => Change::Flags { uid, flags: ours(flags) },
            other => other,
        };
        return change;
    }
}

/// Without `\Recent`, which is the session's and not the message's.
fn ours(mut flags: Vec<Flag>) -> Vec<Flag> {
    flags.retain(|flag| *flag != Flag::Recent);
    flags
}

pub(crate) async fn p39_changes_are_told_as_they_happen(kind: Kind) {
    for &announced in announcements(kind) {
        let place = kind.start(Setup { announced, ..Setup::default() }).await;
        let mut other = place.wire();
        for _ in 0..2 {
            other.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
        }
        other.answers().unwrap();
        let client = place.client();
        let mut watcher = client.watch("INBOX").tell_all().poll_interval(POLL).recheck(RECHECK).start();
        for uid in [1, 2] {
            assert_eq!(next_of_ours(&mut watcher).await, Change::New { uid, flags: vec![] }, "{announced:?}");
        }
        other.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
        other.answers().unwrap();
        let new = Change::New { uid: 3, flags: vec![] };
        assert_eq!(next_of_ours(&mut watcher).await, new, "{announced:?}");
        other.command(b"SELECT INBOX").unwrap();
        other.command(b"UID STORE 2 +FLAGS (\\Seen)").unwrap();
        let seen = Change::Flags { uid: 2, flags: vec![Flag::Seen] };
        assert_eq!(next_of_ours(&mut watcher).await, seen, "{announced:?}");
        other.command(b"UID STORE 1 +FLAGS.SILENT (\\Deleted)").unwrap();
        other.command(b"EXPUNGE").unwrap();
        let gone = loop {
            match next_of_ours(&mut watcher).await {
                Change::Flags { uid: 1, .. } => {}
                other => break other,
            }
        };
        assert_eq!(gone, Change::Gone { uids: 1.into() }, "{announced:?}");
        drop(watcher);
        client.close().await;
    }
}

pub(crate) async fn p39_what_was_missed_is_told_first_and_a_state_can_be_kept(kind: Kind) {
    for &announced in announcements(kind) {
        let place = kind.start(Setup { announced, ..Setup::default() }).await;
        let mut other = place.wire();
        for _ in 0..3 {
            other.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
        }
        other.answers().unwrap();
        let severed = Severed::default();
        let client = place.builder().connector(severed.clone()).build().unwrap();
        let mut watcher = client.watch("INBOX").poll_interval(POLL).recheck(RECHECK).start();
        let state: WatchState = loop {
            if let Some(state) = watcher.state() {
                break state.to_string().parse().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        severed.cut();
        other.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
        other.answers().unwrap();
        other.command(b"SELECT INBOX").unwrap();
        other.command(b"UID STORE 2 +FLAGS.SILENT (\\Deleted)").unwrap();
        other.command(b"EXPUNGE").unwrap();
        severed.mend();
        for resumed in [false, true] {
            if resumed {
                watcher = client.watch("INBOX").resume(state.clone()).recheck(RECHECK).start();
            }
            let mut changes = Vec::new();
            while changes.len() < 2 {
                match next_of_ours(&mut watcher).await {
                    Change::Flags { uid: 2, .. } => {}
                    other => changes.push(other),
                }
            }
            changes.sort_by_key(|change| matches!(change, Change::Gone { .. }));
            let new = Change::New { uid: 4, flags: vec![] };
            assert_eq!(changes, [new, Change::Gone { uids: 2.into() }], "{announced:?} {resumed}");
        }
        drop(watcher);
        client.close().await;
    }
}

pub(crate) async fn p39_a_mailbox_made_anew_is_a_reset(kind: Kind) {
    let place = kind.plain().await;
    let work = place.name("work");
    let mut other = place.wire();
    other.command(format!("CREATE {work}").as_bytes()).unwrap();
    other.append(&work, "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
    other.answers().unwrap();
    let severed = Severed::default();
    let client = place.builder().connector(severed.clone()).build().unwrap();
    let mut watcher = client.watch(&*work).tell_all().recheck(RECHECK).start();
    assert!(matches!(next(&mut watcher).await, Change::New { uid: 1, .. }));
    severed.cut();
    other.command(format!("DELETE {work}").as_bytes()).unwrap();
    // Many take the time of creation for the mailbox' UIDVALIDITY, in seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    other.command(format!("CREATE {work}").as_bytes()).unwrap();
    other.append(&work, "", "05-Feb-2026 12:00:00 +0000", b"Subject: y\r\n\r\n").unwrap();
    other.answers().unwrap();
    severed.mend();
    assert!(matches!(next(&mut watcher).await, Change::Reset { uid_validity: Some(_) }));
    assert!(matches!(next(&mut watcher).await, Change::New { uid: 1, .. }));
    drop(watcher);
    client.close().await;
}

pub(crate) async fn p39_with_one_connection_it_runs_on_main_and_lets_others_through(kind: Kind) {
    let place = kind.filled(None).await;
    let client = place.builder().max_connections(1).build().unwrap();
    let mut watcher = client.watch("INBOX").tell_all().recheck(RECHECK).start();
    for _ in 0..6 {
        next(&mut watcher).await;
    }
    for _ in 0..5 {
        client.examine(place.name("Archive")).await.unwrap();
        client.noop().await.unwrap();
    }
    let mut other = place.wire();
    other.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
    other.answers().unwrap();
    assert_eq!(next_of_ours(&mut watcher).await, Change::New { uid: 7, flags: vec![] });
    assert_eq!(client.pool_status().connections.len(), 1);
    drop(watcher);
    client.close().await;
}
