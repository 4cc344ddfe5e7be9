//! What tells messages apart and when they came, as FETCH tells it and SEARCH is asked for it.

use std::time::{SystemTime, UNIX_EPOCH};

use mail_proto::imap::DateTime;

/// A message's id as EMAILID tells it.
pub(super) fn email_id(id: u64) -> String {
    format!("M{id}")
}

/// A thread's id as THREADID tells it.
pub(super) fn thread_id(id: u64) -> String {
    format!("T{id}")
}

/// Gmail's ids have 64 bits.
pub(super) const GMAIL: u64 = 1 << 60;

/// A moment as INTERNALDATE tells it, in UTC.
pub(super) fn date(time: SystemTime) -> DateTime {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    DateTime::from_unix_seconds(seconds)
}
