//! Namespaces, quota, rights, metadata, and what the server says of itself.

use bytes::Bytes;
use mail_client::{
    ErrorKind,
    imap::{
        Capability, ImapClient, MetadataCode, MetadataDepth, MetadataOptions, ResponseCode, Rights,
        RightsChange,
    },
};

use crate::common::dialogue::Dialogue;

#[tokio::test(start_paused = true)]
async fn namespaces_are_told_or_found() {
    let told = Dialogue::with("NAMESPACE")
        .turn("A1 NAMESPACE", "* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")) NIL\nA1 OK done");
    let found = Dialogue::with("").turn("A1 LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"\nA1 OK done");
    for (dialogue, others) in [(told, 1), (found, 0)] {
        let (client, verdict) = dialogue.begin();
        let namespaces = client.namespaces().await.unwrap();
        assert_eq!(
            (&namespaces.personal[0].prefix[..], namespaces.personal[0].delimiter),
            (&b""[..], Some(b'/'))
        );
        assert_eq!(namespaces.other_users.len(), others);
        verdict.check().await;
    }
    for dialogue in [
        Dialogue::with("NAMESPACE").turn("A1 NAMESPACE", "A1 OK done"),
        Dialogue::with("").turn("A1 LIST \"\" \"\"", "A1 OK done"),
    ] {
        let (client, verdict) = dialogue.begin();
        assert_eq!(client.namespaces().await.unwrap_err().kind(), ErrorKind::Protocol);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn quota_by_mailbox_and_by_root() {
    let (client, verdict) = Dialogue::with("QUOTA QUOTASET")
        .turn(
            "A1 GETQUOTAROOT INBOX",
            "* QUOTAROOT INBOX \"\" #shared\n* QUOTA \"\" (STORAGE 10 512 MESSAGE 4 100)\nA1 OK done",
        )
        .turn("A2 GETQUOTA \"\"", "* QUOTA \"\" (STORAGE 10 512)\nA2 OK done")
        .turn("A3 GETQUOTA \"\"", "A3 OK done")
        .turn("A4 GETQUOTAROOT INBOX", "* QUOTA \"\" (STORAGE 10 512)\nA4 OK done")
        .turn("A5 GETQUOTA nowhere", "A5 NO [NONEXISTENT] no such root")
        .turn("A6 SETQUOTA \"\" (STORAGE 1024 MESSAGE 5)", "* QUOTA \"\" (STORAGE 10 1024)\nA6 OK done")
        .turn("A7 SETQUOTA \"\" ()", "A7 NO [NOPERM] no")
        .begin();
    let quotas = client.quota_of("INBOX").await.unwrap();
    assert_eq!(quotas.len(), 2);
    let storage = quotas[0].get("storage").unwrap();
    assert_eq!((storage.usage, storage.limit), (10, Some(512)));
    assert!(quotas[1].root == "#shared" && quotas[1].resources.is_empty());
    assert_eq!(client.quota("").await.unwrap().resources.len(), 1);
    assert_eq!(client.quota("").await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(client.quota_of("INBOX").await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(client.quota("nowhere").await.unwrap_err().kind(), ErrorKind::Refused);
    client.set_quota("", [("STORAGE", 1024), ("MESSAGE", 5)]).await.unwrap();
    let no_limits: [(&str, u64); 0] = [];
    assert_eq!(client.set_quota("", no_limits).await.unwrap_err().code(), Some(&ResponseCode::NoPerm));
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn rights() {
    let (client, verdict) = Dialogue::with("ACL RIGHTS=kxte")
        .turn("A1 GETACL Projects", "* ACL Projects kim lrswipkxtecda toni lrs\nA1 OK done")
        .turn("A2 SETACL Projects toni +wi", "A2 OK done")
        .turn("A3 SETACL Projects toni -w", "A3 OK done")
        .turn("A4 SETACL Projects \"to ni\" lr", "A4 OK done")
        .turn("A5 DELETEACL Projects toni", "A5 OK done")
        .turn("A6 LISTRIGHTS Projects toni", "* LISTRIGHTS Projects toni la r s wi\nA6 OK done")
        .turn("A7 MYRIGHTS Projects", "* MYRIGHTS Projects lrs\nA7 OK done")
        .turn("A8 MYRIGHTS Projects", "A8 OK done")
        .turn("A9 GETACL Projects", "A9 NO [NOPERM] not yours")
        .begin();
    let acl = client.acl("Projects").await.unwrap();
    assert_eq!(acl.entries[1], (Bytes::from("toni"), Rights::new("lrs")));
    client.set_acl("Projects", "toni", RightsChange::Add(Rights::new("wi"))).await.unwrap();
    client.set_acl("Projects", "toni", RightsChange::Remove(Rights::new("w"))).await.unwrap();
    client.set_acl("Projects", "to ni", RightsChange::Replace(Rights::new("lr"))).await.unwrap();
    client.delete_acl("Projects", "toni").await.unwrap();
    let rights = client.list_rights("Projects", "toni").await.unwrap();
    assert_eq!((rights.required, rights.optional.len()), (Rights::new("la"), 3));
    assert!(client.my_rights("Projects").await.unwrap().has(b's'));
    assert_eq!(client.my_rights("Projects").await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(client.acl("Projects").await.unwrap_err().code(), Some(&ResponseCode::NoPerm));
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn metadata_of_mailboxes_and_of_the_server() {
    let (client, verdict) = Dialogue::with("METADATA LITERAL+")
        .turn(
            "A1 GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/private/filters /shared/comment)",
            "* METADATA INBOX (/private/filters/values/small \"SMALLER 5000\")\n\
             * METADATA INBOX (/shared/comment NIL)\n\
             A1 OK [METADATA LONGENTRIES 2199] done",
        )
        .turn("A2 GETMETADATA \"\" (/shared/admin)", "* METADATA \"\" (/shared/admin mailto:a@b)\nA2 OK done")
        .turn("A3 SETMETADATA INBOX (/private/comment \"my inbox\" /shared/comment NIL)", "A3 OK done")
        .turn("A4 SETMETADATA \"\" (/private/x ~{3+}\na\0b)", "A4 NO [METADATA MAXSIZE 2] too large")
        .begin();
    let options = MetadataOptions::default().with_depth(MetadataDepth::Infinity).with_max_size(1024);
    let values = client.metadata("INBOX", ["/private/filters", "/shared/comment"], options).await.unwrap();
    assert_eq!(values.get("/PRIVATE/filters/values/small").unwrap(), "SMALLER 5000");
    assert_eq!((values.get("/shared/comment"), values.iter().count()), (None, 2));
    assert_eq!(values.longest_left_out(), Some(2199));
    let values = client.server_metadata(["/shared/admin"], MetadataOptions::default()).await.unwrap();
    assert_eq!(values.get("/shared/admin").unwrap(), "mailto:a@b");
    let changes = [("/private/comment", Some("my inbox")), ("/shared/comment", None)];
    client.set_metadata("INBOX", changes).await.unwrap();
    let error = client.set_server_metadata([("/private/x", Some("a\0b"))]).await.unwrap_err();
    assert_eq!(error.code(), Some(&ResponseCode::Metadata(MetadataCode::MaxSize(2))));
    let nothing: [&str; 0] = [];
    assert_eq!(client.metadata("INBOX", nothing, options).await.unwrap().iter().count(), 0);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_needs_an_extension_says_which_and_sends_nothing() {
    async fn missing(client: &ImapClient) -> Vec<String> {
        let options = MetadataOptions::default();
        let errors = [
            client.quota_of("x").await.map(drop),
            client.quota("x").await.map(drop),
            client.set_quota("x", [("STORAGE", 1)]).await,
            client.acl("x").await.map(drop),
            client.set_acl("x", "y", RightsChange::Add(Rights::new("l"))).await,
            client.delete_acl("x", "y").await,
            client.list_rights("x", "y").await.map(drop),
            client.my_rights("x").await.map(drop),
            client.metadata("x", ["/a"], options).await.map(drop),
            client.set_metadata("x", [("/a", Some("b"))]).await,
            client.id().await.map(drop),
        ];
        let missing = errors.map(|error| {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(!error.was_written() && !error.is_retryable() && error.command().is_some());
            error.missing().unwrap().to_string()
        });
        missing.to_vec()
    }
    let (client, verdict) =
        Dialogue::with("METADATA-SERVER").turn("A1 GETMETADATA \"\" (/a)", "A1 OK done").begin();
    let expected =
        ["QUOTA", "QUOTA", "QUOTA", "ACL", "ACL", "ACL", "ACL", "ACL", "METADATA", "METADATA", "ID"];
    assert_eq!(missing(&client).await, expected);
    client.server_metadata(["/a"], MetadataOptions::default()).await.unwrap();
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn the_server_says_what_it_is_and_can() {
    let ours = format!("(\"name\" \"mail-client\" \"version\" \"{}\")", env!("CARGO_PKG_VERSION"));
    let (client, verdict) = Dialogue::with("ID")
        .turn(&format!("A1 ID {ours}"), "* ID NIL\nA1 OK done")
        .turn(&format!("A2 ID {ours}"), "* ID (\"Name\" \"Cyrus\" \"version\" NIL)\nA2 OK done")
        .turn("A3 CAPABILITY", "* CAPABILITY IMAP4rev1 MOVE X-SPARKLE\nA3 OK done")
        .turn("A4 CAPABILITY", "A4 OK done")
        .turn("A5 NOOP", "A5 BAD what?")
        .begin();
    let id = client.id().await.unwrap();
    assert_eq!(
        (id.get("name").unwrap(), id.get("version"), id.iter().count()),
        (&Bytes::from("Cyrus"), None, 2)
    );
    let capabilities = client.capabilities().await.unwrap();
    assert!(capabilities.has(&Capability::Move) && capabilities.has(&Capability::new("X-SPARKLE")));
    assert_eq!(client.capabilities().await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(client.noop().await.unwrap_err().kind(), ErrorKind::Refused);
    verdict.check().await;
}
