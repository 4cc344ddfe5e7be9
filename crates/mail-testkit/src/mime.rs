//! Messages as MIME sees them (RFC 2045, RFC 5322): fields, parts, addresses, texts. Nothing here fails: what can't be
//! read is taken for something simpler, as servers do.

mod address;
mod date;
mod envelope;
mod header;
mod part;
mod section;
mod structure;
mod subject;
mod text;

pub(crate) use address::addresses;
pub(crate) use date::{sent_at, sent_on};
pub(crate) use envelope::envelope;
pub(crate) use header::{message_ids, related_ids, split, values};
pub(crate) use section::{binary, partial, section};
pub(crate) use structure::structure;
pub(crate) use subject::BaseSubject;
pub(crate) use text::{decoded, header_text, preview, searched};
