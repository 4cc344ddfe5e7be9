//! Whose answer a piece of data is.

use super::*;

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
fn what_notify_tells_is_told_in_order_and_all_of_it() {
    let mut dialogue = Dialogue::ready();
    let line = "A1 NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[]) MessageExpunge)) (personal (MessageNew \
                MessageExpunge MailboxName))\r\n";
    let notify = crate::imap::command::TaggedCommand::parse(line, crate::ParseOptions::default());
    let id = dialogue.session.submit(Request::new(notify.unwrap().value.command));
    assert_eq!(dialogue.written(), line);
    dialogue.server("* STATUS a (MESSAGES 3)\r\n* STATUS b (MESSAGES 4)\r\n* 9 EXISTS\r\nA1 OK done\r\n");
    let mut events = dialogue.events();
    assert!(matches!(events.pop(), Some(Event::Completed { outcome: Ok(_), .. })));
    assert_eq!(routed(events), [Some(id), Some(id), None]);
    // With commands of the same kinds on their way, and without.
    for busy in [false, true] {
        if busy {
            for command in [bodies("1:5"), Command::list("", "%")] {
                dialogue.session.submit(Request::on(examined("a", None), command));
            }
            dialogue.written();
            dialogue.server("A2 OK [READ-ONLY] done\r\n");
            dialogue.events();
            assert_eq!(dialogue.written().lines().count(), 1);
        }
        dialogue.server(
            "* 9 EXISTS\r\n* 9 FETCH (UID 99 BODY[] \"x\")\r\n* 3 EXPUNGE\r\n* VANISHED 7\r\n\
             * STATUS c (MESSAGES 1 UIDNEXT 9)\r\n* 2 FETCH (UID 98 FLAGS (\\Seen))\r\n\
             * METADATA c /private/comment\r\n",
        );
        assert_eq!(routed(dialogue.events()), [None; 7], "busy: {busy}");
        dialogue.server("* LIST (\\NonExistent) \"/\" d\r\n");
        assert_eq!(routed(dialogue.events()).len(), 1);
    }
}

/// What is told, the command that asks for it, and others that it answers too.
const ASKED_FOR: [(&str, &str, &[&str]); 24] = [
    ("CAPABILITY IMAP4rev1", "CAPABILITY", &[]),
    ("ENABLED CONDSTORE", "ENABLE CONDSTORE", &[]),
    ("ID NIL", "ID NIL", &[]),
    ("NAMESPACE NIL NIL NIL", "NAMESPACE", &[]),
    ("JMAPACCESS \"https://x/\"", "GETJMAPACCESS", &[]),
    ("LIST () NIL a", "LIST \"\" * RETURN (STATUS (MESSAGES) MYRIGHTS METADATA (/private/x))", &[]),
    ("LSUB () NIL a", "LSUB \"\" *", &[]),
    ("XLIST () NIL a", "XLIST \"\" *", &[]),
    ("STATUS a (MESSAGES 1)", "STATUS a (MESSAGES)", &["LIST \""]),
    ("SEARCH 1", "UID SEARCH SEEN", &["UID SEARCH RETURN (COUNT) SEEN"]),
    ("SORT 1", "UID SORT (DATE) UTF-8 SEEN", &["UID SORT RETURN (COUNT) (DATE) UTF-8 SEEN"]),
    ("THREAD (1)", "UID THREAD REFERENCES UTF-8 SEEN", &[]),
    ("ESEARCH UID COUNT 1", "UID SEARCH RETURN (COUNT) SEEN", &["UID SORT RETURN", "ESEARCH"]),
    ("ESEARCH UID COUNT 2", "UID SORT RETURN (COUNT) (DATE) UTF-8 SEEN", &["UID SEARCH RETURN", "ESEARCH"]),
    ("ESEARCH UID COUNT 3", "ESEARCH IN (personal) SEEN", &["UID SEARCH RETURN", "UID SORT RETURN"]),
    ("UIDBATCHES 1:9", "UIDBATCHES 2000", &[]),
    ("VANISHED (EARLIER) 1", "UID FETCH 1:5 (FLAGS) (CHANGEDSINCE 1 VANISHED)", &["SELECT"]),
    ("VANISHED (EARLIER) 2", "SELECT a (QRESYNC (1 2))", &["UID FETCH"]),
    ("QUOTA r (STORAGE 1 2)", "GETQUOTA r", &["GETQUOTAROOT"]),
    ("QUOTAROOT a r", "GETQUOTAROOT a", &[]),
    ("ACL a kim lr", "GETACL a", &[]),
    ("LISTRIGHTS a kim lr", "LISTRIGHTS a kim", &[]),
    ("MYRIGHTS a lr", "MYRIGHTS a", &["LIST \""]),
    ("METADATA a (/private/x v)", "GETMETADATA a /private/x", &["LIST \""]),
];

/// Whether this data is the answer to this command, whose tag is A1.
fn answers(line: &str, data: &str) -> bool {
    let response = crate::imap::response::parse(format!("* {data}\r\n"), Default::default());
    let Ok(crate::imap::response::Response::Untagged(data)) = response.map(|parsed| parsed.value) else {
        panic!("{data}");
    };
    super::super::routing::answers(&pipeline::command(line), "A1", &data)
}

#[test]
fn data_answers_the_command_that_asks_for_it_and_no_other() {
    for (data, asks, too) in ASKED_FOR {
        assert!(answers(asks, data), "{asks}: {data}");
        for (_, other, _) in ASKED_FOR.iter().filter(|(_, other, _)| *other != asks) {
            assert_eq!(answers(other, data), too.iter().any(|too| other.starts_with(too)), "{other}: {data}");
        }
    }
}

#[test]
fn data_answers_for_the_mailbox_and_the_tag_that_are_meant() {
    for (command, data, does) in [
        ("STATUS b (MESSAGES)", "STATUS a (MESSAGES 1)", false),
        ("LIST \"\" *", "STATUS a (MESSAGES 1)", false),
        ("NOTIFY SET STATUS (personal (MessageNew))", "STATUS a (MESSAGES 1)", true),
        ("NOTIFY SET (personal (MessageNew))", "STATUS a (MESSAGES 1)", false),
        ("LISTRIGHTS b kim", "LISTRIGHTS a kim lr", false),
        ("GETACL b", "ACL a kim lr", false),
        ("MYRIGHTS b", "MYRIGHTS a lr", false),
        ("GETQUOTAROOT b", "QUOTAROOT a r", false),
        ("GETMETADATA b /private/x", "METADATA a (/private/x v)", false),
        ("GETMETADATA a /private/x", "METADATA a /private/x", false),
        ("SELECT a", "VANISHED (EARLIER) 1", false),
        ("UID FETCH 1:5 (FLAGS)", "VANISHED (EARLIER) 1", false),
        ("SELECT a (QRESYNC (1 2))", "VANISHED 1", false),
        ("UID SEARCH SEEN", "ESEARCH UID COUNT 1", false),
        ("UID SEARCH RETURN (COUNT) SEEN", "ESEARCH (TAG \"A1\") UID COUNT 1", true),
        ("UID SEARCH RETURN (COUNT) SEEN", "ESEARCH (TAG \"A2\") UID COUNT 1", false),
        ("UIDBATCHES 2000", "UIDBATCHES (TAG \"A1\") 1:9", true),
        ("UIDBATCHES 2000", "UIDBATCHES (TAG \"A2\") 1:9", false),
        ("LOGOUT", "BYE bye", true),
        ("NOOP", "BYE bye", false),
        ("UID MOVE 1:5 b", "OK [COPYUID 1 4 9] moved", true),
        ("UID MOVE 1:5 b", "OK [COPYUID 1 7 9] moved", false),
        ("UID COPY 1:5 b", "OK [COPYUID 1 4 9] copied", false),
    ] {
        assert_eq!(answers(command, data), does, "{command}: {data}");
    }
}

/// Which of the commands, each put on the wire alone, is told of this message: the mailbox has message 3 as UID 30.
fn told(command: &str, data: &str) -> bool {
    let mut dialogue = Dialogue::ready();
    let selection = Selection { read_only: false, ..examined("a", None) };
    dialogue.session.submit(Request::on(selection.clone(), Command::Noop));
    dialogue.written();
    dialogue.server("* 9 EXISTS\r\nA1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    dialogue.server("A2 OK done\r\n* 3 FETCH (UID 30)\r\n");
    dialogue.events();
    let id = dialogue.session.submit(Request::on(selection, pipeline::command(command)));
    assert!(!dialogue.written().is_empty(), "{command}");
    dialogue.server(&format!("* {data}\r\n"));
    routed(dialogue.events()) == [Some(id)]
}

#[test]
fn a_message_is_told_to_the_command_that_asked_for_such_a_thing() {
    for (command, data, does) in [
        ("FETCH 3 BODY.PEEK[]", "3 FETCH (BODY[] x)", true),
        ("FETCH 3 BODY.PEEK[]", "4 FETCH (BODY[] x)", false),
        ("FETCH 3:* BODY.PEEK[]", "9 FETCH (BODY[] x)", true),
        ("FETCH 20:* BODY.PEEK[]", "9 FETCH (BODY[] x)", true),
        ("UID FETCH 30 BODY.PEEK[]", "3 FETCH (BODY[] x)", true),
        ("UID FETCH 50 BODY.PEEK[]", "5 FETCH (BODY[] x)", true),
        ("UID FETCH 50:51 BODY.PEEK[]", "5 FETCH (BODY[] x)", false),
        ("UID FETCH 50:51 BODY.PEEK[]", "5 FETCH (UID 51 BODY[] x)", true),
        ("UID FETCH 90:* BODY.PEEK[]", "5 FETCH (UID 50 BODY[] x)", true),
        // Flags are told at any time.
        ("UID FETCH 30 BODY.PEEK[]", "3 FETCH (FLAGS ())", false),
        ("UID FETCH 30 FLAGS", "3 FETCH (FLAGS ())", true),
        ("FETCH 3 FLAGS", "3 FETCH (FLAGS ())", true),
        ("UID STORE 30 FLAGS ()", "3 FETCH (FLAGS ())", true),
        ("UID STORE 30 FLAGS ()", "3 FETCH (UID 30 BODY[] x)", false),
        ("STORE 3 FLAGS ()", "3 FETCH (FLAGS ())", true),
        ("STORE 3 FLAGS ()", "4 FETCH (FLAGS ())", false),
        ("UID STORE 30 X-GM-LABELS (a)", "3 FETCH (X-GM-LABELS (a))", true),
        ("UID STORE 30 X-GM-LABELS (a)", "3 FETCH (UID 30 FLAGS ())", false),
        ("UID STORE 30 X-GM-LABELS (a)", "3 FETCH (UID 30 BODY[] x)", false),
        ("STORE 3 X-GM-LABELS (a)", "3 FETCH (X-GM-LABELS (a))", true),
        ("NOOP", "3 FETCH (FLAGS ())", false),
    ] {
        assert_eq!(told(command, data), does, "{command}: {data}");
    }
}

#[test]
fn of_several_who_ask_for_one_message_none_is_told_of_one_that_cannot_be_told_apart() {
    let mut dialogue = Dialogue::ready();
    for uid in ["30", "31"] {
        dialogue.session.submit(Request::on(examined("a", None), bodies(uid)));
    }
    dialogue.written();
    dialogue.server("* 9 EXISTS\r\nA1 OK done\r\n");
    dialogue.events();
    dialogue.server("* 3 FETCH (BODY[] x)\r\n");
    assert_eq!(routed(dialogue.events()), [None]);
}

#[test]
fn flags_that_changed_in_the_mailbox_before_are_news_until_the_next_is_selected() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::on(examined("a", None), Command::Noop));
    dialogue.written();
    dialogue.server("* 9 EXISTS\r\nA1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    dialogue.server("A2 OK done\r\n");
    dialogue.events();
    dialogue
        .session
        .submit(Request::on(examined("b", None), fetch("1:5", vec![FetchItem::Uid, FetchItem::Flags])));
    assert_eq!(dialogue.written(), "A3 EXAMINE b\r\nA4 UID FETCH 1:5 (UID FLAGS)\r\n");
    dialogue.server("* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n");
    assert_eq!(routed(dialogue.events()), [None]);
    dialogue.server("* 1 FETCH (UID 1 ENVELOPE NIL)\r\n");
    assert!(matches!(dialogue.error(), SessionError::Premature(_)));
}

#[test]
fn a_selection_is_told_of_messages_only_what_it_asked_for() {
    for (line, data, does) in [
        ("SELECT a (QRESYNC (1 2))", "1 FETCH (UID 1 FLAGS ())", true),
        ("SELECT a (QRESYNC (1 2))", "1 FETCH (UID 1 BODY[] x)", false),
        ("SELECT a", "1 FETCH (UID 1 FLAGS ())", false),
    ] {
        let mut dialogue = Dialogue::ready();
        let id = dialogue.session.submit(Request::new(pipeline::command(line)));
        dialogue.written();
        dialogue.server(&format!("* {data}\r\n"));
        assert_eq!(routed(dialogue.events()), [does.then_some(id)], "{line}: {data}");
    }
}

#[test]
fn what_cannot_be_read_is_missed_by_those_who_may_have_asked_for_it() {
    let mut dialogue = Dialogue::ready();
    let list = dialogue.session.submit(Request::new(Command::list("", "*")));
    let status =
        |mailbox: &str| Command::Status { mailbox: mailbox.into(), items: vec![StatusItem::Messages] };
    let [a, b] = ["a", "b"].map(|mailbox| dialogue.session.submit(Request::new(status(mailbox))));
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.session.submit(Request::new(Command::Subscribe("a".into())));
    let unwritten = dialogue.session.submit(Request::new(Command::list("", "%")));
    dialogue.written();
    for (line, of) in [
        ("* LIST (\\Noselect \"/\" a\r\n", vec![list]),
        ("* list () \"/\"\r\n", vec![list]),
        ("* STATUS a (MESSAGES x\r\n", vec![a, b]),
        ("* LSUB (\r\n", vec![]),
        ("* SEARCH 1 x\r\n", vec![]),
        ("* 4 FETCH oops\r\n", vec![]),
        ("* LIST(\\Noselect) \"/\" a\r\n", vec![list]),
        ("LIST () \"/\" a\r\n", vec![list, a, b]),
    ] {
        dialogue.server(line);
        let events = dialogue.events();
        let [Event::Unreadable { ids, .. }] = &events[..] else { panic!("{line:?}: {events:?}") };
        assert_eq!(*ids, of, "{line:?}");
    }
    assert!(unwritten > b);
}
