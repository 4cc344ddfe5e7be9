//! Reading a structure: one loop over its parentheses, without recursion.

use nom::Err;

use super::{Content, NONE, PartNode, Range, Tables};
use crate::{
    error::QuirkKind,
    imap::{
        envelope::{self, EnvelopeNode},
        terminals::{
            Context, Fail, Parsing, any_value, byte, fail, list, nil, nspan, number64, skip_spaces, spaces,
            string,
        },
    },
    text::Span,
};

/// How many lists deep a structure may be.
pub(super) const DEEPEST: usize = 64;

/// How many parts a structure may have.
const MOST_PARTS: usize = 10_000;

/// `body = "(" (body-type-1part / body-type-mpart) ")"`. Returns where in the tables it begins.
///
/// A part that is open keeps the place of the one that it lies in where it will keep its end.
pub(crate) fn parse<'a>(input: &'a [u8], tables: &mut Tables, cx: &mut Context<'a>) -> Parsing<'a, u32> {
    let Tables { spans, envelopes, parts } = tables;
    let root = parts.len();
    let mut rest = input;
    let mut open: Option<usize> = None;
    let mut depth = 0;
    loop {
        let inner = opening(rest, cx)?;
        if depth == DEEPEST {
            return fail(rest, "at most 64 levels of nesting");
        }
        if parts.len() - root >= MOST_PARTS {
            return fail(rest, "at most 10,000 parts");
        }
        let at = parts.len();
        parts.push(EMPTY);
        let part = &mut parts[at];
        part.end = open.map_or(u32::MAX, |open| open as u32);
        if inner.first() == Some(&b'(') {
            part.content = Content::Multipart;
            (open, depth, rest) = (Some(at), depth + 1, inner);
            continue;
        }
        let behind = single(inner, part, spans, envelopes, cx)?;
        let has_structure = matches!(part.content, Content::Message(_)) && behind.first() == Some(&b'(');
        if has_structure && !behind.starts_with(b"()") {
            (open, depth, rest) = (Some(at), depth + 1, behind);
            continue;
        }
        rest = match part.content {
            Content::Message(_) => {
                cx.quirk(
                    behind,
                    if has_structure { QuirkKind::EmptyList } else { QuirkKind::UnexpectedNil },
                )?;
                let behind = if has_structure { &behind[2..] } else { nil(behind).unwrap_or(behind) };
                message_ends(behind, part, spans, cx)?
            }
            Content::Single => single_ends(behind, part, spans, cx)?,
            Content::Multipart => multipart_ends(behind, part, spans, cx)?,
        };
        part.end = at as u32 + 1;
        // What is open may end here too.
        loop {
            let Some(at) = open else { return Ok((rest, root as u32)) };
            let is_message = matches!(parts[at].content, Content::Message(_));
            if !is_message {
                if let [b' ' | b'\t', ..] = rest
                    && skip_spaces(rest).first() == Some(&b'(')
                {
                    cx.quirk(rest, QuirkKind::ExtraSpace)?;
                    rest = skip_spaces(rest);
                }
                if rest.first() == Some(&b'(') {
                    break;
                }
            }
            let parent = parts[at].end;
            let end = parts.len() as u32;
            let part = &mut parts[at];
            part.end = end;
            rest = if is_message {
                message_ends(rest, part, spans, cx)?
            } else {
                let (behind, ()) = spaces(rest, cx)?;
                let (behind, subtype) = nspan(behind, cx)?;
                part.subtype = subtype;
                multipart_ends(behind, part, spans, cx)?
            };
            open = (parent != u32::MAX).then_some(parent as usize);
            depth -= 1;
        }
    }
}

const EMPTY: PartNode = PartNode {
    content: Content::Single,
    media_type: Span::NIL,
    subtype: Span::NIL,
    params: Range::EMPTY,
    id: Span::NIL,
    description: Span::NIL,
    encoding: Span::NIL,
    octets: NONE,
    lines: NONE,
    md5: Span::NIL,
    disposition: Span::NIL,
    disposition_params: Range::EMPTY,
    language: Range::EMPTY,
    location: Span::NIL,
    end: 0,
};

type Rest<'a> = Result<&'a [u8], Err<Fail<'a>>>;

fn opening<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Rest<'a> {
    let (inner, ()) = byte(b'(', "a body structure")(input)?;
    match inner {
        [b' ' | b'\t', ..] => {
            cx.quirk(inner, QuirkKind::ExtraSpace)?;
            Ok(skip_spaces(inner))
        }
        _ => Ok(inner),
    }
}

/// `media-basic SP body-fields`, and what is between that and extension data but for the structure of a message: that
/// is next if the part is a message. A part of type NIL is a multipart without parts.
fn single<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    envelopes: &mut Vec<EnvelopeNode>,
    cx: &mut Context<'a>,
) -> Rest<'a> {
    let mut rest;
    (rest, part.media_type) = nspan(input, cx)?;
    (rest, ()) = spaces(rest, cx)?;
    (rest, part.subtype) = nspan(rest, cx)?;
    if part.media_type.is_nil() {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
        part.content = Content::Multipart;
        return Ok(rest);
    }
    if part.subtype.is_nil() {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
    }
    (rest, ()) = spaces(rest, cx)?;
    (rest, part.params) = params(rest, spans, cx)?;
    for text in [&mut part.id, &mut part.description, &mut part.encoding] {
        (rest, ()) = spaces(rest, cx)?;
        (rest, *text) = nspan(rest, cx)?;
    }
    (rest, ()) = spaces(rest, cx)?;
    (rest, part.octets) = count(rest, cx)?;
    let bytes = |span: Span| cx.frame.get(span.start()..span.end()).unwrap_or_default();
    let (media_type, subtype) = (bytes(part.media_type), bytes(part.subtype));
    if media_type.eq_ignore_ascii_case(b"text") {
        return lines(rest, part, cx);
    }
    // Some servers tell of an encoded message as of any other part, so that extension data follows at once.
    if is_message(media_type, subtype) && skip_spaces(rest).first() == Some(&b'(') {
        (rest, ()) = spaces(rest, cx)?;
        let node;
        (rest, node) = envelope::parse(rest, spans, cx)?;
        part.content = Content::Message(envelopes.len() as u32);
        envelopes.push(node);
        (rest, ()) = spaces(rest, cx)?;
    }
    Ok(rest)
}

/// Whether a part of this type has the envelope and structure of a message (RFC 9051, RFC 6532).
pub(super) fn is_message(media_type: &[u8], subtype: &[u8]) -> bool {
    media_type.eq_ignore_ascii_case(b"message")
        && (subtype.eq_ignore_ascii_case(b"rfc822") || subtype.eq_ignore_ascii_case(b"global"))
}

/// The lines of a text, which some servers leave out.
fn lines<'a>(input: &'a [u8], part: &mut PartNode, cx: &mut Context<'a>) -> Rest<'a> {
    if input.first() == Some(&b')') {
        cx.quirk(input, QuirkKind::MissingField)?;
        return Ok(input);
    }
    let (rest, ()) = spaces(input, cx)?;
    let (rest, lines) = count(rest, cx)?;
    part.lines = lines;
    Ok(rest)
}

/// What follows the structure of a message: its lines and extension data.
fn message_ends<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Rest<'a> {
    let rest = lines(input, part, cx)?;
    single_ends(rest, part, spans, cx)
}

/// `[SP body-ext-1part] ")"`
fn single_ends<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Rest<'a> {
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (rest, md5) = nspan(rest, cx)?;
    part.md5 = md5;
    extension(rest, part, spans, cx)
}

/// `[SP body-ext-mpart] ")"`
fn multipart_ends<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Rest<'a> {
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (rest, params) = params(rest, spans, cx)?;
    part.params = params;
    extension(rest, part, spans, cx)
}

/// `[SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]] ")"`
fn extension<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Rest<'a> {
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (input, ()) = disposition(rest, part, spans, cx)?;
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (input, ()) = language(rest, part, spans, cx)?;
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let mut input;
    if rest.starts_with(b"()") {
        cx.quirk(rest, QuirkKind::EmptyList)?;
        input = &rest[2..];
    } else {
        (input, part.location) = nspan(rest, cx)?;
    }
    while let Some(rest) = more(input, cx)? {
        (input, ()) = any_value(rest, cx)?;
    }
    close(input, cx)
}

/// What follows a space; `None` at the closing parenthesis.
#[inline]
fn more<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<Option<&'a [u8]>, Err<Fail<'a>>> {
    match input {
        [b')', ..] => Ok(None),
        [b' ', next, ..] if !matches!(next, b' ' | b'\t' | b')') => Ok(Some(&input[1..])),
        _ => {
            if skip_spaces(input).first() == Some(&b')') {
                return Ok(None);
            }
            let (rest, ()) = spaces(input, cx)?;
            Ok(Some(rest))
        }
    }
}

/// The closing parenthesis, before which servers put spaces.
#[inline]
fn close<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Rest<'a> {
    match input {
        [b')', rest @ ..] => Ok(rest),
        _ => {
            cx.quirk(input, QuirkKind::ExtraSpace)?;
            Ok(byte(b')', "\")\"")(skip_spaces(input))?.0)
        }
    }
}

/// `body-fld-octets`, `body-fld-lines`. What is no number, but looks as if it were meant as one, isn't told.
#[inline]
fn count<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, u64> {
    if let Ok((rest, number)) = number64(input)
        && let Some(b' ' | b')') = rest.first()
    {
        return Ok((rest, number));
    }
    if let Some(rest) = nil(input) {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
        return Ok((rest, NONE));
    }
    let is_numeric = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let len = input.iter().take_while(|byte| is_numeric(byte)).count();
    match input.get(len) {
        Some(b' ' | b')') if len > 0 => {
            cx.quirk(input, QuirkKind::BadNumber)?;
            Ok((&input[len..], NONE))
        }
        _ => fail(input, "a number"),
    }
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`. Servers send `()` for NIL, and NIL for
/// values.
fn params<'a>(input: &'a [u8], spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, Range> {
    if let Some(rest) = nil(input) {
        return Ok((rest, Range::EMPTY));
    }
    if input.starts_with(b"()") {
        cx.quirk(input, QuirkKind::EmptyList)?;
        return Ok((&input[2..], Range::EMPTY));
    }
    let start = spans.len();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = nspan(input, cx)?;
        let (value, ()) = spaces(rest, cx)?;
        let (rest, value) = nspan(value, cx)?;
        if name.is_nil() || value.is_nil() {
            cx.quirk(input, QuirkKind::UnexpectedNil)?;
        }
        spans.extend([name, value]);
        Ok((rest, ()))
    })?;
    Ok((rest, range(start, spans)))
}

fn range(start: usize, spans: &[Span]) -> Range {
    Range { start: start as u32, len: (spans.len() - start) as u32 }
}

/// `body-fld-dsp = "(" string SP body-fld-param ")" / nil`
fn disposition<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Parsing<'a, ()> {
    let Some(inner) = input.strip_prefix(b"(") else {
        if let Some(rest) = nil(input) {
            return Ok((rest, ()));
        }
        let (rest, kind) = string(input, cx)?;
        cx.quirk(input, QuirkKind::StringForList)?;
        part.disposition = kind;
        return Ok((rest, ()));
    };
    if let [b')', rest @ ..] = inner {
        cx.quirk(input, QuirkKind::EmptyList)?;
        return Ok((rest, ()));
    }
    let (rest, kind) = nspan(inner, cx)?;
    if kind.is_nil() {
        cx.quirk(inner, QuirkKind::UnexpectedNil)?;
    }
    part.disposition = kind;
    let rest = match more(rest, cx)? {
        Some(rest) => {
            let (rest, params) = params(rest, spans, cx)?;
            part.disposition_params = params;
            rest
        }
        None => {
            cx.quirk(rest, QuirkKind::MissingField)?;
            rest
        }
    };
    Ok((close(rest, cx)?, ()))
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`
fn language<'a>(
    input: &'a [u8],
    part: &mut PartNode,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Parsing<'a, ()> {
    let start = spans.len();
    let rest = if input.first() == Some(&b'(') {
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, language) = nspan(input, cx)?;
            if language.is_nil() {
                cx.quirk(input, QuirkKind::UnexpectedNil)?;
            } else {
                spans.push(language);
            }
            Ok((rest, ()))
        })?;
        rest
    } else {
        let (rest, language) = nspan(input, cx)?;
        spans.extend((!language.is_nil()).then_some(language));
        rest
    };
    part.language = range(start, spans);
    Ok((rest, ()))
}
