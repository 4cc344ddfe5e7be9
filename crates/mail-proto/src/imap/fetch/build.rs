//! Writing a FETCH response, and so building one.

use bytes::Bytes;

use super::{Fetch, Item, Message, Rfc822, Room, Section, Start, items::encode_part};
use crate::imap::{
    body_structure::BodyStructureBuf,
    date::DateTime,
    encode::{EncodeError, EncodeOptions, Encoded, Encoder, Literals},
    envelope::EnvelopeBuf,
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
    start: Start,
    out: Encoder,
    first: bool,
    /// Bytes before the opening parenthesis.
    head: usize,
}

impl FetchBuilder {
    pub(super) fn new(seq: u32) -> Self {
        Self::starting(Start::of(seq), &format!("* {seq} FETCH "))
    }

    pub(super) fn by_uid(uid: u32) -> Self {
        Self::starting(Start::by_uid(uid), &format!("* {uid} UIDFETCH "))
    }

    fn starting(start: Start, head: &str) -> Self {
        let mut out = Encoder::new(EncodeOptions::literals(Literals::Server));
        out.raw(head).raw("(");
        Self { start, out, first: true, head: head.len() }
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

    /// `ENVELOPE`
    pub fn envelope(mut self, envelope: &EnvelopeBuf) -> Self {
        envelope.encode(self.next().raw("ENVELOPE "));
        self
    }

    /// `BODYSTRUCTURE`
    pub fn body_structure(mut self, structure: &BodyStructureBuf) -> Self {
        structure.encode(true, self.next().raw("BODYSTRUCTURE "));
        self
    }

    /// `BODY`: the structure without extension data.
    pub fn body_basic(mut self, structure: &BodyStructureBuf) -> Self {
        structure.encode(false, self.next().raw("BODY "));
        self
    }

    /// `BINARY[…]` (RFC 3516), the content without a copy; `None` is sent as NIL.
    pub fn binary(mut self, part: &[u32], origin: Option<u32>, content: Option<Bytes>) -> Self {
        let out = self.next().raw("BINARY[");
        encode_part(part, out);
        out.raw("]");
        if let Some(origin) = origin {
            out.raw("<").number(u64::from(origin)).raw(">");
        }
        out.raw(" ");
        match content {
            // A literal8 may hold NUL.
            Some(content) if memchr::memchr(0, &content).is_some() => out.raw("~").content_literal(content),
            Some(content) => out.content_literal(content),
            None => out.raw("NIL"),
        };
        self
    }

    /// `BINARY.SIZE[…]` (RFC 3516), in bytes
    pub fn binary_size(mut self, part: &[u32], size: u64) -> Self {
        let out = self.next().raw("BINARY.SIZE[");
        encode_part(part, out);
        out.raw("] ").number(size);
        self
    }

    /// `EMAILID` (RFC 8474)
    pub fn email_id(mut self, id: &[u8]) -> Self {
        self.next().raw("EMAILID (").atom(id, "object id").raw(")");
        self
    }

    /// `THREADID` (RFC 8474); `None` is sent as NIL.
    pub fn thread_id(mut self, id: Option<&[u8]>) -> Self {
        let out = self.next().raw("THREADID ");
        match id {
            Some(id) => out.raw("(").atom(id, "object id").raw(")"),
            None => out.raw("NIL"),
        };
        self
    }

    /// `PREVIEW` (RFC 8970); `None` is sent as NIL.
    pub fn preview(mut self, text: Option<&[u8]>) -> Self {
        self.next().raw("PREVIEW ").nstring(text, "preview");
        self
    }

    /// `SAVEDATE` (RFC 8514); `None` is sent as NIL.
    pub fn save_date(mut self, date: Option<&DateTime>) -> Self {
        let out = self.next().raw("SAVEDATE ");
        match date {
            Some(date) => date.encode(out),
            None => drop(out.raw("NIL")),
        }
        self
    }

    /// `X-GM-MSGID`
    pub fn gmail_message_id(mut self, id: u64) -> Self {
        self.next().raw("X-GM-MSGID ").number(id);
        self
    }

    /// `X-GM-THRID`
    pub fn gmail_thread_id(mut self, id: u64) -> Self {
        self.next().raw("X-GM-THRID ").number(id);
        self
    }

    /// `X-GM-LABELS`
    pub fn gmail_labels<L: AsRef<[u8]>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        let out = self.next().raw("X-GM-LABELS (");
        for (index, label) in labels.into_iter().enumerate() {
            if index > 0 {
                out.raw(" ");
            }
            out.astring(label.as_ref(), "label");
        }
        out.raw(")");
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

    /// `RFC822` and its like, the content without a copy; `None` is sent as NIL.
    pub fn rfc822(mut self, which: Rfc822, content: Option<Bytes>) -> Self {
        let out = self.next().raw(which.name()).raw(" ");
        match content {
            Some(content) => out.content_literal(content),
            None => out.raw("NIL"),
        };
        self
    }

    /// An item of another response, as it stood there. One that couldn't be read is left out.
    pub fn item(mut self, item: Item<'_>) -> Self {
        match item {
            // UIDFETCH has told it.
            Item::Uid(uid) if self.start.by_uid && self.start.uid == Some(uid) => self,
            Item::Uid(uid) => self.uid(uid),
            Item::Flags(flags) => self.flags(&flags.to_vec()),
            Item::InternalDate(date) => {
                self.next().raw("INTERNALDATE ").string(&date.text.to_bytes(), "date");
                self
            }
            Item::Size(size) => self.size(size),
            Item::ModSeq(number) => self.mod_seq(number),
            Item::Envelope(envelope) => self.envelope(&envelope.to_buf()),
            Item::BodyStructure(structure) => self.body_structure(&structure.to_buf()),
            Item::BodyBasic(structure) => self.body_basic(&structure.to_buf()),
            Item::Body(body) => {
                let out = self.next().verbatim(body.name());
                if let Some(origin) = body.origin() {
                    out.raw("<").number(u64::from(origin)).raw(">");
                }
                out.raw(" ");
                match body.to_bytes() {
                    Some(content) if body.is_binary() && memchr::memchr(0, &content).is_some() => {
                        out.raw("~").content_literal(content)
                    }
                    Some(content) => out.content_literal(content),
                    None => out.raw("NIL"),
                };
                self
            }
            Item::BinarySize { part, size } => {
                self.next().raw("BINARY.SIZE[").line_text(part).raw("] ").number(size);
                self
            }
            Item::EmailId(id) => self.email_id(&id.to_bytes()),
            Item::ThreadId(id) => self.thread_id(id.map(|id| id.to_bytes()).as_deref()),
            Item::Preview(text) => self.preview(text.map(|text| text.to_bytes()).as_deref()),
            Item::SaveDate(date) => {
                let text = date.map(|date| date.text.to_bytes());
                self.next().raw("SAVEDATE ").nstring(text.as_deref(), "date");
                self
            }
            Item::GmailMessageId(id) => self.gmail_message_id(id),
            Item::GmailThreadId(id) => self.gmail_thread_id(id),
            Item::GmailLabels(labels) => self.gmail_labels(labels.map(|label| label.to_bytes())),
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
        let (start, head) = (self.start, self.head);
        let frame = Bytes::from(self.encode()?.to_bytes());
        let mut cx = Context::new(&frame, false);
        let mut room = Room::default();
        let mut message = Message::new(start, None, &mut room);
        message.read(&frame[head..], &mut cx).map_err(|_| EncodeError::NotAnAtom { what: "FETCH item" })?;
        Ok(message.into_fetch(frame))
    }
}
