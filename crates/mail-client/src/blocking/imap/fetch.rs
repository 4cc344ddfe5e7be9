//! Fetched messages: an iterator of them, and what is in each.

use std::{
    io::{self, BufRead, Read},
    iter::FusedIterator,
    time::Duration,
};

use bytes::{Buf, Bytes};
use mail_proto::imap::fetch::{Fetch, Flags};

use crate::{
    blocking::{
        facade::{facade, sister},
        reader::{Unread, chunk, fill, read},
        wait::{GaveUp, wait_for_next},
    },
    error::Result,
    imap::{self, BodyStructure, DateTime, Envelope, Flag, Section},
};

/// Messages, as they come: an iterator, which waits for each. See [`Mailbox::fetch`](super::Mailbox::fetch) and
/// [`imap::FetchStream`].
#[must_use = "nothing is fetched until the stream is read"]
pub struct FetchStream(imap::FetchStream, GaveUp);

sister!(FetchStream(imap::FetchStream) false);

facade! {
    impl FetchStream for "imap::FetchStream" {
        fn connections(self, most: usize) -> Self;
        fn in_order(self) -> Self;
        fn deadline(self, limit: Option<Duration>) -> Self;
        fn changed_since(self, mod_seq: u64) -> Self;
    }
}

impl Iterator for FetchStream {
    type Item = Result<Message>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<Message>> {
        wait_for_next(&mut self.1, self.0.next())
    }
}

impl FusedIterator for FetchStream {}

/// A message, with what was asked for of it. See [`imap::Message`].
pub struct Message(imap::Message);

sister!(Message(imap::Message));

facade! {
    impl Message for "imap::Message" {
        fn uid(&self) -> u32;
        fn flags(&self) -> Option<Flags<'_>>;
        fn has_flag(&self, flag: &Flag) -> bool;
        fn size(&self) -> Option<u64>;
        fn internal_date(&self) -> Option<DateTime>;
        fn mod_seq(&self) -> Option<u64>;
        fn envelope(&self) -> Option<Envelope<'_>>;
        fn body_structure(&self) -> Option<BodyStructure<'_>>;
        fn data(&self) -> &Fetch;
        fn section(&self, section: &Section) -> Option<Bytes>;
        fn into_body(self) -> Body;
        fn into_sections(self) -> Sections;
    }
}

/// The body of a message, or a section of it. See [`imap::Body`].
pub struct Body(imap::Body);

sister!(Body(imap::Body));

facade! {
    impl Body for "imap::Body" {
        fn len(&self) -> Option<u64>;
        fn is_empty(&self) -> bool;
        async fn bytes(self) -> Result<Bytes>;
        #[cfg(feature = "mail-parser")]
        async fn parse(self) -> Result<mail_parser::Message<'static>>;
    }
}

impl Body {
    /// A reader of it, whatever its size.
    ///
    /// # Errors
    /// There is none ([`ErrorKind::Gone`](crate::ErrorKind::Gone)), or it can't be read.
    pub fn into_reader(self) -> Result<BodyReader> {
        self.0.into_reader().map(Into::into)
    }
}

/// Content that comes in pieces: with [`chunk`](Self::chunk), or as a [`BufRead`]. See [`imap::BodyReader`].
pub struct BodyReader(imap::BodyReader, Unread);

sister!(BodyReader(imap::BodyReader) Unread::new());

facade! {
    impl BodyReader for "imap::BodyReader" {
        fn len(&self) -> Option<u64>;
        fn is_empty(&self) -> bool;
    }
}

impl BodyReader {
    /// How many bytes have been read so far.
    pub fn offset(&self) -> u64 {
        self.0.offset() - self.1.len() as u64
    }

    /// The next piece, never empty; `None` behind the last.
    ///
    /// # Errors
    /// As [`imap::BodyReader::chunk`].
    #[track_caller]
    pub fn chunk(&mut self) -> Result<Option<Bytes>> {
        chunk(&mut self.1, self.0.chunk())
    }
}

impl BufRead for BodyReader {
    #[track_caller]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        fill(&mut self.1, self.0.chunk())
    }

    fn consume(&mut self, len: usize) {
        self.1.advance(len);
    }
}

impl Read for BodyReader {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read(self, buf)
    }
}

/// The content that was asked for of a message: an iterator over its sections. One that comes in pieces is to be read or
/// dropped before the next is asked for: it stands in its way. See [`imap::Sections`].
pub struct Sections(imap::Sections, GaveUp);

sister!(Sections(imap::Sections) false);

impl Sections {
    /// What the server has told of the message so far. See [`imap::Sections::data`].
    pub fn data(&self) -> impl Iterator<Item = &Fetch> {
        self.0.data()
    }
}

impl Iterator for Sections {
    type Item = Result<SectionContent>;

    #[track_caller]
    fn next(&mut self) -> Option<Result<SectionContent>> {
        wait_for_next(&mut self.1, async { self.0.next().await.transpose() })
    }
}

/// A section of a message. See [`imap::SectionContent`].
#[derive(Debug)]
pub struct SectionContent {
    /// Its name as the server tells it, as `BODY[HEADER]` or `BINARY[1.2]`.
    pub name: Bytes,
    /// The offset of its first byte, if only a part of it was asked for.
    pub origin: Option<u32>,
    /// The content.
    pub body: Body,
}

impl From<imap::SectionContent> for SectionContent {
    fn from(section: imap::SectionContent) -> Self {
        let imap::SectionContent { name, origin, body } = section;
        Self { name, origin, body: body.into() }
    }
}
