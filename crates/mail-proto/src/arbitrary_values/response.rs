//! What a server sends.

use super::{
    Make, arbitrary_by_make, enums, made_by, make, some, structures,
    words::{known_or, number, word},
};
use arbitrary::{Result, Unstructured};

use crate::imap::{
    Progress, ResponseCode, Status, StatusKind,
    response::{Response, Untagged},
};

enums! {
    StatusKind { Ok, No, Bad, Bye, PreAuth }
}

structures! {
    Status { kind, code, text }
    Progress { tag, done, of }
}

made_by! {
    Response: |u| Ok(match u.int_in_range(0..=5)? {
        0 => Self::Tagged { tag: word(u)?.into(), status: make(u)? },
        1 => Self::Continue { text: make(u)? },
        _ => Self::Untagged(make(u)?),
    });
    ResponseCode: |u| known_or(u, Self::words(), |u| Ok(match u.int_in_range(0..=18)? {
        0 => Self::BadCharset(make(u)?),
        1 => Self::BadEvent(some(u, 1)?),
        2 => Self::BadUrl(make(u)?),
        3 => Self::Capability(make(u)?),
        4 => Self::PermanentFlags(make(u)?),
        5 => Self::UidNext(make(u)?),
        6 => Self::UidValidity(make(u)?),
        7 => Self::Unseen(make(u)?),
        8 => Self::AppendUid { uid_validity: number(u)?, uids: make(u)? },
        9 => Self::CopyUid { uid_validity: number(u)?, source: make(u)?, target: make(u)? },
        10 => Self::HighestModSeq(make(u)?),
        11 => Self::Modified(make(u)?),
        12 => Self::InProgress(make(u)?),
        13 => Self::MailboxId(word(u)?.into()),
        14 => Self::MessageLimit { most: make(u)?, lowest: make(u)? },
        15 => Self::Metadata(make(u)?),
        16 => Self::NoUpdate(make(u)?),
        17 => Self::UndefinedFilter(word(u)?.into()),
        _ => Self::Other { name: format!("X-{}", word(u)?).into(), arguments: make(u)? },
    }));
    Untagged: |u| Ok(match u.int_in_range(0..=27)? {
        0 => Self::Status(make(u)?),
        1 => Self::Capability(make(u)?),
        2 => Self::Enabled(make(u)?),
        3 => Self::Flags(make(u)?),
        4 => Self::Exists(make(u)?),
        5 => Self::Recent(make(u)?),
        6 => Self::Expunge(make(u)?),
        7 => Self::List(make(u)?),
        8 => Self::Lsub(make(u)?),
        9 => Self::MailboxStatus(make(u)?),
        10 => Self::XList(make(u)?),
        11 => Self::Namespace(make(u)?),
        12 => Self::Search(make(u)?),
        13 => Self::ESearch(make(u)?),
        14 => Self::Sort(make(u)?),
        15 => Self::Thread(make(u)?),
        16 => Self::Vanished(make(u)?),
        17 => Self::Quota(make(u)?),
        18 => Self::QuotaRoot(make(u)?),
        19 => Self::Acl(make(u)?),
        20 => Self::ListRights(make(u)?),
        21 => Self::MyRights(make(u)?),
        22 => Self::Metadata(make(u)?),
        23 => Self::UidBatches(make(u)?),
        24 => Self::JmapAccess(make(u)?),
        25 => Self::Id(make(u)?),
        26 => {
            let keyword = format!("X-{}", word(u)?);
            Self::Unknown { raw: format!("* {keyword} (a \"b\" c)").into(), keyword: keyword.into() }
        }
        _ => Self::Fetch(make(u)?),
    });
}
