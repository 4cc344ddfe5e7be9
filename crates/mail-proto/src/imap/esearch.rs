//! ESEARCH: what a search found, in short (RFC 4731, RFC 9051 section 7.3.4, RFC 5267, RFC 7377, RFC 9394).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    partial::PartialRange,
    sequence_set::SequenceSet,
    terminals::{
        Context, Parsing, any_value, astring, at_end, atom, byte, fail, keyword, list, nil, number, number64,
        spaces,
    },
};
use crate::error::QuirkKind;

/// What a search found, as far as it was asked to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ESearch {
    /// The tag of the command that this answers.
    pub tag: Option<Bytes>,
    /// The mailbox that was searched, if several were (RFC 7377).
    pub mailbox: Option<MailboxName>,
    /// That mailbox' UIDVALIDITY (RFC 7377).
    pub uid_validity: Option<u32>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// The lowest number.
    pub min: Option<u32>,
    /// The highest number.
    pub max: Option<u32>,
    /// How many there are.
    pub count: Option<u32>,
    /// All numbers, after a SORT in its order.
    pub all: Option<SequenceSet>,
    /// The highest mod-sequence of what was found (RFC 7162).
    pub modseq: Option<u64>,
    /// Part of the result: which part, and the numbers, of which there may be none.
    pub partial: Option<(PartialRange, Option<SequenceSet>)>,
    /// What has joined the result: from each place on, these numbers (RFC 5267). Place 0: the order is of no interest.
    pub added: Vec<(u32, SequenceSet)>,
    /// What has left the result (RFC 5267).
    pub removed: Vec<(u32, SequenceSet)>,
    /// How well each message matches, 1 to 100, in the order of `all` (RFC 6203).
    pub relevancy: Vec<u32>,
    /// Results that aren't known here: their names, and their values raw.
    pub other: Vec<(Bytes, Bytes)>,
}

impl ESearch {
    /// An answer to the command with this tag, with no result yet.
    pub fn new(tag: impl Into<Bytes>, uid: bool) -> Self {
        Self { tag: Some(tag.into()), uid, ..Self::default() }
    }

    /// `"ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut found = Self::default();
        let mut rest = input;
        if !at_end(rest) {
            let (behind, ()) = spaces(rest, cx)?;
            if behind.first() == Some(&b'(') && keyword(&behind[1..], "MODSEQ").is_none() {
                (rest, ()) = found.correlator(behind, cx)?;
            }
        }
        while !at_end(rest) {
            (rest, ()) = spaces(rest, cx)?;
            if at_end(rest) {
                break;
            }
            (rest, ()) = match keyword(rest, "UID") {
                Some(rest) => {
                    found.uid = true;
                    (rest, ())
                }
                None => found.result(rest, cx)?,
            };
        }
        Ok((rest, found))
    }

    /// `SP "(" "TAG" SP tag-string *(SP search-correlator-ext) ")"`
    fn correlator<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        list(input, cx, |input, cx| {
            let (rest, name) = atom(input)?;
            let (rest, ()) = spaces(rest, cx)?;
            match name.to_ascii_uppercase().as_slice() {
                b"TAG" => {
                    if !matches!(rest.first(), Some(b'"' | b'{')) {
                        cx.quirk(rest, QuirkKind::AtomForString)?;
                    }
                    let (rest, tag) = astring(rest, cx)?;
                    self.tag = Some(cx.bytes(tag));
                    Ok((rest, ()))
                }
                b"MAILBOX" => {
                    let (rest, mailbox) = MailboxName::parse(rest, cx)?;
                    self.mailbox = Some(mailbox);
                    Ok((rest, ()))
                }
                b"UIDVALIDITY" => {
                    let (rest, value) = number(rest)?;
                    self.uid_validity = Some(value);
                    Ok((rest, ()))
                }
                _ => any_value(rest, cx),
            }
        })
    }

    /// `search-return-data`
    fn result<'a>(&mut self, input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, ()> {
        if let Some(open) = input.strip_prefix(b"(") {
            // As SEARCH has it.
            cx.quirk(input, QuirkKind::ExtraParenthesis)?;
            let Some(rest) = keyword(open, "MODSEQ") else { return fail(open, "a search result") };
            let (rest, modseq) = number64(spaces(rest, cx)?.0)?;
            self.modseq = Some(modseq);
            return byte(b')', "\")\"")(rest);
        }
        let (rest, name) = atom(input)?;
        let (value, ()) = spaces(rest, cx)?;
        match name.to_ascii_uppercase().as_slice() {
            b"MIN" => counted(value, cx).map(|(rest, number)| (rest, self.min = Some(number))),
            b"MAX" => counted(value, cx).map(|(rest, number)| (rest, self.max = Some(number))),
            b"COUNT" => number(value).map(|(rest, number)| (rest, self.count = Some(number))),
            b"ALL" => SequenceSet::parse(value).map(|(rest, set)| (rest, self.all = Some(set))),
            b"MODSEQ" => number64(value).map(|(rest, number)| (rest, self.modseq = Some(number))),
            b"PARTIAL" => partial(value, cx).map(|(rest, part)| (rest, self.partial = Some(part))),
            b"ADDTO" => places(value, cx, &mut self.added),
            b"REMOVEFROM" => places(value, cx, &mut self.removed),
            b"RELEVANCY" => list(value, cx, |input, _| {
                number(input).map(|(rest, score)| (rest, self.relevancy.push(score)))
            }),
            _ => {
                let (rest, ()) = any_value(value, cx)?;
                let raw = &value[..value.len() - rest.len()];
                self.other.push((cx.keep(name), cx.keep(raw)));
                Ok((rest, ()))
            }
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if self.tag.is_some() || self.mailbox.is_some() || self.uid_validity.is_some() {
            out.raw(" (");
            let mut gap = "";
            if let Some(tag) = &self.tag {
                out.raw("TAG ").string(tag, "tag");
                gap = " ";
            }
            if let Some(mailbox) = &self.mailbox {
                mailbox.encode(out.raw(gap).raw("MAILBOX "));
                gap = " ";
            }
            if let Some(value) = self.uid_validity {
                out.raw(gap).raw("UIDVALIDITY ").number(u64::from(value));
            }
            out.raw(")");
        }
        if self.uid {
            out.raw(" UID");
        }
        for (name, number) in [(" MIN ", self.min), (" MAX ", self.max), (" COUNT ", self.count)] {
            if let Some(number) = number {
                out.raw(name).number(u64::from(number));
            }
        }
        if let Some(all) = &self.all {
            all.encode(out.raw(" ALL "), "messages found");
        }
        if let Some(modseq) = self.modseq {
            out.raw(" MODSEQ ").number(modseq);
        }
        if let Some((range, found)) = &self.partial {
            range.encode(out.raw(" PARTIAL ("));
            match found {
                Some(found) => found.encode(out.raw(" "), "messages found"),
                None => drop(out.raw(" NIL")),
            }
            out.raw(")");
        }
        for (name, places) in [(" ADDTO ", &self.added), (" REMOVEFROM ", &self.removed)] {
            if !places.is_empty() {
                out.raw(name).list(places, |out, (place, set)| {
                    set.encode(out.number(u64::from(*place)).raw(" "), "messages found");
                });
            }
        }
        if !self.relevancy.is_empty() {
            out.raw(" RELEVANCY ").list(&self.relevancy, |out, score| {
                out.number(u64::from(*score));
            });
        }
        for (name, value) in &self.other {
            out.raw(" ").atom(name, "search result").raw(" ").raw_value(value, "search result");
        }
    }
}

/// `nz-number`; a server that found nothing may say 0.
fn counted<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, u32> {
    let (rest, value) = number(input)?;
    if value == 0 {
        cx.quirk(input, QuirkKind::BadNumber)?;
    }
    Ok((rest, value))
}

/// `"(" partial-range SP partial-results ")"`, `partial-results = sequence-set / "NIL"`
fn partial<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, (PartialRange, Option<SequenceSet>)> {
    let (rest, ()) = byte(b'(', "\"(\"")(input)?;
    let (rest, range) = PartialRange::parse(rest)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, found) = match nil(rest) {
        Some(rest) => (rest, None),
        None => SequenceSet::parse(rest).map(|(rest, set)| (rest, Some(set)))?,
    };
    let (rest, ()) = byte(b')', "\")\"")(rest)?;
    Ok((rest, (range, found)))
}

/// `"(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"`
fn places<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
    places: &mut Vec<(u32, SequenceSet)>,
) -> Parsing<'a, ()> {
    list(input, cx, |input, cx| {
        let (rest, place) = number(input)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, set) = SequenceSet::parse(rest)?;
        places.push((place, set));
        Ok((rest, ()))
    })
}
