//! Ranges of results by their place (`partial-range`, RFC 9394 section 6).

use super::{
    encode::Encoder,
    terminals::{Parsing, byte, nz_number},
};

/// Some of a list of results, by place: both ends are in it and count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartialRange {
    /// Counted from the first result.
    FromFirst(u32, u32),
    /// Counted from the last result: `FromLast(1, 50)` is `-1:-50`, the last fifty.
    FromLast(u32, u32),
}

impl PartialRange {
    /// `partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number`
    pub(crate) fn parse(input: &[u8]) -> Parsing<'_, Self> {
        let minus = byte(b'-', "\"-\"");
        if let Some(rest) = input.strip_prefix(b"-") {
            let (rest, first) = nz_number(rest)?;
            let (rest, ()) = byte(b':', "\":\"")(rest)?;
            let (rest, ()) = minus(rest)?;
            let (rest, last) = nz_number(rest)?;
            return Ok((rest, Self::FromLast(first, last)));
        }
        let (rest, first) = nz_number(input)?;
        let (rest, ()) = byte(b':', "\":\"")(rest)?;
        let (rest, last) = nz_number(rest)?;
        Ok((rest, Self::FromFirst(first, last)))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        // Places begin at 1.
        let place = |number: &u32| u64::from((*number).max(1));
        match self {
            Self::FromFirst(first, last) => out.number(place(first)).raw(":").number(place(last)),
            Self::FromLast(first, last) => out.raw("-").number(place(first)).raw(":-").number(place(last)),
        };
    }
}
