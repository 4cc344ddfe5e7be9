//! One message of about a given size.

use std::fmt::Write as _;

use mail_proto::imap::DateTime;

use super::encode;
use super::random::Random;
use super::words::{AGENTS, DOMAINS, ENGLISH, EUROPEAN, FILES, JAPANESE, PEOPLE, SUBJECTS};

/// Above this size a message has attachments.
const TEXT_ONLY: usize = 10_000;
/// Messages within messages go no deeper than this.
const DEEPEST: usize = 3;

/// A whole message, its date in seconds since 1970.
pub(super) fn message(random: &mut Random, size: usize, date: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 512);
    write_message(&mut out, random, size, date, 0);
    out
}

fn write_message(out: &mut Vec<u8>, random: &mut Random, size: usize, date: u64, depth: usize) {
    let end = out.len() + size;
    header(out, random, date, size > 2_000);
    if size > TEXT_ONLY {
        match random.within(0..10) {
            0 | 1 if depth < DEEPEST => forwarded(out, random, end, date, depth),
            2..=4 => related(out, random, end),
            _ => mixed(out, random, end),
        }
    } else {
        match random.within(0..20) {
            0 => out.extend_from_slice(b"\r\n"),
            1 if depth < DEEPEST && size > 3_000 => forwarded(out, random, end, date, depth),
            2..=8 if size > 2_500 => {
                let boundary = boundary(random);
                part_header(out, &format!("multipart/alternative;\r\n boundary=\"{boundary}\""), None);
                alternative(out, random, end, &boundary);
            }
            _ => text(out, random, end, "plain"),
        }
    }
}

/// The header without the fields of the body and without the empty line.
fn header(out: &mut Vec<u8>, random: &mut Random, date: u64, full: bool) {
    let mut head = String::new();
    let id = format!("{:016x}@{}", random.next(), random.pick(DOMAINS));
    if full {
        let _ =
            write!(head, "Return-Path: <bounce-{}@{}>\r\n", random.within(1..99_999), random.pick(DOMAINS));
        for hop in 0..random.within(1..4) {
            let _ = write!(
                head,
                "Received: from mx{hop}.{} (mx{hop}.{} [192.0.2.{}])\r\n\tby {} with ESMTPS id {:012x}\r\n\tfor <me@example.org>; {}\r\n",
                random.pick(DOMAINS),
                random.pick(DOMAINS),
                random.within(1..255),
                random.pick(DOMAINS),
                random.next() >> 16,
                rfc5322_date(date),
            );
        }
        if random.percent(60) {
            let mut signature = Vec::new();
            encode::attachment(&mut signature, b"", 240, random);
            let folded = String::from_utf8_lossy(&signature).trim_end().replace("\r\n", "\r\n\t ");
            let _ = write!(
                head,
                "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={};\r\n\ts=mail; h=from:to:subject:date:message-id;\r\n\tb={folded}\r\n",
                random.pick(DOMAINS),
            );
        }
    }
    let _ = write!(head, "From: {}\r\nTo: {}\r\n", mailbox(random), mailbox(random));
    if random.percent(25) {
        let count = random.within(1..6);
        let copies: Vec<String> = (0..count).map(|_| mailbox(random)).collect();
        let _ = write!(head, "Cc: {}\r\n", copies.join(",\r\n\t"));
    }
    let subject = random.pick(SUBJECTS);
    if random.percent(3) {
        // Octets that ought to be encoded and aren't.
        let _ = write!(head, "Subject: {subject}\r\n");
    } else {
        let _ = write!(head, "Subject: {}\r\n", fold(&encode::words(subject, random)));
    }
    let _ = write!(head, "Date: {}\r\nMessage-ID: <{id}>\r\nMIME-Version: 1.0\r\n", rfc5322_date(date));
    if random.percent(40) {
        let count = random.within(1..8);
        let references: Vec<String> =
            (0..count).map(|_| format!("<{:016x}@{}>", random.next(), random.pick(DOMAINS))).collect();
        if let Some(last) = references.last() {
            let _ = write!(head, "In-Reply-To: {last}\r\nReferences: {}\r\n", references.join("\r\n\t"));
        }
    }
    if full && random.percent(20) {
        let _ = write!(
            head,
            "List-Id: Announcements <announce.lists.example.org>\r\nList-Unsubscribe: <https://lists.example.org/u/{:x}>\r\nPrecedence: list\r\n",
            random.next()
        );
    }
    let _ = write!(head, "User-Agent: {}\r\n", random.pick(AGENTS));
    out.extend_from_slice(head.as_bytes());
}

fn mailbox(random: &mut Random) -> String {
    let (name, local) = PEOPLE[random.within(0..PEOPLE.len())];
    format!("{} <{local}@{}>", encode::phrase(name, random), random.pick(DOMAINS))
}

/// A long subject in several lines, cut at spaces.
fn fold(text: &str) -> String {
    let mut folded = String::new();
    let mut column = "Subject: ".len();
    for word in text.split_inclusive(' ') {
        if column + word.len() > 76 && !folded.is_empty() {
            // The space that ends the last word becomes the one that begins the next line.
            if folded.ends_with(' ') {
                folded.pop();
                folded.push_str("\r\n ");
            }
            column = 1;
        }
        folded.push_str(word);
        column += word.len();
    }
    folded
}

/// The fields of a body part with the empty line behind them.
fn part_header(out: &mut Vec<u8>, content_type: &str, encoding: Option<&str>) {
    out.extend_from_slice(format!("Content-Type: {content_type}\r\n").as_bytes());
    if let Some(encoding) = encoding {
        out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A text part, in one of the forms in which text travels.
fn text(out: &mut Vec<u8>, random: &mut Random, end: usize, subtype: &str) {
    let html = subtype == "html";
    match random.within(0..4) {
        0 => {
            part_header(out, &format!("text/{subtype}; charset=us-ascii"), Some("7bit"));
            lines(out, random, end, &[ENGLISH], html);
        }
        1 => {
            part_header(out, &format!("text/{subtype}; charset=utf-8; format=flowed"), Some("8bit"));
            lines(out, random, end, &[ENGLISH, EUROPEAN, JAPANESE], html);
        }
        2 => {
            part_header(out, &format!("text/{subtype}; charset=\"utf-8\""), Some("quoted-printable"));
            // Encoding makes about half as much again of it.
            let mut plain = Vec::new();
            lines(&mut plain, random, end.saturating_sub(out.len()) * 2 / 3, &[ENGLISH, EUROPEAN], html);
            encode::quoted_printable(out, &plain);
        }
        _ => {
            part_header(out, &format!("text/{subtype}; charset=iso-8859-1"), Some("8bit"));
            let mut utf8 = Vec::new();
            lines(&mut utf8, random, end.saturating_sub(out.len()), &[ENGLISH, EUROPEAN], html);
            let latin = String::from_utf8_lossy(&utf8);
            out.extend(latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')));
        }
    }
}

/// Lines of words until `end`, with what happens in letters: quotes, signatures, lines that begin with a dot.
fn lines(out: &mut Vec<u8>, random: &mut Random, end: usize, vocabulary: &[&[&str]], html: bool) {
    if html {
        out.extend_from_slice(b"<html><body>\r\n");
    }
    loop {
        let mut line = String::new();
        match random.within(0..40) {
            0 => line.push_str("> "),
            1 => line.push_str(".. and so on. "),
            2 => line.push_str("From the "),
            3 | 4 => {
                out.extend_from_slice(if html { b"<p>\r\n" } else { b"\r\n" });
            }
            _ => {}
        }
        while line.len() < 62 {
            let words = vocabulary[random.within(0..vocabulary.len() * 2).min(vocabulary.len() - 1)];
            let words = if random.percent(60) { vocabulary[0] } else { words };
            line.push_str(random.pick(words));
            line.push(' ');
        }
        line.truncate(line.trim_end().len());
        line.push_str(if html { "<br>\r\n" } else { "\r\n" });
        if out.len() + line.len() > end {
            break;
        }
        out.extend_from_slice(line.as_bytes());
    }
    out.extend_from_slice(if html { b"</body></html>\r\n" } else { b"-- \r\n" });
}

/// The text twice, plain and as HTML; the header of the whole is written already.
fn alternative(out: &mut Vec<u8>, random: &mut Random, end: usize, boundary: &str) {
    let room = end.saturating_sub(out.len() + 3 * boundary.len());
    let plain_end = out.len() + room / 3;
    delimiter(out, boundary);
    text(out, random, plain_end, "plain");
    delimiter(out, boundary);
    text(out, random, end.saturating_sub(boundary.len() + 40), "html");
    close(out, boundary);
}

/// HTML with its pictures.
fn related(out: &mut Vec<u8>, random: &mut Random, end: usize) {
    let boundary = boundary(random);
    part_header(out, &format!("multipart/related;\r\n boundary=\"{boundary}\"; type=\"text/html\""), None);
    delimiter(out, &boundary);
    let text_end = out.len() + (end - out.len()).min(6_000) / 2;
    text(out, random, text_end, "html");
    let pictures = random.within(1..4);
    for picture in 0..pictures {
        let share = end.saturating_sub(out.len()) / (pictures - picture);
        delimiter(out, &boundary);
        let head = format!(
            "Content-ID: <picture{picture}@example.com>\r\nContent-Disposition: inline; filename=\"picture{picture}.png\"\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        part_header(out, &format!("image/png; name=\"picture{picture}.png\""), Some("base64"));
        encode::attachment(out, b"\x89PNG\r\n\x1a\n", share.saturating_sub(300), random);
    }
    close(out, &boundary);
}

/// Text, sometimes in two forms, and files.
fn mixed(out: &mut Vec<u8>, random: &mut Random, end: usize) {
    let outer = boundary(random);
    part_header(out, &format!("multipart/mixed; boundary=\"{outer}\""), None);
    out.extend_from_slice(b"This is a multi-part message in MIME format.\r\n");
    delimiter(out, &outer);
    let text_end = out.len() + (end - out.len()).min(8_000) / 2;
    if random.percent(50) {
        let inner = boundary(random);
        part_header(out, &format!("multipart/alternative;\r\n\tboundary=\"{inner}\""), None);
        alternative(out, random, text_end, &inner);
    } else {
        text(out, random, text_end, "plain");
    }
    let files = random.within(1..4);
    for file in 0..files {
        let share = end.saturating_sub(out.len()) / (files - file);
        let (name, kind, magic) = FILES[random.within(0..FILES.len())];
        delimiter(out, &outer);
        let disposition =
            format!("Content-Disposition: attachment;\r\n {}\r\n", encode::parameter("filename", name));
        out.extend_from_slice(disposition.as_bytes());
        part_header(out, &format!("{kind};\r\n {}", encode::parameter("name", name)), Some("base64"));
        encode::attachment(out, magic, share.saturating_sub(300), random);
    }
    close(out, &outer);
}

/// A few words about a message that hangs on.
fn forwarded(out: &mut Vec<u8>, random: &mut Random, end: usize, date: u64, depth: usize) {
    let boundary = boundary(random);
    part_header(out, &format!("multipart/mixed; boundary=\"{boundary}\""), None);
    delimiter(out, &boundary);
    text(out, random, out.len() + 400, "plain");
    delimiter(out, &boundary);
    out.extend_from_slice(b"Content-Disposition: attachment\r\n");
    part_header(out, "message/rfc822", None);
    let rest = end.saturating_sub(out.len() + boundary.len() + 10);
    write_message(out, random, rest, date.saturating_sub(86_400), depth + 1);
    close(out, &boundary);
}

fn boundary(random: &mut Random) -> String {
    format!("----=_Part_{}_{:08x}.{}", random.within(1..999), random.next() >> 32, random.within(100..999))
}

fn delimiter(out: &mut Vec<u8>, boundary: &str) {
    out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
}

fn close(out: &mut Vec<u8>, boundary: &str) {
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
}

/// RFC 5322's date, in UTC.
fn rfc5322_date(unix: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let DateTime { year, month, day, hour, minute, second, .. } = DateTime::from_unix_seconds(unix as i64);
    let weekday = WEEKDAYS[(unix / 86_400 % 7) as usize];
    let month = MONTHS[usize::from(month) - 1];
    format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}
