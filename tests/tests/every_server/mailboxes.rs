//! What concerns mailboxes as a whole: which there are, and what is kept with them.

use mail_client::ErrorKind;
use mail_client::imap::{
    Acl, Capability, ListQuery, MailboxAttribute, MetadataOptions, ResponseCode, Rights, RightsChange,
    StatusItem,
};

use crate::place::{ANNOUNCED, Kind, Setup};

pub(crate) async fn they_are_listed_the_same_whatever_is_announced(kind: Kind) {
    let mut listings = Vec::new();
    for announced in ANNOUNCED {
        let place = kind.start(Setup { announced, extensions: true }).await;
        place.fill();
        let client = place.client();
        client.create_mailbox("Archive/2026/Märkte & Co").await.unwrap();
        client.subscribe("Archive/2026/Märkte & Co").await.unwrap();
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
        let bin = found.iter().find(|mailbox| mailbox.name().to_string() == "Bin").unwrap();
        assert!(bin.is_subscribed());
        // Some tell what a mailbox is for whatever they announce.
        let uses: Vec<_> = bin.special_uses().cloned().collect();
        assert!(uses == [MailboxAttribute::Trash] || announced.is_some() && uses.is_empty(), "{uses:?}");
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
        client.close().await;
    }
    assert_eq!(listings[0], listings[1]);
    assert_eq!(listings[0], listings[2]);
}

pub(crate) async fn what_is_selected_can_be_renamed_and_deleted(kind: Kind) {
    let place = kind.plain().await;
    let client = place.client();
    // It costs nobody the connection.
    let own = client.create_connection().await.unwrap();
    let (on_own, id) = (client.via(&own), own.id().await);
    on_own.create_mailbox("one/two").await.unwrap();
    on_own.select("one/two").await.unwrap();
    on_own.rename_mailbox("one", "three").await.unwrap();
    on_own.noop().await.unwrap();
    on_own.select("three/two").await.unwrap();
    on_own.delete_mailbox("three/two").await.unwrap();
    on_own.noop().await.unwrap();
    assert_eq!(own.id().await, id);
    client.close().await;
}

pub(crate) async fn namespaces_quota_rights_metadata_and_id(kind: Kind) {
    let place = kind.start(Setup { announced: None, extensions: true }).await;
    place.fill();
    let client = place.client();
    if place.can(&client, Capability::Namespace).await {
        assert_eq!(client.namespaces().await.unwrap().personal[0].delimiter, Some(b'/'));
    }
    if place.can(&client, Capability::Quota).await {
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
    if place.can(&client, Capability::Acl).await {
        // Some mark a user's name as such.
        let toni = if kind == Kind::Dovecot { "user=toni" } else { "toni" };
        assert!(client.my_rights("Archive").await.unwrap().has(b'a'));
        client.set_acl("Archive", toni, RightsChange::Replace(Rights::new("lrs"))).await.unwrap();
        client.set_acl("Archive", toni, RightsChange::Add(Rights::new("w"))).await.unwrap();
        client.set_acl("Archive", toni, RightsChange::Remove(Rights::new("s"))).await.unwrap();
        let rights = |acl: Acl| {
            let mut entries = acl.entries.into_iter();
            entries.find(|(who, _)| who == "toni" || who == toni).map(|(_, rights)| rights)
        };
        let of_toni = rights(client.acl("Archive").await.unwrap()).unwrap();
        assert!(of_toni.has(b'w') && of_toni.has(b'r') && !of_toni.has(b's'), "{of_toni:?}");
        assert!(!client.list_rights("Archive", toni).await.unwrap().optional.is_empty());
        client.delete_acl("Archive", toni).await.unwrap();
        assert_eq!(rights(client.acl("Archive").await.unwrap()), None);
    }
    if place.can(&client, Capability::Metadata).await {
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
    }
    if place.can(&client, Capability::Id).await {
        assert!(client.id().await.unwrap().get("name").is_some());
    }
    client.close().await;
}
