//! What was read of IMAP.
//!
//! | response | facts |
//! |---|---|
//! | OK, NO, BAD, BYE, PREAUTH, CONTINUE | `tag`, `text`, `code`; of the code `code_num`, `code_uidvalidity`, `code_set`, `code_set2`, `flags`, `caps`, `charsets`, `mailboxid`, `uidvalidity`, else `code_arguments` |
//! | CAPABILITY, ENABLED; FLAGS; EXISTS, RECENT, EXPUNGE | `caps`; `flags`; `num` |
//! | LIST, LSUB, XLIST | `attrs`, `delim`, `mailbox`, `childinfo`, `oldname` |
//! | STATUS | `mailbox`, `status` by name, `mailboxid`, `uidvalidity` |
//! | SEARCH, SORT; THREAD | `nums`, `modseq`; `threads` (how many), `nums` |
//! | ESEARCH | `esearch_tag`, `esearch_uid`, `mailbox`, `uidvalidity`, `min`, `max`, `count`, `all`, `modseq`, `partial_range`, `partial`, `added`, `removed`, `relevancy` |
//! | VANISHED; UIDBATCHES | `earlier`, `uids`; `esearch_tag`, `batches` |
//! | FETCH, UIDFETCH | `seq` or `num`, `uid`, `flags`, `size`, `modseq`, `internaldate`, `emailid`, `threadid`, `savedate`, `preview`, `gm_labels`, `gm_msgid`, `gm_thrid`, `doubtful` (how many items stand behind one whose end is a guess) |
//! | … ENVELOPE | `env_date`, `env_subject`, `env_from`, `env_sender`, `env_reply_to`, `env_to`, `env_cc`, `env_bcc`, `env_in_reply_to`, `env_message_id`; an address is `[name, adl, mailbox, host]` |
//! | … BODYSTRUCTURE | `bs_type`, `bs_params`, `bs_id`, `bs_desc`, `bs_encoding`, `bs_octets`, `bs_lines`, `bs_md5`, `bs_disposition`, `bs_language`, `bs_location`, `bs_leaves`, `bs_depth`, `bs_filenames`, `bs_inner_subject` |
//! | … BODY\[…\], RFC822; BINARY | `section`, `section_text`, `section_origin`, `rfc822_header`, `rfc822_text`; `binary`, `binary_hex`, `binary_size`; further sections in `more_sections` |
//! | QUOTA; QUOTAROOT | `root`, `resources`; `mailbox`, `roots` |
//! | ACL; LISTRIGHTS; MYRIGHTS | `mailbox`, `acl`; `mailbox`, `identifier`, `required`, `optional`; `mailbox`, `rights` |
//! | METADATA; NAMESPACE; ID; JMAPACCESS | `mailbox`, `entries` or `entry_names`; `personal`, `other`, `shared`; `id`; `url` |
//! | any | `unknown`: what in it isn't known, raw; `raw`: the line of a response that isn't known |
//!
//! Content that is too large to be kept has a fact that ends in `_len` instead: `section_len`.

mod command;
mod extensions;
mod fetch;
mod status;

use mail_proto::imap::{
    List, ListExtension, MailboxStatus, StatusKind, StatusValue,
    response::{Response, Untagged},
};
use serde_json::{Map, Value};

pub use self::command::{command, messages, more_parts};
use crate::facts::{Content, Facts, Tree};

/// The upper-case keyword of a response.
pub fn kind(response: &Response) -> String {
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
        data => extensions::kind(data),
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

/// Adds what a response tells. A FETCH with streamed literals comes in several values, each added in turn with the
/// literal that was streamed behind it.
pub fn response(response: &Response, streamed: Option<Content<'_>>, facts: &mut Facts) {
    match response {
        Response::Tagged { tag, status } => {
            facts.text("tag", tag);
            status::add(status, facts);
        }
        Response::Continue { text } => drop(facts.text("text", text)),
        Response::Untagged(Untagged::Fetch(data)) => fetch::add(data, streamed, facts),
        Response::Untagged(data) => untagged(data, facts),
        _ => {}
    }
}

fn untagged(data: &Untagged, facts: &mut Facts) {
    match data {
        Untagged::Status(status) => status::add(status, facts),
        Untagged::Capability(capabilities) | Untagged::Enabled(capabilities) => {
            status::capabilities(capabilities, facts);
        }
        Untagged::Flags(flags) => status::flags(flags, facts),
        Untagged::Exists(number) | Untagged::Recent(number) | Untagged::Expunge(number) => {
            facts.json("num", *number);
        }
        Untagged::List(data) | Untagged::Lsub(data) | Untagged::XList(data) => list(data, facts),
        Untagged::MailboxStatus(status) => mailbox_status(status, facts),
        Untagged::Search(search) => {
            facts.json("nums", search.numbers.clone());
            if let Some(modseq) = search.modseq {
                facts.json("modseq", modseq);
            }
        }
        Untagged::Id(fields) => id(fields, facts),
        Untagged::Unknown { raw, .. } => drop(facts.text("raw", raw)),
        data => extensions::add(data, facts),
    }
}

fn id(fields: &[(bytes::Bytes, Option<bytes::Bytes>)], facts: &mut Facts) {
    facts.tree("id", pairs(fields.iter().map(|(name, value)| (&name[..], value.as_deref()))));
}

/// Text by name.
fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Tree<'a> {
    let pairs = pairs.into_iter().map(|(name, value)| (lossy(name), Tree::nullable(value.map(Into::into))));
    Tree::Map(pairs.collect())
}

/// A name for a key of JSON.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn list(list: &List, facts: &mut Facts) {
    facts.words("attrs", list.attributes.iter().map(|attribute| attribute.as_bytes().to_vec()));
    facts.json("delim", list.delimiter.map(|delimiter| char::from(delimiter).to_string()));
    facts.text("mailbox", list.mailbox.as_bytes());
    if let Some(options) = list.child_info() {
        facts.words("childinfo", options.iter().map(|option| option.to_ascii_uppercase()));
    }
    if let Some(name) = list.old_name() {
        facts.text("oldname", name.as_bytes());
    }
    let others = list.extended.iter().filter_map(|item| match item {
        ListExtension::Other { tag, value } => Some((&tag[..], Some(&value[..]))),
        _ => None,
    });
    unknown(others, facts);
}

/// What isn't known to the grammar, raw, if there is any.
fn unknown<'a>(items: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>, facts: &mut Facts) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() {
        facts.tree("unknown", pairs(items));
    }
}

fn mailbox_status(status: &MailboxStatus, facts: &mut Facts) {
    facts.text("mailbox", status.mailbox.as_bytes());
    let mut values = Map::new();
    for (item, value) in &status.items {
        let value = match value {
            StatusValue::Number(number) => Value::from(*number),
            StatusValue::Nil => Value::Null,
            _ => continue,
        };
        values.insert(item.name().to_owned(), value);
    }
    if let Some(id) = status.mailbox_id() {
        facts.text("mailboxid", id);
    }
    if let Some(validity) = values.get("UIDVALIDITY") {
        facts.json("uidvalidity", validity.clone());
    }
    facts.json("status", values);
    unknown(status.other.iter().map(|(name, value)| (&name[..], Some(&value[..]))), facts);
}
