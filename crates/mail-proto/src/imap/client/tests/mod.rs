mod established;
mod large;
mod pipeline;
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

#[test]
fn login_over_starttls_forgets_what_was_said_before() {
    let mut dialogue = Dialogue::new(Security::StartTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "A1 STARTTLS\r\n");
    dialogue.server("* 5 EXISTS\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\nA1 OK go\r\n");
    assert!(matches!(dialogue.events()[..], [Event::StartTls]));
    dialogue.session.tls_established();
    assert_eq!(dialogue.session.capabilities(), None);
    assert_eq!(dialogue.written(), "A2 CAPABILITY\r\n");
    dialogue.server("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nA2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Data { id: None, .. }]));
    assert_eq!(dialogue.written(), "A3 AUTHENTICATE PLAIN\r\n");
    dialogue.server("+ \r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "AGtpbQBzZWNyZXQ=\r\n");
    dialogue.server("A3 OK [CAPABILITY IMAP4rev1] in\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
}

#[test]
fn starttls_ends_the_connection_rather_than_go_on_in_the_clear() {
    let after = |lines: &[&str]| {
        let mut dialogue = Dialogue::new(Security::StartTls);
        let mut outcome = Ok(Vec::new());
        for line in lines {
            dialogue.server(line);
            outcome = dialogue.try_events();
            dialogue.written();
        }
        outcome.unwrap_err()
    };
    assert_eq!(after(&["* PREAUTH hi\r\n"]), SessionError::PreAuthBeforeTls);
    let refused = after(&["* OK hi\r\n", "A1 NO not today\r\n"]);
    assert!(matches!(refused, SessionError::StartTlsRefused(_)));
    let injected = after(&["* OK hi\r\n", "A1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n"]);
    assert_eq!(injected, SessionError::DataBeforeTls);
    let half = after(&["* OK hi\r\n", "A1 OK go\r\n*"]);
    assert_eq!(half, SessionError::DataBeforeTls);
}

#[test]
fn login_takes_what_the_server_offers() {
    for (offer, written) in [
        ("AUTH=PLAIN SASL-IR", "A1 AUTHENTICATE PLAIN AGtpbQBzZWNyZXQ=\r\n"),
        ("AUTH=PLAIN LOGINDISABLED", "A1 AUTHENTICATE PLAIN\r\n"),
        ("AUTH=GSSAPI", "A1 LOGIN kim secret\r\n"),
    ] {
        let mut dialogue = Dialogue::new(Security::ImplicitTls);
        dialogue.server(&format!("* OK [CAPABILITY IMAP4rev1 {offer}] hi\r\n"));
        assert!(dialogue.events().is_empty());
        assert_eq!(dialogue.written(), written);
    }
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n");
    assert_eq!(dialogue.error(), SessionError::NoMechanism);
}

/// A dialogue with these credentials that was greeted with these capabilities.
fn greeted(credentials: Credentials, sasl: crate::sasl::Options, offer: &str) -> Dialogue {
    let now = Instant::now();
    let mut config = Config::new(Security::ImplicitTls, credentials);
    config.login.sasl = sasl;
    let mut dialogue = Dialogue { session: Session::new(config, now), now };
    dialogue.server(&format!("* OK [CAPABILITY IMAP4rev1 {offer}] hi\r\n"));
    dialogue
}

#[test]
fn tokens_and_others_log_in_by_their_mechanisms() {
    let token = || Credentials::token("kim", "abc");
    let anonymous = || Credentials::Anonymous { trace: "me".into() };
    for (credentials, offer, written) in [
        (
            token(),
            "SASL-IR AUTH=XOAUTH2 AUTH=PLAIN",
            "A1 AUTHENTICATE XOAUTH2 dXNlcj1raW0BYXV0aD1CZWFyZXIgYWJjAQE=\r\n",
        ),
        (
            token(),
            "SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER",
            "A1 AUTHENTICATE OAUTHBEARER bixhPWtpbSwBYXV0aD1CZWFyZXIgYWJjAQE=\r\n",
        ),
        (Credentials::External, "SASL-IR AUTH=EXTERNAL", "A1 AUTHENTICATE EXTERNAL =\r\n"),
        (Credentials::External, "AUTH=EXTERNAL", "A1 AUTHENTICATE EXTERNAL\r\n"),
        (anonymous(), "SASL-IR AUTH=ANONYMOUS", "A1 AUTHENTICATE ANONYMOUS bWU=\r\n"),
    ] {
        let mut dialogue = greeted(credentials, Default::default(), offer);
        assert!(dialogue.events().is_empty());
        assert_eq!(dialogue.written(), written);
        dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
        // Where the name wasn't asked for, nobody was authenticated.
        let complete = offer.contains("SASL-IR");
        assert_eq!(dialogue.try_events().is_ok(), complete, "{offer}");
    }
    for credentials in [token(), anonymous(), Credentials::External] {
        let mut dialogue = greeted(credentials, Default::default(), "AUTH=PLAIN");
        assert_eq!(dialogue.error(), SessionError::NoMechanism, "no password, no LOGIN");
    }
}

#[test]
fn a_refused_token_brings_the_servers_reason() {
    let credentials = Credentials::token("kim", "abc");
    let mut dialogue = greeted(credentials, Default::default(), "SASL-IR AUTH=OAUTHBEARER");
    dialogue.events();
    dialogue.written();
    dialogue.server("+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "AQ==\r\n");
    dialogue.server("A1 NO [AUTHENTICATIONFAILED] no\r\n");
    let SessionError::TokenRefused { status, refusal } = dialogue.error() else { panic!() };
    assert_eq!((refusal.status.as_deref(), &status.text[..]), (Some("invalid_token"), &b"no"[..]));
}

#[cfg(feature = "sasl")]
mod scram {
    use super::*;
    use crate::sasl::{self, Nonce, SaslError};

    /// RFC 7677 section 3.
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const CLIENT_LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";

    fn base64(text: &str) -> String {
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text)
    }

    fn begun(offer: &str) -> Dialogue {
        let nonce = Nonce::from_text("rOprNGfwEbeRWgbNEkqO").ok();
        let options = sasl::Options { nonce, ..Default::default() };
        let mut dialogue = greeted(Credentials::password("user", "pencil"), options, offer);
        dialogue.events();
        dialogue
    }

    #[test]
    fn with_and_without_an_initial_response() {
        let mut dialogue = begun("SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256");
        assert_eq!(dialogue.written(), format!("A1 AUTHENTICATE SCRAM-SHA-256 {}\r\n", base64(FIRST)));
        let mut slow = begun("AUTH=PLAIN AUTH=SCRAM-SHA-256");
        assert_eq!(slow.written(), "A1 AUTHENTICATE SCRAM-SHA-256\r\n");
        slow.server("+\r\n");
        slow.events();
        assert_eq!(slow.written(), format!("{}\r\n", base64(FIRST)));
        for dialogue in [&mut dialogue, &mut slow] {
            dialogue.server(&format!("+ {}\r\n", base64(SERVER_FIRST)));
            dialogue.events();
            assert_eq!(dialogue.written(), format!("{}\r\n", base64(CLIENT_LAST)));
            dialogue.server(&format!("+ {}\r\n", base64(SERVER_LAST)));
            dialogue.events();
            assert_eq!(dialogue.written(), "\r\n");
            dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
            assert!(matches!(dialogue.events()[..], [Event::Ready]));
        }
    }

    #[test]
    fn success_before_the_servers_signature_fails_the_login() {
        let offer = "SASL-IR AUTH=SCRAM-SHA-256";
        for challenges in [&[][..], &[SERVER_FIRST]] {
            let mut dialogue = begun(offer);
            dialogue.written();
            for challenge in challenges {
                dialogue.server(&format!("+ {}\r\n", base64(challenge)));
                dialogue.events();
                dialogue.written();
            }
            dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
            assert_eq!(dialogue.error(), SessionError::Sasl(SaslError::NotVerified));
        }
    }

    #[test]
    fn a_challenge_that_cannot_be_is_called_off() {
        let wrong = format!("v={}", base64(&"x".repeat(32)));
        for (challenges, error) in [
            (vec!["r=other,s=QSXC,i=4096"], SaslError::NonceMismatch),
            (vec![SERVER_FIRST, &wrong], SaslError::ServerSignature),
            (
                vec!["r=rOprNGfwEbeRWgbNEkqOb,s=QSXC,i=2147483647"],
                SaslError::Iterations { asked: i32::MAX as u32, limit: 1_000_000 },
            ),
        ] {
            // Whether the server says no to that, yes, or goes on.
            for end in ["A1 BAD called off\r\n", "A1 OK in\r\n", "+ \r\n"] {
                let mut dialogue = begun("SASL-IR AUTH=SCRAM-SHA-256");
                dialogue.written();
                let mut written = String::new();
                for challenge in &challenges {
                    dialogue.server(&format!("+ {}\r\n", base64(challenge)));
                    assert!(dialogue.events().is_empty());
                    written = dialogue.written();
                }
                assert_eq!(written, "*\r\n");
                dialogue.server(end);
                assert_eq!(dialogue.error(), SessionError::Sasl(error.clone()));
            }
        }
    }

    #[test]
    fn a_long_derivation_is_handed_out() {
        let mut dialogue = begun("SASL-IR AUTH=SCRAM-SHA-256");
        dialogue.written();
        dialogue.server(&format!("+ {}\r\n", base64("r=rOprNGfwEbeRWgbNEkqOb,s=QSXC,i=20000")));
        let [Event::DeriveKey(derivation)] = &dialogue.events()[..] else { panic!() };
        assert_eq!((derivation.iterations(), dialogue.written()), (20_000, String::new()));
        dialogue.session.derived(&derivation.run());
        assert!(dialogue.written().starts_with(&base64("c=biws,r=rOprNGfwEbeRWgbNEk")));
        dialogue.session.derived(&derivation.run());
        assert_eq!(dialogue.written(), "", "once");
    }
}

#[test]
fn a_refused_login_and_a_bye_are_told_as_they_came() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1] hi\r\n");
    assert!(dialogue.events().is_empty());
    dialogue.written();
    dialogue.server("A1 NO [LIMIT] too many\r\n");
    assert!(matches!(dialogue.error(), SessionError::LoginRefused(status) if status.text == "too many"));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* BYE busy\r\n");
    assert!(matches!(dialogue.error(), SessionError::Bye(_)));
}

#[test]
fn commands_without_conflict_share_the_wire() {
    let mut dialogue = Dialogue::ready();
    for request in [
        Request::new(Command::Noop),
        Request::new(Command::list("", "*")),
        Request::new(Command::list("", "%")),
        Request::new(Command::Noop),
    ] {
        dialogue.session.submit(request);
    }
    assert_eq!(dialogue.written(), "A1 NOOP\r\nA2 LIST \"\" \"*\"\r\n");
    dialogue.server("A2 OK done\r\n");
    assert_eq!(dialogue.events().len(), 1);
    assert_eq!(dialogue.written(), "A3 LIST \"\" \"%\"\r\nA4 NOOP\r\n");
}

#[test]
fn parts_of_one_message_share_the_wire_and_go_to_whom_they_belong() {
    let part = |offset| {
        let item = FetchItem::Body {
            section: crate::imap::fetch::Section::all(),
            peek: true,
            partial: Some(crate::imap::fetch::Partial { offset, len: 4 }),
        };
        Request::on(examined("a", None), Command::uid_fetch(7, vec![FetchItem::Uid, item]))
    };
    let mut dialogue = Dialogue::ready();
    let first = dialogue.session.submit(part(0));
    let second = dialogue.session.submit(part(4));
    let again = dialogue.session.submit(part(4));
    let fetches = "A2 UID FETCH 7 (UID BODY.PEEK[]<0.4>)\r\nA3 UID FETCH 7 (UID BODY.PEEK[]<4.4>)\r\n";
    assert_eq!(dialogue.written(), format!("A1 EXAMINE a\r\n{fetches}"));
    dialogue.server("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA1 OK [READ-ONLY] done\r\n");
    dialogue.events();
    dialogue.server("* 1 FETCH (UID 7 BODY[]<4> {4}\r\nefgh)\r\n* 1 FETCH (UID 7 BODY[]<0> {4}\r\nabcd)\r\n");
    let owners: Vec<_> = dialogue
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Data { id, data: Untagged::Fetch(fetch) } => {
                Some((id, fetch.body()?.content()?.to_bytes().into_owned()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(owners, [(Some(second), b"efgh".to_vec()), (Some(first), b"abcd".to_vec())]);
    dialogue.server("A2 OK done\r\nA3 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A4 UID FETCH 7 (UID BODY.PEEK[]<4.4>)\r\n");
    assert!(again > second);
}

#[test]
fn each_command_runs_with_its_mailbox_selected() {
    let mut dialogue = Dialogue::ready();
    let one = dialogue.session.submit(Request::on(examined("a", None), bodies("1")));
    let two = dialogue.session.submit(Request::on(examined("b", None), bodies("1")));
    let three = dialogue.session.submit(Request::on(examined("b", None), bodies("2")));
    assert_eq!(dialogue.written(), "A1 EXAMINE a\r\nA2 UID FETCH 1 (UID BODY.PEEK[])\r\n");
    dialogue.server("* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\nA1 OK [READ-ONLY] done\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.selected().unwrap().uid_validity, Some(7));
    dialogue.server("* 1 FETCH (UID 1 BODY[] \"x\")\r\nA2 OK done\r\n");
    let events = dialogue.events();
    assert!(matches!(&events[0], Event::Data { id, .. } if *id == Some(one)));
    assert!(matches!(&events[1], Event::Completed { id, outcome: Ok(_) } if *id == one));
    assert_eq!(
        dialogue.written(),
        "A3 EXAMINE b\r\nA4 UID FETCH 1 (UID BODY.PEEK[])\r\nA5 UID FETCH 2 (UID BODY.PEEK[])\r\n"
    );
    dialogue.server("A3 OK done\r\n");
    dialogue.events();
    // Data before any of the ends, in any order.
    dialogue.server("* 2 FETCH (UID 2 BODY[] \"y\")\r\n* 1 FETCH (UID 1 BODY[] \"x\")\r\n");
    let events = dialogue.events();
    assert!(matches!(&events[0], Event::Data { id, .. } if *id == Some(three)));
    assert!(matches!(&events[1], Event::Data { id, .. } if *id == Some(two)));
}

#[test]
fn a_mailbox_that_is_gone_or_another_fails_its_command_only() {
    let mut dialogue = Dialogue::ready();
    let gone = dialogue.session.submit(Request::on(examined("gone", Some(1)), bodies("1")));
    let other = dialogue.session.submit(Request::on(examined("new", Some(1)), bodies("1")));
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 NO no such mailbox\r\nA2 BAD nothing is selected\r\n");
    let events = dialogue.events();
    assert!(
        matches!(&events[..], [Event::Completed { id, outcome: Err(Failure::NotSelected(_)) }] if *id == gone)
    );
    assert_eq!(dialogue.written(), "A3 EXAMINE new\r\nA4 UID FETCH 1 (UID BODY.PEEK[])\r\n");
    dialogue.server("* OK [UIDVALIDITY 2] ok\r\nA3 OK done\r\nA4 OK done\r\n");
    let changed = Failure::UidValidityChanged { expected: 1, found: Some(2) };
    let events = dialogue.events();
    assert!(
        matches!(&events[1..], [Event::Completed { id, outcome: Err(failure) }] if *id == other && *failure == changed)
    );
    assert_eq!(dialogue.written(), "A5 NOOP\r\n");
    dialogue.server("A5 OK\r\n");
    assert!(matches!(dialogue.events().last(), Some(Event::Completed { id, .. }) if *id == noop));
}

#[test]
fn a_message_that_was_not_asked_for_is_nobodys() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::on(examined("a", None), bodies("1:5")));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    for line in [
        "* 9 FETCH (UID 9 BODY[] \"x\")\r\n",
        "* 3 FETCH (UID 3 FLAGS (\\Seen))\r\n",
        "* 4 FETCH (BODY[] \"x\")\r\n",
    ] {
        dialogue.server(line);
        assert!(matches!(dialogue.events()[..], [Event::Data { id: None, .. }]), "{line:?}");
    }
}

#[test]
fn a_large_body_comes_in_chunks_to_whom_it_belongs() {
    let mut dialogue = Dialogue::ready();
    let id = dialogue.session.submit(Request::on(examined("a", None), bodies("4")));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    let body = "x".repeat(100_000);
    // Once with the UID before the body, and once behind it, where it is the only one asked for.
    for (before, behind) in [("UID 4 ", ""), ("", " UID 4")] {
        dialogue.server(&format!("* 1 FETCH ({before}BODY[] {{100000}}\r\n"));
        dialogue.server(&body);
        dialogue.server(&format!("{behind})\r\n"));
        let events = dialogue.events();
        let mut len = 0;
        for event in &events {
            match event {
                Event::Data { id: to, data: Untagged::Fetch(_) } => assert_eq!(*to, Some(id)),
                Event::Chunk { id: to, bytes } => {
                    assert_eq!(*to, Some(id));
                    len += bytes.len();
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(len, body.len());
    }
}

#[test]
fn a_body_of_unknown_message_is_held_until_its_uid_comes() {
    let mut dialogue = Dialogue::ready();
    let id = dialogue.session.submit(Request::on(examined("a", None), bodies("4:5")));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    dialogue.server("* 1 FETCH (BODY[] {100000}\r\n");
    dialogue.server(&"x".repeat(100_000));
    assert!(dialogue.events().is_empty());
    dialogue.server(" UID 5)\r\n");
    let events = dialogue.events();
    assert!(events.iter().all(|event| matches!(event,
        Event::Data { id: to, .. } | Event::Chunk { id: to, .. } if *to == Some(id))));
    dialogue.server("* 2 FETCH (BODY[] {9000000}\r\n");
    assert_eq!(dialogue.error(), SessionError::Unroutable { len: 9_000_000 });
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
        [Event::Unreadable(_), Event::Data { data: Untagged::Exists(4), .. }]
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
fn a_selection_tells_what_it_found() {
    let mut dialogue = Dialogue::ready();
    let select = Command::select(MailboxName::inbox());
    dialogue.session.submit(Request::new(select.clone()));
    dialogue.written();
    dialogue.server(
        "* FLAGS (\\Seen)\r\n* 9 EXISTS\r\n* OK [CLOSED] before\r\n* 3 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 5] a\r\n\
         * OK [UIDNEXT 8] b\r\n* OK [HIGHESTMODSEQ 99] c\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] d\r\n\
         A1 OK [READ-ONLY] done\r\n",
    );
    let Some(Event::Completed { outcome: Ok(completion), .. }) = dialogue.events().pop() else { panic!() };
    let selected = completion.selected.unwrap();
    assert_eq!((selected.exists, selected.recent, selected.uid_validity), (3, 1, Some(5)));
    assert_eq!((selected.uid_next, selected.highest_mod_seq), (Some(8), Some(99)));
    assert!(selected.read_only && !selected.examined);
    assert_eq!(selected.permanent_flags.unwrap().len(), 2);
    dialogue.server("* 2 EXPUNGE\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.selected().unwrap().exists, 2);
    dialogue.session.submit(Request::new(select));
    dialogue.written();
    dialogue.server("A2 NO gone\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.selected(), None, "a failed SELECT leaves none selected");
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

/// The commands that data went to, in order.
fn routed(events: Vec<Event>) -> Vec<Option<CommandId>> {
    let routed = events.into_iter().filter_map(|event| match event {
        Event::Data { id, .. } => Some(id),
        _ => None,
    });
    routed.collect()
}

#[test]
fn a_command_ends_idle_once_the_server_has_begun_it() {
    let mut dialogue = Dialogue::ready();
    let idle = dialogue.session.submit(Request::new(Command::Idle));
    assert_eq!(dialogue.written(), "A1 IDLE\r\n");
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "", "not before the server agrees");
    dialogue.server("+ idling\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Idling { id }] if id == idle));
    assert_eq!(dialogue.written(), "DONE\r\n");
    dialogue.server("* 4 EXISTS\r\nA1 OK done\r\n");
    assert!(matches!(
        dialogue.events()[..],
        [Event::Data { id: None, .. }, Event::Completed { id, outcome: Ok(_) }] if id == idle
    ));
    assert_eq!(dialogue.written(), "A2 NOOP\r\n");
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, .. }] if id == noop));
}

#[test]
fn no_reply_is_due_while_idle_runs() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    assert!(dialogue.session.deadline().is_some());
    dialogue.server("+ idling\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += Duration::from_secs(1000);
    dialogue.session.end_idle();
    assert_eq!(dialogue.session.deadline(), None, "DONE isn't written yet");
    assert_eq!(dialogue.written(), "DONE\r\n");
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(60)));
}

#[test]
fn idle_may_end_of_its_own_accord() {
    let mut dialogue = Dialogue::ready();
    let refused = dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    dialogue.server("A1 NO not here\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Err(_) }] if id == refused));
    let ended = dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    dialogue.server("+ idling\r\n");
    dialogue.events();
    dialogue.session.cancel(ended);
    dialogue.server("A2 OK enough\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == ended));
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A3 NOOP\r\n", "DONE would be a command of its own now");
}

#[test]
fn an_esearch_goes_to_the_command_it_names() {
    let mut dialogue = Dialogue::ready();
    let search = |returns, text: &'static str| {
        let key = crate::imap::SearchKey::text(text);
        Request::on(examined("a", None), Command::Search { uid: true, returns: Some(vec![returns]), key })
    };
    let one = dialogue.session.submit(search(SearchReturn::Count, "x"));
    let other = dialogue.session.submit(search(SearchReturn::Count, "y"));
    assert_eq!(
        dialogue.written(),
        "A1 EXAMINE a\r\nA2 UID SEARCH RETURN (COUNT) TEXT x\r\nA3 UID SEARCH RETURN (COUNT) TEXT y\r\n"
    );
    dialogue.server("A1 OK selected\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.tag_of(other).as_deref(), Some("A3"));
    dialogue.server(
        "* ESEARCH (TAG \"A3\") UID COUNT 3\r\n* ESEARCH (TAG \"A2\") UID COUNT 2\r\n* ESEARCH (TAG \"B\") COUNT 1\r\n",
    );
    assert_eq!(routed(dialogue.events()), [Some(other), Some(one), None]);
}

#[test]
fn answers_of_extensions_go_to_who_asked() {
    let inbox = MailboxName::inbox;
    for (command, answers) in [
        (Command::GetQuotaRoot(inbox()), "* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 1 2)\r\n"),
        (Command::GetAcl(inbox()), "* ACL INBOX kim lr\r\n"),
        (Command::MyRights(inbox()), "* MYRIGHTS INBOX lr\r\n"),
        (
            Command::GetMetadata {
                mailbox: inbox(),
                options: Default::default(),
                entries: vec!["/a".into()],
            },
            "* METADATA INBOX (/a NIL)\r\n",
        ),
        (Command::Namespace, "* NAMESPACE NIL NIL NIL\r\n"),
        (Command::GetJmapAccess, "* JMAPACCESS \"https://x/\"\r\n"),
        (
            Command::List {
                reference: "".into(),
                patterns: vec!["*".into()],
                options: ListOptions::default().telling(ListReturn::Status(vec![StatusItem::Messages])),
            },
            "* LIST () \"/\" a\r\n* STATUS a (MESSAGES 1)\r\n",
        ),
    ] {
        let mut dialogue = Dialogue::ready();
        let name = command.name();
        let id = dialogue.session.submit(Request::new(command));
        dialogue.written();
        dialogue.server(answers);
        assert!(routed(dialogue.events()).iter().all(|to| *to == Some(id)), "{name}");
        let mut dialogue = Dialogue::ready();
        dialogue.session.submit(Request::new(Command::Noop));
        dialogue.written();
        dialogue.server(answers);
        assert!(routed(dialogue.events()).iter().all(Option::is_none), "{name} unasked");
    }
}

#[test]
fn what_changes_the_connection_runs_alone() {
    let enable = Command::Enable([Capability::CondStore].into_iter().collect());
    for command in [enable, Command::Compress, Command::Unauthenticate, Command::Notify(Notify::None)] {
        let mut dialogue = Dialogue::ready();
        let name = command.name();
        dialogue.session.submit(Request::new(Command::Noop));
        dialogue.session.submit(Request::new(command));
        dialogue.session.submit(Request::new(Command::Noop));
        assert_eq!(dialogue.written(), "A1 NOOP\r\n");
        dialogue.server("A1 OK done\r\n");
        dialogue.events();
        let written = dialogue.written();
        assert!(written.contains(name) && written.lines().count() == 1, "{written:?}");
    }
}

#[test]
fn enabling_utf8_changes_what_is_written() {
    let mut dialogue = Dialogue::ready();
    let search = || Request::on(examined("a", None), Command::uid_search(crate::imap::SearchKey::text("é")));
    dialogue.server("* ENABLED UTF8=ACCEPT\r\n");
    dialogue.events();
    let first = dialogue.session.submit(search());
    let written = dialogue.written();
    assert!(written.starts_with("A1 EXAMINE a\r\nA2 UID SEARCH CHARSET UTF-8 "), "nobody asked for ENABLE");
    dialogue.server("A1 OK selected\r\n");
    dialogue.events();
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, .. }] if id == first));
    let enable = Command::Enable([Capability::Utf8Accept].into_iter().collect());
    dialogue.session.submit(Request::new(enable));
    dialogue.written();
    dialogue.server("* ENABLED UTF8=ACCEPT\r\nA3 OK done\r\n");
    dialogue.events();
    dialogue.session.submit(search());
    assert_eq!(dialogue.written(), "A4 UID SEARCH TEXT \"é\"\r\n");
    dialogue.server("A4 OK done\r\n");
    dialogue.events();
    dialogue.session.submit(Request::new(Command::list("", "é&*")));
    dialogue.session.submit(Request::new(Command::Status {
        mailbox: MailboxName::new("é & e"),
        items: vec![StatusItem::Messages],
    }));
    let written = dialogue.written();
    assert!(written.ends_with("STATUS \"é & e\" (MESSAGES)\r\n"), "{written}");
    dialogue.server("* STATUS \"é & e\" (MESSAGES 3)\r\nA6 OK done\r\n");
    let events = dialogue.events();
    let about = |event: &Event| match event {
        Event::Data { id: Some(_), data: Untagged::MailboxStatus(status) } => Some(status.mailbox.clone()),
        _ => None,
    };
    assert_eq!(events.iter().find_map(about), Some(MailboxName::new("é & e")));
}

#[test]
fn compression_begins_behind_the_answer() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Compress));
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 OK go\r\nDEFLATED");
    assert!(matches!(dialogue.events()[..], [Event::Completed { .. }, Event::Compress]));
    assert_eq!(dialogue.written(), "", "nothing in the clear any more");
    assert_eq!(&dialogue.session.take_compressed()[..], b"DEFLATED");
    dialogue.session.compression_started();
    assert_eq!(dialogue.written(), "A2 NOOP\r\n");
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { .. }]));
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
fn another_user_may_follow_on_the_same_connection() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Unauthenticate));
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { .. }]));
    assert_eq!(dialogue.written(), "", "nothing runs without a login");
    dialogue.session.log_in_as(Credentials::password("pat", "secret"));
    assert_eq!(dialogue.written(), "A2 CAPABILITY\r\n");
    dialogue.server("* CAPABILITY IMAP4rev1\r\nA2 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A3 LOGIN pat secret\r\n");
    dialogue.server("A3 OK [CAPABILITY IMAP4rev1] in\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
    assert_eq!(dialogue.written(), "A4 NOOP\r\n");
}

#[test]
fn a_message_without_uid_is_found_by_its_number() {
    let mut dialogue = Dialogue::ready();
    let flags =
        |set| Request::on(examined("a", None), fetch(set, vec![FetchItem::Uid, FetchItem::message()]));
    let one = dialogue.session.submit(flags("10:20"));
    let other = dialogue.session.submit(flags("30:40"));
    dialogue.written();
    dialogue.server("* 9 EXISTS\r\nA1 OK selected\r\n");
    dialogue.events();
    dialogue.written();
    // Known from what was told before, whoever asked.
    dialogue.server(
        "* 3 FETCH (UID 12 FLAGS ())\r\n* 4 FETCH (UID 33 FLAGS ())\r\n* 1 EXPUNGE\r\n* VANISHED 11\r\n",
    );
    dialogue.events();
    assert_eq!(dialogue.session.selected().unwrap().exists, 7);
    dialogue.server("* 1 FETCH (BODY[] \"x\")\r\n* 2 FETCH (BODY[] \"y\")\r\n* 5 FETCH (BODY[] \"z\")\r\n");
    assert_eq!(routed(dialogue.events()), [Some(one), Some(other), None], "what isn't known is nobody's");
}

#[test]
fn the_uids_that_a_move_tells_before_its_end_go_to_it() {
    let mut dialogue = Dialogue::ready();
    let moved = |set: &str| {
        let set = set.parse().unwrap();
        let selection = Selection { mailbox: MailboxName::inbox(), read_only: false, uid_validity: None };
        Request::on(selection, Command::Move { uid: true, set, mailbox: "x".into() })
    };
    let one = dialogue.session.submit(moved("1:3"));
    let other = dialogue.session.submit(moved("7"));
    dialogue.written();
    dialogue.server("A1 OK selected\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A2 UID MOVE 1:3 x\r\nA3 UID MOVE 7 x\r\n");
    dialogue.server("* OK [COPYUID 9 7 70] moved\r\n* OK [COPYUID 9 2:3 71:72] moved\r\n");
    dialogue.server("* OK [COPYUID 9 8 73] whose?\r\n");
    assert_eq!(routed(dialogue.events()), [Some(other), Some(one), None]);
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
fn a_selection_that_nobody_waits_for_any_more_fails_no_other_command() {
    let mut dialogue = Dialogue::ready();
    let noop = Command::Noop;
    let gone = dialogue.session.submit(Request::on(examined("gone", None), noop));
    let other = dialogue.session.submit(Request::on(examined("a", None), bodies("1")));
    assert_eq!(dialogue.written(), "A1 EXAMINE gone\r\n");
    assert!(dialogue.session.cancel(gone));
    dialogue.server("A1 NO no such mailbox\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "A2 EXAMINE a\r\nA3 UID FETCH 1 (UID BODY.PEEK[])\r\n");
    dialogue.server("A2 OK done\r\nA3 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == other));
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
