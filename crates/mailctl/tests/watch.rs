//! Changes of a mailbox, a line each, for as long as somebody wants them.

system_tests::watch_for_secrets!();

mod support;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mail_testkit::{Account, Hook};
use support::{Fixture, PASSWORD, USER, alice, mailctl, run};
use tokio::{sync::mpsc, time::timeout};

const LONG: Duration = Duration::from_secs(30);

/// A program that watches, and its lines.
struct Watching {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Fixture {
    fn watch(&self, mailbox: &str, options: &[&str]) -> Command {
        let mut command = mailctl(&["watch", &self.url(mailbox)]);
        command.args(options).arg("--ca-file").arg(self.folder.path().join("ca.pem"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn alice(&self) -> Account {
        self.server.account(USER).unwrap()
    }

    /// A message for each IDLE: from then on changes are told.
    fn idling(&self) -> mpsc::UnboundedReceiver<()> {
        let (sender, idling) = mpsc::unbounded_channel();
        self.server.hook(Hook::before("IDLE").always(), move |_| {
            let _ = sender.send(());
        });
        idling
    }
}

impl Watching {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        timeout(LONG, self.lines.recv()).await.expect("a line").expect("a line before the end")
    }

    /// The exit status, and what stood on stderr.
    async fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let ended = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().unwrap();
            let stderr = BufReader::new(self.child.stderr.take().unwrap());
            (status.code(), stderr.lines().map_while(Result::ok).collect::<Vec<_>>().join("\n"))
        });
        let Ok(ended) = timeout(LONG, ended).await else {
            // Whoever waits for it would keep the test from failing.
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            panic!("it doesn't end");
        };
        let (status, stderr) = ended.unwrap();
        assert!(!stderr.contains(PASSWORD) && !stderr.contains("panicked"), "{stderr}");
        (status, stderr)
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_a_line_and_signals_end_it_well() {
    for (signal_name, json) in [("TERM", true), ("INT", false)] {
        let server = alice().messages("INBOX", ["one", "two", "three"]).without_capability("NOTIFY");
        let fixture = Fixture::start(server).await;
        let mut idling = fixture.idling();
        let mut watching = Watching::start(fixture.watch("/INBOX", if json { &["--json"] } else { &[] }));
        timeout(LONG, idling.recv()).await.expect("it watches");
        let alice = fixture.alice();
        let mut lines = Vec::new();
        alice.deliver("INBOX", "four").unwrap();
        lines.push(watching.line().await);
        alice.set_flags("INBOX", 2, ["\\Seen", "$Junk"]).unwrap();
        lines.push(watching.line().await);
        alice.expunge("INBOX", [1, 3]).unwrap();
        lines.extend([watching.line().await, watching.line().await]);
        // The server may tell the later message first.
        lines[2..].sort();
        if json {
            assert_eq!(
                lines,
                [
                    r#"{"event":"new","mailbox":"INBOX","uid":4,"flags":[]}"#,
                    r#"{"event":"flags","mailbox":"INBOX","uid":2,"flags":["\\Seen","$Junk"]}"#,
                    r#"{"event":"gone","mailbox":"INBOX","uid":1,"flags":null}"#,
                    r#"{"event":"gone","mailbox":"INBOX","uid":3,"flags":null}"#,
                ]
            );
        } else {
            assert_eq!(lines, ["new INBOX 4", "flags INBOX 2 \\Seen $Junk", "gone INBOX 1", "gone INBOX 3"]);
        }
        signal(&watching.child, signal_name);
        let (status, stderr) = watching.end().await;
        assert_eq!(status, Some(0), "{stderr}");
        fixture.server.wait_for_connections(0).await;
        let commands = fixture.commands();
        assert!(commands.last().is_some_and(|last| last.contains("LOGOUT")), "{commands:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mailbox_under_the_same_name_is_a_reset_and_what_it_has_is_new() {
    let fixture = Fixture::start(
        alice().messages("Lists.rust", ["one"]).delimiter(Some(b'.')).without_capability("NOTIFY"),
    )
    .await;
    let mut idling = fixture.idling();
    let command = fixture.watch("/Lists/rust", &["--json"]);
    let mut watching = Watching::start(command);
    timeout(LONG, idling.recv()).await.expect("it watches");
    let alice = fixture.alice();
    alice.recreate("Lists.rust").unwrap();
    alice.deliver("Lists.rust", "another").unwrap();
    fixture.server.disconnect_all();
    assert_eq!(watching.line().await, r#"{"event":"reset","mailbox":"Lists.rust","uid":null,"flags":null}"#);
    assert_eq!(watching.line().await, r#"{"event":"new","mailbox":"Lists.rust","uid":1,"flags":[]}"#);
    signal(&watching.child, "TERM");
    assert_eq!(watching.end().await.0, Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_nobody_reads_ends_it_though_nothing_changes() {
    let fixture = Fixture::start(alice().without_capability("NOTIFY")).await;
    let mut idling = fixture.idling();
    let mut child = fixture.watch("", &[]).spawn().unwrap();
    timeout(LONG, idling.recv()).await.expect("it watches");
    drop(child.stdout.take());
    let (_, lines) = mpsc::unbounded_channel();
    let (status, stderr) = Watching { child, lines }.end().await;
    assert_eq!((status, stderr.as_str()), (Some(0), "watching INBOX"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_watched_is_said() {
    let fixture = Fixture::start(alice()).await;
    run(fixture.watch("/Nowhere", &[])).await.failed_with(&["Nowhere"]);
    let mut wrong = fixture.watch("/INBOX", &[]);
    wrong.env("MAILCTL_PASSWORD", "hunter2");
    run(wrong).await.failed_with(&["password", USER]);
    for url in ["pop3s://alice@host", "smtps://alice@host", "pop3s://alice@host/INBOX"] {
        let usage = run(mailctl(&["watch", url])).await;
        assert_eq!(usage.status, Some(2), "{usage:?}");
    }
}
