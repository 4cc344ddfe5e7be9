//! What limits a FETCH: CHANGEDSINCE and VANISHED (RFC 7162), PARTIAL (RFC 9394).

use crate::imap::{
    encode::Encoder,
    partial::PartialRange,
    terminals::{Context, Parsing, atom, fail, list, number64, sp},
};

/// What limits a FETCH, or adds to it. By default nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FetchModifiers {
    /// `CHANGEDSINCE`: only messages with a higher mod-sequence than this (RFC 7162).
    pub changed_since: Option<u64>,
    /// `VANISHED`: tell of messages that are gone since, too. Only for UIDs, with `changed_since`, and after
    /// `ENABLE QRESYNC` (RFC 7162).
    pub vanished: bool,
    /// `PARTIAL`: only these of the messages, by place. Only for UIDs (RFC 9394).
    pub partial: Option<PartialRange>,
}

impl FetchModifiers {
    /// Only messages with a higher mod-sequence than this.
    pub fn changed_since(mod_seq: u64) -> Self {
        Self { changed_since: Some(mod_seq), ..Self::default() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `[SP "(" fetch-modifier *(SP fetch-modifier) ")"]`
    pub(super) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut modifiers = Self::default();
        let Some(open) = input.strip_prefix(b" ") else { return Ok((input, modifiers)) };
        let (rest, ()) = list(open, cx, |input, _| {
            let (rest, name) = atom(input)?;
            match name.to_ascii_uppercase().as_slice() {
                b"CHANGEDSINCE" => {
                    let (rest, number) = number64(sp(rest)?.0)?;
                    modifiers.changed_since = Some(number);
                    Ok((rest, ()))
                }
                b"VANISHED" => {
                    modifiers.vanished = true;
                    Ok((rest, ()))
                }
                b"PARTIAL" => {
                    let (rest, range) = PartialRange::parse(sp(rest)?.0)?;
                    modifiers.partial = Some(range);
                    Ok((rest, ()))
                }
                _ => fail(input, "CHANGEDSINCE, VANISHED or PARTIAL"),
            }
        })?;
        Ok((rest, modifiers))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if self.is_empty() {
            return;
        }
        let mut before = " (";
        if let Some(number) = self.changed_since {
            out.raw(before).raw("CHANGEDSINCE ").number(number);
            before = " ";
        }
        if self.vanished {
            out.raw(before).raw("VANISHED");
            before = " ";
        }
        if let Some(range) = &self.partial {
            range.encode(out.raw(before).raw("PARTIAL "));
        }
        out.raw(")");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::imap::encode::EncodeOptions;

    #[test]
    fn modifiers_come_back() {
        for (wire, modifiers) in [
            ("", FetchModifiers::default()),
            (" (CHANGEDSINCE 12345)", FetchModifiers::changed_since(12_345)),
            (
                " (CHANGEDSINCE 1 VANISHED)",
                FetchModifiers { vanished: true, ..FetchModifiers::changed_since(1) },
            ),
            (
                " (CHANGEDSINCE 7 PARTIAL -1:-50)",
                FetchModifiers {
                    partial: Some(PartialRange::FromLast(1, 50)),
                    ..FetchModifiers::changed_since(7)
                },
            ),
        ] {
            let mut out = Encoder::new(EncodeOptions::default());
            modifiers.encode(&mut out);
            assert_eq!(out.finish().unwrap().to_bytes(), wire.as_bytes());
            let frame = Bytes::from(wire);
            let mut cx = Context::new(&frame, true);
            assert_eq!(FetchModifiers::parse(&frame, &mut cx).unwrap(), (&b""[..], modifiers));
        }
        let frame = Bytes::from_static(b" (CHANGEDAFTER 3)");
        assert!(FetchModifiers::parse(&frame, &mut Context::new(&frame, false)).is_err());
    }
}
