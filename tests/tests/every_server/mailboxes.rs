//! What concerns mailboxes as a whole: which there are, and what is kept with them.

use mail_client::ErrorKind;
use mail_client::imap::{
    Acl, Capability, ListQuery, MailboxAttribute, MetadataOptions, ResponseCode, Rights, RightsChange,
    StatusItem,
};

use crate::place::{Kind, Setup};

pub(crate) async fn they_are_listed_the_same_whatever_is_announced(kind: Kind) {
    let mut listings = Vec::new();
    for &announced in kind.announcements() {
        let place = kind.start(Setup { announced, extensions: true, ..Setup::default() }).await;
        place.fill();
        let client = place.client();
        let name = |name| place.name(name);
        let below = "Archive/2026/Märkte & Co";
        client.create_mailbox(name(below)).await.unwrap();
        client.subscribe(name(below)).await.unwrap();
        let items = [StatusItem::Messages, StatusItem::Unseen, StatusItem::UidNext];
        let found = client.list_mailboxes(ListQuery::all().with_status(items)).await.unwrap();
        let mut told: Vec<_> = found
            .iter()
            .map(|mailbox| {
                let numbers = items.map(|item| mailbox.status().and_then(|status| status.get(item)));
                let name = mailbox.name().to_string();
                (name, mailbox.is_selectable(), mailbox.is_subscribed(), numbers)
            })
            .collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let inbox = told.iter().find(|told| told.0 == "INBOX").unwrap();
        assert_eq!(inbox.3, [Some(6), Some(3), Some(7)]);
        if kind.has_extensions() {
            let bin = found.iter().find(|mailbox| mailbox.name().to_string() == "Bin").unwrap();
            assert!(bin.is_subscribed());
            // Some tell what a mailbox is for whatever they announce.
            let uses: Vec<_> = bin.special_uses().cloned().collect();
            assert!(uses == [MailboxAttribute::Trash] || announced.is_some() && uses.is_empty(), "{uses:?}");
        }
        assert!(told.iter().any(|told| told.0 == name("Été") && told.2), "{told:?}");
        listings.push(told);

        let subscribed =
            client.list_mailboxes(ListQuery::new(name("Archive/*")).subscribed_only()).await.unwrap();
        let names: Vec<_> = subscribed.iter().map(|mailbox| mailbox.name().to_string()).collect();
        assert_eq!(names, [name(below)]);
        let found = client.list("", name("Archive/2026/Märkte*")).await.unwrap();
        assert_eq!(found.len(), 1);

        client.rename_mailbox(name("Archive/2026"), name("Archive/old")).await.unwrap();
        let status = client.status(name("Archive/old/Märkte & Co"), &items).await.unwrap();
        assert_eq!(status.get(StatusItem::Messages), Some(0));
        client.unsubscribe(name(below)).await.unwrap();
        client.delete_mailbox(name("Archive/old/Märkte & Co")).await.unwrap();
        let error = client.status(name("Archive/old/Märkte & Co"), &items).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let error = client.create_mailbox(name("Archive")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        // Older servers have no word for it.
        assert!(matches!(error.code(), Some(ResponseCode::AlreadyExists) | None), "{error}");
        client.close().await;
    }
    assert!(listings.iter().all(|listing| *listing == listings[0]), "{listings:?}");
}

pub(crate) async fn what_is_selected_can_be_renamed_and_deleted(kind: Kind) {
    let place = kind.plain().await;
    let client = place.client();
    // It costs nobody the connection.
    let own = client.create_connection().await.unwrap();
    let (on_own, id) = (client.via(&own), own.id().await);
    on_own.create_mailbox(place.name("one/two")).await.unwrap();
    on_own.select(place.name("one/two")).await.unwrap();
    on_own.rename_mailbox(place.name("one"), place.name("three")).await.unwrap();
    on_own.noop().await.unwrap();
    on_own.select(place.name("three/two")).await.unwrap();
    on_own.delete_mailbox(place.name("three/two")).await.unwrap();
    on_own.noop().await.unwrap();
    assert_eq!(own.id().await, id);
    client.close().await;
}

pub(crate) async fn namespaces_quota_rights_metadata_and_id(kind: Kind) {
    let place = kind.start(Setup { extensions: true, ..Setup::default() }).await;
    place.fill();
    let client = place.client();
    if place.can(&client, Capability::Namespace).await {
        let delimiter = if kind == Kind::Courier { b'.' } else { b'/' };
        assert_eq!(client.namespaces().await.unwrap().personal[0].delimiter, Some(delimiter));
    }
    if kind.has_extensions() && place.can(&client, Capability::Quota).await {
        let quotas = client.quota_of("INBOX").await.unwrap();
        let messages = quotas[0].get("MESSAGE").unwrap();
        assert_eq!((messages.usage, messages.limit), (6, Some(100)));
        let storage = client.quota(quotas[0].root.clone()).await.unwrap();
        assert_eq!(storage.get("STORAGE").unwrap().limit, Some(1024));
        assert_eq!(client.quota("nowhere").await.unwrap_err().kind(), ErrorKind::Refused);
        if kind != Kind::Embedded {
            let error = client.set_quota(quotas[0].root.clone(), [("STORAGE", 5000)]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "only an administrator may");
        }
    }
    let archive = place.name("Archive");
    if place.can(&client, Capability::Acl).await {
        // Some mark a user's name as such.
        let toni = if kind == Kind::Dovecot { "user=toni" } else { "toni" };
        assert!(client.my_rights(&*archive).await.unwrap().has(b'a'));
        client.set_acl(&*archive, toni, RightsChange::Replace(Rights::new("lrs"))).await.unwrap();
        client.set_acl(&*archive, toni, RightsChange::Add(Rights::new("w"))).await.unwrap();
        client.set_acl(&*archive, toni, RightsChange::Remove(Rights::new("s"))).await.unwrap();
        let rights = |acl: Acl| {
            let mut entries = acl.entries.into_iter();
            entries.find(|(who, _)| who == "toni" || who == toni).map(|(_, rights)| rights)
        };
        let of_toni = rights(client.acl(&*archive).await.unwrap()).unwrap();
        assert!(of_toni.has(b'w') && of_toni.has(b'r') && !of_toni.has(b's'), "{of_toni:?}");
        assert!(!client.list_rights(&*archive, toni).await.unwrap().optional.is_empty());
        client.delete_acl(&*archive, toni).await.unwrap();
        assert_eq!(rights(client.acl(&*archive).await.unwrap()), None);
    }
    if place.can(&client, Capability::Metadata).await {
        let options = MetadataOptions::default;
        let comment = "/private/comment";
        client.set_metadata(&*archive, [(comment, Some("old mail\r\n\"here\""))]).await.unwrap();
        let values = client.metadata(&*archive, [comment], options()).await.unwrap();
        assert_eq!(values.get(comment).unwrap(), "old mail\r\n\"here\"");
        let values = client.metadata(&*archive, [comment], options().with_max_size(3)).await.unwrap();
        assert_eq!((values.get(comment), values.longest_left_out()), (None, Some(16)));
        client.set_metadata(&*archive, [(comment, None::<&str>)]).await.unwrap();
        assert_eq!(client.metadata(&*archive, [comment], options()).await.unwrap().get(comment), None);
        // Of the server's own values Cyrus leaves the setting to administrators.
        if kind != Kind::Cyrus {
            client.set_server_metadata([("/private/x", Some("y"))]).await.unwrap();
            let values = client.server_metadata(["/private/x"], options()).await.unwrap();
            assert_eq!(values.get("/private/x").unwrap(), "y");
        }
    }
    if place.can(&client, Capability::Id).await {
        assert!(client.id().await.unwrap().get("name").is_some());
    }
    client.close().await;
}
