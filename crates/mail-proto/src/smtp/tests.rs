use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    ArgumentError,
    frame::FrameError,
    generated::{assert_every_variant_is_generated, singly},
    secret::Secret,
};

/// The replies that come of the pieces, and why they ended.
fn replies(pieces: &[&[u8]], limits: &Limits) -> (Vec<Parsed<Reply>>, Option<ReadError>) {
    let mut reader = ReplyReader::new(limits.clone(), ParseOptions::default());
    let mut replies = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

fn reply(wire: &str) -> Reply {
    let (mut replies, error) = replies(&[wire.as_bytes()], &Limits::default());
    assert_eq!((replies.len(), error), (1, None), "{wire}");
    replies.remove(0).value
}

fn code(code: u16) -> ReplyCode {
    ReplyCode::new(code).unwrap()
}

#[test]
fn replies_have_codes_and_lines() {
    let found = reply("250-first\r\n250-\r\n250 last\r\n");
    assert_eq!((found.code, found.enhanced), (code(250), None));
    assert_eq!(found.lines, ["first", "", "last"]);
    let found = reply("550-5.1.1 no such\r\n550 5.1.1 user\r\n");
    assert_eq!(found.enhanced, Some(EnhancedCode { class: 5, subject: 1, detail: 1 }));
    assert_eq!(
        (found.to_string(), found.text_lossy()),
        ("550 5.1.1 no such user".into(), "no such\nuser".into())
    );
    for (wire, lines) in [
        ("250\r\n", vec![""]),
        ("250 5.1.1 of another class\r\n", vec!["5.1.1 of another class"]),
        ("220 2.0.0.1 version\r\n", vec!["2.0.0.1 version"]),
        ("220 2.0 version\r\n", vec!["2.0 version"]),
        ("250-2.0.0 a\r\n250 b\r\n", vec!["a", "b"]),
        ("421 bye\n", vec!["bye"]),
    ] {
        assert_eq!(reply(wire).lines, lines, "{wire}");
    }
}

#[test]
fn what_is_no_reply_ends_the_stream() {
    for wire in [
        "+OK hi\r\n",
        "25\r\n",
        "2500 x\r\n",
        "150 x\r\n",
        "600 x\r\n",
        "250-a\r\n251 b\r\n",
        "250_x\r\n",
        "\r\n",
    ] {
        let (_, error) = replies(&[wire.as_bytes()], &Limits::default());
        assert!(matches!(error, Some(ReadError::Parse(_))), "{wire}");
    }
    let limits = Limits { line: 10, lines: 2 };
    let fails = |wire: &[u8]| replies(&[wire], &limits).1;
    assert_eq!(fails(b"250 4567890"), Some(FrameError::TextTooLong { limit: 10 }.into()));
    assert_eq!(fails(b"250-\r\n250-\r\n250-\r\n"), Some(FrameError::FrameTooLong { limit: 20 }.into()));
}

#[test]
fn offsets_count_from_the_replys_first_byte_and_the_next_reply_can_be_read() {
    let mut reader = ReplyReader::new(Limits::default(), ParseOptions::default());
    reader.buffer().extend_from_slice(b"220 a\r\n250-a\r\n250\r\n250-b\r\n251 c\r\n250 d\r\n");
    assert!(reader.next_reply().unwrap().is_some());
    let parsed = reader.next_reply().unwrap().unwrap();
    let offsets: Vec<_> = parsed.quirks.iter().map(|quirk| quirk.offset).collect();
    assert_eq!(offsets, [10]);
    let error = reader.next_reply().unwrap_err();
    assert!(matches!(&error, ReadError::Parse(error) if error.offset == 7), "{error:?}");
    assert_eq!(reader.next_reply().unwrap().unwrap().value, reply("250 d\r\n"));
}

#[test]
fn extensions_are_known_by_their_keywords() {
    let found = Extensions::of(&reply(
        "250-mx.example hi PIPELINING\r\n250-size 1000\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=CRAM-MD5\r\n250-X-NEW a b\r\n250 8BITMIME \r\n",
    ));
    assert_eq!(found.size(), Some(Some(1000)));
    assert_eq!(found.auth().collect::<Vec<_>>(), [&b"PLAIN"[..], b"LOGIN", b"CRAM-MD5"]);
    assert!(
        found.has(&Extension::EightBitMime) && !found.has(&Extension::Pipelining),
        "the first line is a greeting"
    );
    assert!(found.has(&Extension::Other("X-NEW a b".into())));
}

#[test]
fn commands_are_read_as_clients_write_them() {
    let parse = |line: &'static str| Command::parse(line);
    let address = |text: &str| Address::new(text).unwrap();
    let Ok(Command::Mail { from, parameters }) =
        parse("mail from: <@a,@b:kim@x> size=12 BODY=8bitmime X-A\r\n")
    else {
        panic!("a command")
    };
    assert_eq!(
        (from, parameters.size, parameters.body),
        (Some(address("kim@x")), Some(12), Some(Body::EightBitMime))
    );
    assert_eq!(parameters.other, [("X-A".into(), None)]);
    assert!(matches!(parse("MAIL FROM:<>\r\n"), Ok(Command::Mail { from: None, .. })));
    assert!(
        matches!(parse("RCPT TO:<\"a > b\"@x> NOTIFY=never\r\n"), Ok(Command::Rcpt { to, .. }) if to.as_str() == "\"a > b\"@x")
    );
    assert!(
        matches!(parse("RCPT TO:<\"a\\\"b\"@[1\"2]> NOTIFY=never\r\n"), Ok(Command::Rcpt { to, .. }) if to.as_str() == "\"a\\\"b\"@[1\"2]")
    );
    assert_eq!(parse("bdat 86 last\r\n"), Ok(Command::Bdat { size: 86, last: true }));
    assert_eq!(parse("NOOP whatever\r\n"), Ok(Command::Noop));
    for line in [
        "",
        "FOO\r\n",
        "MAIL\r\n",
        "MAIL FROM:kim@x\r\n",
        "MAIL FROM:<kim@x\r\n",
        "MAIL FROM:<kim@x>SIZE\r\r\n",
        "MAIL FROM:<kim@x> SIZE=+1\r\n",
        "MAIL FROM:<kim@x> SIZE=-1\r\n",
        "RCPT TO:<>\r\n",
        "RCPT TO:<a@b> ORCPT=rfc822;a+4\r\n",
        "DATA now\r\n",
        "BDAT -1\r\n",
        "EHLO\r\n",
        "EHLO a b\r\n",
        "QUIT\nRSET\r\n",
        "VRFY\r\n",
    ] {
        assert!(parse(line).is_err(), "{line:?}");
    }
}

#[test]
fn what_would_end_a_command_is_refused_before_anything_is_sent() {
    let bad = || Bytes::from_static(b"x\r\nRCPT TO:<a@b>");
    let line_break = |what| Err(ArgumentError::LineBreak { what });
    assert_eq!(Command::Ehlo(bad()).encode(), line_break("host name"));
    assert_eq!(Command::Vrfy(bad()).encode(), line_break("mailbox"));
    let leads = Command::Vrfy(" kim".into()).encode();
    assert_eq!(leads, Err(ArgumentError::ForbiddenByte { what: "mailbox" }), "it would be read as another");
    let mail = |parameters| Command::Mail { from: None, parameters }.encode();
    assert!(mail(MailParameters { envelope_id: Some(bad()), ..Default::default() }).is_err());
    assert!(mail(MailParameters { auth: Some(bad()), ..Default::default() }).is_err());
    assert!(mail(MailParameters { other: vec![(bad(), None)], ..Default::default() }).is_err());
    assert!(
        mail(MailParameters { other: vec![("X".into(), Some("a b".into()))], ..Default::default() }).is_err()
    );
    let original = Some(("rfc822;x".into(), "a".into()));
    let to = Address::new("a@b").unwrap();
    let parameters = RcptParameters { original, ..Default::default() };
    assert!(Command::Rcpt { to, parameters }.encode().is_err());
    assert!(Reply::new(code(250), bad()).encode().is_err());
}

/// What a server reads of the pieces when each DATA is answered and each BDAT believed.
fn server_events(pieces: &[&[u8]]) -> (Vec<Event>, Option<FrameError>) {
    let mut reader = Reader::new(40, 60);
    let mut events = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next_event() {
                Ok(Some(event)) => {
                    if let Event::Line(line) = &event {
                        match Command::parse(line.clone()) {
                            Ok(Command::Data) => reader.expect_data(),
                            Ok(Command::Bdat { size, .. }) => reader.expect_chunk(size),
                            _ => {}
                        }
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
fn only_a_dot_between_line_ends_ends_a_message() {
    for smuggled in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\n.\r\n"] {
        let wire = format!("DATA\r\na{smuggled}QUIT\r\n.\r\nNOOP\r\n");
        let (events, error) = server_events(&[wire.as_bytes()]);
        assert_eq!(error, None);
        let [Event::Line(_), Event::Chunk(body), end, Event::Line(next)] = &events[..] else {
            panic!("{smuggled:?}: {events:?}")
        };
        assert!(body.ends_with(b"QUIT\r\n") && next == "NOOP\r\n", "{smuggled:?}");
        assert_eq!(*end, Event::End { lone_line_break: true }, "{smuggled:?}");
    }
    let (events, _) = server_events(&[b"DATA\r\n..a\r\n.b\r\n.\r\nBDAT 4\r\n\n.\r\nBDAT 0 LAST\r\n"]);
    let end = Event::End { lone_line_break: false };
    assert_eq!(events[1..3], [Event::Chunk(".a\r\nb\r\n".into()), end.clone()]);
    assert_eq!(events[4..6], [Event::Chunk("\n.\r\n".into()), end.clone()]);
    assert_eq!(events[7], end);
}

#[test]
fn line_ends_are_whole_however_they_are_split() {
    let wire = b"DATA\r\na\r\n\r\nb\r\n.\r\n";
    let (events, _) = server_events(&wire.chunks(1).collect::<Vec<_>>());
    assert_eq!(events.last(), Some(&Event::End { lone_line_break: false }));
    // Even a client whose first line ends in LF alone has to end them in CRLF.
    let (events, _) = server_events(&[b"NOOP\nQUIT\r\n"]);
    assert_eq!(events, [Event::Line("NOOP\nQUIT\r\n".into())]);
}

#[test]
fn a_recorded_stream_may_have_bare_line_feeds() {
    let mut reader = Reader::of_recorded(100, 1000);
    reader.buffer().extend_from_slice(b"DATA\na\n..b\n.\nQUIT\n");
    assert_eq!(reader.next_event().unwrap(), Some(Event::Line("DATA\n".into())));
    reader.expect_data();
    let mut message = Vec::new();
    while let Some(Event::Chunk(bytes)) = reader.next_event().unwrap() {
        message.extend_from_slice(&bytes);
    }
    assert_eq!(message, b"a\n.b\n");
    assert_eq!(reader.next_event().unwrap(), Some(Event::Line("QUIT\n".into())));
    let parsed = Command::parse_with("QUIT\n", ParseOptions::default()).unwrap();
    assert_eq!((parsed.value, parsed.quirks.len()), (Command::Quit, 1));
    assert!(Command::parse_with("QUIT\n", ParseOptions::STRICT).is_err());
}

fn word() -> impl Strategy<Value = Bytes> {
    "[a-zA-Z0-9-]{1,12}".prop_map(Bytes::from)
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        "[a-z!#$%&'*+/=?^_`{|}~.-]{1,12}@[a-z0-9]{1,5}(\\.[a-z0-9-]{1,5}){0,2}",
        "\"[ -!#-\\[\\]-~]{0,12}\"@[a-z]{1,5}",
        "\u{fc}[a-z]{1,4}@b\u{fc}[a-z]{1,4}",
        "[a-z]{1,4}@\\[[0-9.:]{1,9}\\]",
    ]
    .prop_map(|text| Address::new(&text).unwrap())
}

fn text() -> impl Strategy<Value = Bytes> {
    "[^\r\n\0]{1,12}".prop_map(Bytes::from)
}

fn others() -> impl Strategy<Value = Vec<(Bytes, Option<Bytes>)>> {
    let parameter = ("X-[A-Za-z0-9-]{1,8}".prop_map(Bytes::from), proptest::option::of(word()));
    proptest::collection::vec(parameter, 0..3)
}

prop_compose! {
    fn mail_parameters()(
        size in proptest::option::of(any::<u64>()),
        body in proptest::option::of(proptest::sample::select(vec![Body::SevenBit, Body::EightBitMime, Body::BinaryMime])),
        smtp_utf8: bool,
        ret in proptest::option::of(proptest::sample::select(vec![Ret::Full, Ret::Headers])),
        envelope_id in proptest::option::of(text()),
        auth in proptest::option::of(text()),
        require_tls: bool,
        other in others(),
    ) -> MailParameters {
        MailParameters { size, body, smtp_utf8, ret, envelope_id, auth, require_tls, other }
    }
}

prop_compose! {
    fn rcpt_parameters()(
        notify in proptest::option::of((any::<bool>(), any::<bool>(), any::<bool>())),
        original in proptest::option::of((word(), text())),
        other in others(),
    ) -> RcptParameters {
        let notify = notify.map(|(success, failure, delay)| Notify { success, failure, delay });
        RcptParameters { notify, original, other }
    }
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        "[a-z0-9]{1,5}(\\.[a-z0-9-]{1,5}){0,2}".prop_map(|name| Command::Ehlo(name.into())),
        "\\[[0-9.]{1,12}\\]".prop_map(|name| Command::Helo(name.into())),
        ("[A-Z0-9-]{1,20}", proptest::option::of("[^\0]{0,12}".prop_map(Secret::from)))
            .prop_map(|(mechanism, initial)| Command::Auth { mechanism: mechanism.into(), initial }),
        (proptest::option::of(address()), mail_parameters())
            .prop_map(|(from, parameters)| Command::Mail { from, parameters }),
        (address(), rcpt_parameters()).prop_map(|(to, parameters)| Command::Rcpt { to, parameters }),
        (any::<u64>(), any::<bool>()).prop_map(|(size, last)| Command::Bdat { size, last }),
        "[!-~][^\r\n\0]{0,12}".prop_map(|text| Command::Vrfy(text.into())),
        proptest::sample::select(vec![
            Command::StartTls,
            Command::Data,
            Command::Rset,
            Command::Noop,
            Command::Quit,
        ]),
    ]
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        proptest::collection::vec(word(), 0..4).prop_map(Extension::Auth),
        proptest::option::of(1..=u64::MAX).prop_map(Extension::Size),
        "X-[A-Z]{1,8}( [a-z]{1,4}){0,2}".prop_map(|line| Extension::Other(line.into())),
        proptest::sample::select(vec![
            Extension::StartTls,
            Extension::Pipelining,
            Extension::EightBitMime,
            Extension::BinaryMime,
            Extension::Chunking,
            Extension::SmtpUtf8,
            Extension::EnhancedStatusCodes,
            Extension::Dsn,
            Extension::RequireTls,
        ]),
    ]
}

#[test]
fn every_variant_is_generated() {
    assert_every_variant_is_generated!(singly(command()) => Command:
        Ehlo Helo StartTls Auth Mail Rcpt Data Bdat Rset Noop Vrfy Quit);
    assert_every_variant_is_generated!(singly(extension()) => Extension:
        StartTls Auth Size Pipelining EightBitMime BinaryMime Chunking SmtpUtf8 EnhancedStatusCodes Dsn RequireTls
        Other);
}

proptest! {
    #[test]
    fn a_server_reads_what_a_client_wrote(command in command()) {
        let line = command.encode().unwrap();
        prop_assert_eq!(line.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).count(), 2);
        prop_assert_eq!(Command::parse(line).unwrap(), command);
    }

    #[test]
    fn a_client_reads_what_a_server_wrote(
        number in 200..600u16,
        enhanced in proptest::option::of((0..1000u16, 0..1000u16)),
        lines in proptest::collection::vec("[a-z][^\r\n\0]{0,9}".prop_map(Bytes::from), 1..4),
        extension in extension(),
    ) {
        let class = (number / 100) as u8;
        let enhanced = enhanced.map(|(subject, detail)| EnhancedCode { class, subject, detail });
        let reply = Reply { code: code(number), enhanced, lines };
        let wire = reply.encode().unwrap();
        let (replies, error) = replies(&[&wire], &Limits::default());
        prop_assert_eq!(error, None);
        prop_assert_eq!(replies.len(), 1);
        prop_assert_eq!(&replies[0].value, &reply);
        prop_assert!(replies[0].quirks.is_empty());
        prop_assert_eq!(Extension::parse(&extension.encode().unwrap()), extension);
    }

    #[test]
    fn nothing_panics_and_every_split_is_read_the_same(
        bytes in proptest::collection::vec(proptest::sample::select(&b"250-45 .1\r\n\r\nA<@>\"\\:=+;\xff"[..]), 0..60),
        cut in 0..80usize,
        before in proptest::sample::select(vec!["", "DATA\r\n", "BDAT 9\r\n", "MAIL FROM:", "RCPT TO:<", "EHLO ", "AUTH PLAIN "]),
    ) {
        let input = [before.as_bytes(), &bytes].concat();
        let (head, tail) = input.split_at(cut.min(input.len()));
        let limits = Limits { line: 20, lines: 3 };
        let single: Vec<_> = input.chunks(1).collect();
        let whole = replies(&[&input], &limits);
        prop_assert_eq!(&replies(&[head, tail], &limits), &whole);
        prop_assert_eq!(&replies(&single, &limits), &whole);
        let whole = server_events(&[&input]);
        for pieces in [&[head, tail][..], &single] {
            let split = server_events(pieces);
            match &whole.1 {
                None => prop_assert_eq!(&split, &whole),
                // Of what exceeds a limit more or less may have come out before.
                Some(error) => prop_assert_eq!(split.1.as_ref(), Some(error)),
            }
        }
    }
}
