//! A POP3 maildrop to disk: each message once, and deleted only when all of it is safe.

system_tests::watch_for_secrets!();

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use mail_testkit::{Action, Corpus, Endpoint, Fault, Hook, Protocol};
use support::{Fixture, USER, alice, mailctl, run};

impl Fixture {
    fn pop3(&self, scheme: &str, endpoint: Endpoint, options: &[&str]) -> Command {
        let address = self.server.address(endpoint);
        let mut command = mailctl(&["backup", &format!("{scheme}://{USER}@{address}")]);
        command.arg("--to").arg(self.to()).arg("--ca-file").arg(self.folder.path().join("ca.pem"));
        command.args(options);
        command
    }

    async fn drain(&self, options: &[&str]) -> support::Run {
        run(self.pop3("pop3s", Endpoint::Pop3Tls, options)).await
    }

    /// Backs up and expects it to go well; what it printed.
    async fn drained(&self, options: &[&str]) -> String {
        let run = self.drain(options).await;
        assert_eq!(run.status, Some(0), "{run:?}");
        run.stdout
    }

    fn count(&self, command: &str) -> usize {
        self.commands().iter().filter(|line| line.to_ascii_uppercase().starts_with(command)).count()
    }

    fn deliver(&self, message: &'static str) {
        self.server.account(USER).unwrap().deliver("INBOX", message).unwrap();
    }
}

const DELETE: &[&str] = &["--delete-after-verify"];

/// Messages as lines end in POP3.
const ONE: &str = "Subject: one\r\n\r\n.\r\n..\r\ntext\r\n";
const TWO: &str = "Subject: two\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_message_comes_once_and_stays_on_the_server() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO])).await;
    let first = fixture.drained(&[]).await;
    assert!(first.contains("1 mailbox, 2 new, 0 already there"), "{first}");
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
    let again = fixture.drained(&[]).await;
    assert!(again.contains("0 new, 2 already there"), "{again}");
    assert_eq!(fixture.count("RETR"), 2);
    fixture.deliver("Subject: three\r\n\r\nx\r\n");
    // A message that somebody else deletes is kept here.
    fixture.server.account(USER).unwrap().expunge("INBOX", [1]).unwrap();
    let third = fixture.drained(&[]).await;
    assert!(third.contains("1 new, 1 already there"), "{third}");
    assert_eq!((fixture.count("RETR"), fixture.count("DELE"), fixture.files("").len()), (3, 0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_come_whole_over_connections_that_break() {
    let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(200, 3))).await;
    fixture.server.add_fault(Fault::on_command("RETR", Action::Cut).over(Protocol::Pop3).nth(50));
    fixture.server.add_fault(Fault::on_command("RETR", Action::CutAfter(300)).over(Protocol::Pop3).nth(120));
    let summary = fixture.drained(&[]).await;
    assert!(summary.contains("200 new"), "{summary}");
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_verified_is_deleted_and_what_comes_meanwhile_is_not() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO])).await;
    // The first is there from a run that deleted nothing.
    fixture.drained(&[]).await;
    fixture.deliver("Subject: three\r\n\r\nx\r\n");
    fixture.server.hook(Hook::before("DELE").over(Protocol::Pop3), |account| {
        account.deliver("INBOX", "Subject: late\r\n\r\n").unwrap();
    });
    let mut before = fixture.on_server("INBOX");
    let summary = fixture.drained(DELETE).await;
    assert!(summary.contains("1 new, 2 already there") && summary.contains("3 deleted"), "{summary}");
    assert!(fixture.bodies("") == before);
    assert_eq!(fixture.on_server("INBOX"), [b"Subject: late\r\n\r\n"]);
    let summary = fixture.drained(DELETE).await;
    assert!(summary.contains("1 new, 0 already there") && summary.contains("1 deleted"), "{summary}");
    before.push(b"Subject: late\r\n\r\n".to_vec());
    before.sort();
    assert!(fixture.bodies("") == before && fixture.on_server("INBOX").is_empty());
    let nothing = fixture.drained(DELETE).await;
    assert!(nothing.contains("0 new") && nothing.contains("0 deleted"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_failure_deletes_nothing() {
    let pop3 = |command: &str, action| Fault::on_command(command, action).over(Protocol::Pop3);
    for (fault, words) in [
        (pop3("RETR", Action::No("not now".into())).nth(2).always(), "could not be read"),
        (pop3("DELE", Action::No("locked".into())).nth(2), "nothing was deleted"),
        (pop3("DELE", Action::Cut).nth(3), "nothing was deleted"),
        (pop3("QUIT", Action::No("could not".into())), "not known"),
        (pop3("QUIT", Action::Cut), "not known"),
    ] {
        let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO, "Subject: three\r\n\r\n"])).await;
        fixture.server.add_fault(fault.clone());
        fixture.drain(DELETE).await.failed_with(&[words]);
        let on_server = fixture.on_server("INBOX");
        assert_eq!(on_server.len(), 3, "{fault:?}");
        // Then it is taken up, and nothing lies there twice.
        fixture.server.clear_faults();
        let summary = fixture.drained(DELETE).await;
        assert!(summary.contains("3 deleted"), "{fault:?} {summary}");
        assert!(fixture.bodies("") == on_server, "{fault:?}");
        assert!(fixture.on_server("INBOX").is_empty());
    }
}

fn any_file(maildir: &Path) -> std::path::PathBuf {
    fs::read_dir(maildir.join("new")).unwrap().next().unwrap().unwrap().path()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_altered_or_removed_is_fetched_again_before_anything_is_deleted() {
    for removed in [true, false] {
        let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO])).await;
        fixture.drained(&[]).await;
        let file = any_file(&fixture.to());
        if removed {
            fs::remove_file(&file).unwrap();
        } else {
            let mut content = fs::read(&file).unwrap();
            content[3] ^= 1;
            fs::write(&file, content).unwrap();
        }
        let before = fixture.on_server("INBOX");
        let summary = fixture.drained(DELETE).await;
        assert!(summary.contains("1 new, 1 already there") && summary.contains("2 deleted"), "{summary}");
        let bodies = fixture.bodies("");
        assert!(before.iter().all(|body| bodies.contains(body)));
        assert_eq!(bodies.len(), if removed { 2 } else { 3 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_lost_has_the_files_compared() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO])).await;
    fixture.drained(&[]).await;
    let state = fixture.to().join(".mailctl/state");
    assert!(fs::read_to_string(&state).unwrap().contains("%00POP3"));
    fs::remove_file(&state).unwrap();
    let summary = fixture.drained(&[]).await;
    assert!(summary.contains("0 new, 2 already there"), "{summary}");
    // Nor do they lie there twice when a deletion is not known to have been done.
    fixture.server.add_fault(Fault::on_command("QUIT", Action::Cut).over(Protocol::Pop3));
    fixture.drain(DELETE).await.failed_with(&["not known"]);
    let before = fixture.on_server("INBOX");
    let summary = fixture.drained(DELETE).await;
    assert!(summary.contains("0 new, 2 already there") && summary.contains("2 deleted"), "{summary}");
    assert!(fixture.bodies("") == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_deletes_nothing_and_the_next_goes_on() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE, TWO, "Subject: three\r\n\r\n"])).await;
    fixture.server.add_fault(Fault::on_command("RETR", Action::Stall).over(Protocol::Pop3).nth(3));
    let (sender, mut third) = tokio::sync::mpsc::unbounded_channel();
    fixture.server.hook(Hook::before("RETR").over(Protocol::Pop3).nth(2), move |_| {
        let _ = sender.send(());
    });
    let mut command = fixture.pop3("pop3s", Endpoint::Pop3Tls, DELETE);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    third.recv().await.unwrap();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = support::finish(child).await;
    assert_eq!(run.status, Some(130), "{run:?}");
    let on_server = fixture.on_server("INBOX");
    assert_eq!((on_server.len(), fixture.count("DELE")), (3, 0));
    let summary = fixture.drained(DELETE).await;
    assert!(summary.contains("3 deleted"), "{summary}");
    assert!(fixture.bodies("") == on_server && fixture.on_server("INBOX").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn stls_and_plaintext_are_what_they_say() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE])).await;
    let refused = run(fixture.pop3("pop3", Endpoint::Pop3Plain, &[])).await;
    refused.failed_with(&["STLS"]);
    let commands = fixture.commands();
    assert!(
        !commands
            .iter()
            .any(|line| ["USER", "PASS", "AUTH", "APOP"].iter().any(|name| line.starts_with(name))),
        "{commands:?}"
    );
    let stls = run(fixture.pop3("pop3", Endpoint::Pop3StartTls, &[])).await;
    assert_eq!(stls.status, Some(0), "{stls:?}");
    let plain = run(fixture.pop3("pop3", Endpoint::Pop3Plain, &["--allow-plaintext"])).await;
    assert_eq!(plain.status, Some(0), "{plain:?}");
    assert_eq!(fixture.bodies(""), [ONE.as_bytes()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said() {
    let fixture = Fixture::start(alice().messages("INBOX", [ONE])).await;
    let mut wrong = fixture.pop3("pop3s", Endpoint::Pop3Tls, DELETE);
    wrong.env("MAILCTL_PASSWORD", "hunter2");
    run(wrong).await.failed_with(&["password", USER]);
    let mut imap = fixture.command("");
    imap.args(DELETE);
    let usage = run(imap).await;
    assert_eq!(usage.status, Some(2), "{usage:?}");
    assert_eq!(fixture.on_server("INBOX").len(), 1);
    // Mail of both protocols may lie in one directory.
    fixture.drained(&[]).await;
    fixture.back_up("").await;
    assert_eq!((fixture.bodies("").len(), fixture.bodies(".INBOX").len()), (1, 1));
}
