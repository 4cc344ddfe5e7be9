//! APPEND and REPLACE: messages into a mailbox (RFC 9051 section 6.3.12, RFC 3502, RFC 8508).

use bytes::Bytes;

use super::{
    date::DateTime,
    encode::Encoder,
    flags::{self, Flag},
    response::{ParseOptions, Parsed},
    terminals::{Context, Parsing, at_end, byte, end, fail, keyword, number64, quoted, spaces},
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
    /// How many bytes it has.
    pub len: u64,
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
}

/// Further messages of an APPEND, behind one that was streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoreMessages {
    /// What is said of them.
    pub messages: Vec<AppendMessage>,
    /// Those that lie in the segment, in order. One that is streamed is the last.
    pub uploads: Vec<Bytes>,
}

impl AppendMessage {
    /// A message of this many bytes.
    pub fn new(len: u64) -> Self {
        Self { flags: Vec::new(), date: None, form: AppendForm::Text, len }
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
    /// append-data = literal / literal8 / "UTF8" SP "(" literal8 ")"
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
        let (open, ()) = byte(b'{', "a literal")(announcement)?;
        let (close, len) = number64(open)?;
        let close = close.strip_prefix(b"+").unwrap_or(close);
        let (content, ()) = byte(b'}', "\"}\"")(close)?;
        let content = content.strip_prefix(b"\r").unwrap_or(content);
        let (content, ()) = byte(b'\n', "CRLF")(content)?;
        message.len = len;
        // The message itself lies in the frame, or follows it as a stream.
        let streams = usize::try_from(len).map_or(true, |len| len > content.len());
        if streams {
            return if content.is_empty() {
                Ok((content, message))
            } else {
                fail(content, "a literal's bytes")
            };
        }
        let (content, rest) = content.split_at(len as usize);
        cx.uploads.push(cx.keep(content));
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
            Ok((_, messages)) => {
                let uploads = std::mem::take(&mut cx.uploads);
                Ok(Parsed { value: MoreMessages { messages, uploads }, quirks: cx.into_quirks() })
            }
            Err(error) => Err(cx.error(&error)),
        }
    }

    fn more<'a>(input: &'a [u8], form: AppendForm, cx: &mut Context<'a>) -> Parsing<'a, Vec<Self>> {
        let rest = match form {
            AppendForm::Utf8 => byte(b')', "\")\"")(input)?.0,
            _ => input,
        };
        let (rest, messages) = match rest.first() {
            Some(b' ') => Self::parse_all(rest, cx)?,
            _ => (rest, Vec::new()),
        };
        let (rest, ()) = end(rest, cx)?;
        Ok((rest, messages))
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
        }
    }
}
