//! What is shown of SMTP: logins by their mechanism, messages by their length.

use std::collections::VecDeque;

use super::{Record, Tell, lines::Lines, login};

/// What is kept in mind of a connection.
#[derive(Debug, Default)]
pub(super) struct Smtp {
    sent: Lines,
    received: Lines,
    /// The greeting has come.
    greeted: bool,
    /// Commands that wait for their answers.
    commands: VecDeque<String>,
    /// The bytes so far of a message that is being sent, up to a line of a dot.
    message: Option<usize>,
}

impl Record for Smtp {
    fn sent(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        while let Some(line) = self.sent.next_plain(&mut bytes) {
            if let Some(so_far) = &mut self.message {
                if line.is_dot() {
                    tell(Some("DATA"), &format!("({so_far} bytes)"));
                    tell(Some("DATA"), ".");
                    self.message = None;
                    self.commands.push_back("DATA".to_owned());
                } else {
                    *so_far += line.len;
                }
                continue;
            }
            // What follows AUTH before its answer is the exchange.
            if self.commands.back().is_some_and(|name| name == "AUTH") {
                tell(Some("AUTH"), "…");
                continue;
            }
            let text = line.text();
            let mut words = text.splitn(3, ' ');
            let name = words.next().unwrap_or_default().to_ascii_uppercase();
            let argument = words.next().unwrap_or_default();
            if name == "BDAT" {
                self.sent.skip(argument.parse().unwrap_or_default());
            }
            tell(Some(&name), login::command(&text).as_deref().unwrap_or(&text));
            self.commands.push_back(name);
        }
    }

    fn received(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        while let Some(line) = self.received.next_plain(&mut bytes) {
            let text = line.text();
            let (code, is_last) = (text.get(..3).unwrap_or_default(), text.as_bytes().get(3) != Some(&b'-'));
            if !self.greeted {
                self.greeted = is_last;
                tell(None, &text);
                continue;
            }
            let name = self.commands.front().cloned();
            // What nobody asked for may be about the login, too.
            let shown = matches!(name.as_deref(), Some("AUTH") | None).then(|| login::answer(&text));
            tell(name.as_deref(), shown.as_deref().unwrap_or(&text));
            match (name.as_deref(), code) {
                _ if !is_last => {}
                (Some("AUTH"), "334") => {}
                (Some("DATA"), "354") => {
                    self.commands.pop_front();
                    self.message = Some(0);
                }
                _ => drop(self.commands.pop_front()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a dialogue: each step is who speaks, `C` or `S`, and what.
    fn shown(dialogue: &[(char, &[u8])], piece: usize) -> Vec<String> {
        let mut log = Smtp::default();
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
        let dialogue: [(char, &[u8]); 8] = [
            ('S', b"220-hi\r\n220 there\r\n"),
            ('C', b"MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n"),
            ('S', b"250 ok\r\n250 ok\r\n354 go\r\n"),
            ('C', b"Subject: SECRET\r\n\r\n..\r\n.\r\n"),
            ('S', b"250 queued\r\n"),
            ('C', b"BDAT 8 LAST\r\nSECRET\r\nNOOP\r\n"),
            ('S', b"250-a\r\n250 b\r\n"),
            ('S', b"250 ok\r\n"),
        ];
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(
                shown(&dialogue, piece),
                [
                    "S: 220-hi",
                    "S: 220 there",
                    "C: MAIL FROM:<a@x>",
                    "C: RCPT TO:<b@y>",
                    "C: DATA",
                    "S: 250 ok",
                    "S: 250 ok",
                    "S: 354 go",
                    "C: (23 bytes)",
                    "C: .",
                    "S: 250 queued",
                    "C: BDAT 8 LAST",
                    "C: NOOP",
                    "S: 250-a",
                    "S: 250 b",
                    "S: 250 ok",
                ]
            );
        }
    }

    #[test]
    fn nothing_of_a_login_is_shown_but_its_mechanism() {
        let dialogue: [(char, &[u8]); 9] = [
            ('S', b"220 hi\r\n"),
            ('C', b"AUTH PLAIN SECRET\r\n"),
            ('S', b"501 what is SECRET\r\n"),
            ('C', b"AUTH LOGIN\r\n"),
            ('S', b"334 SECRET\r\n"),
            ('C', b"SECRET\r\n"),
            ('S', b"535 5.7.8 no\r\n500 what is SECRET\r\n"),
            ('C', b"NOOP\r\n"),
            ('S', b"250 ok\r\n"),
        ];
        let expected = [
            "C: AUTH PLAIN …",
            "S: 501 …",
            "C: AUTH LOGIN",
            "S: 334 …",
            "C: …",
            "S: 535 5.7.8 …",
            "S: 500 …",
            "C: NOOP",
            "S: 250 ok",
        ];
        assert_eq!(shown(&dialogue, 5)[1..], expected);
    }
}
