//! Status responses: OK, NO, BAD, BYE and PREAUTH, tagged or not, and the greeting (RFC 9051 section 7.1).

use bytes::Bytes;
use nom::Err;

use super::{
    code::ResponseCode,
    encode::Encoder,
    terminals::{Context, Fail, Parsing, at_end, fail, line, skip_spaces},
};
use crate::error::QuirkKind;

/// How something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusKind {
    /// It went well, or is a notice.
    Ok,
    /// It failed, or is a warning.
    No,
    /// The server didn't understand.
    Bad,
    /// The server ends the connection.
    Bye,
    /// As a greeting: the connection is authenticated already.
    PreAuth,
}

impl StatusKind {
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        match word {
            b"OK" => return Some(Self::Ok),
            b"NO" => return Some(Self::No),
            b"BAD" => return Some(Self::Bad),
            _ => {}
        }
        [
            (&b"OK"[..], Self::Ok),
            (b"NO", Self::No),
            (b"BAD", Self::Bad),
            (b"BYE", Self::Bye),
            (b"PREAUTH", Self::PreAuth),
        ]
        .into_iter()
        .find_map(|(name, kind)| word.eq_ignore_ascii_case(name).then_some(kind))
    }

    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
            Self::PreAuth => "PREAUTH",
        }
    }
}

/// A status response without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// How it went.
    pub kind: StatusKind,
    /// What a program may act on.
    pub code: Option<ResponseCode>,
    /// What a person may read; empty if the server sent none.
    pub text: Bytes,
}

impl Status {
    /// A status with text.
    pub fn new(kind: StatusKind, text: impl Into<Bytes>) -> Self {
        Self { kind, code: None, text: text.into() }
    }

    /// With a code.
    #[must_use]
    pub fn with_code(mut self, code: ResponseCode) -> Self {
        self.code = Some(code);
        self
    }

    /// What stands behind the kind: `SP resp-text`, of which servers leave out what they like. Returns the text.
    #[inline]
    pub(crate) fn parse<'a>(
        input: &'a [u8],
        code: &mut Option<ResponseCode>,
        cx: &mut Context<'a>,
    ) -> Result<&'a [u8], Err<Fail<'a>>> {
        let text = match input {
            [b' ', b'[', ..] => Self::parse_code(&input[1..], code, cx)?,
            [b' ', b'!'..=b'~', ..] => &input[1..],
            _ => Self::parse_odd(input, code, cx)?,
        };
        Ok(line(text))
    }

    /// A space, which may be missing or too much, and the rest.
    #[cold]
    fn parse_odd<'a>(
        input: &'a [u8],
        code: &mut Option<ResponseCode>,
        cx: &mut Context<'a>,
    ) -> Result<&'a [u8], Err<Fail<'a>>> {
        if at_end(input) {
            cx.quirk(input, QuirkKind::MissingText)?;
            return Ok(&[]);
        }
        let rest = skip_spaces(input);
        match input.len() - rest.len() {
            0 => cx.quirk(input, QuirkKind::MissingSpace)?,
            1 => {}
            _ => cx.quirk(input, QuirkKind::ExtraSpace)?,
        }
        match rest {
            [b'[', ..] => Self::parse_code(rest, code, cx),
            _ => Ok(rest),
        }
    }

    /// `"[" resp-text-code "]" SP`; returns the text behind it.
    #[inline]
    fn parse_code<'a>(
        input: &'a [u8],
        code: &mut Option<ResponseCode>,
        cx: &mut Context<'a>,
    ) -> Result<&'a [u8], Err<Fail<'a>>> {
        if let Some(text) = ResponseCode::parse_plain(input, code) {
            return Ok(text);
        }
        let behind = match (input.get(1), ResponseCode::parse(input, cx)) {
            (Some(b']'), _) => {
                cx.quirk(input, QuirkKind::EmptyCode)?;
                &input[2..]
            }
            (_, Ok((behind, found))) => {
                *code = Some(found);
                behind
            }
            // Where in it something is wrong says more than that something is.
            (_, Err(error)) if cx.is_strict() => return Err(error),
            // A bracket that is never closed is text.
            (_, Err(_)) => {
                cx.quirk(input, QuirkKind::UnclosedCode)?;
                return Ok(input);
            }
        };
        if let [b' ', text @ ..] = behind {
            return Ok(text);
        }
        let missing = if at_end(behind) { QuirkKind::MissingText } else { QuirkKind::MissingSpace };
        cx.quirk(behind, missing)?;
        Ok(behind)
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw(self.kind.wire()).raw(" ");
        if let Some(code) = &self.code {
            code.encode(out);
            out.raw(" ");
        }
        out.line_text(&self.text);
    }

    /// The text, with anything that isn't UTF-8 replaced.
    pub fn text_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// The word a status line begins with, and what follows. `OK[CODE]` and `OK` at the end of the line count too.
pub(crate) fn kind(input: &[u8]) -> Parsing<'_, StatusKind> {
    let len = input.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match StatusKind::from_word(&input[..len]) {
        Some(kind) => Ok((&input[len..], kind)),
        None => fail(input, "OK, NO or BAD"),
    }
}
