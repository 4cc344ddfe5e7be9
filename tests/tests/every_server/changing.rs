//! What changes mail: flags, copies, moves and deletions, of what was named and of nothing else.

use mail_client::ErrorKind;
use mail_client::imap::{
    Capability, Flag, FlagChange, Mailbox, Removal, ResponseCode, SearchKey, SequenceSet,
};

use crate::place::{Kind, set};

pub(crate) async fn flags_change_unless_somebody_was_quicker(kind: Kind) {
    let place = kind.filled(None).await;
    let client = place.client();
    let inbox = client.select("INBOX").await.unwrap();
    inbox.add_flags(vec![1, 2, 99], [Flag::Flagged, Flag::new("$Done")]).await.unwrap();
    assert_eq!(place.uids("INBOX", "KEYWORD $Done FLAGGED"), [1, 2].into());
    inbox.remove_flags(SequenceSet::starting_at(2), [Flag::Flagged]).await.unwrap();
    inbox.set_flags(5, [Flag::Draft]).await.unwrap();
    assert_eq!(place.uids("INBOX", "FLAGGED"), [1].into());
    assert_eq!(place.uids("INBOX", "DRAFT UNSEEN"), [5].into());
    // A UID that isn't there yet is nobody's, the last message's least of all.
    inbox.add_flags(SequenceSet::starting_at(1000), [Flag::Deleted]).await.unwrap();
    assert!(place.uids("INBOX", "DELETED").is_empty());

    if place.can(&client, Capability::CondStore).await {
        let known = inbox.search(SearchKey::changed_since(1)).await.unwrap().mod_seq().unwrap();
        let mut other = place.wire();
        other.command(b"SELECT INBOX").unwrap();
        other.command(b"UID STORE 3 +FLAGS ($Mine)").unwrap();
        let change = FlagChange::add([Flag::Answered]).unchanged_since(known).returning_flags();
        let stored = inbox.store(3..=4, change).await.unwrap();
        assert_eq!(stored.modified(), &set("3"));
        let told = stored.messages().iter().find(|told| told.uid == 4).unwrap();
        assert!(told.flags.as_ref().unwrap().contains(&Flag::Answered) && told.mod_seq.unwrap() > known);
        assert_eq!(place.uids("INBOX", "ANSWERED"), [4].into());
    }
    client.close().await;
}

/// The copies of these messages in a mailbox, by UID.
async fn subjects(mailbox: &Mailbox, subject: &'static str) -> SequenceSet {
    mailbox.search(SearchKey::subject(subject)).await.unwrap().into_uids()
}

pub(crate) async fn copies_and_moves_go_well_whatever_is_announced(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.filled(announced).await;
        let client = place.client();
        let inbox = client.select("INBOX").await.unwrap();
        let archive = client.examine(place.name("Archive")).await.unwrap();
        let copied = inbox.copy(set("1,5,77"), place.name("Archive")).await.unwrap();
        // Dovecot tells pairs whatever it announces.
        let tells = announced != Some("IMAP4rev1") || copied.uid_validity().is_some();
        let pairs: Vec<_> = copied.pairs().collect();
        assert_eq!(pairs, if tells { vec![(1, 1), (5, 2)] } else { vec![] });
        assert!(!tells || copied.uid_validity() == archive.uid_validity());
        assert_eq!(subjects(&archive, "bill").await, set("2"));

        let moved = inbox.move_to(SequenceSet::starting_at(5), place.name("Archive")).await.unwrap();
        let pairs: Vec<_> = moved.copied().pairs().collect();
        assert_eq!(pairs, if tells { vec![(5, 3), (6, 4)] } else { vec![] });
        assert_eq!(subjects(&archive, "bill").await, set("2:3"));
        let (left, marked) = (place.uids("INBOX", "ALL"), place.uids("INBOX", "DELETED"));
        if announced == Some("IMAP4rev1") {
            assert_eq!(moved.removal(), Removal::MarkedOnly);
            assert_eq!((left, marked), ([1, 2, 3, 4, 5, 6].into(), [5, 6].into()));
        } else {
            assert_eq!(moved.removal(), Removal::Expunged);
            assert_eq!((left, marked), ([1, 2, 3, 4].into(), [].into()));
        }
        let error = inbox.copy(1, place.name("Nowhere")).await.unwrap_err();
        assert_eq!(error.code(), Some(&ResponseCode::TryCreate));
        let error = inbox.move_to(1, place.name("Nowhere")).await.unwrap_err();
        assert_eq!((error.kind(), error.copied()), (ErrorKind::Refused, None));
        client.close().await;
    }
}

pub(crate) async fn p42_only_what_was_named_is_removed_whatever_is_announced(kind: Kind) {
    for &announced in kind.announcements() {
        let place = kind.filled(announced).await;
        let client = place.client();
        let inbox = client.select("INBOX").await.unwrap();
        let mut other = place.wire();
        other.command(b"SELECT INBOX").unwrap();
        other.command(b"UID STORE 6 +FLAGS (\\Deleted)").unwrap();
        let removal = inbox.delete(vec![2, 3]).await.unwrap();
        if announced == Some("IMAP4rev1") {
            assert_eq!(removal, Removal::MarkedOnly);
            assert_eq!(inbox.expunge(2).await.unwrap(), Removal::MarkedOnly);
            assert_eq!(place.uids("INBOX", "ALL"), [1, 2, 3, 4, 5, 6].into());
            assert_eq!(place.uids("INBOX", "DELETED"), [2, 3, 6].into());
        } else {
            assert_eq!(removal, Removal::Expunged);
            assert_eq!(inbox.expunge(4..=5).await.unwrap(), Removal::Expunged);
            assert_eq!(place.uids("INBOX", "ALL"), [1, 4, 5, 6].into());
        }
        inbox.expunge_all_deleted().await.unwrap();
        assert_eq!(place.uids("INBOX", "ALL"), [1, 4, 5].into());
        client.close().await;
    }
}
