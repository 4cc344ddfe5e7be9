//! The Date field.

use mail_parser::DateTime as Parsed;
use mail_proto::imap::{Date, DateTime};

/// The moment in a Date field, in seconds since 1970.
pub(crate) fn sent_at(value: &[u8]) -> Option<i64> {
    let text = String::from_utf8_lossy(value);
    Parsed::parse_rfc822(&text).filter(Parsed::is_valid).map(|date| date.to_timestamp())
}

/// The day in a Date field, whatever the zone (RFC 9051 6.4.4): `[day-name ","] day month year …`.
pub(crate) fn sent_on(value: &[u8]) -> Option<Date> {
    let text = String::from_utf8_lossy(value);
    let behind_name = text.split_once(',').map_or(&*text, |(_, rest)| rest);
    let mut words = behind_name.split_ascii_whitespace();
    let date_time = format!("{}-{}-{} 00:00:00 +0000", words.next()?, words.next()?, words.next()?);
    DateTime::parse(date_time.as_bytes()).map(|date| date.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_writer_s_and_the_moment_everyone_s() {
        let value = b"Fri, 1 Feb 2002 23:59:59 -0500";
        assert_eq!(sent_on(value), Date::new(2002, 2, 1));
        assert_eq!(sent_at(value), Some(1_012_625_999));
        assert_eq!((sent_on(b"yesterday"), sent_at(b"yesterday")), (None, None));
    }
}
