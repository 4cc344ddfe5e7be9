//! What a backup is: every message once, whole, in its folder, whatever happened in between.

system_tests::watch_for_secrets!();

mod support;

use std::{
    fs,
    process::Stdio,
    time::{Duration, SystemTime},
};

use mail_testkit::{Action, Corpus, Endpoint, Fault, Message, Server};
use support::{Fixture, PASSWORD, USER, alice, mailctl, run};

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_every_mailbox_is_there_octet_for_octet() {
    let odd: [&[u8]; 7] = [
        b"",
        b".\r\n..\r\n",
        b"bare\nlf\rcr",
        b"\0\xff\x80",
        b"Subject: a\r\n\r\n",
        b")\r\nA1 OK done\r\n",
        b"{5}\r\n",
    ];
    let fixture = Fixture::start(
        alice()
            .messages("INBOX", Corpus::new(60, 1))
            .messages("Archive/2024", odd)
            .mailbox("Empty")
            .messages("Entw&APw-rfe/&ZeVnLA-", ["x"])
            .messages("R&-D \"q\"\\", ["y"]),
    )
    .await;
    let summary = fixture.back_up("").await;
    assert!(summary.contains("5 mailboxes") && summary.contains("69 new"), "{summary}");
    for (mailbox, folder) in [
        ("INBOX", ""),
        ("Archive/2024", ".Archive.2024"),
        ("Empty", ".Empty"),
        ("Entw&APw-rfe/&ZeVnLA-", ".Entw&APw-rfe.&ZeVnLA-"),
        ("R&-D \"q\"\\", ".R&-D \"q\"%5C"),
    ] {
        assert!(fixture.bodies(folder) == fixture.on_server(mailbox), "{mailbox}");
    }
    assert!(fixture.to().join(".Archive.2024/maildirfolder").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_dates_are_kept_and_nothing_changes_on_the_server() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    let message = |body: &'static str, flags: &[&str]| {
        Message::new(body).with_flags(flags.iter().copied()).with_internal_date(date)
    };
    let fixture = Fixture::start(alice().messages(
        "INBOX",
        [
            message("1", &["\\Seen"]),
            message("2", &[]),
            message("3", &["\\Deleted", "\\Draft", "\\Answered", "\\Flagged", "$Forwarded", "\\Seen", "x"]),
            message("4", &["NonJunk"]),
        ],
    ))
    .await;
    let account = fixture.server.account(USER).unwrap();
    let flags = || -> Vec<String> {
        account.messages("INBOX").unwrap().iter().map(|message| format!("{:?}", message.flags)).collect()
    };
    let before = flags();
    let validity = account.uid_validity("INBOX").unwrap();
    fixture.back_up("/INBOX").await;
    let name =
        |sub: &str, uid: u32, info: &str| format!("{sub}/1234567890.V{validity}U{uid}.mailctl,S=1{info}");
    let wanted =
        [name("cur", 1, ":2,S"), name("cur", 3, ":2,DFPRST"), name("new", 2, ""), name("new", 4, "")];
    let files: Vec<_> = fixture.files("").into_keys().collect();
    assert_eq!(files, wanted);
    for file in wanted {
        assert_eq!(fs::metadata(fixture.to().join(file)).unwrap().modified().unwrap(), date);
    }
    assert_eq!(flags(), before);
    for command in fixture.commands() {
        let command = command.to_ascii_uppercase();
        assert!(!command.contains("SELECT \"") && !command.starts_with("SELECT"), "{command}");
        assert!(
            !command.contains("BODY[") && !command.contains("RFC822 ") && !command.contains("STORE"),
            "{command}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_fetches_only_what_is_new() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one", "two", "three"])).await;
    let first = fixture.back_up("").await;
    assert!(first.contains("3 new") && first.contains("0 already there"), "{first}");

    let seen = fixture.commands().len();
    let second = fixture.back_up("").await;
    assert!(second.contains("0 new") && second.contains("3 already there"), "{second}");
    let commands = fixture.commands().split_off(seen);
    assert!(!commands.iter().any(|command| command.contains("BODY.PEEK")), "{commands:?}");

    let account = fixture.server.account(USER).unwrap();
    account.deliver("INBOX", "four").unwrap();
    account.expunge("INBOX", [1]).unwrap();
    let third = fixture.back_up("").await;
    assert!(third.contains("1 new") && third.contains("2 already there"), "{third}");
    assert_eq!(fixture.bodies(""), [&b"four"[..], b"one", b"three", b"two"]);

    // What the user deleted on disk is not fetched again.
    let file = fixture.files("").into_keys().next().unwrap();
    fs::remove_file(fixture.to().join(file)).unwrap();
    let fourth = fixture.back_up("").await;
    assert!(fourth.contains("0 new"), "{fourth}");
    assert_eq!(fixture.bodies("").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_that_have_nothing_new_are_not_opened() {
    let fixture = Fixture::start(
        alice().messages("INBOX", ["i"]).messages("A", ["a1", "a2"]).messages("B", ["b"]).mailbox("Empty"),
    )
    .await;
    let account = fixture.server.account(USER).unwrap();
    account.expunge("A", [2]).unwrap();
    fixture.back_up("").await;
    let mut seen = fixture.commands().len();
    let mut opened = || -> Vec<String> {
        let commands = fixture.commands();
        let new = commands[seen..]
            .iter()
            .filter_map(|command| command.split_once("EXAMINE "))
            .map(|(_, name)| name);
        let new = new.map(str::to_owned).collect();
        seen = commands.len();
        new
    };
    let second = fixture.back_up("").await;
    assert!(second.contains("4 mailboxes, 0 new, 3 already there"), "{second}");
    assert!(opened().is_empty());

    account.deliver("Empty", "e").unwrap();
    let third = fixture.back_up("").await;
    assert!(third.contains("4 mailboxes, 1 new, 3 already there"), "{third}");
    assert_eq!(opened(), ["Empty"]);

    account.recreate("B").unwrap();
    account.deliver("B", "b").unwrap();
    fs::remove_dir_all(fixture.to().join(".A")).unwrap();
    let fourth = fixture.back_up("").await;
    assert!(fourth.contains("4 mailboxes, 1 new, 3 already there"), "{fourth}");
    assert_eq!(opened(), ["A", "B"]);
    assert_eq!((fixture.bodies(".A"), fixture.bodies(".B").len()), (vec![b"a1".to_vec()], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_inbox_or_a_mailbox_that_is_named_is_the_directory_itself() {
    let fixture = Fixture::start(alice().messages("Only", ["o"])).await;
    fixture.server.account(USER).unwrap().delete("INBOX").ok();
    fixture.back_up("").await;
    assert_eq!(fixture.bodies(".Only"), [b"o"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_known_by_its_files_when_the_state_is_lost() {
    let fixture = Fixture::start(alice().messages("INBOX", ["one", "two", "two"])).await;
    fixture.back_up("").await;
    let before = fixture.files("");
    fs::remove_dir_all(fixture.to().join(".mailctl")).unwrap();
    let again = fixture.back_up("").await;
    assert!(again.contains("0 new") && again.contains("3 already there"), "{again}");
    assert_eq!(fixture.files(""), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_keeps_what_is_there_and_adds_what_is_not() {
    let fixture = Fixture::start(alice().messages("INBOX", ["same", "same", "other", ""])).await;
    fixture.back_up("").await;
    let before = fixture.files("");

    let account = fixture.server.account(USER).unwrap();
    account.recreate("INBOX").unwrap();
    // Under other UIDs, in another order, with one copy more and one message gone.
    for body in ["filler", "same", "new", "same", "", "same"] {
        account.deliver("INBOX", body).unwrap();
    }
    account.expunge("INBOX", [1]).unwrap();
    let second = fixture.back_up("").await;
    assert!(second.contains("2 new") && second.contains("3 already there"), "{second}");
    let after = fixture.files("");
    assert!(before.iter().all(|file| after.contains_key(file.0)));
    assert_eq!(fixture.bodies(""), [&b""[..], b"new", b"other", b"same", b"same", b"same"]);

    let third = fixture.back_up("").await;
    assert!(third.contains("0 new") && third.contains("5 already there"), "{third}");
    assert_eq!(fixture.files(""), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_vanished_is_gone_and_not_empty() {
    let fixture = Fixture::start(
        alice().messages("INBOX", ["one", "two", "", "four"]).fault(Fault::nil_body(2).always()),
    )
    .await;
    let summary = fixture.back_up("").await;
    assert!(summary.contains("3 new") && summary.contains("1 gone"), "{summary}");
    assert_eq!(fixture.bodies(""), [&b""[..], b"four", b"one"]);
    // It is asked for again, in case it was there after all.
    fixture.server.clear_faults();
    let summary = fixture.back_up("").await;
    assert!(summary.contains("1 new") && summary.contains("0 gone"), "{summary}");
    assert_eq!(fixture.bodies("").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_died_is_taken_up_where_it_was() {
    let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(200, 3))).await;
    let all = fixture.on_server("INBOX");
    let mut stored = 0;
    for runs in 1.. {
        // It hangs up at the third fetch of bodies or so, for good, and breaks a body off before.
        fixture.server.clear_faults();
        fixture.server.add_fault(Fault::cut_after_sent(1_000_000));
        fixture.server.add_fault(Fault::on_command("UID FETCH", Action::Cut).nth(6).always());
        let run = fixture.backup("/INBOX").await;
        let bodies = fixture.bodies("");
        assert!(bodies.iter().all(|body| all.binary_search(body).is_ok()));
        if run.status == Some(0) {
            assert!(runs > 2);
            break;
        }
        run.failed_with(&["INBOX"]);
        assert!(bodies.len() > stored, "{run:?}");
        assert!(run.stdout.contains(&format!("{} new", bodies.len() - stored)), "{run:?}");
        stored = bodies.len();
    }
    assert!(fixture.bodies("") == all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_taken_up_where_it_was() {
    let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(300, 4)).bandwidth(4_000_000)).await;
    for fetches in [3, 6, 9] {
        let mut command = fixture.command("/INBOX");
        command.arg("-vvv").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = support::fetched(command.spawn().unwrap(), fetches).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(fs::read_dir(fixture.to().join("new")).unwrap().count() > 0);
    fixture.back_up("/INBOX").await;
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_commits_what_it_has() {
    let fixture = Fixture::start(alice().messages("INBOX", Corpus::new(300, 5)).bandwidth(1_000_000)).await;
    let mut command = fixture.command("/INBOX");
    command.arg("-vvv").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = support::fetched(command.spawn().unwrap(), 6).await;
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = support::finish(child).await;
    assert_eq!(run.status, Some(130), "{run:?}");
    let stored = fixture.files("").len();
    let state = fs::read_to_string(fixture.to().join(".mailctl/state")).unwrap();
    assert!(!state.contains("\"done\":\"\""), "{state}");
    let summary = fixture.back_up("/INBOX").await;
    assert!(summary.contains(&format!("{} new", 300 - stored)), "{stored}: {summary}");
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_inside_and_apart() {
    let names: [&[u8]; 16] = [
        b"../x",
        b"..",
        b".",
        b"/",
        b"~",
        b"~/x",
        b"cur",
        b"new/tmp",
        b"mailctl",
        b"a&b",
        b"a&-b",
        b"Case",
        b"case",
        b"\xff\xfe",
        b"C:\\x",
        b"%2E",
    ];
    let mut server = alice().messages("INBOX", ["inbox"]);
    for name in names {
        server = server.messages(name, [name.to_vec()]);
    }
    let fixture = Fixture::start(server).await;
    fixture.back_up("").await;
    let mut found = Vec::new();
    for entry in fs::read_dir(fixture.to()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with('.') && name != ".mailctl" {
            let bodies = fixture.bodies(&name);
            assert_eq!(bodies.len(), 1, "{name}");
            found.extend(bodies);
        }
    }
    found.sort();
    let mut wanted: Vec<_> = names.map(<[u8]>::to_vec).into();
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(fixture.bodies(""), [b"inbox"]);
    assert!(fixture.to().join(".%2E%2E.x").is_dir());
    // Nothing beside the directory.
    let mut beside: Vec<_> =
        fs::read_dir(fixture.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["ca.pem", "mail"]);
    // And again with what the state remembers.
    assert!(fixture.back_up("").await.contains("0 new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_connections_than_asked_for_are_enough() {
    let fixture = Fixture::start(
        alice()
            .messages("INBOX", Corpus::new(300, 6))
            .max_connections_per_user(3)
            .latency(Duration::from_millis(5)),
    )
    .await;
    fixture.back_up("").await;
    assert!(fixture.bodies("") == fixture.on_server("INBOX"));
    assert!(fixture.server.report().connections.peak <= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_and_plaintext_are_what_they_say() {
    let server = alice().messages("INBOX", ["one"]).start().await.unwrap();
    let fixture = Fixture::around(server);
    let url = |endpoint| format!("imap://{USER}@{}/INBOX", fixture.server.address(endpoint));
    let backup = |endpoint, folder: &str, plaintext: bool| {
        let mut command = mailctl(&["backup", &url(endpoint)]);
        command.arg("--to").arg(fixture.folder.path().join(folder));
        command.arg("--ca-file").arg(fixture.folder.path().join("ca.pem"));
        if plaintext {
            command.arg("--allow-plaintext");
        }
        run(command)
    };
    let starttls = backup(Endpoint::ImapStartTls, "a", false).await;
    assert_eq!(starttls.status, Some(0), "{starttls:?}");
    // A server without STARTTLS gets no password unless told.
    let refused = backup(Endpoint::ImapPlain, "b", false).await;
    refused.failed_with(&["STARTTLS"]);
    let commands = fixture.commands();
    assert_eq!(commands.last().map(String::as_str), Some("A1 STARTTLS"), "{commands:?}");
    let plain = backup(Endpoint::ImapPlain, "c", true).await;
    assert_eq!(plain.status, Some(0), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_users_come_percent_encoded() {
    let server = Server::builder()
        .user("ü@example.org", PASSWORD)
        .messages("Entw&APw-rfe/a b", ["one"])
        .start()
        .await
        .unwrap();
    let fixture = Fixture::around(server);
    let address = fixture.server.address(Endpoint::ImapTls);
    let url = format!("imaps://%C3%BC%40example.org@{address}/Entw%C3%BCrfe/a%20b");
    let mut command = mailctl(&["backup", &url]);
    command.arg("--to").arg(fixture.to()).arg("--ca-file").arg(fixture.folder.path().join("ca.pem"));
    let run = run(command).await;
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(fixture.bodies(""), [b"one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_listed_with_counts_and_sizes() {
    for hidden in [None, Some("STATUS=SIZE")] {
        let mut server =
            alice().messages("INBOX", ["12345", "123"]).messages("&AOk-", ["1"]).mailbox("Empty");
        if let Some(capability) = hidden {
            server = server.without_capability(capability);
        }
        let fixture = Fixture::start(server).await;
        let list = |json: bool| {
            let mut command = mailctl(&["mailboxes", &fixture.url("")]);
            command.arg("--ca-file").arg(fixture.folder.path().join("ca.pem"));
            if json {
                command.arg("--json");
            }
            run(command)
        };
        let listed = list(true).await;
        assert_eq!(listed.status, Some(0), "{listed:?}");
        let mut rows: Vec<_> = listed
            .stdout
            .lines()
            .map(|line| {
                let row: serde_json::Value = serde_json::from_str(line).unwrap();
                (row["name"].as_str().unwrap().to_owned(), row["messages"].as_u64(), row["size"].as_u64())
            })
            .collect();
        rows.sort();
        let row = |name: &str, messages, size| (name.to_owned(), Some(messages), Some(size));
        assert_eq!(rows, [row("Empty", 0, 0), row("INBOX", 2, 8), row("é", 1, 1)]);
        let table = list(false).await.stdout;
        assert!(
            table.lines().any(|line| line.contains("INBOX") && line.contains('2') && line.contains("8 B")),
            "{table}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_that_cannot_be_read_does_not_stop_the_others() {
    let fixture = Fixture::start(
        alice()
            .messages("A", ["a"])
            .messages("B", ["b"])
            .messages("INBOX", ["i"])
            .fault(Fault::on_command("EXAMINE", Action::No("[NOPERM] not yours".into())).nth(2)),
    )
    .await;
    let run = fixture.backup("").await;
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains("not yours"), "{run:?}");
    assert!(run.stdout.contains("2 new"), "{run:?}");
}
