//! Status responses with their codes, capabilities, flags.

use mail_proto::imap::{
    Capabilities, Flag, ResponseCode, Status, StatusKind,
    response::{Response, Untagged},
};

use crate::facts::Facts;

pub(super) fn add(status: &Status, facts: &mut Facts) {
    facts.text("text", &status.text);
    let Some(code) = &status.code else { return };
    let written = written(code);
    let (name, arguments) = match written.split_once(' ') {
        Some((name, arguments)) => (name, Some(arguments)),
        None => (written.as_str(), None),
    };
    facts.text("code", name.to_ascii_uppercase());
    match code {
        ResponseCode::BadCharset(charsets) => drop(facts.words("charsets", charsets)),
        ResponseCode::Capability(list) => capabilities(list, facts),
        ResponseCode::PermanentFlags(list) => flags(list, facts),
        ResponseCode::UidNext(number) | ResponseCode::Unseen(number) => drop(facts.json("code_num", *number)),
        ResponseCode::UidValidity(validity) => {
            facts.json("code_num", *validity).json("uidvalidity", *validity);
        }
        ResponseCode::HighestModSeq(highest) => drop(facts.json("code_num", *highest)),
        ResponseCode::AppendUid { uid_validity, uids } => {
            facts.json("code_uidvalidity", *uid_validity).text("code_set", uids.to_string());
        }
        ResponseCode::CopyUid { uid_validity, source, target } => {
            facts.json("code_uidvalidity", *uid_validity);
            facts.text("code_set", source.to_string()).text("code_set2", target.to_string());
        }
        ResponseCode::Modified(set) => drop(facts.text("code_set", set.to_string())),
        ResponseCode::MailboxId(id) => drop(facts.text("mailboxid", id)),
        ResponseCode::Other { arguments: Some(raw), .. } => {
            // The number that the argument of a code that isn't known begins with.
            let number = std::str::from_utf8(raw).ok().and_then(|raw| raw.parse::<u64>().ok());
            if let Some(number) = number {
                facts.json("code_num", number);
            }
            facts.text("code_arguments", raw);
        }
        _ => {
            if let Some(arguments) = arguments {
                facts.text("code_arguments", arguments);
            }
        }
    }
}

/// A code as it is written between its brackets.
fn written(code: &ResponseCode) -> String {
    let status = Status::new(StatusKind::Ok, "").with_code(code.clone());
    let written = Response::Untagged(Untagged::Status(status)).encode().map(|encoded| encoded.to_bytes());
    match written {
        Ok(written) => {
            let written = String::from_utf8_lossy(&written);
            let inner = written.strip_prefix("* OK [").and_then(|rest| rest.rsplit_once(']'));
            inner.map_or_else(String::new, |(inner, _)| inner.to_owned())
        }
        // A name that can't be written again.
        Err(_) => match code {
            ResponseCode::Other { name, .. } => String::from_utf8_lossy(name).into_owned(),
            _ => String::new(),
        },
    }
}

pub(super) fn capabilities(capabilities: &Capabilities, facts: &mut Facts) {
    facts.words("caps", capabilities.iter().map(|capability| capability.to_string().to_ascii_uppercase()));
}

pub(super) fn flags(flags: &[Flag], facts: &mut Facts) {
    facts.words("flags", flags.iter().map(Flag::as_bytes));
}
