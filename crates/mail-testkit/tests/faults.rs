//! What goes wrong on order.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use common::Dialogue;
use mail_testkit::{Action, Builder, Connection, Endpoint, Fault, Server};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

fn builder() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", [vec![b'x'; 50_000], vec![b'y'; 10]])
}

async fn with(fault: Fault) -> Server {
    builder().fault(fault).start().await.unwrap()
}

async fn selected(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.ok("LOGIN alice secret").await;
    dialogue.ok("SELECT INBOX").await;
    dialogue
}

/// Everything that a fixed dialogue brings.
async fn said(server: &Server) -> Vec<u8> {
    let mut dialogue = Dialogue::raw(server.connect().await.unwrap());
    let commands =
        "a LOGIN alice secret\r\nb EXAMINE INBOX\r\nc UID FETCH 2 (FLAGS BODY.PEEK[])\r\nd LOGOUT\r\n";
    // A server that has closed takes no more.
    let _ = tokio::io::AsyncWriteExt::write_all(dialogue.stream(), commands.as_bytes()).await;
    dialogue.rest().await
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_cut_after_each_octet_it_would_send() {
    let whole = said(&builder().start().await.unwrap()).await;
    assert!(whole.ends_with(b"d OK LOGOUT completed\r\n"), "{}", whole.escape_ascii());
    let server = builder().start().await.unwrap();
    for octets in 0..whole.len() {
        server.add_fault(Fault::cut_after_sent(octets as u64));
        assert_eq!(said(&server).await, &whole[..octets], "cut after {octets}");
    }
    assert_eq!(said(&server).await, whole, "each fault strikes once");
    assert_eq!(server.report().connections.current, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_received_up_to_the_cut_is_carried_out() {
    let login = "a LOGIN alice secret\r\n";
    let append = "b APPEND INBOX {2+}\r\nhi\r\n";
    let octets = (login.len() + append.len()) as u64;
    for (octets, expected) in [(octets - 1, 2), (octets, 3)] {
        let server = with(Fault::cut_after_received(octets)).await;
        let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
        dialogue.send(format!("{login}{append}")).await;
        let rest = dialogue.rest().await;
        assert!(!rest.windows(4).any(|four| four == b"b OK"), "{}", rest.escape_ascii());
        assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_says_nothing_and_stays_until_the_client_leaves() {
    let server = with(Fault::on_command("NOOP", Action::Stall)).await;
    let mut dialogue = selected(&server).await;
    dialogue.send("n NOOP\r\nm NOOP\r\n").await;
    let mut stream = dialogue.into_inner();
    let mut octet = [0];
    assert!(timeout(Duration::from_secs(3600), stream.read(&mut octet)).await.is_err());
    assert_eq!(server.report().connections.current, 1);
    drop(stream);
    assert_eq!(server.report().connections.current, 0);
    selected(&server).await.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_cut_off_amid() {
    let server = with(Fault::on_command("UID FETCH", Action::CutAfter(1_000)).nth(2)).await;
    let mut dialogue = selected(&server).await;
    assert_eq!(dialogue.ok("UID FETCH 2 BODY.PEEK[]").await.len(), 3);
    dialogue.send("f UID FETCH 1 BODY.PEEK[]\r\n").await;
    assert_eq!(dialogue.rest().await.len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_body_stalls_amid() {
    let server = with(Fault::on_command("UID FETCH", Action::StallAfter(1_000))).await;
    let mut dialogue = selected(&server).await;
    dialogue.send("f UID FETCH 1 BODY.PEEK[]\r\n").await;
    dialogue.octets(1_000).await;
    let mut stream = dialogue.into_inner();
    assert!(timeout(Duration::from_secs(3600), stream.read(&mut [0])).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn commands_are_refused() {
    let server = builder()
        .fault(Fault::on_command("NOOP", Action::No("[UNAVAILABLE] not now".into())))
        .fault(Fault::on_command("noop", Action::Bad("what?".into())).nth(2))
        .start()
        .await
        .unwrap();
    let mut dialogue = selected(&server).await;
    assert_eq!(dialogue.result("NOOP").await, "x NO [UNAVAILABLE] not now");
    assert_eq!(dialogue.result("NOOP").await, "x BAD what?", "each fault counts each occasion");
    dialogue.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn bye_at_login_and_at_the_greeting() {
    let server = builder()
        .fault(Fault::on_command("LOGIN", Action::Bye("[UNAVAILABLE] try later".into())))
        .fault(Fault::on_greeting(Action::Bye("Too many connections".into())).on_connection(2))
        .start()
        .await
        .unwrap();
    let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
    dialogue.send("a LOGIN alice secret\r\n").await;
    assert_eq!(dialogue.rest().await, b"* BYE [UNAVAILABLE] try later\r\n");
    let mut dialogue = Dialogue::raw(server.connect().await.unwrap());
    assert_eq!(dialogue.rest().await, b"* BYE Too many connections\r\n");
    selected(&server).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_vanished_has_a_body_of_nil() {
    let server = with(Fault::nil_body(1)).await;
    let mut dialogue = selected(&server).await;
    let answer = dialogue.ok("UID FETCH 1 (UID BODY.PEEK[])").await;
    assert_eq!(answer[0], "* 1 FETCH (UID 1 BODY[] NIL)");
    let again = dialogue.ok("UID FETCH 1 (UID BODY.PEEK[]<0.10>)").await;
    assert_eq!(again[0], "* 1 FETCH (UID 1 BODY[]<0> {10}");
}

#[tokio::test(start_paused = true)]
async fn octets_are_injected_before_the_answer() {
    let octets = "* 99 EXISTS\r\n* BAD \x07\r\n";
    let server = with(Fault::on_command("*", Action::Inject(octets.into())).nth(3)).await;
    let mut dialogue = selected(&server).await;
    assert_eq!(dialogue.command("NOOP").await, ["* 99 EXISTS", "* BAD \x07", "x OK NOOP completed"]);
}

#[tokio::test]
async fn faults_strike_over_tcp_and_tls_too() {
    let server = builder()
        .fault(Fault::cut_after_sent(10).on_connection(1))
        .fault(Fault::on_command("LOGIN", Action::Cut).on_connection(2))
        .start()
        .await
        .unwrap();
    let tls = tokio_rustls::TlsConnector::from(server.client_config());
    let connect = async || {
        let tcp = TcpStream::connect(server.address(Endpoint::ImapTls)).await.unwrap();
        tls.connect(server.server_name().try_into().unwrap(), tcp).await
    };
    assert!(connect().await.is_err(), "cut amid the handshake");
    let mut dialogue = Dialogue::open(connect().await.unwrap()).await;
    dialogue.send("a LOGIN alice secret\r\n").await;
    assert_eq!(dialogue.rest().await, b"");
    Dialogue::open(connect().await.unwrap()).await.ok("LOGIN alice secret").await;
}

#[tokio::test(start_paused = true)]
async fn all_connections_go_and_new_ones_come() {
    let server = builder().start().await.unwrap();
    let (mut one, mut two) = (selected(&server).await, selected(&server).await);
    server.disconnect_all();
    assert_eq!(one.rest().await, b"");
    assert_eq!(two.rest().await, b"");
    let mut three = selected(&server).await;
    three.ok("NOOP").await;
    drop(server);
    assert_eq!(three.rest().await, b"");
}
