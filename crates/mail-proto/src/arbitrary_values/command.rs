//! What a client sends.

use arbitrary::{Result, Unstructured};

use super::{
    Make, arbitrary_by_make, enums, made_by, make, some, structures,
    words::{number, part, word},
};
use crate::imap::{
    AppendForm, AppendMessage, CatenatePart, Command, EventGroup, ListOptions, ListReturn, ListSelect,
    MailboxFilter, MetadataDepth, MetadataOptions, ModSeqScope, MultiSearch, Notify, NotifyEvent, QResync,
    RightsChange, SearchKey, SearchReturn, SelectOptions, SortBy, SortKey, UidBatchesQuery,
    command::{StoreAction, TaggedCommand},
    fetch::{FetchItem, FetchModifiers, Partial, Rfc822},
};

enums! {
    Command {
        Capability,
        Noop,
        Logout,
        StartTls,
        Login { user, password },
        Authenticate { mechanism, initial },
        Id(fields),
        Enable(capabilities),
        Unauthenticate,
        Compress,
        Notify(notify),
        GetJmapAccess,
        Select { mailbox, read_only, options },
        List { reference, patterns, options },
        Lsub { reference, pattern },
        XList { reference, pattern },
        Status { mailbox, items },
        Create { mailbox, special_use },
        Delete(mailbox),
        Rename { from, to },
        Subscribe(mailbox),
        Unsubscribe(mailbox),
        Namespace,
        Idle,
        Append { mailbox, messages },
        Replace { uid, number, mailbox, message },
        Check,
        Close,
        Unselect,
        Expunge,
        UidExpunge(set),
        Search { uid, returns, key },
        MultiSearch(search),
        Sort { uid, returns, order, key },
        Thread { uid, algorithm, key },
        CancelUpdate(tags),
        UidBatches(query),
        Fetch { uid, set, items, modifiers },
        Store { uid, set, action, silent, flags, unchanged_since },
        StoreLabels { uid, set, action, silent, labels, unchanged_since },
        Copy { uid, set, mailbox },
        Move { uid, set, mailbox },
        GetQuota(root),
        GetQuotaRoot(mailbox),
        SetQuota { root, limits },
        SetAcl { mailbox, identifier, change },
        DeleteAcl { mailbox, identifier },
        GetAcl(mailbox),
        ListRights { mailbox, identifier },
        MyRights(mailbox),
        GetMetadata { mailbox, options, entries },
        SetMetadata { mailbox, entries },
    }
    StoreAction { Add, Remove, Replace }
    ListReturn { Subscribed, Children, SpecialUse, MyRights, Status(items), Metadata(names), Other { name, value } }
    ListSelect { Subscribed, Remote, RecursiveMatch, SpecialUse, Other { name, value } }
    MailboxFilter {
        Selected,
        SelectedDelayed,
        Inboxes,
        Personal,
        Subscribed,
        Subtree(names),
        SubtreeOne(names),
        Mailboxes(names),
    }
    MetadataDepth { Zero, One, Infinity }
    ModSeqScope { Private, Shared, All }
    Notify { None, Set { status, groups } }
    NotifyEvent {
        MessageNew(items),
        MessageExpunge,
        FlagChange,
        AnnotationChange,
        MailboxName,
        SubscriptionChange,
        MailboxMetadataChange,
        ServerMetadataChange,
        Other(name),
    }
    RightsChange { Add(rights), Remove(rights), Replace(rights) }
    SearchReturn { Min, Max, All, Count, Save, Partial(range), Update, Context, Relevancy }
    SortBy { Arrival, Cc, Date, DisplayFrom, DisplayTo, From, Relevancy, Size, Subject, To }
    Rfc822 { Message, Header, Text }
    CatenatePart { Url(url), Text { len } }
}

structures! {
    EventGroup { mailboxes, events }
    FetchModifiers { changed_since, vanished, partial }
    ListOptions { select, returns }
    MetadataOptions { max_size, depth }
    MultiSearch { mailboxes, returns, key }
    SelectOptions { condstore, qresync }
    SortKey { by, reverse }
}

/// Keys in keys at most.
const DEEPEST: u32 = 5;

made_by! {
    TaggedCommand: |u| Ok(Self { tag: word(u)?.into(), command: make(u)?, uploads: Vec::new() });
    AppendMessage: |u| {
        let message = match u.int_in_range(0..=3)? {
            0 => Self::new(make(u)?),
            1 => Self::new(make(u)?).with_form(AppendForm::Binary),
            2 => Self::new(make(u)?).with_form(AppendForm::Utf8),
            _ => Self::catenate(some::<CatenatePart>(u, 1)?),
        };
        Ok(Self { date: make(u)?, ..message.with_flags(make::<Vec<_>>(u)?) })
    };
    QResync: |u| Ok(Self {
        uid_validity: number(u)?,
        modseq: u.int_in_range(1..=u64::MAX >> 1)?,
        known_uids: make(u)?,
        known_pairs: make(u)?,
    });
    UidBatchesQuery: |u| {
        let first = number(u)?;
        let batches = first..=first.saturating_add(u.int_in_range(0..=9)?);
        Ok(Self { size: number(u)?, batches: u.arbitrary::<bool>()?.then_some(batches) })
    };
    Partial: |u| Ok(Self { offset: make(u)?, len: number(u)? });
    FetchItem: |u| {
        use FetchItem::*;
        Ok(match u.int_in_range(0..=4)? {
            0 => u.choose(&[
                Uid, Flags, InternalDate, Size, ModSeq, Envelope, BodyStructure, BodyBasic, EmailId, ThreadId,
                Preview { lazy: false }, Preview { lazy: true }, SaveDate, GmailMessageId, GmailThreadId, GmailLabels,
            ])?.clone(),
            1 => Binary { part: part(u, 0)?, peek: make(u)?, partial: make(u)? },
            2 => BinarySize { part: part(u, 0)? },
            3 => Rfc822(make(u)?),
            _ => Body { section: make(u)?, peek: make(u)?, partial: make(u)? },
        })
    };
    SearchKey: |u| match u.int_in_range(0..=7)? {
        7 => Ok(Self::InCharset(word(u)?.into(), Box::new(key(u, DEEPEST)?))),
        _ => key(u, DEEPEST),
    };
}

fn key(u: &mut Unstructured<'_>, depth: u32) -> Result<SearchKey> {
    if depth == 0 {
        return leaf(u);
    }
    let within = |u: &mut Unstructured<'_>| key(u, depth - 1);
    Ok(match u.int_in_range(0..=11)? {
        11 => SearchKey::Not(Box::new(within(u)?)),
        10 => SearchKey::Fuzzy(Box::new(within(u)?)),
        9 => SearchKey::Or(Box::new((within(u)?, within(u)?))),
        8 => SearchKey::And((0..u.int_in_range(2..=3)?).map(|_| within(u)).collect::<Result<_>>()?),
        _ => leaf(u)?,
    })
}

/// A key in which there is no other.
fn leaf(u: &mut Unstructured<'_>) -> Result<SearchKey> {
    use SearchKey::*;
    let dates = [Before, On, Since, SentBefore, SentOn, SentSince, SavedBefore, SavedOn, SavedSince];
    Ok(match u.int_in_range(0..=20)? {
        0 => All,
        1 => Flag(make(u)?),
        2 => NotFlag(make(u)?),
        3 => New,
        4 => Sequence(make(u)?),
        5 => Uid(make(u)?),
        6 => Larger(make(u)?),
        7 => Smaller(make(u)?),
        8 => Text(make(u)?),
        9 => Body(make(u)?),
        10 => Header(word(u)?.into(), make(u)?),
        11 => u.choose(&dates)?(make(u)?),
        12 => Older(number(u)?),
        13 => Younger(number(u)?),
        14 => ModSeq { entry: make(u)?, least: make(u)? },
        15 => SaveDateSupported,
        16 => [EmailId, ThreadId, Filter][u.int_in_range(0..=2)?](word(u)?.into()),
        17 => GmailRaw(make(u)?),
        18 => GmailMessageId(make(u)?),
        19 => GmailThreadId(make(u)?),
        _ => GmailLabel(make(u)?),
    })
}
