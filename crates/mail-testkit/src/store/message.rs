//! A message on its way into a mailbox, and one that lies in it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Flags;

/// A message to put into a mailbox: its octets, which are kept and sent as they are, its flags and its date.
#[derive(Clone, Debug)]
pub struct Message {
    pub(crate) body: Bytes,
    pub(crate) flags: Flags,
    pub(crate) internal_date: SystemTime,
    pub(crate) labels: Vec<String>,
    /// Those of the message that this is a copy of.
    pub(crate) ids: Option<Ids>,
}

/// The ids of a message and of its thread, which a copy shares (RFC 8474).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) email: u64,
    pub(crate) thread: u64,
}

impl Message {
    /// A message without flags, received at a fixed time.
    pub fn new(body: impl Into<Bytes>) -> Self {
        let internal_date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self { body: body.into(), flags: Flags::default(), internal_date, labels: Vec::new(), ids: None }
    }

    /// With these flags, `\Seen` or `$Forwarded` for example.
    pub fn with_flags<S: AsRef<str>>(mut self, flags: impl IntoIterator<Item = S>) -> Self {
        self.flags = flags.into_iter().collect();
        self
    }

    /// With this INTERNALDATE, to the second.
    pub fn with_internal_date(mut self, date: SystemTime) -> Self {
        self.internal_date = date;
        self
    }

    /// With these labels, as Gmail has them (`X-GM-LABELS`), spelled as on the wire.
    pub fn with_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Its octets.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl<T: Into<Bytes>> From<T> for Message {
    fn from(body: T) -> Self {
        Self::new(body)
    }
}

/// A message as a mailbox holds it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredMessage {
    /// Its UID.
    pub uid: u32,
    /// Its flags, without `\Recent`.
    pub flags: Flags,
    /// Its INTERNALDATE.
    pub internal_date: SystemTime,
    /// Its octets.
    pub body: Bytes,
}
