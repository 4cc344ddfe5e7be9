//! How far it is, on stderr: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{quantity::human_bytes, terminal::printable};

/// The least time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of work, counted in messages.
#[derive(Debug)]
pub(crate) struct Progress {
    title: String,
    total: u64,
    total_bytes: u64,
    messages: AtomicU64,
    bytes: AtomicU64,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
}

impl Progress {
    /// Begins to show work on so many messages of about so many bytes.
    pub(crate) fn begin(title: &str, total: u64, total_bytes: u64) -> Self {
        let title = printable(title).into_owned();
        let shown = if std::io::stderr().is_terminal() {
            let style =
                ProgressStyle::with_template("{prefix:36!} {bar:30} {human_pos}/{human_len} {msg} {eta}");
            let bar = ProgressBar::new(total).with_prefix(title.clone());
            Shown::Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
        } else {
            Shown::Lines(Mutex::new(Instant::now()))
        };
        Self { title, total, total_bytes, messages: AtomicU64::new(0), bytes: AtomicU64::new(0), shown }
    }

    /// Bytes that came.
    pub(crate) fn bytes(&self, bytes: u64) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Shown::Bar(bar) = &self.shown {
            bar.set_message(format!("{} of {}", human_bytes(bytes), human_bytes(self.total_bytes)));
        }
    }

    /// A message that is done.
    pub(crate) fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        match &self.shown {
            Shown::Bar(bar) => bar.inc(1),
            Shown::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    note(&self.line());
                }
            }
        }
    }

    /// Ends the bar, or writes a last line.
    pub(crate) fn finish(&self) {
        match &self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Lines(_) => note(&self.line()),
        }
    }

    fn line(&self) -> String {
        let (messages, bytes) = (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let (bytes, of) = (human_bytes(bytes), human_bytes(self.total_bytes));
        format!("{}: {messages} of {} messages, {bytes} of {of}", self.title, self.total)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// A line for people, on stderr. One that nobody can read any more stops nothing.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_came_so_far() {
        let progress = Progress::begin("IN\x1bBOX", 3, 3000);
        progress.bytes(1500);
        progress.message();
        progress.message();
        assert_eq!(progress.line(), "IN\\u{1b}BOX: 2 of 3 messages, 1.5 KB of 3.0 KB");
    }
}
