//! Writing a FETCH response, and so building one.

use bytes::Bytes;

use super::{Fetch, Item, Section, parse_message};
use crate::imap::{
    date::DateTime,
    encode::{EncodeError, EncodeOptions, Encoded, Encoder, Literals},
    flags::{self, Flag},
    terminals::Context,
};

/// Writes a FETCH response item by item.
///
/// ```
/// use mail_proto::imap::fetch::Fetch;
///
/// let fetch = Fetch::build(12).uid(5).size(1024).build()?;
/// assert_eq!((fetch.seq(), fetch.uid(), fetch.size()), (12, Some(5), Some(1024)));
/// # Ok::<(), mail_proto::imap::EncodeError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is written until encode or build"]
pub struct FetchBuilder {
    seq: u32,
    out: Encoder,
    first: bool,
    /// Bytes before the opening parenthesis.
    head: usize,
}

impl FetchBuilder {
    pub(super) fn new(seq: u32) -> Self {
        let mut out = Encoder::new(EncodeOptions::literals(Literals::Server));
        out.raw("* ").number(u64::from(seq)).raw(" FETCH ");
        let head = format!("* {seq} FETCH ").len();
        out.raw("(");
        Self { seq, out, first: true, head }
    }

    fn next(&mut self) -> &mut Encoder {
        if !std::mem::take(&mut self.first) {
            self.out.raw(" ");
        }
        &mut self.out
    }

    /// `UID`
    pub fn uid(mut self, uid: u32) -> Self {
        self.next().raw("UID ").number(u64::from(uid));
        self
    }

    /// `FLAGS`
    pub fn flags(mut self, list: &[Flag]) -> Self {
        let out = self.next().raw("FLAGS ");
        flags::encode_list(list, out);
        self
    }

    /// `INTERNALDATE`
    pub fn internal_date(mut self, date: &DateTime) -> Self {
        date.encode(self.next().raw("INTERNALDATE "));
        self
    }

    /// `RFC822.SIZE`, in bytes
    pub fn size(mut self, size: u64) -> Self {
        self.next().raw("RFC822.SIZE ").number(size);
        self
    }

    /// `MODSEQ`
    pub fn mod_seq(mut self, number: u64) -> Self {
        self.next().raw("MODSEQ (").number(number).raw(")");
        self
    }

    /// `BODY[…]`, the content without a copy; `None` is sent as NIL.
    pub fn body(mut self, section: &Section, origin: Option<u32>, content: Option<Bytes>) -> Self {
        let out = self.next().raw("BODY");
        section.encode(out);
        if let Some(origin) = origin {
            out.raw("<").number(u64::from(origin)).raw(">");
        }
        out.raw(" ");
        match content {
            Some(content) => out.content_literal(content),
            None => out.raw("NIL"),
        };
        self
    }

    /// An item of another response, as it stood there. One that couldn't be read is left out.
    pub fn item(mut self, item: Item<'_>) -> Self {
        match item {
            Item::Uid(uid) => self.uid(uid),
            Item::Flags(flags) => self.flags(&flags.to_vec()),
            Item::InternalDate(date) => {
                self.next().raw("INTERNALDATE ").string(&date.text.to_bytes(), "date");
                self
            }
            Item::Size(size) => self.size(size),
            Item::ModSeq(number) => self.mod_seq(number),
            Item::Body(body) => {
                let out = self.next().raw("BODY[").line_text(body.section()).raw("]");
                if let Some(origin) = body.origin() {
                    out.raw("<").number(u64::from(origin)).raw(">");
                }
                out.raw(" ");
                match body.to_bytes() {
                    Some(content) => out.content_literal(content),
                    None => out.raw("NIL"),
                };
                self
            }
            Item::Unknown { name, raw } => {
                // Raw values hold whole literals, so their line ends stay as they are.
                self.next().verbatim(name).raw(" ").verbatim(raw);
                self
            }
            Item::Invalid(_) => self,
        }
    }

    /// The response as it goes over the wire.
    ///
    /// # Errors
    /// A flag or header field name can't be written.
    pub fn encode(mut self) -> Result<Encoded, EncodeError> {
        self.out.raw(")\r\n");
        self.out.finish()
    }

    /// The response as a value.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn build(self) -> Result<Fetch, EncodeError> {
        let (seq, head) = (self.seq, self.head);
        let frame = Bytes::from(self.encode()?.to_bytes());
        let mut cx = Context::new(&frame, false);
        parse_message(seq, false, &frame[head..], None, &mut cx)
            .map_err(|_| EncodeError::NotAnAtom { what: "FETCH item" })
    }
}
