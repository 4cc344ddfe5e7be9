//! Durations and sizes as they are written on the command line: `20ms`, `60s`, `4MB`.

use std::time::Duration;

/// Why a duration or a size could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum QuantityError {
    #[error("a number and a unit are needed, such as {0}")]
    Form(&'static str),
    #[error("unknown unit {0:?}; known are {1}")]
    Unit(String, &'static str),
    #[error("the number is too large")]
    Range,
}

/// Reads `20ms`, `1.5s`, `2m` or `1h`. A number without a unit means seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = split(text, "20ms or 60s")?;
    let seconds = match unit {
        "us" | "µs" => number / 1e6,
        "ms" => number / 1e3,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(QuantityError::Unit(unit.to_owned(), "us, ms, s, m and h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| QuantityError::Range)
}

/// Reads `500`, `64KB`, `4MB`, `1.5GB` (powers of 1,000) or `64KiB`, `4MiB`, `1GiB` (powers of 1,024), in bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, QuantityError> {
    let (number, unit) = split(text, "500KB or 4MB")?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(QuantityError::Unit(unit.to_owned(), "B, KB, MB, GB, KiB, MiB and GiB")),
    };
    let value = (number * factor).round();
    // 2⁵³: beyond it a float no longer counts single bytes.
    if value > 9_007_199_254_740_992.0 {
        return Err(QuantityError::Range);
    }
    Ok(value as u64)
}

fn split<'a>(text: &'a str, example: &'static str) -> Result<(f64, &'a str), QuantityError> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..digits].parse().map_err(|_| QuantityError::Form(example))?;
    Ok((number, text[digits..].trim_start()))
}

/// A count of bytes for people: `512 B`, `1.2 KB`, `100.0 MB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_default_to_seconds() {
        assert_eq!(duration("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("0ms"), Ok(Duration::ZERO));
        for bad in ["", "ms", "-1s", "1 fortnight", "1..2s", "99999999999999999999s", "NaN"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_decimal_unless_they_say_i() {
        assert_eq!(bytes("4MB"), Ok(4_000_000));
        assert_eq!(bytes("4MiB"), Ok(4 << 20));
        assert_eq!(bytes("0.5k"), Ok(500));
        assert_eq!(bytes("123"), Ok(123));
        for bad in ["", "MB", "-4MB", "4 parsecs", "1e400", "99999999999999999GB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn people_read_sizes_with_one_decimal() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(1_200), "1.2 KB");
        assert_eq!(human_bytes(999_999), "1.0 MB");
        assert_eq!(human_bytes(100_000_000), "100.0 MB");
    }
}
