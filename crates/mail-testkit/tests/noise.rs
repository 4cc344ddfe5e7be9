//! Clients that send anything at all.

system_tests::watch_for_secrets!();

mod common;

use common::Dialogue;
use mail_testkit::{Corpus, Endpoint, Server};

/// Pieces of which lines are made.
const PIECES: &[&[u8]] = &[
    b" ",
    b" ",
    b" ",
    b" ",
    b"FETCH",
    b"UID",
    b"STORE",
    b"SEARCH",
    b"SELECT",
    b"LIST",
    b"STATUS",
    b"APPEND",
    b"COPY",
    b"MOVE",
    b"EXPUNGE",
    b"INBOX",
    b"EXAMINE",
    b"1",
    b"1:*",
    b"*",
    b"4294967295",
    b"0",
    b"(",
    b")",
    b"(FLAGS UID)",
    b"BODY.PEEK[1.2.MIME]<3.9>",
    b"BODY[HEADER.FIELDS (a \"b\")]",
    b"BODY[",
    b"]",
    b"+FLAGS",
    b"(\\Seen $X)",
    b"\"",
    b"\\",
    b"\"a\\\"b\"",
    b"{3+}\r\na\r\n",
    b"{0+}\r\n",
    b"{18446744073709551616}",
    b"\xff",
    b"NOT",
    b"OR",
    b"BEFORE",
    b"1-Jan-2000",
    b"\0",
    b"&",
    b"%",
    b"SUBJECT",
    b"\t",
    b"CREATE",
    b"RENAME",
    b"DELETE",
    b"ID",
    b"NIL",
    b"ENABLE",
];

/// A sequence that is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_line_holds_the_next_is_answered() {
    let server =
        Server::builder().user("alice", "secret").messages("INBOX", Corpus::new(5, 1)).start().await.unwrap();
    let mut dice = Dice(1);
    for _ in 0..40 {
        let mut dialogue = Dialogue::open(server.connect().await.unwrap()).await;
        dialogue.ok("LOGIN alice secret").await;
        dialogue.ok("SELECT INBOX").await;
        for _ in 0..50 {
            let mut line = b"a ".to_vec();
            for _ in 0..dice.below(9) {
                line.extend_from_slice(PIECES[dice.below(PIECES.len())]);
            }
            line.extend_from_slice(b"\r\n");
            dialogue.send(&line).await;
            dialogue.send("n NOOP\r\n").await;
            let mut ended = false;
            loop {
                // A number beyond all limits ends the connection, with a word.
                let answer = dialogue.line().await;
                ended |= answer.starts_with("* BYE");
                if ended || answer == "n OK NOOP completed" {
                    break;
                }
            }
            if ended {
                break;
            }
        }
    }
}

/// The same for POP3, without what ends a session.
const POP3_PIECES: &[&[u8]] = &[
    b" ",
    b" ",
    b" ",
    b"RETR",
    b"TOP",
    b"LIST",
    b"UIDL",
    b"DELE",
    b"RSET",
    b"STAT",
    b"CAPA",
    b"LANG",
    b"UTF8",
    b"STLS",
    b"USER",
    b"PASS",
    b"APOP",
    b"AUTH",
    b"PLAIN",
    b"=",
    b"AGEAYg==",
    b"1",
    b"2",
    b"5",
    b"0",
    b"-1",
    b"4294967296",
    b"\xff",
    b"\0",
    b"\t",
    b"\r",
    b"*",
    b"en",
    b"alice",
];

#[tokio::test(start_paused = true)]
async fn whatever_a_line_of_pop3_holds_the_next_is_answered() {
    let server =
        Server::builder().user("alice", "secret").messages("INBOX", Corpus::new(5, 1)).start().await.unwrap();
    let mut dice = Dice(2);
    for _ in 0..40 {
        let connection = server.connect_to(Endpoint::Pop3Plain).await.unwrap();
        let mut dialogue = Dialogue::pop3(connection).await;
        dialogue.log_in("alice", "secret").await;
        for _ in 0..50 {
            let pieces =
                (0..dice.below(6)).map(|_| POP3_PIECES[dice.below(POP3_PIECES.len())]).collect::<Vec<_>>();
            let line = [&pieces.concat()[..], b"\r\nNOOP\r\n"].concat();
            dialogue.send(&line).await;
            // No other answer has nothing to say.
            while dialogue.line().await != "+OK" {}
        }
        // Nothing was committed.
        assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap().len(), 5);
    }
}
