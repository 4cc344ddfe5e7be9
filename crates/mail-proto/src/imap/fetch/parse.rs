//! Reading a FETCH response: one pass over the items, each dispatched on its name.

use bytes::Bytes;
use nom::Err;

use super::{Fetch, Node, StreamedNode, flags, key::Key};
use crate::{
    error::QuirkKind,
    imap::{
        body_structure,
        date::DateTime,
        envelope,
        flags::Flag,
        terminals::{
            Context, Fail, Parsing, astring, at_end, byte, end, fail, list, literal, nil, nspan, number,
            number64, nz_number, quoted, skip_spaces, spaces, string,
        },
    },
    text::Span,
};

/// With what a segment of a FETCH begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) seq: u32,
    /// The UID that was told before, by UIDFETCH or in the segments before.
    pub(crate) uid: Option<u32>,
    pub(crate) by_uid: bool,
    /// Whether it goes on behind a streamed literal.
    pub(crate) continues: bool,
    /// How many lists are open of an item that can't be read, and one more.
    pub(crate) open: u32,
}

impl Start {
    /// `nz-number SP "FETCH"`
    pub(crate) fn of(seq: u32) -> Self {
        Self { seq, uid: None, by_uid: false, continues: false, open: 0 }
    }

    /// `nz-number SP "UIDFETCH"` (RFC 9586)
    pub(crate) fn by_uid(uid: u32) -> Self {
        Self { uid: Some(uid), by_uid: true, ..Self::of(0) }
    }
}

/// Room for the items of a message while it is read, kept for the next one: what a [`Fetch`] then gets is allocated
/// once, and no larger than it has to be.
#[derive(Debug, Default)]
pub(crate) struct Room {
    nodes: Vec<Node>,
    spans: Vec<Span>,
}

/// Between two messages nothing in it is of worth.
impl Clone for Room {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// No more room is kept than most messages take.
const MOST_NODES: usize = 64;
const MOST_SPANS: usize = 1024;

/// What was put into the room.
#[inline(always)]
fn boxed<T: Copy>(room: &mut Vec<T>, most: usize) -> Box<[T]> {
    if room.capacity() > most { std::mem::take(room).into_boxed_slice() } else { room[..].into() }
}

/// A FETCH that is being read.
pub(crate) struct Message<'r> {
    start: Start,
    /// The length of the literal that follows this segment as a stream.
    pub(super) announced: Option<u64>,
    /// The UID that was told.
    uid: Option<u32>,
    two_uids: bool,
    /// Parentheses around items that are open.
    extra: u32,
    /// How often bytes were looked at again since an item couldn't be read.
    pub(super) reread: u32,
    pub(super) nodes: &'r mut Vec<Node>,
    pub(super) spans: &'r mut Vec<Span>,
    /// See [`Fetch`] for this and what follows.
    pub(super) open: u32,
    pub(super) doubtful: u32,
    pub(super) streamed: Option<StreamedNode>,
}

impl<'r> Message<'r> {
    /// `announced` is the length of the streamed literal that follows the segment.
    #[inline(always)]
    pub(crate) fn new(start: Start, announced: Option<u64>, room: &'r mut Room) -> Self {
        let Room { nodes, spans } = room;
        nodes.clear();
        spans.clear();
        if let (Some(uid), true, false) = (start.uid, start.by_uid, start.continues) {
            nodes.push(Node::Uid(uid));
        }
        Self {
            start,
            announced,
            uid: start.uid,
            two_uids: false,
            extra: 0,
            reread: 0,
            nodes,
            spans,
            open: 0,
            doubtful: u32::MAX,
            streamed: None,
        }
    }

    /// `"FETCH" SP msg-att`, behind the word, or what goes on behind a streamed literal.
    pub(crate) fn read<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Result<(), Err<Fail<'a>>> {
        let rest = match self.start {
            Start { continues: false, .. } => byte(b'(', "\"(\"")(input)?.0,
            Start { open: 0, .. } => input,
            Start { open, .. } => self.skip_open(input, open, cx),
        };
        match self.streamed {
            None => self.items(rest, cx),
            Some(_) => Ok(()),
        }
    }

    /// How the next segment begins, if a streamed literal follows.
    pub(crate) fn goes_on(&self) -> Start {
        let told = self.nodes.iter().find_map(Node::uid).filter(|_| !self.two_uids);
        Start { uid: told.or(self.start.uid), continues: true, open: self.open, ..self.start }
    }

    /// The value, with the frame that its places are in.
    #[inline(always)] // Moving it takes longer than reading a short one.
    pub(crate) fn into_fetch(self, frame: Bytes) -> Fetch {
        Fetch {
            seq: self.start.seq,
            continues: self.start.continues,
            by_uid: self.start.by_uid,
            two_uids: self.two_uids,
            open: self.open,
            doubtful: self.doubtful,
            frame,
            nodes: boxed(self.nodes, MOST_NODES),
            spans: boxed(self.spans, MOST_SPANS),
            streamed: self.streamed.map(Box::new),
        }
    }
}

impl Message<'_> {
    /// `msg-att = "(" msg-att-item *(SP msg-att-item) ")"`, behind the parenthesis.
    fn items<'a>(&mut self, mut input: &'a [u8], cx: &mut Context<'a>) -> Result<(), Err<Fail<'a>>> {
        loop {
            match input {
                [b')', rest @ ..] if at_end(rest) => return Ok(()),
                [b')', rest @ ..] if self.extra > 0 => {
                    self.extra -= 1;
                    input = rest;
                    continue;
                }
                [b')', rest @ ..] => {
                    if at_end(rest.trim_ascii_start()) {
                        end(rest, cx)?;
                    } else {
                        cx.quirk(rest, QuirkKind::TrailingBytes)?;
                        self.invalid(rest, &[], "CRLF", rest, cx);
                    }
                    return Ok(());
                }
                [b' ', next, ..] if !matches!(next, b' ' | b'\t') => input = &input[1..],
                [b' ' | b'\t', ..] => {
                    cx.quirk(input, QuirkKind::ExtraSpace)?;
                    input = skip_spaces(input);
                }
                rest if at_end(rest) => {
                    if self.streamed.is_none() {
                        cx.quirk(rest, QuirkKind::UnclosedList)?;
                    }
                    return Ok(());
                }
                _ => {}
            }
            match input {
                // Some servers put an item into parentheses of its own.
                [b'(', rest @ ..] => {
                    cx.quirk(input, QuirkKind::ExtraParenthesis)?;
                    self.extra += 1;
                    input = rest;
                    continue;
                }
                [b')', ..] => continue,
                [b' ', ..] => {
                    cx.quirk(input, QuirkKind::ExtraSpace)?;
                    continue;
                }
                rest if at_end(rest) => continue,
                _ => {}
            }
            let item = input;
            input = match self.item(item, cx) {
                Ok((rest, ())) => rest,
                // In strict mode an unreadable item is an error of the whole response.
                Err(error) if cx.is_strict() => return Err(error),
                Err(error) => self.salvage(item, &error, cx),
            };
            if self.streamed.is_some() {
                return Ok(());
            }
        }
    }

    fn item<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let (key, len) = Key::begins(input);
        let (name, rest) = input.split_at(len);
        let node = match key {
            Key::Uid => return self.uid(value(rest, cx)?, cx),
            Key::Flags => return self.flags(value(rest, cx)?, cx),
            Key::Envelope => return self.envelope(value(rest, cx)?, cx),
            Key::Body if rest.first() != Some(&b'[') => return self.structure(value(rest, cx)?, true, cx),
            Key::BodyStructure => return self.structure(value(rest, cx)?, false, cx),
            Key::Body | Key::Binary => return self.section(input, rest, cx),
            Key::BodyPeek => {
                cx.quirk(input, QuirkKind::WrongName)?;
                return self.section(input, rest, cx);
            }
            Key::Rfc822 => return self.content(cx.span(input, len), None, rest, cx),
            Key::InternalDate => {
                let rest = value(rest, cx)?;
                if let Some(behind) = nil(rest) {
                    cx.quirk(rest, QuirkKind::UnexpectedNil)?;
                    return Ok((behind, ()));
                }
                let (rest, text) = date(rest, cx)?;
                (rest, Node::InternalDate(text))
            }
            Key::Size => {
                let (rest, size) = whole(number64)(value(rest, cx)?)?;
                (rest, Node::Size(size))
            }
            Key::ModSeq => {
                let (rest, ()) = byte(b'(', "\"(\"")(value(rest, cx)?)?;
                let (rest, number) = number64(rest)?;
                let (rest, ()) = byte(b')', "\")\"")(rest)?;
                (rest, Node::ModSeq(number))
            }
            Key::BinarySize => {
                let (behind, part) = brackets(rest, cx)?;
                let (behind, size) = whole(number64)(value(behind, cx)?)?;
                (behind, Node::BinarySize { name: cx.span(input, len + part), size })
            }
            Key::EmailId => {
                let (rest, id) = object_id(value(rest, cx)?, cx)?;
                (rest, Node::EmailId(id))
            }
            Key::ThreadId => {
                let rest = value(rest, cx)?;
                let (rest, id) = match nil(rest) {
                    Some(rest) => (rest, Span::NIL),
                    None => object_id(rest, cx)?,
                };
                (rest, Node::ThreadId(id))
            }
            Key::Preview => {
                let rest = value(rest, cx)?;
                if let Some(len) = self.streams(rest) {
                    self.streamed =
                        Some(StreamedNode { name: cx.span(input, name.len()), origin: None, len });
                    return Ok((&[], ()));
                }
                let (rest, text) = nspan(rest, cx)?;
                (rest, Node::Preview(text))
            }
            Key::SaveDate => {
                let rest = value(rest, cx)?;
                let (rest, text) = match nil(rest) {
                    Some(rest) => (rest, Span::NIL),
                    None => date(rest, cx)?,
                };
                (rest, Node::SaveDate(text))
            }
            Key::GmailMessageId => {
                let (rest, id) = whole(number64)(value(rest, cx)?)?;
                (rest, Node::GmailMessageId(id))
            }
            Key::GmailThreadId => {
                let (rest, id) = whole(number64)(value(rest, cx)?)?;
                (rest, Node::GmailThreadId(id))
            }
            Key::GmailLabels => return self.labels(value(rest, cx)?, cx),
            Key::Unknown if len == 0 => return fail(input, "a FETCH item"),
            Key::Unknown => return self.unknown(input, cx),
        };
        let (rest, node) = node;
        match rest.first() {
            None | Some(b' ' | b')' | b'\r' | b'\n' | b'\t') => {
                self.nodes.push(node);
                Ok((rest, ()))
            }
            Some(_) => fail(rest, "the end of an item"),
        }
    }

    fn uid<'a>(&mut self, input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, ()> {
        let (rest, uid) = whole(nz_number)(input)?;
        if self.uid.is_some_and(|told| told != uid) {
            if cx.is_strict() {
                return fail(input, "the UID that was told before");
            }
            self.two_uids = true;
            self.invalid(input, rest, "the UID that was told before", input, cx);
            return Ok((rest, ()));
        }
        self.uid = Some(uid);
        self.nodes.push(Node::Uid(uid));
        Ok((rest, ()))
    }

    fn flags<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let spans = &mut *self.spans;
        let first = spans.len();
        let mut system = 0;
        let rest = match nil(input) {
            Some(rest) => {
                cx.quirk(input, QuirkKind::UnexpectedNil)?;
                rest
            }
            None => {
                let (rest, ()) = list(input, cx, |input, cx| {
                    let (rest, span) = flag(input, cx)?;
                    let name = cx.frame.get(span.start()..span.end()).unwrap_or_default();
                    match flags::bit(name) {
                        Some(bit) => system |= bit,
                        None => spans.push(span),
                    }
                    Ok((rest, ()))
                })?;
                rest
            }
        };
        let keywords = (spans.len() - first) as u32;
        self.nodes.push(Node::Flags { system, first: first as u32, keywords });
        Ok((rest, ()))
    }

    /// `"(" [label *(SP label)] ")"`, where a label is an astring or begins with a backslash, and NIL is a label.
    fn labels<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let spans = &mut *self.spans;
        let first = spans.len();
        let rest = match nil(input) {
            Some(rest) => {
                cx.quirk(input, QuirkKind::UnexpectedNil)?;
                rest
            }
            None => {
                let (rest, ()) = list(input, cx, |input, cx| {
                    let (rest, span) = match input.first() {
                        Some(b'"') => quoted(input, cx)?,
                        Some(b'{') => literal(input, cx)?,
                        _ => {
                            let len = input.iter().position(|byte| matches!(byte, b' ' | b')' | b'('));
                            match len {
                                Some(len) if len > 0 => (&input[len..], cx.span(input, len)),
                                _ => return fail(input, "a label"),
                            }
                        }
                    };
                    spans.push(span);
                    Ok((rest, ()))
                })?;
                rest
            }
        };
        let labels = (spans.len() - first) as u32;
        self.nodes.push(Node::GmailLabels { first: first as u32, labels });
        Ok((rest, ()))
    }

    fn envelope<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let (rest, at) = self.nested(input, cx, envelope::parse)?;
        self.nodes.push(Node::Envelope(at));
        Ok((rest, ()))
    }

    fn structure<'a>(&mut self, input: &'a [u8], basic: bool, cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let (rest, root) = self.nested(input, cx, body_structure::parse)?;
        // "A form of BODYSTRUCTURE without extension data" (RFC 9051 section 7.5.2), though the grammar has it for both.
        if basic && cx.is_strict() {
            let structure = body_structure::BodyStructure::new(cx.frame, self.spans, root);
            if structure.walk().any(|part| part.structure.has_extension_data()) {
                self.spans.truncate(root as usize);
                return fail(input, "a structure without extension data");
            }
        }
        self.nodes.push(Node::BodyStructure { root, basic });
        Ok((rest, ()))
    }

    /// Something that puts its strings among the spans, of which nothing stays if it can't be read.
    #[inline]
    fn nested<'a>(
        &mut self,
        input: &'a [u8],
        cx: &mut Context<'a>,
        parser: impl FnOnce(&'a [u8], &mut Vec<Span>, &mut Context<'a>) -> Parsing<'a, u32>,
    ) -> Parsing<'a, u32> {
        let spans = &mut *self.spans;
        if spans.capacity() == 0 {
            spans.reserve((input.len() / BYTES_A_SPAN).min(MOST_SPANS));
        }
        let before = spans.len();
        let parsed = parser(input, spans, cx);
        if parsed.is_err() {
            spans.truncate(before);
        }
        parsed
    }

    /// `("BODY" / "BINARY") section ["<" number ">"] SP (nstring / literal8)`, from the bracket on.
    fn section<'a>(&mut self, item: &'a [u8], input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        let (mut rest, _) = brackets(input, cx)?;
        let name = cx.span(item, item.len() - rest.len());
        let mut origin = None;
        if let Some(range) = rest.strip_prefix(b"<") {
            let (behind, offset) = number(range)?;
            // Some servers repeat the length that was asked for.
            let behind = match behind.strip_prefix(b".") {
                Some(len) => {
                    cx.quirk(behind, QuirkKind::TrailingBytes)?;
                    number64(len)?.0
                }
                None => behind,
            };
            (rest, ()) = byte(b'>', "\">\"")(behind)?;
            origin = Some(offset);
        }
        self.content(name, origin, rest, cx)
    }

    fn content<'a>(
        &mut self,
        name: Span,
        origin: Option<u32>,
        input: &'a [u8],
        cx: &mut Context<'a>,
    ) -> Parsing<'a, ()> {
        let rest = match input.first() {
            Some(b'{' | b'"' | b'~') => {
                cx.quirk(input, QuirkKind::MissingSpace)?;
                input
            }
            _ => value(input, cx)?,
        };
        if let Some(len) = self.streams(rest) {
            self.streamed = Some(StreamedNode { name, origin, len });
            return Ok((&[], ()));
        }
        let (rest, data) = nspan(rest, cx)?;
        self.nodes.push(Node::Body { name, origin, data });
        Ok((rest, ()))
    }

    /// The streamed literal's length, if this is its announcement, which the segment ends with.
    pub(super) fn streams(&self, input: &[u8]) -> Option<u64> {
        let len = self.announced?;
        let announcement = input.strip_prefix(b"~").unwrap_or(input);
        (announcement.first() == Some(&b'{') && memchr::memchr(b'\n', input) == Some(input.len() - 1))
            .then_some(len)
    }

    pub(super) fn invalid<'a>(
        &mut self,
        item: &'a [u8],
        rest: &[u8],
        expected: &'static str,
        at: &[u8],
        cx: &Context<'a>,
    ) {
        let raw = cx.span(item, item.len() - rest.len());
        // A frame has fewer than 2³¹ bytes.
        self.nodes.push(Node::Invalid { raw, at: cx.offset(at) as u32, expected });
    }
}

/// So many bytes of an envelope and a structure make a span.
const BYTES_A_SPAN: usize = 5;

/// What stands behind the space before a value.
#[inline]
fn value<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Result<&'a [u8], Err<Fail<'a>>> {
    match input.first() {
        Some(b'(') => {
            cx.quirk(input, QuirkKind::MissingSpace)?;
            Ok(input)
        }
        _ => Ok(spaces(input, cx)?.0),
    }
}

/// A number that ends where its item does.
#[inline]
fn whole<T>(number: impl Fn(&[u8]) -> Parsing<'_, T>) -> impl Fn(&[u8]) -> Parsing<'_, T> {
    move |input| {
        let (rest, value) = number(input)?;
        match rest.first() {
            None | Some(b' ' | b')' | b'\r' | b'\n' | b'\t') => Ok((rest, value)),
            Some(_) => fail(rest, "the end of a number"),
        }
    }
}

/// `date-time`; anything else in its place is told as it is.
fn date<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    let (rest, text) = string(input, cx)?;
    let bytes = cx.frame.get(text.start()..text.end()).unwrap_or_default();
    if !DateTime::is_plain(bytes) && DateTime::parse(bytes).is_none() {
        cx.quirk(input, QuirkKind::BadDate)?;
    }
    Ok((rest, text))
}

/// `"(" objectid ")"`; servers leave out the parentheses.
fn object_id<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    match input.strip_prefix(b"(") {
        Some(inner) => {
            let (rest, id) = astring(inner, cx)?;
            let (rest, ()) = byte(b')', "\")\"")(rest)?;
            Ok((rest, id))
        }
        None => {
            let (rest, id) = astring(input, cx)?;
            cx.quirk(input, QuirkKind::StringForList)?;
            Ok((rest, id))
        }
    }
}

/// A section in its brackets, and its length. Header field names may be strings, and a string may hold a bracket.
fn brackets<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, usize> {
    let (mut rest, ()) = byte(b'[', "\"[\"")(input)?;
    loop {
        match rest.first() {
            Some(b']') => return Ok((&rest[1..], input.len() - rest.len() + 1)),
            Some(b'"' | b'{') => rest = string(rest, cx)?.0,
            Some(b'\r' | b'\n') | None => return fail(rest, "\"]\""),
            Some(_) => rest = &rest[1..],
        }
    }
}

/// `flag`, and what servers send in its place: 8-bit bytes, quotes, characters that an atom can't have.
#[inline]
fn flag<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    match Flag::plain(input) {
        Some(len) => Ok((&input[len..], cx.span(input, len))),
        None => odd_flag(input, cx),
    }
}

#[cold]
fn odd_flag<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Span> {
    if input.first() == Some(&b'"') {
        let (rest, span) = quoted(input, cx)?;
        cx.quirk(input, QuirkKind::QuotedForAtom)?;
        // The backslash of a system flag is escaped in quotes.
        let content = &input[1..];
        let escaped = span.is_escaped() && content.starts_with(b"\\\\");
        return Ok((rest, if escaped { cx.span(&content[1..], span.len() - 1) } else { span }));
    }
    let len = input.iter().position(|byte| matches!(byte, b' ' | b')' | b'(' | b'\r' | b'\n' | b'"'));
    match len {
        Some(len) if len > 0 && matches!(input[len], b' ' | b')') => {
            if input[..len] != *b"\\*" {
                cx.quirk(input, QuirkKind::ForbiddenByte)?;
            }
            Ok((&input[len..], cx.span(input, len)))
        }
        _ => fail(input, "a flag"),
    }
}
