//! Framing gives the same events however the input is split, and gives back every byte.

use mail_proto::frame::{Event, FrameError, Framer, Limits};

/// Responses, with the default limits and with small ones.
pub fn responses_are_framed_alike_however_split(data: &[u8]) {
    framed_alike(data, || Framer::responses(Limits::RESPONSES));
    framed_alike(data, || Framer::responses(small(Limits::RESPONSES)));
}

/// Commands, with the default limits and with small ones.
pub fn commands_are_framed_alike_however_split(data: &[u8]) {
    framed_alike(data, || Framer::commands(Limits::COMMANDS));
    framed_alike(data, || Framer::commands(small(Limits::COMMANDS)));
}

/// Limits that a short input can reach.
fn small(mut limits: Limits) -> Limits {
    limits.text = 64;
    limits.kept_literal = 4;
    limits.literals = 3;
    limits.frame = 128;
    limits
}

/// The first two bytes choose the split, the rest is the input.
fn framed_alike(data: &[u8], framer: impl Fn() -> Framer) {
    let [first, second, input @ ..] = data else { return };
    let whole = events(framer(), &[input]);
    let at = usize::from(u16::from_le_bytes([*first, *second])) % (input.len() + 1);
    let (head, tail) = input.split_at(at);
    assert_eq!(whole, events(framer(), &[head, tail]), "split at {at}");
    let singly: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(whole, events(framer(), &singly), "byte by byte");
    assert!(input.starts_with(&whole.bytes), "the events are not the bytes of the input");
}

/// What came out of a framer. Two are equal whichever limit is named where two were exceeded.
#[derive(Debug)]
struct Framed {
    /// The events, adjacent chunks joined, without the bytes that are still to come.
    events: Vec<Event>,
    /// The bytes of all segments and chunks.
    bytes: Vec<u8>,
    error: Option<FrameError>,
}

fn events(mut framer: Framer, pieces: &[&[u8]]) -> Framed {
    let mut framed = Framed { events: Vec::new(), bytes: Vec::new(), error: None };
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next_event() {
                Ok(Some(event)) => framed.push(event),
                Ok(None) => break,
                Err(error) => {
                    framed.error = Some(error);
                    return framed;
                }
            }
        }
    }
    framed
}

impl PartialEq for Framed {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events && self.error.is_some() == other.error.is_some()
    }
}

impl Framed {
    fn push(&mut self, event: Event) {
        match &event {
            Event::Segment(segment) => self.bytes.extend_from_slice(&segment.bytes),
            Event::Chunk(chunk) => {
                assert!(!chunk.is_empty(), "an empty chunk");
                self.bytes.extend_from_slice(chunk);
            }
            _ => {}
        }
        match (self.events.last_mut(), event) {
            (Some(Event::Chunk(last)), Event::Chunk(more)) => *last = [&last[..], &more[..]].concat().into(),
            (_, event) => self.events.push(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSES: &[u8] =
        b"..* OK hi {3}\r\n* 1 FETCH (BODY[] {12}\r\n* 3 EXISTS\r\n FLAGS ({2}\r\n\r\n))\r\n";
    const COMMANDS: &[u8] = b"..a LOGIN {3}\r\nabc {2+}\r\nde\r\nb NOOP\r\nc APPEND x {70000+}\r\nabcdef";

    #[test]
    fn seeds_pass_at_every_split() {
        for at in 0..RESPONSES.len() as u16 {
            let split = |seed: &[u8]| [&at.to_le_bytes()[..], &seed[2..]].concat();
            responses_are_framed_alike_however_split(&split(RESPONSES));
            commands_are_framed_alike_however_split(&split(COMMANDS));
        }
    }

    #[test]
    fn seeds_reach_literals_of_both_kinds() {
        let framed = events(Framer::responses(small(Limits::RESPONSES)), &[&RESPONSES[2..]]);
        assert_eq!(framed.error, None);
        assert!(framed.events.iter().any(|event| matches!(event, Event::Chunk(_))));
        assert_eq!(framed.bytes, RESPONSES[2..]);
    }
}
