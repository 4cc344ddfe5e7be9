//! Literals that are too large to lie in their frame.

use super::*;
use crate::imap::MetadataData;

/// A session whose literals above 8 bytes are too large for their frame, with all messages asked for.
fn streaming() -> (Dialogue, CommandId) {
    let mut config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
    config.limits.kept_literal = 8;
    let mut dialogue = Dialogue::with(config);
    dialogue.server("* PREAUTH [CAPABILITY IMAP4rev1 METADATA] hi\r\n");
    dialogue.events();
    let items = vec![FetchItem::Uid, FetchItem::Envelope, FetchItem::Preview { lazy: false }];
    let id = dialogue
        .session
        .submit(Request::on(examined("a", None), fetch("1:*", [items, vec![FetchItem::message()]].concat())));
    dialogue.written();
    dialogue.server("* 9 EXISTS\r\nA1 OK [READ-ONLY] done\r\n");
    dialogue.events();
    dialogue.written();
    (dialogue, id)
}

/// A literal of so many bytes.
fn literal(len: usize) -> String {
    format!("{{{len}}}\r\n{}", "x".repeat(len))
}

/// What the events tell, with chunks joined and quirks left out.
fn told(events: Vec<Event>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let mut streams = false;
    for event in events {
        let chunk = matches!(&event, Event::Chunk { .. });
        match event {
            Event::Chunk { id, bytes } => {
                let text = std::str::from_utf8(&bytes).unwrap();
                match told.last_mut().filter(|_| streams) {
                    Some(last) => last.push_str(text),
                    None => told.push(format!("{:?} {text}", id.is_some())),
                }
            }
            Event::Data { id, data } => told.push(format!("{:?} {data:?}", id.is_some())),
            Event::Quirk(_) => {}
            Event::Unreadable { error, .. } => told.push(format!("unreadable: {}", error.expected)),
            other => panic!("{other:?}"),
        }
        streams = chunk;
    }
    told
}

/// What is told of these responses, the same however they are split.
fn told_of(responses: &str) -> Vec<String> {
    let (mut dialogue, _) = streaming();
    dialogue.server(responses);
    let whole = told(dialogue.events());
    for size in [1, 2, 7] {
        let (mut dialogue, _) = streaming();
        let mut events = Vec::new();
        for piece in responses.as_bytes().chunks(size) {
            dialogue.server(std::str::from_utf8(piece).unwrap());
            events.extend(dialogue.events());
        }
        assert_eq!(told(events), whole, "in pieces of {size}");
    }
    whole
}

fn fetches(events: Vec<Event>) -> Vec<(Option<CommandId>, crate::imap::fetch::Fetch)> {
    let fetches = events.into_iter().filter_map(|event| match event {
        Event::Data { id, data: Untagged::Fetch(fetch) } => Some((id, fetch)),
        _ => None,
    });
    fetches.collect()
}

#[test]
fn what_is_no_body_is_read_as_if_it_lay_in_its_frame() {
    let (mut dialogue, id) = streaming();
    let long = literal(30);
    dialogue.server(&format!("* METADATA a (/private/comment {long} /shared/comment {long})\r\n"));
    let [Event::Data { data: Untagged::Metadata(metadata), .. }] = &dialogue.events()[..] else { panic!() };
    let MetadataData::Entries(values) = &metadata.data else { panic!() };
    assert!(values.iter().all(|(_, value)| value.as_ref().is_some_and(|value| value.len() == 30)));
    assert_eq!(values.len(), 2);

    dialogue.server(&format!("* LIST () \"/\" {long}\r\n"));
    let [Event::Data { data: Untagged::List(list), .. }] = &dialogue.events()[..] else { panic!() };
    assert_eq!(list.mailbox.as_bytes().len(), 30);

    dialogue.server(&format!(
        "* 3 FETCH (UID 5 ENVELOPE (NIL {long} NIL NIL NIL NIL NIL NIL NIL {long}) PREVIEW {long} MODSEQ (8))\r\n"
    ));
    let [(owner, fetch)] = &fetches(dialogue.events())[..] else { panic!() };
    let envelope = fetch.envelope().unwrap();
    assert_eq!((*owner, fetch.uid(), fetch.mod_seq()), (Some(id), Some(5), Some(8)));
    assert_eq!(envelope.subject().unwrap().to_bytes().len(), 30);
    assert_eq!(envelope.message_id().unwrap().to_bytes().len(), 30);
    assert_eq!(fetch.preview().unwrap().to_bytes().len(), 30);
    assert!(fetch.streamed().is_none() && !fetch.continues());
}

#[test]
fn a_body_streams_whatever_is_gathered_around_it() {
    let (mut dialogue, id) = streaming();
    let long = literal(30);
    dialogue.server(&format!(
        "* 3 FETCH (UID 5 ENVELOPE (NIL {long} NIL NIL NIL NIL NIL NIL NIL NIL) BODY[] {long} PREVIEW {long} \
         BODY[HEADER] {long} FLAGS (\\Seen))\r\n"
    ));
    let events = dialogue.events();
    let chunks: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Chunk { id: owner, bytes } => Some((*owner, bytes.len())),
            _ => None,
        })
        .collect();
    assert_eq!(chunks, [(Some(id), 30), (Some(id), 30)]);
    let fetches = fetches(events);
    assert!(fetches.iter().all(|(owner, _)| *owner == Some(id)));
    let [(_, head), (_, middle), (_, tail)] = &fetches[..] else { panic!("{fetches:?}") };
    assert_eq!(head.envelope().unwrap().subject().unwrap().to_bytes().len(), 30);
    assert_eq!(head.streamed().unwrap().section, Some(&b""[..]));
    assert_eq!(middle.preview().unwrap().to_bytes().len(), 30);
    assert_eq!(middle.streamed().unwrap().section, Some(&b"HEADER"[..]));
    assert!(middle.continues() && tail.continues() && tail.flags().unwrap().seen());
}

#[test]
fn events_are_the_same_however_the_input_is_split() {
    let long = literal(30);
    let told = told_of(&format!(
        "* METADATA a (/private/comment {long})\r\n* 1 FETCH (UID 5 PREVIEW {long} BODY[] {long} PREVIEW {long})\r\n\
         * 2 FETCH (BODY[] {long} UID 6)\r\n* 3 FETCH (ENVELOPE (oops {long} BODY[] {long} UID 7)\r\n* 10 EXISTS\r\n\
         * X {long} {long}\r\n* 11 EXISTS\r\n"
    ));
    assert_eq!(told.len(), 11, "{told:#?}");
}

#[test]
fn beyond_8_mib_it_cannot_be_read_and_all_else_can() {
    let (mut dialogue, id) = streaming();
    let half = literal(4 << 20);
    dialogue
        .server(&format!("* METADATA a (/private/comment {half} /shared/comment {half})\r\n* 8 EXISTS\r\n"));
    assert!(matches!(
        dialogue.events()[..],
        [Event::Data { data: Untagged::Metadata(_), .. }, Event::Data { data: Untagged::Exists(8), .. }]
    ));
    let more = literal((4 << 20) + 1);
    dialogue
        .server(&format!("* METADATA a (/private/comment {half} /shared/comment {more})\r\n* 9 EXISTS\r\n"));
    assert!(matches!(
        dialogue.events()[..],
        [Event::Unreadable { .. }, Event::Data { data: Untagged::Exists(9), .. }]
    ));
    dialogue.server(&format!("* 3 FETCH (UID 5 PREVIEW {} MODSEQ (8))\r\n", literal((8 << 20) + 1)));
    let events = fetches(dialogue.events());
    assert!(events.iter().all(|(owner, _)| *owner == Some(id)));
    assert!(events[0].1.streamed().unwrap().section.is_none());
    assert_eq!(events[1].1.mod_seq(), Some(8));
}

#[test]
fn a_body_before_its_uid_goes_by_the_map_or_by_being_the_only_one_or_waits() {
    // By the map.
    let (mut dialogue, id) = streaming();
    dialogue.server("* 3 FETCH (UID 5 FLAGS ())\r\n");
    assert_eq!(routed(dialogue.events()), [None]);
    let body = literal(30);
    dialogue.server(&format!("* 3 FETCH (BODY[] {body}"));
    assert_eq!(fetches(dialogue.events())[0].0, Some(id), "at once");
    // By waiting for it.
    dialogue.server(&format!(" UID 5)\r\n* 4 FETCH (BODY[] {body}"));
    assert_eq!(routed(dialogue.events()), [Some(id)], "what goes on; nothing of the other");
    dialogue.server(" UID 6)\r\n");
    let events = dialogue.events();
    assert!(
        matches!(&events[1], Event::Chunk { id: Some(owner), bytes } if *owner == id && bytes.len() == 30)
    );
    assert_eq!(routed(events), [Some(id), Some(id)]);
    // By being the only one asked for.
    let mut dialogue = Dialogue::ready();
    let id = dialogue.session.submit(Request::on(examined("a", None), bodies("7")));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    dialogue.written();
    dialogue.server(&format!("* 4 FETCH (BODY[] {}", literal(100_000)));
    assert_eq!(routed(dialogue.events()), [Some(id)]);
}

#[test]
fn a_body_that_waits_for_its_uid_waits_with_8_mib_at_most() {
    let (mut dialogue, _) = streaming();
    dialogue.server(&format!("* 4 FETCH (BODY[] {} UID 6)\r\n", literal(8 << 20)));
    assert_eq!(fetches(dialogue.events()).len(), 2);
    dialogue.server(&format!("* 5 FETCH (BODY[] {{{}}}\r\n", (8 << 20) + 1));
    assert_eq!(dialogue.error(), SessionError::Unroutable { len: (8 << 20) + 1 });
}

#[test]
fn a_message_with_two_uids_is_none() {
    let (mut dialogue, id) = streaming();
    dialogue.server("* 1 FETCH (UID 5 FLAGS () UID 6)\r\n* 2 FETCH (UID 7 FLAGS () UID 7)\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Unreadable { .. }, Event::Data { .. }]));
    assert_eq!(dialogue.session.selected().unwrap().uid_of(1), None);
    let body = literal(30);
    // Held back, both UIDs behind it.
    dialogue.server(&format!("* 3 FETCH (BODY[] {body} UID 8 UID 9)\r\n* 12 EXISTS\r\n"));
    let events = dialogue.events();
    assert!(matches!(events[..], [Event::Unreadable { .. }, Event::Data { .. }]), "{events:?}");
    // Two before it.
    dialogue.server(&format!("* 3 FETCH (UID 8 UID 9 BODY[] {body} FLAGS ())\r\n* 13 EXISTS\r\n"));
    let events = dialogue.events();
    assert!(matches!(events[..], [Event::Unreadable { .. }, Event::Data { .. }]), "{events:?}");
    // One before and one behind it: what was told can't be taken back, and is told to be wrong.
    dialogue.server(&format!("* 3 FETCH (UID 8 BODY[] {body} UID 9)\r\n"));
    let told = fetches(dialogue.events());
    let [(one, head), (two, tail)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*one, *two, head.uid()), (Some(id), Some(id), Some(8)));
    assert!(tail.continues() && tail.has_two_uids() && !head.has_two_uids());
}

#[test]
fn a_uid_that_the_sender_may_have_written_is_believed_only_beside_the_map() {
    let broken = |uid: &str| format!("ENVELOPE (NIL \"say \"hi\" now\" NIL) UID {uid}");
    // The map says otherwise.
    let (mut dialogue, id) = streaming();
    dialogue.server("* 3 FETCH (UID 5 PREVIEW \"x\")\r\n");
    assert_eq!(routed(dialogue.events()), [Some(id)]);
    dialogue.server(&format!("* 3 FETCH ({})\r\n", broken("6")));
    let told = fetches(dialogue.events());
    assert!(told.iter().all(|(owner, fetch)| owner.is_none() && fetch.is_uid_doubtful()), "{told:?}");
    assert_eq!(dialogue.session.selected().unwrap().uid_of(3), Some(5));
    // The map agrees.
    dialogue.server(&format!("* 3 FETCH ({})\r\n", broken("5")));
    assert_eq!(routed(dialogue.events()), [Some(id)]);
    // The map doesn't know: what comes behind the body may.
    let body = literal(30);
    dialogue.server(&format!("* 4 FETCH ({} BODY[] {body} UID 8)\r\n", broken("7")));
    assert!(matches!(dialogue.events()[..], [Event::Unreadable { .. }]), "two UIDs");
    dialogue.server(&format!("* 4 FETCH ({} BODY[] {body})\r\n", broken("7")));
    assert_eq!(routed(dialogue.events()), [Some(id), Some(id)]);
    assert_eq!(dialogue.session.selected().unwrap().uid_of(4), None);
}

#[test]
fn what_vanished_goes_to_the_fetch_that_asks_for_it() {
    let mut dialogue = Dialogue::ready();
    let changes = |set: &str| Command::Fetch {
        uid: true,
        set: set.parse::<SequenceSet>().unwrap(),
        items: vec![FetchItem::Uid, FetchItem::Flags],
        modifiers: crate::imap::fetch::FetchModifiers {
            changed_since: Some(9),
            vanished: true,
            ..Default::default()
        },
    };
    let one = dialogue.session.submit(Request::on(examined("a", None), changes("1:10")));
    let two = dialogue.session.submit(Request::on(examined("a", None), changes("11:20")));
    let fetch = "A2 UID FETCH 1:10 (UID FLAGS) (CHANGEDSINCE 9 VANISHED)\r\n";
    assert_eq!(dialogue.written(), format!("A1 EXAMINE a\r\n{fetch}"));
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    dialogue.server("* VANISHED (EARLIER) 3:4\r\n* VANISHED 5\r\nA2 OK done\r\n");
    let events = dialogue.events();
    assert_eq!(routed(events), [Some(one), None]);
    assert_eq!(dialogue.written(), "A3 UID FETCH 11:20 (UID FLAGS) (CHANGEDSINCE 9 VANISHED)\r\n");
    dialogue.server("* VANISHED (EARLIER) 13:14\r\n");
    assert_eq!(routed(dialogue.events()), [Some(two)]);
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
fn debug_shows_how_much_is_gathered_and_never_what() {
    let (mut dialogue, _) = streaming();
    dialogue.server("* 3 FETCH (UID 5 PREVIEW {30}\r\ndear secret");
    assert!(dialogue.events().is_empty());
    let shown = format!("{:?}", dialogue.session);
    assert!(shown.contains("Held(42)") && !shown.contains("secret"), "{shown}");
}
