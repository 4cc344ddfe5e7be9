//! ID: which software is at the other side (RFC 2971).

use bytes::Bytes;

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, list, nil, nstring, spaces},
};

/// `id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil`
pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<(Bytes, Option<Bytes>)>> {
    if let Some(rest) = nil(input) {
        return Ok((rest, Vec::new()));
    }
    let mut fields = Vec::new();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = nstring(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, value) = nstring(rest, cx)?;
        let name = name.map(|name| cx.bytes(name)).unwrap_or_default();
        fields.push((name, value.map(|value| cx.bytes(value))));
        Ok((rest, ()))
    })?;
    Ok((rest, fields))
}

pub(crate) fn encode(fields: &[(Bytes, Option<Bytes>)], out: &mut Encoder) {
    if fields.is_empty() {
        out.raw("NIL");
        return;
    }
    out.list(fields, |out, (name, value)| {
        out.string(name, "ID field").raw(" ").nstring(value.as_deref(), "ID value");
    });
}
