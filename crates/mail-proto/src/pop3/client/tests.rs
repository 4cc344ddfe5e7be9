use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::pop3::Code;

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

    /// A session that is logged in to a server with these capabilities.
    fn ready(capabilities: &str) -> Self {
        let mut dialogue = Self::new(Security::ImplicitTls);
        dialogue.server("+OK hi\r\n");
        dialogue.server(&format!("+OK\r\n{capabilities}USER\r\n.\r\n"));
        dialogue.server("+OK\r\n");
        assert!(matches!(dialogue.server("+OK in\r\n")[..], [Event::Ready]));
        assert!(dialogue.session.is_ready());
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
        let bytes = self.session.transmit().unwrap_or_default();
        self.session.transmitted(self.now);
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

#[test]
fn login_over_stls_forgets_what_was_said_before() {
    let mut dialogue = Dialogue::new(Security::StartTls);
    assert!(dialogue.server("+OK hi <1@h>\r\n").is_empty());
    assert_eq!(dialogue.written(), "STLS\r\n");
    assert!(matches!(dialogue.server("+OK go\r\n")[..], [Event::StartTls]));
    dialogue.session.tls_established();
    assert_eq!(dialogue.written(), "CAPA\r\n");
    dialogue.server("-ERR unknown command\r\n");
    assert_eq!(dialogue.written(), "USER kim\r\n", "the timestamp came in the clear");
    dialogue.server("+OK\r\n");
    assert_eq!(dialogue.written(), "PASS secret\r\n");
    assert!(matches!(dialogue.server("+OK\r\n")[..], [Event::Ready]));
}

#[test]
fn stls_ends_the_connection_rather_than_go_on_in_the_clear() {
    let after = |answer: &str| {
        let mut dialogue = Dialogue::new(Security::StartTls);
        dialogue.server("+OK hi\r\n");
        dialogue.error(answer)
    };
    assert!(matches!(after("-ERR no\r\n"), SessionError::StartTlsRefused(_)));
    assert_eq!(after("+OK go\r\n+OK\r\nUSER\r\n.\r\n"), SessionError::DataBeforeTls);
    assert_eq!(after("+OK go\r\n+"), SessionError::DataBeforeTls);
}

#[test]
fn login_takes_what_the_server_offers() {
    let plaintext = Security::Plaintext;
    for (security, greeting, capabilities, written) in [
        (Security::ImplicitTls, "+OK <1@h>", "+OK\r\nUSER\r\n.\r\n", "USER kim\r\n"),
        (plaintext, "+OK", "+OK\r\nSASL PLAIN\r\n.\r\n", "AUTH PLAIN AGtpbQBzZWNyZXQ=\r\n"),
        (plaintext, "+OK", "+OK\r\nSASL LOGIN\r\n.\r\n", "AUTH LOGIN\r\n"),
        (plaintext, "+OK", "-ERR\r\n", "USER kim\r\n"),
        (plaintext, "+OK", "+OK\r\nSASL GSSAPI\r\n.\r\n", "USER kim\r\n"),
    ] {
        let mut dialogue = Dialogue::new(security);
        dialogue.server(&format!("{greeting}\r\n"));
        assert_eq!(dialogue.written(), "CAPA\r\n");
        dialogue.server(capabilities);
        assert_eq!(dialogue.written(), written);
    }
}

#[cfg(feature = "sasl")]
#[test]
fn apop_hides_the_password_where_nothing_else_does() {
    for (apop, security, capabilities, begins) in [
        // The hash itself is tested with RFC 1939's example.
        (Apop::default(), Security::Plaintext, "SASL PLAIN", "APOP kim "),
        (Apop::default(), Security::Plaintext, "SASL CRAM-MD5 PLAIN", "AUTH CRAM-MD5\r\n"),
        (Apop::default(), Security::ImplicitTls, "SASL PLAIN", "AUTH PLAIN "),
        (Apop::Always, Security::ImplicitTls, "USER", "APOP kim "),
        (Apop::Never, Security::Plaintext, "USER", "USER kim\r\n"),
    ] {
        let mut config = Config::new(security, Credentials::password("kim", "secret"));
        config.apop = apop;
        let mut dialogue = Dialogue::with(config);
        dialogue.server("+OK <1@h>\r\n");
        dialogue.server(&format!("+OK\r\n{capabilities}\r\n.\r\n"));
        let written = dialogue.written();
        assert!(written.starts_with(begins), "{capabilities}: {written}");
    }
}

#[test]
fn a_long_token_waits_for_its_challenge() {
    let token = "t".repeat(300);
    let mut dialogue = Dialogue::with(Config::new(Security::ImplicitTls, Credentials::token("kim", token)));
    dialogue.server("+OK hi\r\n");
    dialogue.server("+OK\r\nSASL PLAIN XOAUTH2\r\n.\r\n");
    assert_eq!(dialogue.written(), "AUTH XOAUTH2\r\n");
    dialogue.server("+ \r\n");
    assert!(dialogue.written().len() > 400);
    dialogue.server("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n");
    assert_eq!(dialogue.written(), "\r\n");
    let error = dialogue.error("-ERR [AUTH] no\r\n");
    let SessionError::TokenRefused { reply, refusal } = error else { panic!("{error}") };
    assert_eq!((reply.code, refusal.status.as_deref()), (Some(Code::Auth), Some("400")));
}

#[test]
fn a_bad_challenge_is_called_off() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("+OK hi\r\n");
    dialogue.server("+OK\r\nSASL PLAIN\r\n.\r\n");
    dialogue.server("+ again\r\n");
    assert_eq!(dialogue.written(), "*\r\n");
    assert!(matches!(dialogue.error("-ERR\r\n"), SessionError::Sasl(_)));
}

#[test]
fn a_refusal_is_told_as_it_came() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    let error = dialogue.error("-ERR [SYS/TEMP] later\r\n");
    assert!(matches!(error, SessionError::Bye(reply) if reply.code == Some(Code::SysTemp)));
    for refused_at in 0..2 {
        let mut dialogue = Dialogue::new(Security::ImplicitTls);
        dialogue.server("+OK hi\r\n");
        dialogue.server("-ERR\r\n");
        if refused_at == 1 {
            dialogue.server("+OK\r\n");
        }
        let error = dialogue.error("-ERR [IN-USE] locked\r\n");
        assert!(matches!(error, SessionError::LoginRefused(reply) if reply.code == Some(Code::InUse)));
    }
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    assert!(matches!(dialogue.error("220 smtp\r\n"), SessionError::Unreadable(_)));
    let mut dialogue = Dialogue::with(Config::new(Security::ImplicitTls, Credentials::External));
    dialogue.server("+OK hi\r\n");
    assert_eq!(dialogue.error("+OK\r\nUSER\r\n.\r\n"), SessionError::NoMechanism);
}

#[test]
fn commands_share_the_wire_only_where_the_server_says_so() {
    let mut alone = Dialogue::ready("");
    alone.session.submit(Command::Noop);
    alone.session.submit(Command::Stat);
    assert_eq!(alone.written(), "NOOP\r\n");
    alone.server("+OK\r\n");
    assert_eq!(alone.written(), "STAT\r\n");
    let mut together = Dialogue::ready("PIPELINING\r\n");
    together.session.submit(Command::Dele(1));
    together.session.submit(Command::Retr(2));
    let quit = together.session.submit(Command::Quit);
    let late = together.session.submit(Command::Noop);
    assert_eq!(together.written(), "DELE 1\r\nRETR 2\r\n", "QUIT waits until all is known");
    let events = together.server("+OK\r\n+OK\r\na\r\n.\r\n");
    assert_eq!(events.len(), 3);
    assert_eq!(together.written(), "QUIT\r\n");
    assert!(!together.session.is_ready());
    let events = together.server("+OK bye\r\n");
    assert!(matches!(events[..], [Event::Completed { id, outcome: Ok(_) }] if id == quit));
    together.session.closed();
    assert_eq!(together.session.take_lost(), [(late, Loss::Unwritten)]);
}

#[test]
fn the_pipeline_has_its_bound() {
    let mut config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
    config.pipeline = 2;
    let mut dialogue = Dialogue::with(config);
    dialogue.server("+OK\r\n");
    dialogue.server("+OK\r\nPIPELINING\r\n.\r\n");
    dialogue.server("+OK\r\n");
    dialogue.server("+OK\r\n");
    for number in 1..=3 {
        dialogue.session.submit(Command::Dele(number));
    }
    assert_eq!(dialogue.written(), "DELE 1\r\nDELE 2\r\n");
    dialogue.server("+OK\r\n");
    assert_eq!(dialogue.written(), "DELE 3\r\n");
}

#[test]
fn a_message_comes_in_chunks_to_whom_it_belongs() {
    let mut dialogue = Dialogue::ready("PIPELINING\r\n");
    let one = dialogue.session.submit(Command::Retr(1));
    let gone = dialogue.session.submit(Command::Retr(2));
    let top = dialogue.session.submit(Command::Top { number: 3, lines: 0 });
    let mut body = Vec::new();
    let mut ends = Vec::new();
    for event in dialogue.server("+OK 9 octets\r\n+OK\r\n..\r\n.\r\n-ERR gone\r\n+OK\r\nA: b\r\n.\r\n") {
        match event {
            Event::Chunk { id, bytes } => body.push((id, bytes)),
            Event::Completed { id, outcome } => ends.push((id, outcome.is_ok())),
            other => panic!("{other:?}"),
        }
    }
    let of = |wanted| {
        body.iter().filter(|(id, _)| *id == wanted).flat_map(|(_, bytes)| bytes.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(of(one), b"+OK\r\n.\r\n");
    assert_eq!((of(gone).len(), of(top)), (0, b"A: b\r\n".to_vec()));
    assert_eq!(ends, [(one, true), (gone, false), (top, true)]);
}

#[test]
fn listings_come_line_by_line() {
    let mut dialogue = Dialogue::ready("");
    let list = dialogue.session.submit(Command::List(None));
    let events = dialogue.server("+OK\r\n1 120\r\nfoo\r\n2 5\r\n.\r\n");
    assert!(matches!(
        &events[..],
        [
            Event::Item { item: Item::Size(ScanListing { number: 1, octets: 120 }), .. },
            Event::Unreadable { id, .. },
            Event::Item { item: Item::Size(ScanListing { number: 2, octets: 5 }), .. },
            Event::Completed { outcome: Ok(_), .. },
        ] if *id == list
    ));
    dialogue.session.submit(Command::Uidl(Some(2)));
    let events = dialogue.server("+OK 2 abc\r\n");
    assert!(matches!(&events[0], Event::Item { item: Item::UniqueId(id), .. } if id.uid == "abc"));
    dialogue.session.submit(Command::Stat);
    let Some(Event::Completed { outcome: Ok(completion), .. }) = dialogue.server("+OK 3 915\r\n").pop()
    else {
        panic!("an end")
    };
    assert_eq!(completion.drop, Some(DropListing { count: 3, octets: 915 }));
    dialogue.session.submit(Command::Stat);
    let events = dialogue.server("+OK -1 0\r\n");
    assert!(matches!(events[..], [Event::Completed { outcome: Err(Failure::Unreadable(_)), .. }]));
    dialogue.session.submit(Command::Capa);
    dialogue.server("+OK\r\nPIPELINING\r\nX-NEW a\r\n.\r\n");
    assert_eq!(dialogue.session.capabilities().unwrap().iter().count(), 2);
}

#[test]
fn leaving_deletes_nothing() {
    let mut dialogue = Dialogue::ready("");
    dialogue.session.submit(Command::Dele(1));
    dialogue.server("+OK\r\n");
    assert_eq!(dialogue.session.marked_as_deleted(), 1);
    let id = dialogue.session.leave();
    assert_eq!(dialogue.written(), "RSET\r\n");
    assert!(dialogue.server("+OK\r\n").is_empty());
    assert_eq!(dialogue.written(), "QUIT\r\n");
    assert!(
        matches!(dialogue.server("+OK\r\n")[..], [Event::Completed { id: done, outcome: Ok(_) }] if done == id)
    );
    // Where RSET fails there is no QUIT.
    let mut dialogue = Dialogue::ready("");
    dialogue.session.submit(Command::Dele(1));
    dialogue.server("+OK\r\n");
    let id = dialogue.session.leave();
    let events = dialogue.server("-ERR\r\n");
    assert!(
        matches!(events[..], [Event::Completed { id: done, outcome: Err(Failure::Refused(_)) }] if done == id)
    );
    assert_eq!(dialogue.written(), "");
    // With nothing marked there is nothing to undo.
    let mut dialogue = Dialogue::ready("");
    dialogue.session.submit(Command::Dele(1));
    dialogue.session.submit(Command::Rset);
    dialogue.session.leave();
    dialogue.server("+OK\r\n");
    dialogue.server("+OK\r\n");
    assert_eq!(dialogue.written(), "QUIT\r\n");
}

#[test]
fn the_end_of_the_connection_says_what_it_means() {
    let lost = |marked: bool, commands: &[Command]| {
        let mut dialogue = Dialogue::ready("");
        if marked {
            dialogue.session.submit(Command::Dele(1));
            dialogue.server("+OK\r\n");
        }
        for command in commands {
            dialogue.session.submit(command.clone());
        }
        dialogue.written();
        dialogue.session.closed();
        assert!(matches!(dialogue.session.next_event(), Err(SessionError::Closed)));
        dialogue.session.take_lost().into_iter().map(|(_, loss)| loss).collect::<Vec<_>>()
    };
    assert_eq!(lost(true, &[Command::Quit]), [Loss::OutcomeUnknown]);
    assert_eq!(lost(false, &[Command::Quit]), [Loss::NoEffect]);
    assert_eq!(lost(true, &[Command::Dele(2), Command::Quit]), [Loss::NoEffect, Loss::Unwritten]);
}

#[test]
fn what_was_not_asked_is_not_answered() {
    for (answer, bye) in [("+OK early\r\n", false), ("+ abc\r\n", false), ("-ERR idle too long\r\n", true)] {
        let mut dialogue = Dialogue::ready("");
        let error = dialogue.error(answer);
        assert_eq!(matches!(error, SessionError::Bye(_)), bye, "{answer}");
        // Submitted, and not yet given to the socket.
        let mut dialogue = Dialogue::ready("");
        dialogue.session.submit(Command::Noop);
        dialogue.session.buffer().extend_from_slice(answer.as_bytes());
        assert!(dialogue.session.next_event().is_err());
    }
}

#[test]
fn the_logins_commands_are_refused_behind_it() {
    let mut dialogue = Dialogue::ready("");
    dialogue.session.submit(Command::Stls);
    dialogue.session.submit(Command::User("a\r\nb".into()));
    dialogue.session.submit(Command::Lang(Some("a\r\nb".into())));
    let events = dialogue.server("");
    assert!(matches!(
        events[..],
        [
            Event::Completed { outcome: Err(Failure::NotHere("STLS")), .. },
            Event::Completed { outcome: Err(Failure::NotHere("USER")), .. },
            Event::Completed { outcome: Err(Failure::Argument(_)), .. },
        ]
    ));
    assert_eq!(dialogue.written(), "");
}

#[test]
fn the_clock_runs_while_a_reply_is_due() {
    let mut dialogue = Dialogue::ready("");
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += Duration::from_secs(1000);
    dialogue.session.submit(Command::Noop);
    assert_eq!(dialogue.session.deadline(), None, "not before it is written");
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(60)));
    dialogue.server("+OK\r\n");
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.session.submit(Command::Quit);
    dialogue.written();
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(300)));
}

#[test]
fn utf8_is_asked_for_where_the_server_has_it() {
    for (capabilities, written) in [("UTF8 USER", "UTF8\r\n"), ("USER", "USER kim\r\n")] {
        let mut config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
        config.utf8 = true;
        let mut dialogue = Dialogue::with(config);
        dialogue.server("+OK\r\n");
        dialogue.server(&format!("+OK\r\n{capabilities}\r\n.\r\n"));
        assert_eq!(dialogue.written(), written);
    }
}

/// Something that happens to a session.
#[derive(Clone, Debug)]
enum Step {
    Server(&'static str),
    Submit(Command),
    Leave,
    Cancel(u64),
    Write,
    Tls,
}

fn step() -> impl Strategy<Value = Step> {
    let said = [
        "+OK\r\n",
        "+OK\r\n",
        "+OK\r\n",
        "-ERR no\r\n",
        "+ \r\n",
        ".\r\n",
        "1 2\r\n",
        "..x\r\n",
        "+O",
        "K\r\n",
        "PIPELINING\r\n",
        "SASL PLAIN\r\n",
        "+OK 1 2\r\n",
        "\n",
        "\r",
    ];
    let asked = [
        Command::Noop,
        Command::Stat,
        Command::List(None),
        Command::Uidl(Some(1)),
        Command::Retr(1),
        Command::Dele(1),
        Command::Rset,
        Command::Capa,
        Command::Quit,
        Command::Stls,
        Command::Lang(Some("a b".into())),
    ];
    prop_oneof![
        5 => proptest::sample::select(said.to_vec()).prop_map(Step::Server),
        3 => proptest::sample::select(asked.to_vec()).prop_map(Step::Submit),
        1 => Just(Step::Leave),
        1 => (1..6u64).prop_map(Step::Cancel),
        4 => Just(Step::Write),
        1 => Just(Step::Tls),
    ]
}

proptest! {
    #[test]
    fn every_command_has_one_end_whatever_happens(
        starts_tls: bool,
        logged_in: bool,
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let security = if starts_tls { Security::StartTls } else { Security::ImplicitTls };
        let mut dialogue = if logged_in { Dialogue::ready("PIPELINING\r\n") } else { Dialogue::new(security) };
        let mut ends: BTreeMap<CommandId, u32> = BTreeMap::new();
        let mut fed = 0;
        for step in steps {
            match step {
                Step::Server(bytes) => dialogue.session.buffer().extend_from_slice(bytes.as_bytes()),
                Step::Submit(command) => drop(ends.insert(dialogue.session.submit(command), 0)),
                Step::Leave => drop(ends.insert(dialogue.session.leave(), 0)),
                Step::Cancel(id) => {
                    if dialogue.session.cancel(CommandId(id)) {
                        *ends.get_mut(&CommandId(id)).unwrap() += 1;
                    }
                }
                Step::Write => fed += dialogue.session.transmit().map_or(0, |bytes| bytes.len()),
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
        prop_assert!(ends.values().all(|ends| *ends == 1), "{:?} after {} bytes", ends, fed);
    }
}

#[test]
fn one_that_is_cancelled_before_it_was_written_never_runs() {
    let mut dialogue = Dialogue::ready("");
    let first = dialogue.session.submit(Command::Noop);
    let second = dialogue.session.submit(Command::Stat);
    assert_eq!(dialogue.written(), "NOOP\r\n");
    assert!(!dialogue.session.cancel(first));
    assert!(dialogue.session.cancel(second));
    assert!(!dialogue.session.cancel(second), "it is gone already");
    dialogue.server("+OK\r\n");
    assert_eq!((dialogue.written().as_str(), dialogue.session.load()), ("", (0, 0)));
}

#[test]
fn the_end_of_the_connection_says_what_was_written() {
    let mut dialogue = Dialogue::ready("PIPELINING\r\n");
    let written = dialogue.session.submit(Command::Dele(1));
    assert_eq!(dialogue.written(), "DELE 1\r\n");
    let unwritten = dialogue.session.submit(Command::Noop);
    dialogue.session.closed();
    assert_eq!(dialogue.session.take_lost(), [(written, Loss::NoEffect), (unwritten, Loss::Unwritten)]);
}

#[test]
fn only_what_the_server_confirms_is_marked() {
    let mut dialogue = Dialogue::ready("");
    let mut marked = |command, answer: &str| {
        dialogue.session.submit(command);
        dialogue.server(answer);
        dialogue.session.marked_as_deleted()
    };
    assert_eq!(marked(Command::Dele(1), "+OK\r\n"), 1);
    assert_eq!(marked(Command::Dele(2), "+OK\r\n"), 2);
    assert_eq!(marked(Command::Dele(9), "-ERR no such message\r\n"), 2);
    assert_eq!(marked(Command::Rset, "-ERR\r\n"), 2);
    assert_eq!(marked(Command::Rset, "+OK\r\n"), 0);
    assert_eq!(marked(Command::Dele(1), "+OK\r\n"), 1);
    assert_eq!(
        marked(Command::Quit, "-ERR some were not removed\r\n"),
        0,
        "what was marked is gone or isn't"
    );
}

#[test]
fn capabilities_are_those_of_the_last_listing_that_went_well() {
    let mut dialogue = Dialogue::ready("PIPELINING\r\n");
    let has = |dialogue: &Dialogue, capability| dialogue.session.capabilities().unwrap().has(&capability);
    dialogue.session.submit(Command::Capa);
    dialogue.server("-ERR not now\r\n");
    assert!(has(&dialogue, Capability::Pipelining));
    dialogue.session.submit(Command::Capa);
    dialogue.server("+OK\r\nUIDL\r\n");
    // Another command amid the listing changes nothing about it.
    dialogue.session.submit(Command::Noop);
    dialogue.server("TOP\r\n.\r\n");
    assert!(has(&dialogue, Capability::Uidl) && has(&dialogue, Capability::Top));
    assert!(!has(&dialogue, Capability::Pipelining));
}

#[test]
fn what_is_told_of_one_message_is_an_item_like_those_of_a_listing() {
    let mut dialogue = Dialogue::ready("");
    let mut items = |command, answer: &str| {
        let id = dialogue.session.submit(command);
        let events = dialogue.server(answer);
        let items = events.into_iter().filter_map(|event| match event {
            Event::Item { id: to, item } if to == id => Some(item),
            _ => None,
        });
        items.collect::<Vec<_>>()
    };
    let is_size = |item: &Item| matches!(item, Item::Size(listing) if listing.octets == 120);
    let is_id = |item: &Item| matches!(item, Item::UniqueId(one) if one.uid == "u2");
    let sizes = items(Command::List(Some(2)), "+OK 2 120\r\n");
    assert!(sizes.len() == 1 && is_size(&sizes[0]), "{sizes:?}");
    let ids = items(Command::Uidl(Some(2)), "+OK 2 u2\r\n");
    assert!(ids.len() == 1 && is_id(&ids[0]), "{ids:?}");
    let ids = items(Command::Uidl(None), "+OK\r\n1 u1\r\n2 u2\r\n.\r\n");
    assert!(ids.len() == 2 && is_id(&ids[1]), "{ids:?}");
}

#[test]
fn who_acts_for_another_is_not_logged_in_as_himself() {
    let mut config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
    config.login.sasl.authorization = Some("lee".into());
    let mut dialogue = Dialogue::with(config);
    dialogue.server("+OK hi\r\n");
    assert_eq!(dialogue.error("+OK\r\nUSER\r\n.\r\n"), SessionError::NoMechanism);
    assert_eq!(dialogue.written(), "");
}
