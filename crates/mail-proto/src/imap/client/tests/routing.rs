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
