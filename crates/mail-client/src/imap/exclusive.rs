//! A connection for oneself alone.

use std::{fmt, sync::Arc};

use mail_proto::{
    ParseError,
    imap::{Command, Status, client::Request, response::Untagged},
};

use super::{client::ImapClient, connection::Answer, handles::Connection};
use crate::error::Result;

/// A connection for one caller alone. See [`ImapClient::exclusive`].
///
/// What is lost with it isn't repeated, and it isn't opened anew: every call after that fails.
pub struct Exclusive {
    client: ImapClient,
}

/// What a server said to a [command](Exclusive::run).
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The end: an OK.
    pub status: Status,
    /// What came before it.
    pub data: Vec<Untagged>,
    /// What came before it, can't be read, and may have been part of the answer; of much the first 100.
    pub unreadable: Vec<ParseError>,
}

impl ImapClient {
    /// The connection for oneself alone: until the guard is dropped, others who name it wait, and one's own calls that
    /// name it without the guard fail. It is then closed, since nobody else can know what was done to it. Commands that
    /// run already aren't waited for.
    ///
    /// # Errors
    /// It was lost and can't be opened anew, or it was closed.
    pub async fn exclusive(&self, connection: &Connection) -> Result<Exclusive> {
        let exclusive = connection.held().exclusive().await?;
        Ok(Exclusive { client: Self::from(self.calls().on_exclusive(Arc::new(exclusive))) })
    }
}

impl Exclusive {
    /// The client whose calls run on this connection. It doesn't outlive the guard: its clones, and what is made with
    /// them, keep the connection from the others.
    pub fn client(&self) -> &ImapClient {
        &self.client
    }

    /// Runs any command, in whatever state the connection is: sequence numbers mean what they meant to the command
    /// before, since nobody else's is in between.
    ///
    /// # Errors
    /// The server refuses, or the connection was lost.
    pub async fn run(&self, command: Command) -> Result<Reply> {
        let Answer { completion, data, unread } = self.client.calls().run(Request::new(command)).await?;
        Ok(Reply { status: completion.status, data, unreadable: unread.as_slice().to_vec() })
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").field("client", &self.client).finish()
    }
}
