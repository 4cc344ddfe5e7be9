//! IDLE: the connection is lent to the server for news, until it is wanted again (RFC 2177).

/// Where an IDLE stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Idle {
    /// There is none.
    #[default]
    No,
    /// The server hasn't agreed yet; until it has, DONE may not be written.
    Asked {
        /// It is to end as soon as it has begun.
        leave: bool,
    },
    /// News come as they happen. No reply is due.
    Running,
    /// DONE is about to be written.
    Leaving,
    /// DONE was written, and the end is due.
    Left,
}

impl Idle {
    /// Whether the server keeps silent because it has nothing to say.
    pub(super) fn is_quiet(self) -> bool {
        matches!(self, Self::Running | Self::Leaving)
    }
}
