use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::error::QuirkKind;
use crate::generated::{
    assert_every_variant_is_generated, capabilities, mailbox_attributes, singly, status_items, told_flags,
};
use crate::imap::{
    ListExtension, MailboxAttribute, MailboxName, MetadataCode, MetadataData, Namespace, PartialRange,
    Progress, QuotaResource, ResponseCode, Rights, SequenceSet, StatusItem, StatusKind, StatusValue,
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

/// Codes without arguments.
fn bare_codes() -> impl Strategy<Value = ResponseCode> {
    use ResponseCode::*;
    select(vec![
        Alert,
        AlreadyExists,
        AuthenticationFailed,
        AuthorizationFailed,
        Cannot,
        ClientBug,
        Closed,
        CompressionActive,
        ContactAdmin,
        Corruption,
        Expired,
        ExpungeIssued,
        HasChildren,
        InUse,
        Limit,
        NonExistent,
        NoModSeq,
        NoPerm,
        NotificationOverflow,
        NotSaved,
        OverQuota,
        Parse,
        PrivacyRequired,
        ReadOnly,
        ReadWrite,
        ServerBug,
        Throttled,
        TooBig,
        TryCreate,
        UidNotSticky,
        UidRequired,
        Unavailable,
        UnknownCte,
        UseAttr,
    ])
}

fn codes() -> impl Strategy<Value = ResponseCode> {
    prop_oneof![
        bare_codes(),
        bare_codes(),
        capabilities().prop_map(ResponseCode::Capability),
        told_flags().prop_map(ResponseCode::PermanentFlags),
        any::<u32>().prop_map(ResponseCode::Unseen),
        (1..=u32::MAX).prop_map(|number| ResponseCode::Modified(number.into())),
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
        Just(ResponseCode::BadCharset(Vec::new())),
        Just(ResponseCode::BadCharset(vec!["UTF-8".into(), "a ]".into()])),
        Just(ResponseCode::MailboxId("F1".into())),
        Just(ResponseCode::BadEvent(vec!["MessageNew".into(), "FlagChange".into()])),
        metadata_codes().prop_map(ResponseCode::Metadata),
        Just(ResponseCode::UndefinedFilter("on-the-road".into())),
        "[ -~]{0,9}".prop_map(|tag| ResponseCode::NoUpdate(tag.into())),
        "[ -~]{0,9}".prop_map(|url| ResponseCode::BadUrl(url.into())),
        (any::<u32>(), option::of(any::<u32>()))
            .prop_map(|(most, lowest)| ResponseCode::MessageLimit { most, lowest }),
        (option::of("[A-Z0-9]{1,5}"), option::of(any::<u64>()), option::of(any::<u64>())).prop_map(
            |(tag, done, of)| ResponseCode::InProgress(Progress { tag: tag.map(Bytes::from), done, of })
        ),
        option::of("[a-z0-9 ]{1,9}").prop_map(|arguments| ResponseCode::Other {
            name: "XYZZY".into(),
            arguments: arguments.map(Bytes::from)
        }),
    ]
}

fn metadata_codes() -> impl Strategy<Value = MetadataCode> {
    prop_oneof![
        any::<u64>().prop_map(MetadataCode::LongEntries),
        any::<u64>().prop_map(MetadataCode::MaxSize),
        Just(MetadataCode::TooMany),
        Just(MetadataCode::NoPrivate),
    ]
}

pub(crate) fn statuses() -> impl Strategy<Value = Status> {
    let kinds = vec![StatusKind::Ok, StatusKind::No, StatusKind::Bad, StatusKind::Bye, StatusKind::PreAuth];
    (select(kinds), option::of(codes()), "[a-zA-Z][ -~]{0,30}").prop_map(|(kind, code, text)| Status {
        kind,
        code,
        text: Bytes::from(text),
    })
}

fn esearches() -> impl Strategy<Value = ESearch> {
    let set = || (1..=u32::MAX).prop_map(SequenceSet::from);
    let source = (option::of(texts()), option::of(texts().prop_map(MailboxName::from_wire)), any::<bool>());
    let numbers = (option::of(1..=u32::MAX), option::of(any::<u32>()), option::of(any::<u64>()));
    let sets = (option::of(set()), option::of(option::of(set())), vec((any::<u32>(), set()), 0..3));
    (source, numbers, sets, vec(1..=100_u32, 0..3)).prop_map(|(source, numbers, sets, relevancy)| ESearch {
        tag: source.0,
        uid_validity: source.1.as_ref().map(|_| 7),
        mailbox: source.1,
        uid: source.2,
        min: numbers.0,
        max: numbers.0,
        count: numbers.1,
        modseq: numbers.2,
        all: sets.0,
        partial: sets.1.map(|found| (PartialRange::FromLast(1, 50), found)),
        added: sets.2.clone(),
        removed: sets.2,
        relevancy,
        other: vec![("X-ODD".into(), "(a 1)".into())],
    })
}

/// Trees of any shape, in which a missing message has two that answer it at least.
fn threads() -> impl Strategy<Value = Threads> {
    vec((1..=u32::MAX, any::<prop::sample::Index>(), 0..4_u8), 0..40).prop_map(|steps| {
        let mut parents: Vec<Option<usize>> = Vec::new();
        for (place, (_, pick, kind)) in steps.iter().enumerate() {
            parents.push((place > 0 && *kind > 0).then(|| pick.index(place)));
        }
        // Parents before those that answer them, each with all that answers it.
        let mut threads = Threads::default();
        let roots = (0..steps.len()).rev().filter(|place| parents[*place].is_none());
        let mut stack: Vec<(usize, Option<u32>)> = roots.map(|place| (place, None)).collect();
        while let Some((place, parent)) = stack.pop() {
            let answers: Vec<usize> =
                (0..steps.len()).filter(|other| parents[*other] == Some(place)).collect();
            let missing = answers.len() > 1 && steps[place].2 == 3;
            let number = (!missing).then_some(steps[place].0);
            let at = threads.push(number, parent).unwrap();
            stack.extend(answers.into_iter().rev().map(|answer| (answer, Some(at))));
        }
        threads
    })
}

fn extensions() -> impl Strategy<Value = Untagged> {
    let name = || texts().prop_map(MailboxName::from_wire);
    let rights = || "[a-z]{0,5}".prop_map(Rights::new);
    let set = || (1..=u32::MAX).prop_map(SequenceSet::from);
    let namespaces = || {
        let namespace = (texts(), option::of(Just(b'/'))).prop_map(|(prefix, delimiter)| Namespace {
            prefix,
            delimiter,
            extensions: vec![("X-HINT".into(), "(\"ONE\" \"TWO\")".into())],
        });
        vec(namespace, 0..3)
    };
    let resource = any::<(u64, u64)>().prop_map(|(usage, limit)| QuotaResource {
        name: "STORAGE".into(),
        usage,
        limit: Some(limit),
    });
    let metadata = prop_oneof![
        vec((texts(), option::of(vec(any::<u8>(), 0..50).prop_map(Bytes::from))), 1..4)
            .prop_map(MetadataData::Entries),
        vec(texts(), 1..4).prop_map(MetadataData::Changed),
    ];
    prop_oneof![
        esearches().prop_map(|found| Untagged::ESearch(Box::new(found))),
        threads().prop_map(Untagged::Thread),
        (any::<bool>(), set()).prop_map(|(earlier, uids)| Untagged::Vanished(Vanished { earlier, uids })),
        (namespaces(), namespaces(), namespaces()).prop_map(|(personal, other_users, shared)| {
            Untagged::Namespace(Namespaces { personal, other_users, shared })
        }),
        (texts(), vec(resource, 0..3))
            .prop_map(|(root, resources)| Untagged::Quota(Quota { root, resources })),
        (name(), vec(texts(), 0..3))
            .prop_map(|(mailbox, roots)| Untagged::QuotaRoot(QuotaRoot { mailbox, roots })),
        (name(), vec((texts(), rights()), 0..3))
            .prop_map(|(mailbox, entries)| Untagged::Acl(Acl { mailbox, entries })),
        (name(), texts(), rights(), vec(rights(), 0..3)).prop_map(
            |(mailbox, identifier, required, optional)| {
                Untagged::ListRights(ListRights { mailbox, identifier, required, optional })
            }
        ),
        (name(), rights()).prop_map(|(mailbox, rights)| Untagged::MyRights(MyRights { mailbox, rights })),
        (name(), metadata).prop_map(|(mailbox, data)| Untagged::Metadata(Metadata { mailbox, data })),
        (option::of(texts()), option::of(set()))
            .prop_map(|(tag, batches)| Untagged::UidBatches(UidBatches { tag, batches })),
        texts().prop_map(Untagged::JmapAccess),
    ]
}

fn lists() -> impl Strategy<Value = List> {
    let name = || texts().prop_map(MailboxName::from_wire);
    let extension = prop_oneof![
        vec(select(vec!["SUBSCRIBED", "X"]).prop_map(Bytes::from), 1..3).prop_map(ListExtension::ChildInfo),
        name().prop_map(ListExtension::OldName),
        Just(ListExtension::Other { tag: "x y".into(), value: "(a \"b)\" {1}\r\n()".into() }),
    ];
    let delimiter = option::of(select(b"/.\\\"".to_vec()));
    (mailbox_attributes(), delimiter, name(), vec(extension, 0..3)).prop_map(
        |(attributes, delimiter, mailbox, extended)| List {
            attributes: attributes.into_iter().collect(),
            delimiter,
            mailbox,
            extended,
        },
    )
}

#[test]
fn every_variant_is_generated() {
    let untagged = responses().prop_map(|response| match response {
        Response::Untagged(untagged) => vec![untagged],
        _ => Vec::new(),
    });
    assert_every_variant_is_generated!(untagged => Untagged:
        Status Capability Enabled Flags Exists Recent Expunge List Lsub MailboxStatus XList Namespace Search ESearch Sort
        Thread Vanished Quota QuotaRoot Acl ListRights MyRights Metadata UidBatches JmapAccess Fetch Id Unknown);
    assert_every_variant_is_generated!(singly(responses()) => Response: Tagged Untagged Continue);
    assert_every_variant_is_generated!(singly(codes()) => ResponseCode:
        Alert AlreadyExists AuthenticationFailed AuthorizationFailed Cannot ClientBug Closed CompressionActive
        ContactAdmin Corruption Expired ExpungeIssued HasChildren InUse Limit NonExistent NoModSeq NoPerm
        NotificationOverflow NotSaved OverQuota Parse PrivacyRequired ReadOnly ReadWrite ServerBug Throttled TooBig
        TryCreate UidNotSticky UidRequired Unavailable UnknownCte UseAttr BadCharset BadEvent BadUrl Capability
        PermanentFlags UidNext UidValidity Unseen AppendUid CopyUid HighestModSeq Modified InProgress MailboxId
        MessageLimit Metadata NoUpdate UndefinedFilter Other);
    assert_every_variant_is_generated!(singly(statuses().prop_map(|status| status.kind)) => StatusKind:
        Ok No Bad Bye PreAuth);
    assert_every_variant_is_generated!(singly(metadata_codes()) => MetadataCode:
        LongEntries MaxSize TooMany NoPrivate);
    assert_every_variant_is_generated!(lists().prop_map(|list| list.extended) => ListExtension:
        ChildInfo OldName Other);
}

pub(crate) fn responses() -> impl Strategy<Value = Response> {
    let name = || texts().prop_map(MailboxName::from_wire);
    let data = prop_oneof![
        statuses().prop_map(Untagged::Status),
        any::<u32>().prop_map(Untagged::Exists),
        any::<u32>().prop_map(Untagged::Recent),
        any::<u32>().prop_map(Untagged::Expunge),
        Just(Untagged::Flags(vec![Flag::Answered, Flag::Other("a[1]".into())])),
        told_flags().prop_map(Untagged::Flags),
        capabilities().prop_map(Untagged::Capability),
        capabilities().prop_map(Untagged::Enabled),
        lists().prop_map(Untagged::Lsub),
        lists().prop_map(Untagged::XList),
        Just(Untagged::Unknown { keyword: "XTHING".into(), raw: "* XTHING (a \"b\" c)".into() }),
        (name(), status_items(), 1..=u32::MAX).prop_map(|(mailbox, items, number)| {
            let value = |item| match item {
                StatusItem::MailboxId => StatusValue::Id("F1".into()),
                _ => u64::from(number).into(),
            };
            let items = items.into_iter().map(|item| (item, value(item))).collect();
            Untagged::MailboxStatus(MailboxStatus { mailbox, items, other: Vec::new() })
        }),
        (name(), option::of(prop_oneof![Just(b'/'), Just(b'.'), Just(b'\\'), Just(b'"')])).prop_map(
            |(mailbox, delimiter)| Untagged::List(List {
                attributes: [MailboxAttribute::HasChildren, MailboxAttribute::new("\\X-Odd")].into(),
                delimiter,
                mailbox,
                extended: vec![
                    ListExtension::ChildInfo(vec!["SUBSCRIBED".into()]),
                    ListExtension::OldName("Entwürfe".into()),
                    ListExtension::Other { tag: "x y".into(), value: "(a \"b)\" {1}\r\n()".into() },
                ],
            })
        ),
        (name(), any::<u32>()).prop_map(|(mailbox, number)| Untagged::MailboxStatus(MailboxStatus {
            mailbox,
            items: vec![
                (StatusItem::Messages, u64::from(number).into()),
                (StatusItem::Size, u64::MAX.into()),
                (StatusItem::MailboxId, StatusValue::Id("F-2_x".into())),
                (StatusItem::AppendLimit, StatusValue::Nil),
            ],
            other: vec![("X-NEW".into(), "(a b)".into())],
        })),
        (vec(1..=u32::MAX, 0..50), option::of(any::<u64>()))
            .prop_map(|(numbers, modseq)| Untagged::Search(Search { numbers, modseq })),
        (vec(1..=u32::MAX, 0..50), option::of(any::<u64>()))
            .prop_map(|(numbers, modseq)| Untagged::Sort(Search { numbers, modseq })),
        extensions(),
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
            .prop_filter("these are never tagged", |(_, status)| {
                !matches!(status.kind, StatusKind::Bye | StatusKind::PreAuth)
            })
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
        ("* NO [ALERT no bracket\r\n", None, "[ALERT no bracket"),
        (
            "* OK [UIDVALIDITY x] y\r\n",
            Some(ResponseCode::Other { name: "UIDVALIDITY".into(), arguments: Some("x".into()) }),
            "y",
        ),
        ("* OK quota {3}\r\n", None, "quota {3}"),
        ("* OK [] odd\r\n", None, "odd"),
        (
            "* OK [INPROGRESS (\"A1\" NIL 200)] x\r\n",
            Some(ResponseCode::InProgress(Progress { tag: Some("A1".into()), done: None, of: Some(200) })),
            "x",
        ),
        ("* OK [INPROGRESS] x\r\n", Some(ResponseCode::InProgress(Progress::default())), "x"),
        (
            "A1 NO [METADATA MAXSIZE 1024] x\r\n",
            Some(ResponseCode::Metadata(MetadataCode::MaxSize(1024))),
            "x",
        ),
        (
            "A1 OK [MESSAGELIMIT 1000 23221] x\r\n",
            Some(ResponseCode::MessageLimit { most: 1000, lowest: Some(23221) }),
            "x",
        ),
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
        ("A1 OK [] x\r\n", QuirkKind::EmptyCode),
        ("A1 OK [ALERT x\r\n", QuirkKind::UnclosedCode),
        ("A1 OK [ALERT ] x\r\n", QuirkKind::ExtraSpace),
        ("* OK [CAPABILITY] x\r\n", QuirkKind::MissingField),
        ("A1 NO [BADCHARSET ()] x\r\n", QuirkKind::EmptyList),
        ("A1 NO [BADCHARSET UTF-8 \"x]\"] x\r\n", QuirkKind::StringForList),
        ("* SEARCH  1\r\n", QuirkKind::ExtraSpace),
        ("* SEARCH 0\r\n", QuirkKind::BadNumber),
        ("* STATUS a b (MESSAGES 1)\r\n", QuirkKind::AtomForString),
        ("* STATUS a (UIDNEXT 4294967296)\r\n", QuirkKind::BadNumber),
        ("* QUOTA \"\" (STORAGE 10 -1)\r\n", QuirkKind::BadNumber),
        ("* ESEARCH (TAG A1) COUNT 3\r\n", QuirkKind::AtomForString),
        ("* ESEARCH (TAG \"A1\") (MODSEQ 3)\r\n", QuirkKind::ExtraParenthesis),
        ("* [COPYUID 1 2 3]\r\n", QuirkKind::MissingText),
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
    let error = parse(&b"* OK [CAPABILITY ]X\r\n"[..], ParseOptions::STRICT).unwrap_err();
    assert_eq!(error.offset, 16, "{error}");
    assert_eq!(read(b"* OK [CAPABILITY ]X\r\n").quirks.len(), 3);
}

#[test]
fn charsets_come_as_a_list_or_not() {
    for wire in ["(UTF-8 KOI8-R \"x]\")", "UTF-8 KOI8-R \"x]\""] {
        let charsets = ["UTF-8", "KOI8-R", "x]"].map(Bytes::from).to_vec();
        let status = status(&format!("A1 NO [BADCHARSET {wire}] no\r\n"));
        assert_eq!((status.code, &status.text[..]), (Some(ResponseCode::BadCharset(charsets)), &b"no"[..]));
    }
}

#[test]
fn unreadable_lines_say_where_and_what() {
    for (wire, offset, expected) in [
        ("* 5 FETCH UID 3\r\n", 10, "\"(\""),
        ("* SEARCH 1 x\r\n", 11, "a number"),
        ("* THREAD (1 x)\r\n", 12, "a message number or \")\""),
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
