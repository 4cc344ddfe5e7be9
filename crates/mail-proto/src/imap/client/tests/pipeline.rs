//! The table of what may share the wire, row by row.

use super::{
    super::pipeline::{
        Sharing, conflict, follows_selection, needs_writing, same_selection, sharing, takes_long,
    },
    *,
};
use crate::{ParseOptions, imap::command::TaggedCommand};

/// The command of this line.
pub(super) fn command(line: &str) -> Command {
    let parsed = TaggedCommand::parse(format!("A1 {line}\r\n"), ParseOptions::default());
    parsed.unwrap_or_else(|error| panic!("{line}: {error}")).value.command
}

const ALONE: [&str; 37] = [
    // They change the connection.
    "STARTTLS",
    "LOGIN kim secret",
    "AUTHENTICATE PLAIN",
    "ENABLE CONDSTORE",
    "COMPRESS DEFLATE",
    "UNAUTHENTICATE",
    "LOGOUT",
    "NOTIFY NONE",
    "IDLE",
    // They put messages or the mailbox away.
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    // They set the set that was saved, or use it.
    "UID SEARCH RETURN (SAVE) SEEN",
    "UID SORT RETURN (SAVE) (DATE) UTF-8 SEEN",
    "UID SEARCH UID $",
    "UID SORT (DATE) UTF-8 UID $",
    "UID THREAD REFERENCES UTF-8 UID $",
    "UID FETCH $ FLAGS",
    "UID STORE $ FLAGS ()",
    "UID STORE $ X-GM-LABELS ()",
    "UID COPY $ b",
    "UID MOVE $ b",
    "UID EXPUNGE $",
    // They name messages by sequence numbers, or are answered by them.
    "FETCH 1 FLAGS",
    "STORE 1 FLAGS ()",
    "STORE 1 X-GM-LABELS ()",
    "COPY 1 b",
    "MOVE 1 b",
    "REPLACE 1 b {0+}\r\n",
    "SEARCH SEEN",
    "SORT (DATE) UTF-8 SEEN",
    "THREAD REFERENCES UTF-8 SEEN",
    "UID SEARCH 1:5",
    "UID SEARCH NOT (SEEN 1:5)",
    "UID SORT (DATE) UTF-8 1:5",
    "UID THREAD REFERENCES UTF-8 1:5",
    "UID FETCH $ BODY.PEEK[]",
];

const SELECTS: [&str; 2] = ["SELECT a", "EXAMINE a"];

const SHARED: [&str; 38] = [
    "CAPABILITY",
    "NOOP",
    "ID NIL",
    "GETJMAPACCESS",
    "LIST \"\" *",
    "LSUB \"\" *",
    "XLIST \"\" *",
    "STATUS a (MESSAGES)",
    "CREATE a",
    "DELETE a",
    "RENAME a b",
    "SUBSCRIBE a",
    "UNSUBSCRIBE a",
    "NAMESPACE",
    "APPEND a {0+}\r\n",
    "CHECK",
    "UID FETCH 1 FLAGS",
    "UID STORE 1 FLAGS ()",
    "UID STORE 1 X-GM-LABELS ()",
    "UID COPY 1 b",
    "UID MOVE 1 b",
    "UID EXPUNGE 1",
    "UID REPLACE 1 b {0+}\r\n",
    "UID SEARCH SEEN",
    "UID SEARCH RETURN (COUNT) SEEN",
    "UID SORT (DATE) UTF-8 SEEN",
    "UID SORT RETURN (COUNT) (DATE) UTF-8 SEEN",
    "UID THREAD REFERENCES UTF-8 SEEN",
    "ESEARCH IN (subtree a) SEEN",
    "GETQUOTA \"\"",
    "GETQUOTAROOT a",
    "SETQUOTA \"\" (STORAGE 5)",
    "SETACL a kim r",
    "GETACL a",
    "LISTRIGHTS a kim",
    "MYRIGHTS a",
    "GETMETADATA a /private/comment",
    "SETMETADATA a (/private/comment NIL)",
];

#[test]
fn p23_what_changes_or_lends_the_connection_runs_alone() {
    for line in ALONE {
        assert_eq!(sharing(&command(line)), Sharing::Alone, "{line}");
    }
    for line in SELECTS {
        assert_eq!(sharing(&command(line)), Sharing::Selects, "{line}");
    }
    for line in SHARED {
        assert_eq!(sharing(&command(line)), Sharing::Shared, "{line}");
    }
}

#[test]
fn p23_what_runs_alone_waits_for_all_and_holds_up_all() {
    for line in ALONE.into_iter().chain(SELECTS).filter(|line| !line.starts_with("IDLE")) {
        let mut dialogue = Dialogue::ready();
        let noop = || Request::new(Command::Noop);
        dialogue.session.submit(noop());
        dialogue.session.submit(Request::new(command(line)).with_upload(Bytes::new()));
        dialogue.session.submit(noop());
        assert_eq!(dialogue.written(), "A1 NOOP\r\n", "{line}");
        dialogue.server("A1 OK done\r\n");
        dialogue.events();
        let written = dialogue.written();
        assert!(written.starts_with("A2 ") && !written.contains("A3"), "{written:?}");
        dialogue.server("A2 NO not now\r\n");
        dialogue.events();
        assert_eq!(dialogue.written(), "A3 NOOP\r\n", "{line}");
    }
}

#[test]
fn p23_what_can_be_told_apart_shares_the_wire() {
    for line in SHARED {
        let mut dialogue = Dialogue::ready();
        dialogue.session.submit(Request::new(Command::Noop));
        dialogue.session.submit(Request::new(command(line)).with_upload(Bytes::new()));
        dialogue.session.submit(Request::new(Command::Noop));
        let written = dialogue.written();
        assert!(written.starts_with("A1 NOOP\r\nA2 ") && written.ends_with("\r\nA3 NOOP\r\n"), "{written:?}");
    }
}

/// Commands that may not share the wire.
const CONFLICTS: [(&str, &str); 60] = [
    // The same messages, by what is told or changed of them.
    ("UID FETCH 1:5 FLAGS", "UID FETCH 5:9 FLAGS"),
    ("UID FETCH 1:5 FLAGS", "UID FETCH 1:5 ENVELOPE"),
    ("UID FETCH 1:5 FLAGS", "UID STORE 5 FLAGS ()"),
    ("UID FETCH 1:5 FLAGS", "UID STORE 5 X-GM-LABELS ()"),
    ("UID FETCH 1:5 FLAGS", "UID MOVE 5 b"),
    ("UID FETCH 1:5 FLAGS", "UID EXPUNGE 5"),
    ("UID FETCH 1:5 FLAGS", "UID COPY 5 b"),
    ("UID FETCH 1:5 FLAGS", "UID FETCH 9:* FLAGS"),
    ("UID STORE 5 FLAGS ()", "UID STORE 5 FLAGS ()"),
    ("UID STORE 5 FLAGS ()", "UID COPY 5 b"),
    ("UID STORE 5 FLAGS ()", "UID STORE 5 X-GM-LABELS ()"),
    ("UID COPY 5 b", "UID MOVE 5 b"),
    ("UID COPY 5 b", "UID EXPUNGE 5"),
    ("UID FETCH 7 BODY.PEEK[]<0.4>", "UID FETCH 7 BODY.PEEK[]<0.9>"),
    ("UID FETCH 7 BODY.PEEK[1]<0.4>", "UID FETCH 7 (BODY.PEEK[1]<0.4> FLAGS)"),
    ("UID FETCH 7 BINARY.PEEK[1]<0.4>", "UID FETCH 7 BINARY.PEEK[1]<0.4>"),
    ("UID FETCH 7 BODY.PEEK[]", "UID FETCH 7 BODY.PEEK[]<0.4>"),
    // What is gone says nothing of who asked.
    ("UID FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)", "UID FETCH 2 FLAGS (CHANGEDSINCE 5 VANISHED)"),
    // What is searched for may be what changes.
    ("UID STORE 1 FLAGS ()", "UID SEARCH SEEN"),
    ("UID STORE 1 X-GM-LABELS ()", "UID SEARCH SEEN"),
    ("UID MOVE 1 b", "UID SORT (DATE) UTF-8 SEEN"),
    ("UID EXPUNGE 1", "UID THREAD REFERENCES UTF-8 SEEN"),
    ("UID STORE 1 FLAGS ()", "ESEARCH IN (subtree a) SEEN"),
    ("UID STORE 1 FLAGS ()", "UID REPLACE 1 b {0+}\r\n"),
    ("UID STORE 1 FLAGS ()", "UIDBATCHES 100"),
    // The answers say nothing of who asked.
    ("LIST \"\" *", "LIST \"\" %"),
    ("LSUB \"\" *", "LSUB \"\" %"),
    ("XLIST \"\" *", "XLIST \"\" %"),
    ("UID SEARCH SEEN", "UID SEARCH UNSEEN"),
    ("UID SORT (DATE) UTF-8 SEEN", "UID SORT (DATE) UTF-8 UNSEEN"),
    ("UID THREAD REFERENCES UTF-8 SEEN", "UID THREAD REFERENCES UTF-8 UNSEEN"),
    ("NAMESPACE", "NAMESPACE"),
    ("ID NIL", "ID NIL"),
    ("GETJMAPACCESS", "GETJMAPACCESS"),
    ("CAPABILITY", "CAPABILITY"),
    ("STATUS a (MESSAGES)", "STATUS a (UIDNEXT)"),
    // LIST brings more than names.
    ("LIST \"\" * RETURN (STATUS (MESSAGES))", "STATUS a (MESSAGES)"),
    ("LIST \"\" * RETURN (MYRIGHTS)", "MYRIGHTS a"),
    ("LIST \"\" * RETURN (METADATA (/private/comment))", "GETMETADATA a /private/comment"),
    // Limits.
    ("GETQUOTA \"\"", "GETQUOTAROOT a"),
    ("GETQUOTA \"\"", "SETQUOTA \"\" (STORAGE 5)"),
    ("GETQUOTAROOT a", "GETQUOTAROOT b"),
    // Rights and values of the same mailbox.
    ("SETACL a kim r", "GETACL a"),
    ("DELETEACL a kim", "GETACL a"),
    ("SETACL a kim r", "MYRIGHTS a"),
    ("LISTRIGHTS a kim", "LISTRIGHTS a bob"),
    ("GETMETADATA a /private/comment", "SETMETADATA a (/private/comment NIL)"),
    ("GETMETADATA a /private/comment", "GETMETADATA a /shared/comment"),
    // Names that change, and a look at them.
    ("CREATE a", "LIST \"\" *"),
    ("DELETE a", "LSUB \"\" *"),
    ("RENAME a b", "XLIST \"\" *"),
    ("SUBSCRIBE a", "LIST \"\" *"),
    ("UNSUBSCRIBE a", "LIST \"\" *"),
    ("CREATE a", "ESEARCH IN (subtree a) SEEN"),
    ("CREATE a", "APPEND a {0+}\r\n"),
    ("CREATE a", "CREATE b"),
    ("DELETE a", "STATUS a (MESSAGES)"),
    ("RENAME a b", "STATUS a (MESSAGES)"),
    ("SUBSCRIBE a", "UNSUBSCRIBE a"),
    ("DELETE a", "GETACL a"),
];

/// Commands that may.
const HARMLESS: [(&str, &str); 28] = [
    ("GETACL a", "STATUS a (MESSAGES)"),
    ("GETMETADATA a /private/x", "STATUS a (MESSAGES)"),
    ("UID FETCH 1:5 FLAGS", "UID FETCH 6:9 FLAGS"),
    ("UID FETCH 1:5 FLAGS", "UID STORE 6 FLAGS ()"),
    ("UID FETCH 1:5 FLAGS", "UID SEARCH SEEN"),
    ("UID FETCH 1 FLAGS (CHANGEDSINCE 5 VANISHED)", "UID FETCH 2 FLAGS (CHANGEDSINCE 5)"),
    ("UID COPY 5 b", "UID COPY 5 c"),
    ("UID COPY 5 b", "UID SEARCH SEEN"),
    ("UID STORE 1 FLAGS ()", "UID STORE 2 FLAGS ()"),
    ("UID STORE 1 FLAGS ()", "NOOP"),
    ("UID STORE 1 FLAGS ()", "LIST \"\" *"),
    ("UID FETCH 7 BODY.PEEK[]<0.4>", "UID FETCH 7 BODY.PEEK[]<4.4>"),
    ("UID FETCH 7 (UID BODY.PEEK[1]<0.4>)", "UID FETCH 7 (UID BODY.PEEK[2]<0.4>)"),
    ("UID FETCH 7 BINARY.PEEK[1]<0.4>", "UID FETCH 7 BINARY.PEEK[2]<0.4>"),
    ("UID FETCH 7 BODY.PEEK[1]<0.4>", "UID FETCH 7 BINARY.PEEK[1]<0.4>"),
    ("UID SEARCH RETURN (COUNT) SEEN", "UID SEARCH UNSEEN"),
    ("UID SEARCH RETURN (COUNT) SEEN", "UID SEARCH RETURN (ALL) UNSEEN"),
    ("UID SORT RETURN (COUNT) (DATE) UTF-8 SEEN", "UID SORT (DATE) UTF-8 SEEN"),
    ("UID SEARCH SEEN", "UID SORT (DATE) UTF-8 SEEN"),
    ("LIST \"\" *", "LSUB \"\" *"),
    ("LIST \"\" *", "STATUS a (MESSAGES)"),
    ("LIST \"\" * RETURN (STATUS (MESSAGES))", "GETQUOTAROOT a"),
    ("STATUS a (MESSAGES)", "STATUS b (MESSAGES)"),
    ("SETACL a kim r", "GETACL b"),
    ("GETMETADATA a /private/comment", "GETMETADATA b /private/comment"),
    ("APPEND a {0+}\r\n", "APPEND a {0+}\r\n"),
    ("CREATE a", "NOOP"),
    ("CREATE a", "UID FETCH 1 FLAGS"),
];

#[test]
fn p23_what_cannot_be_told_apart_or_depends_on_its_order_does_not_share_the_wire() {
    for (table, conflicts) in [(&CONFLICTS[..], true), (&HARMLESS[..], false)] {
        for (one, other) in table {
            let pair = (command(one), command(other));
            assert_eq!(conflict(&pair.0, &pair.1), conflicts, "{one} | {other}");
            assert_eq!(conflict(&pair.1, &pair.0), conflicts, "{other} | {one}");
        }
    }
}

#[test]
fn p23_commands_of_two_selections_do_not_share_the_wire() {
    let writable = |name| Selection { read_only: false, ..examined(name, None) };
    for (one, other, same) in [
        (Some(examined("a", None)), Some(examined("a", Some(1))), true),
        (Some(examined("a", None)), Some(examined("b", None)), false),
        (Some(examined("a", None)), Some(writable("a")), false),
        (Some(examined("a", None)), None, true),
        (None, None, true),
    ] {
        assert_eq!(same_selection(one.as_ref(), other.as_ref()), same, "{one:?} {other:?}");
    }
}

#[test]
fn p26_reads_follow_a_selection_and_changes_need_one_to_write() {
    for line in [
        "UID FETCH 1 (FLAGS BODY.PEEK[] BINARY.PEEK[1] BODYSTRUCTURE RFC822.HEADER)",
        "UID SEARCH SEEN",
        "UID SORT (DATE) UTF-8 SEEN",
        "UID THREAD REFERENCES UTF-8 SEEN",
        "UIDBATCHES 100",
    ] {
        assert!(follows_selection(&command(line)) && !needs_writing(&command(line)), "{line}");
    }
    for line in [
        "UID STORE 1 FLAGS ()",
        "UID STORE 1 X-GM-LABELS ()",
        "UID MOVE 1 b",
        "UID REPLACE 1 b {0+}\r\n",
        "EXPUNGE",
        "UID EXPUNGE 1",
    ] {
        assert!(!follows_selection(&command(line)) && needs_writing(&command(line)), "{line}");
    }
    let marks =
        ["UID FETCH 1 BODY[]", "UID FETCH 1 BINARY[1]", "UID FETCH 1 RFC822", "UID FETCH 1 RFC822.TEXT"];
    for line in marks.into_iter().chain(["UID COPY 1 b", "CHECK", "CLOSE", "NOOP"]) {
        assert!(!follows_selection(&command(line)) && !needs_writing(&command(line)), "{line}");
    }
}

#[test]
fn p44_what_changes_something_or_searches_may_take_long() {
    for line in [
        "SELECT a",
        "UID SEARCH SEEN",
        "UID SORT (DATE) UTF-8 SEEN",
        "UID THREAD REFERENCES UTF-8 SEEN",
        "ESEARCH IN (subtree a) SEEN",
        "APPEND a {0+}\r\n",
        "UID STORE 1 FLAGS ()",
        "UID COPY 1 b",
        "UID MOVE 1 b",
        "EXPUNGE",
        "CREATE a",
        "SETQUOTA \"\" (STORAGE 5)",
        "SETACL a kim r",
        "SETMETADATA a (/private/comment NIL)",
        "CHECK",
        "CLOSE",
    ] {
        assert!(takes_long(&command(line)), "{line}");
    }
    for line in [
        "NOOP",
        "CAPABILITY",
        "ID NIL",
        "NAMESPACE",
        "LIST \"\" *",
        "LSUB \"\" *",
        "XLIST \"\" *",
        "STATUS a (MESSAGES)",
        "GETQUOTA \"\"",
        "GETQUOTAROOT a",
        "GETACL a",
        "LISTRIGHTS a kim",
        "MYRIGHTS a",
        "GETMETADATA a /private/comment",
        "GETJMAPACCESS",
        "ENABLE CONDSTORE",
        "COMPRESS DEFLATE",
        "UNAUTHENTICATE",
        "IDLE",
        "UID FETCH 1 FLAGS",
        "LOGIN kim secret",
        "AUTHENTICATE PLAIN",
        "STARTTLS",
        "LOGOUT",
    ] {
        assert!(!takes_long(&command(line)), "{line}");
    }
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
