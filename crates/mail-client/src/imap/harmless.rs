//! Which commands can be sent twice: the list of rule P29.

use mail_proto::imap::{Command, SearchReturn, fetch::FetchItem};

/// Whether sending the command twice is as good as sending it once: it changes nothing, wherever it runs.
pub(crate) fn is_harmless(command: &Command) -> bool {
    match command {
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
        | Command::MultiSearch(_)
        | Command::Thread { .. } => true,
        // What is saved or kept up to date is so for the connection that is gone.
        Command::Search { returns, .. } | Command::Sort { returns, .. } => {
            let stays = |wanted: &SearchReturn| matches!(wanted, SearchReturn::Save | SearchReturn::Update);
            !returns.iter().flatten().any(stays)
        }
        Command::Fetch { set, items, .. } => !set.is_saved() && items.iter().all(peeks),
        _ => false,
    }
}

/// Whether asking for it leaves `\Seen` as it is.
fn peeks(item: &FetchItem) -> bool {
    match item {
        FetchItem::Body { peek, .. } | FetchItem::Binary { peek, .. } => *peek,
        FetchItem::Rfc822(which) => !which.sets_seen(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::{MailboxName, SequenceSet};

    use super::*;

    #[test]
    fn reading_is_harmless_unless_it_leaves_a_trace() {
        let fetch = |items| Command::uid_fetch(SequenceSet::from(1), items);
        assert!(is_harmless(&fetch(vec![FetchItem::Flags, FetchItem::message()])));
        let seen = |peek| FetchItem::Body { section: Default::default(), peek, partial: None };
        assert!(is_harmless(&fetch(vec![seen(true)])));
        assert!(!is_harmless(&fetch(vec![FetchItem::Flags, seen(false)])));
        assert!(!is_harmless(&Command::Delete(MailboxName::from("x"))));
        assert!(!is_harmless(&Command::Expunge));
    }
}
