//! What anyone can see: a trace of everything that happens. Alone in its file, since tracing asks every thread of a process who listens.

mod support;

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_pool::{Assignment, Class};
use support::Script::Fail;
use support::{pool_with, settle};
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes every event down.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mail_pool")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    fn has(&self, parts: &[&str]) -> bool {
        self.0.lock().unwrap().iter().any(|line| parts.iter().all(|part| line.contains(part)))
    }
}

#[tokio::test(start_paused = true)]
async fn p34_everything_that_happens_is_an_event_with_its_reason() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (pool, server) = pool_with(2, |builder| builder.assignment(Assignment::Default));
    drop(pool.get().await.unwrap());
    assert!(log.has(&["message=open", "connection=1", "kind=default"]));
    assert!(log.has(&["message=take", "connection=1", "kind=default"]));
    let one = pool.create_connection().await.unwrap();
    let other = pool.clone();
    let two = tokio::spawn(async move { other.create_connection().await.unwrap() }).await.unwrap();
    assert!(log.has(&["message=wait", "kind=independent"]));
    assert!(log.has(&["message=idle default taken back", "connection=1", "owner="]));
    assert!(log.has(&["message=take", "connection=1", "kind=independent"]), "reuse");
    one.get().await.unwrap().break_it();
    drop(one);
    assert!(log.has(&["message=close", "connection=2", "kind=independent", "why=\"died\""]));
    two.close().await;
    assert!(log.has(&["message=close", "connection=1", "kind=independent", "why=Asked"]));
    assert!(log.has(&["message=closed", "connection=1", "well=true"]));
    server.script([Fail(Class::Transient)]);
    assert!(pool.create_connection().await.is_err());
    assert!(log.has(&["message=dial failed", "connection=3", "class=Transient", "error=toy Transient"]));
    assert!(log.has(&["message=back off", "wait=", "why=\"the dial failed\""]));
    drop(pool.create_connection().await.unwrap());
    sleep(Duration::from_secs(40)).await;
    assert!(log.has(&["message=close", "connection=4", "why=Idle"]));
    settle().await;
}
