//! Framing gives the same events however the input is split, and messages come out as they were put in.

use bytes::Bytes;
use mail_proto::{
    frame::FrameError,
    pop3::{AnswerForm, CommandReader, Event, Framer, Limits, multi_line},
};

use crate::{shown, steps::however_split};

/// Answers of each form, with the default limits and with small ones; the same bytes as commands, and as a message
/// that a server sends.
pub fn answers_are_framed_alike_however_split(data: &[u8]) {
    for form in [AnswerForm::Nothing, AnswerForm::Lines, AnswerForm::Message] {
        for limits in [Limits::default(), SMALL] {
            let whole = framed(data, &[data], form, &limits);
            however_split(
                data,
                |pieces| framed(data, pieces, form, &limits),
                |split, how| split.check_against(&whole, how),
            );
        }
    }
    for limit in [64 << 10, 20] {
        let whole = lines(&[data], limit);
        however_split(data, |pieces| lines(pieces, limit), |split, how| assert_eq!(split, whole, "{how}"));
    }
    check_message(data);
}

/// Limits that a short input can reach.
const SMALL: Limits = Limits { line: 24, answer: 60 };

/// What came out of a framer.
#[derive(Debug, PartialEq)]
struct Framed {
    /// The events, adjacent chunks joined.
    events: Vec<Event>,
    error: Option<FrameError>,
}

impl Framed {
    /// Of what exceeds a limit, more or less may have come out before.
    fn check_against(&self, whole: &Self, how: &str) {
        assert_eq!(self.error, whole.error, "{how}");
        if self.error.is_none() {
            assert_eq!(self.events, whole.events, "{how}");
        } else {
            let [one, other] = [self, whole].map(|framed| framed.bytes());
            assert!(one.starts_with(&other) || other.starts_with(&one), "{how}");
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in &self.events {
            match event {
                Event::Status(piece) | Event::Line(piece) | Event::Chunk(piece) => {
                    bytes.extend_from_slice(piece)
                }
                _ => {}
            }
        }
        bytes
    }
}

fn framed(input: &[u8], pieces: &[&[u8]], form: AnswerForm, limits: &Limits) -> Framed {
    let mut framer = Framer::new(limits.clone());
    let mut framed = Framed { events: Vec::new(), error: None };
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            match framer.next_event() {
                Ok(Some(event)) => {
                    if matches!(&event, Event::Status(line) if line.starts_with(b"+OK")) {
                        framer.expect(form);
                    }
                    match (framed.events.last_mut(), event) {
                        (_, Event::Chunk(chunk)) if chunk.is_empty() => panic!("an empty chunk"),
                        (Some(Event::Chunk(last)), Event::Chunk(more)) => {
                            *last = [&last[..], &more[..]].concat().into();
                        }
                        (_, event) => framed.events.push(event),
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next_event(), Err(error.clone()), "the error changes");
                    framed.error = Some(error);
                    return framed;
                }
            }
        }
    }
    assert!(framer.buffered() <= input.len());
    framed
}

fn lines(pieces: &[&[u8]], limit: usize) -> (Vec<Bytes>, Option<FrameError>) {
    let mut reader = CommandReader::new(limit);
    let mut lines = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next_line() {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(error) => return (lines, Some(error)),
            }
        }
    }
    (lines, None)
}

/// What a server writes of a message is read as that message, its line breaks made CRLF.
fn check_message(message: &[u8]) {
    let written = multi_line(Bytes::copy_from_slice(message)).concat();
    let mut framer = Framer::new(Limits::default());
    framer.buffer().extend_from_slice(b"+OK\r\n");
    assert!(matches!(framer.next_event(), Ok(Some(Event::Status(_)))));
    framer.expect(AnswerForm::Message);
    framer.buffer().extend_from_slice(&written);
    framer.buffer().extend_from_slice(b"+OK behind\r\n");
    let mut read = Vec::new();
    while let Ok(Some(Event::Chunk(chunk))) = framer.next_event() {
        read.extend_from_slice(&chunk);
    }
    assert!(framer.is_at_status() || framer.buffered() == b"+OK behind\r\n".len(), "{}", shown(&written));
    assert_eq!(shown(&read), shown(&crate::dots::with_whole_line_ends(message)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn seeds_reach_the_end_of_every_form() {
        let seeds = Target::find("pop3_frame").unwrap().seeds();
        for form in [AnswerForm::Lines, AnswerForm::Message] {
            let (mut ends, mut limits) = (0, 0);
            for seed in &seeds {
                let whole = framed(seed, &[seed], form, &Limits::default());
                ends += usize::from(whole.events.contains(&Event::End));
                limits += usize::from(framed(seed, &[seed], form, &SMALL).error.is_some());
            }
            assert!(ends > 20 && limits > 10, "{form:?}: {ends} {limits}");
        }
    }
}
