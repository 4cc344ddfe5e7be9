//! Mail to fill a server with: what is awkward about mail, a thousand times over, always the same.

use std::io;

use crate::servers::Info;
use crate::wire::{Wire, quoted};

/// Mailboxes, named as on the wire (modified UTF-7), with `/` between levels.
pub const MAILBOXES: [&str; 14] = [
    "INBOX",
    "&AOk-t&AOk-",                  // été
    "&ZeVnLA-/&Z3FOrA-",            // 日本/東京
    "A&-B",                         // A&B
    "R&-D/Entw&APw-rfe &- Skizzen", // R&D/Entwürfe & Skizzen
    "say \"hi\"",
    "back\\slash",
    "Archive/2024/01.02",
    "50% off",
    "12:30",
    "INBOX/Sub",
    "two  spaces",
    "%2E",
    "Empty",
];

/// Bytes of the largest message.
pub const LARGEST: usize = 50 << 20;

/// How many APPENDs are on their way at a time.
const WINDOW: usize = 50;

/// A message and where it goes.
#[derive(Debug)]
pub struct Mail {
    /// One of [`MAILBOXES`].
    pub mailbox: &'static str,
    /// Flags with spaces between.
    pub flags: &'static str,
    /// INTERNALDATE.
    pub date: String,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Creates the mailboxes and appends `count` messages and the largest one.
///
/// # Errors
/// The connection fails, or the server refuses something.
pub fn fill(server: &Info, count: usize) -> io::Result<()> {
    let mut wire = Wire::log_in(server)?;
    for mailbox in &MAILBOXES[1..] {
        wire.command(format!("CREATE {}", quoted(mailbox)).as_bytes())?;
    }
    for (sent, mail) in (0..count).map(mail).enumerate() {
        wire.append(mail.mailbox, mail.flags, &mail.date, &mail.bytes)?;
        if sent % WINDOW == 0 {
            wire.answers()?;
        }
    }
    wire.answers()?;
    wire.append("INBOX", "\\Seen", "01-Feb-2024 00:00:00 +0000", &largest())?;
    wire.answers()?;
    wire.command(b"LOGOUT").map(drop)
}

/// The message with this number. Two of them may be equal.
pub fn mail(number: usize) -> Mail {
    const FLAGS: [&str; 8] = [
        "",
        "\\Seen",
        "\\Seen \\Answered",
        "\\Flagged",
        "",
        "\\Draft \\Seen",
        "\\Deleted",
        "\\Seen \\Answered \\Flagged \\Draft \\Deleted",
    ];
    // Most go to INBOX; the last mailbox stays empty.
    let others = MAILBOXES.len() - 2;
    let mailbox = if number.is_multiple_of(3) { MAILBOXES[1 + number / 3 % others] } else { MAILBOXES[0] };
    Mail {
        mailbox,
        flags: FLAGS[number % FLAGS.len()],
        date: format!("{:2}-Jan-2024 {:02}:{:02}:07 +0100", number % 28 + 1, number % 24, number % 60),
        bytes: message(number),
    }
}

fn message(number: usize) -> Vec<u8> {
    const KINDS: [fn(usize) -> Vec<u8>; 16] = [
        encoded_headers,
        eight_bit,
        nested,
        empty_body,
        dots,
        bare_line_feeds,
        bare_carriage_returns,
        long_lines,
        no_headers,
        headers_only,
        no_last_line_end,
        looks_like_a_response,
        attachment,
        the_same_every_time,
        mbox_lines,
        line_ends_only,
    ];
    KINDS[number % KINDS.len()](number)
}

fn headers(number: usize, more: &str) -> Vec<u8> {
    format!(
        "From: Sender {number} <sender{number}@example.org>\r\nTo: tester@example.org\r\nSubject: Message {number}\r\n\
         Date: Mon, 01 Jan 2024 12:00:00 +0100\r\nMessage-ID: <{number}@example.org>\r\n{more}\r\n"
    )
    .into_bytes()
}

fn with_body(number: usize, more: &str, body: &[u8]) -> Vec<u8> {
    [&headers(number, more)[..], body].concat()
}

fn encoded_headers(number: usize) -> Vec<u8> {
    let more = "Subject: =?UTF-8?B?w4l0w6kg4oCTIOaXpeacrA==?= =?iso-8859-1?Q?gr=FC=DFe?=\r\n\
                \t=?UTF-8?Q?=F0=9F=93=AC?=\r\nX-Folded: one\r\n two\r\n\tthree\r\n";
    with_body(number, more, b"Encoded headers.\r\n")
}

fn eight_bit(number: usize) -> Vec<u8> {
    let mut body: Vec<u8> = (0x80..=0xff).collect();
    body.extend_from_slice("\r\nété 日本 📬\r\n".as_bytes());
    with_body(number, "Subject: \u{e9}t\u{e9}\r\nContent-Transfer-Encoding: 8bit\r\n", &body)
}

fn nested(number: usize) -> Vec<u8> {
    let mut inner = with_body(number, "", b"The innermost.\r\n");
    for level in 0..number % 5 + 1 {
        let more = if level % 2 == 0 {
            inner = [b"--b\r\nContent-Type: message/rfc822\r\n\r\n", &inner[..], b"\r\n--b--\r\n"].concat();
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        } else {
            "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n"
        };
        inner = with_body(number, more, &inner);
    }
    inner
}

fn empty_body(number: usize) -> Vec<u8> {
    headers(number, "")
}

fn dots(number: usize) -> Vec<u8> {
    with_body(number, "", b".\r\n..\r\n.leading\r\n...\r\n.\r\n\r\n.\r\n")
}

fn bare_line_feeds(number: usize) -> Vec<u8> {
    with_body(number, "", b"one\ntwo\r\nthree\n\nfour\n.\n")
}

fn bare_carriage_returns(number: usize) -> Vec<u8> {
    with_body(number, "", b"one\rtwo\r\nthree\r\r\nfour\r\r\n\r")
}

fn long_lines(number: usize) -> Vec<u8> {
    with_body(number, "", &[&vec![b'x'; 998 + number * 64][..], b"\r\n"].concat())
}

fn no_headers(number: usize) -> Vec<u8> {
    format!("\r\nMessage {number} has no headers.\r\n").into_bytes()
}

fn headers_only(number: usize) -> Vec<u8> {
    format!("Subject: {number} has no end of its headers\r\n").into_bytes()
}

fn no_last_line_end(number: usize) -> Vec<u8> {
    with_body(number, "", b"The last line has no end")
}

fn looks_like_a_response(number: usize) -> Vec<u8> {
    with_body(
        number,
        "",
        b")\r\na1 OK done\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* BYE\r\n{12}\r\n+ go on\r\n",
    )
}

fn attachment(number: usize) -> Vec<u8> {
    let more = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n";
    let head = "--=_b\r\nContent-Type: text/plain\r\n\r\nSee attachment.\r\n--=_b\r\n\
                Content-Type: application/octet-stream; name*=UTF-8''%C3%A9t%C3%A9.bin\r\n\
                Content-Transfer-Encoding: base64\r\n\r\n";
    let lines = base64_lines(number as u64, 1 + number * 3);
    with_body(number, more, &[head.as_bytes(), &lines, b"--=_b--\r\n"].concat())
}

fn the_same_every_time(_: usize) -> Vec<u8> {
    with_body(0, "", b"There are many like this one.\r\n")
}

fn mbox_lines(number: usize) -> Vec<u8> {
    with_body(number, "", b"From nobody Mon Jan  1 00:00:00 2024\r\n>From quoted\r\n\r\nFrom again\r\n")
}

fn line_ends_only(number: usize) -> Vec<u8> {
    with_body(number, "", &b"\r\n".repeat(1 + number % 7))
}

/// [`LARGEST`] bytes, mostly in lines of 78.
fn largest() -> Vec<u8> {
    let mut message = headers(1_000_000, "Content-Transfer-Encoding: base64\r\n");
    let lines = base64_lines(7, 10_000);
    while message.len() + lines.len() <= LARGEST {
        message.extend_from_slice(&lines);
    }
    let rest = LARGEST - message.len();
    message.extend(std::iter::repeat_n(b'=', rest));
    message
}

/// Lines of 76 letters and digits that compress badly.
fn base64_lines(seed: u64, lines: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = Vec::with_capacity(lines * 78);
    for _ in 0..lines {
        for _ in 0..76 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(LETTERS[(state >> 58) as usize]);
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mailbox_but_the_last_gets_mail() {
        let mut filled: Vec<&str> = (0..100).map(|number| mail(number).mailbox).collect();
        filled.sort_unstable();
        filled.dedup();
        assert_eq!(filled.len(), MAILBOXES.len() - 1);
        assert!(!filled.contains(&"Empty"));
    }

    #[test]
    fn the_largest_is_as_large_as_promised() {
        assert_eq!(largest().len(), LARGEST);
    }
}
