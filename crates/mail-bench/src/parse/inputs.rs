//! What is read: responses as a server sends them, always the same.

use std::fmt::Write;

/// Responses of one kind.
pub(crate) struct Input {
    pub(crate) work: &'static str,
    pub(crate) wire: Vec<u8>,
    pub(crate) responses: usize,
}

impl Input {
    pub(crate) fn all() -> Vec<Self> {
        vec![full_fetch(), flags(), list(), search(), status(), body()]
    }
}

const NAMES: [&str; 8] = [
    "Ada Byron",
    "=?utf-8?Q?J=C3=B6rg_M=C3=BCller?=",
    "Grace Hopper",
    "Team \\\"Mail\\\" Support",
    "Noor van der Berg",
    "Build Bot",
    "Li Wei",
    "Ana Lucia Gomez",
];
const SUBJECTS: [&str; 6] = [
    "Quarterly numbers and the plan for next year",
    "Re: Minutes of Tuesday's meeting",
    "=?utf-8?B?0J/RgNC40LLQtdGCLCDQvNC40YA=?=",
    "[list] Fwd: \\\"final\\\" version of the draft (2)",
    "Invoice 2024-10442",
    "Your build has finished",
];

fn address(out: &mut String, number: usize) {
    let name = NAMES[number % NAMES.len()];
    let _ = write!(out, "(\"{name}\" NIL \"person.{}\" \"mail{}.example.org\")", number % 997, number % 7);
}

/// FETCH with ENVELOPE and BODYSTRUCTURE, about 1 KB each.
fn full_fetch() -> Input {
    let mut wire = String::new();
    let responses = 2_000;
    for number in 1..=responses {
        let _ = write!(
            wire,
            "* {number} FETCH (UID {} FLAGS (\\Seen{}) INTERNALDATE \"{:2}-Nov-2024 {:02}:24:{:02} +0100\" RFC822.SIZE {} \
             ENVELOPE (\"Mon, {} Nov 2024 10:20:30 +0100\" \"{}\" (",
            number * 3,
            ["", " \\Answered", " $Label1 NonJunk"][number % 3],
            number % 28 + 1,
            number % 24,
            number % 60,
            4_000 + number * 37,
            number % 28 + 1,
            SUBJECTS[number % SUBJECTS.len()]
        );
        address(&mut wire, number);
        wire.push_str(") (");
        address(&mut wire, number);
        wire.push_str(") (");
        address(&mut wire, number);
        wire.push_str(") (");
        for to in 0..1 + number % 3 {
            address(&mut wire, number + to * 11);
        }
        wire.push_str(") ");
        if number % 4 == 0 {
            wire.push('(');
            address(&mut wire, number + 5);
            wire.push(')');
        } else {
            wire.push_str("NIL");
        }
        let _ = write!(
            wire,
            " NIL \"<{0}.prev@mail.example.org>\" \"<{0}.{1}@mail.example.org>\") BODYSTRUCTURE ",
            number * 7_919,
            number
        );
        let text = |out: &mut String, subtype: &str| {
            let _ = write!(
                out,
                "(\"text\" \"{subtype}\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" {} {} NIL NIL NIL NIL)",
                1_000 + number,
                30 + number % 50
            );
        };
        let alternative = |out: &mut String| {
            out.push('(');
            text(out, "plain");
            text(out, "html");
            let _ = write!(out, " \"alternative\" (\"boundary\" \"----=_Part_{number}\") NIL NIL NIL)");
        };
        match number % 3 {
            0 => text(&mut wire, "plain"),
            1 => alternative(&mut wire),
            _ => {
                wire.push('(');
                alternative(&mut wire);
                let _ = write!(
                    wire,
                    "(\"application\" \"pdf\" (\"name\" \"report {number}.pdf\") NIL NIL \"base64\" {} NIL \
                     (\"attachment\" (\"filename\" \"report {number}.pdf\")) NIL NIL) \"mixed\" (\"boundary\" \
                     \"----=_Mixed_{number}\") NIL NIL NIL)",
                    number * 1_000
                );
            }
        }
        wire.push_str(")\r\n");
    }
    Input { work: "full-fetch", wire: wire.into_bytes(), responses }
}

/// UID, FLAGS and MODSEQ, as in a resynchronisation.
fn flags() -> Input {
    let mut wire = String::new();
    let responses = 20_000;
    let flags = ["", "\\Seen", "\\Answered \\Seen", "\\Seen $Label1", "\\Flagged \\Seen NonJunk"];
    for number in 1..=responses {
        let _ = write!(
            wire,
            "* {number} FETCH (UID {} FLAGS ({}) MODSEQ ({}))\r\n",
            number * 3,
            flags[number % flags.len()],
            90_000_000 + number
        );
    }
    Input { work: "flags", wire: wire.into_bytes(), responses }
}

fn list() -> Input {
    let mut wire = String::new();
    let responses = 10_000;
    for number in 1..=responses {
        let _ = write!(
            wire,
            "* LIST ({}) \"/\" \"Archive/{}/Project {number}\"\r\n",
            ["\\HasNoChildren", "\\HasChildren \\Marked", "\\HasNoChildren \\Junk"][number % 3],
            2000 + number % 25
        );
    }
    Input { work: "list", wire: wire.into_bytes(), responses }
}

/// One answer of 100,000 numbers.
fn search() -> Input {
    let mut wire = String::from("* SEARCH");
    for number in 1..=100_000 {
        let _ = write!(wire, " {}", number * 11);
    }
    wire.push_str("\r\n");
    Input { work: "search", wire: wire.into_bytes(), responses: 1 }
}

/// What lies between the data: counts, notices, the ends of commands.
fn status() -> Input {
    let mut wire = String::new();
    let rounds = 3_000;
    for number in 1..=rounds {
        let _ = write!(
            wire,
            "* {number} EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY {}] UIDs valid\r\n* OK [UIDNEXT {}] Predicted next \
             UID\r\n* OK [HIGHESTMODSEQ {}] Highest\r\n* OK Still here\r\n* {number} EXPUNGE\r\nA{number} OK \
             [READ-WRITE] Select completed (0.001 + 0.000 secs).\r\nB{number} NO [NONEXISTENT] Mailbox doesn't exist: \
             Old {number}\r\n* STATUS \"Archive {number}\" (MESSAGES {number} UIDNEXT {} UNSEEN 3)\r\n",
            1_700_000_000 + number,
            number * 5,
            number * 11,
            number * 5
        );
    }
    Input { work: "status", wire: wire.into_bytes(), responses: rounds * 10 }
}

/// Bodies of 50 KB.
fn body() -> Input {
    let mut wire = Vec::new();
    let responses = 40;
    let text: String = (0..50_000 / 80).map(|line| format!("{line:078}\r\n")).collect();
    for number in 1..=responses {
        let head = format!("* {number} FETCH (UID {} BODY[] {{{}}}\r\n", number * 3, text.len());
        wire.extend_from_slice(head.as_bytes());
        wire.extend_from_slice(text.as_bytes());
        wire.extend_from_slice(b" FLAGS (\\Seen))\r\n");
    }
    Input { work: "body-50k", wire, responses }
}

/// One line of 5 MB.
pub(crate) fn long_line() -> Vec<u8> {
    let mut wire = String::from("* SEARCH");
    for number in 0..650_000_u32 {
        let _ = write!(wire, " {}", 1_000_000 + number);
    }
    wire.push_str("\r\n");
    wire.into_bytes()
}
