//! UIDBATCHES: the UIDs of a mailbox in batches of like size, so that a client can take them one by one
//! (`UIDBATCHES` extension).

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{
    encode::Encoder,
    sequence_set::SequenceSet,
    terminals::{Context, Parsing, astring, at_end, byte, fail, keyword, nz_number, skip_spaces, spaces},
};

/// What UIDBATCHES asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidBatchesQuery {
    /// How many messages are in a batch.
    pub size: u32,
    /// Which batches, counted from 1; all if it isn't said.
    pub batches: Option<RangeInclusive<u32>>,
}

/// The batches of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidBatches {
    /// The tag of the command that this answers.
    pub tag: Option<Bytes>,
    /// A range of UIDs for each batch, the highest UIDs first; `None` if there are no batches.
    pub batches: Option<SequenceSet>,
}

impl UidBatchesQuery {
    /// `"UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]`, behind the word and a space.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, size) = nz_number(input)?;
        if rest.first() != Some(&b' ') {
            return Ok((rest, Self { size, batches: None }));
        }
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, first) = nz_number(rest)?;
        let (rest, ()) = byte(b':', "\":\"")(rest)?;
        let (rest, last) = nz_number(rest)?;
        Ok((rest, Self { size, batches: Some(first..=last) }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.number(u64::from(self.size.max(1)));
        if let Some(batches) = &self.batches {
            let (first, last) = (u64::from(*batches.start()), u64::from(*batches.end()));
            out.raw(" ").number(first.max(1)).raw(":").number(last.max(1));
        }
    }
}

impl UidBatches {
    /// `"UIDBATCHES" search-correlator [SP uid-range *("," uid-range)]`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut rest = input;
        let mut tag = None;
        if let Some(open) = skip_spaces(rest).strip_prefix(b"(") {
            spaces(rest, cx)?;
            let Some(behind) = keyword(open, "TAG") else { return fail(open, "TAG") };
            let (behind, span) = astring(spaces(behind, cx)?.0, cx)?;
            tag = Some(cx.bytes(span));
            (rest, ()) = byte(b')', "\")\"")(behind)?;
        }
        if at_end(skip_spaces(rest)) {
            return Ok((rest, Self { tag, batches: None }));
        }
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, batches) = SequenceSet::parse(rest)?;
        Ok((rest, Self { tag, batches: Some(batches) }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if let Some(tag) = &self.tag {
            out.raw(" (TAG ").string(tag, "tag").raw(")");
        }
        if let Some(batches) = &self.batches {
            batches.encode(out.raw(" "), "batches");
        }
    }
}
