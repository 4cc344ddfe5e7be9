//! What goes wrong on order over POP3, and what others do meanwhile.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Action, Builder, Connection, Endpoint, Fault, Hook, Protocol, Server};

fn builder() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", [vec![b'x'; 500], vec![b'y'; 10]])
}

async fn with(fault: Fault) -> Server {
    builder().fault(fault).start().await.unwrap()
}

async fn open(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    dialogue.log_in("alice", "secret").await;
    dialogue
}

fn left(server: &Server) -> usize {
    server.account("alice").unwrap().messages("INBOX").unwrap().len()
}

/// Everything that a fixed dialogue brings.
async fn said(server: &Server) -> Vec<u8> {
    let mut dialogue = Dialogue::raw(server.connect_to(Endpoint::Pop3Plain).await.unwrap());
    let commands = "USER alice\r\nPASS secret\r\nUIDL\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n";
    // A server that has closed takes no more.
    let _ = tokio::io::AsyncWriteExt::write_all(dialogue.stream(), commands.as_bytes()).await;
    dialogue.rest().await
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_cut_after_each_octet_it_would_send() {
    let builder = || builder().without_pop3_capability("APOP");
    let whole = said(&builder().start().await.unwrap()).await;
    assert!(whole.ends_with(b"+OK goodbye\r\n"), "{}", whole.escape_ascii());
    for octets in 0..whole.len() {
        let server = builder().fault(Fault::cut_after_sent(octets as u64)).start().await.unwrap();
        assert_eq!(said(&server).await, &whole[..octets], "cut after {octets}");
        // What is written at once is carried out as a whole; the answers alone are lost.
        assert!((1..=2).contains(&left(&server)));
        assert_eq!(server.report().connections.current, 0);
        let mut next = open(&server).await;
        next.done("STAT").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quit_that_does_not_arrive_deletes_nothing_and_one_whose_answer_is_lost_does() {
    let commands = "USER alice\r\nPASS secret\r\nDELE 1\r\nQUIT\r\n";
    for (octets, kept) in [(commands.len() - 1, 2), (commands.len(), 1)] {
        let server = with(Fault::cut_after_received(octets as u64)).await;
        let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
        dialogue.send(commands).await;
        let rest = dialogue.rest().await;
        assert!(!rest.windows(7).any(|seven| seven == b"goodbye"), "{}", rest.escape_ascii());
        assert_eq!(left(&server), kept, "cut after {octets}");
    }
    for (action, kept) in [(Action::Cut, 2), (Action::CutAfter(0), 1)] {
        let server = with(Fault::on_command("QUIT", action.clone())).await;
        let mut dialogue = open(&server).await;
        dialogue.done("DELE 1").await;
        dialogue.send("QUIT\r\n").await;
        assert_eq!(dialogue.rest().await, b"");
        assert_eq!(left(&server), kept, "{action:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quit_that_is_refused_deletes_nothing_and_ends_the_session() {
    let server =
        with(Fault::on_command("QUIT", Action::No("some deleted messages not removed".into()))).await;
    let mut dialogue = open(&server).await;
    dialogue.done("DELE 1").await;
    assert_eq!(dialogue.status("QUIT").await, "-ERR some deleted messages not removed");
    assert_eq!(dialogue.rest().await, b"");
    assert_eq!(left(&server), 2);
    open(&server).await;
}

#[tokio::test(start_paused = true)]
async fn commands_are_refused_with_codes_or_without() {
    let server = builder()
        .fault(Fault::on_command("PASS", Action::No("[SYS/TEMP] try again".into())))
        .fault(Fault::on_command("RETR", Action::Bad("what?".into())))
        .fault(Fault::on_command("STAT", Action::Bye("[SYS/PERM] we close".into())))
        .start()
        .await
        .unwrap();
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    dialogue.done("USER alice").await;
    assert_eq!(dialogue.status("PASS secret").await, "-ERR [SYS/TEMP] try again");
    dialogue.log_in("alice", "secret").await;
    assert_eq!(dialogue.status("RETR 1").await, "-ERR what?");
    assert_eq!(dialogue.lines("RETR 2").await, ["yyyyyyyyyy"]);
    assert_eq!(dialogue.status("STAT").await, "-ERR [SYS/PERM] we close");
    assert_eq!(dialogue.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_greeting_may_be_none() {
    let server = builder()
        .fault(Fault::on_greeting(Action::Bye("[SYS/TEMP] too busy".into())))
        .fault(Fault::on_greeting(Action::No("not now".into())).nth(2))
        .start()
        .await
        .unwrap();
    let mut dialogue = Dialogue::raw(server.connect_to(Endpoint::Pop3Plain).await.unwrap());
    assert_eq!(dialogue.rest().await, b"-ERR [SYS/TEMP] too busy\r\n");
    let mut dialogue = Dialogue::raw(server.connect_to(Endpoint::Pop3Plain).await.unwrap());
    assert_eq!(dialogue.line().await, "-ERR not now");
    open(&server).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_is_cut_off_amid_and_octets_are_injected() {
    let server = builder()
        .fault(Fault::on_command("RETR", Action::CutAfter(100)).nth(2))
        .fault(Fault::on_command("NOOP", Action::Inject("+OK to nothing\r\n".into())))
        .start()
        .await
        .unwrap();
    let mut dialogue = open(&server).await;
    dialogue.lines("RETR 1").await;
    assert_eq!(dialogue.done("NOOP").await, "to nothing");
    assert_eq!(dialogue.line().await, "+OK");
    dialogue.send("RETR 1\r\n").await;
    assert_eq!(dialogue.rest().await.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_fault_may_be_for_one_protocol() {
    let fault = Fault::on_command("NOOP", Action::No("not here".into())).over(Protocol::Pop3).always();
    let server = with(fault).await;
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    imap.ok("NOOP").await;
    assert_eq!(open(&server).await.status("NOOP").await, "-ERR not here");
}

#[tokio::test(start_paused = true)]
async fn hooks_strike_amid_pop3_too() {
    let server = builder().start().await.unwrap();
    server.hook(Hook::before("RETR").over(Protocol::Pop3).nth(2), |account| {
        account.expunge("INBOX", [1]).unwrap();
    });
    server.hook(Hook::after("DELE"), |account| {
        account.deliver("INBOX", "late").unwrap();
    });
    server.hook(Hook::after("QUIT"), |account| {
        assert_eq!(account.messages("INBOX").unwrap().len(), 1, "QUIT has removed what was marked");
        account.deliver("INBOX", "later").unwrap();
    });
    server.hook(Hook::within("NOOP").over(Protocol::Imap), |_| panic!("nobody speaks IMAP"));
    let mut dialogue = open(&server).await;
    dialogue.done("NOOP").await;
    dialogue.lines("RETR 1").await;
    assert!(dialogue.status("RETR 1").await.starts_with("-ERR"));
    dialogue.done("DELE 2").await;
    dialogue.done("QUIT").await;
    dialogue.rest().await;
    assert_eq!(left(&server), 2);
}
