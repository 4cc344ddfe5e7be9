//! What is switched on after the login.

use super::*;

fn greeted(capabilities: &str, configure: impl FnOnce(&mut Config)) -> Dialogue {
    let mut config = Config::new(Security::ImplicitTls, Credentials::password("kim", "secret"));
    configure(&mut config);
    let mut dialogue = Dialogue::with(config);
    dialogue.server(&format!("* PREAUTH [CAPABILITY {capabilities}] hi\r\n"));
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
    dialogue
}

#[test]
fn extensions_are_enabled_as_far_as_the_server_has_them() {
    let enable = |config: &mut Config| {
        config.enable = vec![Capability::CondStore, Capability::QResync, Capability::Utf8Accept];
    };
    for (capabilities, written) in [
        ("IMAP4rev1 ENABLE QRESYNC UTF8=ACCEPT", "A1 ENABLE CONDSTORE QRESYNC UTF8=ACCEPT\r\n"),
        ("IMAP4rev1 ENABLE CONDSTORE UTF8=ONLY", "A1 ENABLE CONDSTORE UTF8=ACCEPT\r\n"),
        ("IMAP4rev2 CONDSTORE", "A1 ENABLE CONDSTORE\r\n"),
        ("IMAP4rev1 CONDSTORE", ""),
        ("IMAP4rev1 ENABLE", ""),
    ] {
        assert_eq!(greeted(capabilities, enable).written(), written, "{capabilities}");
    }
}

#[test]
fn what_follows_waits_until_it_is_known_what_was_enabled() {
    let mut dialogue = greeted("IMAP4rev1 ENABLE ID UTF8=ACCEPT", |config| {
        config.id = Some(Vec::new());
        config.enable = vec![Capability::Utf8Accept, Capability::QResync];
    });
    let create = Command::create(MailboxName::from_wire("b\u{e9}".as_bytes()));
    dialogue.session.submit(Request::new(create));
    assert_eq!(dialogue.written(), "A1 ID NIL\r\nA2 ENABLE UTF8=ACCEPT\r\n");
    assert!(!dialogue.session.is_enabled(&Capability::Utf8Accept));
    dialogue.server("* ID NIL\r\nA1 OK done\r\n* ENABLED UTF8=ACCEPT\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "");
    dialogue.server("A2 OK done\r\n");
    dialogue.events();
    assert!(dialogue.session.is_enabled(&Capability::Utf8Accept));
    assert!(!dialogue.session.is_enabled(&Capability::QResync));
    assert_eq!(dialogue.written(), "A3 CREATE \"b\u{e9}\"\r\n");
}

#[test]
fn compression_is_agreed_upon_before_anything_else() {
    let mut dialogue = greeted("IMAP4rev1 ENABLE CONDSTORE COMPRESS=DEFLATE", |config| {
        config.enable = vec![Capability::CondStore];
        config.compress = true;
    });
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A1 ENABLE CONDSTORE\r\n");
    dialogue.server("* ENABLED CONDSTORE\r\nA1 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A2 COMPRESS DEFLATE\r\n");
    dialogue.server("A2 OK go\r\nDEFLATED");
    assert!(matches!(dialogue.events()[..], [Event::Compress]));
    assert_eq!(
        (dialogue.written().as_str(), &dialogue.session.take_compressed()[..]),
        ("", &b"DEFLATED"[..])
    );
    dialogue.session.compression_started();
    assert_eq!(dialogue.written(), "A3 NOOP\r\n");
}

#[test]
fn all_goes_on_where_compression_is_refused_or_unknown() {
    let compress = |config: &mut Config| config.compress = true;
    let mut dialogue = greeted("IMAP4rev1", compress);
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A1 NOOP\r\n");
    let mut dialogue = greeted("IMAP4rev1 COMPRESS=DEFLATE", compress);
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A1 COMPRESS DEFLATE\r\n");
    dialogue.server("A1 NO not now\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "A2 NOOP\r\n");
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
