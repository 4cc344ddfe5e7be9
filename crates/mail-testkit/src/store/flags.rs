//! The flags of one message.

use std::collections::BTreeSet;
use std::fmt;

/// The system flags that a client can set (RFC 9051 2.3.2), in the order in which they are listed.
const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/// The flags of one message: system flags and keywords, compared without regard to case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Flags {
    system: u8,
    keywords: BTreeSet<String>,
}

impl Flags {
    /// Whether the flag is set.
    pub fn contains(&self, flag: &str) -> bool {
        match system_bit(flag) {
            Some(bit) => self.system & bit != 0,
            None => self.keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(flag)),
        }
    }

    /// Sets one flag. `\Recent` is the server's to set, and is passed over.
    pub fn insert(&mut self, flag: &str) {
        match system_bit(flag) {
            Some(bit) => self.system |= bit,
            None if flag.eq_ignore_ascii_case("\\Recent") || self.contains(flag) => {}
            None => {
                self.keywords.insert(flag.to_owned());
            }
        }
    }

    /// Clears one flag.
    pub fn remove(&mut self, flag: &str) {
        match system_bit(flag) {
            Some(bit) => self.system &= !bit,
            None => self.keywords.retain(|keyword| !keyword.eq_ignore_ascii_case(flag)),
        }
    }

    /// All that are set: system flags first, keywords in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let system = SYSTEM.into_iter().enumerate().filter(|(bit, _)| self.system & (1 << bit) != 0);
        system.map(|(_, name)| name).chain(self.keywords.iter().map(String::as_str))
    }

    /// Only the keywords.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().map(String::as_str)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Flags {
    fn from_iter<I: IntoIterator<Item = S>>(flags: I) -> Self {
        let mut all = Self::default();
        all.extend(flags);
        all
    }
}

impl<S: AsRef<str>> Extend<S> for Flags {
    fn extend<I: IntoIterator<Item = S>>(&mut self, flags: I) {
        for flag in flags {
            self.insert(flag.as_ref());
        }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn system_bit(flag: &str) -> Option<u8> {
    SYSTEM.iter().position(|name| name.eq_ignore_ascii_case(flag)).map(|bit| 1 << bit)
}
