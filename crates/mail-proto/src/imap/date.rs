//! Dates (RFC 9051 section 9, `date-time` and `date`).

use std::fmt;

use super::{
    encode::Encoder,
    terminals::{Parsing, fail},
};

/// A date and time with its zone, as in INTERNALDATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The year, 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// Minutes east of UTC, −5,999 to 5,999.
    pub offset: i16,
}

/// A day of the calendar, as in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year, 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// The day, if there is one: years 0 to 9999, months 1 to 12, days from 1 on.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// `date = date-text / DQUOTE date-text DQUOTE`, `date-text = date-day "-" date-month "-" date-year`
    pub(crate) fn parse(input: &[u8]) -> Parsing<'_, Self> {
        let bare = input.strip_prefix(b"\"").unwrap_or(input);
        let Some((date, rest)) = Self::text(bare) else { return fail(input, "a date") };
        let rest = if bare.len() == input.len() { Some(rest) } else { rest.strip_prefix(b"\"") };
        match rest {
            Some(rest) => Ok((rest, date)),
            None => fail(input, "the end of a quoted date"),
        }
    }

    /// `dd-Mon-yyyy`, and what stands behind it.
    fn text(text: &[u8]) -> Option<(Self, &[u8])> {
        let (day, rest) = number(text, 1, 2)?;
        let rest = rest.strip_prefix(b"-")?;
        let (name, rest) = rest.split_at_checked(3)?;
        let month = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))? + 1;
        let (year, rest) = number(rest.strip_prefix(b"-")?, 4, 4)?;
        (1..=31).contains(&day).then_some((Self { year, month: month as u8, day: day as u8 }, rest))
    }

    pub(crate) fn encode(self, out: &mut Encoder) {
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&MONTHS[0]);
        out.raw(&format!("{}-{month}-{:04}", self.day.clamp(1, 31), self.year.min(9999)));
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl DateTime {
    /// Seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
    pub fn unix_seconds(&self) -> i64 {
        let days = days_from_civil(i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days * 86_400 + seconds - i64::from(self.offset) * 60
    }

    /// The moment in UTC; years outside 0 to 9999 are taken as the nearest one.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        // 0000-01-01 and 9999-12-31T23:59:59.
        let seconds = seconds.clamp(-62_167_219_200, 253_402_300_799);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        Self {
            year,
            month,
            day,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            offset: 0,
        }
    }

    /// `date-time` without its quotes: `dd-Mon-yyyy hh:mm:ss +zzzz`, the day padded with a space or zero or not at
    /// all. `None` if it isn't one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (Date { year, month, day }, rest) = Date::text(text.trim_ascii_start())?;
        let (hour, rest) = number(rest.strip_prefix(b" ")?, 2, 2)?;
        let (minute, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
        let (second, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
        let (sign, rest) = rest.strip_prefix(b" ")?.split_first()?;
        let (zone, rest) = number(rest, 4, 4)?;
        let minutes = i16::try_from(zone / 100 * 60 + zone % 100).ok()?;
        let offset = match sign {
            b'+' => minutes,
            b'-' => -minutes,
            _ => return None,
        };
        let in_range = hour < 24 && minute < 60 && second <= 60 && zone % 100 < 60;
        (in_range && rest.is_empty()).then_some(Self {
            year,
            month,
            day,
            hour: hour as u8,
            minute: minute as u8,
            second: second as u8,
            offset,
        })
    }

    /// The day, in its own zone.
    pub fn date(&self) -> Date {
        Date { year: self.year, month: self.month, day: self.day }
    }

    /// Whether the text has the form that nearly all servers send, which [`parse`](Self::parse) reads if its numbers are
    /// in range: a look at the bytes instead of reading them.
    pub(crate) fn is_plain(text: &[u8]) -> bool {
        let Some(text) = text.first_chunk::<26>().filter(|_| text.len() == 26) else { return false };
        let [
            d1,
            d2,
            b'-',
            m,
            o,
            n,
            b'-',
            y1,
            y2,
            y3,
            y4,
            b' ',
            h1,
            h2,
            b':',
            i1,
            i2,
            b':',
            s1,
            s2,
            b' ',
            sign,
            z1,
            z2,
            z3,
            z4,
        ] = *text
        else {
            return false;
        };
        let digits = [d2, y1, y2, y3, y4, h1, h2, i1, i2, s1, s2, z1, z2, z3, z4];
        let all_digits = digits.iter().fold(true, |all, byte| all & byte.is_ascii_digit());
        let day = matches!((d1, d2), (b' ' | b'0', b'1'..) | (b'1' | b'2', _) | (b'3', ..=b'1'));
        let hour = h1 < b'2' || (h1 == b'2' && h2 < b'4');
        let month = matches!(
            &[m, o, n],
            b"Jan"
                | b"Feb"
                | b"Mar"
                | b"Apr"
                | b"May"
                | b"Jun"
                | b"Jul"
                | b"Aug"
                | b"Sep"
                | b"Oct"
                | b"Nov"
                | b"Dec"
        );
        all_digits
            && day
            && month
            && hour
            && i1 < b'6'
            && s1 < b'6'
            && z3 < b'6'
            && matches!(sign, b'+' | b'-')
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.raw(&format!("\"{self}\""));
    }
}

/// `date-time` without its quotes, its numbers brought into their ranges.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS.get(usize::from(self.month).wrapping_sub(1)).unwrap_or(&MONTHS[0]);
        let zone = self.offset.unsigned_abs().min(99 * 60 + 59);
        write!(
            f,
            "{:2}-{month}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}",
            self.day.clamp(1, 31),
            self.year.min(9999),
            self.hour.min(23),
            self.minute.min(59),
            self.second.min(60),
            if self.offset < 0 { '-' } else { '+' },
            zone / 60,
            zone % 60
        )
    }
}

fn number(text: &[u8], least: usize, most: usize) -> Option<(u16, &[u8])> {
    let len = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if len < least {
        return None;
    }
    let value = text[..len].iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    Some((value, &text[len..]))
}

/// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (u16, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year as u16, month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_1970_utc() {
        let date = DateTime::parse(b"17-Jul-1996 02:44:25 -0700").unwrap();
        assert_eq!(date.unix_seconds(), 837_596_665);
        assert_eq!(DateTime::parse(b" 1-jan-1970 00:00:00 +0000").unwrap().unix_seconds(), 0);
        assert_eq!(DateTime::parse(b"29-Feb-2000 12:00:00 +0530").unwrap().unix_seconds(), 951_805_800);
    }

    #[test]
    fn what_is_plainly_a_date_is_one() {
        let plain = b"17-Jul-1996 02:44:25 -0700";
        assert!(DateTime::is_plain(plain) && DateTime::is_plain(b" 1-Jan-2024 23:59:59 +0000"));
        for at in 0..plain.len() {
            for byte in 0..=255 {
                let mut text = *plain;
                text[at] = byte;
                assert!(
                    !DateTime::is_plain(&text) || DateTime::parse(&text).is_some(),
                    "{}",
                    text.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "NIL", "32-Jan-2000 00:00:00 +0000", "01-Foo-2000 00:00:00 +0000", "1-Jan-2000"] {
            assert_eq!(DateTime::parse(text.as_bytes()), None);
        }
    }

    #[test]
    fn days_with_quotes_or_without() {
        let date = Date { year: 1994, month: 2, day: 1 };
        assert_eq!(Date::parse(b"1-Feb-1994 X").unwrap(), (&b" X"[..], date));
        assert_eq!(Date::parse(b"\"01-FEB-1994\")").unwrap(), (&b")"[..], date));
        for text in ["\"1-Feb-1994", "1-Feb-94", "0-Feb-1994", "1 Feb 1994", ""] {
            assert!(Date::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_day_comes_back() {
        for day in -720_000..2_932_000_i64 {
            let date = DateTime::from_unix_seconds(day * 86_400 + 3_599);
            if (-719_528..2_932_897).contains(&day) {
                assert_eq!(date.unix_seconds(), day * 86_400 + 3_599);
            }
        }
    }
}
