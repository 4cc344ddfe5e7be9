//! POP3, command by command.

mod common;

use common::Dialogue;
use mail_testkit::{Builder, Connection, Endpoint, Server};

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
