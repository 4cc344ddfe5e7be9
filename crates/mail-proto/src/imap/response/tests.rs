use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::imap::{
    Capability, MailboxAttribute, MailboxName, ResponseCode, SequenceSet, StatusItem, StatusKind,
    fetch::Section,
};

fn read(wire: &[u8]) -> Parsed<Response> {
    parse(Bytes::copy_from_slice(wire), ParseOptions::default()).unwrap()
}

fn status(wire: &str) -> Status {
    match read(wire.as_bytes()).value {
        Response::Tagged { status, .. } | Response::Untagged(Untagged::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn texts() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        "[a-zA-Z0-9 \\\\\"(){}\\[\\]%*]{1,12}".prop_map(Bytes::from),
        vec(1..=255_u8, 1..99).prop_map(Bytes::from)
    ]
}

fn codes() -> impl Strategy<Value = ResponseCode> {
    prop_oneof![
        Just(ResponseCode::Alert),
        Just(ResponseCode::ReadOnly),
        Just(ResponseCode::Capability(
            [Capability::Imap4Rev1, Capability::new("AUTH=PLAIN")].into_iter().collect()
        )),
        Just(ResponseCode::PermanentFlags(vec![
            Flag::Seen,
            Flag::Wildcard,
            Flag::Other("$Forwarded".into())
        ])),
        any::<u32>().prop_map(ResponseCode::UidNext),
        any::<u32>().prop_map(ResponseCode::UidValidity),
        any::<u64>().prop_map(ResponseCode::HighestModSeq),
        (1..=u32::MAX, 1..999_u32).prop_map(|(uid_validity, last)| ResponseCode::CopyUid {
            uid_validity,
            source: SequenceSet::from(1..=last),
            target: SequenceSet::from(5..=last + 4),
        }),
        (1..=u32::MAX, 1..=u32::MAX)
            .prop_map(|(uid_validity, uid)| ResponseCode::AppendUid { uid_validity, uids: uid.into() }),
        option::of("[a-z0-9 ]{1,9}").prop_map(|arguments| ResponseCode::Other {
            name: "XYZZY".into(),
            arguments: arguments.map(Bytes::from)
        }),
    ]
}

fn statuses() -> impl Strategy<Value = Status> {
    let kind =
        prop_oneof![Just(StatusKind::Ok), Just(StatusKind::No), Just(StatusKind::Bad), Just(StatusKind::Bye)];
    (kind, option::of(codes()), "[a-zA-Z][ -~]{0,30}").prop_map(|(kind, code, text)| Status {
        kind,
        code,
        text: Bytes::from(text),
    })
}

fn responses() -> impl Strategy<Value = Response> {
    let name = || texts().prop_map(MailboxName::from_wire);
    let data = prop_oneof![
        statuses().prop_map(Untagged::Status),
        any::<u32>().prop_map(Untagged::Exists),
        any::<u32>().prop_map(Untagged::Recent),
        any::<u32>().prop_map(Untagged::Expunge),
        Just(Untagged::Flags(vec![Flag::Answered, Flag::Other("a[1]".into())])),
        (name(), option::of(prop_oneof![Just(b'/'), Just(b'.'), Just(b'\\'), Just(b'"')])).prop_map(
            |(mailbox, delimiter)| Untagged::List(List {
                attributes: vec![MailboxAttribute::HasChildren, MailboxAttribute::new("\\X-Odd")],
                delimiter,
                mailbox,
                extended: None,
            })
        ),
        (name(), any::<u32>()).prop_map(|(mailbox, number)| Untagged::MailboxStatus(MailboxStatus {
            mailbox,
            items: vec![(StatusItem::Messages, u64::from(number)), (StatusItem::Size, u64::MAX)],
            other: vec![("X-NEW".into(), "(a b)".into())],
        })),
        (vec(1..=u32::MAX, 0..50), option::of(any::<u64>()))
            .prop_map(|(numbers, modseq)| Untagged::Search(Search { numbers, modseq })),
        vec((texts(), option::of(texts())), 1..4).prop_map(Untagged::Id),
        (any::<u32>(), 1..=u32::MAX, vec(any::<u8>(), 0..9000)).prop_map(|(seq, uid, body)| {
            let fetch = Fetch::build(seq)
                .uid(uid)
                .flags(&[Flag::Seen, Flag::Other("$Junk".into())])
                .size(body.len() as u64)
                .body(&Section::all(), None, Some(body.into()));
            Untagged::Fetch(fetch.build().unwrap())
        }),
    ];
    prop_oneof![
        8 => data.prop_map(Response::Untagged),
        1 => ("[A-Z][0-9]{1,5}", statuses())
            .prop_filter("a tagged BYE is none", |(_, status)| status.kind != StatusKind::Bye)
            .prop_map(|(tag, status)| Response::Tagged { tag: Bytes::from(tag), status }),
        1 => "[ -~]{0,20}".prop_map(|text| Response::Continue { text: Bytes::from(text) }),
    ]
}

proptest! {
    #[test]
    fn a_client_reads_what_a_server_wrote(response in responses()) {
        let parsed = parse(response.encode().unwrap().to_bytes(), ParseOptions::STRICT).unwrap();
        prop_assert_eq!(parsed.value, response);
    }

    #[test]
    fn no_line_panics(line in vec(any::<u8>(), 0..200)) {
        let mut frame = b"* ".to_vec();
        frame.extend(line);
        frame.extend(b"\r\n");
        let _ = parse(frame.clone(), ParseOptions::default());
        let _ = parse(frame.split_off(2), ParseOptions::default());
    }

    #[test]
    fn no_altered_response_panics(response in responses(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frame = response.encode().unwrap().to_bytes();
        let at = at.index(frame.len());
        frame[at] = byte;
        let _ = parse(frame, ParseOptions::default());
    }
}

#[test]
fn status_lines_as_servers_send_them() {
    for (wire, code, text) in [
        ("A1 OK done\r\n", None, "done"),
        ("A1 OK\r\n", None, ""),
        ("A1 OK \r\n", None, ""),
        ("A1 OK[ALERT] x\r\n", Some(ResponseCode::Alert), "x"),
        ("* OK [UIDNEXT 5]\r\n", Some(ResponseCode::UidNext(5)), ""),
        (
            "* NO [ALERT no bracket\r\n",
            Some(ResponseCode::Other { name: "ALERT".into(), arguments: Some("no bracket".into()) }),
            "",
        ),
        (
            "* OK [UIDVALIDITY x] y\r\n",
            Some(ResponseCode::Other { name: "UIDVALIDITY".into(), arguments: Some("x".into()) }),
            "y",
        ),
        ("* OK quota {3}\r\n", None, "quota {3}"),
        ("* OK [] odd\r\n", None, "[] odd"),
    ] {
        let status = status(wire);
        assert_eq!(status.code, code, "{wire:?}");
        assert_eq!(status.text, text, "{wire:?}");
    }
}

#[test]
fn quirks_are_told_and_strict_mode_rejects_them() {
    for (wire, kind) in [
        ("A1 OK\r\n", QuirkKind::MissingText),
        ("*  OK hi\r\n", QuirkKind::ExtraSpace),
        ("* CAPABILITY  IMAP4rev1\r\n", QuirkKind::ExtraSpace),
        ("* SEARCH 1 2 \r\n", QuirkKind::ExtraSpace),
        ("* LIST () \"/\" a b\r\n", QuirkKind::AtomForString),
        ("* LIST () \"\\\" x\r\n", QuirkKind::UnescapedQuote),
        ("* 3 EXISTS now\r\n", QuirkKind::TrailingBytes),
        ("* 3 FETCH (UID 5\r\n", QuirkKind::UnclosedList),
    ] {
        let parsed = read(wire.as_bytes());
        assert_eq!(parsed.quirks.iter().map(|quirk| quirk.kind).collect::<Vec<_>>(), [kind], "{wire:?}");
        assert!(parse(wire.as_bytes(), ParseOptions::STRICT).is_err(), "{wire:?}");
    }
}

#[test]
fn unreadable_lines_say_where_and_what() {
    for (wire, offset, expected) in [
        ("* 5 FETCH UID 3\r\n", 10, "\"(\""),
        ("* SEARCH 1 x\r\n", 10, "CRLF"),
        ("hello\r\n", 0, "\"*\", \"+\" or a tag"),
        ("* LIST (\\Seen\r\n", 13, "a space or \")\""),
    ] {
        let error = parse(wire.as_bytes(), ParseOptions::STRICT).unwrap_err();
        assert_eq!((error.offset, error.expected), (offset, expected), "{wire:?}");
    }
}

#[test]
fn unknown_responses_are_kept() {
    let raw = "* XTHING (a {3}\r\nb\r\n)";
    let value = read(format!("{raw}\r\n").as_bytes()).value;
    let unknown = Untagged::Unknown { keyword: "XTHING".into(), raw: raw.into() };
    assert_eq!(value, Response::Untagged(unknown));
}
