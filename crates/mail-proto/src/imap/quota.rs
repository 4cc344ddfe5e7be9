//! QUOTA: how much of what a user may have (RFC 9208).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{Context, Parsing, astring, at_end, list, number64, spaces},
};
use crate::error::QuirkKind;

/// The limits of a quota root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The quota root.
    pub root: Bytes,
    /// What is limited there.
    pub resources: Vec<QuotaResource>,
}

/// Something of which there may only be so much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaResource {
    /// Its name, in the server's case: `STORAGE` (in units of 1,024 bytes), `MESSAGE`, `MAILBOX`,
    /// `ANNOTATION-STORAGE` or another.
    pub name: Bytes,
    /// How much there is.
    pub usage: u64,
    /// How much there may be; `None` if the server says something else than a number, such as −1.
    pub limit: Option<u64>,
}

/// The quota roots of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoot {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// Its quota roots.
    pub roots: Vec<Bytes>,
}

impl Quota {
    /// The resource of this name, found without regard to case.
    pub fn get(&self, name: &str) -> Option<&QuotaResource> {
        self.resources.iter().find(|resource| resource.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// ```abnf
    /// quota-response = "QUOTA" SP quota-root-name SP quota-list
    /// quota-list = "(" [quota-resource *(SP quota-resource)] ")"
    /// quota-resource = resource-name SP resource-usage SP resource-limit
    /// ```
    /// behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, root) = astring(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let mut resources = Vec::new();
        let (rest, ()) = list(rest, cx, |input, cx| {
            let (rest, name) = astring(input, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, usage) = amount(rest, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, limit) = amount(rest, cx)?;
            // What is used can't be less than nothing.
            resources.push(QuotaResource { name: cx.bytes(name), usage: usage.unwrap_or(0), limit });
            Ok((rest, ()))
        })?;
        Ok((rest, Self { root: cx.bytes(root), resources }))
    }

    /// A resource without a limit isn't told: it isn't limited.
    pub(crate) fn encode(&self, out: &mut Encoder) {
        let limited = self.resources.iter().filter_map(|resource| Some((resource, resource.limit?)));
        out.astring(&self.root, "quota root").raw(" ").list(limited, |out, (resource, limit)| {
            out.atom(&resource.name, "quota resource").raw(" ");
            out.number(resource.usage).raw(" ").number(limit);
        });
    }
}

/// `number64`; a negative number is a quirk and `None`.
fn amount<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Option<u64>> {
    if let Some(behind) = input.strip_prefix(b"-") {
        let (rest, _) = number64(behind)?;
        cx.quirk(input, QuirkKind::BadNumber)?;
        return Ok((rest, None));
    }
    number64(input).map(|(rest, amount)| (rest, Some(amount)))
}

impl QuotaRoot {
    /// `"QUOTAROOT" SP mailbox *(SP quota-root-name)`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (mut rest, mailbox) = MailboxName::parse(input, cx)?;
        let mut roots = Vec::new();
        while rest.first() == Some(&b' ') {
            let (behind, ()) = spaces(rest, cx)?;
            if at_end(behind) {
                break;
            }
            let (behind, root) = astring(behind, cx)?;
            roots.push(cx.bytes(root));
            rest = behind;
        }
        Ok((rest, Self { mailbox, roots }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        for root in &self.roots {
            out.raw(" ").astring(root, "quota root");
        }
    }
}

/// `setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"`
pub(crate) fn parse_limits<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<(Bytes, u64)>> {
    let mut limits = Vec::new();
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, name) = astring(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, limit) = number64(rest)?;
        limits.push((cx.bytes(name), limit));
        Ok((rest, ()))
    })?;
    Ok((rest, limits))
}

pub(crate) fn encode_limits(limits: &[(Bytes, u64)], out: &mut Encoder) {
    out.list(limits, |out, (name, limit)| {
        out.atom(name, "quota resource").raw(" ").number(*limit);
    });
}
