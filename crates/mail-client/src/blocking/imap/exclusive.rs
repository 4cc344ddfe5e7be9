//! A connection for oneself alone.

use std::fmt;

use mail_proto::imap::Command;

use super::ImapClient;
use crate::{
    blocking::facade::facade,
    error::Result,
    imap::{self, Reply},
};

/// A connection for one caller alone. See [`imap::Exclusive`].
pub struct Exclusive(imap::Exclusive, ImapClient);

impl From<imap::Exclusive> for Exclusive {
    fn from(exclusive: imap::Exclusive) -> Self {
        let client = exclusive.client().clone().into();
        Self(exclusive, client)
    }
}

facade! {
    impl Exclusive for "imap::Exclusive" {
        async fn run(&self, command: Command) -> Result<Reply>;
    }
}

impl Exclusive {
    /// The client whose calls run on this connection. See [`imap::Exclusive::client`].
    pub fn client(&self) -> &ImapClient {
        &self.1
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
