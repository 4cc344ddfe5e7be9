//! Messages sent: each once, and a line that says what became of it for each recipient.

system_tests::watch_for_secrets!();

mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use mail_testkit::{Action, Builder, Endpoint, Fault, Protocol, Server};
use support::{Fixture, PASSWORD, Run, USER, alice, mailctl, run};

const MESSAGE: &str = "From: alice@x\nTo: everybody@y\nBcc: secret@y\nSubject: hi\n\n.hello\n";
const SENT: &[u8] = b"From: alice@x\r\nTo: everybody@y\r\nSubject: hi\r\n\r\n.hello\r\n";

impl Fixture {
    /// A server, and messages in files, the numbers in their subjects.
    async fn with_files(server: Builder, count: usize) -> (Self, Vec<PathBuf>) {
        let fixture = Self::start(server).await;
        let file = |number| {
            let path = fixture.folder.path().join(format!("{number}.eml"));
            fs::write(&path, MESSAGE.replace("hi", &format!("hi {number}"))).unwrap();
            path
        };
        let files = (0..count).map(file).collect();
        (fixture, files)
    }

    fn send_to(&self, scheme: &str, endpoint: Endpoint, to: &[&str]) -> Command {
        let address = self.server.address(endpoint);
        let mut command = mailctl(&["send", &format!("{scheme}://{USER}@{address}"), "--from", "alice@x"]);
        command.args(to.iter().flat_map(|to| ["--to", to]));
        command.arg("--ca-file").arg(self.folder.path().join("ca.pem"));
        // Where messages are called by the names that they have there.
        command.current_dir(self.folder.path());
        command
    }

    fn send(&self, to: &[&str]) -> Command {
        self.send_to("smtps", Endpoint::SmtpTls, to)
    }

    /// The subjects of what was accepted, each as often as it was.
    fn sent(&self) -> Vec<String> {
        let subject = |message: &[u8]| {
            let text = String::from_utf8_lossy(message).into_owned();
            text.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned)).unwrap()
        };
        let mut sent: Vec<_> =
            self.server.submissions().iter().map(|submission| subject(&submission.message)).collect();
        sent.sort();
        sent
    }
}

fn sorted(run: &Run) -> Vec<&str> {
    let mut lines: Vec<_> = run.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_to_all_and_each_has_a_line() {
    let fixture = Fixture::start(
        alice()
            .refuse_recipient("nobody@y", "550 5.1.1 no such user")
            .refuse_recipient("full@y", "452 4.2.2 full"),
    )
    .await;
    fs::write(fixture.folder.path().join("a.eml"), MESSAGE).unwrap();
    let mut command = fixture.send(&["bob@y", "nobody@y", "full@y", "kim@y", "bob@y"]);
    command.arg("a.eml");
    let run = run(command).await;
    run.failed_with(&["2 of 4"]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{run:?}");
    for (line, begin) in lines.iter().zip([
        "a.eml: bob@y: accepted: 250 2",
        "a.eml: nobody@y: refused: 550 5.1.1 no such user",
        "a.eml: full@y: refused: 452 4.2.2 full",
        "a.eml: kim@y: accepted: 250 2",
    ]) {
        assert!(line.starts_with(begin), "{line}");
    }
    let submissions = fixture.server.submissions();
    assert_eq!(submissions.len(), 1);
    assert_eq!(submissions[0].from.as_ref().map(|from| from.as_str()), Some("alice@x"));
    let to: Vec<_> = submissions[0].recipients.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["bob@y", "kim@y"]);
    // The blind copy stays blind, and lines end as they do in mail.
    assert_eq!(submissions[0].message, SENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_go_over_several_connections_each_once() {
    let (fixture, files) = Fixture::with_files(alice().latency(Duration::from_millis(5)), 60).await;
    // A connection that breaks amid a message costs none, and makes none two.
    fixture.server.add_fault(Fault::on_command("RCPT", Action::Cut).over(Protocol::Smtp).nth(20));
    let mut command = fixture.send(&["bob@y"]);
    command.args(&files).args(["--connections", "3"]);
    let run = run(command).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 60);
    assert!(run.stdout.lines().all(|line| line.contains(".eml: bob@y: accepted: 250 ")), "{run:?}");
    let sent = fixture.sent();
    assert_eq!((sent.len(), sent.into_iter().collect::<BTreeSet<_>>().len()), (60, 60));
    assert!((2..=3).contains(&fixture.server.report().connections.peak));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_was_lost_is_unknown_and_not_sent_again() {
    let (fixture, files) = Fixture::with_files(alice(), 3).await;
    fixture.server.add_fault(Fault::on_command(".", Action::Cut).over(Protocol::Smtp).nth(2));
    let mut command = fixture.send(&["bob@y"]);
    command.args(&files).args(["--connections", "1"]);
    let run = run(command).await;
    run.failed_with(&["1 of 3"]);
    let lines = sorted(&run);
    assert!(lines[0].contains("0.eml: bob@y: accepted: 250"), "{run:?}");
    assert!(lines[1].contains("1.eml: bob@y: unknown, it may have been sent: "), "{run:?}");
    assert!(lines[2].contains("2.eml: bob@y: accepted: 250"), "{run:?}");
    assert_eq!(fixture.sent(), ["hi 0", "hi 2"]);
    let begun = fixture.commands().iter().filter(|command| command.starts_with("MAIL")).count();
    assert_eq!(begun, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_from_stdin_and_over_starttls() {
    let fixture = Fixture::start(alice()).await;
    let mut command = fixture.send_to("smtp", Endpoint::SmtpStartTls, &["bob@y"]);
    command.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(MESSAGE.as_bytes()).unwrap();
    let run = support::finish(child).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stdout.starts_with("-: bob@y: accepted: 250"), "{run:?}");
    assert_eq!(fixture.server.submissions()[0].message, SENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_starttls_nothing_is_sent_unless_told() {
    let (fixture, files) = Fixture::with_files(alice(), 1).await;
    let command = |plaintext: bool| {
        let mut command = fixture.send_to("smtp", Endpoint::SmtpPlain, &["bob@y"]);
        command.args(&files);
        if plaintext {
            command.arg("--allow-plaintext");
        }
        command
    };
    run(command(false)).await.failed_with(&["STARTTLS"]);
    let commands = fixture.commands();
    assert!(
        !commands.iter().any(|command| command.contains("AUTH") || command.contains("MAIL")),
        "{commands:?}"
    );
    let plain = run(command(true)).await;
    assert_eq!(plain.status, Some(0), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_from_sending_is_told_before_anything_is_sent() {
    let (fixture, files) = Fixture::with_files(alice(), 2).await;
    let mut missing = fixture.send(&["bob@y"]);
    missing.args(&files).arg("missing.eml");
    run(missing).await.failed_with(&["missing.eml", "No such file"]);
    let mut folder = fixture.send(&["bob@y"]);
    folder.args(&files).arg(".");
    run(folder).await.failed_with(&["directory"]);
    let mut twice = fixture.send(&["bob@y"]);
    twice.args(&files).arg(&files[0]);
    assert_eq!(run(twice).await.status, Some(2));
    let mut wrong = fixture.send(&["bob@y"]);
    wrong.args(&files).env("MAILCTL_PASSWORD", "hunter2");
    let refused = run(wrong).await;
    refused.failed_with(&["password", USER]);
    assert!(!refused.stderr.contains("hunter2"));
    assert_eq!(fixture.server.report().wrong_password, 1);
    for url in ["imaps://alice@host/INBOX", "smtps://alice@host/INBOX", "pop3s://alice@host"] {
        let usage = run(mailctl(&["send", url, "--from", "a@b", "--to", "c@d", "-"])).await;
        assert_eq!(usage.status, Some(2), "{usage:?}");
    }
    assert!(fixture.sent().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_it_and_the_rest_is_named() {
    let (fixture, files) = Fixture::with_files(Server::builder().user(USER, PASSWORD), 30).await;
    // From the second connection on nobody is let in.
    fixture.server.add_fault(Fault::on_command("RCPT", Action::Cut).over(Protocol::Smtp).nth(4));
    let limit = Fault::on_greeting(Action::Cut).over(Protocol::Smtp);
    (2..40).for_each(|number| fixture.server.add_fault(limit.clone().on_connection(number).always()));
    let mut command = fixture.send(&["bob@y"]);
    command.args(&files).args(["--connections", "1"]);
    let run = run(command).await;
    run.failed_with(&["27 of 30"]);
    assert_eq!(run.stdout.lines().count(), 30, "{run:?}");
    assert_eq!(run.stdout.lines().filter(|line| line.contains("not sent: ")).count(), 27, "{run:?}");
    assert_eq!(fixture.sent().len(), 3);
}
