//! ImapClient's operations against Dovecot: what it announces, and what it does where it announces less.

use std::collections::BTreeSet;

use mail_client::imap::{
    Capability, Flag, FlagChange, ImapClient, ListQuery, Mailbox, MailboxAttribute, MetadataOptions,
    PartialRange, Removal, ResponseCode, Rights, RightsChange, SearchKey, SequenceSet, SortBy, SortKey,
    StatusItem, ThreadAlgorithm,
};
use mail_client::{ErrorKind, transport::Tls};
use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::{Info, Server};
use system_tests::wire::Wire;

/// What the server says it can do: all it can, what a server of 2003 could, and that with UIDPLUS.
const CAPABILITIES: [Option<&str>; 3] = [None, Some("IMAP4rev1"), Some("IMAP4rev1 UIDPLUS")];

/// A server that announces this, with six messages in the inbox, UIDs 1 to 6, and nothing in `Archive`.
fn server(imap_capability: Option<&str>) -> Server {
    let mut options = Options::default();
    options.imap_capability = imap_capability.map(str::to_owned);
    options.extensions = true;
    let server = dovecot::start(&options).unwrap();
    let mut wire = Wire::log_in(server.info()).unwrap();
    wire.command(b"CREATE Archive").unwrap();
    wire.command(b"CREATE &AMk-t&AOk-").unwrap();
    wire.command(b"SUBSCRIBE &AMk-t&AOk-").unwrap();
    let mail = [
        ("", "05-Feb-2026 12:00:00 +0000", "zoe", "Prüfung", "<1@x>", ""),
        ("\\Seen", "04-Feb-2026 12:00:00 +0000", "kim", "lunch?", "<2@x>", ""),
        ("\\Seen \\Flagged", "03-Feb-2026 12:00:00 +0000", "toni", "Re: lunch?", "<3@x>", "<2@x>"),
        ("", "02-Feb-2026 12:00:00 +0000", "kim", "Re: lunch?", "<4@x>", "<2@x> <3@x>"),
        ("\\Seen", "01-Feb-2026 12:00:00 +0000", "toni", "the bill", "<5@x>", ""),
        ("", "01-Jan-2026 12:00:00 +0000", "zoe", "Re: lunch?", "<6@x>", "<2@x>"),
    ];
    for (number, (flags, date, from, subject, id, references)) in mail.into_iter().enumerate() {
        let message = format!(
            "From: {from}@example.org\r\nSubject: {subject}\r\nMessage-ID: {id}\r\nReferences: {references}\r\n\
             Date: {number} Feb 2026 12:00:00 +0000\r\n\r\n{}\r\n",
            "x".repeat(number * 100)
        );
        wire.append("INBOX", flags, date, message.as_bytes()).unwrap();
    }
    wire.answers().unwrap();
    server
}

fn client(server: &Info) -> ImapClient {
    let tls = Tls::builder().root_pem(&std::fs::read(&server.ca_file).unwrap()).unwrap().build().unwrap();
    let builder = ImapClient::builder("127.0.0.1", &server.user).port(server.ports["imaps"]);
    builder.password(&*server.password).tls(tls).build().unwrap()
}

fn set(text: &str) -> SequenceSet {
    text.parse().unwrap()
}

/// The UIDs of a mailbox, as somebody else sees them.
fn uids(server: &Info, mailbox: &str, key: &str) -> BTreeSet<u32> {
    let mut wire = Wire::log_in(server).unwrap();
    wire.command(format!("EXAMINE {mailbox}").as_bytes()).unwrap();
    let lines = wire.command(format!("UID SEARCH {key}").as_bytes()).unwrap();
    let line = lines.iter().find(|line| line.starts_with(b"* SEARCH")).unwrap();
    let text = std::str::from_utf8(line).unwrap();
    text.split_ascii_whitespace().skip(2).map(|uid| uid.parse().unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn searches_find_the_same_whatever_is_announced() {
    for capability in CAPABILITIES {
        let server = server(capability);
        let client = client(server.info());
        let inbox = client.examine("INBOX").await.unwrap();
        for (key, expected) in [
            (SearchKey::All, "1:6"),
            (SearchKey::unseen(), "1,4,6"),
            (SearchKey::from_address("kim") & SearchKey::seen(), "2"),
            (SearchKey::flagged() | SearchKey::subject("bill"), "3,5"),
            (!SearchKey::subject("lunch") & SearchKey::Uid(set("2:*")), "5"),
            (SearchKey::subject("Prüfung"), "1"),
            (SearchKey::subject("Zeugnis"), ""),
        ] {
            let found = inbox.search(key.clone()).await.unwrap();
            assert_eq!(found.uids().to_string(), expected, "{key:?}");
            let summary = inbox.search_summary(key.clone()).await.unwrap();
            let of_result = (found.count(), found.min(), found.max());
            assert_eq!((summary.count, summary.min, summary.max), of_result, "{key:?}");
        }
        for (part, expected) in [
            (PartialRange::FromFirst(2, 3), "2:3"),
            (PartialRange::FromLast(1, 2), "5:6"),
            (PartialRange::FromFirst(7, 9), ""),
        ] {
            let found = inbox.search_partial(SearchKey::All, part).await.unwrap();
            assert_eq!(found.to_string(), expected, "{capability:?} {part:?}");
        }
        client.close().await;
    }
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn sorts_and_threads() {
    let server = server(None);
    let client = client(server.info());
    let inbox = client.examine("INBOX").await.unwrap();
    let order = [SortKey::ascending(SortBy::Arrival)];
    assert_eq!(inbox.sort(order, SearchKey::All).await.unwrap(), [6, 5, 4, 3, 2, 1]);
    let order = [SortKey::ascending(SortBy::From), SortKey::descending(SortBy::Size)];
    assert_eq!(inbox.sort(order, !SearchKey::subject("Prüfung")).await.unwrap(), [4, 2, 5, 3, 6]);
    assert!(inbox.sort(order, SearchKey::deleted()).await.unwrap().is_empty());
    let threads = inbox.thread(ThreadAlgorithm::References, SearchKey::All).await.unwrap();
    assert_eq!(threads.count(), 3);
    let parent_of = |uid| {
        let node = threads.nodes().iter().find(|node| node.number == Some(uid)).unwrap();
        node.parent.and_then(|parent| threads.nodes()[parent as usize].number)
    };
    assert_eq!([parent_of(2), parent_of(3), parent_of(4), parent_of(6)], [None, Some(2), Some(3), Some(2)]);
    let error = inbox.thread(ThreadAlgorithm::new("BYMOOD"), SearchKey::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    client.close().await;
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn flags_change_unless_somebody_was_quicker() {
    let server = server(None);
    let client = client(server.info());
    let inbox = client.select("INBOX").await.unwrap();
    inbox.add_flags(vec![1, 2, 99], [Flag::Flagged, Flag::new("$Done")]).await.unwrap();
    assert_eq!(uids(server.info(), "INBOX", "KEYWORD $Done FLAGGED"), [1, 2].into());
    inbox.remove_flags(SequenceSet::starting_at(2), [Flag::Flagged]).await.unwrap();
    inbox.set_flags(5, [Flag::Draft]).await.unwrap();
    assert_eq!(uids(server.info(), "INBOX", "FLAGGED"), [1].into());
    assert_eq!(uids(server.info(), "INBOX", "DRAFT UNSEEN"), [5].into());
    // A UID that isn't there yet is nobody's, the last message's least of all.
    inbox.add_flags(SequenceSet::starting_at(1000), [Flag::Deleted]).await.unwrap();
    assert!(uids(server.info(), "INBOX", "DELETED").is_empty());

    let known = inbox.search(SearchKey::changed_since(1)).await.unwrap().mod_seq().unwrap();
    let mut other = Wire::log_in(server.info()).unwrap();
    other.command(b"SELECT INBOX").unwrap();
    other.command(b"UID STORE 3 +FLAGS ($Mine)").unwrap();
    let change = FlagChange::add([Flag::Answered]).unchanged_since(known).returning_flags();
    let stored = inbox.store(3..=4, change).await.unwrap();
    assert_eq!(stored.modified(), &set("3"));
    let told = stored.messages().iter().find(|told| told.uid == 4).unwrap();
    assert!(told.flags.as_ref().unwrap().contains(&Flag::Answered) && told.mod_seq.unwrap() > known);
    assert_eq!(uids(server.info(), "INBOX", "ANSWERED"), [4].into());
    client.close().await;
}

/// The copies of these messages in a mailbox, by UID.
async fn subjects(mailbox: &Mailbox, subject: &'static str) -> SequenceSet {
    mailbox.search(SearchKey::subject(subject)).await.unwrap().into_uids()
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn copies_and_moves_go_well_whatever_is_announced() {
    for capability in CAPABILITIES {
        let server = server(capability);
        let client = client(server.info());
        let inbox = client.select("INBOX").await.unwrap();
        let archive = client.examine("Archive").await.unwrap();
        let copied = inbox.copy(set("1,5,77"), "Archive").await.unwrap();
        let pairs: Vec<_> = copied.pairs().collect();
        // Dovecot tells pairs whatever it announces.
        assert_eq!(pairs, [(1, 1), (5, 2)]);
        assert_eq!(copied.uid_validity(), archive.uid_validity());
        assert_eq!(subjects(&archive, "bill").await, set("2"));

        let moved = inbox.move_to(SequenceSet::starting_at(5), "Archive").await.unwrap();
        assert_eq!(moved.copied().pairs().collect::<Vec<_>>(), [(5, 3), (6, 4)]);
        assert_eq!(subjects(&archive, "bill").await, set("2:3"));
        let left = uids(server.info(), "INBOX", "ALL");
        let marked = uids(server.info(), "INBOX", "DELETED");
        if capability == Some("IMAP4rev1") {
            assert_eq!(moved.removal(), Removal::MarkedOnly);
            assert_eq!((left, marked), ([1, 2, 3, 4, 5, 6].into(), [5, 6].into()));
        } else {
            assert_eq!(moved.removal(), Removal::Expunged);
            assert_eq!((left, marked), ([1, 2, 3, 4].into(), [].into()));
        }
        let error = inbox.copy(1, "Nowhere").await.unwrap_err();
        assert_eq!(error.code(), Some(&ResponseCode::TryCreate));
        let error = inbox.move_to(1, "Nowhere").await.unwrap_err();
        assert_eq!((error.kind(), error.copied()), (ErrorKind::Refused, None));
        client.close().await;
    }
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn p42_only_what_was_named_is_removed_whatever_is_announced() {
    for capability in CAPABILITIES {
        let server = server(capability);
        let client = client(server.info());
        let inbox = client.select("INBOX").await.unwrap();
        let mut other = Wire::log_in(server.info()).unwrap();
        other.command(b"SELECT INBOX").unwrap();
        other.command(b"UID STORE 6 +FLAGS (\\Deleted)").unwrap();
        let removal = inbox.delete(vec![2, 3]).await.unwrap();
        if capability == Some("IMAP4rev1") {
            assert_eq!(removal, Removal::MarkedOnly);
            assert_eq!(inbox.expunge(2).await.unwrap(), Removal::MarkedOnly);
            assert_eq!(uids(server.info(), "INBOX", "ALL"), [1, 2, 3, 4, 5, 6].into());
            assert_eq!(uids(server.info(), "INBOX", "DELETED"), [2, 3, 6].into());
        } else {
            assert_eq!(removal, Removal::Expunged);
            assert_eq!(inbox.expunge(4..=5).await.unwrap(), Removal::Expunged);
            assert_eq!(uids(server.info(), "INBOX", "ALL"), [1, 4, 5, 6].into());
        }
        inbox.expunge_all_deleted().await.unwrap();
        assert_eq!(uids(server.info(), "INBOX", "ALL"), [1, 4, 5].into());
        client.close().await;
    }
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn mailboxes_are_listed_the_same_whatever_is_announced() {
    let mut listings = Vec::new();
    for capability in CAPABILITIES {
        let server = server(capability);
        let client = client(server.info());
        client.create_mailbox("Archive/2026/Märkte & Co").await.unwrap();
        client.subscribe("Archive/2026/Märkte & Co").await.unwrap();
        let items = [StatusItem::Messages, StatusItem::Unseen, StatusItem::UidNext];
        let found = client.list_mailboxes(ListQuery::all().with_status(items)).await.unwrap();
        let mut told: Vec<_> = found
            .iter()
            .map(|mailbox| {
                let numbers = items.map(|item| mailbox.status().and_then(|status| status.get(item)));
                let special = mailbox.special_uses().next().cloned();
                let name = mailbox.name().to_string();
                (name, mailbox.is_selectable(), mailbox.is_subscribed(), special, numbers)
            })
            .collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let inbox = told.iter().find(|told| told.0 == "INBOX").unwrap();
        assert_eq!(inbox.4, [Some(6), Some(3), Some(7)]);
        let bin = told.iter().find(|told| told.0 == "Bin").unwrap();
        assert_eq!((bin.2, &bin.3), (true, &Some(MailboxAttribute::Trash)));
        assert!(told.iter().any(|told| told.0 == "Été" && told.2), "{told:?}");
        listings.push(told);

        let subscribed = client.list_mailboxes(ListQuery::new("Archive/*").subscribed_only()).await.unwrap();
        let names: Vec<_> = subscribed.iter().map(|mailbox| mailbox.name().to_string()).collect();
        assert_eq!(names, ["Archive/2026/Märkte & Co"]);
        let found = client.list("", "Archive/2026/Märkte*").await.unwrap();
        assert_eq!(found.len(), 1);

        client.rename_mailbox("Archive/2026", "Archive/old").await.unwrap();
        let status = client.status("Archive/old/Märkte & Co", &items).await.unwrap();
        assert_eq!(status.get(StatusItem::Messages), Some(0));
        client.unsubscribe("Archive/2026/Märkte & Co").await.unwrap();
        client.delete_mailbox("Archive/old/Märkte & Co").await.unwrap();
        let error = client.status("Archive/old/Märkte & Co", &items).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let error = client.create_mailbox("Archive").await.unwrap_err();
        assert_eq!(error.code(), Some(&ResponseCode::AlreadyExists));
        if capability.is_none() {
            // That the mailbox is selected costs nobody the connection.
            let own = client.create_connection().await.unwrap();
            let (client, id) = (client.via(&own), own.id().await);
            client.create_mailbox("one/two").await.unwrap();
            client.select("one/two").await.unwrap();
            client.rename_mailbox("one", "three").await.unwrap();
            client.noop().await.unwrap();
            client.select("three/two").await.unwrap();
            client.delete_mailbox("three/two").await.unwrap();
            client.noop().await.unwrap();
            assert_eq!(own.id().await, id);
        }
        client.close().await;
    }
    assert_eq!(listings[0], listings[1]);
    assert_eq!(listings[0], listings[2]);
}

#[tokio::test]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn namespaces_quota_rights_metadata_and_id() {
    let server = server(None);
    let client = client(server.info());
    for capability in [Capability::Quota, Capability::Acl, Capability::Metadata, Capability::Namespace] {
        assert!(client.capabilities().await.unwrap().supports(&capability), "{capability}");
    }
    let namespaces = client.namespaces().await.unwrap();
    assert_eq!(namespaces.personal[0].delimiter, Some(b'/'));

    let quotas = client.quota_of("INBOX").await.unwrap();
    let messages = quotas[0].get("MESSAGE").unwrap();
    assert_eq!((messages.usage, messages.limit), (6, Some(100)));
    assert_eq!(client.quota(quotas[0].root.clone()).await.unwrap().get("STORAGE").unwrap().limit, Some(1024));
    assert_eq!(client.quota("nowhere").await.unwrap_err().kind(), ErrorKind::Refused);
    let error = client.set_quota(quotas[0].root.clone(), [("STORAGE", 5000)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "only an administrator may");

    assert!(client.my_rights("Archive").await.unwrap().has(b'a'));
    client.set_acl("Archive", "user=toni", RightsChange::Replace(Rights::new("lrs"))).await.unwrap();
    client.set_acl("Archive", "user=toni", RightsChange::Add(Rights::new("w"))).await.unwrap();
    client.set_acl("Archive", "user=toni", RightsChange::Remove(Rights::new("s"))).await.unwrap();
    let acl = client.acl("Archive").await.unwrap();
    let rights = |acl: mail_client::imap::Acl| {
        acl.entries.into_iter().find(|(who, _)| who == "toni" || who == "user=toni").map(|(_, rights)| rights)
    };
    let of_toni = rights(acl).unwrap();
    assert!(of_toni.has(b'w') && of_toni.has(b'r') && !of_toni.has(b's'), "{of_toni:?}");
    assert!(!client.list_rights("Archive", "user=toni").await.unwrap().optional.is_empty());
    client.delete_acl("Archive", "user=toni").await.unwrap();
    assert_eq!(rights(client.acl("Archive").await.unwrap()), None);

    let options = MetadataOptions::default;
    let comment = "/private/comment";
    client.set_metadata("Archive", [(comment, Some("old mail\r\n\"here\""))]).await.unwrap();
    let values = client.metadata("Archive", [comment], options()).await.unwrap();
    assert_eq!(values.get(comment).unwrap(), "old mail\r\n\"here\"");
    let values = client.metadata("Archive", [comment], options().with_max_size(3)).await.unwrap();
    assert_eq!((values.get(comment), values.longest_left_out()), (None, Some(16)));
    client.set_metadata("Archive", [(comment, None::<&str>)]).await.unwrap();
    assert_eq!(client.metadata("Archive", [comment], options()).await.unwrap().get(comment), None);
    client.set_server_metadata([("/private/x", Some("y"))]).await.unwrap();
    let values = client.server_metadata(["/private/x"], options()).await.unwrap();
    assert_eq!(values.get("/private/x").unwrap(), "y");

    assert_eq!(client.id().await.unwrap().get("name").unwrap(), "Dovecot");
    client.close().await;
}
