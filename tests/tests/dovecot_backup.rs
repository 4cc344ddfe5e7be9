//! `mailctl backup` of a Dovecot full of awkward mail: every octet arrives, and nothing on the server changes.

system_tests::watch_for_secrets!();

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use system_tests::mailctl::{self, Ran};
use system_tests::maildir::{self, Folders};
use system_tests::oracle::{self, Mailboxes};
use system_tests::seed;
use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::dovecot_log;
use system_tests::servers::{Info, Server};

const MESSAGES: usize = 1_100;
const DEADLINE: Duration = Duration::from_secs(300);
const CONNECTIONS: &str = "8";

/// What `mailctl backup` may have resident at most, with a message of 50 MB among the mail.
const MOST_MEMORY: u64 = 40_000_000;

fn filled(options: &Options) -> Server {
    let server = dovecot::start(options).unwrap();
    seed::fill(server.info(), MESSAGES).unwrap();
    server
}

fn backup(server: &Info, path: &str, to: &Path) -> Ran {
    backup_killed_after(DEADLINE, server, path, to)
}

fn backup_killed_after(deadline: Duration, server: &Info, path: &str, to: &Path) -> Ran {
    mailctl::run(
        &[
            "backup",
            &format!("imaps://{}@127.0.0.1:{}{path}", server.user, server.ports["imaps"]),
            "--to",
            to.to_str().unwrap(),
            "--connections",
            CONNECTIONS,
            "--ca-file",
            server.ca_file.to_str().unwrap(),
        ],
        &server.password,
        deadline,
    )
}

/// The Maildir++ that the mailboxes make.
fn expected(mailboxes: &Mailboxes) -> Folders {
    let mut folders = Folders::new();
    for (name, mailbox) in mailboxes {
        let mut messages: Vec<_> = mailbox
            .messages
            .iter()
            .map(|message| maildir::Message {
                sha256: message.sha256.clone(),
                flags: letters(&message.flags),
            })
            .collect();
        messages.sort();
        folders.insert(folder(name, mailbox.separator.as_deref()), messages);
    }
    folders
}

/// INBOX is the directory itself, `a/b` is `.a.b`; what would mislead in a file's name is `%XX`.
fn folder(name: &str, separator: Option<&str>) -> String {
    if name == "INBOX" {
        return String::new();
    }
    let level = |level: &str| {
        let mut escaped = String::new();
        for (at, c) in level.chars().enumerate() {
            if "./\\%:".contains(c) || c.is_control() || (at == 0 && c == '~') {
                escaped += &format!("%{:02X}", u32::from(c));
            } else {
                escaped.push(c);
            }
        }
        escaped
    };
    name.split(separator.unwrap_or("\0")).map(|part| format!(".{}", level(part))).collect()
}

/// The letters of a file's name in `cur`, in their order; None for a message without flags, which lies in `new`.
fn letters(flags: &[String]) -> Option<String> {
    let letters =
        [("\\Draft", 'D'), ("\\Flagged", 'F'), ("\\Answered", 'R'), ("\\Seen", 'S'), ("\\Deleted", 'T')];
    let set = letters.iter().filter(|(flag, _)| flags.iter().any(|set| set == flag));
    let set: String = set.map(|(_, letter)| letter).collect();
    (!set.is_empty()).then_some(set)
}

/// Compares folder by folder, so that a failure shows which message differs and not all thousand.
fn assert_same(found: &Folders, expected: &Folders) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (folder, expected) in expected {
        let found = &found[folder];
        let lacking: Vec<_> = expected.iter().filter(|message| !found.contains(message)).collect();
        let strange: Vec<_> = found.iter().filter(|message| !expected.contains(message)).collect();
        assert!(lacking.is_empty() && strange.is_empty(), "{folder:?}\nlacks {lacking:?}\nhas {strange:?}");
        assert_eq!(found, expected, "{folder:?} has another number of equal messages");
    }
}

fn assert_succeeded(ran: &Ran) {
    assert_eq!(ran.exit, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.peak_bytes < MOST_MEMORY, "{} bytes were resident", ran.peak_bytes);
    println!("peak memory {:.1} MB\n{}{}", ran.peak_bytes as f64 / 1e6, ran.stdout, ran.stderr);
}

/// Every file with its size and when it was written.
fn files(dir: &Path) -> BTreeMap<std::path::PathBuf, (u64, std::time::SystemTime)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if !metadata.is_dir() {
                files.insert(path, (metadata.len(), metadata.modified().unwrap()));
            } else if !path.ends_with(".mailctl") {
                folders.push(path);
            }
        }
    }
    files
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn every_octet_arrives_and_a_second_run_fetches_nothing() {
    let server = filled(&Options::default());
    let server = server.info();
    let held = oracle::read(server);
    let total: usize = held.values().map(|mailbox| mailbox.messages.len()).sum();
    assert_eq!(total, MESSAGES + 1);

    let dir = tempfile::tempdir().unwrap();
    let given_before = dovecot_log::read(server).bodies;
    assert_succeeded(&backup(server, "", dir.path()));
    assert_same(&maildir::read(dir.path()).unwrap(), &expected(&held));
    // A large body may come in parts, but nothing comes twice.
    let given = dovecot_log::read(server).bodies - given_before;
    assert!(given >= MESSAGES as u64, "{given}");

    assert_eq!(oracle::read(server), held, "the backup changed something on the server");

    let before = (files(dir.path()), dovecot_log::read(server).bodies);
    assert_succeeded(&backup(server, "", dir.path()));
    assert_eq!(
        (files(dir.path()), dovecot_log::read(server).bodies),
        before,
        "the second run fetched something"
    );
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn runs_that_are_killed_lose_nothing_and_leave_nothing_twice() {
    let server = filled(&Options::default());
    let server = server.info();
    let held = oracle::read(server);
    let dir = tempfile::tempdir().unwrap();
    let mut stages = Vec::new();
    // By a factor, so that a slow machine gets there in time too.
    for length in std::iter::successors(Some(Duration::from_millis(60)), |length| Some(*length * 5 / 4)) {
        let ran = backup_killed_after(length, server, "", dir.path());
        stages.push(files(dir.path()).len());
        if ran.exit == 0 {
            break;
        }
        assert_eq!(ran.exit, -9, "{ran:?}");
    }
    stages.dedup();
    assert!(stages.len() > 2, "no run was killed amid its work: {stages:?} files");
    assert_succeeded(&backup(server, "", dir.path()));
    assert_same(&maildir::read(dir.path()).unwrap(), &expected(&held));
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn it_completes_where_the_server_lets_in_half_of_the_connections() {
    let mut options = Options::default();
    options.max_userip_connections = Some(4);
    let server = filled(&options);
    let held = oracle::read(server.info());
    // The work may be done before a fifth connection was tried.
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        assert_succeeded(&backup(server.info(), "", dir.path()));
        assert_same(&maildir::read(dir.path()).unwrap(), &expected(&held));
        if dovecot_log::read(server.info()).over_the_limit > 0 {
            break;
        }
    }
    assert!(dovecot_log::read(server.info()).over_the_limit > 0, "the limit was never reached");
    assert_eq!(oracle::read(server.info()), held, "the backup changed something on the server");
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn what_cannot_be_done_is_said_in_a_line() {
    let server = dovecot::start(&Options::default()).unwrap();
    seed::fill(server.info(), 16).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("mail");
    let fails = |server: &Info, path: &str, says: &[&str]| {
        let ran = backup(server, path, &to);
        assert_eq!(ran.exit, 1, "{ran:?}");
        let error = ran.stderr.to_lowercase();
        assert!(says.iter().any(|word| error.contains(word)), "{says:?} is not in {error}");
        assert!(!error.contains("panicked"), "{error}");
        assert!(!error.contains(&server.password), "the password is printed");
        assert!(!to.exists() || maildir::read(&to).map_or(0, |folders| folders[""].len()) == 0);
    };
    let mut wrong_password = server.info().clone();
    wrong_password.password = "not-the-password".to_owned();
    fails(&wrong_password, "", &["password", "credentials", "authentication"]);
    fails(server.info(), "/No%20such", &["no such", "doesn't exist", "does not exist", "isn't there"]);
    let other = dovecot::start(&Options::default()).unwrap();
    let mut untrusted = server.info().clone();
    untrusted.ca_file = other.info().ca_file.clone();
    fails(&untrusted, "", &["certificate"]);
    let gone = other.info().clone();
    // A copy, because the folder goes with the server.
    let mut refused = gone;
    refused.ca_file = server.info().ca_file.clone();
    other.stop().unwrap();
    fails(&refused, "", &["refused"]);

    // One mailbox, named in percent-encoded UTF-8, is the directory itself.
    let ran = backup(server.info(), "/%C3%A9t%C3%A9", &to);
    assert_succeeded(&ran);
    let held = &oracle::read(server.info())["&AOk-t&AOk-"];
    let found = maildir::read(&to).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), [""]);
    assert_eq!(found[""].len(), held.messages.len());
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn mailboxes_are_listed_with_their_counts_and_sizes() {
    let server = dovecot::start(&Options::default()).unwrap();
    let server = server.info();
    seed::fill(server, 100).unwrap();
    let ran = mailctl::run(
        &[
            "mailboxes",
            &format!("imaps://{}@127.0.0.1:{}", server.user, server.ports["imaps"]),
            "--json",
            "--ca-file",
            server.ca_file.to_str().unwrap(),
        ],
        &server.password,
        DEADLINE,
    );
    assert_succeeded(&ran);
    let mut listed: Vec<(u64, u64)> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| Some((line["messages"].as_u64()?, line["size"].as_u64()?)))
        .collect();
    listed.sort_unstable();
    let held = oracle::read(server);
    let sizes = |mailbox: &oracle::Mailbox| mailbox.messages.iter().map(|message| message.size).sum();
    let mut held: Vec<(u64, u64)> = held.values().map(|m| (m.messages.len() as u64, sizes(m))).collect();
    held.sort_unstable();
    assert_eq!(listed, held);
    for name in ["\u{e9}t\u{e9}", "\u{65e5}\u{672c}/\u{6771}\u{4eac}", "A&B", "R&D/Entw\u{fc}rfe & Skizzen"] {
        assert!(ran.stdout.contains(&serde_json::json!(name).to_string()), "{name} is not in {}", ran.stdout);
    }
}
