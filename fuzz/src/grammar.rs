//! What is read can be written, and what was written is read as the same.

use mail_proto::frame::{Event, Framer, Limits};
use mail_proto::imap::command::TaggedCommand;
use mail_proto::imap::encode::{EncodeOptions, Fragment, Literals};
use mail_proto::imap::response::{self, ParseOptions, Reader};

/// What a server says: each frame is read tolerantly and strictly; what is strictly right is written and read again.
pub fn responses_survive_being_written(data: &[u8]) {
    for_each_frame(Framer::responses(Limits::RESPONSES), data, |frame| {
        let tolerant = response::parse(frame.to_vec(), ParseOptions::default());
        let Ok(strict) = response::parse(frame.to_vec(), ParseOptions::STRICT) else { return };
        assert!(tolerant.is_ok(), "strict reads what tolerant doesn't: {}", shown(frame));
        assert!(strict.quirks.is_empty(), "strict has quirks: {}", shown(frame));
        if has_controls(frame) {
            // Free text is written without them, and an unknown response as one line.
            return;
        }
        let Ok(written) = strict.value.encode() else { return };
        let written = written.to_bytes();
        let again = response::parse(written.clone(), ParseOptions::STRICT);
        assert_eq!(again.as_ref(), Ok(&strict), "{} was written as {}", shown(frame), shown(&written));
    });
    // Segment by segment, with literals streamed.
    let mut limits = Limits::RESPONSES;
    limits.kept_literal = 4;
    let mut framer = Framer::responses(limits);
    let mut reader = Reader::new(ParseOptions::default());
    framer.buffer().extend_from_slice(data);
    while let Ok(Some(event)) = framer.next_event() {
        if let Event::Segment(segment) = event {
            let _ = reader.segment(segment);
        }
    }
}

/// What a client says: each frame is read tolerantly and strictly; what is strictly right is written and read again.
pub fn commands_survive_being_written(data: &[u8]) {
    for_each_frame(Framer::commands(Limits::COMMANDS), data, |frame| {
        let tolerant = TaggedCommand::parse(frame.to_vec(), ParseOptions::default());
        let Ok(strict) = TaggedCommand::parse(frame.to_vec(), ParseOptions::STRICT) else { return };
        assert!(tolerant.is_ok(), "strict reads what tolerant doesn't: {}", shown(frame));
        let tag = String::from_utf8_lossy(&strict.value.tag).into_owned();
        let Ok(written) = strict.value.command.encode(&tag, EncodeOptions::literals(Literals::Any)) else {
            return;
        };
        if written.fragments.iter().any(|fragment| matches!(fragment, Fragment::Upload { .. })) {
            // The message isn't part of the command's value.
            return;
        }
        let written = written.to_bytes();
        let again = TaggedCommand::parse(written.clone(), ParseOptions::STRICT);
        assert_eq!(again.as_ref(), Ok(&strict), "{} was written as {}", shown(frame), shown(&written));
    });
}

/// Whether there are any before the line end.
fn has_controls(frame: &[u8]) -> bool {
    frame.strip_suffix(b"\r\n").unwrap_or(frame).iter().any(u8::is_ascii_control)
}

/// Each frame without streamed literals.
fn for_each_frame(mut framer: Framer, data: &[u8], mut each: impl FnMut(&[u8])) {
    framer.buffer().extend_from_slice(data);
    while let Ok(Some(event)) = framer.next_event() {
        if let Event::Segment(segment) = event
            && segment.streamed.is_none()
            && !segment.continues
        {
            each(&segment.bytes);
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSES: &[u8] = b"* OK [CAPABILITY IMAP4rev1 IDLE LITERAL+] ready\r\n\
        * LIST (\\HasNoChildren) \"/\" \"a \\\"b\\\\\"\r\n* STATUS {3}\r\nbox (MESSAGES 3 UIDNEXT 7)\r\n\
        * 2 FETCH (UID 5 FLAGS (\\Seen $x) RFC822.SIZE 12 INTERNALDATE \"01-Jan-2024 10:00:00 +0100\" BODY[] {3}\r\nabc)\r\n\
        * SEARCH 1 2 3\r\n* 4 EXISTS\r\n* BYE [UNAVAILABLE] later\r\na1 NO [TRYCREATE] no\r\n+ go\r\n\
        * ID (\"name\" \"x\" \"y\" NIL)\r\n* 3 FETCH (BODY[HEADER]<0> \"a\" UID x)\r\n* STRANGE (a) \"b\"\r\n\
        * 7 FETCH (UID 9 ENVELOPE (\"Mon, 1 Jan 2024 10:00:00 +0100\" \"s\" ((NIL NIL \"a\" \"b.org\")) NIL NIL \
        ((\"N\" NIL \"c\" \"d.org\")(NIL NIL \"group\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL \"<i@x>\"))\r\n\
        * 8 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 12 1 NIL NIL NIL NIL)\
        (\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 9 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) \
        (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1) 2) \"MIXED\" (\"BOUNDARY\" \"b\") NIL (\"en\" \"de\") NIL) MODSEQ (12))\r\n\
        * VANISHED (EARLIER) 1:3,9\r\n* ESEARCH (TAG \"A1\") UID ALL 1:3 COUNT 3\r\n";

    const COMMANDS: &[u8] =
        b"a LOGIN me {3+}\r\np w\r\nb UID FETCH 1:3,7:* (FLAGS BODY.PEEK[HEADER.FIELDS (FROM)]<0.5>)\r\n\
        c SELECT \"a b\"\r\nd UID STORE 1 +FLAGS.SILENT (\\Seen)\r\ne SEARCH OR SEEN NOT UID 1:*\r\n\
        f APPEND x (\\Seen) {3+}\r\nabc\r\ng LIST \"\" *\r\nh STATUS x (MESSAGES)\r\ni ENABLE CONDSTORE\r\n";

    #[test]
    fn seeds_pass() {
        responses_survive_being_written(RESPONSES);
        commands_survive_being_written(COMMANDS);
    }

    #[test]
    fn seeds_are_read() {
        let mut read = 0;
        for_each_frame(Framer::responses(Limits::RESPONSES), RESPONSES, |frame| {
            read += usize::from(response::parse(frame.to_vec(), ParseOptions::default()).is_ok());
        });
        assert_eq!(read, 16);
        let mut read = 0;
        for_each_frame(Framer::commands(Limits::COMMANDS), COMMANDS, |frame| {
            read += usize::from(TaggedCommand::parse(frame.to_vec(), ParseOptions::default()).is_ok());
        });
        assert_eq!(read, 9);
    }

    /// Every byte in turn becomes one that means something to a parser; gives the inputs that panic.
    fn damaged(seed: &[u8], check: fn(&[u8])) -> Vec<String> {
        let mut failed = Vec::new();
        for at in 0..seed.len() {
            for byte in *b"\"\\(){}[]*\r\n 0\0\xff" {
                let mut damaged = seed.to_vec();
                damaged[at] = byte;
                if std::panic::catch_unwind(|| check(&damaged)).is_err() {
                    failed.push(shown(&damaged));
                }
            }
        }
        failed
    }

    #[test]
    fn damaged_seeds_pass() {
        assert_eq!(damaged(RESPONSES, responses_survive_being_written), [""; 0]);
        assert_eq!(damaged(COMMANDS, commands_survive_being_written), [""; 0]);
    }
}
