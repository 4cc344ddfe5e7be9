//! What a server tells and nobody can read: it is never passed over in silence, and never costs what can be read.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use mail_client::{
    Error, ErrorKind,
    imap::{
        FetchItems, Flag, FlagChange, ImapClient, ListQuery, MetadataOptions, SearchKey, SequenceSet, SortBy,
        SortKey, StatusItem, ThreadAlgorithm,
    },
};
use mail_proto::imap::Command;
use mail_testkit::{Action, Fault};

use crate::common::{self, dialogue::Dialogue};

fn names(error: &Error) -> Vec<String> {
    error.listed().unwrap_or_default().iter().map(|mailbox| mailbox.name().to_string()).collect()
}

/// The beginning of each line that can't be read.
fn lines(error: &Error) -> Vec<String> {
    let text =
        |line: &mail_client::ParseError| String::from_utf8_lossy(line.frame.as_bytes()).trim_end().to_owned();
    error.unreadable().iter().map(text).collect()
}

const BROKEN: &str = "* LIST (\\HasNoChildren) \"/\"";

#[tokio::test(start_paused = true)]
async fn p43_a_mailbox_that_cannot_be_read_is_told_with_those_that_can() {
    let answer = format!("* LIST () \"/\" INBOX\n{BROKEN}\n* LIST () \"/\" Work\nA1 OK done\n");
    let (client, verdict) = Dialogue::with("").turn("A1 LIST \"\" \"*\"", &answer).begin();
    let error = client.list("", "*").await.unwrap_err();
    assert_eq!((error.kind(), names(&error)), (ErrorKind::Protocol, vec!["INBOX".into(), "Work".into()]));
    assert_eq!(lines(&error), [BROKEN]);
    assert!(error.to_string().contains("offset") && error.command() == Some("LIST"), "{error}");
    verdict.check().await;

    let one_command = Dialogue::with("LIST-EXTENDED LIST-STATUS").turn(
        "A1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN STATUS (UNSEEN))",
        &format!(
            "* LIST () \"/\" INBOX\n* STATUS INBOX (UNSEEN 2)\n{BROKEN}\n* LIST () \"/\" Work\n* STATUS Work\n\
             A1 OK done"
        ),
    );
    let many_commands = Dialogue::with("")
        .turn(
            "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
            &format!("* LIST () \"/\" INBOX\n{BROKEN}\n* LIST () \"/\" Work\nA1 OK done\nA2 OK done"),
        )
        .turn(
            "A3 STATUS INBOX (UNSEEN)\nA4 STATUS Work (UNSEEN)",
            "* STATUS INBOX (UNSEEN 2)\nA3 OK done\n* STATUS Work\nA4 OK done",
        );
    for dialogue in [one_command, many_commands] {
        let (client, verdict) = dialogue.begin();
        let query = ListQuery::all().with_status([StatusItem::Unseen]);
        let error = client.list_mailboxes(query).await.unwrap_err();
        let unseen = error.listed().unwrap().iter().map(|mailbox| mailbox.status().is_some());
        assert_eq!(unseen.collect::<Vec<_>>(), [true, false]);
        assert_eq!((names(&error).len(), lines(&error)), (2, vec![BROKEN.into(), "* STATUS Work".into()]));
        verdict.check().await;
    }

    let subscribed = Dialogue::with("").turn(
        "A1 LIST \"\" \"*\"\nA2 LSUB \"\" \"*\"",
        "* LIST () \"/\" INBOX\nA1 OK done\n* LSUB () \"/\"\nA2 OK done",
    );
    let (client, verdict) = subscribed.begin();
    let error = client.list_mailboxes(ListQuery::all()).await.unwrap_err();
    assert_eq!((names(&error), lines(&error)), (vec!["INBOX".into()], vec!["* LSUB () \"/\"".into()]));
    verdict.check().await;
}

/// Futures of calls can be spawned and boxed.
#[test]
fn whatever_lists_can_run_in_any_task() {
    fn boxed(client: ImapClient, query: ListQuery) -> BoxFuture<'static, Result<usize, Error>> {
        Box::pin(async move { Ok(client.list_mailboxes(query).await?.len()) })
    }
    let _ = boxed;
}

/// The server's capabilities, what is said with what is told for it, and what says it.
type Case = (&'static str, &'static [(&'static str, &'static str)], Operation);

type Operation = fn(ImapClient) -> BoxFuture<'static, Result<(), Error>>;

/// An operation whose result doesn't matter here.
macro_rules! operation {
    (|$client:ident| $call:expr) => {
        (|$client| Box::pin(async move { $call.await.map(drop) })) as Operation
    };
    (in |$inbox:ident| $call:expr) => {
        operation!(|client| async move {
            let $inbox = client.examine("INBOX").await?;
            $call.await
        })
    };
}

/// What a client says of itself once it is logged in, and when it is asked.
const OURS: &str = concat!("ID (\"name\" \"mail-client\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
const SELECTED: (&str, &str) = ("EXAMINE INBOX", "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\n");

#[tokio::test(start_paused = true)]
async fn p43_an_answer_that_cannot_be_read_is_an_error_that_says_so() {
    let cases: Vec<Case> = vec![
        (
            "",
            &[("STATUS INBOX (MESSAGES)", "* STATUS INBOX")],
            operation!(|client| client.status("INBOX", &[StatusItem::Messages])),
        ),
        ("NAMESPACE", &[("NAMESPACE", "* NAMESPACE x")], operation!(|client| client.namespaces())),
        ("ID", &[(OURS, "* ID NIL"), (OURS, "* ID x")], operation!(|client| client.id())),
        ("", &[("CAPABILITY", "* CAPABILITY(x)")], operation!(|client| client.capabilities())),
        (
            "QUOTA",
            &[("GETQUOTAROOT INBOX", "* QUOTAROOT INBOX \"\"\n* QUOTA \"\" x")],
            operation!(|client| client.quota_of("INBOX")),
        ),
        (
            "QUOTA",
            &[("GETQUOTAROOT INBOX", "* QUOTAROOT\n* QUOTA \"\" ()")],
            operation!(|client| client.quota_of("INBOX")),
        ),
        ("QUOTA", &[("GETQUOTA \"\"", "* QUOTA \"\" x")], operation!(|client| client.quota(""))),
        ("ACL", &[("GETACL INBOX", "* ACL")], operation!(|client| client.acl("INBOX"))),
        (
            "ACL",
            &[("LISTRIGHTS INBOX kim", "* LISTRIGHTS INBOX")],
            operation!(|client| client.list_rights("INBOX", "kim")),
        ),
        ("ACL", &[("MYRIGHTS INBOX", "* MYRIGHTS")], operation!(|client| client.my_rights("INBOX"))),
        (
            "METADATA",
            &[(
                "GETMETADATA INBOX (/private/a /private/b)",
                "* METADATA INBOX (/private/a x)\n* METADATA INBOX (/private/b",
            )],
            operation!(|client| client.metadata(
                "INBOX",
                ["/private/a", "/private/b"],
                MetadataOptions::default()
            )),
        ),
        (
            "",
            &[SELECTED, ("UID SEARCH UNSEEN", "* SEARCH 1 2\n* SEARCH 3 x")],
            operation!(in |inbox| inbox.search(SearchKey::unseen())),
        ),
        (
            "ESEARCH",
            &[SELECTED, ("UID SEARCH RETURN (ALL) UNSEEN", "* ESEARCH (TAG \"A2\") UID ALL x")],
            operation!(in |inbox| inbox.search(SearchKey::unseen())),
        ),
        (
            "SORT",
            &[SELECTED, ("UID SORT (DATE) US-ASCII UNSEEN", "* SORT 1 2 x")],
            operation!(in |inbox| inbox.sort([SortKey::ascending(SortBy::Date)], SearchKey::unseen())),
        ),
        (
            "THREAD=REFERENCES",
            &[SELECTED, ("UID THREAD REFERENCES US-ASCII UNSEEN", "* THREAD (1 x)")],
            operation!(in |inbox| inbox.thread(ThreadAlgorithm::References, SearchKey::unseen())),
        ),
        (
            "",
            &[SELECTED, ("UID FETCH * (UID FLAGS)", "* 1 FETCH (UID 1 FLAGS ())\n* 2 FETCH oops")],
            operation!(in |inbox| async move {
                let mut messages = inbox.fetch("*".parse::<SequenceSet>().unwrap(), FetchItems::new().flags());
                assert_eq!(messages.next().await.unwrap()?.uid(), 1);
                messages.next().await.map_or(Ok(()), |message| message.map(drop))
            }),
        ),
    ];
    for (capabilities, turns, operation) in cases {
        let mut dialogue = Dialogue::with(capabilities);
        let mut said = String::new();
        for (number, (command, answer)) in (1..).zip(turns) {
            dialogue =
                dialogue.turn(&format!("A{number} {command}"), &format!("{answer}\nA{number} OK done"));
            said = (*command).to_owned();
        }
        let (client, verdict) = dialogue.begin();
        let error = operation(client).await.expect_err(&said);
        assert_eq!((error.kind(), error.unreadable().len()), (ErrorKind::Protocol, 1), "{said}: {error}");
        let name = error.command().unwrap();
        assert!(said.starts_with(name.strip_suffix(" INBOX").unwrap_or(name)), "{said}: {error}");
        assert!(!error.is_retryable() && !error.was_written());
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p43_what_is_told_in_full_is_not_spoiled_by_a_line_that_may_be_anothers() {
    let (client, verdict) = Dialogue::with("")
        .turn(
            "A1 STATUS a (MESSAGES)\nA2 STATUS b (MESSAGES)",
            "* STATUS a (MESSAGES 3)\n* STATUS b\nA1 OK done\nA2 OK done",
        )
        .begin();
    let items = [StatusItem::Messages];
    let (a, b) = tokio::join!(biased; client.status("a", &items), client.status("b", &items));
    assert_eq!(a.unwrap().get(StatusItem::Messages), Some(3));
    assert_eq!(lines(&b.unwrap_err()), ["* STATUS b"]);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn p43_a_change_that_was_made_is_no_error_for_what_cannot_be_read_of_its_answer() {
    let (client, verdict) = Dialogue::with("")
        .selected()
        .turn(
            "A2 UID STORE 1:2 +FLAGS (\\Seen)",
            "* 1 FETCH (UID 1 FLAGS (\\Seen))\n* 2 FETCH oops\nA2 OK done",
        )
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let stored = inbox.store(1..=2, FlagChange::add([Flag::Seen]).returning_flags()).await.unwrap();
    assert_eq!((stored.messages().len(), stored.unreadable().len()), (1, 1));
    verdict.check().await;
}

#[tokio::test]
async fn p43_whoever_runs_any_command_is_told_what_cannot_be_read() {
    let server = common::server().start().await.unwrap();
    let client = common::client(&server).build().unwrap();
    let own = client.create_connection().await.unwrap();
    let exclusive = client.exclusive(&own).await.unwrap();
    let line = Bytes::from(format!("{BROKEN}\r\n"));
    server.add_fault(Fault::on_command("LIST", Action::Inject(line)));
    let reply = exclusive.run(Command::list("", "*")).await.unwrap();
    assert_eq!((reply.data.len(), reply.unreadable.len()), (1, 1));
    drop(exclusive);
    client.close().await;
}
