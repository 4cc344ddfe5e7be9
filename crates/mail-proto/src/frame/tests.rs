use super::*;

/// Feeds the pieces and gives all events, adjacent chunks joined.
fn events(mut framer: Framer, pieces: &[&[u8]]) -> Result<Vec<Event>, FrameError> {
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        while let Some(event) = framer.next_event()? {
            match (events.last_mut(), event) {
                (Some(Event::Chunk(last)), Event::Chunk(more)) => {
                    *last = [&last[..], &more[..]].concat().into()
                }
                (_, event) => events.push(event),
            }
        }
    }
    Ok(events)
}

fn client() -> Framer {
    Framer::responses(Limits { kept_literal: 8, ..Limits::RESPONSES })
}

fn segment(bytes: &'static [u8]) -> Event {
    Event::Segment(Segment { bytes: Bytes::from_static(bytes), continues: false, streamed: None })
}

const SESSION: &[u8] = b"* OK quota {3}\r\n* 1 FETCH (X {3}\r\na\r\n UID 1)\r\n\
    * 2 FETCH (BODY[] {12}\r\n* 3 EXISTS\r\n FLAGS ({0}\r\n))\r\na1 OK done {9}\r\n+ {4}\r\n";

fn session_events() -> Vec<Event> {
    vec![
        segment(b"* OK quota {3}\r\n"),
        segment(b"* 1 FETCH (X {3}\r\na\r\n UID 1)\r\n"),
        Event::Segment(Segment {
            bytes: Bytes::from_static(b"* 2 FETCH (BODY[] {12}\r\n"),
            continues: false,
            streamed: Some(12),
        }),
        Event::Chunk(Bytes::from_static(b"* 3 EXISTS\r\n")),
        Event::Segment(Segment {
            bytes: Bytes::from_static(b" FLAGS ({0}\r\n))\r\n"),
            continues: true,
            streamed: None,
        }),
        segment(b"a1 OK done {9}\r\n"),
        segment(b"+ {4}\r\n"),
    ]
}

#[test]
fn a_session_is_cut_into_its_frames() {
    assert_eq!(events(client(), &[SESSION]).unwrap(), session_events());
}

#[test]
fn every_split_gives_the_same_events() {
    for at in 0..=SESSION.len() {
        let (head, tail) = SESSION.split_at(at);
        assert_eq!(events(client(), &[head, tail]).unwrap(), session_events(), "split at {at}");
    }
    let single: Vec<&[u8]> = SESSION.chunks(1).collect();
    assert_eq!(events(client(), &single).unwrap(), session_events());
}

#[test]
fn what_is_lent_leaves_the_buffer_read_or_unread() {
    let mut framer = client();
    framer.buffer().extend_from_slice(SESSION);
    let mut read = 0;
    for (at, event) in session_events().into_iter().enumerate() {
        match (framer.lend().unwrap().unwrap(), event) {
            (Lent::Segment(lent), Event::Segment(segment)) => {
                assert_eq!(lent.bytes(), segment.bytes);
                assert_eq!((lent.continues(), lent.streamed()), (segment.continues, segment.streamed));
                if at % 2 == 0 {
                    drop(lent);
                } else {
                    assert_eq!(lent.take(), segment);
                }
                read += segment.bytes.len();
            }
            (Lent::Chunk(lent), Event::Chunk(bytes)) => {
                assert_eq!(lent, bytes);
                read += bytes.len();
            }
            (lent, event) => panic!("{lent:?} instead of {event:?}"),
        }
        assert_eq!(framer.buffered(), SESSION.len() - read);
    }
    assert_eq!(framer.buffered(), 0);
    assert!(framer.lend().unwrap().is_none());
}

#[test]
fn a_line_feed_ends_a_line_only_where_the_first_line_ended_so() {
    let bare = events(client(), &[b"* OK hi\n* 1 EXISTS\r\n* 2 EXISTS\n"]).unwrap();
    assert_eq!(bare, [segment(b"* OK hi\n"), segment(b"* 1 EXISTS\r\n"), segment(b"* 2 EXISTS\n")]);
    let proper = events(client(), &[b"* OK hi\r\n* OK a\nb\r\n"]).unwrap();
    assert_eq!(proper, [segment(b"* OK hi\r\n"), segment(b"* OK a\nb\r\n")]);
}

#[test]
fn a_line_feed_right_behind_a_literal_is_no_line_end() {
    // The carriage return belongs to the literal, so this line feed stands alone.
    let events = events(client(), &[b"* OK\r\n* 1 FETCH (X {2}\r\n\r\r\n)\r\n"]).unwrap();
    assert_eq!(events[1], segment(b"* 1 FETCH (X {2}\r\n\r\r\n)\r\n"));
}

#[test]
fn limits_end_the_stream() {
    let limits = Limits { text: 40, kept_literal: 8, literal: 100, literals: 2, frame: 80 };
    let fails = |input: &[u8]| {
        let mut framer = Framer::responses(limits.clone());
        framer.buffer().extend_from_slice(input);
        let error = loop {
            match framer.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no error"),
                Err(error) => break error,
            }
        };
        assert_eq!(framer.next_event(), Err(error.clone()), "it stays failed");
        error
    };
    assert_eq!(fails(&[b'a'; 41]), FrameError::TextTooLong { limit: 40 });
    assert_eq!(fails(b"* X {101}\r\n"), FrameError::LiteralTooLong { announced: 101, limit: 100 });
    assert_eq!(
        fails(b"* X {99999999999999999999999}\r\n"),
        FrameError::LiteralTooLong { announced: u64::MAX, limit: 100 }
    );
    assert_eq!(fails(b"* {0}\r\n{0}\r\n{0}\r\n"), FrameError::TooManyLiterals { limit: 2 });
    let limits = Limits { text: 40, kept_literal: 8, literal: 100, literals: 9, frame: 20 };
    let mut framer = Framer::responses(limits);
    framer.buffer().extend_from_slice(b"* X {8}\r\n12345678 {8}\r\n12345678\r\n");
    assert_eq!(framer.next_event(), Err(FrameError::FrameTooLong { limit: 20 }));
}

#[test]
fn an_announced_literal_costs_no_memory() {
    let mut framer = Framer::responses(Limits { kept_literal: 1 << 30, frame: 1 << 30, ..Limits::RESPONSES });
    framer.buffer().extend_from_slice(b"* X {1000000000}\r\n");
    assert_eq!(framer.next_event(), Ok(None));
    assert!(framer.buffer().capacity() < 1024);
}

#[test]
fn a_server_is_told_of_a_literal_that_waits() {
    let mut framer = Framer::commands(Limits { kept_literal: 8, ..Limits::COMMANDS });
    framer.buffer().extend_from_slice(b"a LOGIN {3}\r\n");
    assert_eq!(framer.next_event(), Ok(Some(Event::LiteralWaits { len: 3 })));
    assert_eq!(framer.partial(), b"a LOGIN {3}\r\n");
    assert_eq!(framer.next_event(), Ok(None));
    framer.buffer().extend_from_slice(b"bob {3+}\r\npwd\r\n");
    assert_eq!(framer.next_event(), Ok(Some(segment(b"a LOGIN {3}\r\nbob {3+}\r\npwd\r\n"))));
}

#[test]
fn a_refused_literal_ends_its_command() {
    for kept_literal in [1, 8] {
        let mut framer = Framer::commands(Limits { kept_literal, ..Limits::COMMANDS });
        framer.buffer().extend_from_slice(b"a LOGIN {3}\r\n");
        while !matches!(framer.next_event(), Ok(Some(Event::LiteralWaits { len: 3 }))) {}
        framer.refuse_literal();
        framer.buffer().extend_from_slice(b"b NOOP\r\n");
        assert_eq!(framer.next_event(), Ok(Some(segment(b"b NOOP\r\n"))));
    }
}

#[test]
fn what_is_exactly_at_a_limit_passes() {
    let limits = Limits { text: 17, kept_literal: 8, literal: 9, literals: 2, frame: 32 };
    let read = |input: &[u8]| events(Framer::responses(limits.clone()), &[b"* OK\r\n", input]);
    let passes = |input: &[u8]| assert!(read(input).unwrap().len() > 1, "{}", input.escape_ascii());
    let fails = |input: &[u8], error| assert_eq!(read(input), Err(error), "{}", input.escape_ascii());

    // Text: literals that are kept don't count.
    passes(b"* 3456789012345\r\n");
    fails(b"* 34567890123456\r\n", FrameError::TextTooLong { limit: 17 });
    passes(b"* X {8}\r\n12345678 34567\r\n");
    fails(b"* X {8}\r\n12345678 345678\r\n", FrameError::TextTooLong { limit: 17 });
    // Literals: how long, how many, and which are streamed.
    passes(b"* {9}\r\n123456789\r\n");
    fails(b"* {10}\r\n", FrameError::LiteralTooLong { announced: 10, limit: 9 });
    passes(b"* {0}\r\n{0}\r\n\r\n");
    fails(b"* {0}\r\n{0}\r\n{0}\r\n", FrameError::TooManyLiterals { limit: 2 });
    assert!(
        matches!(&read(b"* {8}\r\n12345678\r\n").unwrap()[..], [_, Event::Segment(one)] if one.streamed.is_none())
    );
    assert!(matches!(&read(b"* {9}\r\n").unwrap()[..], [_, Event::Segment(one)] if one.streamed == Some(9)));
    // The frame: its literals count, and it fails as soon as one that doesn't fit is announced.
    passes(b"* {8}\r\n12345678{8}\r\n12345678 6\r\n");
    fails(b"* {8}\r\n12345678{8}\r\n12345678 67\r\n", FrameError::FrameTooLong { limit: 32 });
    let tight = Limits { frame: 15, ..limits.clone() };
    let announces = |input: &[u8]| events(Framer::responses(tight.clone()), &[input]);
    assert_eq!(announces(b"* {8}\r\n"), Ok(vec![]));
    assert_eq!(announces(b"* X {8}\r\n"), Err(FrameError::FrameTooLong { limit: 15 }));
    assert_eq!(announces(b"* XY {8}\r\n"), Err(FrameError::FrameTooLong { limit: 15 }));
}

#[test]
fn what_stands_before_a_streamed_literal_counts_in_its_frame() {
    let limits = Limits { kept_literal: 2, frame: 20, ..Limits::RESPONSES };
    let read = |input: &[u8]| events(Framer::responses(limits.clone()), &[input]);
    assert!(read(b"* X {3}\r\nabc 3456789\r\n").is_ok());
    assert_eq!(read(b"* X {3}\r\nabc 34567890123\r\n"), Err(FrameError::FrameTooLong { limit: 20 }));
    assert_eq!(read(b"* X {3}\r\nabc 345 {2}\r\n"), Err(FrameError::FrameTooLong { limit: 20 }));
}

#[test]
fn braces_around_no_number_and_numbers_without_both_braces_are_text() {
    for line in ["* X {}\r\n", "* X {+}\r\n", "* X a5}\r\n", "* X 5}\r\n", "* X {5\r\n", "* X {a5}\r\n"] {
        let read = events(client(), &[line.as_bytes()]).unwrap();
        assert!(matches!(&read[..], [Event::Segment(one)] if one.bytes == line), "{line:?}: {read:?}");
    }
}

#[test]
fn it_says_where_in_the_stream_it_stands() {
    let mut framer = client();
    let stands = |framer: &Framer| (framer.is_at_frame_start(), framer.streaming());
    assert_eq!(stands(&framer), (true, 0));
    let mut feed = |input: &[u8]| {
        framer.buffer().extend_from_slice(input);
        while framer.next_event().unwrap().is_some() {}
        stands(&framer)
    };
    assert_eq!(feed(b"* OK hi"), (false, 0));
    assert_eq!(feed(b"\r\n"), (true, 0));
    assert_eq!(feed(b"* X {9}\r\n"), (false, 9));
    assert_eq!(feed(b"1234"), (false, 5));
    assert_eq!(feed(b"56789"), (false, 0));
    assert_eq!(feed(b"\r\n"), (true, 0));
}

#[test]
fn after_a_reset_nothing_is_left_of_what_came_before() {
    let mut framer = client();
    framer.buffer().extend_from_slice(b"* OK\n* OK half");
    while framer.next_event().unwrap().is_some() {}
    framer.reset();
    assert!(framer.is_at_frame_start());
    // Nor of how its lines ended.
    framer.buffer().extend_from_slice(b"* OK\r\n* OK a\nb\r\n");
    let read: Vec<_> = std::iter::from_fn(|| framer.next_event().unwrap()).collect();
    assert_eq!(read, [segment(b"* OK\r\n"), segment(b"* OK a\nb\r\n")]);
}

#[test]
fn what_is_kept_of_a_short_line_is_its_own_and_a_long_one_is_not_copied() {
    for (len, copied) in [(SHARE_FROM - 1, true), (SHARE_FROM, false)] {
        let mut framer = client();
        let line = [b"* ", &vec![b'x'; len - 4][..], b"\r\n"].concat();
        framer.buffer().extend_from_slice(&[&line[..], b"* more"].concat());
        let Ok(Some(Event::Segment(kept))) = framer.next_event() else { panic!("{len}") };
        assert_eq!(kept.bytes, line);
        assert_eq!(kept.bytes.is_unique(), copied, "{len}");
    }
}

#[test]
fn debug_shows_how_much_and_not_what() {
    let mut framer = client();
    framer.buffer().extend_from_slice(b"secret");
    assert_eq!(format!("{framer:?}"), "Framer { side: Client, buffered: 6, streaming: 0, failed: None, .. }");
}

#[test]
fn a_plain_line_is_bounded_by_both_limits() {
    for limits in [Limits { text: 9, ..Limits::RESPONSES }, Limits { frame: 9, ..Limits::RESPONSES }] {
        let read = |line: &[u8]| events(Framer::responses(limits.clone()), &[b"* OK\r\n", line]);
        assert_eq!(read(b"* OK  x\r\n").map(|events| events.len()), Ok(2));
        assert!(read(b"* OK  xy\r\n").is_err(), "{limits:?}");
    }
}
