//! Watching a mailbox: every change told, whatever the server can do and however often the connection is lost.

system_tests::watch_for_secrets!();

mod common;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use common::{client, commands, count, server};
use mail_client::imap::{Capability, Change, Flag, WatchState, Watcher};
use mail_testkit::{Action, Builder, Fault};
use tokio::time::timeout;

async fn next(watcher: &mut Watcher) -> Change {
    timeout(Duration::from_secs(5), watcher.next()).await.expect("a change").expect("more").unwrap()
}

/// With all that a server may have for it, and with less and less.
fn servers() -> Vec<Builder> {
    let without: [&[&str]; 6] = [
        &[],
        &["IDLE"],
        &["NOTIFY"],
        &["NOTIFY", "QRESYNC"],
        &["NOTIFY", "QRESYNC", "CONDSTORE"],
        &["NOTIFY", "QRESYNC", "CONDSTORE", "IDLE"],
    ];
    without
        .into_iter()
        .map(|names| names.iter().fold(server(), |server, name| server.without_capability(*name)))
        .collect()
}

#[tokio::test]
async fn p39_changes_are_told_as_they_happen() {
    // Where QRESYNC is switched on, and the server has it, that tells what is gone.
    let all = servers().into_iter().map(|server| (server, None));
    let switched_on = servers().into_iter().map(|server| (server, Some(Capability::QResync)));
    for (round, (server, extension)) in all.chain(switched_on).enumerate() {
        let server = server.messages("INBOX", ["one", "two"]).start().await.unwrap();
        let client = client(&server).enable(extension).build().unwrap();
        let mut watcher = client.watch("INBOX").tell_all().poll_interval(Duration::from_millis(50)).start();
        for uid in [1, 2] {
            assert_eq!(next(&mut watcher).await, Change::New { uid, flags: vec![] }, "{round}");
        }
        let account = server.account("kim").unwrap();
        account.deliver("INBOX", "three").unwrap();
        assert_eq!(next(&mut watcher).await, Change::New { uid: 3, flags: vec![] }, "{round}");
        let inbox = client.select("INBOX").await.unwrap();
        inbox.add_flags(2, [Flag::Seen]).await.unwrap();
        assert_eq!(next(&mut watcher).await, Change::Flags { uid: 2, flags: vec![Flag::Seen] }, "{round}");
        account.expunge("INBOX", 1..=1).unwrap();
        assert_eq!(next(&mut watcher).await, Change::Gone { uids: 1.into() }, "{round}");
        let asks = commands(&server).iter().filter(|(_, command)| command.contains("VANISHED")).count();
        assert_eq!(asks > 0, (6..9).contains(&round), "{round} {:?}", commands(&server));
        // A watcher changes nothing, and has a connection of its own.
        assert_eq!(server.report().connections.peak, 2);
        drop(watcher);
        client.close().await;
    }
}

#[tokio::test]
async fn p39_what_was_missed_is_told_first_and_a_state_can_be_kept() {
    for (round, server) in servers().into_iter().enumerate() {
        let server = server.messages("INBOX", ["one", "two", "three"]).start().await.unwrap();
        let client = client(&server).build().unwrap();
        let mut watcher = client.watch("INBOX").poll_interval(Duration::from_millis(50)).start();
        let account = server.account("kim").unwrap();
        let state: WatchState = loop {
            if let Some(state) = watcher.state() {
                break state.to_string().parse().unwrap();
            }
            tokio::task::yield_now().await;
        };
        server.disconnect_all();
        account.deliver("INBOX", "four").unwrap();
        account.expunge("INBOX", 2..=2).unwrap();
        let expected = |mut changes: Vec<Change>| {
            changes.sort_by_key(|change| matches!(change, Change::Gone { .. }));
            let new = Change::New { uid: 4, flags: vec![] };
            assert_eq!(changes, [new, Change::Gone { uids: 2.into() }], "{round}");
        };
        expected(vec![next(&mut watcher).await, next(&mut watcher).await]);
        drop(watcher);
        let mut resumed = client.watch("INBOX").resume(state).start();
        expected(vec![next(&mut resumed).await, next(&mut resumed).await]);
        drop(resumed);
        client.close().await;
    }
}

#[tokio::test]
async fn p19_nobody_is_given_a_connection_on_which_a_watcher_had_switched_something_on() {
    let server = server().messages("INBOX", ["one"]).start().await.unwrap();
    let client = client(&server).max_connections(3).build().unwrap();
    let mut watcher = client.watch("INBOX").tell_all().start();
    next(&mut watcher).await;
    while count(&server, "NOTIFY") == 0 {
        tokio::task::yield_now().await;
    }
    drop(watcher);
    let own = client.create_connection().await.unwrap();
    client.via(&own).noop().await.unwrap();
    let last = |name: &str| {
        let seen = commands(&server).into_iter().rev();
        seen.filter(|(_, command)| command.starts_with(name)).map(|(connection, _)| connection).next()
    };
    assert!(last("NOTIFY").is_some() && last("NOTIFY") != last("NOOP"));
    client.close().await;
}

#[tokio::test]
async fn p39_a_mailbox_made_anew_is_a_reset() {
    let server = server().messages("INBOX", ["x"]).messages("work", ["one", "two"]).start().await.unwrap();
    let client = client(&server).build().unwrap();
    let mut watcher = client.watch("work").tell_all().start();
    next(&mut watcher).await;
    next(&mut watcher).await;
    let account = server.account("kim").unwrap();
    account.recreate("work").unwrap();
    account.deliver("work", "another").unwrap();
    server.disconnect_all();
    assert!(matches!(next(&mut watcher).await, Change::Reset { uid_validity: Some(_) }));
    assert_eq!(next(&mut watcher).await, Change::New { uid: 1, flags: vec![] });
    drop(watcher);
    client.close().await;
}

#[tokio::test]
async fn p39_with_one_connection_it_runs_on_main_and_lets_others_through() {
    let server = server().messages("INBOX", ["one"]).messages("work", ["a"]).start().await.unwrap();
    let client = client(&server).max_connections(1).build().unwrap();
    let mut watcher = client.watch("INBOX").tell_all().start();
    next(&mut watcher).await;
    for _ in 0..5 {
        client.examine("work").await.unwrap();
        client.noop().await.unwrap();
    }
    server.account("kim").unwrap().deliver("INBOX", "two").unwrap();
    assert_eq!(next(&mut watcher).await, Change::New { uid: 2, flags: vec![] });
    assert_eq!(server.report().connections.peak, 1);
    drop(watcher);
    client.close().await;
}

#[tokio::test]
async fn p39_a_watcher_leaves_the_last_connection_to_others() {
    for (quota, may, peak) in [(2, false, 1), (2, true, 2), (3, false, 2)] {
        let server = server().messages("INBOX", ["one"]).start().await.unwrap();
        let client = client(&server).max_connections(quota).build().unwrap();
        client.noop().await.unwrap();
        let watch = client.watch("INBOX").tell_all();
        let mut watcher = if may { watch.may_take_last_connection() } else { watch }.start();
        next(&mut watcher).await;
        assert_eq!(server.report().connections.peak, peak, "{quota} {may}");
        drop(watcher);
        client.close().await;
    }
}

/// Whatever is lost on the way, what the changes add up to is what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p39_nothing_is_left_out_over_many_lost_connections() {
    let server = server().messages("INBOX", (0..20).map(|n| n.to_string())).start().await.unwrap();
    let client = client(&server).build().unwrap();
    let account = server.account("kim").unwrap();
    let mut watcher = client.watch("INBOX").tell_all().start();
    let mut seen = BTreeMap::new();
    let changes = tokio::spawn(async move {
        for n in 0..60_u32 {
            account.deliver("INBOX", format!("new {n}")).unwrap();
            if n.is_multiple_of(3) {
                account.expunge("INBOX", n / 3 + 1..=n / 3 + 1).unwrap();
            }
            if n.is_multiple_of(20) {
                server.add_fault(Fault::on_command("UID FETCH", Action::CutAfter(40)));
                server.disconnect_all();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        account.deliver("INBOX", "last").unwrap();
        server
    });
    while !seen.contains_key(&81) || seen.len() != 61 {
        match next(&mut watcher).await {
            Change::New { uid, flags } => assert!(seen.insert(uid, flags).is_none(), "{uid} came twice"),
            Change::Gone { uids } => {
                uids.numbers().unwrap().for_each(|uid| assert!(seen.remove(&uid).is_some(), "{uid}"));
            }
            other => panic!("{other:?}"),
        }
    }
    let server = changes.await.unwrap();
    let held = server.account("kim").unwrap().messages("INBOX").unwrap();
    assert!(held.iter().map(|message| message.uid).eq(seen.into_keys()));
    drop(watcher);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p39_a_silent_server_is_asked_whether_it_is_there() {
    for (capability, command, times) in [("NOTIFY", "IDLE", 3), ("X", "IDLE", 3), ("IDLE", "NOOP", 2)] {
        let server =
            server().messages("INBOX", ["one"]).without_capability(capability).start().await.unwrap();
        let server = Arc::new(server);
        let client = common::in_memory(&server).build().unwrap();
        let mut watcher = client.watch("INBOX").tell_all().start();
        next(&mut watcher).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(count(&server, command), times, "{command}");
        drop(watcher);
        client.close().await;
    }
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_ends_it_with_an_error() {
    let server = server().start().await.unwrap();
    let client = client(&server).build().unwrap();
    let mut watcher = client.watch("nowhere").start();
    let error = watcher.next().await.unwrap().unwrap_err();
    assert!(error.text().is_some(), "{error}");
    assert!(watcher.next().await.is_none());
    client.close().await;
}
