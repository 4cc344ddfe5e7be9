//! What was read of a FETCH, by the names of the corpus.

use mail_proto::{
    Str,
    imap::{
        Addresses, BodyStructure, Envelope,
        fetch::{Fetch, Item},
    },
};
use serde_json::{Value, json};

use crate::case::{Fact, Facts, hex};

/// Adds what a FETCH tells; `literal` is the one that was streamed behind it.
pub(crate) fn add(fetch: &Fetch, literal: Option<&[u8]>, facts: &mut Facts) {
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
            Item::Envelope(envelope) => of_envelope(envelope, facts),
            Item::BodyStructure(structure) | Item::BodyBasic(structure) => of_structure(structure, facts),
            Item::BinarySize { size, .. } => drop(facts.json("binary_size", size)),
            Item::EmailId(id) => drop(facts.text("emailid", id.to_bytes())),
            Item::ThreadId(id) => drop(facts.nullable("threadid", id.map(Str::to_bytes))),
            Item::Preview(text) => drop(facts.nullable("preview", text.map(Str::to_bytes))),
            Item::SaveDate(date) => {
                facts.nullable("savedate", date.map(|date| date.text.to_bytes().trim_ascii().to_vec()));
            }
            Item::GmailMessageId(id) => drop(facts.json("gm_msgid", id)),
            Item::GmailThreadId(id) => drop(facts.json("gm_thrid", id)),
            Item::GmailLabels(labels) => {
                facts.json("gm_labels", labels.map(text).collect::<Vec<_>>());
            }
            Item::Body(body) if body.is_binary() => {
                binary(body.section(), body.to_bytes().as_deref(), facts);
            }
            Item::Body(body) => {
                section(body.section(), body.origin(), body.to_bytes().as_deref(), facts);
            }
            _ => {}
        }
    }
    let Some(streamed) = fetch.streamed() else { return };
    match streamed.section {
        Some(name) if streamed.name.to_ascii_uppercase().starts_with(b"BINARY") => {
            binary(name, literal, facts)
        }
        Some(name) => section(name, streamed.origin, literal, facts),
        None if streamed.name.eq_ignore_ascii_case(b"PREVIEW") => drop(facts.nullable("preview", literal)),
        None => {}
    }
}

fn text(text: Str<'_>) -> Value {
    text.to_string_lossy().into()
}

fn binary(part: &[u8], content: Option<&[u8]>, facts: &mut Facts) {
    facts.text("binary", part).json("binary_hex", content.map(hex));
}

fn of_envelope(envelope: Envelope<'_>, facts: &mut Facts) {
    let addresses = |addresses: Addresses<'_>| {
        let nullable = |part: Option<Str<'_>>| part.map(text);
        addresses
            .map(|address| {
                json!([
                    nullable(address.name),
                    nullable(address.adl),
                    nullable(address.mailbox),
                    nullable(address.host)
                ])
            })
            .collect::<Vec<_>>()
    };
    facts.nullable("env_date", envelope.date().map(Str::to_bytes));
    facts.nullable("env_subject", envelope.subject().map(Str::to_bytes));
    facts.json("env_from", addresses(envelope.from()));
    facts.json("env_sender", addresses(envelope.sender()));
    facts.json("env_reply_to", addresses(envelope.reply_to()));
    facts.json("env_to", addresses(envelope.to()));
    facts.json("env_cc", addresses(envelope.cc()));
    facts.json("env_bcc", addresses(envelope.bcc()));
    facts.nullable("env_in_reply_to", envelope.in_reply_to().map(Str::to_bytes));
    facts.nullable("env_message_id", envelope.message_id().map(Str::to_bytes));
}

fn of_structure(structure: BodyStructure<'_>, facts: &mut Facts) {
    let nullable = |text: Option<Str<'_>>| text.map(|text| text.to_bytes().into_owned());
    facts.text("bs_type", structure.content_type());
    let params = structure.params().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.map(|value| value.to_bytes().into_owned()))
    });
    facts.add("bs_params", Fact::Texts(params.collect()));
    facts.nullable("bs_id", nullable(structure.id()));
    facts.nullable("bs_desc", nullable(structure.description()));
    facts.nullable("bs_encoding", nullable(structure.encoding()));
    facts.json("bs_octets", structure.octets());
    facts.json("bs_lines", structure.lines());
    facts.nullable("bs_md5", nullable(structure.md5()));
    facts.nullable("bs_disposition", nullable(structure.disposition().map(|disposition| disposition.kind)));
    facts.json("bs_language", structure.languages().map(text).collect::<Vec<_>>());
    facts.nullable("bs_location", nullable(structure.location()));
    facts.json("bs_leaves", leaves(structure));
    facts.json("bs_depth", structure.depth());
    let filenames = structure.walk().filter_map(|part| part.structure.disposition()?.params.get("filename"));
    facts.json("bs_filenames", filenames.map(text).collect::<Vec<_>>());
    if let Some(inner) = structure.walk().find_map(|part| part.structure.envelope()) {
        facts.nullable("bs_inner_subject", nullable(inner.subject()));
    }
}

/// A message within counts as one.
fn leaves(structure: BodyStructure<'_>) -> usize {
    if structure.is_multipart() { structure.children().map(leaves).sum() } else { 1 }
}

fn section(name: &[u8], origin: Option<u32>, content: Option<&[u8]>, facts: &mut Facts) {
    let name: Vec<u8> = name.to_ascii_uppercase().into_iter().filter(|byte| *byte != b'"').collect();
    match name.as_slice() {
        b"HEADER" => drop(facts.nullable("rfc822_header", content)),
        b"TEXT" => drop(facts.nullable("rfc822_text", content)),
        _ => {}
    }
    if facts.has("section") {
        return;
    }
    facts.text("section", name).nullable("section_text", content);
    if let Some(origin) = origin {
        facts.json("section_origin", origin);
    }
}

/// The item that a fact is about.
pub(crate) fn item_of(key: &str) -> Option<&'static str> {
    if key.starts_with("env_") {
        return Some("ENVELOPE");
    }
    if key.starts_with("bs_") {
        return Some("BODYSTRUCTURE");
    }
    match key {
        "gm_labels" => Some("X-GM-LABELS"),
        "section" | "section_text" | "section_hex" | "section_origin" => Some("BODY"),
        _ => None,
    }
}
