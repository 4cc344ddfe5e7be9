//! Getting in over POP3: endpoints, STLS, passwords.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_proto::Secret;
use mail_proto::pop3::{Command, Reply};
use mail_testkit::{Connection, Endpoint, Server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const PASSWORD: &str = " sec  ret ";

async fn server() -> Server {
    Server::builder().user("alice", PASSWORD).messages("INBOX", ["one"]).start().await.unwrap()
}

async fn connect(server: &Server, endpoint: Endpoint) -> Dialogue<Connection> {
    Dialogue::pop3(server.connect_to(endpoint).await.unwrap()).await
}

async fn tls<S: AsyncRead + AsyncWrite + Unpin>(server: &Server, stream: S) -> TlsStream<S> {
    let name = server.server_name().try_into().unwrap();
    TlsConnector::from(server.client_config()).connect(name, stream).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn implicit_tls_is_spoken_from_the_first_octet() {
    let server = server().await;
    let stream = tls(&server, server.connect_to(Endpoint::Pop3Tls).await.unwrap()).await;
    let mut dialogue = Dialogue::pop3(stream).await;
    assert!(!dialogue.lines("CAPA").await.contains(&"STLS".to_owned()));
    assert!(dialogue.status("STLS").await.starts_with("-ERR"));
    dialogue.log_in("alice", PASSWORD).await;
    assert_eq!(dialogue.done("STAT").await, "1 5");
}

#[tokio::test(start_paused = true)]
async fn stls_comes_before_the_login_and_once() {
    let server = server().await;
    let mut dialogue = connect(&server, Endpoint::Pop3StartTls).await;
    for early in
        ["USER alice", "PASS x", "APOP alice c4c9334bac560ecc979e58001b3e22fb", "AUTH PLAIN AGEAYg=="]
    {
        let refused = dialogue.status(early).await;
        assert!(refused.starts_with("-ERR") && !refused.contains('['), "{early}: {refused}");
    }
    assert_eq!(server.report().wrong_password, 0);
    dialogue.done("STLS").await;
    let mut dialogue = Dialogue::raw(tls(&server, dialogue.into_inner()).await);
    let shown = dialogue.lines("CAPA").await;
    assert!(shown.contains(&"USER".to_owned()) && !shown.contains(&"STLS".to_owned()), "{shown:?}");
    assert!(dialogue.status("STLS").await.starts_with("-ERR"));
    dialogue.log_in("alice", PASSWORD).await;
    dialogue.done("QUIT").await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_stls_in_the_clear_is_not_carried_out() {
    let server = server().await;
    let mut dialogue = connect(&server, Endpoint::Pop3StartTls).await;
    dialogue.send("STLS\r\nCAPA\r\n").await;
    assert!(dialogue.line().await.starts_with("+OK"));
    let mut dialogue = Dialogue::raw(tls(&server, dialogue.into_inner()).await);
    assert!(dialogue.status("NOOP").await.starts_with("-ERR"));
    assert!(!server.report().commands.iter().any(|command| command.text == "CAPA"));
}

#[tokio::test(start_paused = true)]
async fn pass_follows_user() {
    let server = server().await;
    let mut dialogue = connect(&server, Endpoint::Pop3Plain).await;
    for user in ["alice", "nobody"] {
        dialogue.done(&format!("USER {user}")).await;
        assert!(dialogue.status("PASS sec  ret").await.starts_with("-ERR [AUTH] "));
        assert!(dialogue.status(&format!("PASS {PASSWORD}")).await.starts_with("-ERR begin"), "{user}");
    }
    dialogue.done("USER alice").await;
    dialogue.lines("CAPA").await;
    assert!(dialogue.status(&format!("PASS {PASSWORD}")).await.starts_with("-ERR"), "something came between");
    assert_eq!(server.report().wrong_password, 2);
    dialogue.log_in("alice", PASSWORD).await;
}

#[tokio::test(start_paused = true)]
async fn apop_hashes_a_timestamp_of_its_connection() {
    let server = server().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut dialogue = Dialogue::raw(server.connect_to(Endpoint::Pop3Plain).await.unwrap());
        let greeting = Reply::parse(dialogue.line().await, Default::default()).unwrap().value;
        let timestamp = greeting.apop_timestamp().unwrap();
        assert!(!seen.contains(&timestamp), "{timestamp:?} is used twice");
        let apop = |password: &str| {
            let password = Secret::from(password);
            let digest = md5_of(&timestamp, &password);
            let command = Command::Apop { user: "alice".into(), digest: digest.into() };
            String::from_utf8(command.encode().unwrap().to_vec()).unwrap().trim_end().to_owned()
        };
        assert!(dialogue.status(&apop("wrong")).await.starts_with("-ERR [AUTH] "));
        dialogue.done(&apop(PASSWORD)).await;
        assert_eq!(dialogue.done("STAT").await, "1 5");
        seen.push(timestamp);
    }
    assert_eq!(server.report().wrong_password, 2);

    let without = Server::builder().user("alice", "x").without_pop3_capability("APOP").start().await.unwrap();
    let mut dialogue = Dialogue::raw(without.connect_to(Endpoint::Pop3Plain).await.unwrap());
    assert!(!dialogue.line().await.contains('<'));
    let refused = dialogue.status("APOP alice 9e107d9d372bb6826bd81d3542a419d6").await;
    assert_eq!(refused, "-ERR this server doesn't know that command");
}

#[tokio::test(start_paused = true)]
async fn commands_are_reported_and_secrets_are_not() {
    let server = server().await;
    let mut dialogue = connect(&server, Endpoint::Pop3Plain).await;
    dialogue.status("USER alice").await;
    dialogue.status("PASS sesame").await;
    dialogue.status("APOP alice c4c9334bac560ecc979e58001b3e22fb").await;
    dialogue.status("AUTH PLAIN AGFsaWNlAHNlc2FtZQ==").await;
    dialogue.status("AUTH PLAIN").await;
    dialogue.status("AGFsaWNlAHNlc2FtZQ==").await;
    dialogue.log_in("alice", PASSWORD).await;
    dialogue.done("STAT").await;
    let report = server.report();
    let commands: Vec<&str> = report.commands.iter().map(|command| command.text.as_str()).collect();
    let expected = [
        "USER alice",
        "PASS ***",
        "APOP alice ***",
        "AUTH PLAIN ***",
        "AUTH PLAIN",
        "USER alice",
        "PASS ***",
        "STAT",
    ];
    assert_eq!(commands, expected);
    assert_eq!(report.commands[7].user.as_deref(), Some("alice"));
    assert_eq!(report.commands[7].protocol, mail_testkit::Protocol::Pop3);
    let shown = format!("{report:?}");
    for secret in ["sesame", "ret ", "AGFs", "c4c9"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

fn md5_of(timestamp: &[u8], password: &Secret) -> String {
    use md5::{Digest, Md5};
    let digest = Md5::new().chain_update(timestamp).chain_update(password.expose()).finalize();
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}
