//! Framing gives the same events however the input is split, and whether they are lent or given, and gives back every byte.

use mail_proto::frame::{Event, FrameError, Framer, Lent, Limits, Segment};

use crate::steps::however_split;

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

fn framed_alike(input: &[u8], framer: impl Fn() -> Framer) {
    let whole = events(framer(), &[input]);
    let same = |split, how: &str| assert_eq!(whole, split, "{how}");
    however_split(input, |pieces| events(framer(), pieces), |split, how| same(split, how));
    however_split(input, |pieces| lent(framer(), pieces), |split, how| same(split, &format!("{how}, lent")));
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

/// The same of what is lent: of the segments every second one is read where it lies, and the others are taken.
fn lent(mut framer: Framer, pieces: &[&[u8]]) -> Framed {
    let mut framed = Framed { events: Vec::new(), bytes: Vec::new(), error: None };
    let mut takes = false;
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            let mut left = framer.buffered();
            let event = match framer.lend() {
                Ok(Some(Lent::Segment(segment))) => {
                    takes = !takes;
                    left -= segment.bytes().len();
                    let read = Segment {
                        bytes: segment.bytes().to_vec().into(),
                        continues: segment.continues(),
                        streamed: segment.streamed(),
                    };
                    if takes {
                        assert_eq!(segment.take(), read);
                    } else {
                        drop(segment);
                    }
                    Event::Segment(read)
                }
                Ok(Some(Lent::Chunk(bytes))) => {
                    left -= bytes.len();
                    Event::Chunk(bytes)
                }
                Ok(Some(Lent::LiteralWaits { len })) => Event::LiteralWaits { len },
                Ok(Some(_)) => unreachable!("there is nothing else to lend"),
                Ok(None) => break,
                Err(error) => {
                    framed.error = Some(error);
                    return framed;
                }
            };
            assert_eq!(framer.buffered(), left, "what was read leaves the buffer, and nothing else does");
            framed.push(event);
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
    use crate::Target;

    #[test]
    fn seeds_reach_frames_and_literals_of_both_kinds() {
        for (target, framer) in [
            ("imap_responses_frame", Framer::responses as fn(Limits) -> Framer),
            ("imap_commands_frame", Framer::commands),
        ] {
            let (mut frames, mut kept, mut streamed, mut limits) = (0, 0, 0, 0);
            for seed in Target::find(target).unwrap().seeds() {
                let whole = events(framer(Limits::RESPONSES), &[&seed]);
                frames += whole.events.len();
                kept += usize::from(whole.events.iter().any(
                    |event| matches!(event, Event::Segment(segment) if segment.bytes.windows(3).any(|bytes| bytes == b"}\r\n")),
                ));
                let whole = events(framer(small(Limits::RESPONSES)), &[&seed]);
                streamed += usize::from(whole.events.iter().any(|event| matches!(event, Event::Chunk(_))));
                limits += usize::from(whole.error.is_some());
            }
            assert!(
                frames > 100 && kept > 10 && streamed >= 4 && limits > 10,
                "{target}: {frames} {kept} {streamed} {limits}"
            );
        }
    }
}
