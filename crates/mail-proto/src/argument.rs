//! The one check through which every argument of a line command passes on its way to the wire.

/// An argument that can't be written. Nothing of the command was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// It holds CR, LF or NUL, which would end the command in its middle.
    #[error("{what} holds a line break or NUL")]
    LineBreak {
        /// The argument.
        what: &'static str,
    },
    /// It holds a space or another byte that would make two arguments of it, or is no argument of this kind.
    #[error("{what} holds a byte that it can't have")]
    ForbiddenByte {
        /// The argument.
        what: &'static str,
    },
    /// It holds bytes beyond ASCII, which the server doesn't take.
    #[error("{what} is not ASCII, and the server takes nothing else")]
    NotAscii {
        /// The argument.
        what: &'static str,
    },
    /// It is empty.
    #[error("{what} is empty")]
    Empty {
        /// The argument.
        what: &'static str,
    },
    /// It is too long.
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// The argument.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
}

/// Takes text that goes up to the end of its line: anything but CR, LF and NUL.
pub(crate) fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], ArgumentError> {
    if bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(ArgumentError::LineBreak { what });
    }
    Ok(bytes)
}

/// Takes a word: no white space, no control characters, and not empty.
pub(crate) fn word<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], ArgumentError> {
    text(bytes, what)?;
    if bytes.is_empty() {
        return Err(ArgumentError::Empty { what });
    }
    if bytes.iter().any(|byte| *byte == b' ' || byte.is_ascii_control()) {
        return Err(ArgumentError::ForbiddenByte { what });
    }
    Ok(bytes)
}
