//! What an SMTP server may send, and a client.

use std::time::Instant;

use mail_proto::{
    LoneLineBreaks, Stuffer,
    smtp::{
        Address, Command, Event, Extensions, Limits, ParseOptions, Reader, ReplyReader,
        client::{ClientSession, Config, Envelope, Security, Session},
    },
};

use crate::measure::{Input, PIECE, all_are_linear};

const REPLIES: &[Input] = &[
    Input("", "250-x\r\n", "250 x\r\n"),
    Input("", "250-\r\n", ""),
    Input("250-hi\r\n", "250-AUTH A\r\n", "250 x\r\n"),
    Input("250-hi\r\n250 AUTH", " A", "\r\n"),
    Input("250-hi\r\n250 SIZE ", "1", "\r\n"),
    Input("", "250-5.1.1 x\r\n", "250 x\r\n"),
    Input("250 ", "x", "\r\n"),
    Input("250 ", "1.", "\r\n"),
    Input("250 2.0.", "0", "\r\n"),
    Input("", "250 x\r\n", ""),
    Input("", "2", "\r\n"),
    Input("", "x", ""),
    Input("250 ", "\r", ""),
    Input("250 ", "\n", ""),
    Input("", "\r\n", ""),
    Input("334 ", "AAAA", "\r\n"),
    Input("", "421 bye\r\n", ""),
];

/// Lines of a megabyte and any number of them; and the limits by default.
fn limits() -> [Limits; 2] {
    [Limits { line: 4 << 20, lines: usize::MAX >> 32 }, Limits::default()]
}

#[test]
fn replies_are_read_in_linear_time() {
    all_are_linear(REPLIES, |input| {
        for limits in limits() {
            let mut reader = ReplyReader::new(limits, ParseOptions::default());
            for piece in input.chunks(PIECE) {
                reader.buffer().extend_from_slice(piece);
                while let Ok(Some(reply)) = reader.next_reply() {
                    let _ = (reply.value.encode(), reply.value.to_string(), Extensions::of(&reply.value));
                }
            }
        }
    });
}

/// As greeting, as answer to EHLO, and as answers to a message.
fn session(input: &[u8]) {
    for before in ["", "220 hi\r\n", "220 hi\r\n250-hi\r\n250 PIPELINING\r\n"] {
        for limits in limits() {
            let now = Instant::now();
            let mut config = Config::new(Security::Plaintext, None);
            config.limits = limits;
            let mut session = Session::new(config, now);
            let address = |name| Address::new(name).unwrap();
            session.send(Envelope::new(Some(address("kim@x")), (0..3).map(|_| address("bob@y"))));
            let said = before.as_bytes().split_inclusive(|byte| *byte == b'\n').chain(input.chunks(PIECE));
            for piece in said {
                session.buffer().extend_from_slice(piece);
                session.received(now);
                while let Ok(Some(_)) = session.next_event() {}
                while session.transmit().is_some() {}
            }
            session.closed();
            while let Ok(Some(_)) = session.next_event() {}
            let _ = session.take_lost();
        }
    }
}

#[test]
fn sessions_read_in_linear_time() {
    all_are_linear(REPLIES, session);
}

const COMMANDS: &[Input] = &[
    Input("MAIL FROM:<", "<", ">\r\n"),
    Input("MAIL FROM:<", "\"", ">\r\n"),
    Input("MAIL FROM:<\"", "\\\"", "\"@x>\r\n"),
    Input("MAIL FROM:<", "@a,", "@b:kim@x>\r\n"),
    Input("MAIL FROM:<kim@", "a.", "b>\r\n"),
    Input("MAIL FROM:<kim@x>", " A=b", "\r\n"),
    Input("MAIL FROM:<kim@x>", " SIZE=1", "\r\n"),
    Input("MAIL FROM:<kim@x> SIZE=", "1", "\r\n"),
    Input("MAIL FROM:<kim@x> ENVID=", "+2B", "\r\n"),
    Input("MAIL FROM:<kim@x>", " ", "\r\n"),
    Input("RCPT TO:<kim@x> NOTIFY=", "DELAY,", "DELAY\r\n"),
    Input("RCPT TO:<kim@x> ORCPT=rfc822;", "+", "\r\n"),
    Input("AUTH PLAIN ", "AAAA", "\r\n"),
    Input("EHLO ", "a.", "b\r\n"),
    Input("EHLO [", "1.", "]\r\n"),
    Input("BDAT ", "1", "\r\n"),
    Input("", "BDAT 1\r\nx", ""),
    Input("", "BDAT 0\r\n", ""),
    Input("BDAT 18446744073709551615\r\n", "x", ""),
    Input("", "RSET\r\n", ""),
    Input("", "x", ""),
    Input("", "\r", ""),
    Input("", "\n", ""),
    Input("DATA\r\n", "x\r\n", ".\r\n"),
    Input("DATA\r\n", "..\r\n", ".\r\n"),
    Input("DATA\r\n", ".\r", "\r\n.\r\n"),
    Input("DATA\r\n", "\r\n.", "\r\n"),
    Input("DATA\r\n", "\n.\n", "\r\n.\r\n"),
    Input("DATA\r\n", "\r", "\r\n.\r\n"),
];

#[test]
fn commands_and_messages_are_read_in_linear_time() {
    all_are_linear(COMMANDS, |input| {
        let mut reader = Reader::new(4 << 20, u64::MAX);
        for piece in input.chunks(PIECE) {
            reader.buffer().extend_from_slice(piece);
            while let Ok(Some(event)) = reader.next_event() {
                let Event::Line(line) = event else { continue };
                match Command::parse(line) {
                    Ok(Command::Data) => reader.expect_data(),
                    Ok(Command::Bdat { size, .. }) => reader.expect_chunk(size),
                    Ok(command) => drop(command.encode()),
                    Err(_) => {}
                }
            }
        }
    });
}

const TEXTS: &[Input] = &[
    Input("", ".", ""),
    Input("", "\r\n.", ""),
    Input("", "\r", ""),
    Input("", "\n", ""),
    Input("", "\n.", ""),
    Input("", "x\r\n", ""),
    Input("", "x", ""),
];

#[test]
fn messages_are_stuffed_in_linear_time() {
    all_are_linear(TEXTS, |input| {
        for size in [PIECE, usize::MAX] {
            let mut stuffer = Stuffer::new(LoneLineBreaks::Normalise);
            let mut out = Vec::new();
            for piece in input.chunks(size) {
                stuffer.push(piece.to_vec().into(), &mut out).unwrap();
            }
            stuffer.finish(&mut out).unwrap();
            let written = out.iter().map(|piece| piece.len()).sum::<usize>();
            assert!(written <= 3 * input.len() + 5, "{written}");
        }
    });
}
