//! Commands as the report shows them.

use mail_proto::smtp::Command;

use crate::transcript::printable;

/// Those that the server knows, or knows of.
pub(super) const COMMANDS: [&str; 13] = [
    "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "HELP",
    "QUIT",
];

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
        Some(Command::Auth { initial: Some(_), .. }) => [&words(2), &b" ***"[..]].concat(),
        // It may be anything but readable, and a password all the same.
        None if name(line) == "AUTH" => [&words(1), &b" ***"[..]].concat(),
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
            ("AUTH PLAIN AGEAYg==\r\n", "AUTH PLAIN ***"),
            ("auth plain =\r\n", "auth plain ***"),
            ("AUTH PLAIN secret!\r\n", "AUTH ***"),
            ("AUTH LOGIN\r\n", "AUTH LOGIN"),
            ("MAIL FROM:<a@b> SIZE=1\r\n", "MAIL FROM:<a@b> SIZE=1"),
        ] {
            assert_eq!(text(line.as_bytes(), Command::parse(line).ok().as_ref()), shown);
        }
    }
}
