//! Whose answer a piece of data is: the one table that says so.

use crate::imap::{
    code::ResponseCode,
    command::Command,
    list_command::ListReturn,
    metadata::MetadataData,
    notify::Notify,
    response::Untagged,
    status_line::Status,
    terminals::{LONGEST_WORD, in_capitals},
};

/// Whether this data is what the command with this tag asks for. FETCH is routed by its message instead, and what is
/// told of its own accord (EXISTS, EXPUNGE, FLAGS, VANISHED without `EARLIER`, changed metadata) is nobody's.
pub(super) fn answers(command: &Command, tag: &str, data: &Untagged) -> bool {
    let is = |named: &Option<bytes::Bytes>| named.as_deref() == Some(tag.as_bytes());
    let returns = |wanted: fn(&ListReturn) -> bool| match command {
        Command::List { options, .. } => options.returns.iter().any(wanted),
        _ => false,
    };
    match data {
        Untagged::Capability(_) => matches!(command, Command::Capability),
        Untagged::Enabled(_) => matches!(command, Command::Enable(_)),
        Untagged::Id(_) => matches!(command, Command::Id(_)),
        Untagged::Namespace(_) => matches!(command, Command::Namespace),
        Untagged::JmapAccess(_) => matches!(command, Command::GetJmapAccess),
        Untagged::List(_) => matches!(command, Command::List { .. }),
        Untagged::Lsub(_) => matches!(command, Command::Lsub { .. }),
        Untagged::XList(_) => matches!(command, Command::XList { .. }),
        Untagged::MailboxStatus(status) => match command {
            Command::Status { mailbox, .. } => *mailbox == status.mailbox,
            Command::Notify(Notify::Set { status, .. }) => *status,
            _ => returns(|option| matches!(option, ListReturn::Status(_))),
        },
        Untagged::Search(_) => matches!(command, Command::Search { .. }),
        Untagged::Sort(_) => matches!(command, Command::Sort { .. }),
        Untagged::Thread(_) => matches!(command, Command::Thread { .. }),
        // Where there is no tag, it can only be the one that asks for such a thing.
        Untagged::ESearch(found) if found.tag.is_some() => is(&found.tag),
        Untagged::ESearch(_) => match command {
            Command::Search { returns, .. } | Command::Sort { returns, .. } => returns.is_some(),
            Command::MultiSearch(_) => true,
            _ => false,
        },
        Untagged::UidBatches(batches) if batches.tag.is_some() => is(&batches.tag),
        Untagged::UidBatches(_) => matches!(command, Command::UidBatches(_)),
        // What is gone since a client last knew the mailbox.
        Untagged::Vanished(vanished) => {
            vanished.earlier
                && match command {
                    Command::Select { options, .. } => options.qresync.is_some(),
                    Command::Fetch { modifiers, .. } => modifiers.vanished,
                    _ => false,
                }
        }
        Untagged::Quota(_) => {
            matches!(command, Command::GetQuota(_) | Command::SetQuota { .. } | Command::GetQuotaRoot(_))
        }
        Untagged::QuotaRoot(roots) => {
            matches!(command, Command::GetQuotaRoot(mailbox) if *mailbox == roots.mailbox)
        }
        Untagged::Acl(acl) => matches!(command, Command::GetAcl(mailbox) if *mailbox == acl.mailbox),
        Untagged::ListRights(rights) => {
            matches!(command, Command::ListRights { mailbox, .. } if *mailbox == rights.mailbox)
        }
        Untagged::MyRights(rights) => match command {
            Command::MyRights(mailbox) => *mailbox == rights.mailbox,
            _ => returns(|option| matches!(option, ListReturn::MyRights)),
        },
        Untagged::Metadata(metadata) => match (&metadata.data, command) {
            (MetadataData::Changed(_), _) => false,
            (_, Command::GetMetadata { mailbox, .. }) => *mailbox == metadata.mailbox,
            _ => returns(|option| matches!(option, ListReturn::Metadata(_))),
        },
        Untagged::Status(Status { code: Some(ResponseCode::InProgress(progress)), .. }) => is(&progress.tag),
        // MOVE tells the new UIDs before it removes the old ones, and so before its end (RFC 6851 section 4.3).
        Untagged::Status(Status { code: Some(ResponseCode::CopyUid { source, .. }), .. }) => {
            matches!(command, Command::Move { uid: true, set, .. } if set.overlaps(source))
        }
        // The server takes its leave because it was asked to.
        Untagged::Status(Status { kind: crate::imap::StatusKind::Bye, .. }) => {
            matches!(command, Command::Logout)
        }
        _ => false,
    }
}

/// What a response is about that can't be read, as far as its first bytes tell.
#[derive(Debug)]
pub(super) enum Subject {
    /// A message, by its number.
    Message,
    /// Its keyword in capitals.
    Keyword(Vec<u8>),
    Unknown,
}

impl Subject {
    pub(super) fn of(frame: &[u8]) -> Self {
        let Some(rest) = frame.strip_prefix(b"*") else { return Self::Unknown };
        let rest = rest.trim_ascii_start();
        if rest.first().is_some_and(u8::is_ascii_digit) {
            return Self::Message;
        }
        let word = rest.split(|byte| !byte.is_ascii_alphanumeric()).next().unwrap_or_default();
        match in_capitals(word, &mut [0; LONGEST_WORD]) {
            b"" | b"?" => Self::Unknown,
            keyword => Self::Keyword(keyword.to_vec()),
        }
    }
}

/// Whether a response that can't be read may be part of what the command asks for. Commands that ask for nothing are
/// answered by their end alone, whatever else comes.
pub(super) fn may_answer(command: &Command, subject: &Subject) -> bool {
    let returns = |wanted: fn(&ListReturn) -> bool| match command {
        Command::List { options, .. } => options.returns.iter().any(wanted),
        _ => false,
    };
    let keyword = match subject {
        Subject::Keyword(keyword) => &keyword[..],
        Subject::Message => {
            return matches!(
                command,
                Command::Fetch { .. } | Command::Store { .. } | Command::StoreLabels { .. }
            );
        }
        Subject::Unknown => b"",
    };
    let asks_for: &[&[u8]] = match command {
        Command::Capability => &[b"CAPABILITY"],
        Command::Enable(_) => &[b"ENABLED"],
        Command::Id(_) => &[b"ID"],
        Command::Namespace => &[b"NAMESPACE"],
        Command::GetJmapAccess => &[b"JMAPACCESS"],
        Command::List { .. } => match keyword {
            b"STATUS" if returns(|option| matches!(option, ListReturn::Status(_))) => return true,
            b"MYRIGHTS" if returns(|option| matches!(option, ListReturn::MyRights)) => return true,
            b"METADATA" if returns(|option| matches!(option, ListReturn::Metadata(_))) => return true,
            _ => &[b"LIST"],
        },
        Command::Lsub { .. } => &[b"LSUB"],
        Command::XList { .. } => &[b"XLIST"],
        Command::Status { .. } | Command::Notify(Notify::Set { status: true, .. }) => &[b"STATUS"],
        Command::Search { .. } => &[b"SEARCH", b"ESEARCH"],
        Command::Sort { .. } => &[b"SORT", b"ESEARCH"],
        Command::MultiSearch(_) => &[b"ESEARCH"],
        Command::Thread { .. } => &[b"THREAD"],
        Command::UidBatches(_) => &[b"UIDBATCHES"],
        Command::Fetch { .. } => &[b"VANISHED"],
        Command::GetQuota(_) | Command::SetQuota { .. } => &[b"QUOTA"],
        Command::GetQuotaRoot(_) => &[b"QUOTA", b"QUOTAROOT"],
        Command::GetAcl(_) => &[b"ACL"],
        Command::ListRights { .. } => &[b"LISTRIGHTS"],
        Command::MyRights(_) => &[b"MYRIGHTS"],
        Command::GetMetadata { .. } => &[b"METADATA"],
        _ => return false,
    };
    keyword.is_empty() || asks_for.contains(&keyword)
}
