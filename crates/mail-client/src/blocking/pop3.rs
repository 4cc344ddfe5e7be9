//! POP3: [`Pop3Client`] and what it gives. What has no part in waiting is the same as in [`crate::pop3`].

use std::{
    io::{self, BufRead, Read},
    iter::FusedIterator,
};

use bytes::{Buf, Bytes};

use super::{
    client::client_facade,
    facade::{facade, sister},
    reader::{Unread, chunk, fill, read},
    wait::{GaveUp, wait, wait_for_next},
};
use crate::{
    error::Result,
    pop3::{
        self, Capabilities, DropListing, Language, ListedMessage, NumberedMessage, Pop3ClientBuilder,
        UniqueId, Which,
    },
};

/// One maildrop on one server, for any number of threads: clones are the same client. See
/// [the module](crate::blocking), and [`pop3::Pop3Client`].
///
/// ```no_run
/// use mail_client::blocking::Pop3Client;
///
/// # fn main() -> mail_client::Result<()> {
/// let client = Pop3Client::builder("pop.example.org", "kim").password("secret").build_blocking()?;
/// for message in client.retrieve_all(client.uidl()?) {
///     let message = message?;
///     println!("{}: {} bytes", message.which, message.content.bytes()?.len());
/// }
/// client.close();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pop3Client(pop3::Pop3Client);

client_facade! {
    Pop3Client for pop3,
    sister: "pop3::Pop3Client",
    connection: "pop3::Connection",
    builder: Pop3ClientBuilder,
    path: "mail_client::blocking::Pop3Client",
    begin: "let pending = client.begin(|client| Ok(client.stat()?.count))?;",
}

facade! {
    impl Pop3Client for "pop3::Pop3Client" {
        async fn noop(&self) -> Result<()>;
        async fn stat(&self) -> Result<DropListing>;
        async fn list(&self) -> Result<Vec<ListedMessage>>;
        async fn uidl(&self) -> Result<Vec<UniqueId>>;
        async fn retrieve(&self, uid: impl Into<UniqueId>) -> Result<MessageReader>;
        async fn top(&self, uid: impl Into<UniqueId>, lines: u32) -> Result<MessageReader>;
        fn retrieve_all(&self, wanted: impl IntoIterator<Item = impl Into<UniqueId>>) -> RetrieveStream;
        async fn capabilities(&self) -> Result<Capabilities>;
        async fn languages(&self) -> Result<Vec<Language>>;
        async fn session(&self) -> Result<Session>;
    }
}

/// A connection for one caller alone, and with it a transaction: what is deleted is deleted by
/// [`commit`](Self::commit), or not at all. See [`pop3::Session`].
pub struct Session(pop3::Session);

sister!(Session(pop3::Session));

facade! {
    impl Session for "pop3::Session" {
        async fn noop(&self) -> Result<()>;
        async fn stat(&self) -> Result<DropListing>;
        async fn list(&self) -> Result<Vec<NumberedMessage>>;
        async fn uidl(&self) -> Result<Vec<UniqueId>>;
        async fn retrieve(&self, which: impl Into<Which>) -> Result<MessageReader>;
        async fn top(&self, which: impl Into<Which>, lines: u32) -> Result<MessageReader>;
        fn retrieve_all(&self, wanted: impl IntoIterator<Item = impl Into<Which>>) -> RetrieveStream;
        async fn delete(&self, which: impl Into<Which>) -> Result<()>;
        fn deleted(&self) -> usize;
        async fn undelete_all(&self) -> Result<()>;
        async fn capabilities(&self) -> Result<Capabilities>;
        async fn languages(&self) -> Result<Vec<Language>>;
        async fn commit(self) -> Result<()>;
        async fn close(self);
    }
}

/// Messages in the order in which they were asked for: an iterator, which waits for each. One that can't be had is an
/// error in its place, and the others come all the same. See [`pop3::RetrieveStream`].
#[must_use = "nothing is retrieved until the stream is read"]
pub struct RetrieveStream(pop3::RetrieveStream, GaveUp);

sister!(RetrieveStream(pop3::RetrieveStream) false);

impl Iterator for RetrieveStream {
    type Item = Result<RetrievedMessage>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<RetrievedMessage>> {
        wait_for_next(&mut self.1, self.0.next())
    }
}

impl FusedIterator for RetrieveStream {}

/// One of many messages.
#[derive(Debug)]
pub struct RetrievedMessage {
    /// Which it is.
    pub which: Which,
    /// What it says.
    pub content: MessageReader,
}

impl From<pop3::RetrievedMessage> for RetrievedMessage {
    fn from(message: pop3::RetrievedMessage) -> Self {
        Self { which: message.which, content: message.content.into() }
    }
}

/// A message that comes in pieces: with [`chunk`](Self::chunk), or as a [`BufRead`]. See [`pop3::MessageReader`].
pub struct MessageReader(pop3::MessageReader, Unread);

sister!(MessageReader(pop3::MessageReader) Unread::new());

impl MessageReader {
    /// How many bytes have been read so far.
    pub fn offset(&self) -> u64 {
        self.0.offset() - self.1.len() as u64
    }

    /// The next piece, never empty; `None` behind the last.
    ///
    /// # Errors
    /// As [`pop3::MessageReader::chunk`].
    #[track_caller]
    pub fn chunk(&mut self) -> Result<Option<Bytes>> {
        chunk(&mut self.1, self.0.chunk())
    }

    /// The whole of what is left of it, in memory.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    #[track_caller]
    pub fn bytes(self) -> Result<Bytes> {
        let rest: Bytes = wait::<Result<_>, _>(self.0.bytes())?;
        Ok(if self.1.is_empty() { rest } else { [self.1, rest].concat().into() })
    }
}

impl BufRead for MessageReader {
    #[track_caller]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        fill(&mut self.1, self.0.chunk())
    }

    fn consume(&mut self, len: usize) {
        self.1.advance(len);
    }
}

impl Read for MessageReader {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read(self, buf)
    }
}
