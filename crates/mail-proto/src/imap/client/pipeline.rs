//! Which commands may share the wire (RFC 9051 section 5.5): the one table that says so, and why.

use super::Selection;
use crate::imap::{command::Command, fetch::FetchItem, search::SearchReturn, sequence_set::SequenceSet};

/// What a command asks of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Runs alone: it changes the connection itself, lends it, or names messages by sequence numbers, which an
    /// EXPUNGE during another command would shift.
    Alone,
    /// Waits for all before it, since it changes what they are about; others may not follow before it has ended.
    Selects,
    /// Runs beside others, but for those that [`conflict`].
    Shared,
}

pub(super) fn sharing(command: &Command) -> Sharing {
    match command {
        // The connection changes under what follows.
        Command::StartTls
        | Command::Login { .. }
        | Command::Authenticate { .. }
        | Command::Enable(_)
        | Command::Compress
        | Command::Unauthenticate
        | Command::Logout
        // What is told unasked changes, and the STATUS that it brings looks like another's.
        | Command::Notify(_)
        // The connection is lent until it ends.
        | Command::Idle
        // The mailbox goes away, or messages of any number do.
        | Command::Close
        | Command::Unselect
        | Command::Expunge => Sharing::Alone,
        // The set that `$` stands for changes, or only the server knows what is in it.
        Command::Search { returns: Some(returns), .. } | Command::Sort { returns: Some(returns), .. }
            if returns.contains(&SearchReturn::Save) =>
        {
            Sharing::Alone
        }
        Command::Fetch { set, .. }
        | Command::Store { set, .. }
        | Command::StoreLabels { set, .. }
        | Command::Copy { set, .. }
        | Command::Move { set, .. }
        | Command::UidExpunge(set)
            if set.is_saved() =>
        {
            Sharing::Alone
        }
        Command::Fetch { uid: false, .. }
        | Command::Store { uid: false, .. }
        | Command::StoreLabels { uid: false, .. }
        | Command::Copy { uid: false, .. }
        | Command::Move { uid: false, .. }
        | Command::Replace { uid: false, .. }
        // The answer is sequence numbers.
        | Command::Search { uid: false, .. }
        | Command::Sort { uid: false, .. }
        | Command::Thread { uid: false, .. } => Sharing::Alone,
        // The condition is about sequence numbers, or the set that was saved.
        Command::Search { key, .. } | Command::Sort { key, .. } | Command::Thread { key, .. }
            if key.has_sequence_numbers() =>
        {
            Sharing::Alone
        }
        Command::Select { .. } => Sharing::Selects,
        _ => Sharing::Shared,
    }
}

/// Whether two shared commands on the same connection can't be told apart by their answers, or depend on which of
/// them runs first.
pub(super) fn conflict(one: &Command, other: &Command) -> bool {
    if let (Command::Fetch { items: one, .. }, Command::Fetch { items: other, .. }) = (one, other)
        && are_different_parts(one, other)
    {
        return false;
    }
    // What is gone doesn't say which of the two told of it.
    if tells_of_vanished(one) && tells_of_vanished(other) {
        return true;
    }
    match (uids(one), uids(other)) {
        (Some((one, reads)), Some((other, also_reads))) => {
            let harmless = reads == Access::Copies && also_reads == Access::Copies;
            return !harmless && one.overlaps(other);
        }
        // What is searched for may be what is being changed.
        (Some((_, Access::Changes)), None) => return searches(other),
        (None, Some((_, Access::Changes))) => return searches(one),
        _ => {}
    }
    match (one, other) {
        // An ESEARCH names the command that it answers.
        (Command::Search { returns: Some(_), .. }, Command::Search { .. })
        | (Command::Search { .. }, Command::Search { returns: Some(_), .. })
        | (Command::Sort { returns: Some(_), .. }, Command::Sort { .. })
        | (Command::Sort { .. }, Command::Sort { returns: Some(_), .. }) => false,
        // The answers carry nothing that says which command they belong to.
        (Command::List { .. }, Command::List { .. })
        | (Command::Lsub { .. }, Command::Lsub { .. })
        | (Command::XList { .. }, Command::XList { .. })
        | (Command::Search { .. }, Command::Search { .. })
        | (Command::Sort { .. }, Command::Sort { .. })
        | (Command::Thread { .. }, Command::Thread { .. })
        | (Command::Namespace, Command::Namespace)
        | (Command::Id(_), Command::Id(_))
        | (Command::GetJmapAccess, Command::GetJmapAccess)
        | (Command::Capability, Command::Capability) => true,
        // LIST may bring what these bring, of any mailbox.
        (Command::List { options, .. }, other) | (other, Command::List { options, .. })
            if !options.returns.is_empty()
                && matches!(
                    other,
                    Command::Status { .. } | Command::MyRights(_) | Command::GetMetadata { .. }
                ) =>
        {
            true
        }
        (Command::Status { mailbox, .. }, Command::Status { mailbox: other, .. }) => mailbox == other,
        // The limits of a root come for a mailbox as well, and depend on their change.
        (one, other) if about_quota(one) && about_quota(other) => true,
        // Rights and values come by mailbox, and depend on their change.
        (one, other) if about_rights(one) && about_rights(other) => one.mailbox() == other.mailbox(),
        (one, other) if about_metadata(one) && about_metadata(other) => one.mailbox() == other.mailbox(),
        // Two changes of names, or a look at them, depend on their order.
        (one, other) => {
            names_change(one) && touches_names(other) || names_change(other) && touches_names(one)
        }
    }
}

/// Whether a shared command [conflicts](conflict) with no other: it asks for nothing and changes nothing.
pub(super) fn is_indifferent(command: &Command) -> bool {
    matches!(command, Command::Noop)
}

/// Whether the answers to two FETCH of the same messages can be told apart, since each asks for nothing but parts of
/// its own.
fn are_different_parts(one: &[FetchItem], other: &[FetchItem]) -> bool {
    let parts =
        |items: &[FetchItem]| items.iter().all(|item| *item == FetchItem::Uid || item.part().is_some());
    let overlaps =
        |item: &FetchItem| *item != FetchItem::Uid && other.iter().any(|other| same_part(item, other));
    parts(one) && parts(other) && !one.iter().any(overlaps)
}

fn same_part(one: &FetchItem, other: &FetchItem) -> bool {
    let offset = |item: &FetchItem| item.part().map(|part| part.offset);
    let same_content = match (one, other) {
        (FetchItem::Body { section, .. }, FetchItem::Body { section: other, .. }) => section == other,
        (FetchItem::Binary { part, .. }, FetchItem::Binary { part: other, .. }) => part == other,
        _ => false,
    };
    same_content && offset(one) == offset(other)
}

/// Whether the command may be written in the same flight as the selection it needs: it only reads, so that it does no
/// harm in whatever mailbox it runs.
pub(super) fn follows_selection(command: &Command) -> bool {
    match command {
        Command::Fetch { items, .. } => items.iter().all(|item| match item {
            FetchItem::Body { peek, .. } | FetchItem::Binary { peek, .. } => *peek,
            FetchItem::Rfc822(content) => !content.sets_seen(),
            _ => true,
        }),
        Command::Search { .. } | Command::Sort { .. } | Command::Thread { .. } | Command::UidBatches(_) => {
            true
        }
        _ => false,
    }
}

/// Whether the command changes the mailbox that is selected.
pub(super) fn needs_writing(command: &Command) -> bool {
    matches!(
        command,
        Command::Store { .. }
            | Command::StoreLabels { .. }
            | Command::Move { .. }
            | Command::Replace { .. }
            | Command::Expunge
            | Command::UidExpunge(_)
    )
}

/// How a command handles the messages it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Data of the messages comes back.
    Reads,
    /// The messages change.
    Changes,
    /// The messages are read by the server; nothing comes back by message.
    Copies,
}

fn uids(command: &Command) -> Option<(&SequenceSet, Access)> {
    match command {
        Command::Fetch { set, .. } => Some((set, Access::Reads)),
        Command::Store { set, .. }
        | Command::StoreLabels { set, .. }
        | Command::Move { set, .. }
        | Command::UidExpunge(set) => Some((set, Access::Changes)),
        Command::Copy { set, .. } => Some((set, Access::Copies)),
        _ => None,
    }
}

fn tells_of_vanished(command: &Command) -> bool {
    matches!(command, Command::Fetch { modifiers, .. } if modifiers.vanished)
}

fn searches(command: &Command) -> bool {
    matches!(
        command,
        Command::Search { .. }
            | Command::Sort { .. }
            | Command::Thread { .. }
            | Command::MultiSearch(_)
            | Command::UidBatches(_)
            | Command::Replace { .. }
    )
}

fn about_quota(command: &Command) -> bool {
    matches!(command, Command::GetQuota(_) | Command::GetQuotaRoot(_) | Command::SetQuota { .. })
}

fn about_rights(command: &Command) -> bool {
    matches!(
        command,
        Command::SetAcl { .. }
            | Command::DeleteAcl { .. }
            | Command::GetAcl(_)
            | Command::ListRights { .. }
            | Command::MyRights(_)
    )
}

fn about_metadata(command: &Command) -> bool {
    matches!(command, Command::GetMetadata { .. } | Command::SetMetadata { .. })
}

fn names_change(command: &Command) -> bool {
    matches!(
        command,
        Command::Create { .. }
            | Command::Delete(_)
            | Command::Rename { .. }
            | Command::Subscribe(_)
            | Command::Unsubscribe(_)
    )
}

/// Whether the command names a mailbox, or tells of them.
fn touches_names(command: &Command) -> bool {
    command.mailbox().is_some()
        || matches!(
            command,
            Command::List { .. } | Command::Lsub { .. } | Command::XList { .. } | Command::MultiSearch(_)
        )
}

/// Whether the command may take a server long, so that its silence is borne longer.
pub(super) fn takes_long(command: &Command) -> bool {
    !matches!(
        command,
        Command::Noop
            | Command::Capability
            | Command::Id(_)
            | Command::Namespace
            | Command::List { .. }
            | Command::Lsub { .. }
            | Command::XList { .. }
            | Command::Status { .. }
            | Command::GetQuota(_)
            | Command::GetQuotaRoot(_)
            | Command::GetAcl(_)
            | Command::ListRights { .. }
            | Command::MyRights(_)
            | Command::GetMetadata { .. }
            | Command::GetJmapAccess
            | Command::Enable(_)
            | Command::Compress
            | Command::Unauthenticate
            | Command::Idle
            | Command::Fetch { .. }
            | Command::Login { .. }
            | Command::Authenticate { .. }
            | Command::StartTls
            | Command::Logout
    )
}

/// Whether the selection makes two commands exclude each other.
pub(super) fn same_selection(one: Option<&Selection>, other: Option<&Selection>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.mailbox == other.mailbox && one.read_only == other.read_only,
        _ => true,
    }
}
