//! What was read of a FETCH, by the names of the corpus.

use mail_proto::imap::fetch::{Fetch, Item};

use crate::case::Facts;

/// Adds what a FETCH tells; `literal` is the one that was streamed behind it.
pub(crate) fn add(fetch: &Fetch, literal: Option<&[u8]>, facts: &mut Facts) {
    facts.json("seq", fetch.seq());
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
            Item::Body(body) => {
                section(body.section(), body.origin(), body.to_bytes().as_deref(), facts);
            }
            _ => {}
        }
    }
    if let Some(streamed) = fetch.streamed()
        && let Some(name) = streamed.section
    {
        section(name, streamed.origin, literal, facts);
    }
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
