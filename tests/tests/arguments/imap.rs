//! The functions of the IMAP client that take text.

use std::collections::BTreeSet;

use futures_core::future::BoxFuture;
use mail_client::imap::{
    AppendForm, FetchItems, Flag, FlagChange, ImapClient, ImapClientBuilder, ListQuery, Mailbox,
    MailboxAttribute, MailboxName, MetadataOptions, NewMessage, PartialRange, Rights, RightsChange,
    SearchKey, SortBy, SortKey, ThreadAlgorithm,
};
use mail_client::{Error, ErrorKind};
use mail_proto::imap::Command;

use system_tests::counted::counted;

use crate::recorder::{Heard, Recorder};
use crate::{sources, texts};

const CAPABILITIES: [&str; 2] = [
    "LITERAL+ UIDPLUS MOVE ACL QUOTA METADATA ID NAMESPACE CREATE-SPECIAL-USE SORT THREAD=REFERENCES REPLACE CONDSTORE \
     ESEARCH IDLE MULTIAPPEND BINARY SPECIAL-USE LIST-EXTENDED",
    "UIDPLUS MOVE ACL QUOTA METADATA ID NAMESPACE CREATE-SPECIAL-USE SORT THREAD=REFERENCES",
];

type Outcome = BoxFuture<'static, Result<(), Error>>;

/// What is done with a text.
enum Deed {
    /// To the client.
    Client(fn(ImapClient, Vec<u8>) -> Outcome),
    /// To a mailbox.
    Mailbox(fn(Mailbox, Vec<u8>) -> Outcome),
}

/// A function, what it is that takes text there, and how that text is written.
struct Case {
    function: &'static str,
    deed: Deed,
    written: fn(&[u8]) -> Vec<u8>,
    /// Whether the text has to be UTF-8.
    is_text: bool,
}

fn as_it_is(text: &[u8]) -> Vec<u8> {
    text.to_vec()
}

fn as_a_name(text: &[u8]) -> Vec<u8> {
    MailboxName::from(utf8(text)).as_bytes().to_vec()
}

fn utf8(text: &[u8]) -> String {
    String::from_utf8(text.to_vec()).unwrap()
}

macro_rules! on_client {
    ($function:literal, $written:ident, |$client:ident, $text:ident| $deed:expr) => {
        Case {
            function: concat!("ImapClient::", $function),
            deed: Deed::Client(|$client, text| {
                #[allow(unused_variables, reason = "some take octets, others text")]
                let $text = text;
                Box::pin(async move { $deed.await.map(drop) })
            }),
            written: $written,
            is_text: false,
        }
    };
    ($function:literal, text $written:ident, |$client:ident, $text:ident| $deed:expr) => {
        Case {
            function: concat!("ImapClient::", $function),
            deed: Deed::Client(|$client, text| {
                let $text = utf8(&text);
                Box::pin(async move { $deed.await.map(drop) })
            }),
            written: $written,
            is_text: true,
        }
    };
}

macro_rules! on_mailbox {
    ($function:literal, $written:ident, |$mailbox:ident, $text:ident| $deed:expr) => {
        Case {
            function: concat!("Mailbox::", $function),
            deed: Deed::Mailbox(|$mailbox, $text| Box::pin(async move { $deed.await.map(drop) })),
            written: $written,
            is_text: false,
        }
    };
    ($function:literal, text $written:ident, |$mailbox:ident, $text:ident| $deed:expr) => {
        Case {
            function: concat!("Mailbox::", $function),
            deed: Deed::Mailbox(|$mailbox, text| {
                let $text = utf8(&text);
                Box::pin(async move { $deed.await.map(drop) })
            }),
            written: $written,
            is_text: true,
        }
    };
}

fn cases() -> Vec<Case> {
    vec![
        on_client!("select", text as_a_name, |client, text| client.select(text)),
        on_client!("examine", text as_a_name, |client, text| client.examine(text)),
        on_client!("create_mailbox", text as_a_name, |client, text| client.create_mailbox(text)),
        on_client!("create_mailbox_for", text as_a_name, |client, text| {
            client.create_mailbox_for(text, [MailboxAttribute::Sent])
        }),
        on_client!("create_mailbox_for", as_it_is, |client, text| {
            client.create_mailbox_for("Sent", [MailboxAttribute::new(text)])
        }),
        on_client!("delete_mailbox", text as_a_name, |client, text| client.delete_mailbox(text)),
        on_client!("rename_mailbox", text as_a_name, |client, text| client.rename_mailbox(text, "to")),
        on_client!("rename_mailbox", text as_a_name, |client, text| client.rename_mailbox("from", text)),
        on_client!("subscribe", text as_a_name, |client, text| client.subscribe(text)),
        on_client!("unsubscribe", text as_a_name, |client, text| client.unsubscribe(text)),
        on_client!("status", text as_a_name, |client, text| async move {
            client.status(text, &[mail_client::imap::StatusItem::Messages]).await
        }),
        on_client!("list", text as_a_name, |client, text| client.list(text, "*")),
        on_client!("list", text as_a_name, |client, text| client.list("", text)),
        on_client!("list_mailboxes", text as_a_name, |client, text| {
            client.list_mailboxes(ListQuery::new(text))
        }),
        on_client!("list_mailboxes", text as_a_name, |client, text| {
            client.list_mailboxes(ListQuery::all().relative_to(text).subscribed_only())
        }),
        on_client!("quota_of", text as_a_name, |client, text| client.quota_of(text)),
        on_client!("quota", as_it_is, |client, text| client.quota(text)),
        on_client!("set_quota", as_it_is, |client, text| client.set_quota(text, [("STORAGE", 1)])),
        on_client!("set_quota", as_it_is, |client, text| client.set_quota("root", [(text, 1)])),
        on_client!("acl", text as_a_name, |client, text| client.acl(text)),
        on_client!("set_acl", text as_a_name, |client, text| {
            client.set_acl(text, "toni", RightsChange::Replace(Rights::new("lr")))
        }),
        on_client!("set_acl", as_it_is, |client, text| {
            client.set_acl("INBOX", text, RightsChange::Replace(Rights::new("lr")))
        }),
        on_client!("set_acl", as_it_is, |client, text| {
            client.set_acl("INBOX", "toni", RightsChange::Replace(Rights::new(text)))
        }),
        on_client!("delete_acl", text as_a_name, |client, text| client.delete_acl(text, "toni")),
        on_client!("delete_acl", as_it_is, |client, text| client.delete_acl("INBOX", text)),
        on_client!("list_rights", text as_a_name, |client, text| client.list_rights(text, "toni")),
        on_client!("list_rights", as_it_is, |client, text| client.list_rights("INBOX", text)),
        on_client!("my_rights", text as_a_name, |client, text| client.my_rights(text)),
        on_client!("metadata", text as_a_name, |client, text| {
            client.metadata(text, ["/private/comment"], MetadataOptions::default())
        }),
        on_client!("metadata", as_it_is, |client, text| {
            client.metadata("INBOX", [text], MetadataOptions::default())
        }),
        on_client!("server_metadata", as_it_is, |client, text| {
            client.server_metadata([text], MetadataOptions::default())
        }),
        on_client!("set_metadata", text as_a_name, |client, text| {
            client.set_metadata(text, [("/private/comment", Some("x"))])
        }),
        on_client!("set_metadata", as_it_is, |client, text| client
            .set_metadata("INBOX", [(text, Some("x"))])),
        on_client!("set_metadata", as_it_is, |client, text| {
            client.set_metadata("INBOX", [("/private/comment", Some(text))])
        }),
        on_client!("set_server_metadata", as_it_is, |client, text| {
            client.set_server_metadata([("/private/comment", Some(text))])
        }),
        on_client!("append", text as_a_name, |client, text| client.append(text, NewMessage::new("x"))),
        on_client!("append", as_it_is, |client, text| client.append("INBOX", NewMessage::new(text))),
        on_client!("append", as_it_is, |client, text| {
            client.append("INBOX", NewMessage::new("x").flags([Flag::new(text)]))
        }),
        on_client!("append_many", text as_a_name, |client, text| async move {
            client.append_many(text, [NewMessage::new("x")]).await.remove(0)
        }),
        on_client!("append_many", as_it_is, |client, text| async move {
            client.append_many("INBOX", [NewMessage::new("y"), NewMessage::new(text)]).await.remove(1)
        }),
        on_client!("watch", text as_a_name, |client, text| async move {
            let mut changes = client.watch(text).start();
            // The connection of the watcher before may be on its way out yet.
            match tokio::time::timeout(std::time::Duration::from_secs(60), changes.next()).await {
                Ok(Some(change)) => change.map(drop),
                _ => Ok(()),
            }
        }),
        on_mailbox!("search", as_it_is, |mailbox, text| mailbox.search(SearchKey::text(text))),
        on_mailbox!("search", as_it_is, |mailbox, text| mailbox.search(!SearchKey::header("X", text))),
        on_mailbox!("search", as_it_is, |mailbox, text| mailbox.search(SearchKey::header(text, "x"))),
        on_mailbox!("search", as_it_is, |mailbox, text| mailbox.search(SearchKey::Flag(Flag::new(text)))),
        on_mailbox!("search", as_it_is, |mailbox, text| mailbox.search(SearchKey::GmailRaw(text.into()))),
        on_mailbox!("search_summary", as_it_is, |mailbox, text| {
            mailbox.search_summary(SearchKey::subject(text))
        }),
        on_mailbox!("search_partial", as_it_is, |mailbox, text| {
            mailbox.search_partial(SearchKey::subject(text), PartialRange::FromFirst(1, 2))
        }),
        on_mailbox!("sort", as_it_is, |mailbox, text| {
            mailbox.sort([SortKey::ascending(SortBy::Date)], SearchKey::subject(text))
        }),
        on_mailbox!("thread", as_it_is, |mailbox, text| {
            mailbox.thread(ThreadAlgorithm::References, SearchKey::subject(text))
        }),
        on_mailbox!("thread", text as_it_is, |mailbox, text| {
            mailbox.thread(ThreadAlgorithm::new(text), SearchKey::All)
        }),
        on_mailbox!("add_flags", as_it_is, |mailbox, text| mailbox.add_flags(1, [Flag::new(text)])),
        on_mailbox!("remove_flags", as_it_is, |mailbox, text| mailbox.remove_flags(1, [Flag::new(text)])),
        on_mailbox!("set_flags", as_it_is, |mailbox, text| mailbox.set_flags(1, [Flag::new(text)])),
        on_mailbox!("store", as_it_is, |mailbox, text| mailbox.store(1, FlagChange::add([Flag::new(text)]))),
        on_mailbox!("copy", text as_a_name, |mailbox, text| mailbox.copy(1, text)),
        on_mailbox!("move_to", text as_a_name, |mailbox, text| mailbox.move_to(1, text)),
        on_mailbox!("append", as_it_is, |mailbox, text| mailbox.append(NewMessage::new(text))),
        on_mailbox!("append", as_it_is, |mailbox, text| {
            mailbox.append(NewMessage::new(text).form(AppendForm::Binary))
        }),
        on_mailbox!("replace", as_it_is, |mailbox, text| mailbox.replace(1, NewMessage::new(text))),
        on_mailbox!("fetch", as_it_is, |mailbox, text| async move {
            let mut stream = mailbox.fetch(1, FetchItems::new().header_fields([text]));
            stream.next().await.transpose()
        }),
    ]
}

fn builder(recorder: &Recorder) -> ImapClientBuilder {
    let builder = ImapClient::builder("mail.example.org", "kim").password("secret");
    builder.plaintext_without_encryption().connector(recorder.clone()).max_connections(5)
}

/// Checks what was heard of one deed: nothing that isn't well-formed, and the text if anything.
fn check(what: &str, text: &[u8], written: &[u8], outcome: &Result<(), Error>, heard: &[Heard]) {
    let shown = text[..text.len().min(60)].escape_ascii();
    for command in heard {
        assert!(command.wrong.is_empty(), "{what} of {shown}: {:?} in {}", command.wrong, command.name);
        assert!(
            command.name != "DELETE" || what.contains("delete_mailbox"),
            "{what} of {shown}: {command:?}"
        );
    }
    match outcome {
        Err(error) if error.kind() == ErrorKind::Argument => {
            assert!(!error.is_retryable() && !error.was_written(), "{what} of {shown}: {error}");
        }
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported) => {}
        // The server's answers are no more than OK.
        Ok(()) | Err(_) => {
            let is_there = heard.iter().flat_map(|command| &command.words).any(|word| is_it(word, written));
            let is_default = text.is_empty();
            assert!(is_there || is_default, "{what} of {shown}: {outcome:?} {heard:?}");
        }
    }
}

/// Whether a word is this text, as it stands or as part of an item's name.
fn is_it(word: &[u8], written: &[u8]) -> bool {
    word == written
        || word.strip_suffix(b"]").is_some_and(|word| word == written)
        || word.eq_ignore_ascii_case(written)
        || written
            .split(|byte| b" ()\"".contains(byte))
            .all(|part| word.windows(part.len().max(1)).any(|w| w == part))
            && word.len() <= written.len() + 20
}

#[tokio::test(start_paused = true)]
async fn each_text_is_one_argument_or_none() {
    let mut tried = 0;
    for capabilities in CAPABILITIES {
        for case in cases() {
            let recorder = Recorder::new(capabilities);
            let client = builder(&recorder).build().unwrap();
            let mailbox = client.select("INBOX").await.unwrap();
            for text in texts::octets() {
                if case.is_text && std::str::from_utf8(&text).is_err() {
                    continue;
                }
                recorder.take();
                let outcome = match case.deed {
                    Deed::Client(deed) => deed(client.clone(), text.clone()).await,
                    Deed::Mailbox(deed) => deed(mailbox.clone(), text.clone()).await,
                };
                check(case.function, &text, &(case.written)(&text), &outcome, &recorder.take());
                tried += 1;
            }
            client.close().await;
        }
    }
    counted("arguments tried", tried);
}

#[tokio::test(start_paused = true)]
async fn any_command_that_is_put_together_by_hand_too() {
    let recorder = Recorder::new(CAPABILITIES[0]);
    let client = builder(&recorder).build().unwrap();
    let connection = client.create_connection().await.unwrap();
    let exclusive = client.exclusive(&connection).await.unwrap();
    for text in texts::octets() {
        recorder.take();
        let (name, value) = (("x".into(), Some(text.clone().into())), (text.clone().into(), None));
        let command = Command::Id(vec![name, value]);
        let outcome = exclusive.run(command).await.map(drop);
        check("Exclusive::run", &text, &text, &outcome, &recorder.take());
    }
}

#[tokio::test(start_paused = true)]
async fn what_logs_in_too() {
    type Set = fn(ImapClientBuilder, String) -> ImapClientBuilder;
    let sets: [(&str, Set); 4] = [
        ("password", |builder, text| builder.password(text)),
        ("token", |builder, text| builder.token(text)),
        ("act_as", |builder, text| builder.act_as(text)),
        ("id", |builder, text| builder.id([("name", text)])),
    ];
    for (what, set) in sets {
        for text in texts::all() {
            for mechanism in ["", "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=XOAUTH2"] {
                let capabilities: &'static str = format!("ID {mechanism}").leak();
                let recorder = Recorder::new(capabilities);
                let client = set(builder(&recorder), text.clone()).build().unwrap();
                let _ = client.noop().await;
                for command in recorder.take() {
                    assert!(command.wrong.is_empty(), "{what} of {text:?}: {command:?}");
                }
                client.close().await;
            }
        }
    }
}

#[test]
fn no_function_is_left_out() {
    let known: BTreeSet<String> = cases().iter().map(|case| case.function.to_owned()).collect();
    let mut there = sources::taking_text("imap", &["ImapClient", "Mailbox"]);
    // Named connections, texts of errors and what concerns this side alone.
    for function in ["ImapClient::builder", "ImapClient::set_password"] {
        there.remove(function);
    }
    let missing: Vec<_> = there.difference(&known).collect();
    assert!(missing.is_empty(), "they take text, and are not in the table: {missing:?}");
}
