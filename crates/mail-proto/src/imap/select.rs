//! What SELECT and EXAMINE may be told besides the mailbox (`select-param`, RFC 7162 sections 3.1.8 and 3.2.5).

use super::{
    encode::Encoder,
    sequence_set::SequenceSet,
    terminals::{Context, Parsing, byte, fail, keyword, list, number64, nz_number, spaces},
};

/// What a selection is to switch on or bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelectOptions {
    /// `CONDSTORE`: mod-sequences are told from here on.
    pub condstore: bool,
    /// `QRESYNC`: what has changed since is told at once. Needs `ENABLE QRESYNC` before.
    pub qresync: Option<Box<QResync>>,
}

/// What a client knows of a mailbox (`QRESYNC`, RFC 7162 section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QResync {
    /// The UIDVALIDITY that it knows the mailbox by.
    pub uid_validity: u32,
    /// The highest mod-sequence that it knows.
    pub modseq: u64,
    /// The UIDs that it knows; all up to the highest if they aren't told.
    pub known_uids: Option<SequenceSet>,
    /// Some sequence numbers and the UIDs they had, in the same order, so that a server that forgets what it expunged
    /// tells less.
    pub known_pairs: Option<(SequenceSet, SequenceSet)>,
}

impl SelectOptions {
    /// With `CONDSTORE`.
    pub fn condstore() -> Self {
        Self { condstore: true, qresync: None }
    }

    /// With `QRESYNC`.
    pub fn qresync(known: QResync) -> Self {
        Self { condstore: false, qresync: Some(Box::new(known)) }
    }

    /// `[SP "(" select-param *(SP select-param) ")"]`
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut options = Self::default();
        if !input.starts_with(b" (") {
            return Ok((input, options));
        }
        let (rest, ()) = list(&input[1..], cx, |input, cx| {
            if let Some(rest) = keyword(input, "CONDSTORE") {
                options.condstore = true;
                return Ok((rest, ()));
            }
            let Some(rest) = keyword(input, "QRESYNC") else { return fail(input, "CONDSTORE or QRESYNC") };
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, known) = QResync::parse(rest, cx)?;
            options.qresync = Some(Box::new(known));
            Ok((rest, ()))
        })?;
        Ok((rest, options))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if !self.condstore && self.qresync.is_none() {
            return;
        }
        out.raw(" (");
        if self.condstore {
            out.raw(if self.qresync.is_some() { "CONDSTORE " } else { "CONDSTORE" });
        }
        if let Some(known) = &self.qresync {
            known.encode(out.raw("QRESYNC "));
        }
        out.raw(")");
    }
}

impl QResync {
    /// A client that knows all messages up to this mod-sequence.
    pub fn new(uid_validity: u32, modseq: u64) -> Self {
        Self { uid_validity, modseq, known_uids: None, known_pairs: None }
    }

    /// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, ()) = byte(b'(', "\"(\"")(input)?;
        let (rest, uid_validity) = nz_number(rest)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (mut rest, modseq) = number64(rest)?;
        let mut known = Self::new(uid_validity, modseq);
        if let [b' ', next, ..] = rest
            && *next != b'('
        {
            let (behind, set) = SequenceSet::parse(&rest[1..])?;
            known.known_uids = Some(set);
            rest = behind;
        }
        if let Some(open) = rest.strip_prefix(b" (") {
            let (behind, numbers) = SequenceSet::parse(open)?;
            let (behind, ()) = spaces(behind, cx)?;
            let (behind, uids) = SequenceSet::parse(behind)?;
            (rest, ()) = byte(b')', "\")\"")(behind)?;
            known.known_pairs = Some((numbers, uids));
        }
        let (rest, ()) = byte(b')', "\")\"")(rest)?;
        Ok((rest, known))
    }

    fn encode(&self, out: &mut Encoder) {
        out.raw("(").number(u64::from(self.uid_validity.max(1))).raw(" ").number(self.modseq);
        if let Some(uids) = &self.known_uids {
            uids.encode(out.raw(" "), "known UIDs");
        }
        if let Some((numbers, uids)) = &self.known_pairs {
            numbers.encode(out.raw(" ("), "known sequence numbers");
            uids.encode(out.raw(" "), "known UIDs");
            out.raw(")");
        }
        out.raw(")");
    }
}
