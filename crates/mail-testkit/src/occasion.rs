//! When something ordered happens: at which of the commands that it waits for.

use crate::endpoint::Protocol;

/// Which of the occasions that something waits for are its own: the first, on any connection, unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) connection: Option<u64>,
    pub(crate) skip: u64,
    /// `u64::MAX` for each time.
    pub(crate) times: u64,
}

impl Default for Occasion {
    fn default() -> Self {
        Self { protocol: None, connection: None, skip: 0, times: 1 }
    }
}

impl Occasion {
    /// Whether it is this one's turn: an occasion that doesn't count for it is none, and one before the n-th is used
    /// up by being counted.
    pub(crate) fn is_due(&mut self, protocol: Protocol, connection: u64) -> bool {
        let is_elsewhere = self.protocol.is_some_and(|only| only != protocol)
            || self.connection.is_some_and(|only| only != connection);
        if self.times == 0 || is_elsewhere {
            return false;
        }
        let due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        due
    }

    /// One time less.
    pub(crate) fn strike(&mut self) {
        if self.times != u64::MAX {
            self.times -= 1;
        }
    }
}
