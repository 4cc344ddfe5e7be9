use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::generated::{
    assert_every_variant_is_generated, capabilities, flags, mailbox_attributes, singly, status_items,
};
use crate::imap::{
    AppendForm, CatenatePart, Date, DateTime, EncodeError, EventGroup, ListReturn, ListSelect, MailboxFilter,
    MetadataDepth, ModSeqScope, NotifyEvent, PartialRange, QResync, Rights, SortBy,
    encode::{EncodeOptions, Encoded, Fragment, Literals},
    fetch::{Partial, Rfc822, Section, SectionText},
    response::ParseOptions,
};

pub(crate) fn sets() -> impl Strategy<Value = SequenceSet> {
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

fn store_actions() -> impl Strategy<Value = StoreAction> {
    prop_oneof![Just(StoreAction::Add), Just(StoreAction::Remove), Just(StoreAction::Replace)]
}

fn section_texts() -> impl Strategy<Value = SectionText> {
    let names = || vec("[A-Za-z-]{1,12}".prop_map(Bytes::from), 1..4);
    prop_oneof![
        Just(SectionText::All),
        Just(SectionText::Header),
        Just(SectionText::Text),
        names().prop_map(SectionText::HeaderFields),
        names().prop_map(SectionText::HeaderFieldsNot),
    ]
}

fn items() -> impl Strategy<Value = Vec<FetchItem>> {
    let part = || vec(1..99_u32, 0..4);
    let partial = || {
        option::of((any::<u32>(), 1..=u32::MAX))
            .prop_map(|found| found.map(|(offset, len)| Partial { offset, len }))
    };
    let section = prop_oneof![
        4 => (part(), section_texts()),
        1 => (vec(1..99_u32, 1..4), Just(SectionText::Mime)),
    ];
    let body = (section, any::<bool>(), partial()).prop_map(|((part, text), peek, partial)| {
        FetchItem::Body { section: Section { part, text }, peek, partial }
    });
    let item = prop_oneof![
        select(vec![
            FetchItem::Uid,
            FetchItem::Flags,
            FetchItem::InternalDate,
            FetchItem::Size,
            FetchItem::ModSeq,
            FetchItem::Envelope,
            FetchItem::BodyStructure,
            FetchItem::BodyBasic,
            FetchItem::EmailId,
            FetchItem::ThreadId,
            FetchItem::Preview { lazy: false },
            FetchItem::Preview { lazy: true },
            FetchItem::SaveDate,
            FetchItem::GmailMessageId,
            FetchItem::GmailThreadId,
            FetchItem::GmailLabels,
            FetchItem::Rfc822(Rfc822::Message),
            FetchItem::Rfc822(Rfc822::Header),
            FetchItem::Rfc822(Rfc822::Text),
        ]),
        (part(), any::<bool>(), partial()).prop_map(|(part, peek, partial)| FetchItem::Binary {
            part,
            peek,
            partial
        }),
        part().prop_map(|part| FetchItem::BinarySize { part }),
        body
    ];
    vec(item, 1..6)
}

const DATES: [fn(Date) -> SearchKey; 9] = [
    SearchKey::Before,
    SearchKey::On,
    SearchKey::Since,
    SearchKey::SentBefore,
    SearchKey::SentOn,
    SearchKey::SentSince,
    SearchKey::SavedBefore,
    SearchKey::SavedOn,
    SearchKey::SavedSince,
];

pub(crate) fn dates() -> impl Strategy<Value = Date> {
    (0..=9999_u16, 1..=12_u8, 1..=28_u8).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

/// Whole queries.
fn keys() -> impl Strategy<Value = SearchKey> {
    let charset = prop_oneof![Just("KOI8-R"), Just("ISO-8859-1"), Just("a \"b")].prop_map(Bytes::from);
    prop_oneof![
        4 => inner_keys(),
        1 => (charset, inner_keys()).prop_map(|(charset, key)| SearchKey::InCharset(charset, Box::new(key))),
    ]
}

fn inner_keys() -> impl Strategy<Value = SearchKey> {
    leaf_keys().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| SearchKey::Not(Box::new(key))),
            inner.clone().prop_map(|key| SearchKey::Fuzzy(Box::new(key))),
            (inner.clone(), inner.clone()).prop_map(|keys| SearchKey::Or(Box::new(keys))),
            vec(inner, 2..4).prop_map(SearchKey::And),
        ]
    })
}

/// Keys that no other is part of.
fn leaf_keys() -> impl Strategy<Value = SearchKey> {
    prop_oneof![
        Just(SearchKey::All),
        Just(SearchKey::New),
        Just(SearchKey::Flag(Flag::Seen)),
        Just(SearchKey::NotFlag(Flag::Recent)),
        Just(SearchKey::NotFlag(Flag::Other("$Junk".into()))),
        sets().prop_map(SearchKey::Sequence),
        sets().prop_map(SearchKey::Uid),
        any::<u64>().prop_map(SearchKey::Larger),
        any::<u64>().prop_map(SearchKey::Smaller),
        texts().prop_map(SearchKey::Text),
        texts().prop_map(SearchKey::Body),
        texts().prop_map(|text| SearchKey::Header("SUBJECT".into(), text)),
        texts().prop_map(|text| SearchKey::Header("x-list".into(), text)),
        (dates(), select(DATES.to_vec())).prop_map(|(date, key)| key(date)),
        Just(SearchKey::SaveDateSupported),
        (1..=u32::MAX).prop_map(SearchKey::Older),
        (1..=u32::MAX).prop_map(SearchKey::Younger),
        any::<u64>().prop_map(SearchKey::changed_since),
        (any::<u64>(), select(vec![ModSeqScope::Private, ModSeqScope::Shared, ModSeqScope::All])).prop_map(
            |(least, scope)| SearchKey::ModSeq { entry: Some(("/flags/\\Seen".into(), scope)), least }
        ),
        "[a-zA-Z0-9_-]{1,20}".prop_map(|id| SearchKey::EmailId(Bytes::from(id))),
        "[a-zA-Z0-9_-]{1,20}".prop_map(|id| SearchKey::ThreadId(Bytes::from(id))),
        texts().prop_map(SearchKey::GmailRaw),
        texts().prop_map(SearchKey::GmailLabel),
        any::<u64>().prop_map(SearchKey::GmailMessageId),
        any::<u64>().prop_map(SearchKey::GmailThreadId),
        Just(SearchKey::Filter("on-the-road".into())),
        Just(SearchKey::Sequence(SequenceSet::saved())),
    ]
}

fn select_options() -> impl Strategy<Value = SelectOptions> {
    let known = (1..=u32::MAX, 1..=u64::MAX, option::of(sets()), option::of((sets(), sets())));
    let known = known.prop_map(|(uid_validity, modseq, known_uids, known_pairs)| QResync {
        uid_validity,
        modseq,
        known_uids,
        known_pairs,
    });
    (any::<bool>(), option::of(known.prop_map(Box::new)))
        .prop_map(|(condstore, qresync)| SelectOptions { condstore, qresync })
}

fn list_options() -> impl Strategy<Value = ListOptions> {
    let odd = ListSelect::Other { name: "X-ODD".into(), value: Some("(a \"b)\")".into()) };
    let known =
        [ListSelect::Subscribed, ListSelect::Remote, ListSelect::RecursiveMatch, ListSelect::SpecialUse];
    let selected = vec(select(known.into_iter().chain([odd]).collect::<Vec<_>>()), 0..3);
    let returns = prop_oneof![
        select(vec![
            ListReturn::Subscribed,
            ListReturn::Children,
            ListReturn::SpecialUse,
            ListReturn::MyRights
        ]),
        status_items().prop_map(ListReturn::Status),
        vec(texts(), 1..3).prop_map(ListReturn::Metadata),
        Just(ListReturn::Other { name: "X-ODD".into(), value: None }),
    ];
    (selected, vec(returns, 0..3)).prop_map(|(select, returns)| ListOptions { select, returns })
}

fn returns() -> impl Strategy<Value = Option<Vec<SearchReturn>>> {
    let option = prop_oneof![
        select(vec![
            SearchReturn::Min,
            SearchReturn::Max,
            SearchReturn::All,
            SearchReturn::Count,
            SearchReturn::Save,
            SearchReturn::Update,
            SearchReturn::Context,
            SearchReturn::Relevancy,
        ]),
        (1..=u32::MAX, 1..=u32::MAX)
            .prop_map(|(first, last)| SearchReturn::Partial(PartialRange::FromFirst(first, last))),
        Just(SearchReturn::Partial(PartialRange::FromLast(1, 50))),
    ];
    option::of(vec(option, 0..4))
}

fn orders() -> impl Strategy<Value = Vec<SortKey>> {
    use SortBy::*;
    let by = vec![Arrival, Cc, Date, DisplayFrom, DisplayTo, From, Relevancy, Size, Subject, To];
    vec((select(by), any::<bool>()).prop_map(|(by, reverse)| SortKey { by, reverse }), 1..4)
}

fn algorithms() -> impl Strategy<Value = ThreadAlgorithm> {
    prop_oneof![
        Just(ThreadAlgorithm::OrderedSubject),
        Just(ThreadAlgorithm::References),
        Just(ThreadAlgorithm::Refs),
        Just(ThreadAlgorithm::new("X-OWN"))
    ]
}

fn filters() -> impl Strategy<Value = MailboxFilter> {
    prop_oneof![
        select(vec![
            MailboxFilter::Selected,
            MailboxFilter::SelectedDelayed,
            MailboxFilter::Inboxes,
            MailboxFilter::Personal,
            MailboxFilter::Subscribed,
        ]),
        vec(mailboxes(), 1..3).prop_map(MailboxFilter::Subtree),
        vec(mailboxes(), 1..3).prop_map(MailboxFilter::SubtreeOne),
        vec(mailboxes(), 1..3).prop_map(MailboxFilter::Mailboxes),
    ]
}

fn messages() -> impl Strategy<Value = AppendMessage> {
    let part = prop_oneof![
        texts().prop_map(CatenatePart::Url),
        (0..300_u64).prop_map(|len| CatenatePart::Text { len }),
    ];
    let catenated = vec(part, 1..4).prop_map(AppendMessage::catenate);
    let form = prop_oneof![Just(AppendForm::Text), Just(AppendForm::Binary), Just(AppendForm::Utf8)];
    let date = option::of(-62_167_219_200..253_402_300_799_i64);
    let whole = (form, 0..20_u64).prop_map(|(form, len)| AppendMessage::new(len).with_form(form));
    (flags(), date, prop_oneof![3 => whole, 1 => catenated]).prop_map(|(flags, date, message)| {
        let message = message.with_flags(flags);
        AppendMessage { date: date.map(DateTime::from_unix_seconds), ..message }
    })
}

fn events() -> impl Strategy<Value = Vec<NotifyEvent>> {
    let event = prop_oneof![
        items().prop_map(NotifyEvent::MessageNew),
        select(vec![
            NotifyEvent::MessageNew(Vec::new()),
            NotifyEvent::MessageExpunge,
            NotifyEvent::FlagChange,
            NotifyEvent::AnnotationChange,
            NotifyEvent::MailboxName,
            NotifyEvent::SubscriptionChange,
            NotifyEvent::MailboxMetadataChange,
            NotifyEvent::ServerMetadataChange,
            NotifyEvent::Other("X-Odd".into()),
        ]),
    ];
    vec(event, 0..4)
}

fn rarer_commands() -> impl Strategy<Value = Command> {
    let groups = (filters(), events()).prop_map(|(mailboxes, events)| EventGroup { mailboxes, events });
    let rights = || "[a-z]{1,5}".prop_map(Rights::new);
    let change = prop_oneof![
        rights().prop_map(RightsChange::Add),
        rights().prop_map(RightsChange::Remove),
        "[a-z]{0,5}".prop_map(Rights::new).prop_map(RightsChange::Replace),
    ];
    let depths = vec![MetadataDepth::Zero, MetadataDepth::One, MetadataDepth::Infinity];
    let values = vec((texts(), option::of(vec(any::<u8>(), 0..40))), 1..3);
    prop_oneof![
        mailboxes().prop_map(Command::Delete),
        mailboxes().prop_map(Command::Subscribe),
        mailboxes().prop_map(Command::Unsubscribe),
        (texts(), texts()).prop_map(|(reference, pattern)| Command::XList { reference, pattern }),
        (any::<bool>(), vec(groups, 1..3))
            .prop_map(|(status, groups)| Command::Notify(Notify::Set { status, groups })),
        vec(texts(), 1..3).prop_map(Command::CancelUpdate),
        (1..=u32::MAX, option::of((1..9_u32, 1..9_u32))).prop_map(|(size, batches)| {
            let batches = batches.map(|(first, last)| first..=last);
            Command::UidBatches(UidBatchesQuery { size, batches })
        }),
        texts().prop_map(Command::GetQuota),
        mailboxes().prop_map(Command::GetQuotaRoot),
        (texts(), vec(any::<u64>().prop_map(|limit| ("STORAGE".into(), limit)), 0..2))
            .prop_map(|(root, limits)| Command::SetQuota { root, limits }),
        (mailboxes(), texts(), change).prop_map(|(mailbox, identifier, change)| Command::SetAcl {
            mailbox,
            identifier,
            change
        }),
        (mailboxes(), texts()).prop_map(|(mailbox, identifier)| Command::DeleteAcl { mailbox, identifier }),
        (mailboxes(), texts()).prop_map(|(mailbox, identifier)| Command::ListRights { mailbox, identifier }),
        mailboxes().prop_map(Command::GetAcl),
        mailboxes().prop_map(Command::MyRights),
        (mailboxes(), option::of(any::<u64>()), option::of(select(depths)), vec(texts(), 1..3)).prop_map(
            |(mailbox, max_size, depth, entries)| {
                let options = MetadataOptions { max_size, depth };
                Command::GetMetadata { mailbox, options, entries }
            }
        ),
        (mailboxes(), values).prop_map(|(mailbox, values)| Command::SetMetadata {
            mailbox,
            entries: values.into_iter().map(|(name, value)| (name, value.map(Bytes::from))).collect()
        }),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        select(vec![
            Command::Capability,
            Command::Noop,
            Command::Logout,
            Command::StartTls,
            Command::Unauthenticate,
            Command::Compress,
            Command::GetJmapAccess,
            Command::Notify(Notify::None),
            Command::Namespace,
            Command::Idle,
            Command::Check,
            Command::Close,
            Command::Unselect,
            Command::Expunge,
        ]),
        capabilities().prop_map(Command::Enable),
        (texts(), texts())
            .prop_map(|(user, password)| Command::Login { user, password: Secret::new(password.to_vec()) }),
        option::of(vec(any::<u8>(), 0..50)).prop_map(|initial| Command::Authenticate {
            mechanism: "PLAIN".into(),
            initial: initial.map(Secret::new)
        }),
        vec((texts(), option::of(texts())), 0..3).prop_map(Command::Id),
        (mailboxes(), any::<bool>(), select_options())
            .prop_map(|(mailbox, read_only, options)| Command::Select { mailbox, read_only, options }),
        (texts(), vec(texts(), 1..3), list_options())
            .prop_map(|(reference, patterns, options)| Command::List { reference, patterns, options }),
        (texts(), texts()).prop_map(|(reference, pattern)| Command::Lsub { reference, pattern }),
        (mailboxes(), status_items()).prop_map(|(mailbox, items)| Command::Status { mailbox, items }),
        (mailboxes(), mailboxes()).prop_map(|(from, to)| Command::Rename { from, to }),
        (mailboxes(), mailbox_attributes())
            .prop_map(|(mailbox, special_use)| Command::Create { mailbox, special_use }),
        sets().prop_map(Command::UidExpunge),
        (any::<bool>(), returns(), keys()).prop_map(|(uid, returns, key)| Command::Search {
            uid,
            returns,
            key
        }),
        (any::<bool>(), returns(), orders(), keys()).prop_map(|(uid, returns, order, key)| Command::Sort {
            uid,
            returns,
            order,
            key
        }),
        (any::<bool>(), algorithms(), keys()).prop_map(|(uid, algorithm, key)| Command::Thread {
            uid,
            algorithm,
            key
        }),
        (vec(filters(), 0..3), returns(), keys()).prop_map(|(mailboxes, returns, key)| {
            Command::MultiSearch(MultiSearch { mailboxes, returns, key })
        }),
        (any::<bool>(), sets(), items(), option::of(any::<u64>())).prop_map(
            |(uid, set, items, changed_since)| {
                let modifiers = FetchModifiers { changed_since, ..FetchModifiers::default() };
                Command::Fetch { uid, set, items, modifiers }
            }
        ),
        (any::<bool>(), sets(), store_actions(), any::<bool>(), flags(), option::of(any::<u64>())).prop_map(
            |(uid, set, action, silent, flags, unchanged_since)| Command::Store {
                uid,
                set,
                action,
                silent,
                flags,
                unchanged_since
            }
        ),
        (any::<bool>(), sets(), store_actions(), any::<bool>(), vec(texts(), 0..4), option::of(any::<u64>()))
            .prop_map(|(uid, set, action, silent, labels, unchanged_since)| Command::StoreLabels {
                uid,
                set,
                action,
                silent,
                labels,
                unchanged_since
            }),
        (any::<bool>(), sets(), mailboxes()).prop_map(|(uid, set, mailbox)| Command::Copy {
            uid,
            set,
            mailbox
        }),
        (any::<bool>(), sets(), mailboxes()).prop_map(|(uid, set, mailbox)| Command::Move {
            uid,
            set,
            mailbox
        }),
        (mailboxes(), vec(messages(), 1..4))
            .prop_map(|(mailbox, messages)| Command::Append { mailbox, messages }),
        (any::<bool>(), 1..=u32::MAX, mailboxes(), messages()).prop_map(|(uid, number, mailbox, message)| {
            Command::Replace { uid, number, mailbox, message }
        }),
        rarer_commands(),
    ]
}

#[test]
fn every_variant_is_generated() {
    assert_every_variant_is_generated!(singly(commands()) => Command:
        Capability Noop Logout StartTls Login Authenticate Id Enable Unauthenticate Compress Notify GetJmapAccess Select
        List Lsub XList Status Create Delete Rename Subscribe Unsubscribe Namespace Idle Append Replace Check Close
        Unselect Expunge UidExpunge Search MultiSearch Sort Thread CancelUpdate UidBatches Fetch Store StoreLabels Copy
        Move GetQuota GetQuotaRoot SetQuota SetAcl DeleteAcl GetAcl ListRights MyRights GetMetadata SetMetadata);
    assert_every_variant_is_generated!(singly(prop_oneof![20 => leaf_keys(), 1 => keys()]) => SearchKey:
        All Flag NotFlag New Sequence Uid Larger Smaller Text Body Header Before On Since SentBefore SentOn SentSince
        Older Younger ModSeq SavedBefore SavedOn SavedSince SaveDateSupported EmailId ThreadId Filter Fuzzy GmailRaw
        GmailMessageId GmailThreadId GmailLabel Or Not And InCharset);
    assert_every_variant_is_generated!(items() => FetchItem:
        Uid Flags InternalDate Size ModSeq Envelope BodyStructure BodyBasic EmailId ThreadId Preview SaveDate
        GmailMessageId GmailThreadId GmailLabels Binary BinarySize Rfc822 Body);
    let sections = items().prop_map(|items| {
        let text = |item| match item {
            FetchItem::Body { section, .. } => Some(section.text),
            _ => None,
        };
        items.into_iter().filter_map(text).collect()
    });
    assert_every_variant_is_generated!(sections => SectionText:
        All Header HeaderFields HeaderFieldsNot Text Mime);
    assert_every_variant_is_generated!(returns().prop_map(Option::unwrap_or_default) => SearchReturn:
        Min Max All Count Save Partial Update Context Relevancy);
    assert_every_variant_is_generated!(list_options().prop_map(|options| options.select) => ListSelect:
        Subscribed Remote RecursiveMatch SpecialUse Other);
    assert_every_variant_is_generated!(list_options().prop_map(|options| options.returns) => ListReturn:
        Subscribed Children SpecialUse MyRights Status Metadata Other);
    assert_every_variant_is_generated!(singly(filters()) => MailboxFilter:
        Selected SelectedDelayed Inboxes Personal Subscribed Subtree SubtreeOne Mailboxes);
    assert_every_variant_is_generated!(events() => NotifyEvent:
        MessageNew MessageExpunge FlagChange AnnotationChange MailboxName SubscriptionChange MailboxMetadataChange
        ServerMetadataChange Other);
    assert_every_variant_is_generated!(singly(messages().prop_map(|message| message.form)) => AppendForm:
        Text Binary Utf8 Catenate);
    assert_every_variant_is_generated!(messages().prop_map(|message| message.parts) => CatenatePart: Url Text);
    assert_every_variant_is_generated!(singly(algorithms()) => ThreadAlgorithm: OrderedSubject References Refs Other);
    assert_every_variant_is_generated!(singly(store_actions()) => StoreAction: Add Remove Replace);
    assert_every_variant_is_generated!(orders().prop_map(|keys| keys.into_iter().map(|key| key.by).collect()) => SortBy:
        Arrival Cc Date DisplayFrom DisplayTo From Relevancy Size Subject To);
}

/// All bytes, with messages of `x` where messages are to be.
fn whole(encoded: &Encoded) -> Vec<u8> {
    let mut out = Vec::new();
    for fragment in &encoded.fragments {
        match fragment {
            Fragment::Bytes(bytes) => out.extend_from_slice(bytes),
            Fragment::Upload { len } => out.extend(std::iter::repeat_n(b'x', *len as usize)),
            Fragment::Wait => {}
        }
    }
    out
}

proptest! {
    #[test]
    fn a_server_reads_what_a_client_wrote(command in commands(), tag in "[A-Z][0-9]{1,5}") {
        for literals in [Literals::Synchronising, Literals::Any] {
            let encoded = command.encode(&tag, EncodeOptions::literals(literals)).unwrap();
            let parsed = TaggedCommand::parse(whole(&encoded), ParseOptions::STRICT).unwrap();
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
fn labels_come_bare_in_strings_and_with_backslashes() {
    let wire = "a UID STORE 7 -X-GM-LABELS.SILENT (\\Inbox Bills \"two words\" \"\\\\Sent\" {1+}\r\n*)\r\n";
    let parsed = TaggedCommand::parse(wire.as_bytes(), ParseOptions::STRICT).unwrap();
    let expected = Command::StoreLabels {
        uid: true,
        set: 7.into(),
        action: StoreAction::Remove,
        silent: true,
        labels: ["\\Inbox", "Bills", "two words", "\\Sent", "*"].map(Bytes::from).to_vec(),
        unchanged_since: None,
    };
    assert_eq!(parsed.value.command, expected);
    let one = TaggedCommand::parse(&b"a STORE 1 X-GM-LABELS \\Trash\r\n"[..], ParseOptions::STRICT).unwrap();
    let Command::StoreLabels { labels, .. } = one.value.command else { panic!("{one:?}") };
    assert_eq!(labels, ["\\Trash"]);
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
    let fetch = Command::uid_fetch(SequenceSet::default(), [FetchItem::Uid]);
    let error = fetch.encode("A1", EncodeOptions::default()).unwrap_err();
    assert_eq!(error, EncodeError::Empty { what: "messages to fetch" });
}
