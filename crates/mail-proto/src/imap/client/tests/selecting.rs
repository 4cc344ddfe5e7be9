//! What may be written behind the selection of its mailbox (P26), and what a selection tells.

use super::*;
use crate::imap::{Flag, QResync, SearchKey, SelectOptions, command::StoreAction};

fn writable(name: &str, uid_validity: Option<u32>) -> Selection {
    Selection { read_only: false, ..examined(name, uid_validity) }
}

fn store() -> Command {
    Command::Store {
        uid: true,
        set: SequenceSet::from(1),
        action: StoreAction::Add,
        silent: true,
        flags: vec![Flag::Seen],
        unchanged_since: None,
    }
}

fn outcomes(events: Vec<Event>) -> Vec<(CommandId, Result<(), Failure>)> {
    let outcomes = events.into_iter().filter_map(|event| match event {
        Event::Completed { id, outcome } => Some((id, outcome.map(drop))),
        _ => None,
    });
    outcomes.collect()
}

#[test]
fn p26_reads_follow_their_selection_at_once_and_writes_when_it_is_known() {
    let mut dialogue = Dialogue::ready();
    let a = || writable("a", Some(7));
    let body = dialogue.session.submit(Request::on(a(), bodies("5")));
    let search = dialogue.session.submit(Request::on(a(), Command::uid_search(SearchKey::seen())));
    let store = dialogue.session.submit(Request::on(a(), store()));
    let behind = dialogue.session.submit(Request::on(a(), bodies("6")));
    assert_eq!(
        dialogue.written(),
        "A1 SELECT a\r\nA2 UID FETCH 5 (UID BODY.PEEK[])\r\nA3 UID SEARCH SEEN\r\n"
    );
    dialogue.server("* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\nA1 OK [READ-WRITE] done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "", "STORE waits for the search");
    dialogue.server("* 1 FETCH (UID 5 BODY[] \"x\")\r\n* SEARCH 5\r\nA2 OK done\r\nA3 OK done\r\n");
    let events = dialogue.events();
    assert!(matches!(&events[0], Event::Data { id, .. } if *id == Some(body)));
    assert!(matches!(&events[1], Event::Data { id, .. } if *id == Some(search)));
    assert_eq!(outcomes(events), [(body, Ok(())), (search, Ok(()))]);
    assert_eq!(
        dialogue.written(),
        "A4 UID STORE 1 +FLAGS.SILENT (\\Seen)\r\nA5 UID FETCH 6 (UID BODY.PEEK[])\r\n"
    );
    dialogue.server("A4 OK done\r\nA5 OK done\r\n");
    assert_eq!(outcomes(dialogue.events()), [(store, Ok(())), (behind, Ok(()))]);
}

#[test]
fn p26_what_changes_mail_is_not_written_behind_a_selection() {
    let uid = || SequenceSet::from(1);
    let to = MailboxName::inbox;
    let marks = |item: FetchItem| Command::uid_fetch(uid(), vec![item]);
    let (section, part) = (crate::imap::fetch::Section::all, vec![1]);
    let commands = [
        store(),
        Command::Copy { uid: true, set: uid(), mailbox: to() },
        Command::Move { uid: true, set: uid(), mailbox: to() },
        Command::UidExpunge(uid()),
        Command::Replace { uid: true, number: 1, mailbox: to(), message: AppendMessage::new(0) },
        Command::Expunge,
        Command::Close,
        marks(FetchItem::Body { section: section(), peek: false, partial: None }),
        marks(FetchItem::Binary { part, peek: false, partial: None }),
        // These name messages by sequence numbers.
        Command::Fetch {
            uid: false,
            set: uid(),
            items: vec![FetchItem::Flags],
            modifiers: Default::default(),
        },
        Command::search(SearchKey::seen()),
        // These are about the connection.
        Command::Noop,
        Command::Check,
    ];
    for command in commands {
        let mut dialogue = Dialogue::ready();
        let name = command.name();
        let request = Request::on(writable("a", None), command).with_upload(Bytes::new());
        dialogue.session.submit(request);
        assert_eq!(dialogue.written(), "A1 SELECT a\r\n", "{name}");
        dialogue.server("A1 OK [READ-WRITE] done\r\n");
        dialogue.events();
        assert!(dialogue.written().starts_with(&format!("A2 {name}")), "{name}");
    }
}

#[test]
fn p26_a_mailbox_that_cannot_be_changed_is_not_changed() {
    let commands = [
        store(),
        Command::Move { uid: true, set: SequenceSet::from(1), mailbox: MailboxName::inbox() },
        Command::UidExpunge(SequenceSet::from(1)),
        Command::Expunge,
    ];
    for command in commands {
        for selection in [writable("a", None), examined("a", None)] {
            let mut dialogue = Dialogue::ready();
            let changes = dialogue.session.submit(Request::on(selection.clone(), command.clone()));
            let copy = Command::Copy { uid: true, set: SequenceSet::from(1), mailbox: MailboxName::inbox() };
            dialogue.session.submit(Request::on(selection, copy));
            dialogue.written();
            dialogue.server("A1 OK [READ-ONLY] done\r\n");
            assert_eq!(outcomes(dialogue.events()), [(changes, Err(Failure::ReadOnly))]);
            assert_eq!(dialogue.written(), "A2 UID COPY 1 INBOX\r\n");
        }
    }
}

#[test]
fn p27_what_was_read_of_another_mailbox_is_not_told() {
    let mut dialogue = Dialogue::ready();
    let gone = dialogue.session.submit(Request::on(examined("a", Some(7)), bodies("5")));
    let search = Request::on(examined("a", Some(7)), Command::uid_search(SearchKey::seen()));
    let search = dialogue.session.submit(search);
    let any = dialogue.session.submit(Request::on(examined("a", None), bodies("6")));
    dialogue.written();
    dialogue.server("* 3 EXISTS\r\n* OK [UIDVALIDITY 8] .\r\nA1 OK [READ-ONLY] done\r\n");
    assert_eq!(dialogue.events().len(), 2);
    let large = "x".repeat(100_000);
    dialogue.server(&format!(
        "* 1 FETCH (UID 5 BODY[] {{100000}}\r\n{large} FLAGS ())\r\n* 1 FETCH (BODY[] {{100000}}\r\n{large} UID 5)\r\n\
         * 1 FETCH (UID 5 BODY[] \"x\")\r\n* SEARCH 5\r\n"
    ));
    assert!(dialogue.events().is_empty());
    dialogue.server("* 2 FETCH (UID 6 BODY[] \"y\")\r\nA2 OK done\r\nA3 OK done\r\nA4 OK done\r\n");
    let events = dialogue.events();
    assert!(matches!(&events[0], Event::Data { id, .. } if *id == Some(any)), "that one takes what there is");
    let changed = || Err(Failure::UidValidityChanged { expected: 7, found: Some(8) });
    assert_eq!(outcomes(events), [(gone, changed()), (search, changed()), (any, Ok(()))]);
}

#[test]
fn p26_nothing_can_be_the_answer_before_the_selection_has_ended() {
    for (answer, ends) in [
        ("* 1 FETCH (UID 5 BODY[] \"x\")\r\n", true),
        ("* SEARCH 5\r\n", true),
        ("A2 OK done\r\n", true),
        // These may be news of the mailbox before.
        ("* 1 FETCH (UID 5 FLAGS (\\Seen))\r\n", false),
        ("* 3 EXISTS\r\n", false),
    ] {
        let mut dialogue = Dialogue::ready();
        dialogue.session.submit(Request::on(examined("a", None), bodies("5")));
        dialogue.session.submit(Request::on(examined("a", None), Command::uid_search(SearchKey::seen())));
        dialogue.session.submit(Request::on(examined("a", None), fetch("1:9", vec![FetchItem::Flags])));
        assert_eq!(dialogue.written().lines().count(), 3, "FLAGS of the same message wait");
        dialogue.server(answer);
        if ends {
            assert!(matches!(dialogue.error(), SessionError::Premature(_)), "{answer:?}");
        } else {
            assert!(matches!(dialogue.events()[..], [Event::Data { id: None, .. }]), "{answer:?}");
        }
    }
}

#[test]
fn a_command_may_be_refused_before_the_selection_has_ended() {
    let mut dialogue = Dialogue::ready();
    let refused = dialogue.session.submit(Request::on(examined("a", None), bodies("5")));
    dialogue.written();
    dialogue.server("A2 BAD too long\r\nA1 OK done\r\n");
    let outcomes = outcomes(dialogue.events());
    assert!(matches!(&outcomes[..], [(id, Err(Failure::Refused(_)))] if *id == refused));
}

#[test]
fn so_many_commands_follow_a_selection_and_no_more() {
    let mut dialogue = Dialogue::ready();
    for uid in 1..20 {
        dialogue.session.submit(Request::on(examined("a", None), bodies(&uid.to_string())));
    }
    assert_eq!(dialogue.written().lines().count(), 1 + 8);
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written().lines().count(), 11);
}

#[test]
fn a_failed_selection_fails_what_followed_it_and_no_other_mailbox() {
    let mut dialogue = Dialogue::ready();
    let one = dialogue.session.submit(Request::on(examined("gone", None), bodies("1")));
    let two = dialogue.session.submit(Request::on(examined("gone", None), bodies("2")));
    dialogue.session.submit(Request::on(examined("a", None), bodies("1")));
    dialogue.written();
    // A server that goes on with the mailbox before answers what nobody asked of it.
    dialogue.server("A1 NO gone\r\n* 1 FETCH (UID 1 BODY[] \"x\")\r\nA2 OK done\r\nA3 BAD what\r\n");
    let events = dialogue.events();
    assert!(events.iter().all(|event| matches!(event, Event::Completed { .. })), "{events:?}");
    let outcomes = outcomes(events);
    assert!(matches!(
        &outcomes[..],
        [(a, Err(Failure::NotSelected(_))), (b, Err(Failure::NotSelected(_)))] if (*a, *b) == (one, two)
    ));
    assert_eq!(dialogue.written(), "A4 EXAMINE a\r\nA5 UID FETCH 1 (UID BODY.PEEK[])\r\n");
}

#[test]
fn a_selection_with_qresync_tells_all_that_changed() {
    let mut dialogue = Dialogue::ready();
    let known = QResync { uid_validity: 7, modseq: 9, known_uids: None, known_pairs: None };
    let select = Command::Select {
        mailbox: MailboxName::inbox(),
        read_only: false,
        options: SelectOptions::qresync(known),
    };
    let id = dialogue.session.submit(Request::new(select));
    assert_eq!(dialogue.written(), "A1 SELECT INBOX (QRESYNC (7 9))\r\n");
    dialogue.server(
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [HIGHESTMODSEQ 20] .\r\n* VANISHED (EARLIER) 4:6,8\r\n\
         * 1 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (12))\r\n* 3 FETCH (UID 9 FLAGS () MODSEQ (13))\r\n",
    );
    let events = dialogue.events();
    assert_eq!(routed(events), [None, None, None, Some(id), Some(id), Some(id)]);
    dialogue.server("* VANISHED 7\r\n* 2 FETCH (FLAGS ())\r\nA1 OK [READ-WRITE] done\r\n");
    let mut events = dialogue.events();
    let Some(Event::Completed { outcome: Ok(completion), .. }) = events.pop() else { panic!("{events:?}") };
    assert_eq!(routed(events), [None, Some(id)]);
    let selected = completion.selected.unwrap();
    assert_eq!((selected.highest_mod_seq, selected.exists), (Some(20), 2));
    assert_eq!((selected.uid_of(1), selected.uid_of(2)), (Some(3), Some(9)));
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
fn a_mailbox_is_put_away_before_it_is_deleted_or_renamed() {
    let rename = |from: &str| Command::Rename { from: from.into(), to: "x".into() };
    for (capabilities, command, written) in [
        ("UNSELECT", Command::Delete("a/b".into()), "UNSELECT\r\n"),
        ("IMAP4rev2", Command::Delete("a/b".into()), "UNSELECT\r\n"),
        ("", Command::Delete("a/b".into()), "EXAMINE INBOX\r\n"),
        ("", Command::Delete("b".into()), "DELETE b\r\n"),
        ("UNSELECT", Command::Delete("a".into()), "DELETE a\r\n"),
        ("UNSELECT", rename("a/b"), "UNSELECT\r\n"),
        ("UNSELECT", rename("a"), "UNSELECT\r\n"),
        ("UNSELECT", rename("b"), "RENAME b x\r\n"),
    ] {
        let mut dialogue = Dialogue::new(Security::ImplicitTls);
        dialogue.server(&format!("* PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n"));
        dialogue.events();
        let search = Request::on(examined("a/b", None), Command::uid_search(SearchKey::All));
        dialogue.session.submit(search);
        assert_eq!(dialogue.written(), "A1 EXAMINE a/b\r\nA2 UID SEARCH ALL\r\n");
        let (name, puts_away) = (command.name(), !written.starts_with(command.name()));
        let id = dialogue.session.submit(Request::new(command));
        dialogue.server("A1 OK done\r\n");
        dialogue.events();
        let early = dialogue.written();
        assert!(!puts_away || early.is_empty(), "not amid a command that needs it: {early}");
        dialogue.server("* SEARCH\r\nA2 OK done\r\n");
        dialogue.events();
        if puts_away {
            assert_eq!(dialogue.written(), format!("A3 {written}"));
            // Some say BAD to it.
            dialogue.server("A3 BAD what?\r\n");
            assert!(dialogue.events().is_empty());
            assert!(dialogue.written().starts_with(&format!("A4 {name} ")));
            dialogue.server("A4 OK done\r\n");
        } else {
            dialogue.server("A3 OK done\r\n");
        }
        assert!(outcomes(dialogue.events()).iter().any(|(ended, outcome)| *ended == id && outcome.is_ok()));
    }
}

#[test]
fn what_a_selection_tells_and_what_changes_later_is_known() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::on(writable("a", None), Command::Noop));
    dialogue.written();
    dialogue.server(
        "* FLAGS (\\Seen x)\r\n* 3 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 9] .\r\n\
        * OK [UNSEEN 2] .\r\n* OK [HIGHESTMODSEQ 5] .\r\n* OK [MAILBOXID (F1)] .\r\n* OK [PERMANENTFLAGS (\\Seen)] .\r\n\
        A1 OK [READ-WRITE] done\r\n",
    );
    dialogue.events();
    dialogue.written();
    let selected = dialogue.session.selected().unwrap();
    assert_eq!((selected.exists, selected.recent, selected.unseen), (3, 1, Some(2)));
    assert_eq!((selected.uid_validity, selected.uid_next), (Some(7), Some(9)));
    assert_eq!((selected.highest_mod_seq, selected.mailbox_id.as_deref()), (Some(5), Some(&b"F1"[..])));
    assert_eq!((selected.flags.len(), selected.permanent_flags.as_ref().map(Vec::len)), (2, Some(1)));
    assert!(!selected.read_only && !selected.examined);

    let mut learn = |line: &str| {
        dialogue.server(&format!("* {line}\r\n"));
        dialogue.events();
        dialogue.session.selected().unwrap().clone()
    };
    // There is no message 0, no UID 0 and no UIDVALIDITY 0.
    let selected = learn("OK [UIDVALIDITY 0] .");
    assert_eq!(selected.uid_validity, None);
    assert_eq!(learn("OK [UIDNEXT 0] .").uid_next, None);
    assert_eq!(learn("OK [UNSEEN 0] .").unseen, None);
    assert_eq!(learn("OK [NOMODSEQ] .").highest_mod_seq, None);
    assert!(learn("OK [READ-ONLY] .").read_only);
    assert!(!learn("OK [READ-WRITE] .").read_only);
    assert_eq!(learn("NO [UIDNEXT 12] .").uid_next, None, "only what goes well tells");
    assert!(learn("FLAGS ()").flags.is_empty());
    assert_eq!(learn("2 EXPUNGE").exists, 2);
}

#[test]
fn one_that_was_examined_stays_read_only() {
    let mut dialogue = Dialogue::ready();
    let request = Request::on(examined("a", None), Command::Noop);
    assert_eq!(request.selection(), Some(&examined("a", None)));
    assert_eq!(Request::new(Command::Noop).selection(), None);
    dialogue.session.submit(request);
    dialogue.written();
    dialogue.server("A1 OK [READ-WRITE] done\r\n");
    dialogue.events();
    assert!(dialogue.session.selected().unwrap().read_only);
}

#[test]
fn a_mailbox_stays_selected_until_the_server_has_put_it_away() {
    for (answer, selected) in [("NO", true), ("BAD", true), ("OK", false)] {
        for command in [Command::Close, Command::Unselect] {
            let mut dialogue = Dialogue::ready();
            dialogue.session.submit(Request::new(Command::select(MailboxName::new("a"))));
            dialogue.written();
            dialogue.server("A1 OK done\r\n");
            dialogue.session.submit(Request::new(command));
            dialogue.events();
            dialogue.written();
            dialogue.server(&format!("A2 {answer} done\r\n"));
            dialogue.events();
            assert_eq!(dialogue.session.selected().is_some(), selected, "{answer}");
        }
    }
}
