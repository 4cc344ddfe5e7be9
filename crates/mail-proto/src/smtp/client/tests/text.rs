//! A message's text: in lines and in chunks, in pieces, and broken off.

use super::*;

#[test]
fn chunks_go_as_they_are() {
    let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING,BINARYMIME");
    let mut message = envelope(&["a@y"]);
    message.parameters.body = Some(Body::BinaryMime);
    let id = dialogue.session.send(message);
    assert_eq!(dialogue.written(), "MAIL FROM:<kim@x> BODY=BINARYMIME\r\nRCPT TO:<a@y>\r\n");
    assert!(matches!(dialogue.server("250 ok\r\n250 ok\r\n")[..], [Event::SendBody { .. }]));
    dialogue.session.write_body("\n.\n".into());
    dialogue.session.write_body("x".into());
    dialogue.session.finish_body();
    assert_eq!(dialogue.written(), "BDAT 3\r\n\n.\nBDAT 1\r\nxBDAT 0 LAST\r\n");
    assert!(dialogue.server("250 3\r\n250 1\r\n").is_empty());
    ended(dialogue.server("250 queued\r\n"), id).0.unwrap();
    // A refused chunk fails the message, and the rest of it is answered without a meaning.
    let mut message = envelope(&["a@y"]);
    message.transfer = Transfer::Chunks;
    let id = dialogue.session.send(message);
    dialogue.server("250 ok\r\n250 ok\r\n");
    dialogue.session.write_body("x\r\n".into());
    dialogue.session.write_body("y\r\n".into());
    let (outcome, _) = ended(dialogue.server("552 too much\r\n"), id);
    assert!(matches!(outcome, Err(Failure::Refused(_))));
    dialogue.session.write_body("z\r\n".into());
    let next = dialogue.session.send(envelope(&["a@y"]));
    assert_eq!(dialogue.written(), "", "until all is answered");
    assert!(dialogue.server("503 no\r\n").is_empty());
    assert!(dialogue.written().starts_with("RSET\r\nMAIL "));
    assert_ne!(id, next);
    // Text that DATA couldn't carry doesn't go by BDAT either.
    let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING");
    let mut message = envelope(&["a@y"]);
    message.transfer = Transfer::Chunks;
    dialogue.session.send(message);
    dialogue.server("250 ok\r\n250 ok\r\n");
    dialogue.session.write_body("a\r".into());
    dialogue.session.write_body(".b".into());
    assert!(matches!(dialogue.error(""), SessionError::LoneLineBreak(at) if at.offset == 2));
}

#[test]
fn chunks_wait_for_a_server_that_does_not_pipeline() {
    let mut dialogue = Dialogue::ready("CHUNKING");
    let mut message = envelope(&["a@y"]);
    message.transfer = Transfer::Chunks;
    let id = dialogue.session.send(message);
    dialogue.server("250 ok\r\n");
    dialogue.server("250 ok\r\n");
    dialogue.session.write_body("a\r\n".into());
    dialogue.session.write_body("b\r\n".into());
    dialogue.session.finish_body();
    for (written, answer) in [("BDAT 3\r\na\r\n", "250\r\n"), ("BDAT 3\r\nb\r\n", "250\r\n")] {
        assert_eq!(dialogue.written(), written);
        dialogue.server(answer);
    }
    assert_eq!(dialogue.written(), "BDAT 0 LAST\r\n");
    ended(dialogue.server("250 queued\r\n"), id).0.unwrap();
}

#[test]
fn line_breaks_that_stand_alone_never_go_out() {
    let body = |lone| {
        let mut config = Config::new(Security::ImplicitTls, None);
        config.lone_line_breaks = lone;
        let mut dialogue = Dialogue::with(config);
        dialogue.server("220 hi\r\n");
        dialogue.server("250 hi\r\n");
        dialogue.session.send(envelope(&["a@y"]));
        for answer in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n"] {
            dialogue.server(answer);
        }
        dialogue.session.write_body("a\r\n.\nMAIL FROM:<b@y>\r\n".into());
        dialogue.session.finish_body();
        let written = dialogue.written();
        (written, dialogue.try_server("").err())
    };
    assert_eq!(body(LoneLineBreaks::Normalise), ("a\r\n..\r\nMAIL FROM:<b@y>\r\n.\r\n".into(), None));
    let (written, error) = body(LoneLineBreaks::Refuse);
    assert!(!written.contains("MAIL") && !written.contains("\r\n.\r\n"), "{written}");
    assert!(matches!(error, Some(SessionError::LoneLineBreak(at)) if at.offset == 4));
}

#[test]
fn so_much_of_a_message_lies_unwritten_and_no_more() {
    for transfer in [Transfer::Data, Transfer::Chunks] {
        let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING,");
        let id = dialogue.session.send(Envelope { transfer, ..envelope(&["bob@y"]) });
        assert_eq!(dialogue.session.body_room(), 0);
        let mut written = dialogue.written();
        dialogue.server("250 ok\r\n250 ok\r\n");
        if transfer == Transfer::Data {
            dialogue.server("354 go\r\n");
        }
        let line = Bytes::from(".23456789abcde\r\n".repeat(1024));
        for _ in 0..1024 / 16 {
            assert!(dialogue.session.body_room() > 0);
            while dialogue.session.body_room() > 0 {
                dialogue.session.write_body(line.clone());
            }
            while let Some(bytes) = dialogue.session.transmit() {
                assert!(bytes.len() <= 256 * 1024);
                written += std::str::from_utf8(&bytes).unwrap();
            }
            assert!(dialogue.session.body_room() > 0);
        }
        dialogue.session.finish_body();
        assert_eq!(dialogue.session.body_room(), 0);
        written += &dialogue.written();
        let chunks = written.matches("BDAT 16384\r\n").count();
        let (body, end) = match transfer {
            Transfer::Data => (written.matches("..23456789abcde\r\n").count(), ".\r\n"),
            Transfer::Chunks => (written.matches(".23456789abcde\r\n").count(), "BDAT 0 LAST\r\n"),
        };
        assert!(body >= 1 << 20 && written.ends_with(end), "{body}");
        assert_eq!(written.contains("..2"), transfer == Transfer::Data);
        assert_eq!(chunks, if transfer == Transfer::Data { 0 } else { body / 1024 });
        assert_eq!(dialogue.session.take_lost(), [(id, Loss::OutcomeUnknown)]);
    }
}

#[test]
fn a_large_chunk_counts_as_written_only_at_its_end() {
    let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING,");
    dialogue.session.send(Envelope { transfer: Transfer::Chunks, ..envelope(&["bob@y"]) });
    dialogue.server("250 ok\r\n250 ok\r\n");
    dialogue.session.write_body(vec![b'x'; 600 * 1024].into());
    dialogue.session.finish_body();
    let mut pieces = Vec::new();
    while let Some(bytes) = dialogue.session.transmit() {
        dialogue.now += Duration::from_secs(400);
        dialogue.session.transmitted(dialogue.now);
        pieces.push((bytes.len(), dialogue.session.deadline().map(|deadline| deadline - dialogue.now)));
    }
    let (most, due) = (256 * 1024, Some(Duration::from_secs(600)));
    let last = Some(Duration::from_secs(200));
    let end = ("BDAT 0 LAST\r\n".len(), last);
    assert_eq!(pieces, [("BDAT 614400\r\n".len(), None), (most, None), (most, None), (88 * 1024, due), end]);
}

#[test]
fn nothing_is_written_behind_a_message_that_was_broken_off() {
    for transfer in [Transfer::Data, Transfer::Chunks] {
        let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING,");
        dialogue.session.send(Envelope { transfer, ..envelope(&["bob@y"]) });
        dialogue.server("250 ok\r\n250 ok\r\n");
        if transfer == Transfer::Data {
            dialogue.server("354 go\r\n");
        }
        dialogue.session.write_body("half a mess".into());
        dialogue.session.break_off();
        dialogue.session.finish_body();
        assert_eq!(dialogue.written(), "");
        assert_eq!(dialogue.error(""), SessionError::BrokenOff);
    }
}

#[test]
fn a_message_is_broken_off_as_far_as_it_can_be() {
    // Nothing of it was written: the next has its place.
    let mut dialogue = Dialogue::ready("PIPELINING");
    let id = dialogue.session.send(envelope(&["a@y"]));
    assert_eq!(dialogue.session.break_off(), Some((id, Loss::Unwritten)));
    assert_eq!(dialogue.session.break_off(), None);
    let id = dialogue.session.send(envelope(&["b@y"]));
    assert_eq!(dialogue.written(), "RSET\r\nMAIL FROM:<kim@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
    // The envelope was.
    dialogue.server("250 ok\r\n250 ok\r\n");
    assert_eq!(dialogue.session.break_off(), Some((id, Loss::NotAccepted)));
    assert_eq!(dialogue.error(""), SessionError::BrokenOff);
    // Only RSET was, and it is answered to nobody.
    let mut dialogue = Dialogue::ready("");
    let id = dialogue.session.send(envelope(&["a@y"]));
    dialogue.written();
    ended(dialogue.server("550 not you\r\n"), id).0.unwrap_err();
    assert!(dialogue.session.needs_reset());
    let id = dialogue.session.send(envelope(&["a@y"]));
    assert_eq!(dialogue.written(), "RSET\r\n");
    assert_eq!(dialogue.session.break_off(), Some((id, Loss::Unwritten)));
    let next = dialogue.session.submit(Command::Rset);
    assert!(dialogue.server("250 reset\r\n").is_empty());
    assert_eq!(dialogue.written(), "RSET\r\n");
    ended(dialogue.server("250 reset\r\n"), next).0.unwrap();
    assert!(!dialogue.session.needs_reset());
    // All of it was: it is too late.
    let id = dialogue.session.send(envelope(&["a@y"]));
    dialogue.written();
    dialogue.server("250 ok\r\n");
    dialogue.server("250 ok\r\n");
    dialogue.server("354 go\r\n");
    dialogue.session.finish_body();
    dialogue.written();
    assert_eq!(dialogue.session.break_off(), Some((id, Loss::OutcomeUnknown)));
    ended(dialogue.server("250 queued\r\n"), id).0.unwrap();
    assert!(!dialogue.session.needs_reset());
}

/// A session whose message is asked for, to go by BDAT.
fn with_chunks(body: Option<Body>) -> Dialogue {
    let mut dialogue = Dialogue::ready("PIPELINING,CHUNKING,BINARYMIME");
    let mut message = Envelope { transfer: Transfer::Chunks, ..envelope(&["a@y"]) };
    message.parameters.body = body;
    dialogue.session.send(message);
    assert!(matches!(dialogue.server("250 ok\r\n250 ok\r\n")[..], [Event::SendBody { .. }]));
    dialogue
}

#[test]
fn a_chunk_of_nothing_is_not_written() {
    let mut dialogue = with_chunks(None);
    dialogue.session.write_body(Bytes::new());
    assert_eq!(dialogue.written(), "");
    dialogue.session.write_body(Bytes::from_static(b"a\r\n"));
    assert_eq!(dialogue.written(), "BDAT 3\r\na\r\n");
}

#[test]
fn a_lone_line_break_in_a_chunk_is_told_by_its_place_in_the_message() {
    let mut dialogue = with_chunks(None);
    dialogue.session.write_body(Bytes::from_static(b"abc\r\n"));
    dialogue.session.write_body(Bytes::from_static(b"d\ne"));
    assert_eq!(dialogue.error(""), SessionError::LoneLineBreak(LoneLineBreak { offset: 6 }));
    assert_eq!(dialogue.session.body_room(), 0, "nothing more is taken");
    dialogue.session.write_body(Bytes::from_static(b"f\r\n"));
    assert_eq!(dialogue.written(), "");
}

#[test]
fn a_message_that_ends_amid_a_line_break_is_broken_off_unless_its_bytes_are_no_lines() {
    for (body, ends) in [(None, false), (Some(Body::BinaryMime), true)] {
        let mut dialogue = with_chunks(body);
        dialogue.session.write_body(Bytes::from_static(b"abc\r"));
        dialogue.session.finish_body();
        if ends {
            assert!(dialogue.written().ends_with("abc\rBDAT 0 LAST\r\n"));
        } else {
            assert_eq!(dialogue.error(""), SessionError::BrokenOff);
        }
        let mut dialogue = with_chunks(body);
        dialogue.session.write_body(Bytes::from_static(b"abc"));
        dialogue.session.finish_body();
        assert!(dialogue.written().ends_with("abcBDAT 0 LAST\r\n"));
    }
}

#[test]
fn small_pieces_are_written_at_once_and_large_ones_are_not_copied() {
    let pieces = |text: usize| {
        let mut dialogue = with_chunks(None);
        dialogue.session.write_body(vec![b'x'; text].into());
        std::iter::from_fn(|| dialogue.session.transmit()).map(|piece| piece.len()).collect::<Vec<_>>()
    };
    let most = 16 * 1024;
    let line = "BDAT 16384\r\n".len();
    assert_eq!(pieces(most), [line, most]);
    assert_eq!(pieces(most - 1), [line + most - 1]);
    assert_eq!(pieces(256 * 1024), ["BDAT 262144\r\n".len(), 256 * 1024]);
    assert_eq!(pieces(256 * 1024 + 1), ["BDAT 262145\r\n".len(), 256 * 1024, 1]);

    let mut dialogue = with_chunks(None);
    for text in [most - line, 1] {
        dialogue.session.write_body(vec![b'x'; text].into());
    }
    let pieces: Vec<_> =
        std::iter::from_fn(|| dialogue.session.transmit()).map(|piece| piece.len()).collect();
    assert_eq!(pieces, [most, "BDAT 1\r\nx".len()]);
}
