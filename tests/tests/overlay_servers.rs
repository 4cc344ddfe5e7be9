//! Cyrus and Courier, started as throw-away servers beside the machine, take a login by each way in, keep a message,
//! have the limit that was chosen, and leave nothing behind.

system_tests::watch_for_secrets!();

mod victim;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use system_tests::servers::{Info, Options, Server, courier, cyrus};

/// Logs in by Python's imaplib and poplib, in the clear, by STARTTLS and under TLS; stores a message, and reads it by both
/// protocols.
fn use_by_python(server: &Info) -> Value {
    let mut python = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/tour.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let wanted = json!({
        "ports": server.ports, "ca_file": server.ca_file, "user": server.user, "password": server.password,
    });
    python.stdin.take().unwrap().write_all(wanted.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let log = || fs::read_to_string(server.log_file()).unwrap();
    assert!(output.status.success(), "Python failed; the server's log:\n{}", log());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A connection that has sent LOGIN, and the tagged answer to it; none if the server closed instead.
fn log_in(server: &Info) -> (BufReader<TcpStream>, Option<String>) {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", server.ports["imap"])).unwrap());
    // One that is refused may be closed by now.
    let _ = write!(connection.get_mut(), "a LOGIN {} {}\r\n", server.user, server.password);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).unwrap_or(0) == 0 {
            return (connection, None);
        }
        if line.starts_with("a ") {
            return (connection, Some(line));
        }
    }
}

/// Stops it, and looks for what it left.
fn stop(server: Server) {
    let info = server.info().clone();
    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap();
    let before = mounts();
    assert_eq!(Info::read(&info.dir).unwrap(), info);
    let (mut open, answer) = log_in(&info);
    assert!(answer.unwrap().starts_with("a OK "));
    server.stop().unwrap();
    assert!(!info.is_running());
    assert!(!info.dir.exists());
    let mut rest = String::new();
    while open.read_line(&mut rest).is_ok_and(|n| n > 0) {}
    for port in info.ports.values() {
        assert!(TcpStream::connect(("127.0.0.1", *port)).is_err(), "{port} is still open");
    }
    assert_eq!(mounts(), before, "a mount is left");
}

fn two() -> Options {
    let mut options = Options::default();
    options.max_connections = Some(2);
    options
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn cyrus_is_started_used_and_stopped() {
    let server = cyrus::start(&Options::default()).unwrap();
    let seen = use_by_python(server.info());
    assert_eq!(seen["mailboxes"], json!(["Archive", "INBOX"]));
    for capability in ["CONDSTORE", "QRESYNC", "OBJECTID", "MULTIAPPEND", "METADATA"] {
        assert!(seen["capabilities"].as_array().unwrap().contains(&json!(capability)), "{seen}");
    }
    assert!(server.info().version.starts_with("3."), "{:?}", server.info());
    stop(server);
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn courier_is_started_used_and_stopped() {
    let server = courier::start(&Options::default()).unwrap();
    let seen = use_by_python(server.info());
    assert_eq!(seen["mailboxes"], json!(["INBOX"]));
    for capability in ["UIDPLUS", "SORT", "ACL", "QUOTA"] {
        assert!(seen["capabilities"].as_array().unwrap().contains(&json!(capability)), "{seen}");
    }
    assert!(server.info().dir.join("mail/tester/Maildir/cur").exists());
    stop(server);
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn cyrus_refuses_the_login_that_is_one_too_many() {
    let server = cyrus::start(&two()).unwrap();
    let open = [log_in(server.info()), log_in(server.info())];
    assert!(open.iter().all(|(_, answer)| answer.as_ref().is_some_and(|answer| answer.starts_with("a OK "))));
    let (_, refused) = log_in(server.info());
    assert!(refused.as_ref().is_some_and(|answer| answer.starts_with("a NO ")), "{refused:?}");
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn courier_closes_the_connection_that_is_one_too_many() {
    let server = courier::start(&two()).unwrap();
    let open = [log_in(server.info()), log_in(server.info())];
    assert!(open.iter().all(|(_, answer)| answer.as_ref().is_some_and(|answer| answer.starts_with("a OK "))));
    let (_, refused) = log_in(server.info());
    assert_eq!(refused, None);
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn a_server_in_an_overlay_goes_with_its_program_even_if_that_is_killed() {
    let test = "a_server_in_an_overlay_goes_with_its_program_even_if_that_is_killed";
    victim::nothing_is_left_of_its_server(test, || courier::start(&Options::default()).unwrap());
}
