//! The bounds of a frame, and what exceeding one is called.

/// The bounds of a frame. What exceeds one ends the stream with a [`FrameError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text in one frame, literals not counted.
    pub text: usize,
    /// Literals up to this many bytes lie in their frame; larger ones are streamed.
    pub kept_literal: usize,
    /// Bytes of the largest literal that is read at all.
    pub literal: u64,
    /// Literals in one frame.
    pub literals: usize,
    /// Bytes of one frame, streamed literals not counted. At most 2 GiB − 1.
    pub frame: usize,
}

impl Limits {
    /// For the responses of a server: 32 MiB of text, literals kept up to 64 KiB and streamed up to 4 GiB − 1.
    pub const RESPONSES: Self = Self {
        text: 32 << 20,
        kept_literal: 64 << 10,
        literal: u32::MAX as u64,
        literals: 10_000,
        frame: 64 << 20,
    };

    /// For the commands of a client: as [`Limits::RESPONSES`], with 64 KiB of text.
    pub const COMMANDS: Self = Self { text: 64 << 10, ..Self::RESPONSES };

    /// Offsets in a frame are kept in 31 bits.
    pub(super) fn within_bounds(mut self) -> Self {
        self.frame = self.frame.min(i32::MAX as usize);
        self.kept_literal = self.kept_literal.min(self.frame);
        self
    }
}

/// A limit that the peer exceeded. The stream can't be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// More text than [`Limits::text`] without an end.
    #[error("a line is longer than {limit} bytes")]
    TextTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A literal longer than [`Limits::literal`] was announced.
    #[error("a literal of {announced} bytes was announced, at most {limit} are read")]
    LiteralTooLong {
        /// What was announced, in bytes.
        announced: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// More literals than [`Limits::literals`] in one frame.
    #[error("there are more than {limit} literals in one response or command")]
    TooManyLiterals {
        /// The limit.
        limit: usize,
    },
    /// More bytes than [`Limits::frame`] in one frame.
    #[error("a response or command is longer than {limit} bytes")]
    FrameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
}
