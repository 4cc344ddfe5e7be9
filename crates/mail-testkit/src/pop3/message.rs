//! What follows a reply: listings, and messages with their dots (RFC 1939 section 3).

use bytes::Bytes;
use mail_proto::{LoneLineBreaks, Stuffer};
use memchr::memchr2;

use super::{End, Session};

/// What is queued is sent before more than this is gathered.
const QUEUED: usize = 64 * 1024;

impl Session<'_> {
    /// Queues lines, and the dot behind them.
    pub(super) fn put_lines(&mut self, lines: &[Vec<u8>]) {
        for line in lines {
            if line.starts_with(b".") {
                self.channel.put(b".");
            }
            self.channel.put(line);
            self.channel.put(b"\r\n");
        }
        self.channel.put(b".\r\n");
    }

    /// Sends a message, of which no more than a piece is held at a time.
    pub(super) async fn put_message(&mut self, mut message: Bytes) -> Result<(), End> {
        let mut stuffer = Stuffer::new(LoneLineBreaks::Normalise);
        let mut pieces = Vec::new();
        // Line breaks that stand alone are made what they were meant to be, so there is nothing to refuse.
        while !message.is_empty() {
            let piece = message.split_to(message.len().min(QUEUED));
            let _ = stuffer.push(piece, &mut pieces);
            pieces.drain(..).for_each(|piece| self.channel.put_shared(piece));
            if self.channel.queued() >= QUEUED {
                self.channel.flush().await?;
            }
        }
        let _ = stuffer.finish(&mut pieces);
        pieces.drain(..).for_each(|piece| self.channel.put_shared(piece));
        Ok(())
    }
}

/// The header of a message, the empty line behind it, and so many lines of the body (RFC 1939 section 7).
pub(super) fn top(message: &Bytes, lines: u32) -> Bytes {
    let mut at = header_len(message);
    for _ in 0..lines {
        if at == message.len() {
            break;
        }
        at = line_end(message, at);
    }
    message.slice(..at)
}

/// Whether the header has octets that only a client which asked for UTF-8 may be sent (RFC 6856 section 2).
pub(super) fn has_utf8_header(message: &[u8]) -> bool {
    !message[..header_len(message)].is_ascii()
}

/// Up to behind the empty line.
fn header_len(message: &[u8]) -> usize {
    let mut at = 0;
    while at < message.len() {
        let end = line_end(message, at);
        if matches!(message[at], b'\r' | b'\n') {
            return end;
        }
        at = end;
    }
    at
}

/// Where the line that begins at `at` is over; any line break is one, as it is one when the message is sent.
fn line_end(message: &[u8], at: usize) -> usize {
    match memchr2(b'\r', b'\n', &message[at..]) {
        Some(found) if message[at + found..].starts_with(b"\r\n") => at + found + 2,
        Some(found) => at + found + 1,
        None => message.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_top_ends_with_its_lines() {
        let message = Bytes::from_static(b"A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree");
        let at = |lines| String::from_utf8(top(&message, lines).to_vec()).unwrap();
        assert_eq!(at(0), "A: 1\r\nB: 2\r\n\r\n");
        assert_eq!(at(1), "A: 1\r\nB: 2\r\n\r\none\r\n");
        assert_eq!(at(2), "A: 1\r\nB: 2\r\n\r\none\r\n\r\n");
        assert_eq!((at(3), at(u32::MAX)), (at(3), at(3)));
        assert_eq!(at(3).as_bytes(), &message[..]);
        assert_eq!(top(&Bytes::from_static(b"A: 1\n\nx\ny\n"), 1), "A: 1\n\nx\n");
        assert_eq!(top(&Bytes::from_static(b"no header"), 0), "no header");
        assert_eq!(top(&Bytes::new(), 5), "");
    }

    #[test]
    fn utf8_is_looked_for_in_the_header_alone() {
        assert!(has_utf8_header("Subject: Grüße\r\n\r\n".as_bytes()));
        assert!(!has_utf8_header("Subject: x\r\n\r\nGrüße\r\n".as_bytes()));
    }
}
