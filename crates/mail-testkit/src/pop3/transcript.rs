//! Commands as the report shows them.

use mail_proto::pop3::Command;

use crate::transcript::printable;

/// The command's name in capitals; empty if there is none.
pub(super) fn name(line: &[u8]) -> String {
    let name = line.split(|octet| matches!(octet, b' ' | b'\r' | b'\n')).next().unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_uppercase()
}

/// The command without its line end and its secrets; `command` is what it was read as, if it could be read.
pub(super) fn text(line: &[u8], command: Option<&Command>) -> String {
    let line = line.trim_ascii_end();
    let words =
        |count| line.splitn(count + 1, |octet| *octet == b' ').take(count).collect::<Vec<_>>().join(&b' ');
    let shown = match command {
        Some(Command::Pass(_)) => [&words(1), &b" ***"[..]].concat(),
        Some(Command::Apop { .. } | Command::Auth { initial: Some(_), .. }) => {
            [&words(2), &b" ***"[..]].concat()
        }
        // It may be anything but readable, and a password all the same.
        None if matches!(name(line).as_str(), "PASS" | "APOP" | "AUTH") => [&words(1), &b" ***"[..]].concat(),
        _ => line.to_vec(),
    };
    printable(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for (line, shown) in [
            ("PASS  a b\r\n", "PASS ***"),
            ("pass\r\n", "pass ***"),
            ("APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n", "APOP alice ***"),
            ("APOP alice x y\r\n", "APOP ***"),
            ("AUTH PLAIN AGEAYg==\r\n", "AUTH PLAIN ***"),
            ("AUTH PLAIN !\r\n", "AUTH ***"),
            ("AUTH PLAIN\r\n", "AUTH PLAIN"),
            ("RETR 1\r\n", "RETR 1"),
        ] {
            let command = Command::parse(line).ok();
            assert_eq!(text(line.as_bytes(), command.as_ref()), shown);
        }
    }
}
