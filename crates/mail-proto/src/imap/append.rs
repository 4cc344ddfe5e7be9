//! APPEND and REPLACE: messages into a mailbox (RFC 9051 section 6.3.12, RFC 3502, RFC 8508).

use bytes::Bytes;

use super::{
    catenate::{self, CatenatePart},
    content::content,
    date::DateTime,
    encode::Encoder,
    flags::{self, Flag},
    response::{ParseOptions, Parsed},
    terminals::{Context, Parsing, at_end, byte, end, fail, keyword, quoted, spaces},
};
use crate::error::ParseError;

/// A message that is put into a mailbox: what is said of it. Its bytes follow in a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// The flags it is to have.
    pub flags: Vec<Flag>,
    /// The date it is to have; the server's now if there is none.
    pub date: Option<DateTime>,
    /// How its bytes are announced.
    pub form: AppendForm,
    /// How many bytes it has; those that are sent, if it is put together by the server.
    pub len: u64,
    /// The pieces from which the server puts it together, if its form is [`AppendForm::Catenate`].
    pub parts: Vec<CatenatePart>,
}

/// How the bytes of a message are announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AppendForm {
    /// `literal`: no byte is NUL.
    #[default]
    Text,
    /// `literal8`: any bytes (`BINARY`, RFC 3516; IMAP4rev2).
    Binary,
    /// `UTF8 (literal8)`: a message with UTF-8 in its header (RFC 6855 section 4).
    Utf8,
    /// `CATENATE (…)`: in pieces, some of which the server has (RFC 4469).
    Catenate,
}

/// Further messages of an APPEND, behind one that was streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreMessages {
    /// Further pieces of the message whose literal was streamed, if it is one in pieces.
    pub parts: Vec<CatenatePart>,
    /// What is said of the messages.
    pub messages: Vec<AppendMessage>,
    /// Those that lie in the segment, in order. One that is streamed is the last.
    pub uploads: Vec<Bytes>,
}

impl AppendMessage {
    /// A message of this many bytes.
    pub fn new(len: u64) -> Self {
        Self { flags: Vec::new(), date: None, form: AppendForm::Text, len, parts: Vec::new() }
    }

    /// A message of these pieces, for servers with CATENATE. Each text is an upload of its own.
    pub fn catenate(parts: impl Into<Vec<CatenatePart>>) -> Self {
        let parts = parts.into();
        Self { form: AppendForm::Catenate, parts: parts.clone(), ..Self::new(sent(&parts)) }
    }

    /// With these flags.
    #[must_use]
    pub fn with_flags(mut self, flags: impl Into<Vec<Flag>>) -> Self {
        self.flags = flags.into();
        self
    }

    /// With this date.
    #[must_use]
    pub fn with_date(mut self, date: DateTime) -> Self {
        self.date = Some(date);
        self
    }

    /// With its bytes announced so.
    #[must_use]
    pub fn with_form(mut self, form: AppendForm) -> Self {
        self.form = form;
        self
    }

    /// ```abnf
    /// append-message = [SP flag-list] [SP date-time] SP append-data
    /// append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" /
    ///     "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    /// ```
    /// where the last literal of the frame may be one that follows it as a stream.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (mut rest, ()) = spaces(input, cx)?;
        let mut message = Self::new(0);
        if rest.first() == Some(&b'(') {
            (rest, message.flags) = flags::parse_list(rest, cx)?;
            (rest, ()) = spaces(rest, cx)?;
        }
        if rest.first() == Some(&b'"') {
            let (behind, text) = quoted(rest, cx)?;
            message.date = DateTime::parse(&text.of(cx.frame).to_bytes());
            if message.date.is_none() {
                return fail(rest, "a date-time");
            }
            (rest, ()) = spaces(behind, cx)?;
        }
        if let Some(behind) = keyword(rest, "CATENATE") {
            message.form = AppendForm::Catenate;
            let (rest, ()) = byte(b'(', "\"(\"")(spaces(behind, cx)?.0)?;
            let (rest, ()) = catenate::parse(rest, &mut message.parts, cx)?;
            message.len = sent(&message.parts);
            return Ok((rest, message));
        }
        let utf8 = keyword(rest, "UTF8");
        if let Some(behind) = utf8 {
            (rest, ()) = spaces(behind, cx)?;
            (rest, ()) = byte(b'(', "\"(\"")(rest)?;
        }
        let announcement = rest.strip_prefix(b"~").unwrap_or(rest);
        message.form = match (utf8, announcement.len() < rest.len()) {
            (Some(_), _) => AppendForm::Utf8,
            (None, true) => AppendForm::Binary,
            (None, false) => AppendForm::Text,
        };
        let (rest, (len, streams)) = content(announcement, cx)?;
        message.len = len;
        if streams {
            return Ok((rest, message));
        }
        let rest = match utf8 {
            // What stands behind a streamed literal is in the next segment, and so may this be.
            Some(_) if !rest.is_empty() => byte(b')', "\")\"")(rest)?.0,
            _ => rest,
        };
        Ok((rest, message))
    }

    /// What stands behind the streamed literal of a message, in the segment that goes on: further messages
    /// (`MULTIAPPEND`), the last of which may stream in its turn, or none at the command's end. `form` is that of the
    /// message whose literal it was.
    ///
    /// # Errors
    /// It can't be read.
    pub fn parse_more(
        segment: impl Into<Bytes>,
        form: AppendForm,
        options: ParseOptions,
    ) -> Result<Parsed<MoreMessages>, ParseError> {
        let segment = segment.into();
        let mut cx = Context::new(&segment, options.strict);
        match Self::more(&segment, form, &mut cx) {
            Ok((_, (parts, messages))) => {
                let uploads = std::mem::take(&mut cx.uploads);
                Ok(Parsed { value: MoreMessages { parts, messages, uploads }, quirks: cx.into_quirks() })
            }
            Err(error) => Err(cx.error(&error)),
        }
    }

    fn more<'a>(
        input: &'a [u8],
        form: AppendForm,
        cx: &mut Context<'a>,
    ) -> Parsing<'a, (Vec<CatenatePart>, Vec<Self>)> {
        let mut parts = Vec::new();
        let rest = match form {
            AppendForm::Catenate if input.first() == Some(&b' ') => {
                let rest = catenate::parse(&input[1..], &mut parts, cx)?.0;
                if rest.is_empty() {
                    return Ok((rest, (parts, Vec::new())));
                }
                rest
            }
            AppendForm::Utf8 | AppendForm::Catenate => byte(b')', "\")\"")(input)?.0,
            _ => input,
        };
        let (rest, messages) = match rest.first() {
            Some(b' ') => Self::parse_all(rest, cx)?,
            _ => (rest, Vec::new()),
        };
        let (rest, ()) = end(rest, cx)?;
        Ok((rest, (parts, messages)))
    }

    /// One message or more (`MULTIAPPEND`, RFC 3502).
    pub(crate) fn parse_all<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Self>> {
        let (mut rest, first) = Self::parse(input, cx)?;
        let mut messages = vec![first];
        while !at_end(rest) && rest.first() == Some(&b' ') {
            let message;
            (rest, message) = Self::parse(rest, cx)?;
            messages.push(message);
        }
        Ok((rest, messages))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if !self.flags.is_empty() {
            flags::encode_list(&self.flags, out.raw(" "));
        }
        if let Some(date) = &self.date {
            date.encode(out.raw(" "));
        }
        match self.form {
            AppendForm::Text => drop(out.raw(" ").upload(self.len)),
            AppendForm::Binary => drop(out.raw(" ~").upload(self.len)),
            AppendForm::Utf8 => drop(out.raw(" UTF8 (~").upload(self.len).raw(")")),
            AppendForm::Catenate => catenate::encode(&self.parts, out.raw(" ")),
        }
    }
}

/// How many bytes of a message in pieces are sent.
fn sent(parts: &[CatenatePart]) -> u64 {
    let len = |part: &CatenatePart| match part {
        CatenatePart::Text { len } => *len,
        CatenatePart::Url(_) => 0,
    };
    parts.iter().map(len).fold(0, u64::saturating_add)
}
