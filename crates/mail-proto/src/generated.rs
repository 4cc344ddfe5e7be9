//! What the tests generate: whether each variant of an enum is among it, and values that many of them need.

use bytes::Bytes;
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use crate::imap::{Capabilities, Capability, Flag, MailboxAttribute, StatusItem};

/// Fails unless the strategy, which gives lists of values, gives every variant, sooner or later.
///
/// The variants are listed once more: a new one doesn't compile until it is listed, and then it has to be generated.
macro_rules! assert_every_variant_is_generated {
    ($strategy:expr => $type:ident: $($variant:ident)*) => {{
        fn name(value: &$type) -> &'static str {
            match value {
                $($type::$variant { .. } => stringify!($variant),)*
            }
        }
        crate::generated::assert_all($strategy, name, &[$(stringify!($variant)),*]);
    }};
}

pub(crate) use assert_every_variant_is_generated;

/// Values that are looked at before one is given up.
const PATIENCE: usize = 20_000;

pub(crate) fn assert_all<T>(
    lists: impl Strategy<Value = Vec<T>>,
    name: fn(&T) -> &'static str,
    all: &[&'static str],
) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut missing: Vec<_> = all.to_vec();
    for _ in 0..PATIENCE {
        let Ok(tree) = lists.new_tree(&mut runner) else { panic!("a strategy without values") };
        for value in tree.current() {
            missing.retain(|missing| *missing != name(&value));
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never generated: {missing:?}");
}

/// Each value in a list of its own.
pub(crate) fn singly<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<T>> {
    strategy.prop_map(|value| vec![value])
}

/// All that are known, and one that isn't.
pub(crate) fn status_items() -> impl Strategy<Value = Vec<StatusItem>> {
    use StatusItem::*;
    let known = vec![
        Messages,
        Recent,
        UidNext,
        UidValidity,
        Unseen,
        Deleted,
        Size,
        HighestModSeq,
        MailboxId,
        AppendLimit,
        DeletedStorage,
    ];
    vec(select(known), 1..4)
}

pub(crate) fn mailbox_attributes() -> impl Strategy<Value = Vec<MailboxAttribute>> {
    use MailboxAttribute::*;
    let all = vec![
        NoInferiors,
        NoSelect,
        Marked,
        Unmarked,
        NonExistent,
        Subscribed,
        Remote,
        HasChildren,
        HasNoChildren,
        All,
        Archive,
        Drafts,
        Flagged,
        Junk,
        Sent,
        Trash,
        Important,
        Inbox,
        Starred,
        AllMail,
        Spam,
        MailboxAttribute::new("\\X-Odd"),
    ];
    vec(select(all), 0..3)
}

/// Flags that a client may set.
pub(crate) fn flags() -> impl Strategy<Value = Vec<Flag>> {
    let flag = prop_oneof![
        select(vec![Flag::Seen, Flag::Answered, Flag::Deleted, Flag::Draft, Flag::Flagged]),
        "\\$?[a-zA-Z0-9_.-]{1,10}".prop_map(|name| Flag::new(Bytes::from(name))),
    ];
    vec(flag, 0..5)
}

/// Flags that a server may tell of.
pub(crate) fn told_flags() -> impl Strategy<Value = Vec<Flag>> {
    (flags(), vec(select(vec![Flag::Recent, Flag::Wildcard]), 0..2))
        .prop_map(|(flags, more)| flags.into_iter().chain(more).collect())
}

pub(crate) fn capability_lists() -> impl Strategy<Value = Vec<Capability>> {
    const NAMES: &str = "IMAP4rev1 IMAP4rev2 ACL BINARY CATENATE CHILDREN COMPRESS=DEFLATE CONDSTORE CONTEXT=SEARCH \
        CONTEXT=SORT CREATE-SPECIAL-USE ENABLE ESEARCH ESORT FILTERS X-GM-EXT-1 ID IDLE INPROGRESS JMAPACCESS \
        LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS LITERAL- LITERAL+ LOGINDISABLED LOGIN-REFERRALS \
        MAILBOX-REFERRALS METADATA METADATA-SERVER MOVE MULTIAPPEND MULTISEARCH NAMESPACE NOTIFY OBJECTID PARTIAL \
        PREVIEW QRESYNC QUOTA QUOTASET REPLACE SASL-IR SAVEDATE SEARCH=FUZZY SEARCHRES SORT SORT=DISPLAY SPECIAL-USE \
        STARTTLS STATUS=SIZE UIDBATCHES UIDONLY UIDPLUS UNAUTHENTICATE UNSELECT URLAUTH UTF8=ACCEPT UTF8=ONLY WITHIN \
        XLIST AUTH=PLAIN THREAD=REFS QUOTA=RES-STORAGE RIGHTS=texk APPENDLIMIT APPENDLIMIT=5 MESSAGELIMIT=5 \
        SAVELIMIT=6 X-ODD";
    let names: Vec<_> = NAMES.split_whitespace().collect();
    vec(select(names).prop_map(Capability::new), 1..6)
}

pub(crate) fn capabilities() -> impl Strategy<Value = Capabilities> {
    capability_lists().prop_map(|list| list.into_iter().collect())
}

#[test]
fn every_word_is_generated() {
    assert_every_variant_is_generated!(status_items() => StatusItem:
        Messages Recent UidNext UidValidity Unseen Deleted Size HighestModSeq MailboxId AppendLimit DeletedStorage);
    assert_every_variant_is_generated!(mailbox_attributes() => MailboxAttribute:
        NoInferiors NoSelect Marked Unmarked NonExistent Subscribed Remote HasChildren HasNoChildren All Archive Drafts
        Flagged Junk Sent Trash Important Inbox Starred AllMail Spam Other);
    assert_every_variant_is_generated!(told_flags() => Flag:
        Answered Deleted Draft Flagged Recent Seen Wildcard Other);
    assert_every_variant_is_generated!(capability_lists() => Capability:
        Imap4Rev1 Imap4Rev2 Acl Binary Catenate Children CompressDeflate CondStore ContextSearch ContextSort
        CreateSpecialUse Enable ESearch ESort Filters GmailExtensions Id Idle InProgress JmapAccess ListExtended
        ListMetadata ListMyRights ListStatus LiteralMinus LiteralPlus LoginDisabled LoginReferrals MailboxReferrals
        Metadata MetadataServer Move MultiAppend MultiSearch Namespace Notify ObjectId Partial Preview QResync Quota
        QuotaSet Replace SaslIr SaveDate SearchFuzzy SearchRes Sort SortDisplay SpecialUse StartTls StatusSize
        UidBatches UidOnly UidPlus Unauthenticate Unselect UrlAuth Utf8Accept Utf8Only Within XList Auth Thread
        QuotaResource Rights AppendLimit MessageLimit SaveLimit Other);
}
