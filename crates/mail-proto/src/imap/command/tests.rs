use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::imap::{
    Capability, Date,
    encode::{Fragment, Literals},
    fetch::{Partial, Section, SectionText},
};

fn sets() -> impl Strategy<Value = SequenceSet> {
    vec((1..=u32::MAX, 0..5_u32, any::<bool>()), 1..6).prop_map(|ranges| {
        let mut set = SequenceSet::default();
        for (first, more, _) in &ranges {
            set.insert_range(*first..=first.saturating_add(*more));
        }
        if ranges[0].2 { SequenceSet::starting_at(ranges[0].0) } else { set }
    })
}

/// Any bytes but NUL.
fn texts() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        "[a-zA-Z0-9 \\\\\"(){}\\[\\]%*+]{0,12}".prop_map(Bytes::from),
        vec(1..=255_u8, 0..2000).prop_map(Bytes::from),
    ]
}

fn mailboxes() -> impl Strategy<Value = MailboxName> {
    texts().prop_map(MailboxName::from_wire)
}

fn flag_lists() -> impl Strategy<Value = Vec<Flag>> {
    let flag = prop_oneof![
        Just(Flag::Seen),
        Just(Flag::Answered),
        Just(Flag::Deleted),
        Just(Flag::Draft),
        Just(Flag::Flagged),
        "\\$?[a-zA-Z0-9_.-]{1,10}".prop_map(|name| Flag::new(Bytes::from(name))),
    ];
    vec(flag, 0..5)
}

fn items() -> impl Strategy<Value = Vec<FetchItem>> {
    let names = vec("[A-Za-z-]{1,12}".prop_map(Bytes::from), 1..4);
    let text = prop_oneof![
        Just(SectionText::All),
        Just(SectionText::Header),
        Just(SectionText::Text),
        names.clone().prop_map(SectionText::HeaderFields),
        names.prop_map(SectionText::HeaderFieldsNot),
    ];
    let body = (vec(1..99_u32, 0..4), text, any::<bool>(), option::of((any::<u32>(), 1..=u32::MAX)));
    let body = body.prop_map(|(part, text, peek, partial)| FetchItem::Body {
        section: Section { part, text },
        peek,
        partial: partial.map(|(offset, len)| Partial { offset, len }),
    });
    let item = prop_oneof![
        Just(FetchItem::Uid),
        Just(FetchItem::Flags),
        Just(FetchItem::InternalDate),
        Just(FetchItem::Size),
        Just(FetchItem::ModSeq),
        body
    ];
    vec(item, 1..6)
}

fn dates() -> impl Strategy<Value = Date> {
    (0..10_000_u16, 1..13_u8, 1..32_u8).prop_map(|(year, month, day)| Date { year, month, day })
}

fn keys() -> impl Strategy<Value = SearchKey> {
    let leaf = prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::New),
        Just(SearchKey::Flag(Flag::Seen)),
        Just(SearchKey::NotFlag(Flag::Recent)),
        Just(SearchKey::NotFlag(Flag::Other("$Junk".into()))),
        sets().prop_map(SearchKey::Sequence),
        sets().prop_map(SearchKey::Uid),
        any::<u64>().prop_map(SearchKey::Larger),
        any::<u64>().prop_map(SearchKey::Smaller),
        dates().prop_map(SearchKey::Before),
        dates().prop_map(SearchKey::On),
        dates().prop_map(SearchKey::Since),
        dates().prop_map(SearchKey::SentBefore),
        dates().prop_map(SearchKey::SentOn),
        dates().prop_map(SearchKey::SentSince),
        texts().prop_map(SearchKey::Text),
        texts().prop_map(SearchKey::Body),
        texts().prop_map(|text| SearchKey::Header("SUBJECT".into(), text)),
        texts().prop_map(|text| SearchKey::Header("x-list".into(), text)),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            (inner.clone(), inner.clone()).prop_map(|keys| SearchKey::Or(Box::new(keys))),
            vec(inner, 2..4).prop_map(SearchKey::And),
        ]
    })
}

fn commands() -> impl Strategy<Value = Command> {
    let action = prop_oneof![Just(StoreAction::Add), Just(StoreAction::Remove), Just(StoreAction::Replace)];
    prop_oneof![
        Just(Command::Capability),
        Just(Command::Idle),
        Just(Command::Unselect),
        Just(Command::Enable([Capability::CondStore, Capability::new("X-Y")].into_iter().collect())),
        (texts(), texts())
            .prop_map(|(user, password)| Command::Login { user, password: Secret::new(password.to_vec()) }),
        option::of(vec(any::<u8>(), 0..50)).prop_map(|initial| Command::Authenticate {
            mechanism: "PLAIN".into(),
            initial: initial.map(Secret::new)
        }),
        vec((texts(), option::of(texts())), 0..3).prop_map(Command::Id),
        (mailboxes(), any::<bool>()).prop_map(|(mailbox, read_only)| Command::Select { mailbox, read_only }),
        (texts(), texts()).prop_map(|(reference, pattern)| Command::List { reference, pattern }),
        (texts(), texts()).prop_map(|(reference, pattern)| Command::Lsub { reference, pattern }),
        Just(Command::Check),
        mailboxes().prop_map(|mailbox| Command::Status {
            mailbox,
            items: vec![StatusItem::Messages, StatusItem::Size]
        }),
        (mailboxes(), mailboxes()).prop_map(|(from, to)| Command::Rename { from, to }),
        mailboxes().prop_map(Command::Create),
        sets().prop_map(Command::UidExpunge),
        (any::<bool>(), keys()).prop_map(|(uid, key)| Command::Search { uid, key }),
        (any::<bool>(), sets(), items()).prop_map(|(uid, set, items)| Command::Fetch { uid, set, items }),
        (any::<bool>(), sets(), action, any::<bool>(), flag_lists())
            .prop_map(|(uid, set, action, silent, flags)| Command::Store { uid, set, action, silent, flags }),
        (any::<bool>(), sets(), mailboxes()).prop_map(|(uid, set, mailbox)| Command::Copy {
            uid,
            set,
            mailbox
        }),
        (mailboxes(), flag_lists(), option::of(-62_167_219_200..253_402_300_799_i64), any::<u32>()).prop_map(
            |(mailbox, flags, date, len)| Command::Append {
                mailbox,
                flags,
                date: date.map(DateTime::from_unix_seconds),
                len: u64::from(len)
            }
        ),
    ]
}

proptest! {
    #[test]
    fn a_server_reads_what_a_client_wrote(command in commands(), tag in "[A-Z][0-9]{1,5}") {
        for literals in [Literals::Synchronising, Literals::Any] {
            let encoded = command.encode(&tag, EncodeOptions::literals(literals)).unwrap();
            let parsed = TaggedCommand::parse(encoded.to_bytes(), ParseOptions::STRICT).unwrap();
            prop_assert_eq!(&parsed.value.tag, tag.as_bytes());
            prop_assert_eq!(&parsed.value.command, &command);
        }
    }

    #[test]
    fn an_argument_never_leaves_its_line(command in commands()) {
        let encoded = command.encode("A1", EncodeOptions::literals(Literals::Any)).unwrap();
        let mut framer = crate::frame::Framer::commands(crate::frame::Limits {
            kept_literal: 1 << 20,
            ..crate::frame::Limits::COMMANDS
        });
        for fragment in &encoded.fragments {
            match fragment {
                Fragment::Bytes(bytes) => framer.buffer().extend_from_slice(bytes),
                // The message of an APPEND is one of line ends only, to be as confusing as can be.
                Fragment::Upload { len } if *len < 1 << 20 => {
                    framer.buffer().extend(std::iter::repeat_n(b'\n', *len as usize));
                }
                _ => return Ok(()),
            }
        }
        let event = framer.next_event().unwrap();
        let is_segment = matches!(event, Some(crate::frame::Event::Segment(_)));
        prop_assert!(is_segment);
        prop_assert!(framer.is_at_frame_start());
    }
}

#[test]
fn names_of_commands_show_no_secret() {
    let login = Command::Login { user: "bob".into(), password: Secret::from("hunter2") };
    assert_eq!(login.to_string(), "LOGIN");
    assert!(!format!("{login:?}").contains("hunter2"));
}

#[test]
fn what_is_no_command_still_has_a_tag() {
    for line in ["a1 FROB\r\n", "a1 UID NOOP\r\n", "a1 FETCH x FLAGS\r\n", "a1 LOGIN bob\r\n"] {
        assert!(TaggedCommand::parse(line.as_bytes(), ParseOptions::default()).is_err(), "{line:?}");
        assert_eq!(tag_of(line.as_bytes()), Some(&b"a1"[..]));
    }
    assert_eq!(tag_of(b"\r\n"), None);
}

#[test]
fn an_empty_set_is_refused_before_anything_is_sent() {
    let fetch = Command::Fetch { uid: true, set: SequenceSet::default(), items: vec![FetchItem::Uid] };
    let error = fetch.encode("A1", EncodeOptions::default()).unwrap_err();
    assert_eq!(error, EncodeError::Empty { what: "messages to fetch" });
}
