//! A structure with strings of its own, and writing it.

use bytes::Bytes;

use super::{BodyStructure, Params, parse::is_message};
use crate::{
    imap::{
        encode::{EncodeError, Encoder},
        envelope::EnvelopeBuf,
    },
    text::Str,
};

/// The structure of a message or of a part of it, with strings of its own.
///
/// ```
/// use mail_proto::imap::{BodyStructureBuf, fetch::Fetch};
///
/// let text = BodyStructureBuf::single("text", "plain", 120).with_lines(4).with_param("charset", "utf-8");
/// let picture = BodyStructureBuf::single("image", "png", 2_000).with_encoding("base64");
/// let message = BodyStructureBuf::multipart("mixed", vec![text, picture]).with_param("boundary", "b1");
/// let fetch = Fetch::build(1).body_structure(&message).build()?;
/// assert_eq!(fetch.body_structure().unwrap().find(&[2]).unwrap().content_type(), "image/png");
/// # Ok::<(), mail_proto::imap::EncodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BodyStructureBuf {
    /// What it holds.
    pub content: ContentBuf,
    /// The subtype.
    pub subtype: Bytes,
    /// The parameters of the type.
    pub params: Vec<(Bytes, Option<Bytes>)>,
    /// `Content-Disposition`
    pub disposition: Option<DispositionBuf>,
    /// `Content-Language`
    pub languages: Vec<Bytes>,
    /// `Content-Location`
    pub location: Option<Bytes>,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContentBuf {
    /// Parts.
    Multipart(Vec<BodyStructureBuf>),
    /// Bytes.
    Single {
        /// The type.
        media_type: Bytes,
        /// `Content-ID`
        id: Option<Bytes>,
        /// `Content-Description`
        description: Option<Bytes>,
        /// `Content-Transfer-Encoding`
        encoding: Option<Bytes>,
        /// The size in bytes, encoded as it is. What isn't known is written as 0.
        octets: Option<u64>,
        /// The size in lines, of a text or a message.
        lines: Option<u64>,
        /// `Content-MD5`
        md5: Option<Bytes>,
        /// The message that it is.
        message: Option<Box<(EnvelopeBuf, Option<BodyStructureBuf>)>>,
    },
}

/// How a part is meant to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DispositionBuf {
    /// `inline`, `attachment` or something else.
    pub kind: Bytes,
    /// Its parameters.
    pub params: Vec<(Bytes, Option<Bytes>)>,
}

/// Structures that are deeper can't be written, since they could not be read.
const DEEPEST: usize = super::parse::DEEPEST;

impl BodyStructureBuf {
    /// A part of this type and size in bytes, encoded as `7bit`.
    pub fn single(media_type: impl Into<Bytes>, subtype: impl Into<Bytes>, octets: u64) -> Self {
        let content = ContentBuf::Single {
            media_type: media_type.into(),
            id: None,
            description: None,
            encoding: Some(Bytes::from_static(b"7bit")),
            octets: Some(octets),
            lines: None,
            md5: None,
            message: None,
        };
        Self::of(content, subtype.into())
    }

    /// A multipart of these parts.
    pub fn multipart(subtype: impl Into<Bytes>, parts: Vec<Self>) -> Self {
        Self::of(ContentBuf::Multipart(parts), subtype.into())
    }

    fn of(content: ContentBuf, subtype: Bytes) -> Self {
        Self {
            content,
            subtype,
            params: Vec::new(),
            disposition: None,
            languages: Vec::new(),
            location: None,
        }
    }

    /// With a further parameter of the type.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.params.push((name.into(), Some(value.into())));
        self
    }

    /// With a size in lines. A multipart has none.
    #[must_use]
    pub fn with_lines(mut self, count: u64) -> Self {
        if let ContentBuf::Single { lines, .. } = &mut self.content {
            *lines = Some(count);
        }
        self
    }

    /// With this `Content-Transfer-Encoding`. A multipart has none.
    #[must_use]
    pub fn with_encoding(mut self, name: impl Into<Bytes>) -> Self {
        if let ContentBuf::Single { encoding, .. } = &mut self.content {
            *encoding = Some(name.into());
        }
        self
    }

    /// With a disposition.
    #[must_use]
    pub fn with_disposition(mut self, disposition: DispositionBuf) -> Self {
        self.disposition = Some(disposition);
        self
    }

    /// As the message with this envelope and structure. A multipart can't be one.
    #[must_use]
    pub fn with_message(mut self, envelope: EnvelopeBuf, structure: Self) -> Self {
        if let ContentBuf::Single { message, .. } = &mut self.content {
            *message = Some(Box::new((envelope, Some(structure))));
        }
        self
    }

    /// `body`, with extension data or without.
    pub(crate) fn encode(&self, extended: bool, out: &mut Encoder) {
        self.encode_at(1, extended, out);
    }

    fn encode_at(&self, depth: usize, extended: bool, out: &mut Encoder) {
        if depth > DEEPEST {
            out.fail(EncodeError::TooDeep { what: "body structure" });
            return;
        }
        out.raw("(");
        match &self.content {
            ContentBuf::Multipart(parts) => {
                if parts.is_empty() {
                    // What servers send of a multipart without parts, for which the grammar has no form.
                    out.raw("NIL");
                }
                parts.iter().for_each(|part| part.encode_at(depth + 1, extended, out));
                out.raw(" ").string(&self.subtype, "media subtype");
                if extended {
                    out.raw(" ");
                    params(&self.params, out);
                }
            }
            ContentBuf::Single { media_type, id, description, encoding, octets, lines, md5, message } => {
                out.string(media_type, "media type").raw(" ").string(&self.subtype, "media subtype").raw(" ");
                params(&self.params, out);
                out.raw(" ").nstring(id.as_deref(), "Content-ID").raw(" ");
                out.nstring(description.as_deref(), "Content-Description").raw(" ");
                out.nstring(encoding.as_deref(), "Content-Transfer-Encoding").raw(" ");
                out.number(octets.unwrap_or(0));
                if let Some(message) = message {
                    if !is_message(media_type, &self.subtype) {
                        out.fail(EncodeError::NotAMessage);
                    }
                    out.raw(" ");
                    message.0.encode(out);
                    out.raw(" ");
                    match &message.1 {
                        Some(structure) => structure.encode_at(depth + 1, extended, out),
                        None => {
                            out.raw("()");
                        }
                    }
                }
                if message.is_some() || media_type.eq_ignore_ascii_case(b"text") {
                    out.raw(" ").number(lines.unwrap_or(0));
                }
                if extended {
                    out.raw(" ").nstring(md5.as_deref(), "Content-MD5");
                }
            }
        }
        if extended {
            self.encode_extension(out);
        }
        out.raw(")");
    }

    /// What single parts and multiparts have in common.
    fn encode_extension(&self, out: &mut Encoder) {
        out.raw(" ");
        match &self.disposition {
            Some(disposition) => {
                out.raw("(").string(&disposition.kind, "disposition").raw(" ");
                params(&disposition.params, out);
                out.raw(") ");
            }
            None => {
                out.raw("NIL ");
            }
        }
        match self.languages.as_slice() {
            [] => {
                out.raw("NIL");
            }
            languages => {
                for (index, language) in languages.iter().enumerate() {
                    out.raw(if index == 0 { "(" } else { " " }).string(language, "language");
                }
                out.raw(")");
            }
        }
        out.raw(" ").nstring(self.location.as_deref(), "Content-Location");
    }
}

fn params(params: &[(Bytes, Option<Bytes>)], out: &mut Encoder) {
    if params.is_empty() {
        out.raw("NIL");
        return;
    }
    for (index, (name, value)) in params.iter().enumerate() {
        out.raw(if index == 0 { "(" } else { " " }).string(name, "parameter name").raw(" ");
        out.nstring(value.as_deref(), "parameter value");
    }
    out.raw(")");
}

impl BodyStructure<'_> {
    /// The structure with strings of its own.
    pub fn to_buf(self) -> BodyStructureBuf {
        let text = |text: Option<Str<'_>>| text.map(Str::to_owned_bytes);
        let content = if self.is_multipart() {
            ContentBuf::Multipart(self.children().map(BodyStructure::to_buf).collect())
        } else {
            let message = self
                .envelope()
                .map(|envelope| Box::new((envelope.to_buf(), self.message().map(BodyStructure::to_buf))));
            ContentBuf::Single {
                media_type: self.media_type().to_owned_bytes(),
                id: text(self.id()),
                description: text(self.description()),
                encoding: text(self.encoding()),
                octets: self.octets(),
                lines: self.lines(),
                md5: text(self.md5()),
                message,
            }
        };
        BodyStructureBuf {
            content,
            subtype: self.subtype().to_owned_bytes(),
            params: self.params().to_bufs(),
            disposition: self.disposition().map(|disposition| DispositionBuf {
                kind: disposition.kind.to_owned_bytes(),
                params: disposition.params.to_bufs(),
            }),
            languages: self.languages().map(Str::to_owned_bytes).collect(),
            location: text(self.location()),
        }
    }
}

impl Params<'_> {
    fn to_bufs(&self) -> Vec<(Bytes, Option<Bytes>)> {
        self.clone().map(|(name, value)| (name.to_owned_bytes(), value.map(Str::to_owned_bytes))).collect()
    }
}
