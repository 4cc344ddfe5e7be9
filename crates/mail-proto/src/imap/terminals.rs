//! The terminals of the grammar: words, strings, numbers, and where in the frame they stand.
//!
//! Every parser here has nom's shape and works on a suffix of the frame, so that the place of anything is the
//! frame's length less what is left.

use bytes::Bytes;
use nom::{Err, IResult};

use crate::{
    error::{ParseError, Quirk, QuirkKind},
    text::{Span, unescape},
};

/// Where a parser failed, and what it wanted there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fail<'a> {
    pub(crate) at: &'a [u8],
    pub(crate) expected: &'static str,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fail<'a> {
    fn from_error_kind(at: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Fail { at, expected: "something else" }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

pub(crate) type Parsing<'a, T> = IResult<&'a [u8], T, Fail<'a>>;

pub(crate) fn fail<'a, T>(at: &'a [u8], expected: &'static str) -> Parsing<'a, T> {
    Err(Err::Error(Fail { at, expected }))
}

/// What a parser knows of its surroundings: the frame, how strict to be, and the quirks seen so far.
pub(crate) struct Context<'a> {
    pub(crate) frame: &'a [u8],
    /// Whose shares the strings of the value are; `None` if each has memory of its own.
    owner: Option<&'a Bytes>,
    strict: bool,
    quirks: Vec<Quirk>,
    /// The messages of an APPEND that lie in the frame.
    pub(crate) uploads: Vec<Bytes>,
}

impl<'a> Context<'a> {
    /// For a frame that the value may share, which pays for large ones: a share costs as much as a short copy, and
    /// keeps the whole frame.
    #[inline]
    pub(crate) fn new(frame: &'a Bytes, strict: bool) -> Self {
        Self { owner: (frame.len() > Self::COPIED).then_some(frame), ..Self::lent(frame, strict) }
    }

    /// For a frame of which the value keeps copies only.
    #[inline]
    pub(crate) fn lent(frame: &'a [u8], strict: bool) -> Self {
        Self { frame, owner: None, strict, quirks: Vec::new(), uploads: Vec::new() }
    }

    /// Of frames up to this many bytes, strings are copied.
    pub(crate) const COPIED: usize = 1024;

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    #[inline]
    pub(crate) fn offset(&self, rest: &[u8]) -> usize {
        self.frame.len() - rest.len()
    }

    /// Notes that the peer got something wrong at `at`; in strict mode that is an error.
    #[cold]
    pub(crate) fn quirk(&mut self, at: &'a [u8], kind: QuirkKind) -> Result<(), Err<Fail<'a>>> {
        if self.strict {
            return Err(Err::Error(Fail { at, expected: expected_instead_of(kind) }));
        }
        self.quirks.push(Quirk { kind, offset: self.offset(at) });
        Ok(())
    }

    #[inline]
    pub(crate) fn into_quirks(self) -> Vec<Quirk> {
        self.quirks
    }

    #[inline]
    pub(crate) fn take_quirks(&mut self) -> Vec<Quirk> {
        std::mem::take(&mut self.quirks)
    }

    /// The span of `len` bytes from `at` on.
    #[inline]
    pub(crate) fn span(&self, at: &[u8], len: usize) -> Span {
        Span::new(self.offset(at), len, false)
    }

    /// The string as bytes of its own, without the escapes.
    pub(crate) fn bytes(&self, span: Span) -> Bytes {
        let raw = &self.frame[span.start()..span.end()];
        if span.is_escaped() { unescape(raw).into() } else { self.keep(raw) }
    }

    /// A piece of the frame as bytes of its own.
    #[inline]
    pub(crate) fn keep(&self, piece: &[u8]) -> Bytes {
        match self.owner {
            None => Bytes::copy_from_slice(piece),
            Some(frame) => frame.slice_ref(piece),
        }
    }

    pub(crate) fn error(&self, error: &Err<Fail<'_>>) -> ParseError {
        match error {
            Err::Error(fail) | Err::Failure(fail) => {
                ParseError::at(self.frame, self.offset(fail.at), fail.expected)
            }
            // Frames are complete, so no parser asks for more.
            Err::Incomplete(_) => ParseError::at(self.frame, self.frame.len(), "more"),
        }
    }
}

fn expected_instead_of(kind: QuirkKind) -> &'static str {
    match kind {
        QuirkKind::ExtraSpace => "a single space",
        QuirkKind::MissingSpace => "a space",
        QuirkKind::MissingText => "text",
        QuirkKind::EmptyCode => "a response code",
        QuirkKind::UnclosedCode => "\"]\"",
        QuirkKind::UnexpectedNil => "a string or list",
        QuirkKind::AtomForString | QuirkKind::UnescapedQuote => "a string",
        QuirkKind::QuotedForAtom => "an atom",
        QuirkKind::BadNumber => "a number",
        QuirkKind::WrongName => "a FETCH item",
        QuirkKind::BadDate => "a date-time",
        QuirkKind::UnclosedList => "\")\"",
        QuirkKind::ExtraParenthesis => "no parenthesis",
        QuirkKind::EmptyList => "NIL",
        QuirkKind::StringForList => "a list",
        QuirkKind::MissingField => "a further field",
        QuirkKind::TrailingBytes => "CRLF",
        QuirkKind::BareLineFeed => "CRLF",
        QuirkKind::ForbiddenByte | QuirkKind::BadCodeArguments => "what RFC 9051 allows",
    }
}

#[inline]
pub(crate) fn byte(wanted: u8, expected: &'static str) -> impl Fn(&[u8]) -> Parsing<'_, ()> {
    move |input| match input.split_first() {
        Some((first, rest)) if *first == wanted => Ok((rest, ())),
        _ => fail(input, expected),
    }
}

/// `SP`, exactly one.
pub(crate) fn sp(input: &[u8]) -> Parsing<'_, ()> {
    byte(b' ', "a space")(input)
}

/// `SP`; more than one, or a tab, is a quirk.
#[inline]
pub(crate) fn spaces<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
    match input {
        [b' ', next, ..] if *next != b' ' && *next != b'\t' => Ok((&input[1..], ())),
        [b' ' | b'\t', ..] => {
            cx.quirk(input, QuirkKind::ExtraSpace)?;
            Ok((skip_spaces(input), ()))
        }
        _ => fail(input, "a space"),
    }
}

pub(crate) fn skip_spaces(input: &[u8]) -> &[u8] {
    let spaces = input.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &input[spaces..]
}

/// Whether the line is at its end.
#[inline]
pub(crate) fn at_end(input: &[u8]) -> bool {
    matches!(input, b"" | b"\r\n" | b"\n")
}

/// The end of the frame; white space or anything else before it is a quirk.
pub(crate) fn end<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
    if !at_end(input) {
        let spaces_only = at_end(skip_spaces(input));
        cx.quirk(input, if spaces_only { QuirkKind::ExtraSpace } else { QuirkKind::TrailingBytes })?;
    }
    Ok((&[], ()))
}

/// No keyword that is known is longer.
pub(crate) const LONGEST_WORD: usize = 24;

/// The word in capitals, in memory that costs nothing; nothing that is known if it is longer than that.
#[inline]
pub(crate) fn in_capitals<'u>(word: &[u8], capitals: &'u mut [u8; LONGEST_WORD]) -> &'u [u8] {
    let Some(capitals) = capitals.get_mut(..word.len()) else { return b"?" };
    for (capital, byte) in capitals.iter_mut().zip(word) {
        *capital = byte.to_ascii_uppercase();
    }
    capitals
}

/// Without the line end.
pub(crate) fn line(input: &[u8]) -> &[u8] {
    let input = input.strip_suffix(b"\n").unwrap_or(input);
    input.strip_suffix(b"\r").unwrap_or(input)
}

/// `ATOM-CHAR`, and 8-bit bytes, which servers send in flags and names.
pub(crate) fn is_atom_byte(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']' | 0x7f)
}

/// `ASTRING-CHAR = ATOM-CHAR / resp-specials`
pub(crate) fn is_astring_byte(byte: u8) -> bool {
    is_atom_byte(byte) || byte == b']'
}

/// What a tag is made of: `any ASTRING-CHAR except "+"`
pub(crate) fn is_tag_byte(byte: u8) -> bool {
    is_astring_byte(byte) && byte != b'+'
}

pub(crate) fn take_while1<'a>(
    input: &'a [u8],
    accept: impl Fn(u8) -> bool,
    expected: &'static str,
) -> Parsing<'a, &'a [u8]> {
    let len = input.iter().position(|byte| !accept(*byte)).unwrap_or(input.len());
    if len == 0 { fail(input, expected) } else { Ok((&input[len..], &input[..len])) }
}

/// `atom = 1*ATOM-CHAR`
pub(crate) fn atom(input: &[u8]) -> Parsing<'_, &[u8]> {
    take_while1(input, is_atom_byte, "an atom")
}

/// `number64`; at most 20 digits.
#[inline]
pub(crate) fn number64(input: &[u8]) -> Parsing<'_, u64> {
    let (len, value) = leading_digits(input);
    match len {
        0 => fail(input, "a number"),
        1..=7 => Ok((&input[len..], value)),
        _ => further_digits(input, len, value),
    }
}

/// How many of the first eight bytes are digits up to the first that isn't, and their value: all at once, since
/// numbers are what most of a mailbox' state is made of.
#[inline]
fn leading_digits(input: &[u8]) -> (usize, u64) {
    const ONES: u64 = u64::MAX / 255;
    let Some(word) = input.first_chunk::<8>() else {
        let len = input.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let value = input[..len].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        return (len, value);
    };
    let digits = u64::from_le_bytes(*word) ^ (ONES * 0x30);
    // A byte above 9 gets its top bit. It may do so for a carry behind the first that isn't a digit only.
    let others = (digits.wrapping_add(ONES * 0x76) | digits) & (ONES << 7);
    let len = (others.trailing_zeros() / 8) as usize;
    if len == 0 {
        return (0, 0);
    }
    // The digits move to the top, zeros before them, and neighbours are added up: by two, by four, by eight.
    let digits = digits << (64 - 8 * len);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let evens = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let odds = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    (len, evens.wrapping_add(odds) >> 32)
}

fn further_digits(input: &[u8], len: usize, value: u64) -> Parsing<'_, u64> {
    let (mut len, mut value) = (len, value);
    while let Some(byte @ b'0'..=b'9') = input.get(len) {
        value = match value.checked_mul(10).and_then(|value| value.checked_add(u64::from(byte - b'0'))) {
            Some(value) => value,
            None => return fail(input, "a number of 64 bits"),
        };
        len += 1;
    }
    Ok((&input[len..], value))
}

/// `number`
#[inline]
pub(crate) fn number(input: &[u8]) -> Parsing<'_, u32> {
    let (rest, value) = number64(input)?;
    match u32::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => fail(input, "a number of 32 bits"),
    }
}

/// `nz-number`
#[inline]
pub(crate) fn nz_number(input: &[u8]) -> Parsing<'_, u32> {
    match number(input)? {
        (_, 0) => fail(input, "a number above zero"),
        found => Ok(found),
    }
}

/// The content of a `literal = "{" number64 ["+"] "}" CRLF *CHAR8`, or of a `literal8`.
pub(crate) fn literal<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Span> {
    let open = input.strip_prefix(b"~").unwrap_or(input);
    let (rest, ()) = byte(b'{', "a literal")(open)?;
    let (rest, len) = number64(rest)?;
    let rest = rest.strip_prefix(b"+").unwrap_or(rest);
    let ([b'}', b'\r', b'\n', content @ ..] | [b'}', b'\n', content @ ..]) = rest else {
        return fail(rest, "the end of a literal's announcement");
    };
    match usize::try_from(len) {
        Ok(len) if len <= content.len() => Ok((&content[len..], cx.span(content, len))),
        _ => fail(input, "a literal's bytes"),
    }
}

/// The content of a `quoted = DQUOTE *QUOTED-CHAR DQUOTE`.
#[inline]
pub(crate) fn quoted<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Span> {
    let (content, ()) = byte(b'"', "a quoted string")(input)?;
    let len = quoted_special(content);
    match content.get(len) {
        Some(b'"') => Ok((&content[len + 1..], Span::new(cx.offset(content), len, false))),
        _ => quoted_further(input, len, cx),
    }
}

/// A quoted string from the first byte on that isn't plain.
#[cold]
fn quoted_further<'a>(input: &'a [u8], plain: usize, cx: &Context<'a>) -> Parsing<'a, Span> {
    let content = &input[1..];
    let mut escaped = false;
    let mut at = plain;
    loop {
        match content.get(at) {
            Some(b'"') => {
                return Ok((&content[at + 1..], Span::new(cx.offset(content), at, escaped)));
            }
            Some(b'\\') if at + 1 < content.len() => {
                escaped = true;
                at += 2;
            }
            None | Some(b'\\') => return fail(input, "the end of a quoted string"),
            Some(b'\r' | b'\n') if at_end(&content[at..]) => {
                return fail(input, "the end of a quoted string");
            }
            Some(b'\r' | b'\n') => return fail(input, "a quoted string on one line"),
            Some(_) => at += 1,
        }
        at += quoted_special(&content[at..]);
    }
}

/// How many bytes stand before the first quote, backslash or control character. Strings are short, so that eight
/// bytes at a time are quicker than a call into a searcher made for long ones.
#[inline(always)]
fn quoted_special(content: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // The lowest byte that is marked is right; those above it may be marked for a borrow.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let (words, tail) = content.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // With its second bit turned over, a quote (0x22) lies right behind the control characters, and nothing else does.
        let found = (below(word ^ (ONES * 0x02), 0x21) | below(word ^ (ONES * 0x5c), 1)) & HIGH;
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let plain = |byte: &u8| !matches!(byte, 0..=0x1f | b'"' | b'\\');
    words.len() * 8 + tail.iter().take_while(|byte| plain(byte)).count()
}

/// `string = quoted / literal`
pub(crate) fn string<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Span> {
    match input.first() {
        Some(b'"') => quoted(input, cx),
        Some(b'{' | b'~') => literal(input, cx),
        _ => fail(input, "a string"),
    }
}

/// `astring = 1*ASTRING-CHAR / string`
pub(crate) fn astring<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Span> {
    match input.first() {
        Some(b'"' | b'{') => string(input, cx),
        _ => {
            let (rest, word) = take_while1(input, is_astring_byte, "a word or string")?;
            Ok((rest, cx.span(input, word.len())))
        }
    }
}

/// `nil = "NIL"`, if it stands there as a whole word.
#[inline]
pub(crate) fn nil(input: &[u8]) -> Option<&[u8]> {
    if !matches!(input.first(), Some(b'N' | b'n')) {
        return None;
    }
    let (head, rest) = input.split_at_checked(3)?;
    let ends = rest.first().is_none_or(|byte| !is_astring_byte(*byte));
    (head.eq_ignore_ascii_case(b"NIL") && ends).then_some(rest)
}

/// `nstring = string / nil`, with [`Span::NIL`] for `nil`; a bare word is a quirk.
#[inline(always)] // Its result is large, and it is called for every string of every envelope.
pub(crate) fn nspan<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    match input {
        [b'"', content @ ..] => {
            let len = quoted_special(content);
            match content.get(len) {
                Some(b'"') => Ok((&content[len + 1..], Span::new(cx.offset(content), len, false))),
                _ => quoted_further(input, len, cx),
            }
        }
        [b'N', b'I', b'L', b' ' | b')', ..] => Ok((&input[3..], Span::NIL)),
        _ => odd_nspan(input, cx),
    }
}

/// `SP nstring`, as [`spaces`] and [`nspan`] one after the other.
#[inline(always)]
pub(crate) fn next_nspan<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    if let [b' ', b'"', content @ ..] = input {
        let len = quoted_special(content);
        if let Some(b'"') = content.get(len) {
            return Ok((&content[len + 1..], Span::new(cx.offset(content), len, false)));
        }
    }
    match input {
        [b' ', b'N', b'I', b'L', b' ' | b')', ..] => Ok((&input[4..], Span::NIL)),
        _ => odd_next_nspan(input, cx),
    }
}

#[cold]
fn odd_next_nspan<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    let (rest, ()) = spaces(input, cx)?;
    nspan(rest, cx)
}

#[cold]
fn odd_nspan<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    nstring(input, cx).map(|(rest, span)| (rest, span.unwrap_or(Span::NIL)))
}

/// The word, in any case, if it stands there as a whole; what follows it.
pub(crate) fn keyword<'a>(input: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (head, rest) = input.split_at_checked(word.len())?;
    let ends = rest.first().is_none_or(|byte| !is_atom_byte(*byte));
    (ends && head.eq_ignore_ascii_case(word.as_bytes())).then_some(rest)
}

/// `nstring = string / nil`; a bare word is a quirk.
pub(crate) fn nstring<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Option<Span>> {
    match input.first() {
        Some(b'"' | b'{' | b'~') => string(input, cx).map(|(rest, span)| (rest, Some(span))),
        _ => {
            if let Some(rest) = nil(input) {
                return Ok((rest, None));
            }
            let (rest, span) = astring(input, cx)?;
            cx.quirk(input, QuirkKind::AtomForString)?;
            Ok((rest, Some(span)))
        }
    }
}

/// Items in parentheses, separated by spaces, as `( a b c )` too. Nothing between the parentheses is an empty list.
#[inline]
pub(crate) fn list<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
    mut item: impl FnMut(&'a [u8], &mut Context<'a>) -> Parsing<'a, ()>,
) -> Parsing<'a, ()> {
    let (mut input, ()) = byte(b'(', "\"(\"")(input)?;
    loop {
        if let [b' ' | b'\t', ..] = input {
            cx.quirk(input, QuirkKind::ExtraSpace)?;
            input = skip_spaces(input);
        }
        if let [b')', rest @ ..] = input {
            return Ok((rest, ()));
        }
        (input, ()) = item(input, cx)?;
        match input {
            [b')', rest @ ..] => return Ok((rest, ())),
            [b' ', ..] => input = &input[1..],
            _ => return fail(input, "a space or \")\""),
        }
    }
}

/// Any value, whatever it means: a word, a string, or a list of such, nested as deep as it likes.
///
/// Knows quotes and literals, so that a parenthesis in one counts for nothing. Ends before the space or the closing
/// parenthesis that follows it.
pub(crate) fn any_value<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, ()> {
    let mut rest = input;
    let mut depth = 0_usize;
    loop {
        match rest.first() {
            Some(b'(') => {
                depth += 1;
                rest = &rest[1..];
            }
            Some(b')') if depth > 0 => {
                depth -= 1;
                rest = &rest[1..];
            }
            Some(b' ') if depth > 0 => rest = &rest[1..],
            Some(b'"') => rest = quoted(rest, cx)?.0,
            Some(b'{') => rest = literal(rest, cx)?.0,
            Some(b' ' | b')' | b'\r' | b'\n') | None => break,
            Some(_) => {
                let len = rest
                    .iter()
                    .position(|byte| matches!(byte, b' ' | b'(' | b')' | b'"' | b'{' | b'\r' | b'\n'))
                    .unwrap_or(rest.len());
                rest = &rest[len..];
            }
        }
    }
    if depth > 0 {
        return fail(rest, "\")\"");
    }
    if rest.len() == input.len() { fail(input, "a value") } else { Ok((rest, ())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<'a, T>(
        frame: &'a Bytes,
        parser: impl Fn(&'a [u8], &mut Context<'a>) -> Parsing<'a, T>,
    ) -> Result<(usize, T), ParseError> {
        let mut cx = Context::new(frame, false);
        match parser(frame, &mut cx) {
            Ok((rest, value)) => Ok((cx.offset(rest), value)),
            Err(error) => Err(cx.error(&error)),
        }
    }

    #[test]
    fn strings_of_every_form() {
        for (wire, text, at) in [
            (&br#""a\"b" "#[..], &br#"a"b"#[..], 6),
            (b"\"\"", b"", 2),
            (b"{3}\r\nab\" ", b"ab\"", 8),
            (b"{3+}\r\nabc", b"abc", 9),
            (b"a]b c", b"a]b", 3),
        ] {
            let frame = Bytes::copy_from_slice(wire);
            let (end, span) = parsed(&frame, |input, cx| astring(input, cx)).unwrap();
            assert_eq!(span.of(&frame).to_bytes(), text);
            assert_eq!(end, at);
        }
    }

    #[test]
    fn broken_strings_say_what_was_expected() {
        for (wire, expected) in [
            (&b"\"abc"[..], "the end of a quoted string"),
            (b"\"abc\\", "the end of a quoted string"),
            (b"\"a\r\nb\"", "a quoted string on one line"),
            (b"{9}\r\nabc", "a literal's bytes"),
            (b"{99999999999999999999}\r\n", "a number of 64 bits"),
            (b"(", "a word or string"),
        ] {
            let frame = Bytes::copy_from_slice(wire);
            let error = parsed(&frame, |input, cx| astring(input, cx)).unwrap_err();
            assert_eq!(error.expected, expected);
        }
    }

    #[test]
    fn any_value_knows_quotes_and_literals() {
        for (wire, end) in [
            (&b"(a \"b)c\" (d (e)) NIL) UID"[..], 21),
            (b"({10}\r\n) UID 9 (( x) FLAGS", 20),
            (b"BODY[1 2", 6),
            (b"99)", 2),
        ] {
            let frame = Bytes::copy_from_slice(wire);
            assert_eq!(parsed(&frame, |input, cx| any_value(input, cx)).unwrap().0, end);
        }
        let deep = Bytes::from(vec![b'('; 1 << 20]);
        assert_eq!(parsed(&deep, |input, cx| any_value(input, cx)).unwrap_err().expected, "\")\"");
    }
}
