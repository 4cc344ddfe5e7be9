//! What each way took, side by side.

use std::{fmt, time::Duration};

/// One way to download, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) way: String,
    pub(crate) time: Duration,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// The most connections that the server had open at once.
    pub(crate) peak_connections: usize,
    /// Messages on disk that are octet for octet what the server holds.
    pub(crate) verified: u64,
    /// Messages that the server holds.
    pub(crate) expected: u64,
}

impl Row {
    /// Whether all mail is on disk as the server holds it.
    pub(crate) fn is_exact(&self) -> bool {
        self.verified == self.expected && self.messages == self.expected
    }
}

/// Rows under a head, for a terminal.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            ["way", "seconds", "messages/s", "MB/s", "peak connections", "verified"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.0.iter().map(cells)).collect();
        let widths: Vec<_> =
            (0..6).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0)).collect();
        for row in &rows {
            let mut line = format!("{:<width$}", row[0], width = widths[0]);
            for (cell, width) in row[1..].iter().zip(&widths[1..]) {
                line.push_str(&format!("  {cell:>width$}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn cells(row: &Row) -> [String; 6] {
    let seconds = row.time.as_secs_f64().max(f64::MIN_POSITIVE);
    [
        row.way.clone(),
        format!("{seconds:.2}"),
        format!("{:.0}", row.messages as f64 / seconds),
        format!("{:.1}", row.bytes as f64 / 1e6 / seconds),
        row.peak_connections.to_string(),
        format!("{} of {}", row.verified, row.expected),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            way: "8 connections".into(),
            time: Duration::from_millis(2500),
            messages: 2000,
            bytes: 100_000_000,
            peak_connections: 8,
            verified: 2000,
            expected: 2000,
        }
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            Table(&[row()]).to_string(),
            "way            seconds  messages/s  MB/s  peak connections      verified\n\
             8 connections     2.50         800  40.0                 8  2000 of 2000\n"
        );
    }

    #[test]
    fn one_octet_that_differs_counts() {
        assert!(row().is_exact());
        assert!(!Row { verified: 1999, ..row() }.is_exact());
        // A message too many is wrong as well.
        assert!(!Row { messages: 2001, ..row() }.is_exact());
    }
}
