use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    ArgumentError,
    frame::FrameError,
    generated::{assert_every_variant_is_generated, singly},
    secret::Secret,
};

fn reply(line: &'static str) -> Reply {
    Reply::parse(line, ParseOptions::default()).unwrap().value
}

#[test]
fn codes_are_read_where_they_are_codes() {
    for (line, code, text) in [
        ("-ERR [in-use] busy\r\n", Some(Code::InUse), "busy"),
        ("-ERR[AUTH]no\r\n", Some(Code::Auth), "no"),
        ("+OK [X/y] hi\r\n", Some(Code::Other("X/Y".into())), "hi"),
        ("-ERR user [IN-USE] x\r\n", None, "user [IN-USE] x"),
        ("+OK [my server] hi\r\n", None, "[my server] hi"),
        ("+OK [IN-USE\r\n", None, "[IN-USE"),
        ("+OK []\r\n", None, "[]"),
        ("-ERR [SYS/TEMP]\r\n", Some(Code::SysTemp), ""),
    ] {
        let reply = reply(line);
        assert_eq!((reply.code, &reply.text[..]), (code, text.as_bytes()), "{line}");
    }
    for line in ["", "\r\n", "+OKAY\r\n", "OK\r\n", "220 smtp.example ESMTP\r\n", "+K\r\n", " +OK\r\n"] {
        assert!(Reply::parse(line, ParseOptions::default()).is_err(), "{line:?}");
    }
    assert!(Reply::parse("-ERR[AUTH] no\r\n", ParseOptions::STRICT).is_err());
    assert!(Reply::parse("-ERR [AUTH] no\r\n", ParseOptions::STRICT).is_ok());
}

#[test]
fn a_timestamp_has_the_form_of_a_message_id() {
    for (line, timestamp) in [
        ("+OK hi <1@h>\r\n", Some("<1@h>")),
        ("+OK <info> ready <9.8@h>\r\n", Some("<9.8@h>")),
        ("+OK <a<1@h>>\r\n", Some("<1@h>")),
        ("+OK <1 2@h>\r\n", None),
        ("+OK <@h> <1@> <1@h@i> <\u{e9}@h>\r\n", None),
        ("+OK <1@h\r\n", None),
    ] {
        assert_eq!(reply(line).apop_timestamp().as_deref(), timestamp.map(str::as_bytes), "{line}");
    }
}

#[test]
fn what_would_end_a_command_is_refused_before_anything_is_sent() {
    let line_break = |what| Err(ArgumentError::LineBreak { what });
    for bad in ["a\r\nDELE 1", "a\n", "\0"] {
        assert_eq!(Command::User(bad.into()).encode(), line_break("user name"));
        assert_eq!(Command::Pass(bad.into()).encode(), line_break("password"));
        assert!(Command::Lang(Some(bad.into())).encode().is_err());
        assert!(Reply::new(ReplyKind::Ok, bad).encode().is_err());
    }
    let user = "kim smith".into();
    let digest = "00".into();
    let forbidden = Err(ArgumentError::ForbiddenByte { what: "user name" });
    assert_eq!(Command::Apop { user, digest }.encode(), forbidden);
}

/// What comes of the pieces, adjacent chunks joined, when each `+OK` is followed by `form`.
fn events(form: AnswerForm, pieces: &[&[u8]], limits: &Limits) -> (Vec<Event>, Option<FrameError>) {
    let mut framer = Framer::new(limits.clone());
    let mut events = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next_event() {
                Ok(Some(event)) => {
                    if matches!(&event, Event::Status(line) if line.starts_with(b"+OK")) {
                        framer.expect(form);
                    }
                    match (events.last_mut(), event) {
                        (Some(Event::Chunk(last)), Event::Chunk(more)) => {
                            *last = [&last[..], &more[..]].concat().into();
                        }
                        (_, event) => events.push(event),
                    }
                }
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

#[test]
fn message_numbers_begin_at_one_and_stand_alone() {
    let read = |line: &'static str, strict| {
        let options = if strict { ParseOptions::STRICT } else { ParseOptions::default() };
        Command::parse_with(line, options).map(|parsed| (parsed.value, parsed.quirks.len()))
    };
    assert_eq!(read("RETR 1\r\n", true).unwrap(), (Command::Retr(1), 0));
    for line in ["RETR 0\r\n", "RETR\r\n", "RETR 4294967296\r\n", "RETR -1\r\n"] {
        assert!(read(line, false).is_err(), "{line}");
    }
    let total = |options| {
        let reply = reply("+OK 2 320 octets\r\n");
        DropListing::parse(&reply, options).map(|parsed| (parsed.value.octets, parsed.quirks.len()))
    };
    assert_eq!(total(ParseOptions::default()).unwrap(), (320, 1));
    assert!(total(ParseOptions::STRICT).is_err());
}

#[test]
fn limits_end_the_stream() {
    let limits = Limits { line: 10, answer: 5 };
    let fails = |form, input: &[u8]| events(form, &[input], &limits).1.unwrap();
    assert_eq!(fails(AnswerForm::Nothing, b"+OK 4567890"), FrameError::TextTooLong { limit: 10 });
    assert_eq!(fails(AnswerForm::Lines, b"+OK\r\n1 2\r\n3 4\r\n"), FrameError::FrameTooLong { limit: 5 });
    assert_eq!(fails(AnswerForm::Message, b"+OK\r\nabcdef"), FrameError::FrameTooLong { limit: 5 });
}

#[test]
fn a_message_passes_without_a_copy() {
    let mut framer = Framer::new(Limits::default());
    framer.buffer().extend_from_slice(b"+OK\r\n");
    framer.next_event().unwrap();
    framer.expect(AnswerForm::Message);
    framer.buffer().extend_from_slice(&b"0123456789\r\n".repeat(1000));
    let place = framer.buffer().as_ptr();
    let Ok(Some(Event::Chunk(chunk))) = framer.next_event() else { panic!("a chunk") };
    assert_eq!((chunk.len(), chunk.as_ptr()), (12_000, place));
}

fn text() -> impl Strategy<Value = Bytes> {
    "[^\r\n\0]{0,12}".prop_map(Bytes::from)
}

fn word() -> impl Strategy<Value = Bytes> {
    "[!-~]{1,12}".prop_map(Bytes::from)
}

fn secret() -> impl Strategy<Value = Secret> {
    "[^\r\n\0]{0,12}".prop_map(Secret::from)
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        "[^\r\n\0]{1,12}".prop_map(|user| Command::User(user.into())),
        secret().prop_map(Command::Pass),
        (word(), word().prop_map(Secret::new)).prop_map(|(user, digest)| Command::Apop { user, digest }),
        ("[A-Z0-9-]{1,20}", proptest::option::of(secret()))
            .prop_map(|(mechanism, initial)| Command::Auth { mechanism: mechanism.into(), initial }),
        proptest::option::of(word()).prop_map(Command::Lang),
        proptest::option::of(1..=u32::MAX).prop_map(Command::List),
        proptest::option::of(1..=u32::MAX).prop_map(Command::Uidl),
        (1..=u32::MAX, any::<u32>()).prop_map(|(number, lines)| Command::Top { number, lines }),
        (1..=u32::MAX).prop_map(Command::Retr),
        (1..=u32::MAX).prop_map(Command::Dele),
        proptest::sample::select(vec![
            Command::Stls,
            Command::Capa,
            Command::Utf8,
            Command::Stat,
            Command::Noop,
            Command::Rset,
            Command::Quit,
        ]),
    ]
}

fn codes() -> impl Strategy<Value = Code> {
    let known = vec![Code::InUse, Code::LoginDelay, Code::Auth, Code::SysTemp, Code::SysPerm, Code::Utf8];
    prop_oneof![
        proptest::sample::select(known),
        "[!-Z\\\\^-~]{1,12}".prop_map(|name| Code::new(name.as_bytes()).unwrap()),
    ]
}

fn a_reply() -> impl Strategy<Value = Reply> {
    let kinds = vec![ReplyKind::Ok, ReplyKind::Err, ReplyKind::Continue];
    (proptest::sample::select(kinds), proptest::option::of(codes()), text()).prop_map(|(kind, code, text)| {
        // A challenge has no code.
        let code = code.filter(|_| kind != ReplyKind::Continue);
        Reply { kind, code, text }
    })
}

#[test]
fn text_that_looks_like_a_code_is_kept_from_being_one_where_codes_are() {
    let written = |kind| Reply::new(kind, "[X] y").encode().unwrap();
    assert_eq!(written(ReplyKind::Ok), "+OK  [X] y\r\n");
    // A challenge has none.
    assert_eq!(written(ReplyKind::Continue), "+ [X] y\r\n");
    // Nor is it one without its bracket.
    assert_eq!(Reply::new(ReplyKind::Err, "[x y").encode().unwrap(), "-ERR [x y\r\n");
    assert_eq!(Reply::new(ReplyKind::Err, "[x").encode().unwrap(), "-ERR [x\r\n");
}

#[test]
fn every_variant_is_generated() {
    assert_every_variant_is_generated!(singly(command()) => Command:
        User Pass Apop Auth Stls Capa Utf8 Lang Stat List Uidl Retr Top Dele Noop Rset Quit);
    assert_every_variant_is_generated!(singly(a_reply().prop_map(|reply| reply.kind)) => ReplyKind: Ok Err Continue);
    assert_every_variant_is_generated!(singly(codes()) => Code: InUse LoginDelay Auth SysTemp SysPerm Utf8 Other);
    assert_every_variant_is_generated!(singly(capability()) => Capability:
        Top Uidl User Sasl RespCodes AuthRespCode LoginDelay Pipelining Expire Implementation Stls Utf8 Lang Other);
}

fn capability() -> impl Strategy<Value = Capability> {
    prop_oneof![
        proptest::collection::vec(word(), 0..4).prop_map(Capability::Sasl),
        any::<u32>().prop_map(Capability::LoginDelay),
        proptest::option::of(any::<u32>()).prop_map(Capability::Expire),
        word().prop_map(Capability::Implementation),
        any::<bool>().prop_map(|user| Capability::Utf8 { user }),
        "X-[A-Z]{1,8}( [a-z]{1,4}){0,2}".prop_map(|line| Capability::Other(line.into())),
        proptest::sample::select(vec![
            Capability::Top,
            Capability::Uidl,
            Capability::User,
            Capability::RespCodes,
            Capability::AuthRespCode,
            Capability::Pipelining,
            Capability::Stls,
            Capability::Lang,
        ]),
    ]
}

proptest! {
    #[test]
    fn a_server_reads_what_a_client_wrote(command in command()) {
        let line = command.encode().unwrap();
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert_eq!(Command::parse(line).unwrap(), command);
    }

    #[test]
    fn a_client_reads_what_a_server_wrote(
        reply in a_reply(), capability in capability(), count: u64, octets: u64, number in 1..=u32::MAX,
        uid in "[!-~]{1,70}",
    ) {
        let parsed = Reply::parse(reply.encode().unwrap(), ParseOptions::STRICT);
        // Two spaces keep text that looks like a code text.
        let looks_like_code =
            reply.code.is_none() && reply.kind != ReplyKind::Continue && reply.text.starts_with(b"[");
        if !looks_like_code {
            prop_assert_eq!(parsed.unwrap().value, reply);
        } else {
            prop_assert_eq!(parsed.unwrap().value.code, None);
        }
        prop_assert_eq!(Capability::parse(capability.encode().unwrap()), capability);
        let drop = DropListing { count, octets };
        let reply = Reply::new(ReplyKind::Ok, drop.encode());
        prop_assert_eq!(DropListing::parse(&reply, ParseOptions::STRICT).unwrap().value, drop);
        let size = ScanListing { number, octets };
        prop_assert_eq!(ScanListing::parse(size.encode(), ParseOptions::STRICT).unwrap().value, size);
        let uid = UniqueId { number, uid: uid.into() };
        prop_assert_eq!(UniqueId::parse(uid.encode().unwrap(), ParseOptions::STRICT).unwrap().value, uid);
    }

    #[test]
    fn nothing_panics_and_every_split_is_read_the_same(
        bytes in proptest::collection::vec(proptest::sample::select(&b"+OK-ER\r\n. 1[]\xff<@>"[..]), 0..60),
        cut in 0..60usize,
        form in proptest::sample::select(vec![AnswerForm::Nothing, AnswerForm::Lines, AnswerForm::Message]),
    ) {
        let input = [b"+OK\r\n", &bytes[..]].concat();
        let limits = Limits { line: 20, answer: 40 };
        let whole = events(form, &[&input], &limits);
        let (head, tail) = input.split_at(cut.min(input.len()));
        let joined = |events: &[Event]| -> Vec<u8> {
            events.iter().flat_map(|event| match event {
                Event::Chunk(bytes) => bytes.to_vec(),
                other => format!("{other:?}").into_bytes(),
            }).collect()
        };
        for pieces in [&[head, tail][..], &input.chunks(1).collect::<Vec<_>>()] {
            let split = events(form, pieces, &limits);
            match &whole.1 {
                None => prop_assert_eq!(&split, &whole),
                // Of what exceeds a limit more or less may have come out before.
                Some(error) => {
                    prop_assert_eq!(split.1.as_ref(), Some(error));
                    prop_assert!(joined(&split.0).starts_with(&joined(&whole.0)));
                }
            }
        }
        for event in whole.0 {
            if let Event::Status(line) | Event::Line(line) = event {
                let _ = Command::parse(line.clone());
                let _ = Capability::parse(line.clone());
                let _ = ScanListing::parse(line.clone(), ParseOptions::default());
                let _ = UniqueId::parse(line.clone(), ParseOptions::default());
                if let Ok(reply) = Reply::parse(line, ParseOptions::default()) {
                    let _ = reply.value.apop_timestamp();
                    let _ = DropListing::parse(&reply.value, ParseOptions::default());
                }
            }
        }
    }
}
