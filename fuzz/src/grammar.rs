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

    const EXTENSIONS: &[u8] = b"* ESEARCH (TAG \"m\" MAILBOX box UIDVALIDITY 7) PARTIAL (-1:-9 NIL) MODSEQ 4 ADDTO (0 1:2 5 3) X (y)\r\n\
        * SORT 5 3 (MODSEQ 9)\r\n* THREAD (2)(3 6 (4 23)((7)(96)))\r\n* NAMESPACE ((\"\" \"/\")(\"a\" NIL \"X\" (\"Y\"))) NIL NIL\r\n\
        * QUOTA \"\" (STORAGE 10 512 MESSAGE 1 2)\r\n* QUOTAROOT INBOX \"\" a\r\n* ACL INBOX kim lrs -lee a\r\n\
        * LISTRIGHTS a kim \"\" l r\r\n* MYRIGHTS a lr\r\n* METADATA a (/shared/c \"x\" /private/d NIL)\r\n* METADATA \"\" /a /b\r\n\
        * LIST () \"/\" New (\"OLDNAME\" (\"Old\") \"CHILDINFO\" (\"SUBSCRIBED\") \"X\" (a (b)))\r\n* ENABLED CONDSTORE\r\n\
        * STATUS a (MAILBOXID (F1) APPENDLIMIT NIL SIZE 5000000000 X-FOO (1))\r\n* UIDBATCHES (TAG \"A\") 9:5,4:1\r\n\
        * JMAPACCESS \"https://example.org/\"\r\n* OK [INPROGRESS (\"A1\" NIL 200)] on\r\na NO [METADATA MAXSIZE 9] no\r\n\
        a OK [MESSAGELIMIT 9 5] ok\r\na NO [BADEVENT (MessageNew)] no\r\n* OK [NOUPDATE \"B\"] no\r\n\
        * CAPABILITY IMAP4rev2 APPENDLIMIT=5 THREAD=REFS QUOTA=RES-STORAGE RIGHTS=texk AUTH=PLAIN\r\n* 7 UIDFETCH (FLAGS ())\r\n";

    const FURTHER_COMMANDS: &[u8] = b"a SELECT x (CONDSTORE QRESYNC (7 9 1:5 (1,2 3,4)))\r\na UNAUTHENTICATE\r\n\
        a LIST (SUBSCRIBED RECURSIVEMATCH X (y)) \"\" (a b*) RETURN (CHILDREN STATUS (SIZE) METADATA (/a) Z)\r\n\
        a UID SEARCH RETURN (SAVE PARTIAL 1:5) $ MODSEQ \"/flags/x\" all 5 OLDER 9 SAVEDON 1-Feb-2020 FUZZY (TEXT a NEW)\r\n\
        a UID SORT RETURN (COUNT) (REVERSE DATE SUBJECT) UTF-8 X-GM-RAW b\r\na THREAD REFS US-ASCII UNSEEN\r\n\
        a ESEARCH IN (selected subtree (x y) mailboxes z) RETURN (ALL) EMAILID M1 FILTER f\r\na COMPRESS DEFLATE\r\n\
        a NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge)) (personal NONE)\r\na NOTIFY NONE\r\n\
        a STORE 1 (UNCHANGEDSINCE 5) -FLAGS ($a)\r\na CREATE x (USE (\\Sent))\r\na SETQUOTA \"\" (STORAGE 5)\r\na GETQUOTA a\r\n\
        a SETACL x kim +lr\r\na LISTRIGHTS x kim\r\na GETMETADATA (MAXSIZE 5 DEPTH infinity) x (/a /b)\r\n\
        a SETMETADATA x (/a \"v\" /b NIL)\r\na CANCELUPDATE \"A1\" \"A2\"\r\na UIDBATCHES 5 1:2\r\na GETJMAPACCESS\r\n\
        a APPEND x (\\Seen) {3+}\r\nabc {2+}\r\nde UTF8 (~{1+}\r\nf)\r\na UID REPLACE 5 x ~{1+}\r\ny\r\na XLIST a b\r\na LSUB a %\r\n";

    const COMMANDS: &[u8] =
        b"a LOGIN me {3+}\r\np w\r\nb UID FETCH 1:3,7:* (FLAGS BODY.PEEK[HEADER.FIELDS (FROM)]<0.5>)\r\n\
        c SELECT \"a b\"\r\nd UID STORE 1 +FLAGS.SILENT (\\Seen)\r\ne SEARCH OR SEEN NOT UID 1:*\r\n\
        f APPEND x (\\Seen) {3+}\r\nabc\r\ng LIST \"\" *\r\nh STATUS x (MESSAGES)\r\ni ENABLE CONDSTORE\r\n";

    #[test]
    fn seeds_pass() {
        for seed in [RESPONSES, EXTENSIONS] {
            responses_survive_being_written(seed);
        }
        for seed in [COMMANDS, FURTHER_COMMANDS] {
            commands_survive_being_written(seed);
        }
    }

    #[test]
    fn seeds_are_read() {
        let mut read = 0;
        for_each_frame(Framer::responses(Limits::RESPONSES), RESPONSES, |frame| {
            read += usize::from(response::parse(frame.to_vec(), ParseOptions::default()).is_ok());
        });
        assert_eq!(read, 16);
        let mut read = 0;
        for_each_frame(Framer::responses(Limits::RESPONSES), EXTENSIONS, |frame| {
            let parsed = response::parse(frame.to_vec(), ParseOptions::STRICT);
            assert!(parsed.is_ok(), "{}: {parsed:?}", shown(frame));
            read += 1;
        });
        assert_eq!(read, 23);
        let mut read = 0;
        for_each_frame(Framer::commands(Limits::COMMANDS), COMMANDS, |frame| {
            read += usize::from(TaggedCommand::parse(frame.to_vec(), ParseOptions::default()).is_ok());
        });
        assert_eq!(read, 9);
        let mut read = 0;
        for_each_frame(Framer::commands(Limits::COMMANDS), FURTHER_COMMANDS, |frame| {
            let parsed = TaggedCommand::parse(frame.to_vec(), ParseOptions::STRICT);
            assert!(parsed.is_ok(), "{}: {parsed:?}", shown(frame));
            read += 1;
        });
        assert_eq!(read, 25);
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
        let lines = |seed: &'static [u8]| seed.split_inclusive(|byte| *byte == b'\n');
        let failed = lines(EXTENSIONS).flat_map(|line| damaged(line, responses_survive_being_written));
        assert_eq!(failed.collect::<Vec<_>>(), [""; 0]);
        let failed = lines(FURTHER_COMMANDS).flat_map(|line| damaged(line, commands_survive_being_written));
        assert_eq!(failed.collect::<Vec<_>>(), [""; 0]);
    }
}
