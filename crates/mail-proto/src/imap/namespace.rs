//! NAMESPACE: where a user's mailboxes are, and those of others (RFC 2342, RFC 9051 section 6.3.10).

use bytes::Bytes;

use super::{
    encode::Encoder,
    list, mailbox,
    terminals::{Context, Parsing, any_value, byte, fail, nil, spaces, string},
};
use crate::error::QuirkKind;

/// The answer to NAMESPACE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own mailboxes.
    pub personal: Vec<Namespace>,
    /// Those of other users.
    pub other_users: Vec<Namespace>,
    /// Those that users share.
    pub shared: Vec<Namespace>,
}

/// A place where mailboxes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What their names begin with.
    pub prefix: Bytes,
    /// What separates the levels of their names; `None` if names have no levels.
    pub delimiter: Option<u8>,
    /// Extensions: their names, and their parameters raw, in parentheses.
    pub extensions: Vec<(Bytes, Bytes)>,
}

impl Namespace {
    /// A place without extensions.
    pub fn new(prefix: impl Into<Bytes>, delimiter: Option<u8>) -> Self {
        Self { prefix: prefix.into(), delimiter, extensions: Vec::new() }
    }

    /// ```abnf
    /// Namespace-Descr = "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) *Namespace-Response-Extension ")"
    /// Namespace-Response-Extension = SP string SP "(" string *(SP string) ")"
    /// ```
    fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, ()) = byte(b'(', "\"(\"")(input)?;
        let (rest, prefix) = match nil(rest) {
            Some(behind) => {
                cx.quirk(rest, QuirkKind::UnexpectedNil)?;
                (behind, Bytes::new())
            }
            None => string(rest, cx).map(|(rest, span)| (rest, cx.bytes(span)))?,
        };
        let (rest, ()) = spaces(rest, cx)?;
        let (mut rest, delimiter) = list::delimiter(rest, cx)?;
        let mut extensions = Vec::new();
        loop {
            if let Some(rest) = rest.strip_prefix(b")") {
                return Ok((rest, Self { prefix, delimiter, extensions }));
            }
            let (behind, ()) = spaces(rest, cx)?;
            if behind.first() == Some(&b')') {
                cx.quirk(rest, QuirkKind::ExtraSpace)?;
                rest = behind;
                continue;
            }
            let (behind, name) = string(behind, cx)?;
            let (value, ()) = spaces(behind, cx)?;
            (rest, ()) = any_value(value, cx)?;
            let raw = &value[..value.len() - rest.len()];
            extensions.push((cx.bytes(name), cx.keep(raw)));
        }
    }

    fn encode(&self, out: &mut Encoder) {
        let prefix = mailbox::on_wire(&self.prefix, out);
        out.raw("(").string(&prefix, "namespace").raw(" ");
        match self.delimiter {
            Some(delimiter) => out.string(&[delimiter], "hierarchy delimiter"),
            None => out.raw("NIL"),
        };
        for (name, parameters) in &self.extensions {
            out.raw(" ")
                .string(name, "namespace extension")
                .raw(" ")
                .raw_value(parameters, "namespace extension");
        }
        out.raw(")");
    }
}

impl Namespaces {
    /// `"NAMESPACE" SP Namespace SP Namespace SP Namespace`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, personal) = group(input, cx)?;
        let (rest, other_users) = group(rest, cx)?;
        let (rest, shared) = group(rest, cx)?;
        Ok((rest, Self { personal, other_users, shared }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        for group in [&self.personal, &self.other_users, &self.shared] {
            if group.is_empty() {
                out.raw(" NIL");
                continue;
            }
            out.raw(" (");
            group.iter().for_each(|namespace| namespace.encode(out));
            out.raw(")");
        }
    }
}

/// `SP Namespace`, `Namespace = nil / "(" 1*Namespace-Descr ")"`
fn group<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Namespace>> {
    let (rest, ()) = spaces(input, cx)?;
    if let Some(rest) = nil(rest) {
        return Ok((rest, Vec::new()));
    }
    let (mut rest, ()) = byte(b'(', "\"(\" or NIL")(rest)?;
    let mut namespaces = Vec::new();
    loop {
        match rest {
            [b')', rest @ ..] => return Ok((rest, namespaces)),
            [b' ', ..] => {
                cx.quirk(rest, QuirkKind::ExtraSpace)?;
                rest = super::terminals::skip_spaces(rest);
            }
            [b'(', ..] => {
                let namespace;
                (rest, namespace) = Namespace::parse(rest, cx)?;
                namespaces.push(namespace);
            }
            _ => return fail(rest, "\"(\" or \")\""),
        }
    }
}
