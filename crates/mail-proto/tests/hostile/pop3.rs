//! What a POP3 server may send, and a client.

use std::time::Instant;

use mail_proto::pop3::{
    AnswerForm, Capability, Command, CommandReader, DropListing, Event, Framer, Limits, ParseOptions, Reply,
    ScanListing, UniqueId,
    client::{ClientSession, Config, Credentials, Security, Session},
};

use crate::measure::{Input, PIECE, all_are_linear};

const ANSWERS: &[Input] = &[
    Input("+OK ", "x", "\r\n"),
    Input("+OK ", "<", "\r\n"),
    Input("+OK ", "<", ">\r\n"),
    Input("+OK ", "<a@", ">\r\n"),
    Input("+OK ", "<>", "\r\n"),
    Input("+OK ", "<a@b@c>", "\r\n"),
    Input("+OK [", "[", "]\r\n"),
    Input("+OK [", "a", "] x\r\n"),
    Input("-ERR ", "[a] ", "\r\n"),
    Input("+OK ", "1", "\r\n"),
    Input("+OK ", "1 ", "\r\n"),
    Input("+ ", "AAAA", "\r\n"),
    Input("", "+", "\r\n"),
    Input("+OK\r\n", "1 2\r\n", ".\r\n"),
    Input("+OK\r\n", "1", " 2\r\n.\r\n"),
    Input("+OK\r\n", "SASL A\r\n", ".\r\n"),
    Input("+OK\r\nSASL", " A", "\r\n.\r\n"),
    Input("+OK\r\n", ".", "\r\n.\r\n"),
    Input("+OK\r\n", "..\r\n", ".\r\n"),
    Input("+OK\r\n", "\r\n.", "\r\n"),
    Input("+OK\r\n", "\r\n", ".\r\n"),
    Input("+OK\r\n", "\n.\n", ".\r\n"),
    Input("+OK\r\n", "\r", ""),
    Input("+OK\r\n", "\n", ""),
    Input("+OK\n", "\n", ".\n"),
    Input("+OK\r\n", "x", ""),
    Input("+OK\r\n", "(", "\r\n.\r\n"),
    Input("", "+OK\r\n", ""),
    Input("", "-ERR\r\n", ""),
    Input("", "\r\n", ""),
    Input("", "x", ""),
];

/// Lines of a megabyte, where by default they may have 64 KiB.
fn limits() -> Limits {
    Limits { line: 4 << 20, ..Limits::default() }
}

fn read(input: &[u8]) {
    for (form, limits) in [
        (AnswerForm::Nothing, limits()),
        (AnswerForm::Lines, limits()),
        (AnswerForm::Message, limits()),
        (AnswerForm::Lines, Limits::default()),
    ] {
        let mut framer = Framer::new(limits);
        for piece in input.chunks(PIECE) {
            framer.buffer().extend_from_slice(piece);
            while let Ok(Some(event)) = framer.next_event() {
                let (Event::Status(line) | Event::Line(line)) = event else { continue };
                if let Ok(reply) = Reply::parse(line.clone(), ParseOptions::default()) {
                    if reply.value.is_ok() {
                        framer.expect(form);
                    }
                    let _ = (reply.value.apop_timestamp(), reply.value.encode());
                    let _ = DropListing::parse(&reply.value, ParseOptions::default());
                }
                let _ = ScanListing::parse(line.clone(), ParseOptions::default());
                let _ = UniqueId::parse(line.clone(), ParseOptions::default());
                let _ = Capability::parse(line).encode();
            }
        }
    }
}

#[test]
fn answers_are_read_in_linear_time() {
    all_are_linear(ANSWERS, read);
}

/// As greeting, as answer to CAPA, and as answer to RETR and LIST.
fn session(input: &[u8]) {
    for before in ["", "+OK hi\r\n", "+OK hi\r\n-ERR\r\n+OK\r\n+OK\r\n"] {
        let now = Instant::now();
        let mut config = Config::new(Security::Plaintext, Credentials::password("kim", "secret"));
        config.limits = limits();
        let mut session = Session::new(config, now);
        session.submit(Command::Retr(1));
        session.submit(Command::Uidl(None));
        for piece in before.as_bytes().split_inclusive(|byte| *byte == b'\n').chain(input.chunks(PIECE)) {
            session.buffer().extend_from_slice(piece);
            session.received(now);
            while let Ok(Some(_)) = session.next_event() {}
            while session.transmit().is_some() {}
        }
        session.closed();
        while let Ok(Some(_)) = session.next_event() {}
        assert!(!session.take_lost().is_empty() || !before.is_empty());
    }
}

#[test]
fn sessions_read_in_linear_time() {
    all_are_linear(ANSWERS, session);
}

const COMMANDS: &[Input] = &[
    Input("USER ", "x", "\r\n"),
    Input("PASS ", " ", "\r\n"),
    Input("AUTH PLAIN ", "AAAA", "\r\n"),
    Input("AUTH ", " ", "\r\n"),
    Input("RETR ", "1", "\r\n"),
    Input("LIST ", " ", "1\r\n"),
    Input("", "NOOP\r\n", ""),
    Input("", "x", ""),
    Input("", "\r", ""),
    Input("", "\n", ""),
];

#[test]
fn commands_are_read_in_linear_time() {
    all_are_linear(COMMANDS, |input| {
        let mut reader = CommandReader::new(4 << 20);
        for piece in input.chunks(PIECE) {
            reader.buffer().extend_from_slice(piece);
            while let Ok(Some(line)) = reader.next_line() {
                if let Ok(command) = Command::parse(line) {
                    let _ = command.encode();
                }
            }
        }
    });
}
