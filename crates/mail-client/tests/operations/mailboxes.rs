//! Mailboxes as a whole: listed, counted, created, deleted, renamed, subscribed to.

use mail_client::{
    ErrorKind,
    imap::{Capability, ListQuery, ListedMailbox, MailboxAttribute, MailboxName, ResponseCode, StatusItem},
};

use crate::common::dialogue::Dialogue;

/// Name, whether selectable and subscribed, special use, unseen messages.
type Told = (String, bool, bool, Option<MailboxAttribute>, Option<u64>);

/// What matters of listed mailboxes.
fn told(found: &[ListedMailbox]) -> Vec<Told> {
    let told = found.iter().map(|mailbox| {
        let unseen = mailbox.status().and_then(|status| status.get(StatusItem::Unseen));
        let special = mailbox.special_uses().next().cloned();
        (mailbox.name().to_string(), mailbox.is_selectable(), mailbox.is_subscribed(), special, unseen)
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn one_round_trip_tells_all_and_without_the_extensions_it_is_the_same() {
    let one_command = Dialogue::with("LIST-EXTENDED LIST-STATUS SPECIAL-USE").turn(
        "A1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))",
        "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\n\
         * STATUS INBOX (MESSAGES 9 UNSEEN 2)\n\
         * LIST (\\Noselect \\HasChildren) \"/\" Old\n\
         * LIST (\\HasNoChildren \\Trash) \"/\" \"Gel&APY-scht\"\n\
         * STATUS \"Gel&APY-scht\" (MESSAGES 3 UNSEEN 0)\n\
         A1 OK done",
    );
    let two_commands = Dialogue::with("LIST-EXTENDED SPECIAL-USE")
        .turn(
            "A1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)",
            "* LIST (\\Subscribed \\HasNoChildren) \"/\" INBOX\n\
             * LIST (\\Noselect \\HasChildren) \"/\" Old\n\
             * LIST (\\HasNoChildren \\Trash) \"/\" \"Gel&APY-scht\"\n\
             A1 OK done",
        )
        .turn(
            "A2 STATUS INBOX (MESSAGES UNSEEN)\nA3 STATUS Gel&APY-scht (MESSAGES UNSEEN)",
            "* STATUS \"Gel&APY-scht\" (MESSAGES 3 UNSEEN 0)\n* STATUS INBOX (MESSAGES 9 UNSEEN 2)\n\
             A2 OK done\nA3 OK done",
        );
    let many_commands = Dialogue::with("")
        .turn(
            "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
            "* LIST (\\HasNoChildren) \"/\" INBOX\n\
             * LIST (\\Noselect \\HasChildren) \"/\" Old\n\
             * LSUB () \"/\" INBOX\n\
             * LIST (\\HasNoChildren \\Trash) \"/\" \"Gel&APY-scht\"\n\
             A1 OK done\n* LSUB () \"/\" \"gone\"\nA2 OK done",
        )
        .turn(
            "A3 STATUS INBOX (MESSAGES UNSEEN)\nA4 STATUS Gel&APY-scht (MESSAGES UNSEEN)",
            "* STATUS INBOX (MESSAGES 9 UNSEEN 2)\nA3 OK done\n\
             * STATUS \"Gel&APY-scht\" (MESSAGES 3 UNSEEN 0)\nA4 OK done",
        );
    for dialogue in [one_command, two_commands, many_commands] {
        let (client, verdict) = dialogue.begin();
        let query = ListQuery::all().with_status([StatusItem::Messages, StatusItem::Unseen]);
        let found = client.list_mailboxes(query).await.unwrap();
        let expected = [
            ("INBOX".to_owned(), true, true, None, Some(2)),
            ("Old".to_owned(), false, false, None, None),
            ("Gelöscht".to_owned(), true, false, Some(MailboxAttribute::Trash), Some(0)),
        ];
        assert_eq!(told(&found), expected);
        assert_eq!((found[1].has_children(), found[1].delimiter()), (Some(true), Some(b'/')));
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_subscribed_to_is_told_even_if_it_is_gone() {
    let extended = Dialogue::with("IMAP4rev2").turn(
        "A1 LIST (SUBSCRIBED) \"\" (\"%\" \"a/%\") RETURN (SUBSCRIBED CHILDREN)",
        "* LIST (\\Subscribed) \"/\" a/b\n* LIST (\\Subscribed \\NonExistent) \"/\" gone\nA1 OK done",
    );
    // Two of a kind don't share the wire, since nothing tells their answers apart.
    let plain = Dialogue::with("")
        .turn("A1 LIST \"\" \"%\"", "* LIST () \"/\" INBOX\n* LIST (\\Noselect) \"/\" a\nA1 OK done")
        .turn(
            "A2 LIST \"\" \"a/%\"\nA3 LSUB \"\" \"%\"",
            "* LIST () \"/\" a/b\nA2 OK done\n* LSUB (\\Noselect) \"/\" a\n* LSUB () \"/\" gone\nA3 OK done",
        )
        .turn("A4 LSUB \"\" \"a/%\"", "* LSUB () \"/\" a/b\nA4 OK done");
    for dialogue in [extended, plain] {
        let (client, verdict) = dialogue.begin();
        let query = ListQuery::new("%").or("a/%").subscribed_only();
        let found = client.list_mailboxes(query).await.unwrap();
        let expected =
            [("a/b".to_owned(), true, true, None, None), ("gone".to_owned(), false, true, None, None)];
        assert_eq!(told(&found), expected);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_stands_above_others_is_not_subscribed_to() {
    // As Courier has it.
    let dialogue = Dialogue::with("").turn(
        "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
        "A1 OK done\n* LSUB (\\Noselect) \"/\" a\n* LSUB () \"/\" a/b\n* LSUB (\\Noselect) \"/\" ab\nA2 OK done",
    );
    let (client, verdict) = dialogue.begin();
    let found = client.list_mailboxes(ListQuery::all().subscribed_only()).await.unwrap();
    let names: Vec<_> = found.iter().map(|mailbox| mailbox.name().to_string()).collect();
    assert_eq!(names, ["a/b", "ab"]);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn only_special_uses_where_the_server_selects_and_where_it_does_not() {
    let extended = Dialogue::with("LIST-EXTENDED SPECIAL-USE").turn(
        "A1 LIST (SPECIAL-USE) \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)",
        "* LIST (\\Sent) \"/\" out\nA1 OK done",
    );
    let plain = Dialogue::with("SPECIAL-USE").turn(
        "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
        "* LIST (\\Sent) \"/\" out\n* LIST () \"/\" INBOX\nA1 OK done\nA2 OK done",
    );
    for dialogue in [extended, plain] {
        let (client, verdict) = dialogue.begin();
        let found = client.list_mailboxes(ListQuery::all().special_use_only()).await.unwrap();
        assert_eq!(told(&found), [("out".to_owned(), true, false, Some(MailboxAttribute::Sent), None)]);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_whose_numbers_cannot_be_had_keeps_no_other_from_being_listed() {
    let begun = || {
        Dialogue::with("").turn(
            "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
            "* LIST () \"/\" a\n* LIST () \"/\" b\nA1 OK done\nA2 OK done",
        )
    };
    let asked = "A3 STATUS a (MESSAGES)\nA4 STATUS b (MESSAGES)";
    let query = || ListQuery::all().with_status([StatusItem::Messages, StatusItem::Size]);
    let (client, verdict) =
        begun().turn(asked, "A3 NO [NONEXISTENT] gone\n* STATUS b (MESSAGES 1)\nA4 OK done").begin();
    let found = client.list_mailboxes(query()).await.unwrap();
    let counts: Vec<_> = found
        .iter()
        .map(|mailbox| mailbox.status().and_then(|told| told.get(StatusItem::Messages)))
        .collect();
    assert_eq!(counts, [None, Some(1)]);
    verdict.check().await;
    for refusal in ["NO [UNAVAILABLE] later", "BAD what?"] {
        let (client, verdict) =
            begun().turn(asked, &format!("A3 {refusal}\n* STATUS b (MESSAGES 1)\nA4 OK done")).begin();
        assert_eq!(client.list_mailboxes(query()).await.unwrap_err().kind(), ErrorKind::Refused);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_patterns_are_text() {
    let (client, verdict) = Dialogue::with("")
        .turn(
            "A1 LIST \"\" \"Entw&APw-rfe &- mehr/%\"",
            "* LIST () \"/\" \"Entw&APw-rfe &- mehr/1\"\nA1 OK done",
        )
        .turn("A2 LIST \"\" \"&bogus\"", "A2 OK done")
        .turn("A3 CREATE &AMk-t&AOk-", "A3 OK done")
        .turn("A4 RENAME &AMk-t&AOk- Summer", "A4 OK done")
        .turn("A5 SUBSCRIBE Summer", "A5 OK done")
        .turn("A6 UNSUBSCRIBE Summer", "A6 OK done")
        .turn("A7 DELETE Summer", "A7 OK done")
        .turn("A8 DELETE Summer", "A8 NO [NONEXISTENT] gone")
        .begin();
    let found = client.list("", "Entwürfe & mehr/%").await.unwrap();
    assert_eq!(found[0].mailbox.to_string(), "Entwürfe & mehr/1");
    // One that is broken is asked for as it is.
    assert!(client.list("", MailboxName::from_wire("&bogus")).await.unwrap().is_empty());
    client.create_mailbox("Été").await.unwrap();
    client.rename_mailbox("Été", String::from("Summer")).await.unwrap();
    client.subscribe("Summer").await.unwrap();
    client.unsubscribe("Summer").await.unwrap();
    client.delete_mailbox("Summer").await.unwrap();
    let error = client.delete_mailbox("Summer").await.unwrap_err();
    assert_eq!(error.code(), Some(&ResponseCode::NonExistent));
    assert_eq!(error.command(), Some("DELETE Summer"));
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_is_created_for_a_use_only_where_that_can_be() {
    let (client, verdict) = Dialogue::with("CREATE-SPECIAL-USE")
        .turn("A1 CREATE Old (USE (\\Archive))", "A1 OK done")
        .turn("A2 CREATE Everything (USE (\\All))", "A2 NO [USEATTR] not that")
        .begin();
    client.create_mailbox_for("Old", [MailboxAttribute::Archive]).await.unwrap();
    let error = client.create_mailbox_for("Everything", [MailboxAttribute::All]).await.unwrap_err();
    assert_eq!(error.code(), Some(&ResponseCode::UseAttr));
    verdict.check().await;
    let (client, verdict) = Dialogue::with("").turn("A1 CREATE Old", "A1 OK done").begin();
    let error = client.create_mailbox_for("Old", [MailboxAttribute::Archive]).await.unwrap_err();
    assert_eq!(error.missing(), Some(&Capability::CreateSpecialUse));
    client.create_mailbox_for("Old", []).await.unwrap();
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_that_the_server_does_not_have_are_left_out() {
    let items = [StatusItem::Messages, StatusItem::Size, StatusItem::HighestModSeq, StatusItem::MailboxId];
    let (client, verdict) = Dialogue::with("STATUS=SIZE OBJECTID")
        .turn(
            "A1 STATUS Archive (MESSAGES SIZE MAILBOXID)",
            "* STATUS Archive (MESSAGES 231 SIZE 5000000000 MAILBOXID (F2212ea87))\nA1 OK done",
        )
        .turn("A2 STATUS Archive (MESSAGES)", "* STATUS other (MESSAGES 5)\nA2 OK done")
        .turn("A3 STATUS nowhere (MESSAGES)", "A3 NO [NONEXISTENT] no such mailbox")
        .begin();
    let status = client.status("Archive", &items).await.unwrap();
    assert_eq!(status.get(StatusItem::Size), Some(5_000_000_000));
    assert_eq!((status.get(StatusItem::HighestModSeq), status.mailbox_id()), (None, Some(&b"F2212ea87"[..])));
    let error = client.status("Archive", &items[..1]).await.unwrap_err();
    assert_eq!((error.kind(), error.command()), (ErrorKind::Protocol, Some("STATUS Archive")));
    let error = client.status("Archive", &items[2..3]).await.unwrap_err();
    assert_eq!(error.missing(), Some(&Capability::CondStore));
    assert_eq!(client.status("nowhere", &items[..1]).await.unwrap_err().kind(), ErrorKind::Refused);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p29_a_list_that_was_cut_is_asked_once_more_and_a_change_is_not() {
    let (client, verdict) = Dialogue::with("")
        .cut("A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"")
        .again("")
        .turn("A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"", "* LIST () \"/\" a\nA1 OK done\nA2 OK done")
        .cut("A3 DELETE a")
        .begin();
    assert_eq!(client.list_mailboxes(ListQuery::all()).await.unwrap().len(), 1);
    let error = client.delete_mailbox("a").await.unwrap_err();
    assert!(error.kind() == ErrorKind::ConnectionLost && error.was_written(), "{error:?}");
    verdict.check().await;
}
