//! A throw-away Dovecot is one's own: its port, its limit, its folder.

system_tests::watch_for_secrets!();

mod victim;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use system_tests::servers::dovecot::{self, Options};
use system_tests::servers::{Info, Server};
use system_tests::wire::Wire;

/// A connection that has sent LOGIN, and the tagged answer to it.
fn log_in(info: &Info) -> (BufReader<TcpStream>, String) {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", info.ports["imap"])).unwrap());
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    assert!(line.starts_with("* OK "), "{line}");
    write!(connection.get_mut(), "a LOGIN {} {}\r\n", info.user, info.password).unwrap();
    loop {
        line.clear();
        assert_ne!(connection.read_line(&mut line).unwrap(), 0, "closed before LOGIN was answered");
        if line.starts_with("a ") {
            return (connection, line);
        }
    }
}

fn with_limit(limit: u32) -> Server {
    let mut options = Options::default();
    options.max_userip_connections = Some(limit);
    dovecot::start(&options).unwrap()
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn two_servers_stand_side_by_side_each_with_its_limit() {
    for (server, limit) in [(with_limit(1), 1), (with_limit(3), 3)] {
        let open: Vec<_> = (0..limit).map(|_| log_in(server.info())).collect();
        for (_, answer) in &open {
            assert!(answer.starts_with("a OK "), "{answer}");
        }
        let (_, refused) = log_in(server.info());
        assert!(refused.starts_with("a NO [LIMIT] "), "{refused}");
    }
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn a_stopped_server_leaves_nothing() {
    let (one, other) = (with_limit(10), with_limit(10));
    let info = one.info().clone();
    let (mut connection, _) = log_in(&info);
    one.stop().unwrap();
    assert!(!info.is_running());
    assert!(!info.dir.exists());
    let mut rest = String::new();
    while connection.read_line(&mut rest).is_ok_and(|n| n > 0) {}
    assert!(TcpStream::connect(("127.0.0.1", info.ports["imap"])).is_err());
    assert!(log_in(other.info()).1.starts_with("a OK "), "the other one went too");
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn the_description_beside_a_server_is_enough_to_stop_it() {
    let server = dovecot::start(&Options::default()).unwrap();
    let dir = server.info().dir.clone();
    let info = server.detach();
    let read = Info::read(&dir).unwrap();
    assert_eq!(read, info);
    assert!(read.is_running());
    read.stop().unwrap();
    assert!(!read.is_running());
    assert!(!dir.exists());
    read.stop().unwrap();
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn a_server_goes_with_its_program_even_if_that_is_killed() {
    let test = "a_server_goes_with_its_program_even_if_that_is_killed";
    victim::nothing_is_left_of_its_server(test, || dovecot::start(&Options::default()).unwrap());
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn a_restarted_server_is_another_process_on_the_same_ports_with_the_same_mail() {
    let mut server = dovecot::start(&Options::default()).unwrap();
    let before = server.info().clone();
    let mut wire = Wire::log_in(&before).unwrap();
    wire.append("INBOX", "", "05-Feb-2026 12:00:00 +0000", b"Subject: x\r\n\r\n").unwrap();
    wire.answers().unwrap();
    server.restart().unwrap();
    let info = server.info();
    assert!(!before.is_running() && info.is_running());
    assert_eq!((&before.ports, &before.password), (&info.ports, &info.password));
    assert_eq!(Info::read(&info.dir).unwrap(), *info);
    assert!(wire.command(b"NOOP").is_err(), "the connection outlived the restart");
    let told = Wire::log_in(info).unwrap().command(b"EXAMINE INBOX").unwrap();
    assert!(told.contains(&b"* 1 EXISTS".to_vec()), "{told:?}");
    let dir = info.dir.clone();
    drop(server);
    assert!(!dir.exists());
}
