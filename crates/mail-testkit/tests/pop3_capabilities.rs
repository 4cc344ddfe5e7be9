//! POP3's server does what CAPA shows, and nothing else.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Endpoint, Server};
use tokio::time::sleep;

fn alice() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", ["one\r\n", "Subject: Grüße\r\n\r\ntwo\r\n"])
}

async fn connect(server: &Server) -> Dialogue<Connection> {
    Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await
}

async fn open(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = connect(server).await;
    dialogue.log_in("alice", "secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn each_port_shows_what_it_can() {
    let server = alice().start().await.unwrap();
    let shown = connect(&server).await.lines("CAPA").await;
    let version = format!("IMPLEMENTATION mail-testkit-{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        "TOP",
        "UIDL",
        "USER",
        "SASL PLAIN",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "PIPELINING",
        "EXPIRE NEVER",
        "UTF8 USER",
        "LANG",
        &version,
    ];
    assert_eq!(shown, expected);
    assert_eq!(open(&server).await.lines("CAPA").await, expected);
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3StartTls).await.unwrap()).await;
    let shown = dialogue.lines("CAPA").await;
    assert!(shown.contains(&"STLS".to_owned()), "{shown:?}");
    assert!(!shown.iter().any(|line| line == "USER" || line.starts_with("SASL")), "{shown:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_is_neither_shown_nor_known() {
    for (capability, before_login, command) in [
        ("TOP", false, "TOP 1 0"),
        ("UIDL", false, "UIDL"),
        ("USER", true, "USER alice"),
        ("SASL", true, "AUTH PLAIN AGFsaWNlAHNlY3JldA=="),
        ("UTF8", true, "UTF8"),
        ("LANG", true, "LANG"),
        ("CAPA", true, "CAPA"),
        ("LANG", true, "LANG en"),
    ] {
        let is_shown = |lines: &[String]| lines.iter().any(|line| line.split(' ').next() == Some(capability));
        for is_there in [true, false] {
            let builder = if is_there { alice() } else { alice().without_pop3_capability(capability) };
            let server = builder.start().await.unwrap();
            let mut dialogue = if before_login { connect(&server).await } else { open(&server).await };
            let status = dialogue.status(command).await;
            assert_eq!(status.starts_with("+OK"), is_there, "{command}: {status}");
            if capability != "CAPA" {
                let mut dialogue = connect(&server).await;
                assert_eq!(is_shown(&dialogue.lines("CAPA").await), is_there, "{capability}");
            }
        }
    }
    let server = alice().without_pop3_capability("STLS").start().await.unwrap();
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3StartTls).await.unwrap()).await;
    assert!(!dialogue.lines("CAPA").await.contains(&"STLS".to_owned()));
    assert!(dialogue.status("STLS").await.starts_with("-ERR"));
}

#[tokio::test(start_paused = true)]
async fn just_these_are_shown() {
    let server = alice().pop3_capabilities(["USER", "X-STRANGE thing"]).start().await.unwrap();
    let mut dialogue = connect(&server).await;
    assert_eq!(dialogue.lines("CAPA").await, ["USER", "X-STRANGE thing"]);
    dialogue.log_in("alice", "secret").await;
    assert!(dialogue.status("UIDL").await.starts_with("-ERR"));
    assert_eq!(dialogue.status("RETR 9").await, "-ERR no such message");
    let server = alice().pop3_capabilities([""; 0]).start().await.unwrap();
    assert!(connect(&server).await.lines("CAPA").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn codes_come_where_codes_are_told() {
    let wrong = async |builder: Builder| {
        let server = builder.start().await.unwrap();
        let _first = open(&server).await;
        let mut dialogue = connect(&server).await;
        let mut statuses = Vec::new();
        for password in ["wrong", "secret"] {
            dialogue.done("USER alice").await;
            statuses.push(dialogue.status(&format!("PASS {password}")).await);
        }
        statuses.iter().map(|status| status.contains('[')).collect::<Vec<_>>()
    };
    assert_eq!(wrong(alice()).await, [true, true]);
    assert_eq!(wrong(alice().without_pop3_capability("AUTH-RESP-CODE")).await, [false, true]);
    assert_eq!(wrong(alice().without_pop3_capability("RESP-CODES")).await, [false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_pipeline_says_so() {
    let server = alice().without_pop3_capability("PIPELINING").start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.done("NOOP").await;
    dialogue.send("STAT\r\nDELE 1\r\nQUIT\r\n").await;
    assert!(dialogue.line().await.starts_with("+OK 2 "));
    assert!(dialogue.line().await.starts_with("-ERR a command must wait"));
    assert_eq!(dialogue.rest().await, b"");
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_comes_again_too_soon_is_told_to_wait() {
    let server = alice().with_pop3_capability("LOGIN-DELAY 5").start().await.unwrap();
    open(&server).await.done("QUIT").await;
    let mut dialogue = connect(&server).await;
    assert!(dialogue.lines("CAPA").await.contains(&"LOGIN-DELAY 5".to_owned()));
    sleep(Duration::from_secs(4)).await;
    dialogue.done("USER alice").await;
    assert!(dialogue.status("PASS secret").await.starts_with("-ERR [LOGIN-DELAY] "));
    sleep(Duration::from_secs(1)).await;
    dialogue.log_in("alice", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_retrieved_goes_where_nothing_is_kept() {
    let server = alice().with_pop3_capability("EXPIRE 0").start().await.unwrap();
    let left = || server.account("alice").unwrap().messages("INBOX").unwrap().len();
    let mut dialogue = open(&server).await;
    dialogue.lines("RETR 1").await;
    drop(dialogue);
    assert_eq!(left(), 2, "a session that isn't ended changes nothing");
    let mut dialogue = open(&server).await;
    assert!(dialogue.lines("CAPA").await.contains(&"EXPIRE 0".to_owned()));
    dialogue.lines("RETR 1").await;
    dialogue.lines("TOP 1 1").await;
    dialogue.done("QUIT").await;
    assert_eq!(left(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_header_in_utf8_is_for_who_asked_for_utf8() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    for command in ["RETR 2", "TOP 2 0"] {
        assert!(dialogue.status(command).await.starts_with("-ERR [UTF8] "), "{command}");
    }
    dialogue.lines("RETR 1").await;
    drop(dialogue);
    let mut dialogue = connect(&server).await;
    dialogue.done("UTF8").await;
    dialogue.log_in("alice", "secret").await;
    assert_eq!(dialogue.lines("RETR 2").await[0], "Subject: Grüße");
}

#[tokio::test(start_paused = true)]
async fn languages_are_listed_and_chosen() {
    let server = alice().start().await.unwrap();
    let mut dialogue = connect(&server).await;
    let listed = dialogue.lines("LANG").await;
    assert_eq!(listed[0], "en English");
    assert!(dialogue.done("LANG EN").await.starts_with("en "));
    assert!(dialogue.done("LANG *").await.starts_with("en "));
    assert!(dialogue.status("LANG tlh").await.starts_with("-ERR"));
}
