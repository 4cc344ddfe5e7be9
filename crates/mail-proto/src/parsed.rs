//! How tolerant reading is, and what it tells beside the value.

use crate::error::Quirk;

/// How to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseOptions {
    /// Reject what a server gets wrong, instead of reading it and telling of it as a [`Quirk`].
    pub strict: bool,
}

impl ParseOptions {
    /// Options that reject every quirk.
    pub const STRICT: Self = Self { strict: true };
}

/// What was read, and what was wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value.
    pub value: T,
    /// What the peer got wrong and was read all the same, in order.
    pub quirks: Vec<Quirk>,
}
