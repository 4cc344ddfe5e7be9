//! What LIST is asked (RFC 9051 section 6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox,
    mailbox_status::{self, StatusItem},
    metadata,
    terminals::{Context, Parsing, any_value, astring, atom, fail, keyword, list, spaces, take_while1},
};

/// Which mailboxes LIST is to tell of, and what of them besides the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// Which mailboxes: those that match all of these.
    pub select: Vec<ListSelect>,
    /// What of them.
    pub returns: Vec<ListReturn>,
}

/// Which mailboxes LIST tells of (`list-select-opt`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListSelect {
    /// Those that are subscribed to, whether they exist or not.
    Subscribed,
    /// Those that lie elsewhere too.
    Remote,
    /// Those too below which there are some that match; needs another option.
    RecursiveMatch,
    /// Those with a special use (RFC 6154).
    SpecialUse,
    /// An option that isn't known here, with its value raw.
    Other {
        /// Its name.
        name: Bytes,
        /// Its value.
        value: Option<Bytes>,
    },
}

/// What LIST tells of mailboxes (`return-option`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListReturn {
    /// Whether they are subscribed to.
    Subscribed,
    /// Whether there are mailboxes below them.
    Children,
    /// Their special use (RFC 6154).
    SpecialUse,
    /// What the user may do there, in MYRIGHTS responses (RFC 8440).
    MyRights,
    /// Numbers of them, in STATUS responses (RFC 5819, RFC 9051).
    Status(Vec<StatusItem>),
    /// Values kept with them, in METADATA responses (RFC 9590).
    Metadata(Vec<Bytes>),
    /// An option that isn't known here, with its value raw.
    Other {
        /// Its name.
        name: Bytes,
        /// Its value.
        value: Option<Bytes>,
    },
}

const SELECT: [(&str, ListSelect); 4] = [
    ("SUBSCRIBED", ListSelect::Subscribed),
    ("REMOTE", ListSelect::Remote),
    ("RECURSIVEMATCH", ListSelect::RecursiveMatch),
    ("SPECIAL-USE", ListSelect::SpecialUse),
];

const RETURN: [(&str, ListReturn); 4] = [
    ("SUBSCRIBED", ListReturn::Subscribed),
    ("CHILDREN", ListReturn::Children),
    ("SPECIAL-USE", ListReturn::SpecialUse),
    ("MYRIGHTS", ListReturn::MyRights),
];

impl ListOptions {
    /// Only mailboxes that match this too.
    #[must_use]
    pub fn only(mut self, option: ListSelect) -> Self {
        self.select.push(option);
        self
    }

    /// And this of each mailbox.
    #[must_use]
    pub fn telling(mut self, option: ListReturn) -> Self {
        self.returns.push(option);
        self
    }
}

impl ListSelect {
    fn parse<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Self> {
        if let Some(found) =
            SELECT.iter().find_map(|(word, option)| Some((keyword(input, word)?, option.clone())))
        {
            return Ok(found);
        }
        other(input, cx).map(|(rest, (name, value))| (rest, Self::Other { name, value }))
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Other { name, value } => encode_other(name, value.as_ref(), out),
            known => {
                out.raw(SELECT.iter().find(|(_, option)| option == known).map_or("", |(word, _)| word));
            }
        }
    }
}

impl ListReturn {
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        if let Some(found) =
            RETURN.iter().find_map(|(word, option)| Some((keyword(input, word)?, option.clone())))
        {
            return Ok(found);
        }
        if let Some(rest) = keyword(input, "STATUS") {
            let (rest, items) = mailbox_status::parse_items(spaces(rest, cx)?.0, cx)?;
            return Ok((rest, Self::Status(items)));
        }
        if let Some(rest) = keyword(input, "METADATA") {
            let (rest, names) = metadata::parse_names(spaces(rest, cx)?.0, cx)?;
            return Ok((rest, Self::Metadata(names)));
        }
        other(input, cx).map(|(rest, (name, value))| (rest, Self::Other { name, value }))
    }

    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Status(items) => mailbox_status::encode_items(items, out.raw("STATUS ")),
            Self::Metadata(names) => metadata::encode_names(names, out.raw("METADATA ")),
            Self::Other { name, value } => encode_other(name, value.as_ref(), out),
            known => {
                out.raw(RETURN.iter().find(|(_, option)| option == known).map_or("", |(word, _)| word));
            }
        }
    }
}

/// `option-extension = option-standard-tag [SP option-value]`, where a value is in parentheses.
fn other<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, (Bytes, Option<Bytes>)> {
    let (rest, name) = atom(input)?;
    let name = cx.keep(name);
    match rest.strip_prefix(b" ") {
        Some(value) if value.first() == Some(&b'(') => {
            let (rest, ()) = any_value(value, cx)?;
            Ok((rest, (name, Some(cx.keep(&value[..value.len() - rest.len()])))))
        }
        _ => Ok((rest, (name, None))),
    }
}

fn encode_other(name: &[u8], value: Option<&Bytes>, out: &mut Encoder) {
    out.atom(name, "LIST option");
    if let Some(value) = value {
        out.raw(" ").raw_value(value, "LIST option");
    }
}

/// What LIST is asked: the reference, the patterns and the options.
pub(crate) type Arguments = (Bytes, Vec<Bytes>, ListOptions);

/// `[SP list-select-opts] SP mailbox SP mbox-or-pat [SP "RETURN" SP "(" [return-option …] ")"]`, behind the first space.
pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Arguments> {
    let mut options = ListOptions::default();
    let mut rest = input;
    if rest.first() == Some(&b'(') {
        (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, option) = ListSelect::parse(input, cx)?;
            options.select.push(option);
            Ok((rest, ()))
        })?;
        (rest, ()) = spaces(rest, cx)?;
    }
    let (rest, reference) = astring(rest, cx)?;
    let (rest, ()) = spaces(rest, cx)?;
    let mut patterns = Vec::new();
    let (rest, ()) = match rest.first() {
        Some(b'(') => list(rest, cx, |input, cx| {
            let (rest, pattern) = parse_pattern(input, cx)?;
            patterns.push(pattern);
            Ok((rest, ()))
        })?,
        _ => parse_pattern(rest, cx).map(|(rest, pattern)| (rest, patterns.push(pattern)))?,
    };
    let reference = cx.bytes(reference);
    let Some(behind) = rest.strip_prefix(b" ").and_then(|rest| keyword(rest, "RETURN")) else {
        return Ok((rest, (reference, patterns, options)));
    };
    let (rest, ()) = list(spaces(behind, cx)?.0, cx, |input, cx| {
        let (rest, option) = ListReturn::parse(input, cx)?;
        options.returns.push(option);
        Ok((rest, ()))
    })?;
    if patterns.is_empty() {
        return fail(input, "a pattern");
    }
    Ok((rest, (reference, patterns, options)))
}

/// `list-mailbox = 1*list-char / string`, where the wildcards need no quotes.
pub(crate) fn parse_pattern<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Bytes> {
    if matches!(input.first(), Some(b'"' | b'{')) {
        let (rest, pattern) = astring(input, cx)?;
        return Ok((rest, cx.bytes(pattern)));
    }
    let list_byte = |byte| super::terminals::is_astring_byte(byte) || matches!(byte, b'%' | b'*');
    let (rest, pattern) = take_while1(input, list_byte, "a pattern")?;
    Ok((rest, cx.keep(pattern)))
}

/// What patterns are relative to, and a space.
pub(crate) fn encode_reference(reference: &[u8], out: &mut Encoder) {
    let reference = mailbox::on_wire(reference, out);
    out.astring(&reference, "reference").raw(" ");
}

pub(crate) fn encode_pattern(pattern: &[u8], out: &mut Encoder) {
    let pattern = mailbox::on_wire(pattern, out);
    out.string(&pattern, "pattern");
}

pub(crate) fn encode(reference: &[u8], patterns: &[Bytes], options: &ListOptions, out: &mut Encoder) {
    if !options.select.is_empty() {
        out.list(&options.select, |out, option| option.encode(out)).raw(" ");
    }
    encode_reference(reference, out);
    match patterns {
        [pattern] => encode_pattern(pattern, out),
        patterns => drop(out.list1(patterns, "patterns", |out, pattern| encode_pattern(pattern, out))),
    }
    if !options.returns.is_empty() {
        out.raw(" RETURN ").list(&options.returns, |out, option| option.encode(out));
    }
}
