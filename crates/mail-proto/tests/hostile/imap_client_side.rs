//! What a server may send.

use std::time::Instant;

use mail_proto::{
    frame::{Event, Framer, Limits},
    imap::{
        SequenceSet,
        client::{ClientSession, Config, Credentials, Request, Security, Session},
        command::Command,
        fetch::{FetchItem, Section},
        response::{ParseOptions, Reader, Response, Untagged},
    },
};

use crate::measure::{Input, PIECE, all_are_linear};

const NESTED: &[Input] = &[
    Input("", "(", "\r\n"),
    Input("* ", "(", "\r\n"),
    Input("* X ", "(", "\r\n"),
    Input("* X ", "()", "\r\n"),
    Input("* OK [X ", "(", "] x\r\n"),
    Input("* OK [BADCHARSET ", "(", "] x\r\n"),
    Input("* OK ", "[", " x\r\n"),
    Input("* 1 FETCH ", "(", "\r\n"),
    Input("* 1 FETCH (X ", "(", ")\r\n"),
    Input("* 1 FETCH (X ", "(\")\" ", ")\r\n"),
    Input("* 1 FETCH (", ")", "\r\n"),
    Input("* 1 FETCH (BODYSTRUCTURE ", "(", ")\r\n"),
    Input("* 1 FETCH (BODY ", "(NIL ", ")\r\n"),
    Input("* 1 FETCH (BODYSTRUCTURE (", "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1)", " \"MIXED\"))\r\n"),
    Input(
        "* 1 FETCH (BODYSTRUCTURE ",
        "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 9 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ",
        ")\r\n",
    ),
    Input(
        "* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1 NIL NIL NIL NIL ",
        "(",
        ")\r\n",
    ),
    Input("* 1 FETCH (BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (", "\"a\" \"b\" ", "\"a\" \"b\")))\r\n"),
    Input("* 1 FETCH (ENVELOPE ", "(", ")\r\n"),
    Input("* 1 FETCH (ENVELOPE (NIL NIL ", "(", ")\r\n"),
    Input("* 1 FETCH (ENVELOPE (NIL NIL (", "(NIL NIL NIL NIL)", ") NIL NIL NIL NIL NIL NIL NIL))\r\n"),
    Input("* 1 FETCH (ENVELOPE (NIL NIL (", "(NIL NIL \"g\" NIL)", ") NIL NIL NIL NIL NIL NIL NIL))\r\n"),
    Input("* 1 FETCH (ENVELOPE (NIL NIL (", "()", ") NIL NIL NIL NIL NIL NIL NIL))\r\n"),
    Input("* THREAD ", "(", "\r\n"),
    Input("* THREAD ", "(1 ", "\r\n"),
    Input("* THREAD ", "(1)", "\r\n"),
    Input("* THREAD (", "(1 (2)(3))", ")\r\n"),
    Input("* NAMESPACE ", "(", "\r\n"),
    Input("* NAMESPACE (", "(\"a\" \"/\")", ") NIL NIL\r\n"),
    Input("* LIST () \"/\" a ", "(", "\r\n"),
    Input("* LIST () \"/\" a (", "\"X\" (a) ", "\"X\" ())\r\n"),
    Input("* LIST ", "(", "\r\n"),
    Input("* STATUS a (X ", "(", ")\r\n"),
    Input("* ESEARCH (TAG \"a\") X ", "(", "\r\n"),
    Input("* METADATA a (/x ", "(", ")\r\n"),
];

const LITERALS: &[Input] = &[
    Input("", "{0}\r\n", "\r\n"),
    Input("* X ", "{0}\r\n", "\r\n"),
    Input("* X ", "{0}\r\n ", "\r\n"),
    Input("* X ", "{1}\r\na", "\r\n"),
    Input("* 1 FETCH (", "BODY[] {0}\r\n ", "UID 1)\r\n"),
    Input("* 1 FETCH (", "{0}\r\n", ")\r\n"),
    Input("* 1 FETCH (BODY[] {", "9", "}\r\n"),
    Input("* OK ", "{0}", "\r\n"),
    Input("* 1 FETCH (BODY[] {4294967295}\r\n", "\r\n", ""),
    Input("* 1 FETCH (BODY[] {4294967295}\r\n", "x", ""),
    Input("", "* 1 FETCH (BODY[] {100000}\r\n", ""),
    Input("", "{", "\r\n"),
    Input("* X ", "{1", "\r\n"),
    Input("* X ", "~{0}\r\n", "\r\n"),
];

const STRINGS: &[Input] = &[
    Input("", "\"", "\r\n"),
    Input("* X ", "\"", "\r\n"),
    Input("* X ", "\"a\" ", "\r\n"),
    Input("* X ", "\\", "\r\n"),
    Input("* X \"", "\\\"", "\r\n"),
    Input("* LIST () \"/\" \"", "\\\"", "\"\r\n"),
    Input("* LIST () \"/\" ", "\"", "\r\n"),
    Input("* LIST () \"/\" ", "a\" ", "\r\n"),
    Input("* STATUS ", "a ", "(MESSAGES 1)\r\n"),
    Input("* 1 FETCH (", "\"", ")\r\n"),
    Input("* 1 FETCH (X \"", "\\\"", ")\r\n"),
    Input("* 1 FETCH (", "BODY[\"", ")\r\n"),
    Input("* 1 FETCH (", "BODY[ ", ")\r\n"),
    Input("* 1 FETCH (BODY[HEADER.FIELDS (", "a ", "a)] NIL)\r\n"),
    Input("* 1 FETCH (BODY[", "1.", "1] NIL)\r\n"),
    Input("* 1 FETCH (ENVELOPE (NIL \"", "\\\\", "\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"),
    Input("* 1 FETCH (ENVELOPE (", "\"a\" ", "))\r\n"),
    Input("* 1 FETCH (INTERNALDATE \"", "1", "\")\r\n"),
    Input("* 1 FETCH (X-GM-LABELS (", "\"a\\\\\" ", "b))\r\n"),
    Input("* OK ", "\u{e9}", "\r\n"),
    Input("* OK [X ", "\"", "] x\r\n"),
    Input("* OK [", "ALERT ", "\r\n"),
    Input("+ ", "\"", "\r\n"),
    Input("+ ", "A", "\r\n"),
    Input("A1 ", "OK ", "\r\n"),
    Input("", "A", " OK x\r\n"),
];

const LISTS: &[Input] = &[
    Input("* FLAGS (", "\\Seen ", "a)\r\n"),
    Input("* FLAGS (", "a ", "a)\r\n"),
    Input("* OK [PERMANENTFLAGS (", "b ", "a)] x\r\n"),
    Input("* 1 FETCH (FLAGS (", "a ", "a))\r\n"),
    Input("* 1 FETCH (FLAGS (", "\\Seen ", "a))\r\n"),
    Input("* 1 FETCH (FLAGS (", "\\a\\", "))\r\n"),
    Input("* 1 FETCH (", "FLAGS () ", "UID 1)\r\n"),
    Input("* 1 FETCH (", "UID 1 ", "UID 1)\r\n"),
    Input("* 1 FETCH (", "UID 1 UID 2 ", "UID 1)\r\n"),
    Input("* 1 FETCH (", "X y ", "UID 1)\r\n"),
    Input("* 1 FETCH (", "UID x ", "UID 1)\r\n"),
    Input("* 1 FETCH (X-GM-LABELS (", "a ", "a))\r\n"),
    Input("* LIST (", "\\a ", "\\a) \"/\" a\r\n"),
    Input("* CAPABILITY", " A", "\r\n"),
    Input("* CAPABILITY", " AUTH=A", "\r\n"),
    Input("* CAPABILITY", "  ", "\r\n"),
    Input("* ENABLED", " A", "\r\n"),
    Input("* OK [CAPABILITY", " A", "] x\r\n"),
    Input("* ID (", "\"a\" NIL ", "\"a\" NIL)\r\n"),
    Input("* STATUS a (", "MESSAGES 1 ", "MESSAGES 1)\r\n"),
    Input("* STATUS a (", "X 1 ", "MESSAGES 1)\r\n"),
    Input("* QUOTA a (", "STORAGE 1 2 ", "STORAGE 1 2)\r\n"),
    Input("* QUOTAROOT a", " b", "\r\n"),
    Input("* ACL a", " b c", "\r\n"),
    Input("* LISTRIGHTS a b", " c", "\r\n"),
    Input("* METADATA a (", "/b NIL ", "/b NIL)\r\n"),
    Input("* METADATA a", " /b", "\r\n"),
    Input("* ESEARCH", " COUNT 1", "\r\n"),
    Input("* ESEARCH", " ADDTO (0 1)", "\r\n"),
    Input("* ESEARCH ALL ", "1:2,", "1\r\n"),
    Input("* VANISHED ", "1,", "1\r\n"),
    Input("* VANISHED ", "1:4294967295,", "1\r\n"),
    Input("* OK [COPYUID 1 ", "1,", "1 1] x\r\n"),
    Input("* UIDBATCHES (TAG \"a\") ", "2:1,", "1\r\n"),
    Input("* SEARCH", " 1", "\r\n"),
    Input("* SEARCH", "  1", "\r\n"),
    Input("* SEARCH", " x", "\r\n"),
    Input("* SORT", " 1", " (MODSEQ 1)\r\n"),
];

const DIGITS_AND_LINES: &[Input] = &[
    Input("", "1", "\r\n"),
    Input("* ", "1", " EXISTS\r\n"),
    Input("* ", "1", " FETCH (UID 1)\r\n"),
    Input("* SEARCH ", "1", "\r\n"),
    Input("* STATUS a (MESSAGES ", "1", ")\r\n"),
    Input("* 1 FETCH (UID ", "1", ")\r\n"),
    Input("* 1 FETCH (MODSEQ (", "1", "))\r\n"),
    Input("* 1 FETCH (BODY[", "1", "] NIL)\r\n"),
    Input("* OK [UIDNEXT ", "1", "] x\r\n"),
    Input("* VANISHED ", "1", "\r\n"),
    Input("* THREAD (", "1", ")\r\n"),
    Input("* QUOTA a (STORAGE ", "1", " 1)\r\n"),
    Input("", "\r\n", ""),
    Input("", "\r", "\r\n"),
    Input("", "\n", ""),
    Input("", "\0", "\r\n"),
    Input("", " ", "\r\n"),
    Input("", "*\r\n", ""),
    Input("", "* \r\n", ""),
    Input("", "* 1 EXISTS\r\n", ""),
    Input("", "* 1 EXPUNGE\r\n", ""),
    Input("* 100000 EXISTS\r\n", "* 1 EXPUNGE\r\n", ""),
    Input("* 4294967295 EXISTS\r\n", "* 1 FETCH (UID 1)\r\n* 3 FETCH (UID 9)\r\n", ""),
    Input("", "* 1 FETCH (UID 1 BODY[] {5}\r\nabcde)\r\n", ""),
    Input("", "* OK [CLOSED] x\r\n", ""),
    Input("", "+ \r\n", ""),
    Input("", "* OK\r\n", ""),
    Input("* BYE", " x", "\r\n"),
];

/// All of it: the framer, the grammar, tolerantly and strictly, what users look at, and the way back to the wire.
fn read(input: &[u8]) {
    for (options, kept) in [(ParseOptions::default(), 64 << 10), (ParseOptions::STRICT, 2)] {
        let mut limits = Limits::RESPONSES;
        limits.kept_literal = kept;
        let mut framer = Framer::responses(limits);
        let mut reader = Reader::new(options);
        for piece in input.chunks(PIECE) {
            framer.buffer().extend_from_slice(piece);
            while let Ok(Some(event)) = framer.next_event() {
                if let Event::Segment(segment) = event
                    && let Ok(parsed) = reader.segment(segment)
                {
                    look_at(&parsed.value);
                }
            }
        }
    }
}

fn look_at(response: &Response) {
    let _ = response.encode();
    let Response::Untagged(untagged) = response else { return };
    match untagged {
        Untagged::Fetch(fetch) => {
            for item in fetch.items() {
                let _ = item;
            }
            if let Some(envelope) = fetch.envelope() {
                let _ = envelope.to_buf();
            }
            if let Some(structure) = fetch.body_structure() {
                assert!(structure.walk().count() > 0);
                let _ = structure.to_buf();
            }
        }
        Untagged::Thread(threads) => assert!(threads.count() <= threads.nodes().len()),
        _ => {}
    }
}

/// A session that is logged in, and waits for the answer to a FETCH.
fn session(input: &[u8]) {
    let now = Instant::now();
    let config = Config::new(Security::Plaintext, Credentials::password("kim", "secret"));
    let mut session = Session::new(config, now);
    session.buffer().extend_from_slice(b"* OK [CAPABILITY IMAP4rev1] hi\r\n");
    let set = SequenceSet::all();
    let body = FetchItem::Body { section: Section::all(), peek: true, partial: None };
    let fetch = Command::uid_fetch(set, [FetchItem::Uid, body]);
    for request in [Request::new(Command::examine("INBOX")), Request::new(fetch)] {
        session.submit(request);
        for _ in 0..4 {
            while session.next_event().unwrap().is_some() {}
            let Some(written) = session.transmit() else { break };
            let line = String::from_utf8_lossy(&written).into_owned();
            let Some((tag, command)) = line.split_once(' ') else { continue };
            if !command.contains("FETCH") {
                let answer = format!("* 3 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n{tag} OK [READ-ONLY] done\r\n");
                session.buffer().extend_from_slice(answer.as_bytes());
            }
        }
    }
    assert!(session.is_ready());
    for piece in input.chunks(PIECE) {
        session.buffer().extend_from_slice(piece);
        session.received(now);
        while let Ok(Some(_)) = session.next_event() {}
    }
    session.closed();
    while let Ok(Some(_)) = session.next_event() {}
    let _ = session.take_lost();
}

macro_rules! tests {
    ($($name:ident: $inputs:ident,)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn grammar() {
                all_are_linear($inputs, read);
            }

            #[test]
            fn session() {
                all_are_linear($inputs, super::session);
            }
        })*
    };
}

tests! {
    nesting: NESTED,
    literals: LITERALS,
    strings: STRINGS,
    lists: LISTS,
    digits_and_lines: DIGITS_AND_LINES,
}
