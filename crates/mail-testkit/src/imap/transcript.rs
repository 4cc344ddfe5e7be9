//! Commands as the report shows them.

use mail_proto::imap::Command;

use crate::transcript::printable;

/// The command's name in capitals, with `UID` before it if it stood there; empty if there is none.
pub(super) fn name(frame: &[u8]) -> String {
    let mut words = frame.split(|octet| matches!(octet, b' ' | b'\r' | b'\n')).skip(1);
    let mut name = words.next().unwrap_or_default().to_ascii_uppercase();
    if name == b"UID" {
        name.push(b' ');
        name.extend(words.next().unwrap_or_default().to_ascii_uppercase());
    }
    String::from_utf8_lossy(&name).into_owned()
}

/// The command without its line end and its secrets; `command` is what it was read as, if it could be read.
pub(super) fn text(frame: &[u8], command: Option<&Command>) -> String {
    let words =
        |count| frame.splitn(count + 1, |octet| *octet == b' ').take(count).collect::<Vec<_>>().join(&b' ');
    let shown = match command {
        Some(Command::Login { user, .. }) => [&words(2), &b" "[..], user, b" ***"].concat(),
        Some(Command::Authenticate { initial: Some(_), .. }) => [&words(3), &b" ***"[..]].concat(),
        // It may be anything but readable, and a password all the same.
        None if matches!(name(frame).as_str(), "LOGIN" | "AUTHENTICATE") => {
            [&words(2), &b" ***"[..]].concat()
        }
        Some(Command::Append { .. } | Command::Replace { .. }) => {
            let end = frame.windows(3).position(|three| three == b"}\r\n").map_or(frame.len(), |at| at + 1);
            frame[..end].to_vec()
        }
        _ => frame.trim_ascii_end().to_vec(),
    };
    printable(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_capitals_and_know_uid() {
        assert_eq!(name(b"a1 uid fetch 1 UID\r\n"), "UID FETCH");
        assert_eq!(name(b"a1 noop\r\n"), "NOOP");
        assert_eq!(name(b"a1\r\n"), "");
    }

    #[test]
    fn a_login_that_can_t_be_read_is_not_shown_either() {
        assert_eq!(text(b"a login alice {3}x secret\r\n", None), "a login ***");
        assert_eq!(text(b"a NOOP now\r\n", None), "a NOOP now");
    }
}
