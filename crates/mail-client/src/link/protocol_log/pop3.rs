//! What is shown of POP3: logins by their mechanism, messages by their length.

use std::{borrow::Cow, collections::VecDeque};

use super::{Record, Tell, lines::Lines, login};

/// What is kept in mind of a connection.
#[derive(Debug, Default)]
pub(super) struct Pop3 {
    sent: Lines,
    received: Lines,
    /// The greeting has come.
    greeted: bool,
    /// Commands that wait for their answers.
    commands: VecDeque<Awaited>,
    /// What of an answer comes behind its status line.
    behind: Option<Behind>,
}

#[derive(Debug)]
struct Awaited {
    name: String,
    answer: Answer,
}

/// What answers a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Status,
    /// A status that may quote what it didn't understand, and that was a secret.
    Login,
    Lines,
    Message,
}

/// Lines behind a status line, up to one of a dot.
#[derive(Debug)]
struct Behind {
    name: String,
    is_message: bool,
    bytes: usize,
}

impl Record for Pop3 {
    fn sent(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        while let Some(line) = self.sent.next_plain(&mut bytes) {
            let text = line.text();
            // What follows AUTH before its answer is the exchange.
            if let Some(Awaited { name, answer: Answer::Login }) = self.commands.back()
                && name == "AUTH"
            {
                tell(Some(name), "…");
                continue;
            }
            let (name, shown, answer) = outgoing(&text);
            tell(Some(&name), &shown);
            self.commands.push_back(Awaited { name, answer });
        }
    }

    fn received(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        while let Some(line) = self.received.next_plain(&mut bytes) {
            if let Some(behind) = &mut self.behind {
                if line.is_dot() {
                    if behind.is_message {
                        tell(Some(&behind.name), &format!("({} bytes)", behind.bytes));
                    }
                    tell(Some(&behind.name), ".");
                    self.behind = None;
                } else if behind.is_message {
                    behind.bytes += line.len;
                } else {
                    tell(Some(&behind.name), &line.text());
                }
                continue;
            }
            let text = line.text();
            let is_challenge = text == "+" || text.starts_with("+ ");
            if !std::mem::replace(&mut self.greeted, true) {
                tell(None, &text);
            } else if is_challenge {
                tell(self.commands.front().map(|awaited| awaited.name.as_str()), "+ …");
            } else if let Some(Awaited { name, answer }) = self.commands.pop_front() {
                let shown = (answer == Answer::Login).then(|| login::answer(&text));
                tell(Some(&name), shown.as_deref().unwrap_or(&text));
                let is_ok = text.get(..3).is_some_and(|kind| kind.eq_ignore_ascii_case("+OK"));
                if is_ok && matches!(answer, Answer::Lines | Answer::Message) {
                    self.behind = Some(Behind { name, is_message: answer == Answer::Message, bytes: 0 });
                }
            } else {
                // What nobody asked for may be about the login, too.
                tell(None, &login::answer(&text));
            }
        }
    }
}

/// The name of a command, what is shown of it, and how it is answered.
fn outgoing(text: &str) -> (String, Cow<'_, str>, Answer) {
    let mut words = text.splitn(3, ' ');
    let name = words.next().unwrap_or_default().to_ascii_uppercase();
    if let Some(shown) = login::command(text) {
        return (name, shown.into(), Answer::Login);
    }
    let answer = match (name.as_str(), words.next()) {
        ("RETR" | "TOP", _) => Answer::Message,
        ("CAPA", _) | ("LIST" | "UIDL" | "LANG", None) => Answer::Lines,
        _ => Answer::Status,
    };
    (name, text.into(), answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a dialogue: each step is who speaks, `C` or `S`, and what.
    fn shown(dialogue: &[(char, &[u8])], piece: usize) -> Vec<String> {
        let mut log = Pop3::default();
        let mut shown = Vec::new();
        for (who, bytes) in dialogue {
            for bytes in bytes.chunks(piece) {
                let mut tell = |_: Option<&str>, line: &str| shown.push(format!("{who}: {line}"));
                match who {
                    'C' => log.sent(bytes, &mut tell),
                    _ => log.received(bytes, &mut tell),
                }
            }
        }
        shown
    }

    #[test]
    fn messages_are_left_out_whatever_the_pieces() {
        let dialogue: [(char, &[u8]); 4] = [
            ('S', b"+OK hi\r\n"),
            ('C', b"UIDL\r\nRETR 1\r\nTOP 2 0\r\nRETR 9\r\nNOOP\r\n"),
            ('S', b"+OK\r\n1 abc\r\n.\r\n+OK 120 octets\r\nSECRET\r\n..\r\n\n.\n+OK SECRET\r\n.\r\n"),
            ('S', b"+OK\r\n.\r\n-ERR none\r\n+OK\r\n"),
        ];
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(
                shown(&dialogue, piece),
                [
                    "S: +OK hi",
                    "C: UIDL",
                    "C: RETR 1",
                    "C: TOP 2 0",
                    "C: RETR 9",
                    "C: NOOP",
                    "S: +OK",
                    "S: 1 abc",
                    "S: .",
                    "S: +OK 120 octets",
                    "S: (27 bytes)",
                    "S: .",
                    "S: +OK",
                    "S: (0 bytes)",
                    "S: .",
                    "S: -ERR none",
                    "S: +OK",
                ]
            );
        }
    }

    #[test]
    fn nothing_of_a_login_is_shown_but_its_mechanism() {
        let dialogue: [(char, &[u8]); 9] = [
            ('S', b"+OK <1@h>\r\n"),
            ('C', b"USER SECRET\r\nPASS SECRET word\r\n"),
            ('S', b"+OK\r\n-ERR [SYS/TEMP] what is SECRET\r\n"),
            ('C', b"AUTH PLAIN SECRET\r\n"),
            ('S', b"-ERR unknown: SECRET\r\n"),
            ('C', b"AUTH CRAM-MD5\r\n"),
            ('S', b"+ SECRET\r\n"),
            ('C', b"SECRET\r\n"),
            ('S', b"+OK SECRET\r\n-ERR what is SECRET\r\n"),
        ];
        let shown = shown(&dialogue, 5);
        assert_eq!(
            shown[1..],
            [
                "C: USER …",
                "C: PASS …",
                "S: +OK",
                "S: -ERR [SYS/TEMP] …",
                "C: AUTH PLAIN …",
                "S: -ERR …",
                "C: AUTH CRAM-MD5",
                "S: + …",
                "C: …",
                "S: +OK …",
                "S: -ERR …",
            ]
        );
    }

    #[test]
    fn a_server_that_ends_its_lines_in_line_feeds_shows_no_more() {
        let dialogue: [(char, &[u8]); 3] =
            [('S', b"+OK\n"), ('C', b"RETR 1\r\nNOOP\r\n"), ('S', b"+OK\nSECRET\r\n.\n+OK\n")];
        assert_eq!(
            shown(&dialogue, 3),
            ["S: +OK", "C: RETR 1", "C: NOOP", "S: +OK", "S: (8 bytes)", "S: .", "S: +OK"]
        );
    }
}
