mod established;
mod idle;
mod large;
mod login;
mod pipeline;
mod routing;
mod selecting;
mod upload;

use super::*;
use crate::imap::{
    AppendForm, AppendMessage, ListOptions, ListReturn, MailboxName, Notify, SearchReturn, SequenceSet,
    StatusItem, fetch::FetchItem,
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
        Self::with(Config::new(security, Credentials::password("kim", "secret")))
    }

    /// A session that is logged in.
    fn ready() -> Self {
        let mut dialogue = Self::new(Security::ImplicitTls);
        dialogue.server("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n");
        assert!(matches!(dialogue.events()[..], [Event::Ready]));
        dialogue
    }

    fn server(&mut self, bytes: &str) {
        self.session.buffer().extend_from_slice(bytes.as_bytes());
        self.session.received(self.now);
    }

    fn written(&mut self) -> String {
        let mut out = Vec::new();
        while let Some(bytes) = self.session.transmit() {
            out.extend_from_slice(&bytes);
        }
        self.session.transmitted(self.now);
        String::from_utf8(out).unwrap()
    }

    fn try_events(&mut self) -> Result<Vec<Event>, SessionError> {
        let mut events = Vec::new();
        while let Some(event) = self.session.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    fn events(&mut self) -> Vec<Event> {
        self.try_events().unwrap()
    }

    fn error(&mut self) -> SessionError {
        self.try_events().unwrap_err()
    }
}

fn examined(name: &str, uid_validity: Option<u32>) -> Selection {
    Selection { mailbox: MailboxName::new(name), read_only: true, uid_validity }
}

fn fetch(set: &str, items: Vec<FetchItem>) -> Command {
    Command::uid_fetch(set.parse::<SequenceSet>().unwrap(), items)
}

fn bodies(set: &str) -> Command {
    fetch(set, vec![FetchItem::Uid, FetchItem::message()])
}

/// The commands that data went to, in order.
fn routed(events: Vec<Event>) -> Vec<Option<CommandId>> {
    let routed = events.into_iter().filter_map(|event| match event {
        Event::Data { id, .. } => Some(id),
        _ => None,
    });
    routed.collect()
}

#[test]
fn a_literal_waits_to_be_asked_for_and_holds_what_follows() {
    let mut dialogue = Dialogue::new(Security::Plaintext);
    dialogue.server("* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n");
    dialogue.events();
    let create = dialogue.session.submit(Request::new(Command::create(MailboxName::from_wire("a\r\nb"))));
    let refused = dialogue.session.submit(Request::new(Command::create(MailboxName::from_wire("c\r\n"))));
    assert_eq!(dialogue.written(), "A1 CREATE {4}\r\n");
    dialogue.server("+ go on\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "a\r\nb\r\n");
    dialogue.server("A1 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == create));
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A2 CREATE {3}\r\n");
    dialogue.server("A2 NO no\r\n");
    assert!(
        matches!(dialogue.events()[..], [Event::Completed { id, outcome: Err(Failure::Refused(_)) }] if id == refused)
    );
    assert_eq!(dialogue.written(), "A3 NOOP\r\n", "nothing of the refused literal is written");
}

#[test]
fn what_was_not_asked_is_not_answered() {
    for answer in ["A1 OK done\r\n", "A2 OK early\r\n", "B1 OK\r\n", "A OK\r\n"] {
        let mut dialogue = Dialogue::ready();
        dialogue.session.submit(Request::new(Command::Noop));
        // Submitted, and not yet given to the socket.
        dialogue.server(answer);
        assert!(matches!(dialogue.error(), SessionError::UnexpectedTag(_)), "{answer:?}");
    }
}

#[test]
fn the_end_of_the_connection_says_what_was_written() {
    let mut dialogue = Dialogue::ready();
    let one = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    let two = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.session.closed();
    assert_eq!(dialogue.error(), SessionError::Closed);
    assert_eq!(dialogue.session.take_lost(), [(one, true), (two, false)]);
}

#[test]
fn what_was_read_before_the_end_is_told_before_it() {
    let mut dialogue = Dialogue::ready();
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 OK done\r\n* BYE gone\r\n");
    assert!(matches!(dialogue.session.next_event(), Ok(Some(Event::Completed { id, .. })) if id == noop));
    assert!(matches!(dialogue.session.next_event(), Err(SessionError::Bye(_))));
    assert!(dialogue.session.take_lost().is_empty());
}

#[test]
fn a_cancelled_command_is_not_written() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::list("", "*")));
    let waits = dialogue.session.submit(Request::new(Command::list("", "%")));
    assert!(dialogue.session.cancel(waits));
    assert_eq!(dialogue.written(), "A1 LIST \"\" \"*\"\r\n");
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "");
}

#[test]
fn a_line_that_cannot_be_read_is_an_event() {
    let mut dialogue = Dialogue::ready();
    dialogue.server("* 3 FETCH oops\r\n* 4 EXISTS\r\n");
    assert!(matches!(
        dialogue.events()[..],
        [Event::Unreadable { .. }, Event::Data { data: Untagged::Exists(4), .. }]
    ));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("220 smtp.example ESMTP\r\n");
    assert!(matches!(dialogue.error(), SessionError::NoGreeting(_)));
}

#[test]
fn the_clock_runs_while_a_reply_is_due() {
    let mut dialogue = Dialogue::ready();
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += Duration::from_secs(1000);
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(60)));
    dialogue.now += Duration::from_secs(59);
    dialogue.server("* OK still here\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(60)));
    dialogue.server("A1 OK\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.session.submit(Request::new(Command::examine(MailboxName::inbox())));
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(300)));
}

#[test]
fn a_goodbye_that_was_asked_for_is_no_error() {
    let mut dialogue = Dialogue::ready();
    let logout = dialogue.session.submit(Request::new(Command::Logout));
    dialogue.written();
    dialogue.server("* BYE see you\r\nA1 OK done\r\n");
    assert!(matches!(
        dialogue.events()[..],
        [Event::Data { id: Some(to), .. }, Event::Completed { id, outcome: Ok(_) }] if id == logout && to == logout
    ));
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Logout));
    dialogue.server("* BYE shutting down\r\n");
    assert!(matches!(dialogue.error(), SessionError::Bye(_)), "LOGOUT wasn't written yet");
}

#[test]
fn debug_shows_nothing_of_what_is_written_or_read() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1] hi\r\n");
    assert!(dialogue.events().is_empty());
    dialogue.server("* 1 FETCH (BODY[] \"dear secret");
    let shown = format!("{:?}", dialogue.session);
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(dialogue.written(), "A1 LOGIN kim secret\r\n");
}

#[test]
fn what_the_server_can_do_is_known_once_it_said_so() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    assert!(dialogue.session.capabilities().is_none());
    dialogue.server("* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n");
    dialogue.events();
    assert!(dialogue.session.capabilities().unwrap().has(&Capability::Idle));
}

#[test]
fn names_are_taken_as_modified_utf7_until_utf8_is_switched_on() {
    let mut dialogue = Dialogue::ready();
    dialogue.server("* LIST () NIL \"\u{e9}&AOk-\"\r\n");
    let events = dialogue.events();
    let [Event::Data { data: Untagged::List(list), .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(list.mailbox, MailboxName::from_wire("\u{e9}&AOk-"));
}

#[test]
fn new_commands_do_not_give_a_silent_server_more_time() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    let due = dialogue.now + Duration::from_secs(60);
    dialogue.now += Duration::from_secs(50);
    dialogue.session.submit(Request::new(Command::list("", "*")));
    assert!(!dialogue.written().is_empty());
    assert_eq!(dialogue.session.deadline(), Some(due));
}

#[test]
fn the_rest_of_a_command_gives_the_server_its_time_anew() {
    let mut dialogue = Dialogue::ready();
    let message = AppendMessage::new(300_000);
    let append = Command::Append { mailbox: MailboxName::inbox(), messages: vec![message] };
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.session.submit(Request::new(append).with_upload(vec![b'x'; 300_000].into()));
    dialogue.session.transmit().unwrap();
    dialogue.session.transmitted(dialogue.now);
    dialogue.now += Duration::from_secs(50);
    assert!(!dialogue.written().is_empty());
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(300)));
}
