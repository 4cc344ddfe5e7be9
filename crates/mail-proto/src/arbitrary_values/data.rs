//! What responses tell: data of mailboxes, messages and servers.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{
    Make, arbitrary_by_make, enums, made_by, make, some, structures,
    words::{number, part, word},
};
use crate::imap::{
    Acl, AddressBuf, BodyStructureBuf, ContentBuf, DispositionBuf, ESearch, EnvelopeBuf, List, ListExtension,
    ListRights, MailboxAttribute, MailboxAttributes, MailboxStatus, Metadata, MetadataCode, MetadataData,
    MyRights, Namespace, Namespaces, Quota, QuotaResource, QuotaRoot, Search, StatusItem, StatusValue,
    Threads, UidBatches, Vanished, fetch::Fetch,
};

structures! {
    Acl { mailbox, entries }
    AddressBuf { name, adl, mailbox, host }
    DispositionBuf { kind, params }
    EnvelopeBuf { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id }
    ListRights { mailbox, identifier, required, optional }
    Metadata { mailbox, data }
    MyRights { mailbox, rights }
    Namespaces { personal, other_users, shared }
    Quota { root, resources }
    QuotaRoot { mailbox, roots }
    UidBatches { tag, batches }
    Vanished { earlier, uids }
}

enums! {
    MetadataCode { LongEntries(octets), MaxSize(octets), TooMany, NoPrivate }
}

/// Parts in parts at most.
const DEEPEST: u32 = 4;

made_by! {
    BodyStructureBuf: |u| structure(u, DEEPEST);
    ESearch: |u| Ok(Self {
        tag: make(u)?,
        mailbox: make(u)?,
        uid_validity: make(u)?,
        uid: make(u)?,
        min: make(u)?,
        max: make(u)?,
        count: make(u)?,
        all: make(u)?,
        modseq: make(u)?,
        partial: make(u)?,
        added: make(u)?,
        removed: make(u)?,
        relevancy: (0..u.int_in_range(0..=4)?).map(|_| u.int_in_range(1..=100)).collect::<Result<_>>()?,
        other: raw_pairs(u)?,
    });
    List: |u| Ok(Self {
        attributes: make(u)?, delimiter: delimiter(u)?, mailbox: make(u)?, extended: make(u)?,
    });
    ListExtension: |u| Ok(match u.int_in_range(0..=2)? {
        0 => Self::ChildInfo(some(u, 1)?),
        1 => Self::OldName(make(u)?),
        _ => Self::Other { tag: word(u)?.into(), value: raw(u)? },
    });
    MailboxAttributes: |u| Ok(make::<Vec<MailboxAttribute>>(u)?.into_iter().collect());
    MailboxStatus: |u| {
        let items = (0..u.int_in_range(0..=5)?).map(|_| {
            let item: StatusItem = make(u)?;
            let value = match item {
                StatusItem::MailboxId => StatusValue::Id(word(u)?.into()),
                StatusItem::AppendLimit if u.arbitrary()? => StatusValue::Nil,
                _ => u64::from(make::<u32>(u)?).into(),
            };
            Ok((item, value))
        });
        Ok(Self { items: items.collect::<Result<_>>()?, mailbox: make(u)?, other: raw_pairs(u)? })
    };
    MetadataData: |u| Ok(match u.arbitrary()? {
        true => Self::Entries(some(u, 1)?),
        false => Self::Changed(some(u, 1)?),
    });
    Namespace: |u| Ok(Self { prefix: make(u)?, delimiter: delimiter(u)?, extensions: raw_pairs(u)? });
    QuotaResource: |u| Ok(Self { name: word(u)?.into(), usage: make(u)?, limit: make(u)? });
    Search: |u| {
        Ok(Self { numbers: (0..u.int_in_range(0..=9)?).map(|_| number(u)).collect::<Result<_>>()?, modseq: make(u)? })
    };
    Threads: |u| {
        let mut threads = Self::default();
        for place in 0..u.int_in_range(0..=9_u32)? {
            let parent = if place > 0 && u.arbitrary()? { Some(u.int_in_range(0..=place - 1)?) } else { None };
            threads.push(Some(number(u)?), parent);
        }
        Ok(threads)
    };
    Fetch: fetch;
}

fn delimiter(u: &mut Unstructured<'_>) -> Result<Option<u8>> {
    u.choose(&[Some(b'/'), Some(b'.'), Some(b'\\'), Some(b'"'), None]).copied()
}

/// A value that isn't known, raw.
fn raw(u: &mut Unstructured<'_>) -> Result<Bytes> {
    u.choose(&["5", "(a 1)", "\"x y\"", "NIL", "(\"b)\" {1}\r\n())"])
        .map(|value| Bytes::from_static(value.as_bytes()))
}

fn raw_pairs(u: &mut Unstructured<'_>) -> Result<Vec<(Bytes, Bytes)>> {
    (0..u.int_in_range(0..=2)?).map(|_| Ok((format!("X-{}", word(u)?).into(), raw(u)?))).collect()
}

fn structure(u: &mut Unstructured<'_>, depth: u32) -> Result<BodyStructureBuf> {
    let structure = match u.int_in_range(0..=5)? {
        5 if depth > 0 => {
            let parts =
                (0..u.int_in_range(1..=3)?).map(|_| structure(u, depth - 1)).collect::<Result<_>>()?;
            BodyStructureBuf::multipart(word(u)?, parts)
        }
        4 if depth > 0 => {
            let message = BodyStructureBuf::single("message", "rfc822", make(u)?).with_lines(make(u)?);
            message.with_message(make(u)?, structure(u, depth - 1)?)
        }
        0 => BodyStructureBuf::single("text", word(u)?, make(u)?).with_lines(make(u)?),
        _ => BodyStructureBuf::single("application", make::<Bytes>(u)?, make(u)?),
    };
    let mut structure = BodyStructureBuf {
        params: make(u)?,
        disposition: make(u)?,
        languages: make(u)?,
        location: make(u)?,
        ..structure
    };
    if let ContentBuf::Single { id, description, encoding, md5, .. } = &mut structure.content {
        (*id, *description, *encoding, *md5) = (make(u)?, make(u)?, make(u)?, make(u)?);
    }
    Ok(structure)
}

fn fetch(u: &mut Unstructured<'_>) -> Result<Fetch> {
    let mut fetch = if u.int_in_range(0..=7)? == 7 {
        Fetch::build_by_uid(number(u)?)
    } else {
        Fetch::build(number(u)?).uid(number(u)?)
    };
    for _ in 0..u.int_in_range(0..=6)? {
        fetch = match u.int_in_range(0..=16)? {
            0 => fetch.flags(&make::<Vec<_>>(u)?),
            1 => fetch.internal_date(&make(u)?),
            2 => fetch.size(make(u)?),
            3 => fetch.mod_seq(make(u)?),
            4 => fetch.envelope(&make(u)?),
            5 => fetch.body_structure(&make(u)?),
            6 => fetch.body_basic(&make(u)?),
            7 => fetch.binary(&part(u, 0)?, make(u)?, make(u)?),
            8 => fetch.binary_size(&part(u, 0)?, make(u)?),
            9 => fetch.email_id(word(u)?.as_bytes()),
            10 => fetch.thread_id(Some(word(u)?.as_bytes())),
            11 => fetch.preview(make::<Option<Bytes>>(u)?.as_deref()),
            12 => fetch.save_date(make::<Option<_>>(u)?.as_ref()),
            13 => fetch.gmail_message_id(make(u)?),
            14 => fetch.gmail_thread_id(make(u)?),
            15 => fetch.gmail_labels(make::<Vec<Bytes>>(u)?),
            _ => fetch.body(&make(u)?, make(u)?, make(u)?),
        };
    }
    // A message exists only as what can be written.
    fetch.build().map_err(|_| arbitrary::Error::IncorrectFormat)
}
