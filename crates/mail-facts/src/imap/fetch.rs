//! What a FETCH tells of a message.

use std::borrow::Cow;

use mail_proto::{
    Str,
    imap::{
        Addresses, BodyStructure, Envelope,
        fetch::{Fetch, Item},
    },
};
use serde_json::Value;

use crate::facts::{Content, Facts, Tree, hex};

/// Adds what a FETCH tells; `literal` is the one that was streamed behind it.
pub(super) fn add(fetch: &Fetch, literal: Option<Content<'_>>, facts: &mut Facts) {
    if fetch.is_by_uid() {
        facts.json("num", fetch.uid());
    } else {
        facts.json("seq", fetch.seq());
    }
    if let Some(uid) = fetch.uid() {
        facts.json("uid", uid);
    }
    for item in fetch.items() {
        match item {
            Item::Flags(flags) => {
                facts.words("flags", flags.to_vec().iter().map(|flag| flag.as_bytes().to_vec()));
            }
            Item::InternalDate(date) => {
                facts.text("internaldate", date.text.to_bytes().trim_ascii());
            }
            Item::Size(size) => drop(facts.json("size", size)),
            Item::ModSeq(number) => drop(facts.json("modseq", number)),
            Item::Envelope(found) => envelope(found, facts),
            Item::BodyStructure(found) | Item::BodyBasic(found) => structure(found, facts),
            Item::BinarySize { size, .. } => drop(facts.json("binary_size", size)),
            Item::EmailId(id) => drop(facts.text("emailid", id.to_bytes())),
            Item::ThreadId(id) => drop(facts.nullable("threadid", id.map(Str::to_bytes))),
            Item::Preview(text) => drop(facts.nullable("preview", text.map(Str::to_bytes))),
            Item::SaveDate(date) => {
                facts.nullable("savedate", date.map(|date| date.text.to_bytes().trim_ascii().to_vec()));
            }
            Item::GmailMessageId(id) => drop(facts.json("gm_msgid", id)),
            Item::GmailThreadId(id) => drop(facts.json("gm_thrid", id)),
            Item::GmailLabels(labels) => drop(facts.words("gm_labels", labels.map(Str::to_bytes))),
            Item::Body(body) => {
                let content = body.to_bytes();
                let content = content.as_deref().map(Content::Whole);
                match body.is_binary() {
                    true => binary(body.section(), content, facts),
                    false => section(body.section(), body.origin(), content, facts),
                }
            }
            Item::Unknown { name, raw } => unknown(name, Some(Content::Whole(raw)), facts),
            _ => {}
        }
    }
    let doubtful = fetch.doubtful().count();
    if doubtful > 0 {
        facts.json("doubtful", doubtful);
    }
    let Some(streamed) = fetch.streamed() else { return };
    match streamed.section {
        Some(name) if streamed.name.to_ascii_uppercase().starts_with(b"BINARY") => {
            binary(name, literal, facts);
        }
        Some(name) => section(name, streamed.origin, literal, facts),
        None if streamed.name.eq_ignore_ascii_case(b"PREVIEW") => drop(facts.content("preview", literal)),
        // In an item that can't be read.
        None => {}
    }
}

fn unknown(name: &[u8], value: Option<Content<'_>>, facts: &mut Facts) {
    let mut item = Facts::default();
    item.text("name", name).content("raw", value);
    facts.push("unknown", item);
}

/// The first section decoded by the server; further ones among `more_sections`.
fn binary(part: &[u8], content: Option<Content<'_>>, facts: &mut Facts) {
    if facts.has("binary") {
        let mut more = Facts::default();
        binary(part, content, &mut more);
        facts.push("more_sections", more);
        return;
    }
    facts.text("binary", part);
    match content {
        Some(Content::Whole(bytes)) => facts.json("binary_hex", hex(bytes)),
        Some(Content::Length(len)) => facts.json("binary_len", len),
        None => facts.json("binary_hex", Value::Null),
    };
}

/// The first section; further ones among `more_sections`.
fn section(name: &[u8], origin: Option<u32>, content: Option<Content<'_>>, facts: &mut Facts) {
    let name: Vec<u8> = name.to_ascii_uppercase().into_iter().filter(|byte| *byte != b'"').collect();
    match name.as_slice() {
        b"HEADER" => drop(facts.content("rfc822_header", content)),
        b"TEXT" => drop(facts.content("rfc822_text", content)),
        _ => {}
    }
    if facts.has("section") {
        let mut more = Facts::default();
        section(&name, origin, content, &mut more);
        facts.push("more_sections", more);
        return;
    }
    facts.text("section", name).content("section_text", content);
    if let Some(origin) = origin {
        facts.json("section_origin", origin);
    }
}

fn nullable(text: Option<Str<'_>>) -> Option<Cow<'_, [u8]>> {
    text.map(Str::to_bytes)
}

fn envelope(envelope: Envelope<'_>, facts: &mut Facts) {
    let addresses = |addresses: Addresses<'_>| {
        let one = |parts: [Option<Str<'_>>; 4]| {
            Tree::List(
                parts.map(|part| Tree::nullable(nullable(part).map(|part| part.into_owned().into()))).into(),
            )
        };
        Tree::List(
            addresses
                .map(|address| one([address.name, address.adl, address.mailbox, address.host]))
                .collect(),
        )
    };
    facts.nullable("env_date", nullable(envelope.date()));
    facts.nullable("env_subject", nullable(envelope.subject()));
    facts.tree("env_from", addresses(envelope.from()));
    facts.tree("env_sender", addresses(envelope.sender()));
    facts.tree("env_reply_to", addresses(envelope.reply_to()));
    facts.tree("env_to", addresses(envelope.to()));
    facts.tree("env_cc", addresses(envelope.cc()));
    facts.tree("env_bcc", addresses(envelope.bcc()));
    facts.nullable("env_in_reply_to", nullable(envelope.in_reply_to()));
    facts.nullable("env_message_id", nullable(envelope.message_id()));
}

fn structure(structure: BodyStructure<'_>, facts: &mut Facts) {
    facts.text("bs_type", structure.content_type());
    let params = structure
        .params()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), Tree::nullable(value.map(Str::to_bytes))));
    facts.tree("bs_params", Tree::Map(params.collect()));
    facts.nullable("bs_id", nullable(structure.id()));
    facts.nullable("bs_desc", nullable(structure.description()));
    facts.nullable("bs_encoding", nullable(structure.encoding()));
    facts.json("bs_octets", structure.octets());
    facts.json("bs_lines", structure.lines());
    facts.nullable("bs_md5", nullable(structure.md5()));
    facts.nullable("bs_disposition", nullable(structure.disposition().map(|disposition| disposition.kind)));
    facts.words("bs_language", structure.languages().map(Str::to_bytes));
    facts.nullable("bs_location", nullable(structure.location()));
    facts.json("bs_leaves", leaves(structure));
    facts.json("bs_depth", structure.depth());
    let filenames = structure.walk().filter_map(|part| part.structure.disposition()?.params.get("filename"));
    facts.words("bs_filenames", filenames.map(Str::to_bytes));
    if let Some(inner) = structure.walk().find_map(|part| part.structure.envelope()) {
        facts.nullable("bs_inner_subject", nullable(inner.subject()));
    }
}

/// A message within counts as one.
fn leaves(structure: BodyStructure<'_>) -> usize {
    if structure.is_multipart() { structure.children().map(leaves).sum() } else { 1 }
}
