//! Passwords and tokens, which never print.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// Bytes that must not be shown: a password, a token, a SASL response.
///
/// `Debug` prints `Secret(…)` and nothing of the content, in every build. There is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes to keep.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into_boxed_slice())
    }

    /// The bytes, for the one place that has to send or check them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Bytes on their way, of which `Debug` tells how many there are, never which: they may be a password, or somebody's
/// mail.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Unshown<T>(pub(crate) T);

impl<T> Deref for Unshown<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Unshown<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsRef<[u8]>> fmt::Debug for Unshown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.as_ref().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(…)");
        assert_eq!(format!("{:?}", Unshown("hunter2")), "(7 bytes)");
    }
}
