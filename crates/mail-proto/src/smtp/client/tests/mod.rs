mod login;
mod text;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    LoneLineBreak,
    sasl::SaslError,
    smtp::{Address, Body, EnhancedCode, Extension, Notify},
};

/// A session and what the server does, line by line. Time stands still unless told.
struct Dialogue {
    session: Session,
    now: Instant,
}

impl Dialogue {
    fn with(config: Config) -> Self {
        let now = Instant::now();
        Self { session: Session::new(config, now), now }
    }

    fn new(security: Security) -> Self {
        Self::with(Config::new(security, Some(Credentials::password("kim", "secret"))))
    }

    /// A session that needs no login, at a server with these extensions.
    fn ready(extensions: &str) -> Self {
        let mut dialogue = Self::with(Config::new(Security::ImplicitTls, None));
        dialogue.server("220 hi\r\n");
        let lines: String = extensions.split_terminator(',').map(|line| format!("250-{line}\r\n")).collect();
        let events = dialogue.server(&format!("250-hi\r\n{lines}250 HELP\r\n"));
        assert!(matches!(events[..], [Event::Ready]));
        dialogue
    }

    /// Writes what is to be written, reads the bytes, and gives the events.
    fn try_server(&mut self, bytes: &str) -> Result<Vec<Event>, SessionError> {
        self.written();
        self.session.buffer().extend_from_slice(bytes.as_bytes());
        self.session.received(self.now);
        let mut events = Vec::new();
        while let Some(event) = self.session.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    fn server(&mut self, bytes: &str) -> Vec<Event> {
        self.try_server(bytes).unwrap()
    }

    fn error(&mut self, bytes: &str) -> SessionError {
        self.try_server(bytes).unwrap_err()
    }

    fn written(&mut self) -> String {
        let mut out = Vec::new();
        while let Some(bytes) = self.session.transmit() {
            out.extend_from_slice(&bytes);
        }
        self.session.transmitted(self.now);
        String::from_utf8(out).unwrap()
    }
}

fn envelope(to: &[&str]) -> Envelope {
    let address = |text: &str| Address::new(text).unwrap();
    Envelope::new(Some(address("kim@x")), to.iter().map(|to| address(to)))
}

/// The only event, which has to be an end: how it went, and what the recipients were answered.
fn ended(events: Vec<Event>, wanted: CommandId) -> (Result<Reply, Failure>, Vec<u16>) {
    let [Event::Completed { id, outcome, recipients }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*id, wanted);
    (outcome.clone(), recipients.iter().map(|reply| reply.code.get()).collect())
}

#[test]
fn a_group_shares_the_wire_where_the_server_says_so() {
    let mut dialogue = Dialogue::ready("PIPELINING,SIZE 1000");
    let mut message = envelope(&["a@y", "b@y"]);
    message.parameters.size = Some(9);
    let id = dialogue.session.send(message);
    let later = dialogue.session.submit(Command::Quit);
    assert_eq!(dialogue.written(), "MAIL FROM:<kim@x> SIZE=9\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\nDATA\r\n");
    assert!(dialogue.server("250 ok\r\n250 ok\r\n550 no\r\n").is_empty());
    assert!(matches!(dialogue.server("354 go\r\n")[..], [Event::SendBody { id: wanted }] if wanted == id));
    dialogue.session.write_body("A: b\r\n\r\n.x".into());
    dialogue.session.finish_body();
    assert_eq!(dialogue.written(), "A: b\r\n\r\n..x\r\n.\r\n");
    let (outcome, recipients) = ended(dialogue.server("250 queued\r\n"), id);
    assert_eq!((outcome.unwrap().text_lossy(), recipients), ("queued".into(), vec![250, 550]));
    assert_eq!(dialogue.written(), "QUIT\r\n");
    assert!(!dialogue.session.is_ready());
    ended(dialogue.server("221 bye\r\n"), later).0.unwrap();
}

#[test]
fn one_by_one_elsewhere() {
    let mut dialogue = Dialogue::ready("");
    let id = dialogue.session.send(envelope(&["a@y", "b@y"]));
    for (written, answer) in [
        ("MAIL FROM:<kim@x>\r\n", "250 ok\r\n"),
        ("RCPT TO:<a@y>\r\n", "250 ok\r\n"),
        ("RCPT TO:<b@y>\r\n", "452 later\r\n"),
        ("DATA\r\n", "354 go\r\n"),
    ] {
        assert_eq!(dialogue.written(), written);
        dialogue.server(answer);
    }
    dialogue.session.finish_body();
    assert_eq!(dialogue.written(), ".\r\n");
    let (outcome, recipients) = ended(dialogue.server("552 too much\r\n"), id);
    assert!(matches!(outcome, Err(Failure::Refused(_))));
    assert_eq!(recipients, [250, 452]);
    let id = dialogue.session.send(envelope(&["a@y"]));
    assert_eq!(dialogue.written(), "RSET\r\n");
    dialogue.server("250 ok\r\n");
    assert_eq!(dialogue.written(), "MAIL FROM:<kim@x>\r\n");
    let (outcome, recipients) = ended(dialogue.server("550 not you\r\n"), id);
    assert!(matches!(outcome, Err(Failure::SenderRefused(_))));
    assert!(recipients.is_empty());
    assert_eq!(dialogue.written(), "", "no RCPT behind a refused MAIL");
}

#[test]
fn a_message_that_nobody_gets_is_not_sent() {
    // Refused sender, refused recipients; the server answers DATA with no, or waits for it all the same.
    for (answers, sender) in [("550 no\r\n503 no\r\n", true), ("250 ok\r\n550 no\r\n", false)] {
        for waits in [false, true] {
            let mut dialogue = Dialogue::ready("PIPELINING");
            let id = dialogue.session.send(envelope(&["a@y"]));
            dialogue.server(answers);
            let mut events = dialogue.server(if waits { "354 go\r\n" } else { "554 no valid\r\n" });
            if waits {
                assert!(events.is_empty());
                assert_eq!(dialogue.written(), ".\r\n");
                events = dialogue.server("250 queued for nobody\r\n");
            }
            let outcome = ended(events, id).0;
            assert_eq!(matches!(outcome, Err(Failure::SenderRefused(_))), sender);
            assert_eq!(matches!(outcome, Err(Failure::RecipientsRefused)), !sender);
            dialogue.session.send(envelope(&["a@y"]));
            assert!(dialogue.written().starts_with("RSET\r\nMAIL "));
        }
    }
}

#[test]
fn all_or_nobody_if_asked_for() {
    let mut dialogue = Dialogue::ready("PIPELINING");
    let mut message = envelope(&["a@y", "b@y"]);
    message.on_refusal = OnRefusal::SendToNone;
    let id = dialogue.session.send(message.clone());
    assert!(!dialogue.written().contains("DATA"));
    let (outcome, recipients) = ended(dialogue.server("250 ok\r\n250 ok\r\n550 no\r\n"), id);
    assert_eq!((outcome, recipients), (Err(Failure::RecipientsRefused), vec![250, 550]));
    dialogue.session.send(message);
    assert!(dialogue.server("250 reset\r\n250 ok\r\n250 ok\r\n250 ok\r\n").is_empty());
    assert_eq!(dialogue.written(), "DATA\r\n");
}

#[test]
fn what_the_server_does_not_have_is_not_asked_of_it() {
    let failure = |extensions: &str, message: Envelope| {
        let mut dialogue = Dialogue::ready(extensions);
        let id = dialogue.session.send(message);
        let outcome = ended(dialogue.server(""), id).0;
        assert_eq!(dialogue.written(), "");
        outcome.unwrap_err()
    };
    let with = |change: &dyn Fn(&mut Envelope)| {
        let mut message = envelope(&["a@y"]);
        change(&mut message);
        message
    };
    assert_eq!(failure("", envelope(&["\u{fc}@y"])), Failure::Unsupported("SMTPUTF8"));
    let eight_bit = with(&|message| message.parameters.body = Some(Body::EightBitMime));
    assert_eq!(failure("", eight_bit), Failure::Unsupported("8BITMIME"));
    let binary = with(&|message| message.parameters.body = Some(Body::BinaryMime));
    assert_eq!(failure("BINARYMIME", binary), Failure::Unsupported("CHUNKING"));
    let notify = with(&|message| message.to[0].1.notify = Some(Notify::default()));
    assert_eq!(failure("", notify), Failure::Unsupported("DSN"));
    let large = with(&|message| message.parameters.size = Some(11));
    assert_eq!(failure("SIZE 10", large.clone()), Failure::TooLarge { size: 11, limit: 10 });
    assert_eq!(failure("", envelope(&[])), Failure::NoRecipients);
    let broken = with(&|message| message.parameters.envelope_id = Some("a\r\n".into()));
    assert!(matches!(failure("DSN", broken), Failure::Argument(_)));
    let mut dialogue = Dialogue::ready("SMTPUTF8");
    dialogue.session.send(Envelope { from: None, ..envelope(&["\u{fc}@y"]) });
    assert_eq!(dialogue.written(), "MAIL FROM:<> SMTPUTF8\r\n");
    let mut dialogue = Dialogue::ready("");
    dialogue.session.send(large);
    assert_eq!(dialogue.written(), "MAIL FROM:<kim@x>\r\n", "SIZE only where it is known");
    let mut dialogue = Dialogue::ready("");
    let id = dialogue.session.submit(Command::Data);
    assert_eq!(ended(dialogue.server(""), id).0, Err(Failure::NotHere("DATA")));
}

#[test]
fn the_end_of_the_connection_says_what_it_means() {
    // How far the message came before the connection was lost.
    for (stage, expected) in [
        (0, Loss::Unwritten),
        (1, Loss::NotAccepted),
        (2, Loss::NotAccepted),
        (3, Loss::NotAccepted),
        (4, Loss::OutcomeUnknown),
    ] {
        let mut dialogue = Dialogue::ready("PIPELINING");
        let id = dialogue.session.send(envelope(&["a@y"]));
        let later = dialogue.session.submit(Command::Noop);
        if stage > 0 {
            dialogue.written();
        }
        if stage > 1 {
            dialogue.server("250 ok\r\n250 ok\r\n354 go\r\n");
            dialogue.session.write_body("a\r\n".into());
            dialogue.written();
        }
        if stage > 2 {
            // The end, and not yet given to the socket.
            dialogue.session.finish_body();
        }
        if stage > 3 {
            dialogue.written();
        }
        assert_eq!(dialogue.session.answered_recipients().len(), usize::from(stage > 1));
        dialogue.session.closed();
        assert!(matches!(dialogue.session.next_event(), Err(SessionError::Closed)));
        assert_eq!(dialogue.session.take_lost(), [(id, expected), (later, Loss::Unwritten)], "stage {stage}");
    }
    let mut dialogue = Dialogue::ready("PIPELINING");
    dialogue.session.send(envelope(&["a@y"]));
    dialogue.server("250 ok\r\n250 ok\r\n354 go\r\n");
    dialogue.session.break_off();
    dialogue.session.write_body("a".into());
    dialogue.session.finish_body();
    assert_eq!((dialogue.written(), dialogue.error("")), (String::new(), SessionError::BrokenOff));
}

#[test]
fn a_server_that_gives_up_ends_the_session() {
    let mut dialogue = Dialogue::ready("");
    assert!(matches!(dialogue.error("421 idle too long\r\n"), SessionError::Bye(_)));
    let mut dialogue = Dialogue::ready("");
    assert!(matches!(dialogue.error("250 early\r\n"), SessionError::Unexpected(_)));
    // Submitted, and not yet given to the socket.
    let mut dialogue = Dialogue::ready("");
    dialogue.session.submit(Command::Noop);
    dialogue.session.buffer().extend_from_slice(b"250 early\r\n");
    assert!(matches!(dialogue.session.next_event(), Err(SessionError::Unexpected(_))));
    // 421 answers what was asked, and is the last word.
    let mut dialogue = Dialogue::ready("");
    let id = dialogue.session.submit(Command::Noop);
    dialogue.written();
    dialogue.session.buffer().extend_from_slice(b"421 shutting down\r\n");
    let event = dialogue.session.next_event().unwrap().unwrap();
    assert!(matches!(ended(vec![event], id).0, Err(failure) if failure.is_transient()));
    assert!(matches!(dialogue.session.next_event(), Err(SessionError::Bye(_))));
}

#[test]
fn the_clock_runs_while_a_reply_is_due() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let mut dialogue = Dialogue::ready("PIPELINING");
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += minutes(20);
    dialogue.session.send(envelope(&["a@y"]));
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(5)));
    dialogue.server("250 ok\r\n250 ok\r\n");
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(2)));
    dialogue.server("354 go\r\n");
    assert_eq!(dialogue.session.deadline(), None, "it is ours to write");
    dialogue.session.finish_body();
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + minutes(10)));
}

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Step {
    Server(&'static str),
    Submit(Command),
    Send(Envelope),
    Body(&'static str),
    Finish,
    Cancel(u64),
    BreakOff,
    Write,
    Tls,
}

fn step() -> impl Strategy<Value = Step> {
    let said = [
        "250 ok\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "220 hi\r\n",
        "354 go\r\n",
        "354 go\r\n",
        "550 no\r\n",
        "421 bye\r\n",
        "250-a\r\n",
        "25",
        "0 x\r\n",
        "334 \r\n",
        "235 in\r\n",
        "250-PIPELINING\r\n",
        "250-AUTH PLAIN\r\n",
        "\n",
    ];
    let asked = [Command::Noop, Command::Rset, Command::Quit, Command::Data, Command::Vrfy("a".into())];
    let sent = || {
        let none = Envelope { on_refusal: OnRefusal::SendToNone, ..envelope(&["a@y", "b@y"]) };
        let chunks = Envelope { transfer: Transfer::Chunks, ..envelope(&["a@y"]) };
        proptest::sample::select(vec![
            envelope(&["a@y"]),
            envelope(&["a@y", "b@y"]),
            envelope(&[]),
            none,
            chunks,
        ])
    };
    prop_oneof![
        8 => proptest::sample::select(said.to_vec()).prop_map(Step::Server),
        1 => proptest::sample::select(asked.to_vec()).prop_map(Step::Submit),
        2 => sent().prop_map(Step::Send),
        2 => proptest::sample::select(vec!["a\r\n", ".", "\r", "\n", ""]).prop_map(Step::Body),
        1 => Just(Step::Finish),
        1 => (1..6u64).prop_map(Step::Cancel),
        1 => Just(Step::BreakOff),
        6 => Just(Step::Write),
        1 => Just(Step::Tls),
    ]
}

proptest! {
    #[test]
    fn every_message_has_one_end_whatever_happens(
        starts_tls: bool,
        extensions in proptest::option::of(proptest::sample::select(vec!["", "PIPELINING", "CHUNKING", "PIPELINING,CHUNKING"])),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let security = if starts_tls { Security::StartTls } else { Security::ImplicitTls };
        let mut dialogue = extensions.map_or_else(|| Dialogue::new(security), Dialogue::ready);
        let mut ends: BTreeMap<CommandId, u32> = BTreeMap::new();
        let mut written = Vec::new();
        for step in steps {
            match step {
                Step::Server(bytes) => dialogue.session.buffer().extend_from_slice(bytes.as_bytes()),
                Step::Submit(command) => drop(ends.insert(dialogue.session.submit(command), 0)),
                Step::Send(message) => drop(ends.insert(dialogue.session.send(message), 0)),
                Step::Body(text) => dialogue.session.write_body(text.into()),
                Step::Finish => dialogue.session.finish_body(),
                Step::Cancel(id) => {
                    if dialogue.session.cancel(CommandId(id)) {
                        *ends.get_mut(&CommandId(id)).unwrap() += 1;
                    }
                }
                Step::BreakOff => {
                    if let Some((id, Loss::Unwritten)) = dialogue.session.break_off() {
                        *ends.get_mut(&id).unwrap() += 1;
                    }
                }
                Step::Write => written.extend(dialogue.session.transmit().unwrap_or_default()),
                Step::Tls if dialogue.session.phase == Phase::TlsHandshake => dialogue.session.tls_established(),
                Step::Tls => {}
            }
            while let Ok(Some(event)) = dialogue.session.next_event() {
                if let Event::Completed { id, .. } = event {
                    *ends.get_mut(&id).unwrap() += 1;
                }
            }
            let _ = dialogue.session.deadline();
        }
        for (id, _) in dialogue.session.take_lost() {
            *ends.get_mut(&id).unwrap() += 1;
        }
        prop_assert!(ends.values().all(|ends| *ends == 1), "{:?}", ends);
        if !written.windows(4).any(|bytes| bytes == b"BDAT") {
            prop_assert_eq!(crate::dots::lone_line_break(&written, None), None);
        }
    }
}

#[test]
fn only_a_temporary_refusal_may_pass() {
    for (answer, transient) in [("451 4.3.0 later\r\n", true), ("550 5.1.0 never\r\n", false)] {
        let mut dialogue = Dialogue::ready("PIPELINING");
        let id = dialogue.session.send(envelope(&["a@y"]));
        let events = dialogue.server(&format!("{answer}503 first\r\n503 first\r\n"));
        assert_eq!(ended(events, id).0.unwrap_err().is_transient(), transient, "{answer}");
    }
    assert!(!Failure::RecipientsRefused.is_transient());
}

#[test]
fn one_that_is_cancelled_before_it_was_written_never_runs() {
    let mut dialogue = Dialogue::ready("");
    let first = dialogue.session.submit(Command::Noop);
    let second = dialogue.session.submit(Command::Vrfy("kim".into()));
    assert_eq!(dialogue.written(), "NOOP\r\n");
    assert!(!dialogue.session.cancel(first));
    assert!(dialogue.session.cancel(second));
    dialogue.server("250 ok\r\n");
    assert_eq!(dialogue.written(), "");
}

#[test]
fn the_end_of_the_connection_says_what_was_written() {
    let mut dialogue = Dialogue::ready("");
    let noop = dialogue.session.submit(Command::Noop);
    dialogue.session.closed();
    assert_eq!(dialogue.session.take_lost(), [(noop, Loss::Unwritten)]);
    let mut dialogue = Dialogue::ready("");
    let noop = dialogue.session.submit(Command::Noop);
    dialogue.written();
    dialogue.session.closed();
    assert_eq!(dialogue.session.take_lost(), [(noop, Loss::NotAccepted)]);

    // A message of which nothing was written, behind one that was.
    let mut dialogue = Dialogue::ready("PIPELINING");
    let first = dialogue.session.send(envelope(&["a@y"]));
    let events = dialogue.server("550 no\r\n503 first\r\n503 first\r\n");
    assert!(ended(events, first).0.is_err());
    let second = dialogue.session.send(envelope(&["a@y"]));
    dialogue.session.closed();
    assert_eq!(dialogue.session.take_lost(), [(second, Loss::Unwritten)]);
}

#[test]
fn a_message_that_was_refused_cannot_have_been_accepted() {
    let mut dialogue = Dialogue::ready("PIPELINING");
    let id = dialogue.session.send(envelope(&["a@y"]));
    // All are refused, and the server asks for the message all the same: an empty one ends it.
    dialogue.server("250 ok\r\n550 no\r\n354 go on\r\n");
    assert_eq!(dialogue.written(), ".\r\n");
    dialogue.session.closed();
    assert_eq!(dialogue.session.take_lost(), [(id, Loss::NotAccepted)]);
}

#[test]
fn a_size_up_to_the_servers_own_is_let_through() {
    for (size, goes) in [(1000, true), (1001, false)] {
        let mut dialogue = Dialogue::ready("SIZE 1000");
        let mut message = envelope(&["a@y"]);
        message.parameters.size = Some(size);
        let id = dialogue.session.send(message);
        assert_eq!(dialogue.written().contains("SIZE=1000"), goes);
        if !goes {
            let (outcome, _) = ended(dialogue.server(""), id);
            assert_eq!(outcome, Err(Failure::TooLarge { size, limit: 1000 }));
        }
    }
}

#[test]
fn behind_an_rset_of_ones_own_the_session_writes_none() {
    let refused = |dialogue: &mut Dialogue| {
        let id = dialogue.session.send(envelope(&["a@y"]));
        let events = dialogue.server("550 no\r\n503 first\r\n503 first\r\n");
        assert!(ended(events, id).0.is_err());
    };
    let mut dialogue = Dialogue::ready("PIPELINING");
    refused(&mut dialogue);
    dialogue.session.send(envelope(&["b@y"]));
    assert!(dialogue.written().starts_with("RSET\r\nMAIL "));

    let mut dialogue = Dialogue::ready("PIPELINING");
    refused(&mut dialogue);
    dialogue.session.submit(Command::Rset);
    dialogue.server("250 ok\r\n");
    dialogue.session.send(envelope(&["b@y"]));
    assert!(dialogue.written().starts_with("MAIL "));
}
