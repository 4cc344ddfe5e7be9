//! What LIST says of a mailbox: attributes, of which each is said or not (RFC 9051 section 7.3.1, RFC 5258, RFC 6154).

use std::fmt;

use bytes::Bytes;

use super::{
    encode::Encoder,
    flags::Flag,
    terminals::{Context, Parsing, list, nil},
};
use crate::error::QuirkKind;

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// What LIST says of a mailbox.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MailboxAttribute {
            $($(#[$doc])* $name,)*
            /// One that isn't known here, as on the wire.
            Other(Bytes),
        }

        /// The place of an attribute in [`KNOWN`], and of its bit in a set.
        #[derive(Clone, Copy)]
        enum Known {
            $($name,)*
        }

        static KNOWN: &[MailboxAttribute] = &[$(MailboxAttribute::$name,)*];

        impl Known {
            fn of(attribute: &MailboxAttribute) -> Option<Self> {
                match attribute {
                    $(MailboxAttribute::$name => Some(Self::$name),)*
                    MailboxAttribute::Other(_) => None,
                }
            }

            fn named(name: &[u8]) -> Option<Self> {
                // Nearly all servers spell them so.
                $(if name == $wire.as_bytes() { return Some(Self::$name); })*
                Self::named_without_case(name)
            }

            #[cold]
            fn named_without_case(name: &[u8]) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($wire.as_bytes()) { return Some(Self::$name); })*
                None
            }
        }

        impl MailboxAttribute {
            /// The attribute as on the wire.
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Self::$name => $wire.as_bytes(),)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

attributes! {
    /// It can't have levels below it.
    NoInferiors = "\\Noinferiors",
    /// It can't be selected.
    NoSelect = "\\Noselect",
    /// It may have new messages.
    Marked = "\\Marked",
    /// It has no new messages.
    Unmarked = "\\Unmarked",
    /// It doesn't exist (RFC 5258).
    NonExistent = "\\NonExistent",
    /// It is subscribed to (RFC 5258).
    Subscribed = "\\Subscribed",
    /// It lies elsewhere (RFC 5258).
    Remote = "\\Remote",
    /// There are mailboxes below it (RFC 3348).
    HasChildren = "\\HasChildren",
    /// There are none below it (RFC 3348).
    HasNoChildren = "\\HasNoChildren",
    /// All messages (RFC 6154).
    All = "\\All",
    /// Archived messages (RFC 6154).
    Archive = "\\Archive",
    /// Drafts (RFC 6154).
    Drafts = "\\Drafts",
    /// Flagged messages (RFC 6154).
    Flagged = "\\Flagged",
    /// Unwanted messages (RFC 6154).
    Junk = "\\Junk",
    /// Sent messages (RFC 6154).
    Sent = "\\Sent",
    /// Deleted messages (RFC 6154).
    Trash = "\\Trash",
    /// Important messages (RFC 8457).
    Important = "\\Important",
    /// The inbox (XLIST).
    Inbox = "\\Inbox",
    /// Flagged messages (XLIST).
    Starred = "\\Starred",
    /// All messages (XLIST).
    AllMail = "\\AllMail",
    /// Unwanted messages (XLIST).
    Spam = "\\Spam",
}

/// What is said of a mailbox, each attribute once, in no order.
///
/// ```
/// use mail_proto::imap::{MailboxAttribute, MailboxAttributes};
///
/// let attributes = MailboxAttributes::from([MailboxAttribute::Sent, MailboxAttribute::HasNoChildren]);
/// assert!(attributes.contains(&MailboxAttribute::Sent));
/// assert_eq!(attributes.len(), 2);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct MailboxAttributes {
    /// A bit for each of [`KNOWN`]: a list of mailboxes is long, and memory for each would cost more than reading it.
    known: u32,
    /// Those that aren't known, sorted.
    other: Vec<MailboxAttribute>,
}

const _: () = assert!(KNOWN.len() <= u32::BITS as usize);

impl MailboxAttribute {
    /// All that are known.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn words() -> Vec<Self> {
        KNOWN.to_vec()
    }

    /// The attribute of this name, found without regard to case.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        match Known::named(&name) {
            Some(known) => KNOWN[known as usize].clone(),
            None => Self::Other(name),
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let name = self.as_bytes();
        match name.strip_prefix(b"\\") {
            Some(name) => out.raw("\\").keyword(name, "mailbox attribute"),
            None => out.keyword(name, "mailbox attribute"),
        };
    }
}

impl MailboxAttributes {
    /// Whether this is said.
    pub fn contains(&self, attribute: &MailboxAttribute) -> bool {
        match Known::of(attribute) {
            Some(known) => self.known & known.bit() != 0,
            None => self.find(attribute).is_ok(),
        }
    }

    /// Says this too.
    pub fn insert(&mut self, attribute: MailboxAttribute) {
        match Known::of(&attribute) {
            Some(known) => self.known |= known.bit(),
            None => {
                if let Err(at) = self.find(&attribute) {
                    self.other.insert(at, attribute);
                }
            }
        }
    }

    fn find(&self, attribute: &MailboxAttribute) -> Result<usize, usize> {
        self.other.binary_search_by_key(&attribute.as_bytes(), MailboxAttribute::as_bytes)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.count_ones() as usize + self.other.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known == 0 && self.other.is_empty()
    }

    /// All that are said, those that are known here first.
    pub fn iter(&self) -> impl Iterator<Item = &MailboxAttribute> {
        let known = KNOWN.iter().enumerate().filter(|(bit, _)| self.known & 1 << bit != 0);
        known.map(|(_, attribute)| attribute).chain(&self.other)
    }

    /// `"(" [mbx-list-flags] ")"`
    #[inline]
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut attributes = Self::default();
        if let Some(rest) = nil(input) {
            cx.quirk(input, QuirkKind::UnexpectedNil)?;
            return Ok((rest, attributes));
        }
        let (rest, ()) = list(input, cx, |input, cx| {
            let (rest, name) = Flag::parse_name(input, cx)?;
            match Known::named(name) {
                Some(known) => attributes.known |= known.bit(),
                None => attributes.other.push(MailboxAttribute::Other(cx.keep(name))),
            }
            Ok((rest, ()))
        })?;
        if attributes.other.len() > 1 {
            attributes.other.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
            attributes.other.dedup();
        }
        Ok((rest, attributes))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.list(self.iter(), |out, attribute| attribute.encode(out));
    }
}

impl Known {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Extend<MailboxAttribute> for MailboxAttributes {
    fn extend<T: IntoIterator<Item = MailboxAttribute>>(&mut self, attributes: T) {
        attributes.into_iter().for_each(|attribute| self.insert(attribute));
    }
}

impl FromIterator<MailboxAttribute> for MailboxAttributes {
    fn from_iter<T: IntoIterator<Item = MailboxAttribute>>(attributes: T) -> Self {
        let mut set = Self::default();
        set.extend(attributes);
        set
    }
}

impl<const N: usize> From<[MailboxAttribute; N]> for MailboxAttributes {
    fn from(attributes: [MailboxAttribute; N]) -> Self {
        attributes.into_iter().collect()
    }
}

impl fmt::Debug for MailboxAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(wire: &'static [u8]) -> MailboxAttributes {
        let mut cx = Context::lent(wire, true);
        let (rest, attributes) = MailboxAttributes::parse(wire, &mut cx).unwrap();
        assert!(rest.is_empty());
        attributes
    }

    #[test]
    fn each_is_said_once_and_found_without_case() {
        let attributes = parsed(b"(\\X-B \\SENT \\Sent \\X-A \\X-B)");
        let names: Vec<_> = attributes.iter().map(MailboxAttribute::as_bytes).collect();
        assert_eq!(names, [&b"\\Sent"[..], b"\\X-A", b"\\X-B"]);
        assert_eq!(attributes.len(), 3);
        assert!(attributes.contains(&MailboxAttribute::new("\\X-A")));
        assert!(!attributes.contains(&MailboxAttribute::new("\\X-C")));
        assert!(!attributes.contains(&MailboxAttribute::Trash));
        let built = ["\\X-A", "\\sent", "\\X-B", "\\X-A"].map(MailboxAttribute::new);
        assert_eq!(MailboxAttributes::from(built), attributes);
    }

    #[test]
    fn every_known_one_has_a_bit_of_its_own() {
        for (place, attribute) in KNOWN.iter().enumerate() {
            let mut set = MailboxAttributes::default();
            set.insert(MailboxAttribute::new(attribute.as_bytes().to_ascii_uppercase()));
            assert_eq!((set.known, set.iter().next()), (1 << place, Some(attribute)));
        }
    }
}
