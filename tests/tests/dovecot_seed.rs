//! The seed arrives as it was sent, and the oracle reads it.

system_tests::watch_for_secrets!();

use system_tests::digest::sha256;
use system_tests::servers::dovecot;
use system_tests::{oracle, seed};

/// What Dovecot makes of a message: every line feed has a carriage return. None if there are carriage returns
/// without a line feed, some of which it drops.
fn as_given(message: &[u8]) -> Option<Vec<u8>> {
    let mut given = Vec::with_capacity(message.len());
    for (at, &byte) in message.iter().enumerate() {
        match byte {
            b'\r' if message.get(at + 1) != Some(&b'\n') => return None,
            b'\r' => {}
            b'\n' => given.extend_from_slice(b"\r\n"),
            _ => given.push(byte),
        }
    }
    Some(given)
}

#[test]
#[ignore = "needs Dovecot: cargo xtask test"]
fn the_oracle_reads_what_was_seeded() {
    const COUNT: usize = 200;
    let server = dovecot::start(&dovecot::Options::default()).unwrap();
    seed::fill(server.info(), COUNT).unwrap();
    let held = oracle::read(server.info());

    let mut names = seed::MAILBOXES.to_vec();
    names.sort_unstable();
    // Levels that exist only for the sake of those below them can't be selected, and are not listed.
    assert_eq!(held.keys().collect::<Vec<_>>(), names);

    let mut compared = 0;
    for name in names {
        let mut messages = held[name].messages.iter();
        for number in 0..COUNT {
            let mail = seed::mail(number);
            if mail.mailbox != name {
                continue;
            }
            let message = messages.next().unwrap_or_else(|| panic!("{name} lacks message {number}"));
            let flags: Vec<&str> =
                message.flags.iter().map(String::as_str).filter(|f| *f != "\\Recent").collect();
            let mut sent: Vec<&str> = mail.flags.split_whitespace().collect();
            sent.sort_unstable();
            assert_eq!(flags, sent, "{name}: message {number}");
            if let Some(given) = as_given(&mail.bytes) {
                let digest = sha256(&given[..]).unwrap();
                assert_eq!(message.sha256, digest, "{name}: message {number}");
                assert_eq!((message.octets, message.size), (given.len() as u64, given.len() as u64));
                compared += 1;
            }
        }
        if name == "INBOX" {
            assert_eq!(messages.next().map(|largest| largest.octets), Some(seed::LARGEST as u64));
        }
        assert!(messages.next().is_none(), "{name} has more than was sent");
    }
    assert!(compared > COUNT * 9 / 10, "only {compared} messages were compared");
    assert_eq!(oracle::read(server.info()), held, "reading changes something");
}
