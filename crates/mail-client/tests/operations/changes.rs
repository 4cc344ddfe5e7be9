//! Flags, copies, moves, removals.

use std::time::Duration;

use futures_core::future::BoxFuture;
use mail_client::{
    Error, ErrorKind,
    imap::{
        Capability, Flag, FlagChange, Mailbox, NewMessage, Removal, ResponseCode, SearchKey, SequenceSet,
    },
};

use crate::common::dialogue::Dialogue;

fn set(text: &str) -> SequenceSet {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn flags_are_added_removed_and_set() {
    let (client, verdict) = Dialogue::with("")
        .selected()
        .turn("A2 UID STORE 1:3,7 +FLAGS.SILENT (\\Seen $Forwarded)", "A2 OK done")
        .turn("A3 UID STORE 7 -FLAGS.SILENT (\\Flagged)", "A3 OK done")
        .turn("A4 UID STORE 7 FLAGS.SILENT ()", "A4 OK done")
        .turn(
            "A5 UID STORE 3:4 +FLAGS (\\Answered)",
            "* 1 FETCH (UID 3 FLAGS (\\Answered))\n* 2 FETCH (UID 4 FLAGS (\\Answered \\Seen))\n\
             * 5 FETCH (UID 9 FLAGS ())\nA5 OK done",
        )
        .turn("A6 UID STORE 3 +FLAGS (\\Answered)", "* 1 FETCH (FLAGS (\\Answered))\nA6 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    inbox.add_flags(vec![2, 1, 7, 3], [Flag::Seen, Flag::new("$Forwarded")]).await.unwrap();
    inbox.remove_flags(7, [Flag::Flagged]).await.unwrap();
    inbox.set_flags(7, []).await.unwrap();
    let stored = inbox.store(3..=4, FlagChange::add([Flag::Answered]).returning_flags()).await.unwrap();
    let told: Vec<_> = stored.messages().iter().map(|told| (told.uid, told.flags.clone().unwrap())).collect();
    assert_eq!(told, [(3, vec![Flag::Answered]), (4, vec![Flag::Answered, Flag::Seen])]);
    let stored = inbox.store(3, FlagChange::add([Flag::Answered]).returning_flags()).await.unwrap();
    assert_eq!(stored.messages()[0].uid, 3, "the only one that it can be");
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn messages_that_somebody_changed_are_left_alone_and_told() {
    let (client, verdict) = Dialogue::with("CONDSTORE")
        .selected()
        .turn(
            "A2 UID STORE 4,6:9 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
            "* 1 FETCH (UID 4 MODSEQ (12121231000))\n* 2 FETCH (UID 6 MODSEQ (12121230852))\n\
             A2 OK [MODIFIED 7,9] conditional STORE failed",
        )
        .turn("A3 UID STORE 4 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Deleted)", "A3 NO [MODIFIED 4] it is gone")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let change = |since| FlagChange::add([Flag::Deleted]).unchanged_since(since);
    let stored = inbox.store(set("6,4,7:9"), change(12_121_230_045)).await.unwrap();
    assert_eq!(stored.modified(), &set("7,9"));
    let told: Vec<_> = stored.messages().iter().map(|told| (told.uid, told.mod_seq.unwrap())).collect();
    assert_eq!(told, [(4, 12_121_231_000), (6, 12_121_230_852)]);
    let error = inbox.store(4, change(1)).await.unwrap_err();
    assert!(matches!(error.code(), Some(ResponseCode::Modified(left)) if *left == set("4")), "{error:?}");
    verdict.check().await;

    let (client, verdict) = Dialogue::with("").selected().begin();
    let error = client.select("INBOX").await.unwrap().store(4, change(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.missing()), (ErrorKind::Unsupported, Some(&Capability::CondStore)));
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_no_message() {
    let (client, verdict) = Dialogue::with("UIDPLUS MOVE").selected().begin();
    let inbox = client.select("INBOX").await.unwrap();
    let none = SequenceSet::default;
    inbox.add_flags(none(), [Flag::Seen]).await.unwrap();
    inbox.add_flags(5, []).await.unwrap();
    assert_eq!(inbox.store(none(), FlagChange::set([])).await.unwrap().messages(), []);
    assert_eq!(inbox.copy(none(), "x").await.unwrap().pairs().count(), 0);
    assert_eq!(inbox.move_to(none(), "x").await.unwrap().removal(), Removal::Expunged);
    assert_eq!(inbox.delete(none()).await.unwrap(), Removal::Expunged);
    assert_eq!(inbox.expunge(none()).await.unwrap(), Removal::Expunged);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_star_never_reaches_below_what_was_named() {
    let (client, verdict) = Dialogue::with("UIDPLUS MOVE")
        .selected()
        // The last message is 40.
        .turn("A2 UID SEARCH UID 50:*", "* SEARCH 40\nA2 OK done")
        .turn("A3 UID SEARCH UID 38:*", "* SEARCH 38 40\nA3 OK done")
        .turn("A4 UID STORE 38,40 +FLAGS.SILENT (\\Seen)", "A4 OK done")
        .turn("A5 UID SEARCH UID *", "* SEARCH 40\nA5 OK done")
        .turn("A6 UID MOVE 40 Archive", "* OK [COPYUID 9 40 1] .\n* 9 EXPUNGE\nA6 OK done")
        .turn("A7 UID STORE 1:* +FLAGS.SILENT (\\Seen)", "A7 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    assert_eq!(inbox.delete(SequenceSet::starting_at(50)).await.unwrap(), Removal::Expunged);
    inbox.add_flags(SequenceSet::starting_at(38), [Flag::Seen]).await.unwrap();
    let moved = inbox.move_to(set("*"), "Archive").await.unwrap();
    assert_eq!(moved.copied().pairs().collect::<Vec<_>>(), [(40, 1)]);
    inbox.add_flags(SequenceSet::all(), [Flag::Seen]).await.unwrap();
    let error = inbox.delete(SequenceSet::saved()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_set_goes_in_portions_and_a_failure_tells_how_far_they_came() {
    // Ten digits and a comma each: 545 of them make 5,995 bytes, and one more would be too many.
    let uids: Vec<u32> = (0..1000).map(|number| 4_000_000_000 + 2 * number).collect();
    let (first, second) = uids.split_at(545);
    let written = |uids: &[u32]| uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let (client, verdict) = Dialogue::with("UIDPLUS")
        .selected()
        .turn(&format!("A2 UID COPY {} Archive", written(first)), "A2 OK [COPYUID 9 4000000000 1] done")
        .turn(&format!("A3 UID COPY {} Archive", written(second)), "A3 NO [OVERQUOTA] full")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let error = inbox.copy(uids.clone(), "Archive").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(error.code(), Some(&ResponseCode::OverQuota));
    assert_eq!(error.done(), Some(&first.into()), "{error}");
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn copies_are_told_as_pairs_where_the_server_tells_them() {
    let (client, verdict) = Dialogue::with("UIDPLUS")
        .selected()
        .turn("A2 UID COPY 304,319:320 &AMk-t&AOk-", "A2 OK [COPYUID 38505 304,319:320 3956:3958] done")
        .turn("A3 UID COPY 5 x", "A3 OK nothing copied")
        .turn("A4 UID COPY 5 nowhere", "A4 NO [TRYCREATE] no such mailbox")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let copied = inbox.copy(set("304,319:320"), "Été").await.unwrap();
    assert_eq!(copied.uid_validity(), Some(38_505));
    assert_eq!(copied.pairs().collect::<Vec<_>>(), [(304, 3956), (319, 3957), (320, 3958)]);
    assert_eq!(inbox.copy(5, "x").await.unwrap().uid_validity(), None);
    let error = inbox.copy(5, "nowhere").await.unwrap_err();
    assert_eq!(error.code(), Some(&ResponseCode::TryCreate));
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_move_tells_its_pairs_before_or_at_its_end() {
    let (client, verdict) = Dialogue::with("MOVE UIDPLUS")
        .selected()
        .turn("A2 UID MOVE 42:69 foo", "* OK [COPYUID 432432 42:69 1202:1229] .\n* 22 EXPUNGE\nA2 OK done")
        .turn("A3 UID MOVE 70 foo", "* 1 EXPUNGE\nA3 OK [COPYUID 432432 70 1230] done")
        .turn(
            "A4 UID MOVE 71 foo",
            "* OK [COPYUID 432432 71 1231] .\n* 1 EXPUNGE\nA4 OK [COPYUID 432432 71 1231] done",
        )
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let moved = inbox.move_to(42..=69, "foo").await.unwrap();
    assert_eq!((moved.removal(), moved.copied().target()), (Removal::Expunged, &set("1202:1229")));
    for (uid, copy) in [(70, 1230), (71, 1231)] {
        let moved = inbox.move_to(uid, "foo").await.unwrap();
        assert_eq!(moved.copied().pairs().collect::<Vec<_>>(), [(uid, copy)]);
    }
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p42_without_move_only_what_was_copied_is_removed() {
    let (client, verdict) = Dialogue::with("UIDPLUS")
        .selected()
        // 5 came into being since, and 4 went.
        .turn("A2 UID SEARCH UID 1:1000", "* SEARCH 2 3 4\nA2 OK done")
        .turn("A3 UID COPY 2:4 Archive", "A3 OK [COPYUID 9 2:3 70:71] done")
        .turn("A4 UID STORE 2:3 +FLAGS.SILENT (\\Deleted)", "A4 OK done")
        .turn("A5 UID EXPUNGE 2:3", "* 2 EXPUNGE\n* 2 EXPUNGE\nA5 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let moved = inbox.move_to(1..=1000, "Archive").await.unwrap();
    assert_eq!(moved.removal(), Removal::Expunged);
    assert_eq!(moved.copied().pairs().collect::<Vec<_>>(), [(2, 70), (3, 71)]);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p42_without_uidplus_messages_stay_marked_and_the_result_says_so() {
    let (client, verdict) = Dialogue::with("")
        .selected()
        .turn("A2 UID SEARCH UID 2:3", "* SEARCH 2 3\nA2 OK done")
        .turn("A3 UID COPY 2:3 Archive", "A3 OK done")
        .turn("A4 UID STORE 2:3 +FLAGS.SILENT (\\Deleted)", "A4 OK done")
        .turn("A5 UID STORE 7 +FLAGS.SILENT (\\Deleted)", "A5 OK done")
        .turn("A6 EXPUNGE", "* 2 EXPUNGE\n* 2 EXPUNGE\n* 5 EXPUNGE\nA6 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let moved = inbox.move_to(2..=3, "Archive").await.unwrap();
    assert_eq!((moved.removal(), moved.copied().uid_validity()), (Removal::MarkedOnly, None));
    assert_eq!(inbox.delete(7).await.unwrap(), Removal::MarkedOnly);
    assert_eq!(inbox.expunge(7).await.unwrap(), Removal::MarkedOnly);
    inbox.expunge_all_deleted().await.unwrap();
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p42_nothing_is_removed_that_the_server_did_not_say_was_copied() {
    // Refused, and cut: what was copied, if anything, nobody knows, and nothing goes on.
    let copy = "A3 UID COPY 2 Archive";
    let begun = || Dialogue::with("UIDPLUS").selected().turn("A2 UID SEARCH UID 2", "* SEARCH 2\nA2 OK done");
    let (client, verdict) = begun().turn(copy, "A3 NO [OVERQUOTA] full").begin();
    let error = client.select("INBOX").await.unwrap().move_to(2, "Archive").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    verdict.check().await;
    let (client, verdict) = begun().cut(copy).again("UIDPLUS").turn("A1 NOOP", "A1 OK done").begin();
    let error = client.select("INBOX").await.unwrap().move_to(2, "Archive").await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error:?}");
    assert!(error.copied().is_none() && !error.is_retryable());
    client.noop().await.unwrap();
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p42_a_cut_after_the_copy_says_that_it_was_copied_and_not_removed() {
    let begun = || {
        Dialogue::with("UIDPLUS")
            .selected()
            .turn("A2 UID SEARCH UID 2", "* SEARCH 2\nA2 OK done")
            .turn("A3 UID COPY 2 Archive", "A3 OK [COPYUID 9 2 70] done")
    };
    let store = "A4 UID STORE 2 +FLAGS.SILENT (\\Deleted)";
    for dialogue in [
        begun().cut(store),
        begun().turn(store, "A4 NO [NOPERM] not yours"),
        begun().turn(store, "A4 OK done").turn("A5 UID EXPUNGE 2", "A5 BAD what?"),
    ] {
        let (client, verdict) = dialogue.begin();
        let error = client.select("INBOX").await.unwrap().move_to(2, "Archive").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CopiedNotRemoved, "{error}");
        assert!(error.was_written() && !error.is_retryable());
        assert_eq!(error.copied().unwrap().pairs().collect::<Vec<_>>(), [(2, 70)]);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p42_only_named_messages_are_expunged() {
    let (client, verdict) = Dialogue::with("UIDPLUS")
        .selected()
        .turn("A2 UID STORE 2,5 +FLAGS.SILENT (\\Deleted)", "A2 OK done")
        .turn("A3 UID EXPUNGE 2,5", "* 2 EXPUNGE\n* 4 EXPUNGE\nA3 OK done")
        .turn("A4 UID EXPUNGE 7", "A4 OK done")
        .turn("A5 UID STORE 8 +FLAGS.SILENT (\\Deleted)", "A5 NO [NOPERM] not yours")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    assert_eq!(inbox.delete(vec![5, 2]).await.unwrap(), Removal::Expunged);
    assert_eq!(inbox.expunge(7).await.unwrap(), Removal::Expunged);
    assert_eq!(inbox.delete(8).await.unwrap_err().kind(), ErrorKind::Refused);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_was_opened_to_be_read_is_not_changed() {
    let (client, verdict) = Dialogue::with("UIDPLUS MOVE")
        .turn("A1 EXAMINE INBOX", "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\nA1 OK [READ-ONLY] selected")
        .turn("A2 UID COPY 1 Archive", "A2 OK done")
        .turn("A3 SELECT Shared", "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\nA3 OK [READ-ONLY] selected")
        .begin();
    let inbox = client.examine("INBOX").await.unwrap();
    inbox.copy(1, "Archive").await.unwrap();
    let shared = client.select("Shared").await.unwrap();
    for mailbox in [inbox, shared] {
        let kinds = [
            mailbox.add_flags(1, [Flag::Seen]).await.map_err(|error| error.kind()),
            mailbox.move_to(1, "x").await.map(drop).map_err(|error| error.kind()),
            mailbox.delete(1).await.map(drop).map_err(|error| error.kind()),
            mailbox.expunge(1).await.map(drop).map_err(|error| error.kind()),
            mailbox.expunge_all_deleted().await.map_err(|error| error.kind()),
        ];
        assert_eq!(kinds, [Err(ErrorKind::ReadOnly); 5]);
    }
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p29_what_fails_before_a_change_was_sent_is_no_change_that_may_have_been_made() {
    type Change = fn(Mailbox) -> BoxFuture<'static, Result<(), Error>>;
    let changes: [(&str, &str, Change); 4] = [
        ("UID MOVE", "UID 4:9", |inbox| Box::pin(async move { inbox.move_to(4..=9, "b").await.map(drop) })),
        ("UID COPY", "UID 4:*", |inbox| Box::pin(async move { inbox.copy(set("4:*"), "b").await.map(drop) })),
        ("UID STORE", "UID 4:*", |inbox| {
            Box::pin(async move { inbox.add_flags(set("4:*"), [Flag::Seen]).await })
        }),
        ("UID EXPUNGE", "UID 4:*", |inbox| Box::pin(async move { inbox.delete(set("4:*")).await.map(drop) })),
    ];
    for (name, condition, change) in changes {
        let search = |tag| format!("A{tag} UID SEARCH {condition}");
        let dialogue = Dialogue::with("").selected().cut(&search(2)).again("");
        let (client, verdict) = dialogue.selected().cut(&search(2)).begin();
        let inbox = client.select("INBOX").await.unwrap();
        let error = change(inbox).await.unwrap_err();
        assert_eq!((error.kind(), error.was_written()), (ErrorKind::ConnectionLost, false), "{error}");
        assert!(error.is_retryable() && error.to_string().contains("it was not sent"), "{error}");
        assert_eq!(error.command(), Some(&*format!("{name} INBOX")));
        verdict.check().await;
    }

    // Nor is one whose time is up.
    let (client, verdict) = Dialogue::with("").selected().turn("A2 UID SEARCH UID 4:9", "* OK wait").begin();
    let inbox = client.with_deadline(Duration::from_secs(5)).select("INBOX").await.unwrap();
    let error = inbox.move_to(4..=9, "b").await.unwrap_err();
    assert!(error.is_timeout() && !error.was_written() && error.is_retryable(), "{error}");
    drop(verdict);
}

#[tokio::test(start_paused = true)]
async fn p26_what_changes_a_mailbox_that_was_opened_anew_read_only_is_not_written() {
    type Change = fn(Mailbox) -> BoxFuture<'static, Result<(), Error>>;
    let changes: [(&str, Change); 7] = [
        ("UID STORE", |inbox| Box::pin(async move { inbox.add_flags(4, [Flag::Seen]).await })),
        ("UID MOVE", |inbox| Box::pin(async move { inbox.move_to(4, "c").await.map(drop) })),
        ("UID STORE", |inbox| Box::pin(async move { inbox.delete(4).await.map(drop) })),
        ("UID EXPUNGE", |inbox| Box::pin(async move { inbox.expunge(4).await.map(drop) })),
        ("EXPUNGE", |inbox| Box::pin(async move { inbox.expunge_all_deleted().await })),
        ("UID REPLACE", |inbox| {
            Box::pin(async move { inbox.replace(4, NewMessage::new("x")).await.map(drop) })
        }),
        ("", |inbox| Box::pin(async move { inbox.copy(4, "c").await.map(drop) })),
    ];
    for (name, change) in changes {
        let dialogue = Dialogue::with("MOVE UIDPLUS REPLACE")
            .selected()
            .turn("A2 EXAMINE b", "* 1 EXISTS\n* OK [UIDVALIDITY 1] .\nA2 OK [READ-ONLY] examined")
            .turn("A3 SELECT INBOX", "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\nA3 OK [READ-ONLY] selected");
        // What only reads there goes on.
        let dialogue = match name {
            "" => dialogue.turn("A4 UID COPY 4 c", "A4 OK done"),
            _ => dialogue.turn("A4 UID SEARCH SEEN", "* SEARCH\nA4 OK done"),
        };
        let (client, verdict) = dialogue.begin();
        let inbox = client.select("INBOX").await.unwrap();
        assert!(!inbox.is_read_only());
        client.examine("b").await.unwrap();
        let changed = change(inbox.clone()).await;
        if name.is_empty() {
            changed.unwrap();
        } else {
            let error = changed.unwrap_err();
            assert_eq!((error.kind(), error.was_written()), (ErrorKind::ReadOnly, false), "{error}");
            assert!(error.command().unwrap().starts_with(name), "{error}");
            assert!(inbox.search(SearchKey::seen()).await.unwrap().is_empty());
        }
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p26_a_mailbox_that_opens_read_only_is_not_changed_and_takes_messages_all_the_same() {
    let (client, verdict) = Dialogue::with("MOVE UIDPLUS REPLACE LITERAL+")
        .turn("A1 SELECT INBOX", "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\nA1 OK [READ-ONLY] selected")
        .turn("A2 UID COPY 4 c", "A2 OK done")
        .turn("A3 APPEND INBOX {1+}\nx", "A3 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    assert!(inbox.is_read_only());
    let errors = [
        inbox.add_flags(4, [Flag::Seen]).await.unwrap_err(),
        inbox.move_to(4, "c").await.unwrap_err(),
        inbox.delete(4).await.unwrap_err(),
        inbox.expunge(4).await.unwrap_err(),
        inbox.expunge_all_deleted().await.unwrap_err(),
        inbox.replace(4, NewMessage::new("x")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.was_written()), (ErrorKind::ReadOnly, false), "{error}");
    }
    inbox.copy(4, "c").await.unwrap();
    inbox.append(NewMessage::new("x")).await.unwrap();
    verdict.check().await;
}
