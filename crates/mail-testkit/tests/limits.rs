//! The limit on connections, and what the report tells of them.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Connection, Endpoint, Server};
use tokio::net::TcpStream;

async fn server(most: usize) -> Server {
    let builder = Server::builder().user("alice", "secret").user("bob", "hidden");
    builder.max_connections_per_user(most).start().await.unwrap()
}

async fn open(server: &Server) -> Dialogue<Connection> {
    Dialogue::open(server.connect().await.unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn one_login_too_many_is_refused_as_dovecot_does_and_closed() {
    let server = server(2).await;
    let mut first = open(&server).await;
    first.ok("LOGIN alice secret").await;
    let mut second = open(&server).await;
    second.ok("AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==").await;

    let mut third = open(&server).await;
    let refused = third.result("LOGIN alice secret").await;
    let expected =
        "x NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)";
    assert_eq!(refused, expected);
    assert_eq!(third.rest().await, b"");

    let mut other = open(&server).await;
    other.ok("LOGIN bob hidden").await;

    assert_eq!(first.command("LOGOUT").await.len(), 2);
    let mut again = open(&server).await;
    again.ok("LOGIN alice secret").await;

    let report = server.report();
    assert_eq!(report.users["alice"].peak, 2);
    assert_eq!(report.users["alice"].current, 2);
    assert_eq!(report.users["alice"].total, 3);
    assert_eq!(report.over_limit, 1);
    assert_eq!(report.wrong_password, 0);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_gives_its_place_up_at_once() {
    let server = server(1).await;
    for _ in 0..20 {
        let mut dialogue = open(&server).await;
        dialogue.ok("LOGIN alice secret").await;
    }
    let report = server.report();
    assert_eq!(report.connections.peak, 1);
    assert_eq!(report.connections.current, 0);
    assert_eq!(report.connections.total, 20);
}

#[tokio::test]
async fn a_socket_s_close_is_heard_of() {
    let server = server(1).await;
    let mut one =
        Dialogue::open(TcpStream::connect(server.address(Endpoint::ImapPlain)).await.unwrap()).await;
    one.ok("LOGIN alice secret").await;
    assert_eq!(server.report().connections.current, 1);
    drop(one);
    server.wait_for_connections(0).await;
    assert_eq!(server.report().connections.current, 0);
    assert_eq!(server.report().users["alice"].current, 0);
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_change_while_connections_are_open() {
    let server = server(1).await;
    let mut first = open(&server).await;
    first.ok("LOGIN alice secret").await;
    assert!(open(&server).await.result("LOGIN alice secret").await.contains("[LIMIT]"));
    server.set_max_connections_per_user(2);
    open(&server).await.ok("LOGIN alice secret").await;
    first.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn commands_are_reported_and_secrets_are_not() {
    let server = server(10).await;
    let mut dialogue = open(&server).await;
    dialogue.result("LOGIN alice {6+}\r\nwrong!").await;
    dialogue.result("LOGIN \"alice\" \"sesame\"").await;
    dialogue.result("AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldHM=").await;
    dialogue.send("a AUTHENTICATE PLAIN\r\n").await;
    assert!(dialogue.line().await.starts_with('+'));
    dialogue.send("AGFsaWNlAHNlY3JldA==\r\n").await;
    assert!(dialogue.line().await.starts_with("a OK"));
    dialogue.ok("STATUS {5+}\r\nINBOX (MESSAGES)").await;
    dialogue.ok(&format!("APPEND INBOX {{200+}}\r\n{}", "y".repeat(200))).await;
    let report = server.report();
    let commands: Vec<&str> = report.commands.iter().map(|command| command.text.as_str()).collect();
    assert_eq!(
        commands,
        [
            "x LOGIN alice ***",
            "x LOGIN alice ***",
            "x AUTHENTICATE PLAIN ***",
            "a AUTHENTICATE PLAIN",
            "x STATUS {5+}\\r\\nINBOX (MESSAGES)",
            "x APPEND INBOX {200+}",
        ]
    );
    assert_eq!(report.wrong_password, 3);
    assert_eq!(report.commands[4].user.as_deref(), Some("alice"));
    assert_eq!(report.commands[4].connection, 1);
    let shown = format!("{report:?} {server:?} {:?}", server.account("alice"));
    for secret in ["wrong!", "sesame", "AGFsaWNl", "secret"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
