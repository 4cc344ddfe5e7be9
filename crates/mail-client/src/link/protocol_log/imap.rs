//! What is shown of IMAP: literals are told by their length, logins by their mechanism, and bodies that come as quoted
//! strings not at all.

use std::{borrow::Cow, collections::VecDeque};

use super::{
    Record, Tell,
    lines::{Line, Lines},
    login,
};

/// Commands whose answers are waited for; of more, the oldest are forgotten.
const REMEMBERED: usize = 1000;

/// What is kept in mind of a connection.
#[derive(Debug, Default)]
pub(super) struct Imap {
    sent: Lines,
    received: Lines,
    /// Commands on their way: tag and name.
    commands: VecDeque<(String, String)>,
    /// The tag of a login that is on its way: all that is sent for it is secret.
    login: Option<String>,
    /// It was refused, and nothing was sent since: more may be said of it.
    refused: bool,
}

impl Record for Imap {
    fn sent(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        if std::mem::take(&mut self.refused) {
            self.login = None;
        }
        while let Some(line) = self.sent.next(&mut bytes, |_| true) {
            let shown = self.outgoing(&line);
            let command = self.commands.back().map(|(_, name)| name.as_str());
            tell(command, &shown);
        }
    }

    fn received(&mut self, mut bytes: &[u8], tell: Tell<'_>) {
        while let Some(line) = self.received.next(&mut bytes, has_literals) {
            let text = line.text();
            let tag = text.split(' ').next().unwrap_or_default();
            let at = self.commands.iter().position(|(known, _)| !line.continues && known == tag);
            let command = at.and_then(|at| self.commands.remove(at)).map(|(_, name)| name);
            let shown = self.incoming(&line, &text);
            if command.is_some() && self.login.as_deref() == Some(tag) {
                let went_well = text[tag.len()..].trim_start().get(..2);
                self.refused = !went_well.is_some_and(|kind| kind.eq_ignore_ascii_case("OK"));
                if !self.refused {
                    self.login = None;
                }
            }
            if command.is_some() && at == Some(self.commands.len()) {
                self.sent.forget_unwanted();
            }
            tell(command.as_deref(), &shown);
        }
    }
}

impl Imap {
    fn outgoing<'a>(&mut self, line: &'a Line) -> Cow<'a, str> {
        if self.login.is_some() {
            return "…".into();
        }
        let text = line.text();
        if line.continues {
            return text;
        }
        let Some((tag, command)) = text.split_once(' ') else { return text };
        let mut words = command.split(' ');
        let (name, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let name = name.to_ascii_uppercase();
        let shown = login::command(command).map(|shown| format!("{tag} {shown}"));
        if shown.is_some() {
            self.login = Some(tag.to_owned());
        }
        if self.commands.len() == REMEMBERED {
            self.commands.pop_front();
        }
        let name = if name == "UID" { format!("UID {}", rest.to_ascii_uppercase()) } else { name };
        self.commands.push_back((tag.to_owned(), name));
        shown.map_or(text, Cow::Owned)
    }

    fn incoming<'a>(&self, line: &Line, text: &'a str) -> Cow<'a, str> {
        if let Some(tag) = &self.login {
            return in_login(tag, line, text);
        }
        if line.continues || text.contains(" FETCH (") {
            return without_bodies(text);
        }
        text.into()
    }
}

/// What is shown of a line that comes while the login with this tag goes on.
fn in_login(tag: &str, line: &Line, text: &str) -> Cow<'static, str> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let keyword = rest.split(' ').next().unwrap_or_default();
    match first {
        _ if line.continues => "…".into(),
        "*" if keyword.eq_ignore_ascii_case("CAPABILITY") => text.to_owned().into(),
        "*" => format!("* {}", login::answer(rest)).into(),
        first if first == tag => format!("{tag} {}", login::answer(rest)).into(),
        _ => login::answer(text).into(),
    }
}

/// Whether a line that begins so may end in a literal: the text of a status and of a continuation has none.
fn has_literals(head: &[u8]) -> bool {
    let mut words = head.split(|byte| *byte == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let second = second.strip_suffix(b"\r\n").unwrap_or(second);
    let is_status =
        [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|kind| second.eq_ignore_ascii_case(kind));
    first == b"*" && !is_status
}

/// The line with bodies in quotes left out: those behind `BODY[…]`, `BINARY[…]`, `RFC822…` and `PREVIEW`.
fn without_bodies(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let (before, quoted) = rest.split_at(open + 1);
        let mut escaped = false;
        let end = quoted.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let word = before[..open].trim_end().rsplit([' ', '(']).next().unwrap_or_default();
        let upper = word.to_ascii_uppercase();
        // A section may have a list of header fields in it, and with it spaces.
        let is_body = upper.ends_with(']')
            || upper.ends_with('>')
            || upper == "PREVIEW"
            || (upper.starts_with("RFC822") && upper != "RFC822.SIZE");
        let (content, after) = end.map_or((quoted, ""), |end| quoted.split_at(end));
        shown.push_str(before);
        shown.push_str(if is_body { "…" } else { content });
        rest = after;
        if let Some(behind) = rest.strip_prefix('"') {
            shown.push('"');
            rest = behind;
        }
    }
    if shown.is_empty() {
        return text.into();
    }
    shown.push_str(rest);
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::{super::lines::SHOWN, *};

    /// What is shown of a dialogue: lines sent begin with `C: `, all others were received.
    fn shown(log: &mut Imap, direction: char, bytes: &[u8], piece: usize) -> Vec<String> {
        let mut shown = Vec::new();
        for mut bytes in bytes.chunks(piece) {
            if direction == 'C' {
                while let Some(line) = log.sent.next(&mut bytes, |_| true) {
                    shown.push(log.outgoing(&line).into_owned());
                }
            } else {
                while let Some(line) = log.received.next(&mut bytes, has_literals) {
                    shown.push(log.incoming(&line, &line.text()).into_owned());
                }
            }
        }
        shown
    }

    #[test]
    fn literals_and_bodies_are_left_out_whatever_the_pieces() {
        let answer = b"* 1 FETCH (UID 7 BODY[] {12}\r\n* 2 SECRET\r\n FLAGS (\\Seen) ENVELOPE (\"d\" \"subject\"))\r\n\
            * 2 FETCH (UID 8 BODY[HEADER.FIELDS (TO)] \"SECRET \\\" SECRET\" RFC822.TEXT \"SECRET\" PREVIEW \"SECRET\")\r\n\
            * OK quota {3}\r\nA1 OK {9}\r\n* LIST () \"/\" {6}\r\nSECRET\r\n";
        let expected = [
            "* 1 FETCH (UID 7 BODY[] {12}",
            " FLAGS (\\Seen) ENVELOPE (\"d\" \"subject\"))",
            "* 2 FETCH (UID 8 BODY[HEADER.FIELDS (TO)] \"…\" RFC822.TEXT \"…\" PREVIEW \"…\")",
            "* OK quota {3}",
            "A1 OK {9}",
            "* LIST () \"/\" {6}",
            "",
        ];
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(shown(&mut Imap::default(), 'S', answer, piece), expected, "{piece}");
        }
    }

    #[test]
    fn nothing_of_a_login_is_shown_but_its_mechanism() {
        for (said, expected) in [
            (&b"A1 LOGIN kim SECRET\r\n"[..], &["A1 LOGIN …"][..]),
            (b"A1 login {3+}\r\nkim {6+}\r\nSECRET\r\n", &["A1 LOGIN …", "…", "…"]),
            (b"A1 AUTHENTICATE PLAIN SECRET\r\n", &["A1 AUTHENTICATE PLAIN …"]),
            (b"A1 AUTHENTICATE CRAM-MD5\r\nSECRET\r\n", &["A1 AUTHENTICATE CRAM-MD5", "…"]),
        ] {
            let mut log = Imap::default();
            assert_eq!(shown(&mut log, 'C', said, 5), expected);
            assert_eq!(
                shown(&mut log, 'S', b"+ SECRET\r\n* BAD SECRET\r\n* SECRET\r\nSECRET\r\n* X {6}\r\n", 9),
                ["+ …", "* BAD …", "* …", "…", "* …"]
            );
            assert_eq!(
                shown(&mut log, 'S', b"SECRET SECRET\r\nA1 BAD what is SECRET\r\n", 9),
                ["…", "A1 BAD …"]
            );
            log.received(b"A1 OK done\r\n", &mut |_, _| {});
            assert_eq!(shown(&mut log, 'C', b"A2 NOOP\r\n", 3), ["A2 NOOP"]);
            assert_eq!(log.commands.back().unwrap().1, "NOOP");
        }
        // What is said behind a refusal is about it, up to the next command.
        let mut log = Imap::default();
        log.sent(b"A1 LOGIN kim SECRET\r\n", &mut |_, _| {});
        log.received(b"A1 LOGIN kim SECRET\r\n", &mut |_, _| {});
        assert_eq!(shown(&mut log, 'S', b"A1 NO SECRET\r\n* BYE SECRET\r\n", 9), ["A1 NO …", "* BYE …"]);
        let mut said = Vec::new();
        log.sent(b"A2 NOOP\r\n", &mut |_, line| said.push(line.to_owned()));
        log.received(b"* OK here\r\n", &mut |_, line| said.push(line.to_owned()));
        assert_eq!(said, ["A2 NOOP", "* OK here"]);
    }

    #[test]
    fn a_login_ends_with_its_own_answer_and_no_others() {
        let mut log = Imap::default();
        log.sent(b"A1 CAPABILITY\r\nA2 AUTHENTICATE LOGIN\r\n", &mut |_, _| {});
        // Another command's end, and a line that only begins like its own.
        log.received(b"A1 OK done\r\n* LIST () NIL {4}\r\nname\r\nA3 OK what\r\n", &mut |_, _| {});
        assert_eq!(shown(&mut log, 'C', b"SECRET\r\n", 3), ["…"]);
        log.received(b"A2 OK done\r\n", &mut |_, _| {});
        assert_eq!(shown(&mut log, 'C', b"A3 NOOP\r\n", 3), ["A3 NOOP"]);
    }

    #[test]
    fn of_what_comes_during_a_login_capabilities_are_shown_and_nothing_that_only_looks_so() {
        let mut log = Imap::default();
        log.sent(b"A1 LOGIN kim SECRET\r\n", &mut |_, _| {});
        let said = b"* capability IMAP4rev1\r\n* X {6}\r\nSECRET* CAPABILITY SECRET\r\n";
        assert_eq!(shown(&mut log, 'S', said, 9), ["* capability IMAP4rev1", "* …", "…"]);
    }

    #[test]
    fn a_literal_that_waits_is_not_forgotten_for_the_answer_to_another_command() {
        let mut log = Imap::default();
        log.sent(b"A1 NOOP\r\nA2 APPEND INBOX {6}\r\n", &mut |_, _| {});
        log.received(b"A1 OK done\r\n", &mut |_, _| {});
        assert_eq!(shown(&mut log, 'C', b"SECRET\r\n", 3), [""]);
    }

    #[test]
    fn a_literal_is_known_however_long_its_announcement() {
        let said = b"A1 APPEND INBOX ~{18446744073709551615+}\r\nSECRET SECRET\r\n";
        assert_eq!(shown(&mut Imap::default(), 'C', said, 7), ["A1 APPEND INBOX ~{18446744073709551615+}"]);
        let said = b"A1 X {00000000000000000006+}\r\nSECRET\r\n";
        for piece in [1, 1000] {
            let shown = shown(&mut Imap::default(), 'C', said, piece);
            assert_eq!(shown, ["A1 X {00000000000000000006+}", ""]);
        }
    }

    #[test]
    fn of_commands_without_an_answer_the_oldest_are_forgotten() {
        let mut log = Imap::default();
        for number in 0..=REMEMBERED {
            log.sent(format!("A{number} NOOP\r\n").as_bytes(), &mut |_, _| {});
        }
        assert_eq!(log.commands.len(), REMEMBERED);
        assert_eq!(log.commands.front().unwrap().0, "A1");
    }

    #[test]
    fn a_literal_that_the_server_refuses_never_comes_and_one_under_way_does() {
        for (announced, refused) in [("{6}", true), ("{6+}", false)] {
            let mut log = Imap::default();
            log.sent(format!("A1 APPEND INBOX {announced}\r\n").as_bytes(), &mut |_, _| {});
            log.received(b"A1 NO too big\r\n", &mut |_, _| {});
            let next =
                shown(&mut log, 'C', if refused { b"A2 NOOP\r\n" } else { b"SECRET\r\nA2 NOOP\r\n" }, 4);
            assert_eq!(next.last().unwrap(), "A2 NOOP");
            assert!(
                next.len() == if refused { 1 } else { 2 } && !next.concat().contains("SECRET"),
                "{next:?}"
            );
        }
    }

    #[test]
    fn a_long_line_is_cut_and_its_literal_still_seen() {
        let mut line = b"* SEARCH".to_vec();
        line.extend(b" 1234567".repeat(100_000));
        line.extend(b" {6}\r\nSECRET\r\n* 1 EXISTS\r\n");
        let shown = shown(&mut Imap::default(), 'S', &line, 4096);
        assert!(shown[0].len() < SHOWN + 40 && shown[0].ends_with("bytes more)"), "{}", shown[0]);
        assert_eq!(shown[1..], ["", "* 1 EXISTS"]);
    }
}
