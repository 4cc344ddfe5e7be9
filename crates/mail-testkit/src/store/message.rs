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
}

impl Message {
    /// A message without flags, received at a fixed time.
    pub fn new(body: impl Into<Bytes>) -> Self {
        let internal_date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self { body: body.into(), flags: Flags::default(), internal_date }
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
