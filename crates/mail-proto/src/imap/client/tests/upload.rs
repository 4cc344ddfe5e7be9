//! Messages that come piece by piece.

use super::*;
use crate::imap::{CatenatePart, EncodeError};

const NO_LITERALS: &str = "IMAP4rev1";
const LITERAL_PLUS: &str = "IMAP4rev1 LITERAL+ MULTIAPPEND BINARY REPLACE";
const LITERAL_MINUS: &str = "IMAP4rev1 LITERAL-";

fn at(capabilities: &str) -> Dialogue {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server(&format!("* PREAUTH [CAPABILITY {capabilities}] hi\r\n"));
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
    dialogue
}

/// An APPEND of messages of these lengths, all of them streamed.
fn append(lens: &[u64]) -> Request {
    let messages = lens.iter().map(|len| AppendMessage::new(*len)).collect();
    let request = Request::new(Command::Append { mailbox: MailboxName::inbox(), messages });
    lens.iter().fold(request, |request, _| request.with_streamed_upload())
}

impl Dialogue {
    /// The upload that is asked for, and nothing else.
    fn asked(&mut self) -> (CommandId, usize) {
        match self.events()[..] {
            [Event::SendUpload { id, index }] => (id, index),
            ref events => panic!("{events:?}"),
        }
    }

    fn upload(&mut self, id: CommandId, pieces: &[&'static str]) {
        for piece in pieces {
            self.session.write_upload(id, Bytes::from_static(piece.as_bytes()));
        }
    }
}

#[test]
fn it_waits_where_the_server_has_to_be_asked() {
    let mut dialogue = at(NO_LITERALS);
    let id = dialogue.session.submit(append(&[5]));
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    assert!(dialogue.events().is_empty(), "nothing is wanted before the server is");
    assert_eq!(dialogue.session.upload_room(id), 0);
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {5}\r\n");
    dialogue.upload(id, &["too early"]);
    assert_eq!(dialogue.written(), "");
    dialogue.server("+ go on\r\n");
    assert_eq!(dialogue.asked(), (id, 0));
    dialogue.upload(id, &["ab", "", "cde"]);
    assert_eq!(dialogue.written(), "abcd", "the last byte waits for the end");
    dialogue.session.finish_upload(id);
    assert_eq!(dialogue.written(), "e\r\nA2 NOOP\r\n");
    dialogue.server("A1 OK [APPENDUID 1 2] done\r\nA2 OK done\r\n");
    assert!(matches!(
        dialogue.events()[..],
        [Event::Completed { id: one, outcome: Ok(_) }, Event::Completed { id: two, outcome: Ok(_) }]
            if one == id && two == noop
    ));
}

#[test]
fn it_goes_at_once_where_the_server_takes_it() {
    let mut dialogue = at(LITERAL_PLUS);
    let (one, two) = (dialogue.session.submit(append(&[3])), dialogue.session.submit(append(&[2])));
    assert_eq!(dialogue.asked(), (one, 0));
    dialogue.upload(one, &["abc"]);
    dialogue.upload(two, &["it isn't asked for"]);
    assert!(dialogue.events().is_empty(), "one at a time");
    dialogue.session.finish_upload(one);
    assert_eq!(dialogue.asked(), (two, 0));
    dialogue.upload(two, &["de"]);
    dialogue.session.finish_upload(two);
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {3+}\r\nabc\r\nA2 APPEND INBOX {2+}\r\nde\r\n");
}

#[test]
fn it_goes_at_once_up_to_4096_bytes_where_the_server_takes_only_those() {
    let mut dialogue = at(LITERAL_MINUS);
    let (small, large) = (dialogue.session.submit(append(&[4096])), dialogue.session.submit(append(&[4097])));
    assert_eq!(dialogue.asked(), (small, 0));
    dialogue.session.write_upload(small, vec![b'x'; 4096].into());
    dialogue.session.finish_upload(small);
    let body = "x".repeat(4096);
    assert!(dialogue.events().is_empty());
    let announced = format!("A1 APPEND INBOX {{4096+}}\r\n{body}\r\nA2 APPEND INBOX {{4097}}\r\n");
    assert_eq!(dialogue.written(), announced);
    dialogue.server("+ go on\r\n");
    assert_eq!(dialogue.asked(), (large, 0));
    dialogue.session.write_upload(large, vec![b'x'; 4097].into());
    dialogue.session.finish_upload(large);
    assert_eq!(dialogue.written(), format!("{body}x\r\n"));
}

#[test]
fn several_messages_are_asked_for_one_by_one() {
    for (capabilities, whole) in [
        (NO_LITERALS, "A1 APPEND INBOX {2}\r\n|ab| {0}\r\n|| {1}\r\n|c|\r\n"),
        (LITERAL_PLUS, "A1 APPEND INBOX {2+}\r\n|ab| {0+}\r\n|| {1+}\r\n|c|\r\n"),
    ] {
        let mut dialogue = at(capabilities);
        let waits = capabilities == NO_LITERALS;
        let id = dialogue.session.submit(append(&[2, 0, 1]));
        let mut written = String::new();
        for (index, message) in ["ab", "", "c"].into_iter().enumerate() {
            written += &dialogue.written();
            if waits {
                dialogue.server("+ \r\n");
            }
            assert_eq!(dialogue.asked(), (id, index));
            dialogue.upload(id, &[message]);
            dialogue.session.finish_upload(id);
        }
        written += &dialogue.written();
        assert_eq!(written, whole.replace('|', ""));
        dialogue.server("A1 OK done\r\n");
        assert!(matches!(dialogue.events()[..], [Event::Completed { outcome: Ok(_), .. }]));
    }
}

#[test]
fn streamed_and_whole_messages_go_together_in_any_form() {
    let mut dialogue = at(LITERAL_PLUS);
    let messages = vec![
        AppendMessage::new(2),
        AppendMessage::new(3).with_form(AppendForm::Binary),
        AppendMessage::new(1).with_form(AppendForm::Utf8),
    ];
    let request = Request::new(Command::Append { mailbox: MailboxName::inbox(), messages })
        .with_upload("ab".into())
        .with_streamed_upload()
        .with_upload("d".into());
    let id = dialogue.session.submit(request);
    assert_eq!(dialogue.asked(), (id, 1));
    dialogue.upload(id, &["\0\r\n"]);
    dialogue.session.finish_upload(id);
    let replace = Command::Replace {
        uid: true,
        number: 7,
        mailbox: MailboxName::inbox(),
        message: AppendMessage::new(1),
    };
    let selection = Selection { read_only: false, ..examined("INBOX", None) };
    let replace = dialogue.session.submit(Request::on(selection, replace).with_streamed_upload());
    let append = "A1 APPEND INBOX {2+}\r\nab ~{3+}\r\n\0\r\n UTF8 (~{1+}\r\nd)\r\n";
    assert_eq!(dialogue.written(), append);
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A2 SELECT INBOX\r\n");
    dialogue.server("A2 OK [READ-WRITE] done\r\n");
    assert_eq!(dialogue.asked(), (replace, 0));
    dialogue.upload(replace, &["r"]);
    dialogue.session.finish_upload(replace);
    assert_eq!(dialogue.written(), "A3 UID REPLACE 7 INBOX {1+}\r\nr\r\n");
}

#[test]
fn p28_a_source_that_fails_cuts_the_connection() {
    type Break = fn(&mut Session, CommandId);
    let breaks: [(Break, UploadError, &str); 4] = [
        (|session, id| assert!(!session.cancel(id)), UploadError::BrokenOff, "abc"),
        (Session::finish_upload, UploadError::TooShort { announced: 5, given: 3 }, "abc"),
        (
            |session, id| session.write_upload(id, "def".into()),
            UploadError::TooLong { announced: 5, given: 6 },
            "abc",
        ),
        (|session, id| session.write_upload(id, "d\0".into()), UploadError::Nul { offset: 4 }, "abc"),
    ];
    for capabilities in [NO_LITERALS, LITERAL_PLUS] {
        for (breaks, error, so_far) in breaks {
            let mut dialogue = at(capabilities);
            let id = dialogue.session.submit(append(&[5]));
            let other = dialogue.session.submit(Request::new(Command::Noop));
            let announced = dialogue.written();
            if capabilities == NO_LITERALS {
                dialogue.server("+ \r\n");
            }
            dialogue.asked();
            dialogue.upload(id, &["abc"]);
            assert_eq!(dialogue.written(), so_far);
            breaks(&mut dialogue.session, id);
            assert_eq!(dialogue.error(), SessionError::Upload(error));
            assert_eq!(dialogue.written(), "", "{announced:?} {error}: no padding, no end of the line");
            assert_eq!(dialogue.session.take_lost(), [(id, true), (other, false)]);
        }
    }
}

#[test]
fn p28_a_message_that_turns_out_longer_is_not_stored_cut_short() {
    let mut dialogue = at(LITERAL_PLUS);
    let id = dialogue.session.submit(append(&[3]));
    dialogue.asked();
    dialogue.upload(id, &["abc"]);
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {3+}\r\nab");
    dialogue.upload(id, &["d"]);
    let error = UploadError::TooLong { announced: 3, given: 4 };
    assert_eq!(dialogue.error(), SessionError::Upload(error));
    assert_eq!(dialogue.written(), "");
}

#[test]
fn a_message_of_which_nothing_was_written_is_taken_back() {
    let mut dialogue = at(LITERAL_PLUS);
    let gone = dialogue.session.submit(append(&[3]));
    let stays = dialogue.session.submit(append(&[1]));
    assert_eq!(dialogue.asked(), (gone, 0));
    dialogue.upload(gone, &["a"]);
    assert!(dialogue.session.cancel(gone));
    dialogue.upload(gone, &["bc"]);
    dialogue.session.finish_upload(gone);
    assert_eq!(dialogue.asked(), (stays, 0));
    dialogue.upload(stays, &["x"]);
    dialogue.session.finish_upload(stays);
    assert_eq!(dialogue.written(), "A2 APPEND INBOX {1+}\r\nx\r\n");
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == stays));
}

#[test]
fn a_refusal_may_come_before_the_message() {
    // Where it has to be asked for, it is never written.
    let mut dialogue = at(NO_LITERALS);
    let refused = dialogue.session.submit(append(&[3, 4]));
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("+ \r\n");
    dialogue.asked();
    dialogue.upload(refused, &["abc"]);
    dialogue.session.finish_upload(refused);
    assert_eq!(dialogue.written(), "abc {4}\r\n");
    dialogue.server("A1 NO [OVERQUOTA] full\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { outcome: Err(Failure::Refused(_)), .. }]));
    assert_eq!(dialogue.written(), "A2 NOOP\r\n");

    // Elsewhere the server reads on to its end, and so it is written to its end.
    let mut dialogue = at(LITERAL_PLUS);
    let refused = dialogue.session.submit(append(&[3]));
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.asked();
    dialogue.upload(refused, &["a"]);
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {3+}\r\na");
    dialogue.server("A1 NO [OVERQUOTA] full\r\n");
    assert!(
        matches!(dialogue.events()[..], [Event::Completed { id, outcome: Err(Failure::Refused(_)) }] if id == refused)
    );
    assert!(dialogue.session.upload_room(refused) > 0);
    dialogue.upload(refused, &["bc"]);
    dialogue.session.finish_upload(refused);
    assert_eq!(dialogue.written(), "bc\r\nA2 NOOP\r\n");
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == noop));
    assert!(dialogue.session.is_idle());

    // Or its caller has no more use for the connection.
    let mut dialogue = at(LITERAL_PLUS);
    let refused = dialogue.session.submit(append(&[3]));
    dialogue.written();
    dialogue.server("A1 NO [OVERQUOTA] full\r\n");
    dialogue.events();
    assert!(!dialogue.session.cancel(refused));
    assert_eq!(dialogue.error(), SessionError::Upload(UploadError::BrokenOff));
    assert!(dialogue.session.take_lost().is_empty(), "its end was told");
}

#[test]
fn success_before_the_message_is_complete_is_not_believed() {
    for answers in [&["A1 OK done\r\n"][..], &["A1 NO no\r\n", "A1 NO again\r\n"]] {
        let mut dialogue = at(LITERAL_PLUS);
        let id = dialogue.session.submit(append(&[3]));
        dialogue.asked();
        dialogue.upload(id, &["abc"]);
        dialogue.written();
        let mut outcome = Ok(Vec::new());
        for answer in answers {
            dialogue.server(answer);
            outcome = dialogue.try_events();
        }
        assert!(matches!(outcome, Err(SessionError::UnexpectedTag(_))), "{answers:?}");
    }
}

#[test]
fn so_much_lies_unwritten_and_no_more() {
    let mut dialogue = at(LITERAL_PLUS);
    let len = 1 << 20;
    let id = dialogue.session.submit(append(&[len]));
    dialogue.asked();
    let most = dialogue.session.upload_room(id);
    assert_eq!(most, 256 * 1024 - "A1 APPEND INBOX {1048576+}\r\n".len(), "its command is part of it");
    let mut given = 0;
    while given < len {
        let piece = dialogue.session.upload_room(id).min((len - given) as usize);
        assert!(piece > 0);
        dialogue.session.write_upload(id, vec![b'x'; piece].into());
        given += piece as u64;
        if given < len {
            assert_eq!(dialogue.session.upload_room(id), 0);
        }
        while let Some(bytes) = dialogue.session.transmit() {
            assert!(bytes.len() <= 256 * 1024);
        }
    }
    dialogue.session.finish_upload(id);
    assert_eq!(dialogue.written(), "x\r\n");
    assert_eq!(dialogue.session.upload_room(id), 0);
}

#[test]
fn no_reply_is_due_before_a_message_is_complete() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let mut dialogue = at(LITERAL_PLUS);
    let id = dialogue.session.submit(append(&[2]));
    dialogue.asked();
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), None, "the source may be slow");
    dialogue.now += minutes(30);
    dialogue.upload(id, &["ab"]);
    dialogue.session.finish_upload(id);
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(5)));

    let mut dialogue = at(NO_LITERALS);
    let id = dialogue.session.submit(append(&[2]));
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(5)), "the server has to ask");
    dialogue.server("+ \r\n");
    dialogue.asked();
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += minutes(30);
    dialogue.upload(id, &["ab"]);
    dialogue.session.finish_upload(id);
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(5)));
}

#[test]
fn a_large_message_counts_as_written_only_at_its_end() {
    let mut dialogue = at(LITERAL_PLUS);
    let message = AppendMessage::new(600 * 1024);
    let request = Request::new(Command::append(MailboxName::inbox(), message));
    dialogue.session.submit(request.with_upload(vec![b'x'; 600 * 1024].into()));
    let mut pieces = 0;
    while let Some(bytes) = dialogue.session.transmit() {
        pieces += 1;
        assert!(bytes.len() <= 256 * 1024);
        dialogue.now += Duration::from_secs(200);
        dialogue.session.transmitted(dialogue.now);
        let due = bytes.ends_with(b"\r\n") && pieces > 1;
        assert_eq!(dialogue.session.deadline(), due.then(|| dialogue.now + Duration::from_secs(300)));
    }
    assert_eq!(pieces, 5, "the command, three of the message, and the end of the line");
}

#[test]
fn a_message_that_no_literal_can_carry_is_not_begun() {
    let mut dialogue = at(LITERAL_PLUS);
    let append = |form| Command::append(MailboxName::inbox(), AppendMessage::new(2).with_form(form));
    dialogue.session.submit(Request::new(append(AppendForm::Text)).with_upload("a\0".into()));
    assert!(matches!(
        dialogue.events()[..],
        [Event::Completed { outcome: Err(Failure::Encode(EncodeError::Nul { .. })), .. }]
    ));
    dialogue.session.submit(Request::new(append(AppendForm::Binary)).with_upload("a\0".into()));
    assert_eq!(dialogue.written(), "A1 APPEND INBOX ~{2+}\r\na\0\r\n");
    dialogue.session.submit(Request::new(append(AppendForm::Text)));
    assert!(matches!(
        dialogue.events()[..],
        [Event::Completed { outcome: Err(Failure::Encode(EncodeError::WrongLength { .. })), .. }]
    ));
}

#[test]
fn the_texts_of_a_message_in_pieces_are_uploads_in_order() {
    let mut dialogue = Dialogue::ready();
    let text = |len| CatenatePart::Text { len };
    let message = AppendMessage::catenate([text(2), CatenatePart::Url("/x".into()), text(3)]);
    let messages = vec![message, AppendMessage::new(1)];
    let request = Request::new(Command::Append { mailbox: MailboxName::inbox(), messages })
        .with_upload("ab".into())
        .with_streamed_upload()
        .with_upload("f".into());
    let id = dialogue.session.submit(request);
    assert_eq!(dialogue.asked(), (id, 1));
    dialogue.upload(id, &["cde"]);
    dialogue.session.finish_upload(id);
    assert_eq!(
        dialogue.written(),
        "A1 APPEND INBOX CATENATE (TEXT {2+}\r\nab URL /x TEXT {3+}\r\ncde) {1+}\r\nf\r\n"
    );
}

#[test]
fn an_append_carries_its_message() {
    let mut dialogue = Dialogue::ready();
    let append = |len| Command::append(MailboxName::inbox(), AppendMessage::new(len));
    dialogue.session.submit(Request::new(append(3)).with_upload("a\nb".into()));
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {3+}\r\na\nb\r\n");
    dialogue.session.submit(Request::new(append(4)).with_upload("a\nb".into()));
    assert!(matches!(dialogue.events()[..], [Event::Completed { outcome: Err(Failure::Encode(_)), .. }]));
    assert_eq!(dialogue.written(), "");
}

#[test]
fn several_messages_are_one_append() {
    let mut dialogue = Dialogue::ready();
    let messages = vec![AppendMessage::new(1), AppendMessage::new(2).with_form(AppendForm::Binary)];
    let append = Request::new(Command::Append { mailbox: MailboxName::inbox(), messages });
    let id = dialogue.session.submit(append.with_upload("a".into()).with_upload("bc".into()));
    assert_eq!(dialogue.written(), "A1 APPEND INBOX {1+}\r\na ~{2+}\r\nbc\r\n");
    dialogue.server("* OK [INPROGRESS (\"A1\" 1 2)] on it\r\n");
    assert_eq!(routed(dialogue.events()), [Some(id)]);
}

#[test]
fn debug_shows_how_much_is_uploaded_and_never_what() {
    let request = append(&[6]).with_upload("secret".into());
    let shown = format!("{request:?}");
    assert!(shown.contains("Streamed") && shown.contains("Whole(6)") && !shown.contains("secret"), "{shown}");
    let mut dialogue = at(LITERAL_PLUS);
    let id = dialogue.session.submit(append(&[6]));
    dialogue.asked();
    dialogue.upload(id, &["secret"]);
    let shown = format!("{:?}", dialogue.session);
    assert!(shown.contains("Last") && shown.contains("Bytes(5)") && !shown.contains("secret"), "{shown}");
}

#[test]
fn a_message_of_another_length_than_was_announced_is_not_written() {
    for (message, error) in [
        (&b"abcd"[..], EncodeError::WrongLength { announced: 3 }),
        (b"a", EncodeError::WrongLength { announced: 3 }),
        (b"a\0c", EncodeError::Nul { what: "the message" }),
    ] {
        let mut dialogue = at(LITERAL_PLUS);
        let append = Command::Append { mailbox: MailboxName::inbox(), messages: vec![AppendMessage::new(3)] };
        dialogue.session.submit(Request::new(append).with_upload(Bytes::from_static(message)));
        let events = dialogue.events();
        let [Event::Completed { outcome: Err(Failure::Encode(found)), .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(*found, error);
        assert_eq!(dialogue.written(), "");
    }
}

#[test]
fn a_command_that_goes_away_does_not_break_off_the_message_of_another() {
    let mut dialogue = at(LITERAL_PLUS);
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    let one = dialogue.session.submit(append(&[3]));
    dialogue.written();
    assert_eq!(dialogue.asked(), (one, 0));
    assert!(!dialogue.session.cancel(noop));
    assert!(dialogue.events().is_empty());
    dialogue.session.cancel(one);
    assert!(matches!(dialogue.error(), SessionError::Upload(UploadError::BrokenOff)));
}

#[test]
fn what_a_refused_command_still_has_to_write_holds_up_others_no_longer_than_it_takes() {
    let mut dialogue = at(LITERAL_PLUS);
    let append =
        Command::Append { mailbox: MailboxName::inbox(), messages: vec![AppendMessage::new(600_000)] };
    dialogue.session.submit(Request::new(append).with_upload(vec![b'x'; 600_000].into()));
    dialogue.session.submit(Request::new(Command::Unselect));
    dialogue.session.transmit().unwrap();
    dialogue.session.transmit().unwrap();
    dialogue.server("A1 NO too large\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { outcome: Err(Failure::Refused(_)), .. }]));
    assert_eq!(dialogue.session.load(), (1, 1), "UNSELECT runs alone");
    assert!(dialogue.session.transmit().is_some());
    assert_eq!(dialogue.session.load(), (1, 1));
    let rest = dialogue.written();
    assert!(rest.ends_with("x\r\nA2 UNSELECT\r\n"), "{}", rest.len());
}

/// How long the pieces are that a session gives to be written.
fn pieces(dialogue: &mut Dialogue) -> Vec<usize> {
    std::iter::from_fn(|| dialogue.session.transmit()).map(|piece| piece.len()).collect()
}

#[test]
fn small_pieces_are_written_at_once_and_large_ones_are_not_copied() {
    let mut dialogue = at(LITERAL_PLUS);
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(pieces(&mut dialogue), ["A1 NOOP\r\nA2 NOOP\r\n".len()]);

    let announced = "A1 APPEND INBOX {16384+}\r\n".len();
    let most = 16 * 1024;
    for (len, written) in [
        (most, vec![announced, most, 2]),
        // So much is written together, and no more.
        (most - announced, vec![most, 2]),
        (most - announced - 1, vec![most + 1]),
        (most - announced - 3, vec![most - 1]),
    ] {
        let mut dialogue = at(LITERAL_PLUS);
        let append =
            Command::Append { mailbox: MailboxName::inbox(), messages: vec![AppendMessage::new(len as u64)] };
        dialogue.session.submit(Request::new(append).with_upload(vec![b'x'; len].into()));
        assert_eq!(pieces(&mut dialogue), written, "{len}");
    }

    let message = Bytes::from(vec![b'x'; most]);
    let mut dialogue = at(LITERAL_PLUS);
    let append =
        Command::Append { mailbox: MailboxName::inbox(), messages: vec![AppendMessage::new(most as u64)] };
    dialogue.session.submit(Request::new(append).with_upload(message.clone()));
    dialogue.session.transmit().unwrap();
    assert_eq!(dialogue.session.transmit().unwrap().as_ptr(), message.as_ptr());

    // What is very large goes in several pieces, none of them empty.
    for (len, rest) in [(256 * 1024, 2), (256 * 1024 + 1, 3)] {
        let mut dialogue = at(LITERAL_PLUS);
        let append =
            Command::Append { mailbox: MailboxName::inbox(), messages: vec![AppendMessage::new(len as u64)] };
        dialogue.session.submit(Request::new(append).with_upload(vec![b'x'; len].into()));
        assert_eq!(pieces(&mut dialogue), ["A1 APPEND INBOX {262144+}\r\n".len(), 256 * 1024, rest]);
    }
}
