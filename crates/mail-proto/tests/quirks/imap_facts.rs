//! What was read of a response of IMAP, by the names of the corpus.

use mail_proto::imap::{
    Capabilities, Flag, List, MailboxStatus, ResponseCode, Status, StatusKind, StatusValue,
    response::{Response, Untagged},
};
use serde_json::{Map, json};

use crate::{
    case::{Fact, Facts},
    extension_facts, fetch_facts,
    imap::Part,
};

/// The upper-case keyword of a response.
pub(crate) fn kind(response: &Response) -> String {
    let data = match response {
        Response::Tagged { status, .. } => return status_kind(status.kind).into(),
        Response::Continue { .. } => return "CONTINUE".into(),
        Response::Untagged(data) => data,
        _ => return "?".into(),
    };
    let kind = match data {
        Untagged::Status(status) => status_kind(status.kind),
        Untagged::Capability(_) => "CAPABILITY",
        Untagged::Enabled(_) => "ENABLED",
        Untagged::Flags(_) => "FLAGS",
        Untagged::Exists(_) => "EXISTS",
        Untagged::Recent(_) => "RECENT",
        Untagged::Expunge(_) => "EXPUNGE",
        Untagged::List(_) => "LIST",
        Untagged::Lsub(_) => "LSUB",
        Untagged::MailboxStatus(_) => "STATUS",
        Untagged::Search(_) => "SEARCH",
        Untagged::Fetch(fetch) if fetch.is_by_uid() => "UIDFETCH",
        Untagged::Fetch(_) => "FETCH",
        Untagged::Id(_) => "ID",
        Untagged::Unknown { keyword, .. } => {
            return String::from_utf8_lossy(keyword).to_ascii_uppercase();
        }
        data => extension_facts::kind(data),
    };
    kind.into()
}

fn status_kind(kind: StatusKind) -> &'static str {
    match kind {
        StatusKind::Ok => "OK",
        StatusKind::No => "NO",
        StatusKind::Bad => "BAD",
        StatusKind::Bye => "BYE",
        StatusKind::PreAuth => "PREAUTH",
    }
}

/// Everything that the corpus may ask of a response. Only a FETCH comes in several parts.
pub(crate) fn facts(parts: &[Part]) -> Facts {
    let mut facts = Facts::default();
    for part in parts {
        match part.read.as_ref().map(|parsed| &parsed.value) {
            Ok(Response::Tagged { tag, status }) => {
                facts.text("tag", tag);
                of_status(status, &mut facts);
            }
            Ok(Response::Continue { text }) => drop(facts.text("text", text)),
            Ok(Response::Untagged(Untagged::Fetch(fetch))) => {
                fetch_facts::add(fetch, part.streamed.as_deref(), &mut facts)
            }
            Ok(Response::Untagged(data)) => of_untagged(data, &mut facts),
            _ => {}
        }
    }
    facts
}

/// The FETCH item that a fact is about.
pub(crate) fn item_of(key: &str) -> Option<&'static str> {
    fetch_facts::item_of(key)
}

fn of_status(status: &Status, facts: &mut Facts) {
    facts.text("text", &status.text);
    let Some(code) = &status.code else { return };
    let name = |facts: &mut Facts, name: &str| {
        facts.text("code", name);
    };
    let number = |facts: &mut Facts, code: &str, number: u64| {
        facts.text("code", code).json("code_num", number);
    };
    match code {
        ResponseCode::BadCharset(charsets) => {
            name(facts, "BADCHARSET");
            facts.words("charsets", charsets);
        }
        ResponseCode::Capability(capabilities) => {
            name(facts, "CAPABILITY");
            of_capabilities(capabilities, facts);
        }
        ResponseCode::PermanentFlags(flags) => {
            name(facts, "PERMANENTFLAGS");
            of_flags(flags, facts);
        }
        ResponseCode::UidNext(next) => number(facts, "UIDNEXT", u64::from(*next)),
        ResponseCode::UidValidity(validity) => {
            number(facts, "UIDVALIDITY", u64::from(*validity));
            facts.json("uidvalidity", *validity);
        }
        ResponseCode::Unseen(first) => number(facts, "UNSEEN", u64::from(*first)),
        ResponseCode::HighestModSeq(highest) => number(facts, "HIGHESTMODSEQ", *highest),
        ResponseCode::AppendUid { uid_validity, uids } => {
            name(facts, "APPENDUID");
            facts.json("code_uidvalidity", *uid_validity).text("code_set", uids.to_string());
        }
        ResponseCode::CopyUid { uid_validity, source, target } => {
            name(facts, "COPYUID");
            facts.json("code_uidvalidity", *uid_validity);
            facts.text("code_set", source.to_string()).text("code_set2", target.to_string());
        }
        ResponseCode::Modified(set) => {
            name(facts, "MODIFIED");
            facts.text("code_set", set.to_string());
        }
        ResponseCode::MailboxId(id) => {
            name(facts, "MAILBOXID");
            facts.text("mailboxid", id);
        }
        ResponseCode::Other { name, arguments } => {
            facts.add("code", Fact::Caseless(name.to_vec()));
            // The number that the argument of a code that isn't known begins with.
            let number =
                arguments.as_ref().and_then(|raw| std::str::from_utf8(raw).ok()?.parse::<u64>().ok());
            if let Some(number) = number {
                facts.json("code_num", number);
            }
        }
        bare => drop(facts.text("code", code_name(bare))),
    }
}

/// The name of a code, from how it is written.
fn code_name(code: &ResponseCode) -> String {
    let status = Status::new(StatusKind::Ok, "").with_code(code.clone());
    let written = Response::Untagged(Untagged::Status(status)).encode().map(|encoded| encoded.to_bytes());
    let written = String::from_utf8_lossy(&written.unwrap_or_default()).into_owned();
    let name = written.strip_prefix("* OK [").unwrap_or_default();
    name.split([' ', ']']).next().unwrap_or_default().to_ascii_uppercase()
}

fn of_untagged(data: &Untagged, facts: &mut Facts) {
    match data {
        Untagged::Status(status) => of_status(status, facts),
        Untagged::Capability(capabilities) | Untagged::Enabled(capabilities) => {
            of_capabilities(capabilities, facts)
        }
        Untagged::Flags(flags) => of_flags(flags, facts),
        Untagged::Exists(number) | Untagged::Recent(number) | Untagged::Expunge(number) => {
            facts.json("num", *number);
        }
        Untagged::List(list) | Untagged::Lsub(list) => of_list(list, facts),
        Untagged::MailboxStatus(status) => of_mailbox_status(status, facts),
        Untagged::Search(search) => {
            facts.json("nums", search.numbers.clone());
            if let Some(modseq) = search.modseq {
                facts.json("modseq", modseq);
            }
        }
        Untagged::Id(fields) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let fields =
                fields.iter().map(|(name, value)| (text(name), value.as_ref().map(|value| value.to_vec())));
            facts.add("id", Fact::Texts(fields.collect()));
        }
        data => extension_facts::add(data, facts),
    }
}

fn of_capabilities(capabilities: &Capabilities, facts: &mut Facts) {
    facts.words("caps", capabilities.iter().map(|capability| capability.to_string()));
}

fn of_flags(flags: &[Flag], facts: &mut Facts) {
    facts.words("flags", flags.iter().map(Flag::as_bytes));
}

fn of_list(list: &List, facts: &mut Facts) {
    facts.words("attrs", list.attributes.iter().map(|attribute| attribute.as_bytes().to_vec()));
    facts.json("delim", list.delimiter.map(|delimiter| char::from(delimiter).to_string()));
    facts.text("mailbox", list.mailbox.as_bytes());
    if let Some(options) = list.child_info() {
        facts.words("childinfo", options);
    }
    if let Some(name) = list.old_name() {
        facts.text("oldname", name.as_bytes());
    }
}

fn of_mailbox_status(status: &MailboxStatus, facts: &mut Facts) {
    facts.text("mailbox", status.mailbox.as_bytes());
    let mut numbers = Map::new();
    for (item, value) in &status.items {
        if let StatusValue::Number(number) = value {
            numbers.insert(item.name().to_owned(), json!(number));
        }
    }
    if let Some(id) = status.mailbox_id() {
        facts.text("mailboxid", id);
    }
    if let Some(validity) = numbers.get("UIDVALIDITY") {
        facts.json("uidvalidity", validity.clone());
    }
    facts.add("status", Fact::Numbers(numbers));
}
