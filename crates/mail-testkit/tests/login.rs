//! Getting in: endpoints, TLS, passwords.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use common::Dialogue;
use mail_testkit::{Endpoint, Server};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn server() -> Server {
    Server::builder().user("alice", "sec ret\"").start().await.unwrap()
}

async fn tls<S: AsyncRead + AsyncWrite + Unpin>(server: &Server, stream: S) -> std::io::Result<TlsStream<S>> {
    let name = server.server_name().try_into().unwrap();
    TlsConnector::from(server.client_config()).connect(name, stream).await
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_greets_with_what_it_can() {
    let server = server().await;
    for (endpoint, starttls, login) in
        [(Endpoint::ImapPlain, false, true), (Endpoint::ImapStartTls, true, false)]
    {
        let mut dialogue = Dialogue::raw(server.connect_to(endpoint).await.unwrap());
        let greeting = dialogue.line().await;
        assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE "), "{greeting}");
        assert_eq!(greeting.contains(" STARTTLS LOGINDISABLED]"), starttls, "{greeting}");
        assert_eq!(greeting.contains(" AUTH=PLAIN]"), login, "{greeting}");
    }
    let stream = tls(&server, server.connect_to(Endpoint::ImapTls).await.unwrap()).await.unwrap();
    let mut dialogue = Dialogue::raw(stream);
    assert!(dialogue.line().await.contains(" AUTH=PLAIN]"));
    let result = dialogue.result("LOGIN alice \"sec ret\\\"\"").await;
    assert!(result.starts_with("x OK [CAPABILITY ") && result.contains("UIDPLUS"), "{result}");
}

#[tokio::test(start_paused = true)]
async fn starttls_comes_before_the_login_and_once() {
    let server = server().await;
    let mut dialogue = Dialogue::open(server.connect_to(Endpoint::ImapStartTls).await.unwrap()).await;
    for early in ["LOGIN alice \"sec ret\\\"\"", "AUTHENTICATE PLAIN AGFsaWNlAHNlYyByZXQi"] {
        assert!(dialogue.result(early).await.starts_with("x NO [PRIVACYREQUIRED]"), "{early}");
    }
    dialogue.ok("STARTTLS").await;
    let mut dialogue = Dialogue::raw(tls(&server, dialogue.into_inner()).await.unwrap());
    let capabilities = dialogue.ok("CAPABILITY").await;
    assert!(
        !capabilities[0].contains("STARTTLS") && capabilities[0].contains("AUTH=PLAIN"),
        "{capabilities:?}"
    );
    assert!(dialogue.result("STARTTLS").await.starts_with("x BAD"));
    dialogue.ok("AUTHENTICATE PLAIN AGFsaWNlAHNlYyByZXQi").await;
    dialogue.ok("LIST \"\" *").await;
    dialogue.ok("LOGOUT").await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_behind_starttls_in_the_clear_is_not_carried_out() {
    let server = server().await;
    let mut dialogue = Dialogue::open(server.connect_to(Endpoint::ImapStartTls).await.unwrap()).await;
    dialogue.send("a STARTTLS\r\nb NOOP\r\n").await;
    assert!(dialogue.line().await.starts_with("a OK"));
    let mut dialogue = Dialogue::raw(tls(&server, dialogue.into_inner()).await.unwrap());
    assert_eq!(dialogue.command("NOOP").await, ["x OK NOOP completed"]);
    assert!(!server.report().commands.iter().any(|command| command.text.starts_with("b ")));
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_and_exchanges_are_refused() {
    let server = server().await;
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    for attempt in
        ["LOGIN alice wrong", "LOGIN bob \"sec ret\\\"\"", "AUTHENTICATE PLAIN Ym9iAGFsaWNlAHNlYyByZXQi"]
    {
        assert!(dialogue.result(attempt).await.starts_with("x NO [AUTHENTICATIONFAILED]"), "{attempt}");
    }
    assert!(dialogue.result("AUTHENTICATE CRAM-MD5").await.starts_with("x NO"));
    for line in ["*", "!!!"] {
        dialogue.send("a AUTHENTICATE PLAIN\r\n").await;
        assert_eq!(dialogue.line().await, "+ ");
        dialogue.send(format!("{line}\r\n")).await;
        assert!(dialogue.line().await.starts_with("a BAD"), "{line}");
    }
    assert!(dialogue.result("SELECT INBOX").await.starts_with("x BAD"));
    assert_eq!(server.report().wrong_password, 3);
    assert_eq!(server.report().users.get("alice"), None);
}

#[tokio::test(start_paused = true)]
async fn another_authority_s_certificate_is_not_trusted() {
    let (server, other) = (server().await, server().await);
    let stream = server.connect_to(Endpoint::ImapTls).await.unwrap();
    assert!(tls(&other, stream).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn tls_takes_its_round_trips_on_a_slow_link() {
    let builder = Server::builder().user("alice", "secret").latency(Duration::from_millis(100));
    let server = builder.start().await.unwrap();
    let begin = tokio::time::Instant::now();
    let stream = tls(&server, server.connect_to(Endpoint::ImapTls).await.unwrap()).await.unwrap();
    // One for the connection, one for TLS 1.3, and one until the client's Finished has brought the greeting.
    assert!((200..205).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    Dialogue::open(stream).await;
    assert!((300..305).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}
