//! VANISHED: messages that are gone, by UID (RFC 7162 section 3.2.10).

use super::{
    encode::Encoder,
    sequence_set::SequenceSet,
    terminals::{Context, Parsing, keyword, spaces},
};

/// Messages that are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// They went before the mailbox was selected, so no sequence number changes.
    pub earlier: bool,
    /// Their UIDs, as ranges: some of them may never have been in use.
    pub uids: SequenceSet,
}

impl Vanished {
    /// `"VANISHED" [SP "(EARLIER)"] SP known-uids`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (mut rest, ()) = spaces(input, cx)?;
        let mut earlier = false;
        if let Some(behind) = rest.strip_prefix(b"(")
            && let Some(behind) = keyword(behind, "EARLIER")
            && let Some(behind) = behind.strip_prefix(b")")
        {
            earlier = true;
            (rest, ()) = spaces(behind, cx)?;
        }
        let (rest, uids) = SequenceSet::parse(rest)?;
        Ok((rest, Self { earlier, uids }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw(if self.earlier { " (EARLIER) " } else { " " });
        self.uids.encode(out, "vanished messages");
    }
}
