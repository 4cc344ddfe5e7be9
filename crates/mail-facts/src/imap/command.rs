//! What a command asks.

use bytes::Bytes;
use mail_proto::imap::{
    AppendForm, AppendMessage, CatenatePart, Command, Flag, SequenceSet,
    command::StoreAction,
    encode::{EncodeOptions, Literals},
};

use super::status;
use crate::facts::{Content, Facts};

/// Adds what a command says: what matters most as facts of their own, and everything as `arguments`, as it would be
/// written anew. Passwords and the like are left out, and so is what is appended, for which there is [`messages`].
pub fn command(command: &Command, facts: &mut Facts) {
    if let Some(mailbox) = command.mailbox() {
        facts.text("mailbox", mailbox.as_bytes());
    }
    match command {
        Command::Login { user, .. } => {
            facts.text("user", user);
            return;
        }
        Command::Authenticate { mechanism, initial } => {
            facts.text("mechanism", mechanism).json("initial_response", initial.is_some());
            return;
        }
        Command::Id(fields) => super::id(fields, facts),
        Command::Enable(capabilities) => status::capabilities(capabilities, facts),
        Command::Rename { to, .. } => drop(facts.text("new_name", to.as_bytes())),
        Command::List { reference, patterns, .. } => {
            facts.text("reference", reference).words("patterns", patterns);
        }
        Command::Lsub { reference, pattern } | Command::XList { reference, pattern } => {
            facts.text("reference", reference).words("patterns", [pattern]);
        }
        Command::Status { items, .. } => drop(facts.words("items", items.iter().map(|item| item.name()))),
        Command::Replace { number, .. } => drop(facts.json("num", *number)),
        Command::UidExpunge(set)
        | Command::Fetch { set, .. }
        | Command::Copy { set, .. }
        | Command::Move { set, .. } => drop(facts.text("set", set.to_string())),
        Command::Store { set, action, silent, flags, unchanged_since, .. } => {
            store(set, *action, "FLAGS", *silent, *unchanged_since, facts);
            status::flags(flags, facts);
        }
        Command::StoreLabels { set, action, silent, labels, unchanged_since, .. } => {
            store(set, *action, "X-GM-LABELS", *silent, *unchanged_since, facts);
            facts.words("gm_labels", labels);
        }
        Command::GetQuota(root) | Command::SetQuota { root, .. } => drop(facts.text("root", root)),
        Command::SetAcl { identifier, .. }
        | Command::DeleteAcl { identifier, .. }
        | Command::ListRights { identifier, .. } => drop(facts.text("identifier", identifier)),
        _ => {}
    }
    arguments(command, facts);
}

/// Adds further pieces of a message, of which some lay in the frame and the last may have followed it.
pub fn more_parts(
    pieces: &[CatenatePart],
    uploads: &[Bytes],
    streamed: Option<Content<'_>>,
    facts: &mut Facts,
) {
    parts(pieces, &mut uploads.iter().map(|bytes| Content::Whole(bytes)).chain(streamed), facts);
}

fn parts<'a>(parts: &[CatenatePart], contents: &mut impl Iterator<Item = Content<'a>>, facts: &mut Facts) {
    for part in parts {
        let mut told = Facts::default();
        match part {
            CatenatePart::Url(url) => drop(told.text("url", url)),
            CatenatePart::Text { len } => text(contents.next(), told.json("len", *len)),
        }
        facts.push("parts", told);
    }
}

fn text(content: Option<Content<'_>>, facts: &mut Facts) {
    if let Some(Content::Whole(bytes)) = content {
        facts.text("text", bytes);
    }
}

fn store(
    set: &SequenceSet,
    action: StoreAction,
    what: &str,
    silent: bool,
    unchanged_since: Option<u64>,
    facts: &mut Facts,
) {
    let sign = match action {
        StoreAction::Add => "+",
        StoreAction::Remove => "-",
        StoreAction::Replace => "",
    };
    facts.text("set", set.to_string()).text("action", format!("{sign}{what}")).json("silent", silent);
    if let Some(modseq) = unchanged_since {
        facts.json("unchangedsince", modseq);
    }
}

fn arguments(command: &Command, facts: &mut Facts) {
    let mut options = EncodeOptions::literals(Literals::Server);
    options.utf8 = true;
    let Ok(written) = command.encode("a", options) else { return };
    let written = written.to_bytes();
    let head = "a ".len() + command.name().len();
    let arguments = written.get(head..).unwrap_or_default();
    let arguments = arguments.strip_suffix(b"\r\n").unwrap_or(arguments);
    if let Some(arguments) = arguments.strip_prefix(b" ") {
        facts.text("arguments", arguments);
    }
}

/// Adds the messages of an APPEND or a REPLACE, `uploads` being those that lay in the frame, and `streamed` the one
/// that followed it.
pub fn messages(
    messages: &[AppendMessage],
    uploads: &[Bytes],
    streamed: Option<Content<'_>>,
    facts: &mut Facts,
) {
    let mut contents = uploads.iter().map(|bytes| Content::Whole(bytes)).chain(streamed);
    for message in messages {
        let mut told = Facts::default();
        told.words("flags", message.flags.iter().map(Flag::as_bytes));
        told.json("internaldate", message.date.map(|date| date.to_string()));
        told.json(
            "form",
            match message.form {
                AppendForm::Text => "literal",
                AppendForm::Binary => "literal8",
                AppendForm::Utf8 => "UTF8",
                AppendForm::Catenate => "CATENATE",
            },
        );
        told.json("len", message.len);
        match message.form {
            AppendForm::Catenate => parts(&message.parts, &mut contents, &mut told),
            _ => text(contents.next(), &mut told),
        }
        facts.push("messages", told);
    }
}
