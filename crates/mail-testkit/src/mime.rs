//! Messages as MIME sees them (RFC 2045, RFC 5322): fields, parts, addresses, texts. Nothing here fails: what can't be
//! read is taken for something simpler, as servers do.

mod address;
mod envelope;
mod header;
mod part;
mod section;
mod structure;
mod text;

pub(crate) use envelope::envelope;
pub(crate) use header::{related_ids, split, values};
pub(crate) use section::{binary, partial, section};
pub(crate) use structure::structure;
pub(crate) use text::{decoded, header_text, preview, searched};
