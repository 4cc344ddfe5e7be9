//! Where a call may wait, where it may not, and that nothing hangs or panics when clients go away.

use std::{
    cell::RefCell,
    panic,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use mail_client::{
    Error, ErrorKind, Secret, TokenError,
    blocking::{ImapClient, imap::DefaultConnection},
    imap::{FetchItems, NewMessage, SequenceSet},
};
use mail_testkit::{Action, Fault};
use tokio::task::{LocalSet, block_in_place, spawn_blocking};

use crate::{
    common,
    server::{Running, empty, start},
};

fn mail() -> Running {
    start(common::server().messages("INBOX", ["Subject: one\r\n\r\n", "Subject: two\r\n\r\n"]))
}

/// Calls of all kinds, each of which says why it can't be made, and the line that it is made in.
fn refused(client: &ImapClient) {
    let here = |error: Error, line: u32| {
        assert_eq!(error.kind(), ErrorKind::CannotBlock, "{error}");
        let place = format!("{}:{line}:", file!());
        assert!(error.to_string().contains(&place), "{place} is not in: {error}");
        assert!(!error.is_retryable() && !error.was_written());
    };
    here(client.noop().unwrap_err(), line!());
    here(client.select("INBOX").unwrap_err(), line!());
    here(client.create_connection().unwrap_err(), line!());
    here(client.create_default_connection().unwrap_err(), line!());
    let stored = client.append_many("INBOX", [NewMessage::new("a"), NewMessage::new("b")]);
    assert_eq!(stored.len(), 2);
    stored.into_iter().for_each(|stored| here(stored.unwrap_err(), line!() - 2));
    here(client.begin(|client| client.noop()).unwrap().wait().unwrap_err(), line!());
}

#[test]
fn a_call_inside_an_async_task_is_an_error_that_names_its_place() {
    let running = mail();
    let client = running.client(4);
    let inbox = client.examine("INBOX").unwrap();
    let before = common::commands(&running.server).len();
    running.runtime.block_on(async { refused(&client) });
    let task = client.clone();
    running.runtime.block_on(running.runtime.spawn(async move { refused(&task) })).unwrap();
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    current.block_on(LocalSet::new().run_until(async { refused(&client) }));
    // A stream says it once, and ends.
    let mut stream = inbox.fetch(SequenceSet::all(), FetchItems::new());
    let given: Vec<_> = current.block_on(async { stream.by_ref().take(10).collect() });
    assert_eq!(given.len(), 1);
    assert_eq!(given[0].as_ref().unwrap_err().kind(), ErrorKind::CannotBlock);
    client.close();
    let sent: Vec<_> = common::commands(&running.server).split_off(before);
    // But for what was begun, which nobody could wait for, and the goodbyes.
    assert!(
        sent.iter().all(|(_, command)| !command.starts_with("SELECT") && !command.starts_with("APPEND")),
        "{sent:?}"
    );
}

#[test]
fn a_token_provider_that_calls_back_is_told_so() {
    let running = empty();
    let client = std::sync::Arc::new(std::sync::OnceLock::<ImapClient>::new());
    let inner = std::sync::Arc::clone(&client);
    let provider = move |_| {
        let client = inner.get().unwrap().clone();
        async move { Err::<Secret, TokenError>(client.noop().unwrap_err().into()) }
    };
    let client = client.get_or_init(|| running.builder().token_provider(provider).build_blocking().unwrap());
    let error = client.noop().unwrap_err();
    assert!(error.to_string().contains(file!()), "{error}");
}

#[test]
fn a_token_provider_that_blocks_holds_nobody_up() {
    let running = empty();
    let client = running.client(1);
    client.noop().unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let is_done = std::sync::Mutex::new(is_done);
    let provider = move |_| {
        begun.send(()).unwrap();
        // All that the others do comes first.
        is_done.lock().unwrap().recv().unwrap_err();
        async { Err::<Secret, TokenError>("no token".into()) }
    };
    let other = running.builder().token_provider(provider).build_blocking().unwrap();
    let waiting = thread::spawn(move || other.noop().unwrap_err());
    has_begun.recv().unwrap();
    for _ in 0..100 {
        client.noop().unwrap();
    }
    drop(done);
    assert!(waiting.join().unwrap().to_string().contains("no token"));
}

#[test]
fn what_is_handed_over_calls_nobody_and_may_panic() {
    let running = mail();
    let client = running.client(2);
    let inbox = client.select("INBOX").unwrap();
    let (inner, mut line) = (client.clone(), 0);
    // Taken where the call waits.
    let flags = std::iter::once_with(|| {
        line = line!() + 1;
        let error = inner.noop().unwrap_err();
        inner.close();
        panic::resume_unwind(Box::new(error))
    });
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| inbox.add_flags(1, flags).unwrap()));
    let error = panicked.unwrap_err().downcast::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::CannotBlock);
    assert!(error.to_string().contains(&format!("{}:{line}:", file!())), "{error}");
    // Whoever drives then is there for all.
    let other = client.clone();
    thread::spawn(move || other.noop().unwrap()).join().unwrap();
    client.noop().unwrap();
    client.close();
}

#[test]
fn connections_are_looked_after_while_nobody_calls() {
    let running = empty();
    let client = running.builder().idle_timeout(Duration::from_millis(20)).build_blocking().unwrap();
    drop(client.create_connection().unwrap());
    // Nobody calls any more: it is closed when its time is up.
    running.wait_for_connections(0);
    let tasks = client.to_async();
    running.runtime.block_on(async { tasks.noop().await.unwrap() });
    client.close();
}

#[test]
fn calls_are_made_wherever_code_may_block() {
    let running = mail();
    let client = running.client(3);
    let work = |client: &ImapClient| {
        let inbox = client.examine("INBOX").unwrap();
        inbox.fetch(SequenceSet::all(), FetchItems::new()).map(|message| message.unwrap().uid()).sum::<u32>()
    };
    let (job, in_place) = (client.clone(), client.clone());
    let runtime = &running.runtime;
    assert_eq!(runtime.block_on(async { spawn_blocking(move || work(&job)).await.unwrap() }), 3);
    let in_place = runtime.spawn(async move { block_in_place(|| work(&in_place)) });
    assert_eq!(runtime.block_on(in_place).unwrap(), 3);
    // A runtime without timers and sockets is neither needed nor used.
    let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let job = client.clone();
    assert_eq!(bare.block_on(async { spawn_blocking(move || work(&job)).await.unwrap() }), 3);
    let _entered = bare.enter();
    assert_eq!(work(&client), 3);
    drop(client.create_connection().unwrap());
    client.close();
}

#[test]
fn tasks_and_threads_share_a_client() {
    let running = empty();
    let client = running.client(3);
    let main = running.mark(&client, "thread");
    let tasks = client.to_async();
    // Connections outlive the runtime of the task that opened them.
    let own = tokio::runtime::Runtime::new().unwrap().block_on(async {
        tasks.list("", "task").await.unwrap();
        tasks.create_connection().await.unwrap()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(tasks.via(&own).noop()).unwrap();
    assert_eq!(running.mark(&client, "thread again"), main);
    assert_eq!(running.server.report().connections.total, 2);
}

#[test]
fn p21_the_last_clone_logs_out_in_the_background_wherever_it_is_dropped() {
    let running = empty();
    let made = || {
        let client = running.client(3);
        client.noop().unwrap();
        let own = client.create_connection().unwrap();
        (client, own)
    };
    let (client, own) = made();
    thread::spawn(move || drop((client, own))).join().unwrap();
    running.wait_for_connections(0);
    // Inside a task, whose runtime has no timers.
    let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (client, own) = made();
    bare.block_on(async move { drop((own, client)) });
    running.wait_for_connections(0);
    // In a panic.
    let dropped = made();
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let _dropped = dropped;
        panic::resume_unwind(Box::new(""));
    }));
    panicked.unwrap_err();
    running.wait_for_connections(0);
    // When a thread ends, after its other values.
    thread_local! {
        static KEPT: RefCell<Option<(DefaultConnection, ImapClient)>> = const { RefCell::new(None) };
    }
    let (client, own) = made();
    drop(own);
    thread::spawn(move || {
        KEPT.with(|kept| drop(kept.borrow_mut().take()));
        let default = client.create_default_connection().unwrap();
        client.noop().unwrap();
        KEPT.set(Some((default, client)));
    })
    .join()
    .unwrap();
    running.wait_for_connections(0);
    assert_eq!(common::count(&running.server, "LOGOUT"), 8);
}

#[test]
fn a_call_when_a_threads_values_go_is_an_error_at_most() {
    /// Calls at the very end of its thread.
    struct Last(ImapClient, std::sync::mpsc::Sender<Option<ErrorKind>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let _ = self.1.send(self.0.noop().err().map(|error| error.kind()));
            self.0.close();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let running = empty();
    let client = running.client(2);
    let (told, outcome) = std::sync::mpsc::channel();
    let last = Last(client.clone(), told);
    thread::spawn(move || {
        // Values go in the order opposite to that in which they came: this one behind tokio's.
        LAST.set(Some(last));
        client.noop().unwrap();
    })
    .join()
    .unwrap();
    let outcome = outcome.recv().unwrap();
    assert!(matches!(outcome, None | Some(ErrorKind::CannotBlock)), "{outcome:?}");
    running.wait_for_connections(0);
}

#[test]
fn p21_close_ends_what_others_wait_in() {
    let running = empty();
    let client = running.builder().grace(Duration::from_millis(50)).build_blocking().unwrap();
    client.noop().unwrap();
    running.server.add_fault(Fault::on_command("LIST", Action::Stall));
    let (begun, waiting) = (Instant::now(), client.clone());
    let waiting = thread::spawn(move || waiting.list("", "*").map(drop));
    while common::count(&running.server, "LIST") == 0 {
        thread::yield_now();
    }
    client.close();
    waiting.join().unwrap().unwrap_err();
    assert_eq!(client.noop().unwrap_err().kind(), ErrorKind::Closed);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

/// What the test below runs in a process of its own: it ends while there is work under way, and drops nothing.
#[test]
fn exits_amid_everything() {
    if std::env::var_os("EXITS_AMID_EVERYTHING").is_none() {
        return;
    }
    let running = mail();
    let client = running.client(4);
    running.server.add_fault(Fault::on_command("NOOP", Action::Stall).always());
    let _default = client.create_default_connection().unwrap();
    let _begun: Vec<_> = (0..3).map(|_| client.begin(|client| client.noop()).unwrap()).collect();
    let _changes = client.watch("INBOX").start();
    thread::spawn(move || client.noop());
    while common::count(&running.server, "NOOP") == 0 {
        thread::yield_now();
    }
    std::process::exit(0);
}

#[test]
fn a_process_ends_whatever_is_under_way() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "places::exits_amid_everything"])
        .env("EXITS_AMID_EVERYTHING", "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (ended, waited) = std::sync::mpsc::channel();
    let id = child.id();
    thread::spawn(move || ended.send(child.wait().unwrap()));
    let status =
        waited.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("process {id} hangs"));
    assert!(status.success(), "{status}");
}
