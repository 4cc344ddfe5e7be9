use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    QuirkKind,
    frame::{Event, Framer, Limits},
    imap::{
        AddressBuf, BodyStructureBuf, ContentBuf, DispositionBuf, EnvelopeBuf,
        encode::{EncodeOptions, Encoder},
        flags::Flag,
        response::{self, ParseOptions, Parsed, Reader, Response, Untagged},
        terminals::Context,
    },
};

fn fetch(wire: &[u8]) -> Fetch {
    let frame = Bytes::copy_from_slice(wire);
    segment(Start::of(1), &frame, None, &mut Context::new(&frame, false)).0
}

/// What is read of a segment, and how the next one begins.
fn segment<'a>(
    start: Start,
    frame: &'a Bytes,
    streamed: Option<u64>,
    cx: &mut Context<'a>,
) -> (Fetch, Start) {
    let mut room = Room::default();
    let mut message = Message::new(start, streamed, &mut room);
    message.read(frame, cx).unwrap();
    let goes_on = message.goes_on();
    (message.into_fetch(frame.clone()), goes_on)
}

#[test]
fn older_names_are_told_as_they_were_asked_for() {
    for which in [Rfc822::Message, Rfc822::Header, Rfc822::Text] {
        let fetch = Fetch::build(1).rfc822(which, Some("a\r\n".into())).build().unwrap();
        let body = fetch.body().unwrap();
        assert_eq!(body.name(), which.name().as_bytes());
        let section = Fetch::build(1).body(&which.section(), None, Some("a\r\n".into())).build().unwrap();
        assert_eq!(fetch, section);
    }
    assert_eq!(fetch(b"(RFC822 NIL)\r\n"), Fetch::build(1).rfc822(Rfc822::Message, None).build().unwrap());
}

#[test]
fn items_in_any_order_and_case() {
    let fetch = fetch(
        b"(flags (\\seen $Forwarded) BODY[HEADER] {6}\r\na: b\r\n UID 12 RFC822.SIZE 99 \
          INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (7))\r\n",
    );
    assert_eq!((fetch.uid(), fetch.size(), fetch.mod_seq()), (Some(12), Some(99), Some(7)));
    let flags = fetch.flags().unwrap();
    assert!(flags.seen() && flags.contains(&Flag::new("$forwarded")) && !flags.contains(&Flag::Deleted));
    assert_eq!(flags.to_vec(), [Flag::Seen, Flag::Other("$Forwarded".into())]);
    assert_eq!(fetch.internal_date().unwrap().parse().unwrap().unix_seconds(), 837_596_665);
    let body = fetch.body().unwrap();
    assert_eq!((body.section(), body.to_bytes().unwrap()), (&b"HEADER"[..], Bytes::from("a: b\r\n")));
}

#[test]
fn a_node_stays_small() {
    assert!(size_of::<Node>() <= 40, "{}", size_of::<Node>());
}

#[test]
fn nil_is_no_body_and_an_empty_one_is() {
    assert_eq!(fetch(b"(UID 1 BODY[] NIL)\r\n").body().unwrap().to_bytes(), None);
    assert_eq!(fetch(b"(UID 1 BODY[] {0}\r\n)\r\n").body().unwrap().to_bytes().unwrap(), "");
    assert_eq!(fetch(b"(UID 1 BODY[] \"\")\r\n").body().unwrap().to_bytes().unwrap(), "");
    assert_eq!(fetch(b"(RFC822 \"a\\\"b\")\r\n").body().unwrap().to_bytes().unwrap(), "a\"b");
    assert_eq!(fetch(b"(RFC822.TEXT \"x\")\r\n").body().unwrap().section(), b"TEXT");
}

#[test]
fn unknown_items_are_kept() {
    let fetch = fetch(b"(UID 12 X-FOO ({10}\r\n) UID 9 (( x) FLAGS (\\Seen))\r\n");
    assert_eq!(fetch.uid(), Some(12));
    assert!(fetch.flags().unwrap().seen());
    assert!(
        fetch.items().any(|item| item == Item::Unknown { name: b"X-FOO", raw: b"({10}\r\n) UID 9 (( x)" })
    );
}

#[test]
fn an_unreadable_item_costs_only_itself() {
    let fetch = fetch(b"(RFC822.SIZE -5 UID 3 MODSEQ (x) FLAGS (\\Seen))\r\n");
    assert_eq!((fetch.uid(), fetch.size()), (Some(3), None));
    assert!(fetch.flags().unwrap().seen());
    let invalid: Vec<_> = fetch.invalid().collect();
    assert_eq!(invalid.len(), 2);
    assert_eq!(invalid[0], Invalid { raw: b"RFC822.SIZE -5", offset: 13, expected: "a number" });
}

#[test]
fn two_uids_are_none() {
    assert_eq!(fetch(b"(UID 3 UID 4)\r\n").uid(), None);
    assert_eq!(fetch(b"(UID 3 UID 3)\r\n").uid(), Some(3));
}

#[test]
fn a_streamed_body_is_told_with_what_stood_before_it() {
    let frame = Bytes::from_static(b"(UID 4 BODY[1.2]<100> {70000}\r\n");
    let mut cx = Context::new(&frame, false);
    let (head, goes_on) = segment(Start::of(9), &frame, Some(70_000), &mut cx);
    assert_eq!(head.uid(), Some(4));
    let streamed = Streamed { name: b"BODY[1.2]", section: Some(b"1.2"), origin: Some(100), len: 70_000 };
    assert_eq!(head.streamed(), Some(streamed));
    let frame = Bytes::from_static(b" FLAGS (\\Seen))\r\n");
    let mut cx = Context::new(&frame, false);
    let (tail, _) = segment(goes_on, &frame, None, &mut cx);
    assert!(tail.continues() && tail.flags().unwrap().seen() && tail.streamed().is_none());
    assert!(cx.into_quirks().is_empty());
}

#[test]
fn what_is_built_is_what_was_said() {
    let date = DateTime::from_unix_seconds(837_596_665);
    let flags = [Flag::Answered, Flag::Other("Work".into())];
    let built = Fetch::build(7)
        .uid(u32::MAX)
        .flags(&flags)
        .internal_date(&date)
        .size(1 << 40)
        .mod_seq(u64::MAX)
        .body(&Section::all(), Some(5), Some("\r\n)".into()))
        .build()
        .unwrap();
    assert_eq!((built.seq(), built.uid(), built.size()), (7, Some(u32::MAX), Some(1 << 40)));
    assert_eq!(built.flags().unwrap().to_vec(), flags);
    assert_eq!(built.internal_date().unwrap().parse(), Some(date));
    assert_eq!(built.mod_seq(), Some(u64::MAX));
    let body = built.body().unwrap();
    assert_eq!((body.origin(), body.to_bytes().unwrap()), (Some(5), Bytes::from("\r\n)")));
    assert_eq!(built.invalid().count(), 0);
}

/// What a stream of literals larger than `kept` is read as, piece by piece.
fn pieces(wire: &[u8], kept: usize) -> Vec<Fetch> {
    let mut framer = Framer::responses(Limits { kept_literal: kept, ..Limits::RESPONSES });
    let mut reader = Reader::default();
    framer.buffer().extend_from_slice(wire);
    let mut pieces = Vec::new();
    while let Some(event) = framer.next_event().unwrap() {
        let Event::Segment(segment) = event else { continue };
        match reader.segment(segment).unwrap().value {
            Response::Untagged(Untagged::Fetch(fetch)) => pieces.push(fetch),
            other => panic!("{other:?}"),
        }
    }
    pieces
}

#[test]
fn strict_mode_takes_neither_two_uids_nor_extension_data_in_body() {
    let basic = |structure: &str| format!("* 1 FETCH (BODY {structure})\r\n");
    let text = "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1";
    for (wire, legal) in [
        ("* 1 FETCH (UID 5 UID 5)\r\n".to_owned(), true),
        ("* 1 FETCH (UID 5 UID 6)\r\n".to_owned(), false),
        (basic(&format!("{text})")), true),
        (basic(&format!("{text} \"md5\")")), false),
        (basic(&format!("({text})({text} NIL (\"inline\" NIL)) \"mixed\")")), false),
        (basic(&format!("({text}) \"mixed\")")), true),
        (basic(&format!("({text}) \"mixed\" (\"boundary\" \"x\"))")), false),
    ] {
        assert_eq!(response::parse(wire.clone(), ParseOptions::STRICT).is_ok(), legal, "{wire}");
        assert!(response::parse(wire, ParseOptions::default()).is_ok());
    }
}

#[test]
fn what_follows_an_unreadable_item_is_doubtful() {
    let message = fetch(b"(UID 3 ENVELOPE (NIL \"a\" b\") FLAGS (\\Seen) RFC822.SIZE 5)\r\n");
    assert_eq!((message.uid(), message.is_uid_doubtful(), message.size()), (Some(3), false, Some(5)));
    assert_eq!(message.doubtful().count(), 2);
    let message = fetch(b"(ENVELOPE (\"d\" \"say \"hi\" now\" NIL) UID 3)\r\n");
    assert!(message.uid() == Some(3) && message.is_uid_doubtful());
    // A word without quotes, lists and literals ends where it ends.
    let message = fetch(b"(RFC822.SIZE -1 UID 3)\r\n");
    assert!(message.uid() == Some(3) && !message.is_uid_doubtful() && message.doubtful().count() == 0);
}

#[test]
fn a_quote_without_an_end_costs_only_its_item() {
    let message = fetch(b"(ENVELOPE (\"d\" \"x\\\" NIL) BODY[] {3}\r\n) ( UID 3)\r\n".as_slice());
    assert_eq!(message.invalid().count(), 1);
    let message = fetch(b"(ENVELOPE (\"d\" \"x\\\" NIL) FLAGS (\\Seen) UID 3)\r\n");
    assert_eq!(message.invalid().next().unwrap().raw, b"ENVELOPE (\"d\" \"x\\\" NIL)");
    assert!(message.flags().unwrap().seen() && message.uid() == Some(3));
}

#[test]
fn another_uid_makes_the_message_nobodys() {
    let message = fetch(b"(UID 3 FLAGS () UID 4)\r\n");
    assert_eq!((message.uid(), message.invalid().next().unwrap().raw), (None, &b"4"[..]));
    let parts = pieces(b"* 1 FETCH (UID 3 BODY[] {2}\r\nab UID 4)\r\n", 0);
    assert_eq!((parts[0].uid(), parts[1].uid()), (Some(3), None));
}

#[test]
fn a_streamed_literal_costs_its_item_and_no_other() {
    for (wire, item) in [
        (&b"* 1 FETCH (FLAGS () ENVELOPE (NIL {10}\r\n) UID 8 (( NIL) UID 3)\r\n"[..], &b"ENVELOPE"[..]),
        (b"* 1 FETCH (FLAGS () X-FOO (a ({10}\r\n) UID 8 ((b {2}\r\n)) \"(\") c) UID 3)\r\n", b"X-FOO"),
        (
            b"* 1 FETCH (FLAGS () BODYSTRUCTURE ((\"text\" {10}\r\n) UID 8 (( NIL)) UID 3)\r\n",
            b"BODYSTRUCTURE",
        ),
        (b"* 1 FETCH (FLAGS () X-GM-LABELS (a {10}\r\n) UID 8 (() UID 3)\r\n", b"X-GM-LABELS"),
    ] {
        let parts = pieces(wire, 0);
        let invalid = parts[0].invalid().next().unwrap();
        assert!(invalid.raw.starts_with(item), "{:?}", invalid.raw.escape_ascii().to_string());
        assert_eq!(parts[0].streamed().unwrap().section, None);
        let last = parts.last().unwrap();
        assert_eq!((last.uid(), last.is_uid_doubtful()), (Some(3), true));
        assert_eq!(last.invalid().count(), 0);
    }
    let parts = pieces(b"* 1 FETCH (PREVIEW {3}\r\nabc X-FOO {2}\r\nxy BINARY[1] ~{1}\r\nz UID 3)\r\n", 0);
    let names: Vec<_> = parts.iter().filter_map(Fetch::streamed).map(|streamed| streamed.name).collect();
    assert_eq!(names, [&b"PREVIEW"[..], b"X-FOO", b"BINARY[1]"]);
    assert_eq!(parts[3].uid(), Some(3));
}

#[test]
fn hostile_messages_take_time_by_their_length() {
    // Each would take minutes if looking at bytes again weren't counted.
    for item in [
        &b"X (\")\" "[..],
        b"X (\\\" ) ",
        b"X \"",
        b"BODY[ ",
        b"BODY[\" ",
        b"ENVELOPE (\")\" ",
        b"BODYSTRUCTURE (\"t\" \"p\" NIL NIL NIL \"7bit\" 1 NIL NIL NIL NIL (\")\" ",
        b"FLAGS (\" ",
        b"(",
        b")",
        b"UID 1 ",
        b"{0}\r\n",
        b"X-GM-LABELS (((",
        b"99999999999999999999999999999999999 ",
    ] {
        let wire = [&b"* 1 FETCH ("[..], &item.repeat((1 << 20) / item.len()), b")\r\n"].concat();
        let start = std::time::Instant::now();
        let _ = response::parse(wire, ParseOptions::default());
        assert!(start.elapsed().as_secs() < 10, "{}", item.escape_ascii());
    }
}

#[test]
fn items_of_extensions() {
    let message = fetch(
        b"(EMAILID (M6d99) THREADID NIL PREVIEW \"a \\\"b\\\"\" SAVEDATE \" 1-Jan-2024 12:00:00 +0000\" X-GM-MSGID \
          18446744073709551615 X-GM-THRID 7 X-GM-LABELS (\\Inbox \"Long \\\\Label\" NIL) BINARY[1.2]<0> ~{3}\r\na\0b \
          BINARY.SIZE[1] 4096 BINARY[2] NIL)\r\n",
    );
    assert_eq!(message.invalid().count(), 0);
    assert_eq!(message.email_id().unwrap().to_bytes().as_ref(), b"M6d99");
    assert_eq!((message.thread_id(), message.preview().unwrap().len()), (None, 5));
    assert_eq!(message.save_date().unwrap().parse().unwrap().unix_seconds(), 1_704_110_400);
    assert_eq!((message.gmail_message_id(), message.gmail_thread_id()), (Some(u64::MAX), Some(7)));
    let labels: Vec<_> = message.gmail_labels().unwrap().map(|label| label.to_bytes().into_owned()).collect();
    assert_eq!(labels, [&b"\\Inbox"[..], b"Long \\Label", b"NIL"]);
    let body = message.body().unwrap();
    assert!(body.is_binary() && body.section() == b"1.2" && body.origin() == Some(0));
    assert_eq!(body.to_bytes().unwrap(), &b"a\0b"[..]);
    assert!(message.items().any(|item| item == Item::BinarySize { part: b"1", size: 4096 }));
}

#[test]
fn uidfetch_has_no_sequence_number() {
    let wire = b"* 7310 UIDFETCH (FLAGS (\\Seen))\r\n".to_vec();
    let Parsed { value, quirks } = response::parse(wire.clone(), ParseOptions::STRICT).unwrap();
    assert!(quirks.is_empty());
    let Response::Untagged(Untagged::Fetch(message)) = &value else { panic!("{value:?}") };
    assert_eq!((message.seq(), message.uid(), message.is_by_uid()), (0, Some(7310), true));
    assert_eq!(value.encode().unwrap().to_bytes(), wire);
}

#[test]
fn every_system_flag_is_found() {
    let all = [
        Flag::Answered,
        Flag::Deleted,
        Flag::Draft,
        Flag::Flagged,
        Flag::Recent,
        Flag::Seen,
        Flag::Wildcard,
        Flag::new("$Junk"),
    ];
    for flag in &all {
        let message = Fetch::build(1).flags(std::slice::from_ref(flag)).build().unwrap();
        let flags = message.flags().unwrap();
        let found: Vec<_> = all.iter().filter(|flag| flags.contains(flag)).collect();
        assert_eq!(found, [flag]);
        assert_eq!(flags.to_vec(), std::slice::from_ref(flag));
    }
}

#[test]
fn flags_as_servers_send_them() {
    let frame = Bytes::from_static(b"(FLAGS (\\SEEN \"\\\\Deleted\" [a b]c {d \xe9 \\ \\*))\r\n");
    let mut cx = Context::new(&frame, false);
    let (message, _) = segment(Start::of(1), &frame, None, &mut cx);
    let flags = message.flags().unwrap();
    assert!(flags.seen() && flags.contains(&Flag::Deleted) && flags.contains(&Flag::Wildcard));
    let keywords: Vec<_> = flags.keywords().collect();
    assert_eq!(keywords, [&b"[a"[..], b"b]c", b"{d", b"\xe9", b"\\"]);
    let kinds: Vec<_> = cx.into_quirks().into_iter().map(|quirk| quirk.kind).collect();
    let forbidden = QuirkKind::ForbiddenByte;
    assert_eq!(kinds, [QuirkKind::QuotedForAtom, forbidden, forbidden, forbidden]);
}

fn texts() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        3 => "[a-zA-Z0-9 \\\\\"(){}%*]{0,12}".prop_map(Bytes::from),
        1 => vec(1..=255_u8, 0..20).prop_map(Bytes::from),
    ]
}

fn nullable() -> impl Strategy<Value = Option<Bytes>> {
    option::of(texts())
}

pub(crate) fn envelopes() -> impl Strategy<Value = EnvelopeBuf> {
    let address = (nullable(), nullable(), nullable(), nullable())
        .prop_map(|(name, adl, mailbox, host)| AddressBuf { name, adl, mailbox, host });
    let addresses = vec(address, 0..3);
    let some = (nullable(), nullable(), nullable(), nullable());
    (some, vec(addresses, 6)).prop_map(|((date, subject, in_reply_to, message_id), mut fields)| {
        let mut next = || fields.pop().unwrap_or_default();
        EnvelopeBuf {
            date,
            subject,
            from: next(),
            sender: next(),
            reply_to: next(),
            to: next(),
            cc: next(),
            bcc: next(),
            in_reply_to,
            message_id,
        }
    })
}

pub(crate) fn structures() -> impl Strategy<Value = BodyStructureBuf> {
    let params = || vec((texts(), texts().prop_map(Some)), 0..3);
    let disposition =
        option::of((texts(), params()).prop_map(|(kind, params)| DispositionBuf { kind, params }));
    let common = (params(), disposition, vec(texts(), 0..3), nullable()).boxed();
    let types = prop_oneof![
        Just(("text", "plain", true)),
        Just(("image", "x y", false)),
        Just(("message", "delivery-status", false)),
    ];
    let single = (types, nullable(), nullable(), nullable(), any::<u32>(), nullable()).prop_map(
        |((media_type, subtype, has_lines), id, description, encoding, number, md5)| {
            let content = ContentBuf::Single {
                media_type: media_type.into(),
                id,
                description,
                encoding,
                octets: Some(u64::from(number) * 3),
                lines: has_lines.then_some(u64::from(number)),
                md5,
                message: None,
            };
            (content, Bytes::from(subtype))
        },
    );
    let with = |((content, subtype), (params, disposition, languages, location))| BodyStructureBuf {
        content,
        subtype,
        params,
        disposition,
        languages,
        location,
    };
    let leaf = (single, common.clone()).prop_map(with);
    leaf.prop_recursive(4, 12, 3, move |inner| {
        let multipart = (vec(inner.clone(), 1..4).prop_map(ContentBuf::Multipart), texts());
        let message = (envelopes(), inner, any::<u32>()).prop_map(|(envelope, structure, lines)| {
            let part = BodyStructureBuf::single("MESSAGE", "rfc822", 9).with_lines(u64::from(lines));
            let part = part.with_message(envelope, structure);
            (part.content, part.subtype)
        });
        prop_oneof![(multipart, common.clone()).prop_map(with), (message, common.clone()).prop_map(with)]
    })
}

fn requests() -> impl Strategy<Value = FetchItem> {
    let partial =
        || option::of((any::<u32>(), 1..=u32::MAX).prop_map(|(offset, len)| Partial { offset, len }));
    let part = || vec(1..=u32::MAX, 0..4);
    prop_oneof![
        Just(FetchItem::Envelope),
        Just(FetchItem::BodyStructure),
        Just(FetchItem::BodyBasic),
        Just(FetchItem::EmailId),
        Just(FetchItem::ThreadId),
        any::<bool>().prop_map(|lazy| FetchItem::Preview { lazy }),
        Just(FetchItem::SaveDate),
        Just(FetchItem::GmailMessageId),
        Just(FetchItem::GmailThreadId),
        Just(FetchItem::GmailLabels),
        part().prop_map(|part| FetchItem::BinarySize { part }),
        (part(), any::<bool>(), partial()).prop_map(|(part, peek, partial)| FetchItem::Binary {
            part,
            peek,
            partial
        }),
        (part(), any::<bool>(), partial()).prop_map(|(part, peek, partial)| FetchItem::Body {
            section: Section { part, text: SectionText::Text },
            peek,
            partial
        }),
    ]
}

proptest! {
    #[test]
    fn envelopes_and_structures_come_back(envelope in envelopes(), structure in structures(), cut in any::<usize>()) {
        let builder = || Fetch::build(1).envelope(&envelope).uid(7).body_structure(&structure);
        let message = builder().build().unwrap();
        prop_assert_eq!(message.envelope().unwrap().to_buf(), envelope.clone());
        prop_assert_eq!(message.body_structure().unwrap().to_buf(), structure.clone());
        prop_assert_eq!((message.invalid().count(), message.uid()), (0, Some(7)));
        let wire = builder().encode().unwrap().to_bytes();
        let parsed = response::parse(wire.clone(), ParseOptions::STRICT).unwrap();
        prop_assert_eq!(&parsed.value, &Response::Untagged(Untagged::Fetch(message)));
        prop_assert_eq!(parsed.value.encode().unwrap().to_bytes(), &wire[..]);
        // Bytes that are missing or altered lose no more than they must, and panic nowhere.
        let mut broken = wire;
        let at = 12 + cut % (broken.len() - 14);
        broken.remove(at);
        if let Ok(Parsed { value: Response::Untagged(Untagged::Fetch(message)), .. }) =
            response::parse(broken.clone(), ParseOptions::default())
        {
            let _ = format!("{message:?}");
        }
    }

    #[test]
    fn what_is_asked_for_comes_back(items in vec(requests(), 1..6)) {
        let mut out = Encoder::new(EncodeOptions::default());
        encode_items(&items, &mut out);
        let wire = Bytes::from(out.finish().unwrap().to_bytes());
        let mut cx = Context::new(&wire, true);
        let (rest, read) = parse_items(&wire, &mut cx).unwrap();
        prop_assert_eq!((rest, read), (&b""[..], items));
    }

    #[test]
    fn no_items_panic(items in "[ ()\"\\\\{}\\[\\]0-9A-Z.<>~-]{0,80}", streamed in option::of(any::<u64>())) {
        let frame = Bytes::from(format!("(UID 5 {items} FLAGS (\\Seen) BODY {items}\r\n"));
        let mut cx = Context::new(&frame, false);
        let (message, _) = segment(Start::of(1), &frame, streamed, &mut cx);
        let _ = format!("{message:?}");
        let _ = message.body_structure().map(|structure| structure.walk().count());
    }
}
