//! Who listens to everything, keeps nothing, and fails a test program that says a secret.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::find;
use crate::counted::{counted, say};

/// How many lines were searched.
static SEARCHED: AtomicU64 = AtomicU64::new(0);

/// The places that said a secret: each is told of once.
static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Begins to listen. A test with a listener of its own isn't listened to as long as it has that.
#[doc(hidden)]
pub fn watch() {
    if tracing::subscriber::set_global_default(Watcher).is_ok() && log::set_logger(&Watcher).is_ok() {
        // Below that TLS shows each message of a handshake, before there is a password, which takes as long as the handshake.
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// Says at the program's end how much was searched, and fails if anything was found.
#[doc(hidden)]
pub fn end() {
    counted("trace lines searched for secrets", SEARCHED.load(Ordering::Relaxed));
    if !told().is_empty() {
        say("secrets were traced, see above");
        // The exit status is decided by now, and nothing else changes it.
        std::process::abort();
    }
}

fn told() -> std::sync::MutexGuard<'static, BTreeSet<String>> {
    TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Writes down a line and searches it.
fn search(place: fmt::Arguments<'_>, write: impl FnOnce(&mut String)) {
    thread_local! {
        static LINE: Cell<String> = const { Cell::new(String::new()) };
    }
    // What is being written down may say something itself, and a thread that ends has no line any more.
    let mut line = LINE.try_with(Cell::take).unwrap_or_default();
    write(&mut line);
    SEARCHED.fetch_add(1, Ordering::Relaxed);
    if let Some(found) = find(&line) {
        tell(&found, &place.to_string(), &line);
    }
    line.clear();
    let _ = LINE.try_with(|kept| kept.set(line));
}

fn tell(found: &str, place: &str, line: &str) {
    if told().insert(place.to_owned()) {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a thread without a name");
        say(&format!("A SECRET IS TRACED: {found}, at {place}, in {test}:{line}"));
    }
}

struct Watcher;

impl Watcher {
    fn hear(metadata: &Metadata<'_>, record: impl FnOnce(&mut Line<'_>)) {
        let (file, line) = (metadata.file().unwrap_or("?"), metadata.line().unwrap_or_default());
        search(format_args!("{file}:{line} ({})", metadata.target()), |text| record(&mut Line(text)));
    }
}

impl Subscriber for Watcher {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        Self::hear(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        search(format_args!("a span's field"), |text| values.record(&mut Line(text)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        Self::hear(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What the libraries below say that know nothing of `tracing`, those of TLS above all.
impl log::Log for Watcher {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let (file, line) = (record.file().unwrap_or("?"), record.line().unwrap_or_default());
        search(format_args!("{file}:{line} ({})", record.target()), |text| {
            let _ = write!(text, " {}", record.args());
        });
    }

    fn flush(&self) {}
}

/// A line with all of its fields.
struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let _ = write!(self.0, " {}={value:?}", field.name());
        let mut cause = Some(value);
        while let Some(error) = cause {
            let _ = write!(self.0, ": {error}");
            cause = error.source();
        }
    }
}
