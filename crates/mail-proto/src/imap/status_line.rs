//! Status responses: OK, NO, BAD, BYE and PREAUTH, tagged or not, and the greeting (RFC 9051 section 7.1).

use bytes::Bytes;

use super::{
    code::ResponseCode,
    encode::Encoder,
    terminals::{Context, Parsing, at_end, fail, line, skip_spaces},
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

    fn wire(self) -> &'static str {
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

    /// What stands behind the kind: `SP resp-text`, of which servers leave out what they like.
    pub(crate) fn parse<'a>(kind: StatusKind, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if at_end(input) {
            cx.quirk(input, QuirkKind::MissingText)?;
            return Ok((&[], Self { kind, code: None, text: Bytes::new() }));
        }
        let mut rest = skip_spaces(input);
        match input.len() - rest.len() {
            0 => cx.quirk(input, QuirkKind::MissingSpace)?,
            1 => {}
            _ => cx.quirk(input, QuirkKind::ExtraSpace)?,
        }
        let mut code = None;
        if rest.first() == Some(&b'[') {
            let behind = match (rest.get(1), ResponseCode::parse(rest, cx)) {
                (Some(b']'), _) => {
                    cx.quirk(rest, QuirkKind::EmptyCode)?;
                    Some(&rest[2..])
                }
                (_, Ok((behind, found))) => {
                    code = Some(found);
                    Some(behind)
                }
                // A bracket that is never closed is text.
                (_, Err(_)) => {
                    cx.quirk(rest, QuirkKind::UnclosedCode)?;
                    None
                }
            };
            rest = match behind {
                None => rest,
                Some([b' ', text @ ..]) => text,
                Some(behind) => {
                    let missing = at_end(behind);
                    let kind = if missing { QuirkKind::MissingText } else { QuirkKind::MissingSpace };
                    cx.quirk(behind, kind)?;
                    behind
                }
            };
        }
        Ok((&[], Self { kind, code, text: cx.frame.slice_ref(line(rest)) }))
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
