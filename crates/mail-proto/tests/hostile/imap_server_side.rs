//! What a client may send, to a server that takes commands of any length.

use mail_proto::{
    frame::{Event, Framer, Limits},
    imap::{
        MailboxName, SequenceSet,
        command::TaggedCommand,
        encode::{EncodeOptions, Literals},
        response::ParseOptions,
    },
};

use crate::measure::{Input, PIECE, all_are_linear};

const COMMANDS: &[Input] = &[
    Input("a SEARCH ", "(", "\r\n"),
    Input("a SEARCH ", "NOT ", "ALL\r\n"),
    Input("a SEARCH ", "FUZZY ", "ALL\r\n"),
    Input("a SEARCH ", "OR ALL ", "ALL\r\n"),
    Input("a SEARCH ", "OR ", "\r\n"),
    Input("a SEARCH ", "ALL ", "ALL\r\n"),
    Input("a SEARCH ", "(ALL) ", "ALL\r\n"),
    Input("a SEARCH TEXT ", "\"", "\r\n"),
    Input("a SEARCH TEXT \"", "\\\"", "\"\r\n"),
    Input("a SEARCH ", "TEXT {1}\r\na ", "ALL\r\n"),
    Input("a SEARCH RETURN (", "ALL ", "ALL) ALL\r\n"),
    Input("a SORT (", "DATE ", "DATE) UTF-8 ALL\r\n"),
    Input("a FETCH ", "1,", "1 FLAGS\r\n"),
    Input("a FETCH ", "1:*,", "1 FLAGS\r\n"),
    Input("a FETCH ", "1", " FLAGS\r\n"),
    Input("a FETCH 1 (", "FLAGS ", "UID)\r\n"),
    Input("a FETCH 1 ", "(", "\r\n"),
    Input("a FETCH 1 (BODY[", "1.", "1])\r\n"),
    Input("a FETCH 1 BODY[HEADER.FIELDS (", "a ", "a)]\r\n"),
    Input("a FETCH 1 BODY[HEADER.FIELDS ", "(", ")]\r\n"),
    Input("a STORE 1 FLAGS (", "\\Seen ", "a)\r\n"),
    Input("a STORE 1 FLAGS ", "a ", "a\r\n"),
    Input("a LIST \"\" (", "a ", "a)\r\n"),
    Input("a LIST ", "(", "\r\n"),
    Input("a LIST (X ", "(", ") \"\" a\r\n"),
    Input("a LIST \"\" a RETURN (STATUS (", "SIZE ", "SIZE))\r\n"),
    Input("a ID (", "\"a\" NIL ", "\"a\" NIL)\r\n"),
    Input("a ID ", "(", "\r\n"),
    Input("a ENABLE", " A", "\r\n"),
    Input("a NOTIFY SET ", "(", "\r\n"),
    Input("a NOTIFY SET ", "(personal NONE) ", "(personal NONE)\r\n"),
    Input("a NOTIFY SET (mailboxes (", "a ", "a) NONE)\r\n"),
    Input("a NOTIFY SET (selected (", "FlagChange ", "FlagChange))\r\n"),
    Input("a LOGIN ", "{0}\r\n", "\r\n"),
    Input("a LOGIN \"", "\\\\", "\" x\r\n"),
    Input("a LOGIN kim {1000000+}\r\n", "x", "\r\n"),
    Input("a AUTHENTICATE PLAIN ", "AAAA", "\r\n"),
    Input("a APPEND x ", "{1+}\r\nx ", "{1+}\r\nx\r\n"),
    Input("a APPEND x (", "\\Seen ", "a) {1+}\r\nx\r\n"),
    Input("a APPEND x CATENATE ", "(", "\r\n"),
    Input("a SETMETADATA x (", "/a NIL ", "/a NIL)\r\n"),
    Input("a GETMETADATA x (", "/a ", "/a)\r\n"),
    Input("a SETQUOTA x (", "STORAGE 1 ", "STORAGE 1)\r\n"),
    Input("a ESEARCH IN (", "mailboxes x ", "selected) ALL\r\n"),
    Input("a ESEARCH IN ", "(", "\r\n"),
    Input("a SELECT x (QRESYNC (1 1 ", "1,", "1))\r\n"),
    Input("a SELECT ", "(", "\r\n"),
    Input("a CANCELUPDATE", " \"a\"", "\r\n"),
    Input("a THREAD X UTF-8 ", "(", "\r\n"),
    Input("", "a", " NOOP\r\n"),
    Input("", "a NOOP\r\n", ""),
    Input("", "\r\n", ""),
    Input("", " ", "\r\n"),
    Input("", "{0}\r\n", "\r\n"),
    Input("a ", "{0+}\r\n", "\r\n"),
    Input("a ", "X", "\r\n"),
];

fn read(input: &[u8]) {
    for options in [ParseOptions::default(), ParseOptions::STRICT] {
        let mut limits = Limits::RESPONSES;
        limits.literals = usize::MAX;
        let mut framer = Framer::commands(limits);
        for piece in input.chunks(PIECE) {
            framer.buffer().extend_from_slice(piece);
            while let Ok(Some(event)) = framer.next_event() {
                let Event::Segment(segment) = event else { continue };
                if let Ok(parsed) = TaggedCommand::parse(segment.bytes, options) {
                    let _ = parsed.value.command.encode("a", EncodeOptions::literals(Literals::Any));
                }
            }
        }
    }
}

#[test]
fn commands_are_read_and_written_in_linear_time() {
    all_are_linear(COMMANDS, read);
}

const NAMES: &[Input] = &[
    Input("", "&", ""),
    Input("", "&-", ""),
    Input("", "&AOk-", ""),
    Input("&", "AOkA", "-"),
    Input("&", "A", ""),
    Input("", "&A", "-"),
    Input("", "\u{e9}", ""),
    Input("", "\u{e9}a", ""),
    Input("", "/", ""),
];

#[test]
fn names_are_decoded_and_encoded_in_linear_time() {
    all_are_linear(NAMES, |input| {
        let name = MailboxName::from_wire(input.to_vec());
        let _ = (name.to_text(), name.to_string());
        let _ = MailboxName::new(&String::from_utf8_lossy(input));
    });
}

const SETS: &[Input] = &[
    Input("", "1,", "1"),
    Input("", "5:1,", "1"),
    Input("", "1:*,", "1"),
    Input("", "1:4294967295,", "1"),
    Input("", "1", ""),
    Input("", "*,", "*"),
    Input("", "2,1,", "9"),
    Input("", ",", ""),
    Input("", ":", ""),
];

#[test]
fn sets_are_read_compared_and_written_in_linear_time() {
    all_are_linear(SETS, |input| {
        let Ok(set) = std::str::from_utf8(input).unwrap().parse::<SequenceSet>() else { return };
        let _ = (set.to_string(), set.len(), set.overlaps(&set), set.contains(7), set.is_open());
        assert!(set.ranges(9).count() > 0);
    });
}
