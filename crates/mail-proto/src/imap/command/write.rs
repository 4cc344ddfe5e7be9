//! Writing commands (RFC 9051 section 9, `command`).

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Command, StoreAction};
use crate::imap::{
    capability::Capabilities,
    encode::{EncodeError, EncodeOptions, Encoded, Encoder},
    fetch, flags, id, list_command, mailbox_status, metadata, quota,
    search::{self, SearchReturn},
    sort::SortKey,
};

impl Command {
    /// The command as it goes over the wire.
    ///
    /// The literals of APPEND and REPLACE are [`Fragment::Upload`](crate::imap::encode::Fragment::Upload)s.
    ///
    /// # Errors
    /// An argument can't be written. Nothing of the command was.
    pub fn encode(&self, tag: &str, options: EncodeOptions) -> Result<Encoded, EncodeError> {
        let mut encoder = Encoder::new(options);
        let out = &mut encoder;
        out.tag(tag.as_bytes()).raw(" ").raw(self.name());
        self.arguments(out);
        out.raw("\r\n");
        encoder.finish()
    }

    /// What stands behind the name.
    fn arguments(&self, out: &mut Encoder) {
        match self {
            Self::Capability
            | Self::Noop
            | Self::Logout
            | Self::StartTls
            | Self::Unauthenticate
            | Self::GetJmapAccess
            | Self::Namespace
            | Self::Idle
            | Self::Check
            | Self::Close
            | Self::Unselect
            | Self::Expunge => {}
            Self::Compress => drop(out.raw(" DEFLATE")),
            Self::Login { user, password } => {
                out.raw(" ").astring(user, "user name").raw(" ").astring(password.expose(), "password");
            }
            Self::Authenticate { mechanism, initial } => {
                out.raw(" ").atom(mechanism, "mechanism");
                match initial {
                    None => {}
                    // An empty initial response is told from none by "=".
                    Some(initial) if initial.expose().is_empty() => drop(out.raw(" =")),
                    Some(initial) => drop(out.raw(" ").raw(&BASE64_STANDARD.encode(initial.expose()))),
                }
            }
            Self::Id(fields) => id::encode(fields, out.raw(" ")),
            Self::Enable(capabilities) => enable(capabilities, out),
            Self::Notify(notify) => notify.encode(out.raw(" ")),
            Self::Select { mailbox, options, .. } => {
                mailbox.encode(out.raw(" "));
                options.encode(out);
            }
            Self::List { reference, patterns, options } => {
                list_command::encode(reference, patterns, options, out.raw(" "));
            }
            Self::Lsub { reference, pattern } | Self::XList { reference, pattern } => {
                list_command::encode_reference(reference, out.raw(" "));
                list_command::encode_pattern(pattern, out);
            }
            Self::Status { mailbox, items } => {
                mailbox.encode(out.raw(" "));
                mailbox_status::encode_items(items, out.raw(" "));
            }
            Self::Create { mailbox, special_use } => {
                mailbox.encode(out.raw(" "));
                if !special_use.is_empty() {
                    out.raw(" (USE ").list(special_use, |out, attribute| attribute.encode(out)).raw(")");
                }
            }
            Self::Delete(mailbox)
            | Self::Subscribe(mailbox)
            | Self::Unsubscribe(mailbox)
            | Self::GetQuotaRoot(mailbox)
            | Self::GetAcl(mailbox)
            | Self::MyRights(mailbox) => mailbox.encode(out.raw(" ")),
            Self::Rename { from, to } => {
                from.encode(out.raw(" "));
                to.encode(out.raw(" "));
            }
            Self::Append { mailbox, messages } => {
                mailbox.encode(out.raw(" "));
                if messages.is_empty() {
                    out.fail(EncodeError::Empty { what: "APPEND" });
                }
                messages.iter().for_each(|message| message.encode(out));
            }
            Self::Replace { number, mailbox, message, .. } => {
                mailbox.encode(out.raw(" ").number(u64::from((*number).max(1))).raw(" "));
                message.encode(out);
            }
            Self::UidExpunge(set) => set.encode(out.raw(" "), "messages to expunge"),
            Self::Search { returns, key, .. } => {
                SearchReturn::encode_all(returns.as_deref(), out.raw(" "));
                search::encode_program(key, out);
            }
            Self::MultiSearch(multi) => multi.encode(out.raw(" ")),
            Self::Sort { returns, order, key, .. } => {
                SearchReturn::encode_all(returns.as_deref(), out.raw(" "));
                SortKey::encode_all(order, out);
                search::encode_criteria(key, out.raw(" "));
            }
            Self::Thread { algorithm, key, .. } => {
                out.raw(" ").atom(algorithm.as_bytes(), "thread algorithm").raw(" ");
                search::encode_criteria(key, out);
            }
            Self::CancelUpdate(tags) => {
                if tags.is_empty() {
                    out.fail(EncodeError::Empty { what: "CANCELUPDATE" });
                }
                out.raw(" ").each(tags, |out, tag| {
                    out.string(tag, "tag");
                });
            }
            Self::UidBatches(query) => query.encode(out.raw(" ")),
            Self::Fetch { set, items, modifiers, .. } => {
                set.encode(out.raw(" "), "messages to fetch");
                fetch::encode_items(items, out.raw(" "));
                modifiers.encode(out);
            }
            Self::Store { set, action, silent, flags, unchanged_since, .. } => {
                set.encode(out.raw(" "), "messages to store flags of");
                store(*action, "FLAGS", *silent, *unchanged_since, out);
                flags::encode_list(flags, out);
            }
            Self::StoreLabels { set, action, silent, labels, unchanged_since, .. } => {
                set.encode(out.raw(" "), "messages to store labels of");
                store(*action, "X-GM-LABELS", *silent, *unchanged_since, out);
                out.list(labels, |out, label| {
                    out.astring(label, "label");
                });
            }
            Self::Copy { set, mailbox, .. } => {
                set.encode(out.raw(" "), "messages to copy");
                mailbox.encode(out.raw(" "));
            }
            Self::Move { set, mailbox, .. } => {
                set.encode(out.raw(" "), "messages to move");
                mailbox.encode(out.raw(" "));
            }
            Self::GetQuota(root) => drop(out.raw(" ").astring(root, "quota root")),
            Self::SetQuota { root, limits } => {
                quota::encode_limits(limits, out.raw(" ").astring(root, "quota root").raw(" "));
            }
            Self::SetAcl { mailbox, identifier, change } => {
                mailbox.encode(out.raw(" "));
                change.encode(out.raw(" ").astring(identifier, "ACL identifier").raw(" "));
            }
            Self::DeleteAcl { mailbox, identifier } | Self::ListRights { mailbox, identifier } => {
                mailbox.encode(out.raw(" "));
                out.raw(" ").astring(identifier, "ACL identifier");
            }
            Self::GetMetadata { mailbox, options, entries } => {
                metadata::encode_get(mailbox, options, entries, out.raw(" "));
            }
            Self::SetMetadata { mailbox, entries } => {
                mailbox.encode(out.raw(" "));
                metadata::encode_values(entries, out.raw(" "));
            }
        }
    }
}

/// What stands between the set and the flags or labels.
fn store(action: StoreAction, what: &str, silent: bool, unchanged_since: Option<u64>, out: &mut Encoder) {
    if let Some(modseq) = unchanged_since {
        out.raw(" (UNCHANGEDSINCE ").number(modseq).raw(")");
    }
    let action = match action {
        StoreAction::Add => " +",
        StoreAction::Remove => " -",
        StoreAction::Replace => " ",
    };
    out.raw(action).raw(what).raw(if silent { ".SILENT " } else { " " });
}

fn enable(capabilities: &Capabilities, out: &mut Encoder) {
    if capabilities.is_empty() {
        out.fail(EncodeError::Empty { what: "ENABLE" });
    }
    capabilities.encode(out);
}
