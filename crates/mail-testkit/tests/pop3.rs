//! POP3, command by command.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Endpoint, Protocol, Server};
use tokio::time::Instant;

fn alice() -> Builder {
    Server::builder().user("alice", "secret").messages("INBOX", ["one\r\n", "two, longer\r\n", "three\r\n"])
}

async fn open(server: &Server) -> Dialogue<Connection> {
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    dialogue.log_in("alice", "secret").await;
    dialogue
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_is_listed_by_numbers_that_stay() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    assert_eq!(dialogue.done("STAT").await, "3 25");
    assert_eq!(dialogue.lines("LIST").await, ["1 5", "2 13", "3 7"]);
    assert_eq!(dialogue.done("LIST 2").await, "2 13");
    dialogue.done("DELE 2").await;
    assert_eq!(dialogue.done("STAT").await, "2 12");
    assert_eq!(dialogue.lines("LIST").await, ["1 5", "3 7"]);
    for command in ["LIST 2", "UIDL 2", "RETR 2", "TOP 2 0", "DELE 2", "LIST 4", "RETR 4294967295"] {
        assert!(dialogue.status(command).await.starts_with("-ERR"), "{command}");
    }
    dialogue.done("NOOP").await;
    assert_eq!(dialogue.done("RSET").await, "maildrop has 3 messages (25 octets)");
    assert_eq!(dialogue.done("LIST 2").await, "2 13");
    dialogue.done("QUIT").await;
    assert_eq!(dialogue.rest().await, b"");
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 3);
}

async fn lines_of(server: &Server, command: &str) -> Vec<String> {
    open(server).await.lines(command).await
}

/// What stands between a status line and the dot, as it was sent.
async fn sent(dialogue: &mut Dialogue<Connection>, command: &str) -> Vec<u8> {
    dialogue.done(command).await;
    let mut sent = Vec::new();
    loop {
        let line = dialogue.octet_line().await;
        if line == b"." {
            return sent;
        }
        sent.extend_from_slice(&line);
        sent.extend_from_slice(b"\r\n");
    }
}

fn bodies(server: &Server) -> Vec<Vec<u8>> {
    let messages = server.account("alice").unwrap().messages("INBOX").unwrap();
    messages.into_iter().map(|message| message.body.to_vec()).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_are_sent_with_their_dots_stuffed() {
    let cases: [(&[u8], &[u8]); 9] = [
        (b"", b""),
        (b".", b"..\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"..a\r\n...\r\n", b"...a\r\n....\r\n"),
        (b"a.\r\n.b", b"a.\r\n..b\r\n"),
        (b"\r\n", b"\r\n"),
        (b"a\n.b\n", b"a\r\n..b\r\n"),
        (b"8-bit \xff\xfe\r\n\x00\r\n", b"8-bit \xff\xfe\r\n\x00\r\n"),
    ];
    let bodies = cases.map(|(body, _)| body);
    let server =
        Server::builder().user("alice", "secret").messages("INBOX", bodies).without_pop3_capability("UTF8");
    let server = server.start().await.unwrap();
    let mut dialogue = open(&server).await;
    for (number, (body, stuffed)) in (1..).zip(cases) {
        assert_eq!(sent(&mut dialogue, &format!("RETR {number}")).await, stuffed, "{}", body.escape_ascii());
        let dots = stuffed.split(|octet| *octet == b'\n').filter(|line| line.starts_with(b".")).count();
        let listed = dialogue.done(&format!("LIST {number}")).await;
        assert_eq!(listed, format!("{number} {}", stuffed.len() - dots), "{}", body.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_comes_whole() {
    let line = b".a line that begins with a dot and is stuffed\r\n";
    let body = line.repeat(100_000);
    let server = Server::builder().user("alice", "secret").messages("INBOX", [body]).start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.done("RETR 1").await;
    let stuffed = [b".", &line[..]].concat().repeat(100_000);
    assert!(dialogue.octets(stuffed.len()).await == stuffed);
    assert_eq!(dialogue.line().await, ".");
    dialogue.done("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn top_gives_the_header_and_so_many_lines() {
    let body = "Subject: x\r\nFrom: y\r\n\r\nfirst\r\n.second\r\nthird\r\n";
    let server = Server::builder().user("alice", "secret").messages("INBOX", [body]).start().await.unwrap();
    let mut dialogue = open(&server).await;
    assert_eq!(dialogue.lines("TOP 1 0").await, ["Subject: x", "From: y", ""]);
    assert_eq!(dialogue.lines("TOP 1 2").await[3..], ["first", "..second"]);
    assert_eq!(dialogue.lines("TOP 1 4000000000").await.len(), 6);
    assert!(dialogue.status("TOP 1").await.starts_with("-ERR"));
    assert!(dialogue.status("TOP 2 1").await.starts_with("-ERR"));
}

#[tokio::test(start_paused = true)]
async fn a_unique_id_is_a_message_s_for_as_long_as_its_mailbox_lives() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let before = lines_of(&server, "UIDL").await;
    let uid_validity = account.uid_validity("INBOX").unwrap();
    assert_eq!(before[1], format!("2 {uid_validity:08x}00000002"));
    account.expunge("INBOX", [1]).unwrap();
    account.deliver("INBOX", "four").unwrap();
    let after = lines_of(&server, "UIDL").await;
    let ids = |lines: &[String]| lines.iter().map(|line| line[2..].to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&after)[..2], ids(&before)[1..], "numbers change, names don't");
    assert_eq!(open(&server).await.done("UIDL 3").await, after[2]);
    account.recreate("INBOX").unwrap();
    account.deliver("INBOX", "one\r\n").unwrap();
    let anew = lines_of(&server, "UIDL").await;
    assert!(!ids(&before).contains(&ids(&anew)[0]));
}

#[tokio::test(start_paused = true)]
async fn quit_deletes_and_nothing_else_does() {
    let server = alice().start().await.unwrap();
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    imap.ok("LOGIN alice secret").await;
    imap.ok("SELECT INBOX").await;

    let mut dropped = open(&server).await;
    dropped.done("DELE 1").await;
    drop(dropped);
    let mut reset = open(&server).await;
    reset.done("DELE 1").await;
    reset.done("RSET").await;
    reset.done("QUIT").await;
    drop(reset);
    let mut cut = open(&server).await;
    cut.done("DELE 1").await;
    server.disconnect_all();
    drop(cut);
    assert_eq!(bodies(&server).len(), 3);

    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    imap.ok("LOGIN alice secret").await;
    imap.ok("SELECT INBOX").await;
    let mut dialogue = open(&server).await;
    dialogue.done("DELE 1").await;
    dialogue.done("DELE 3").await;
    assert_eq!(imap.command("NOOP").await, ["x OK NOOP completed"], "marked is not deleted");
    dialogue.done("QUIT").await;
    assert_eq!(bodies(&server), [b"two, longer\r\n"]);
    assert_eq!(imap.command("NOOP").await, ["* 1 EXPUNGE", "* 2 EXPUNGE", "x OK NOOP completed"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_for_the_next_session() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    server.account("alice").unwrap().deliver("INBOX", "four\r\n").unwrap();
    assert_eq!(dialogue.done("STAT").await, "3 25");
    assert!(dialogue.status("RETR 4").await.starts_with("-ERR"));
    dialogue.done("DELE 1").await;
    dialogue.done("QUIT").await;
    let mut next = open(&server).await;
    assert_eq!(next.done("STAT").await, "3 26");
    assert_eq!(next.lines("RETR 3").await, ["four"]);
}

#[tokio::test(start_paused = true)]
async fn what_goes_meanwhile_keeps_its_number_and_is_gone() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    server.account("alice").unwrap().expunge("INBOX", [2]).unwrap();
    assert_eq!(dialogue.done("STAT").await, "3 25", "numbers and sizes are those of the login");
    assert_eq!(dialogue.status("RETR 2").await, "-ERR the message was removed meanwhile");
    assert!(dialogue.status("TOP 2 0").await.starts_with("-ERR"));
    assert_eq!(dialogue.lines("RETR 3").await, ["three"], "a number stays its message's");
    dialogue.done("DELE 2").await;
    dialogue.done("DELE 3").await;
    dialogue.done("QUIT").await;
    assert_eq!(bodies(&server), [b"one\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_made_anew_loses_nothing_to_an_old_session() {
    let server = alice().start().await.unwrap();
    let account = server.account("alice").unwrap();
    let mut dialogue = open(&server).await;
    dialogue.done("DELE 1").await;
    account.recreate("INBOX").unwrap();
    account.deliver("INBOX", "new\r\n").unwrap();
    assert!(dialogue.status("RETR 2").await.starts_with("-ERR"));
    dialogue.done("QUIT").await;
    assert_eq!(bodies(&server), [b"new\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn one_session_has_the_maildrop() {
    let server = alice().start().await.unwrap();
    let mut first = open(&server).await;
    let mut second = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    for _ in 0..2 {
        second.done("USER alice").await;
        assert!(second.status("PASS secret").await.starts_with("-ERR [IN-USE] "));
    }
    assert_eq!(server.report().users["alice"].current, 1);
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    imap.ok("LOGIN alice secret").await;
    first.done("QUIT").await;
    second.log_in("alice", "secret").await;
    drop(second);
    open(&server).await;
    assert_eq!((server.report().over_limit, server.report().wrong_password), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn several_sessions_have_it_where_nothing_is_locked() {
    let server =
        alice().maildrop_lock(false).max_connections_per_user_of(Protocol::Pop3, 2).start().await.unwrap();
    let (mut one, mut two) = (open(&server).await, open(&server).await);
    let mut three = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    three.done("USER alice").await;
    let refused = three.status("PASS secret").await;
    let expected =
        "-ERR [IN-USE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)";
    assert_eq!(refused, expected);
    assert_eq!(three.rest().await, b"");
    for _ in 0..3 {
        let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
        imap.ok("LOGIN alice secret").await;
    }
    for dialogue in [&mut one, &mut two] {
        dialogue.done("DELE 2").await;
        dialogue.done("QUIT").await;
    }
    assert_eq!(bodies(&server).len(), 2);
    let report = server.report();
    assert_eq!((report.over_limit, report.users_by_protocol[&Protocol::Pop3]["alice"].peak), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn commands_in_one_flight_take_one_round_trip() {
    let server = alice().latency(Duration::from_millis(100)).start().await.unwrap();
    let mut dialogue = open(&server).await;
    let begin = Instant::now();
    let commands: String = (0..100).map(|n| format!("RETR {}\r\nNOOP\r\n", n % 3 + 1)).collect();
    dialogue.send(commands).await;
    for _ in 0..100 {
        assert!(dialogue.line().await.starts_with("+OK"));
        while dialogue.line().await != "." {}
        assert_eq!(dialogue.line().await, "+OK");
    }
    let took = begin.elapsed().as_millis();
    assert!((100..105).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn an_endless_line_ends_the_connection() {
    let server = alice().start().await.unwrap();
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    dialogue.send("x".repeat(20_000)).await;
    assert!(dialogue.line().await.starts_with("-ERR"));
    assert_eq!(dialogue.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_a_login_and_behind_it_is_kept_apart() {
    let server = alice().start().await.unwrap();
    let mut dialogue = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    for command in
        ["STAT", "LIST", "UIDL 1", "RETR 1", "TOP 1 1", "DELE 1", "NOOP", "RSET", "XYZZY", "", "PASS x"]
    {
        assert!(dialogue.status(command).await.starts_with("-ERR"), "{command}");
    }
    dialogue.log_in("alice", "secret").await;
    for command in
        ["USER alice", "PASS secret", "APOP alice x", "AUTH PLAIN", "UTF8", "STLS", "LIST x", "RETR"]
    {
        assert!(dialogue.status(command).await.starts_with("-ERR"), "{command}");
    }
    dialogue.done("stat").await;
}
