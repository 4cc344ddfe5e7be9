//! ACL: who may do what in a mailbox (RFC 4314).

use bytes::Bytes;

use super::{
    encode::Encoder,
    mailbox::MailboxName,
    terminals::{Context, Parsing, astring, at_end, spaces},
};

/// Who may do what in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// Names of users or groups, and their rights.
    pub entries: Vec<(Bytes, Rights)>,
}

/// Which rights somebody can be given in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRights {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// Who.
    pub identifier: Bytes,
    /// The rights that are always granted.
    pub required: Rights,
    /// Rights that can be granted; those in one item only together.
    pub optional: Vec<Rights>,
}

/// What the user may do in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MyRights {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// The rights.
    pub rights: Rights,
}

/// Rights, a letter each: `l` see the mailbox, `r` read, `s` keep `\Seen`, `w` write flags, `i` insert, `p` post,
/// `k` create mailboxes below, `x` delete the mailbox, `t` delete messages, `e` expunge, `a` administer; `c` and `d`
/// are those of RFC 2086.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(Bytes);

impl Rights {
    /// The rights with these letters.
    pub fn new(letters: impl Into<Bytes>) -> Self {
        Self(letters.into())
    }

    /// Whether this right is among them.
    pub fn has(&self, letter: u8) -> bool {
        self.0.contains(&letter)
    }

    /// The letters.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn parse<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Self> {
        let (rest, span) = astring(input, cx)?;
        Ok((rest, Self(cx.bytes(span))))
    }
}

/// What SETACL does with the rights it is given (`mod-rights`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightsChange {
    /// Grants them too.
    Add(Rights),
    /// Takes them away.
    Remove(Rights),
    /// Leaves just these.
    Replace(Rights),
}

impl RightsChange {
    /// `mod-rights = astring`, which may begin with `+` or `-`.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Self> {
        let (rest, Rights(text)) = Rights::parse(input, cx)?;
        let change = match text.first() {
            Some(b'+') => Self::Add(Rights(text.slice(1..))),
            Some(b'-') => Self::Remove(Rights(text.slice(1..))),
            _ => Self::Replace(Rights(text)),
        };
        Ok((rest, change))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let (sign, Rights(letters)) = match self {
            Self::Add(rights) => ("+", rights),
            Self::Remove(rights) => ("-", rights),
            Self::Replace(rights) => ("", rights),
        };
        out.astring(&[sign.as_bytes(), letters].concat(), "rights");
    }
}

impl Acl {
    /// `acl-data = "ACL" SP mailbox *(SP identifier SP rights)`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (mut rest, mailbox) = MailboxName::parse(input, cx)?;
        let mut entries = Vec::new();
        while let Some(found) = next(rest, cx)? {
            let (behind, identifier) = astring(found, cx)?;
            let (behind, ()) = spaces(behind, cx)?;
            let (behind, rights) = Rights::parse(behind, cx)?;
            entries.push((cx.bytes(identifier), rights));
            rest = behind;
        }
        Ok((rest, Self { mailbox, entries }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        for (identifier, rights) in &self.entries {
            out.raw(" ").astring(identifier, "ACL identifier").raw(" ").astring(&rights.0, "rights");
        }
    }
}

impl ListRights {
    /// `listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, mailbox) = MailboxName::parse(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, identifier) = astring(rest, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (mut rest, required) = Rights::parse(rest, cx)?;
        let mut optional = Vec::new();
        while let Some(found) = next(rest, cx)? {
            let rights;
            (rest, rights) = Rights::parse(found, cx)?;
            optional.push(rights);
        }
        Ok((rest, Self { mailbox, identifier: cx.bytes(identifier), required, optional }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        out.raw(" ").astring(&self.identifier, "ACL identifier");
        out.raw(" ").astring(&self.required.0, "rights");
        for rights in &self.optional {
            out.raw(" ").astring(&rights.0, "rights");
        }
    }
}

impl MyRights {
    /// `myrights-data = "MYRIGHTS" SP mailbox SP rights`, behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let (rest, mailbox) = MailboxName::parse(input, cx)?;
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, rights) = Rights::parse(rest, cx)?;
        Ok((rest, Self { mailbox, rights }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        self.mailbox.encode(out);
        out.raw(" ").astring(&self.rights.0, "rights");
    }
}

/// Where the next value of the line begins, if there is one.
fn next<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
) -> Result<Option<&'a [u8]>, nom::Err<super::terminals::Fail<'a>>> {
    if input.first() != Some(&b' ') || at_end(super::terminals::skip_spaces(input)) {
        return Ok(None);
    }
    spaces(input, cx).map(|(rest, ())| Some(rest))
}
