//! The operations against the embedded server, where others do things at the worst moment.

use std::{sync::Arc, time::Duration};

use mail_client::{
    ErrorKind,
    imap::{Flag, ImapClient, Removal, SearchKey, SequenceSet},
};
use mail_testkit::{Builder, Hook, Server};

use crate::common::{client, count, in_memory, server};

fn filled() -> Builder {
    server().messages("INBOX", (1..=5).map(|number| format!("Subject: m{number}\r\n\r\n"))).mailbox("Archive")
}

fn uids(server: &Server, mailbox: &str) -> Vec<u32> {
    let messages = server.account("kim").unwrap().messages(mailbox).unwrap();
    messages.iter().map(|message| message.uid).collect()
}

#[tokio::test]
async fn p42_a_message_that_comes_amid_a_move_is_neither_copied_nor_removed() {
    for sets in ["3:*", "3:1000"] {
        for capabilities in [vec!["MOVE"], vec!["MOVE", "UIDPLUS"]] {
            let builder = capabilities.iter().fold(filled(), |server, name| server.without_capability(*name));
            let server = builder.start().await.unwrap();
            for command in ["UID COPY", "UID STORE", "UID EXPUNGE"] {
                server.hook(Hook::before(command), |account| {
                    account.deliver("INBOX", "Subject: new\r\n\r\n").unwrap();
                });
            }
            let client = client(&server).build().unwrap();
            let inbox = client.select("INBOX").await.unwrap();
            let moved = inbox.move_to(sets.parse::<SequenceSet>().unwrap(), "Archive").await.unwrap();
            assert_eq!(uids(&server, "Archive").len(), 3, "{sets} {capabilities:?}");
            let new = inbox.search(SearchKey::subject("new") & SearchKey::deleted()).await.unwrap();
            assert!(new.is_empty(), "{sets} {capabilities:?}: {new:?}");
            if moved.removal() == Removal::Expunged {
                assert_eq!(uids(&server, "INBOX"), [1, 2, 6, 7, 8]);
            } else {
                assert_eq!(capabilities.len(), 2);
                assert_eq!(uids(&server, "INBOX"), [1, 2, 3, 4, 5, 6, 7]);
            }
            client.close().await;
        }
    }
}

#[tokio::test]
async fn p42_what_another_client_marked_is_not_expunged_with_it() {
    let server = filled().start().await.unwrap();
    server.hook(Hook::before("UID EXPUNGE"), |account| {
        account.deliver("INBOX", "Subject: new\r\n\r\n").unwrap();
        account.set_flags("INBOX", 5, ["\\Deleted"]).unwrap();
    });
    let client = client(&server).build().unwrap();
    let inbox = client.select("INBOX").await.unwrap();
    assert_eq!(inbox.delete(vec![2, 3]).await.unwrap(), Removal::Expunged);
    assert_eq!(uids(&server, "INBOX"), [1, 4, 5, 6]);
    client.close().await;
}

#[tokio::test]
async fn p27_a_mailbox_made_anew_amid_a_move_loses_no_message() {
    let server = filled().without_capability("MOVE").start().await.unwrap();
    let client = client(&server).build().unwrap();
    let inbox = client.select("INBOX").await.unwrap();
    // Others have the connection select another mailbox between the copy and what follows it.
    server.hook(Hook::after("UID COPY"), |account| {
        account.recreate("INBOX").unwrap();
        for _ in 0..5 {
            account.deliver("INBOX", "Subject: another\r\n\r\n").unwrap();
        }
    });
    let error = inbox.move_to(1..=3, "Archive").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CopiedNotRemoved, "{error}");
    assert_eq!((uids(&server, "Archive").len(), uids(&server, "INBOX").len()), (3, 5));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p22_many_tasks_change_many_mailboxes_over_one_connection() {
    let names = ["a", "b", "c", "d"];
    let server = names.into_iter().fold(server().mailbox("out"), |server, name| {
        server.messages(name, (1..=50).map(|number| format!("Subject: {name}{number}\r\n\r\n")))
    });
    let server = server.start().await.unwrap();
    let client = client(&server).max_connections(1).build().unwrap();
    let work = |client: ImapClient, task: u32| async move {
        let name = names[task as usize % 4];
        let mailbox = client.select(name).await.unwrap();
        // Each task has messages of its own: 1, 5, 9 … or 2, 6, 10 … and so on.
        for uid in (1..=50).filter(|uid| uid % 4 == task / 4) {
            let key = || SearchKey::Uid(uid.into()) & SearchKey::subject(format!("{name}{uid}"));
            assert_eq!(mailbox.search(key()).await.unwrap().max(), Some(uid));
            mailbox.add_flags(uid, [Flag::Seen]).await.unwrap();
            assert_eq!(mailbox.search_summary(key() & SearchKey::seen()).await.unwrap().count, 1);
            match uid % 3 {
                0 => assert_eq!(mailbox.delete(uid).await.unwrap(), Removal::Expunged),
                1 => assert_eq!(mailbox.move_to(uid, "out").await.unwrap().copied().pairs().count(), 1),
                _ => assert_eq!(mailbox.copy(uid, "out").await.unwrap().source(), &uid.into()),
            }
        }
    };
    let tasks: Vec<_> = (0..16).map(|task| tokio::spawn(work(client.clone(), task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    for name in names {
        let left: Vec<_> = (1..=50).filter(|uid| uid % 3 == 2).collect();
        assert_eq!(uids(&server, name), left);
    }
    assert_eq!(uids(&server, "out").len(), 4 * 34);
    assert_eq!(server.report().connections.peak, 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_of_several_commands_has_one_deadline() {
    let server = Arc::new(filled().latency(Duration::from_millis(100)).start().await.unwrap());
    let client = in_memory(&server).max_connections(1).build().unwrap();
    client.select("INBOX").await.unwrap();
    let inbox = client.with_deadline(Duration::from_millis(150)).select("INBOX").await.unwrap();
    // Each of the two commands would come in time, and both together don't.
    let error = inbox.delete(3).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    client.noop().await.unwrap();
    assert_eq!(count(&server, "UID STORE"), 1);
    client.close().await;
}
