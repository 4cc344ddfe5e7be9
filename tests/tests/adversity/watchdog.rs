//! Ends the program when a run hangs without waiting for anything, which no timer of its own can.

use std::{
    collections::HashMap,
    sync::{Mutex, Once, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// Runs take milliseconds.
const PATIENCE: Duration = Duration::from_secs(120);

static RUNS: Mutex<Option<HashMap<ThreadId, (Instant, String)>>> = Mutex::new(None);

/// A run of this thread, until it is dropped.
pub(crate) struct Watched;

/// Watches what this thread does from now on.
pub(crate) fn watch(name: String) -> Watched {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(thread::spawn(patrol)));
    with(|runs| drop(runs.insert(thread::current().id(), (Instant::now(), name))));
    Watched
}

impl Drop for Watched {
    fn drop(&mut self) {
        with(|runs| drop(runs.remove(&thread::current().id())));
    }
}

fn patrol() {
    loop {
        thread::sleep(Duration::from_secs(1));
        with(|runs| {
            for (since, name) in runs.values() {
                if since.elapsed() > PATIENCE {
                    eprintln!("hangs: {name}");
                    std::process::abort();
                }
            }
        });
    }
}

fn with(what: impl FnOnce(&mut HashMap<ThreadId, (Instant, String)>)) {
    what(RUNS.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
}
