//! Reading a structure: one loop over its parentheses, without recursion.

use nom::Err;

use super::{
    DESCRIPTION, DISPOSITION, DISPOSITION_PARAMS, ENCODING, EXTENT, HEAD, ID, LANGUAGE, LINES, LOCATION, MD5,
    MESSAGE, MULTIPART, OCTETS, PARAMS, SINGLE, SUBTYPE, TYPE, WITHIN,
};
use crate::{
    error::QuirkKind,
    imap::{
        envelope,
        terminals::{
            Context, Fail, Parsing, any_value, byte, fail, list, next_nspan, nil, nspan, number64,
            skip_spaces, spaces, string,
        },
    },
    text::Span,
};

/// How many lists deep a structure may be.
pub(super) const DEEPEST: usize = 64;

/// How many parts a structure may have.
const MOST_PARTS: usize = 10_000;

/// `body = "(" (body-type-1part / body-type-mpart) ")"`. It goes behind what is in `spans`; returns where.
///
/// A part that is open keeps the place of the one that it lies in where it will keep its end.
pub(crate) fn parse<'a>(input: &'a [u8], spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, u32> {
    let root = spans.len() as u32;
    let mut rest = input;
    let mut open = OUTERMOST;
    let (mut depth, mut count) = (0, 0);
    loop {
        let inner = opening(rest, cx)?;
        if depth == DEEPEST {
            return fail(rest, "at most 64 levels of nesting");
        }
        if count == MOST_PARTS {
            return fail(rest, "at most 10,000 parts");
        }
        count += 1;
        let at = spans.len();
        spans.extend_from_slice(&EMPTY);
        let behind = if inner.first() == Some(&b'(') {
            spans[at + EXTENT] = Span::pair(MULTIPART, open);
            (open, depth, rest) = (at as u32, depth + 1, inner);
            continue;
        } else {
            single(inner, at, spans, cx)?
        };
        let (kind, _) = spans[at + EXTENT].to_pair();
        rest = match kind {
            SINGLE => single_ends(behind, at, spans, cx)?,
            MULTIPART => multipart_ends(behind, at, spans, cx)?,
            _ => match behind {
                [b'(', b')', behind @ ..] => {
                    cx.quirk(behind, QuirkKind::EmptyList)?;
                    message_ends(behind, at, spans, cx)?
                }
                [b'(', ..] => {
                    let (envelope, _) = spans[at + WITHIN].to_pair();
                    spans[at + WITHIN] = Span::pair(envelope, spans.len() as u32);
                    spans[at + EXTENT] = Span::pair(MESSAGE, open);
                    (open, depth, rest) = (at as u32, depth + 1, behind);
                    continue;
                }
                _ => {
                    cx.quirk(behind, QuirkKind::UnexpectedNil)?;
                    message_ends(nil(behind).unwrap_or(behind), at, spans, cx)?
                }
            },
        };
        spans[at + EXTENT] = Span::pair(kind, spans.len() as u32);
        // What is open may end here too.
        while open != OUTERMOST {
            let at = open as usize;
            let (kind, parent) = spans[at + EXTENT].to_pair();
            if kind == MULTIPART {
                if let [b' ' | b'\t', ..] = rest
                    && skip_spaces(rest).first() == Some(&b'(')
                {
                    cx.quirk(rest, QuirkKind::ExtraSpace)?;
                    rest = skip_spaces(rest);
                }
                if rest.first() == Some(&b'(') {
                    break;
                }
                spans[at + WITHIN] = Span::pair((at + HEAD) as u32, spans.len() as u32);
                (rest, spans[at + SUBTYPE]) = next_nspan(rest, cx)?;
                rest = multipart_ends(rest, at, spans, cx)?;
            } else {
                rest = message_ends(rest, at, spans, cx)?;
            }
            spans[at + EXTENT] = Span::pair(kind, spans.len() as u32);
            open = parent;
            depth -= 1;
        }
        if open == OUTERMOST {
            return Ok((rest, root));
        }
    }
}

/// In the place of the part that a part lies in: it lies in none.
const OUTERMOST: u32 = u32::MAX;

/// The head of a part of which nothing is told.
const EMPTY: [Span; HEAD] = {
    let mut head = [Span::NIL; HEAD];
    head[EXTENT] = Span::pair(SINGLE, 0);
    head[WITHIN] = Span::pair(0, 0);
    head[PARAMS] = Span::pair(0, 0);
    head[DISPOSITION_PARAMS] = Span::pair(0, 0);
    head[LANGUAGE] = Span::pair(0, 0);
    head
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
fn single<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Rest<'a> {
    let (rest, media_type) = nspan(input, cx)?;
    let (rest, subtype) = next_nspan(rest, cx)?;
    spans[at + SUBTYPE] = subtype;
    if media_type.is_nil() {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
        spans[at + EXTENT] = Span::pair(MULTIPART, 0);
        return Ok(rest);
    }
    spans[at + TYPE] = media_type;
    if subtype.is_nil() {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
    }
    let (rest, ()) = spaces(rest, cx)?;
    let (mut rest, ()) = params(rest, at + PARAMS, spans, cx)?;
    for field in [ID, DESCRIPTION, ENCODING] {
        (rest, spans[at + field]) = next_nspan(rest, cx)?;
    }
    (rest, ()) = spaces(rest, cx)?;
    (rest, spans[at + OCTETS]) = count(rest, cx)?;
    let bytes = |span: Span| cx.frame.get(span.start()..span.end()).unwrap_or_default();
    let (media_type, subtype) = (bytes(media_type), bytes(subtype));
    if media_type.eq_ignore_ascii_case(b"text") {
        return lines(rest, at, spans, cx);
    }
    // Some servers tell of an encoded message as of any other part, so that extension data follows at once.
    if is_message(media_type, subtype) && skip_spaces(rest).first() == Some(&b'(') {
        (rest, ()) = spaces(rest, cx)?;
        let envelope;
        (rest, envelope) = envelope::parse(rest, spans, cx)?;
        spans[at + EXTENT] = Span::pair(MESSAGE, 0);
        spans[at + WITHIN] = Span::pair(envelope, 0);
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
fn lines<'a>(input: &'a [u8], at: usize, spans: &mut [Span], cx: &mut Context<'a>) -> Rest<'a> {
    if input.first() == Some(&b')') {
        cx.quirk(input, QuirkKind::MissingField)?;
        return Ok(input);
    }
    let (rest, ()) = spaces(input, cx)?;
    let (rest, lines) = count(rest, cx)?;
    spans[at + LINES] = lines;
    Ok(rest)
}

/// What follows the structure of a message: its lines and extension data.
fn message_ends<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Rest<'a> {
    let rest = lines(input, at, spans, cx)?;
    single_ends(rest, at, spans, cx)
}

/// `[SP body-ext-1part] ")"`
fn single_ends<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Rest<'a> {
    if let Some(rest) = input.strip_prefix(b" NIL NIL NIL NIL)") {
        // Most parts have no extension data, and most servers say so at length.
        return Ok(rest);
    }
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (rest, md5) = nspan(rest, cx)?;
    spans[at + MD5] = md5;
    extension(rest, at, spans, cx)
}

/// `[SP body-ext-mpart] ")"`
fn multipart_ends<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Rest<'a> {
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (rest, ()) = params(rest, at + PARAMS, spans, cx)?;
    extension(rest, at, spans, cx)
}

/// `[SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]] ")"`
fn extension<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Rest<'a> {
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (input, ()) = disposition(rest, at, spans, cx)?;
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let (input, ()) = language(rest, at, spans, cx)?;
    let Some(rest) = more(input, cx)? else { return close(input, cx) };
    let mut input;
    if rest.starts_with(b"()") {
        cx.quirk(rest, QuirkKind::EmptyList)?;
        input = &rest[2..];
    } else {
        (input, spans[at + LOCATION]) = nspan(rest, cx)?;
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
fn count<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    if let Ok((rest, number)) = number64(input)
        && let Some(b' ' | b')') = rest.first()
    {
        return Ok((rest, Span::pair(number as u32, (number >> 32) as u32)));
    }
    if let Some(rest) = nil(input) {
        cx.quirk(input, QuirkKind::UnexpectedNil)?;
        return Ok((rest, Span::NIL));
    }
    let is_numeric = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let len = input.iter().take_while(|byte| is_numeric(byte)).count();
    match input.get(len) {
        Some(b' ' | b')') if len > 0 => {
            cx.quirk(input, QuirkKind::BadNumber)?;
            Ok((&input[len..], Span::NIL))
        }
        _ => fail(input, "a number"),
    }
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`. Servers send `()` for NIL, and NIL for
/// values.
fn params<'a>(input: &'a [u8], field: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, ()> {
    if let Some(rest) = nil(input) {
        return Ok((rest, ()));
    }
    if input.starts_with(b"()") {
        cx.quirk(input, QuirkKind::EmptyList)?;
        return Ok((&input[2..], ()));
    }
    let start = spans.len();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = nspan(input, cx)?;
        let (rest, value) = next_nspan(rest, cx)?;
        if name.is_nil() || value.is_nil() {
            cx.quirk(input, QuirkKind::UnexpectedNil)?;
        }
        spans.push(name);
        spans.push(value);
        Ok((rest, ()))
    })?;
    spans[field] = Span::pair(start as u32, (spans.len() - start) as u32);
    Ok((rest, ()))
}

/// `body-fld-dsp = "(" string SP body-fld-param ")" / nil`
fn disposition<'a>(
    input: &'a [u8],
    at: usize,
    spans: &mut Vec<Span>,
    cx: &mut Context<'a>,
) -> Parsing<'a, ()> {
    let Some(inner) = input.strip_prefix(b"(") else {
        if let Some(rest) = nil(input) {
            return Ok((rest, ()));
        }
        let (rest, kind) = string(input, cx)?;
        cx.quirk(input, QuirkKind::StringForList)?;
        spans[at + DISPOSITION] = kind;
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
    spans[at + DISPOSITION] = kind;
    let rest = match more(rest, cx)? {
        Some(rest) => params(rest, at + DISPOSITION_PARAMS, spans, cx)?.0,
        None => {
            cx.quirk(rest, QuirkKind::MissingField)?;
            rest
        }
    };
    Ok((close(rest, cx)?, ()))
}

/// `body-fld-lang = nstring / "(" string *(SP string) ")"`
fn language<'a>(input: &'a [u8], at: usize, spans: &mut Vec<Span>, cx: &mut Context<'a>) -> Parsing<'a, ()> {
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
    spans[at + LANGUAGE] = Span::pair(start as u32, (spans.len() - start) as u32);
    Ok((rest, ()))
}
