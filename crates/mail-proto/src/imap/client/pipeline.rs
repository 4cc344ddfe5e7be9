//! Which commands may share the wire (RFC 9051 section 5.5): the one table that says so, and why.

use super::Selection;
use crate::imap::{command::Command, sequence_set::SequenceSet};

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
        | Command::Logout
        // The connection is lent until it ends.
        | Command::Idle
        // The mailbox goes away, or messages of any number do.
        | Command::Close
        | Command::Unselect
        | Command::Expunge => Sharing::Alone,
        Command::Fetch { uid: false, .. }
        | Command::Store { uid: false, .. }
        | Command::Copy { uid: false, .. }
        | Command::Move { uid: false, .. }
        // The answer is sequence numbers.
        | Command::Search { uid: false, .. } => Sharing::Alone,
        Command::Select { .. } => Sharing::Selects,
        _ => Sharing::Shared,
    }
}

/// Whether two shared commands on the same connection can't be told apart by their answers, or depend on which of
/// them runs first.
pub(super) fn conflict(one: &Command, other: &Command) -> bool {
    match (uids(one), uids(other)) {
        (Some((one, reads)), Some((other, also_reads))) => {
            let harmless = reads == Access::Copies && also_reads == Access::Copies;
            return !harmless && one.overlaps(other);
        }
        // What is searched for may be what is being changed.
        (Some((_, Access::Changes)), None) => return matches!(other, Command::Search { .. }),
        (None, Some((_, Access::Changes))) => return matches!(one, Command::Search { .. }),
        _ => {}
    }
    match (one, other) {
        // The answers carry nothing that says which command they belong to.
        (Command::List { .. }, Command::List { .. })
        | (Command::Lsub { .. }, Command::Lsub { .. })
        | (Command::Search { .. }, Command::Search { .. })
        | (Command::Namespace, Command::Namespace)
        | (Command::Id(_), Command::Id(_))
        | (Command::Capability, Command::Capability) => true,
        (Command::Status { mailbox, .. }, Command::Status { mailbox: other, .. }) => mailbox == other,
        // Two changes of names, or a look at them, depend on their order.
        (one, other) => {
            names_change(one) && touches_names(other) || names_change(other) && touches_names(one)
        }
    }
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
        Command::Store { set, .. } | Command::Move { set, .. } | Command::UidExpunge(set) => {
            Some((set, Access::Changes))
        }
        Command::Copy { set, .. } => Some((set, Access::Copies)),
        _ => None,
    }
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

fn touches_names(command: &Command) -> bool {
    names_change(command)
        || matches!(
            command,
            Command::List { .. }
                | Command::Lsub { .. }
                | Command::Status { .. }
                | Command::Append { .. }
                | Command::Copy { .. }
                | Command::Move { .. }
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
            | Command::Status { .. }
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
