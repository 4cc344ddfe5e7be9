//! Passwords are in nothing that the program says, however talkative, and in no command line.

system_tests::watch_for_secrets!();

mod support;

use std::{
    fs,
    process::{Command, Stdio},
};

use mail_testkit::Endpoint;
use support::{Fixture, PASSWORD, USER, alice, finish, mailctl};
use system_tests::secrets::assert_none_in;

impl Fixture {
    /// What the program can do with a server, at its most talkative.
    fn deeds(&self) -> Vec<Command> {
        let folder = self.folder.path();
        fs::write(folder.join("1.eml"), "From: alice@x\nTo: bob@y\nSubject: hi\n\nHello!\n").unwrap();
        let deed = |command: &str, scheme: &str, endpoint: Endpoint, options: &[&str]| {
            let url = format!("{scheme}://{USER}@{}", self.server.address(endpoint));
            let mut deed = mailctl(&["-vvvv", command, &url, "--ca-file"]);
            deed.arg(folder.join("ca.pem")).args(options).current_dir(folder);
            deed
        };
        vec![
            deed("mailboxes", "imaps", Endpoint::ImapTls, &[]),
            deed("mailboxes", "imap", Endpoint::ImapStartTls, &[]),
            deed("backup", "imaps", Endpoint::ImapTls, &["--to", "imap"]),
            deed("backup", "pop3s", Endpoint::Pop3Tls, &["--to", "pop3"]),
            deed("backup", "pop3", Endpoint::Pop3StartTls, &["--to", "pop3-too"]),
            deed("send", "smtps", Endpoint::SmtpTls, &["--from", "alice@x", "--to", "bob@y", "1.eml"]),
            deed("send", "smtp", Endpoint::SmtpStartTls, &["--from", "alice@x", "--to", "bob@y", "1.eml"]),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_password_comes_from_and_whether_it_is_right_it_is_not_said() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one", "two"])).await;
    let file = fixture.folder.path().join("password");
    for (password, is_right) in [(PASSWORD.to_owned(), true), (format!("wrong {PASSWORD}"), false)] {
        fs::write(&file, &password).unwrap();
        for how in ["environment", "file", "command"] {
            for mut deed in fixture.deeds() {
                match how {
                    "environment" => deed.env("MAILCTL_PASSWORD", &password),
                    "file" => deed.env_remove("MAILCTL_PASSWORD").arg("--password-file").arg(&file),
                    _ => deed.env_remove("MAILCTL_PASSWORD").args(["--password-command", "cat password"]),
                };
                let child = deed.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                let command_line = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
                assert_none_in("the command line", command_line);
                // What it prints is searched.
                let run = finish(child).await;
                assert_eq!(run.status == Some(0), is_right, "{how}: {run:?}");
                assert!(run.stderr.contains("mail_client::protocol"), "{run:?}");
            }
        }
    }
}
