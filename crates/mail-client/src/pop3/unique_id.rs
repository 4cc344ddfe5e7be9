//! What a message is called.

use std::fmt;

use bytes::Bytes;

/// The name of a message that lasts from session to session (RFC 1939 section 7), as the server gave it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(Bytes);

impl UniqueId {
    /// Its bytes: by the standard 1 to 70 printable ASCII characters, and from some servers more and others.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for UniqueId {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for UniqueId {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<&str> for UniqueId {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for UniqueId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&Self> for UniqueId {
    fn from(uid: &Self) -> Self {
        uid.clone()
    }
}

/// As it is where it is ASCII, and all else escaped.
impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueId(\"{self}\")")
    }
}

/// Which message of a [`Session`](super::Session): by its unique-id, or by the number that it has in this session and
/// no other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// The message of this unique-id.
    Unique(UniqueId),
    /// The message of this number, from 1 on, as [`Session::list`](super::Session::list) of the same session tells it.
    Number(u32),
}

impl From<UniqueId> for Which {
    fn from(uid: UniqueId) -> Self {
        Self::Unique(uid)
    }
}

impl From<&UniqueId> for Which {
    fn from(uid: &UniqueId) -> Self {
        Self::Unique(uid.clone())
    }
}

impl From<u32> for Which {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique(uid) => uid.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A message, as a listing of the maildrop tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedMessage {
    /// Its name.
    pub uid: UniqueId,
    /// Its size in bytes, as far as the server knows.
    pub octets: u64,
}

/// A message, as a listing within a session tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberedMessage {
    /// Its number, in this session and no other.
    pub number: u32,
    /// Its name; `None` from a server that gives none.
    pub uid: Option<UniqueId>,
    /// Its size in bytes, as far as the server knows.
    pub octets: u64,
}

/// A language that a server's texts may be in (RFC 6856 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Language {
    /// Its tag, such as `de` or `i-default`.
    pub tag: String,
    /// What it is called, in itself.
    pub name: String,
}
