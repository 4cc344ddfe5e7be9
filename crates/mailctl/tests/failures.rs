//! What bad input gets: an error in one line that says which, exit status 1 or 2, and no half-written file.

system_tests::watch_for_secrets!();

mod support;

use std::{fs, net::TcpListener, time::Duration};

use mail_testkit::{Action, Corpus, Fault};
use support::{Fixture, PASSWORD, USER, alice, mailctl, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_called_so_and_sent_once() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one"])).await;
    let mut command = fixture.command("");
    command.env("MAILCTL_PASSWORD", "hunter2");
    let run = run(command).await;
    run.failed_with(&["password", USER]);
    assert!(!run.stderr.contains("hunter2"));
    assert_eq!(fixture.server.report().wrong_password, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = mailctl(&["backup", "imaps://alice@nowhere.invalid/INBOX", "--to"]);
    command.arg(folder.path());
    let run = run(command).await;
    run.failed_with(&["nowhere.invalid"]);
    let last = run.stderr.lines().last().unwrap().to_owned();
    assert!(last.contains("does not exist") || last.contains("resolved"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_called_so() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = run(mailctl(&["mailboxes", &format!("imaps://alice@{address}")])).await;
    run.failed_with(&["refused", &address.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_is_called_so() {
    let fixture = Fixture::start(alice()).await;
    let run = run(mailctl(&["mailboxes", &fixture.url("")])).await;
    run.failed_with(&["certificate"]);
    assert!(!fixture.commands().iter().any(|command| command.contains("LOGIN")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_not_there_is_called_so() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one"])).await;
    let run = fixture.backup("/No%20such").await;
    run.failed_with(&["No such"]);
    assert!(!fixture.to().join("new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answering_is_called_so() {
    for fault in [
        Fault::on_greeting(Action::Stall),
        Fault::on_command("LOGIN", Action::Stall),
        Fault::on_command("AUTHENTICATE", Action::Stall),
        Fault::on_command("EXAMINE", Action::Stall),
        Fault::on_command("UID FETCH", Action::Stall).nth(2),
        Fault::on_command("UID FETCH", Action::StallAfter(300_000)).nth(2),
    ] {
        let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(40, 1))).await;
        let fault = fault.always();
        fixture.server.add_fault(fault.clone());
        let mut command = fixture.command("/INBOX");
        command.args(["--timeout", "300ms"]);
        let run = tokio::time::timeout(Duration::from_secs(30), run(command)).await.expect("it ends");
        if run.status == Some(0) {
            // The command that stalls was not used (LOGIN or AUTHENTICATE).
            assert!(format!("{fault:?}").contains("LOGIN") || format!("{fault:?}").contains("AUTHENTICATE"));
            continue;
        }
        assert_eq!(run.status, Some(1), "{fault:?} {run:?}");
        let last = run.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("300ms") || last.contains("0.3"), "{fault:?} {last}");
        if fixture.to().join("new").exists() {
            let bodies = fixture.bodies("");
            let all = fixture.on_server("INBOX");
            assert!(bodies.iter().all(|body| all.binary_search(body).is_ok()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_amid_a_body_is_called_so() {
    let body = vec![b'x'; 3_000_000];
    let fixture = Fixture::start(
        alice().messages("INBOX", [b"small".to_vec(), body]).fault(Fault::cut_after_sent(1_000_000).always()),
    )
    .await;
    let run = fixture.backup("/INBOX").await;
    run.failed_with(&["INBOX: 1 of 2 messages could not be read: amid the body of message 2: "]);
    let last = run.stderr.lines().last().unwrap().to_ascii_lowercase();
    assert!(last.contains("closed") || last.contains("lost"), "{last}");
    assert!(fixture.bodies("").iter().all(|body| body == b"small"));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_called_so_and_the_rest_comes_when_there_is_room() {
    let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(100, 2))).await;
    let mount = fixture.to();
    fs::create_dir(&mount).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(&mount)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        // Only root can make a disk so small; a limit on the size of files is as near as others come.
        let url = fixture.url("/INBOX");
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "ulimit -f 20; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_mailctl"), "backup", &url])
            .arg("--to")
            .arg(&mount)
            .arg("--ca-file")
            .arg(fixture.folder.path().join("ca.pem"))
            .env("MAILCTL_PASSWORD", PASSWORD);
        run(command).await.failed_with(&["File too large"]);
        return;
    }
    let run = fixture.backup("/INBOX").await;
    let all = fixture.on_server("INBOX");
    let bodies = fixture.bodies("");
    let more_room = std::process::Command::new("mount")
        .args(["-o", "remount,size=20m"])
        .arg(&mount)
        .status()
        .is_ok_and(|status| status.success());
    let again = fixture.backup("/INBOX").await;
    let at_last = fixture.bodies("");
    let unmounted =
        std::process::Command::new("umount").arg(&mount).status().is_ok_and(|status| status.success());
    run.failed_with(&["disk is full", "mail/"]);
    assert!(!bodies.is_empty() && bodies.iter().all(|body| all.binary_search(body).is_ok()));
    assert!(more_room && unmounted);
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(at_last == all);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beyond_a_limit_are_an_error_like_any_other() {
    let fixture = Fixture::start(alice().messages("INBOX", [vec![b'x'; 100_000]])).await;
    let url = fixture.url("/INBOX");
    let mut command = std::process::Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -f 20; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_mailctl"),
            "backup",
            &url,
            "--to",
        ])
        .arg(fixture.to())
        .arg("--ca-file")
        .arg(fixture.folder.path().join("ca.pem"))
        .env("MAILCTL_PASSWORD", PASSWORD);
    run(command).await.failed_with(&["write", "File too large"]);
    assert!(fixture.files("").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_cannot_be_read_is_never_begun_anew() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one"])).await;
    fixture.back_up("").await;
    let state = fixture.to().join(".mailctl/state");
    let good = fs::read_to_string(&state).unwrap();
    fs::write(&state, good.replace("\"done\":\"1\"", "\"done\":\"1:2\"")).unwrap();
    fixture.backup("").await.failed_with(&[".mailctl/state", "checksum"]);
    fs::write(&state, good).unwrap();
    fixture.back_up("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_of_another_user_is_not_mixed_in() {
    let fixture =
        Fixture::start(alice().messages("INBOX", ["one"]).user("bob", PASSWORD).messages("INBOX", ["two"]))
            .await;
    fixture.back_up("").await;
    let mut command = mailctl(&["backup", &fixture.url("").replace("alice", "bob")]);
    command.arg("--to").arg(fixture.to()).arg("--ca-file").arg(fixture.folder.path().join("ca.pem"));
    run(command).await.failed_with(&["alice", "bob"]);
    assert_eq!(fixture.bodies(""), [b"one"]);
}

#[tokio::test]
async fn usage_errors_are_2_and_show_no_password() {
    let to = tempfile::tempdir().unwrap();
    let to = to.path().to_str().unwrap();
    for args in [
        &["backup"][..],
        &["backup", "imaps://alice@host/INBOX"],
        &["backup", "imaps://alice:se cret\"\\@host/INBOX", "--to", to],
        &["backup", "imaps://alice:hunter2@host/INBOX", "--to", to],
        &["backup", "http://alice@host/INBOX", "--to", to],
        &["backup", "imaps://host/INBOX", "--to", to],
        &["backup", "imaps://alice@host:0/INBOX", "--to", to],
        &["backup", "imaps://alice@host/%zz", "--to", to],
        &["backup", "imaps://alice@host/", "--to", to, "--connections", "0"],
        &["backup", "imaps://alice@host/", "--to", to, "--timeout", "soon"],
        &["backup", "imaps://alice@host/", "--to", to, "--password", "hunter2"],
        &["mailboxes"],
        &["nonsense"],
        &[],
    ] {
        let run = run(mailctl(args)).await;
        assert_eq!(run.status, Some(2), "{args:?} {run:?}");
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
        assert!(run.stdout.is_empty());
    }
    let mut command = mailctl(&["backup", "imaps://alice@127.0.0.1:1/", "--to", to]);
    command.env_remove("MAILCTL_PASSWORD");
    let run = run(command).await;
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stderr.contains("--password-file"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_comes_from_a_file_or_a_command() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one"])).await;
    let file = fixture.folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let mut command = fixture.command("");
    command.env("MAILCTL_PASSWORD", "wrong").arg("--password-file").arg(&file);
    let from_file = run(command).await;
    assert_eq!(from_file.status, Some(0), "{from_file:?}");
    let mut command = fixture.command("");
    command.env_remove("MAILCTL_PASSWORD").arg("--password-command").arg(format!("cat '{}'", file.display()));
    let from_command = run(command).await;
    assert_eq!(from_command.status, Some(0), "{from_command:?}");
    let mut command = fixture.command("");
    command.arg("--password-command").arg("echo hunter2; exit 3");
    let failed = run(command).await;
    failed.failed_with(&["password command"]);
    assert!(!failed.stderr.contains("hunter2"));
}
