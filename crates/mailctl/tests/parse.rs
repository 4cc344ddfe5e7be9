//! `mailctl parse`: what a user who debugs a server gives it.

system_tests::watch_for_secrets!();

#[path = "support/parse.rs"]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
};

use serde_json::{Value, json};
use support::{Parsed, command, parse};

#[track_caller]
fn all_read(args: &[&str], input: impl AsRef<[u8]>) -> Vec<Value> {
    let Parsed { status, lines, stderr } = parse(args, input);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{lines:#?}");
    lines
}

/// What came out, some of it unread.
#[track_caller]
fn some_unread(args: &[&str], input: impl AsRef<[u8]>) -> Vec<Value> {
    let Parsed { status, lines, stderr } = parse(args, input);
    assert_eq!(status, Some(1), "{lines:#?}");
    assert!(stderr.starts_with("mailctl: ") && stderr.lines().count() == 1, "{stderr}");
    lines
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["kind"].as_str().unwrap_or("-")).collect()
}

#[test]
fn a_line_has_all_members() {
    let lines = all_read(&["imap"], "* 1 FETCH (UID  7 FLAGS (\\Seen))\r\na OK done\r\n");
    let expected = json!([
        {
            "ok": true, "kind": "FETCH", "tag": null, "value": {"seq": 1, "uid": 7, "flags": ["\\Seen"]},
            "quirks": [{"quirk": "extra white space", "offset": 14}], "invalid": [],
        },
        {"ok": true, "kind": "OK", "tag": "a", "value": {"tag": "a", "text": "done"}, "quirks": [], "invalid": []},
    ]);
    assert_eq!(Value::from(lines), expected);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let input = "* OK hi\r\n* STATUS \"a (MESSAGES 1)\r\n* 2 FETCH (UID x FLAGS ())\r\n\r\n* 3 EXISTS\r\n";
    let lines = some_unread(&["imap"], input);
    assert_eq!(kinds(&lines), ["OK", "STATUS", "FETCH", "-", "EXISTS"]);
    assert_eq!((&lines[1]["ok"], &lines[1]["value"]), (&json!(false), &Value::Null));
    let invalid = &lines[1]["invalid"][0];
    assert_eq!((&invalid["item"], &invalid["offset"]), (&json!("STATUS"), &json!(9)));
    assert_eq!(invalid["excerpt"], "\"a (MESSAGES 1)\r\n");
    assert!(!invalid["expected"].as_str().unwrap().is_empty());
    assert_eq!(lines[2]["ok"], true);
    assert_eq!(lines[2]["value"], json!({"seq": 2, "flags": []}));
    assert_eq!(lines[2]["invalid"][0]["item"], "UID");
    assert_eq!(lines[2]["invalid"][0]["offset"], 15);
    assert_eq!(lines[4]["value"]["num"], 3);
}

#[test]
fn strict_rejects_what_is_otherwise_a_quirk() {
    let input = "* CAPABILITY IMAP4rev1  IDLE\r\n* 1 EXISTS\r\n";
    assert_eq!(all_read(&["imap"], input)[0]["quirks"][0]["offset"], 22);
    let lines = some_unread(&["imap", "--strict"], input);
    assert_eq!((&lines[0]["ok"], &lines[1]["ok"]), (&json!(false), &json!(true)));
    assert_eq!(lines[0]["invalid"][0]["offset"], 22);
    some_unread(&["pop3", "--strict", "--command", "STAT"], "+OK  1 2\r\n");
    some_unread(&["smtp", "--strict"], "250\r\n");
    some_unread(&["imap", "--client", "--strict"], "a  NOOP\r\n");
    some_unread(&["smtp", "--client", "--strict"], "MAIL FROM: <a@b>\r\n");
    some_unread(&["pop3", "--client", "--strict"], "RETR  1\r\n");
}

#[test]
fn input_that_is_cut_short_says_so() {
    for (args, input, offset) in [
        (&["imap"][..], "* 1 EXISTS\r\n* 2 EXI", 7),
        (&["imap"], "* OK\r\n* 1 FETCH (BODY[] {9}\r\nabc", 26),
        (&["imap", "--client"], "a NOOP\r\na LOGIN kim {6}\r\n", 17),
        (&["pop3", "--command", "RETR 1"], "+OK\r\na\r\nb", 9),
        (&["pop3", "--command", "UIDL"], "+OK\r\n1 a\r\n", 10),
        (&["pop3", "--client"], "QUIT\r\nRET", 3),
        (&["smtp"], "220 hi\r\n250-a\r\n250-b\r\n", 14),
        (&["smtp", "--client"], "DATA\r\nabc\r\n", 11),
        (&["smtp", "--client"], "BDAT 5 LAST\r\nab", 15),
    ] {
        let lines = some_unread(args, input);
        let last = lines.last().unwrap();
        let invalid = &last["invalid"].as_array().unwrap()[0];
        assert_eq!(
            (&invalid["item"], &invalid["offset"]),
            (&json!("input"), &json!(offset)),
            "{input:?} {last}"
        );
        assert!(invalid["expected"].as_str().unwrap().contains("input ends"));
    }
    let lines = some_unread(&["pop3", "--command", "GREETING", "--command", "STAT"], "+OK hi\r\n");
    assert_eq!((&lines[1]["ok"], &lines[1]["command"]), (&json!(false), &json!("STAT")));
}

#[test]
fn lines_may_end_in_lf_alone() {
    let lines = all_read(&["imap"], "* OK hi\n* 1 FETCH (BODY[] {4}\na\r\nb)\na OK done\n");
    assert_eq!(kinds(&lines), ["OK", "FETCH", "OK"]);
    assert_eq!(lines[1]["value"]["section_text"], "a\r\nb");
    let lines = all_read(&["pop3", "--command", "RETR 1", "--command", "NOOP"], "+OK\na\n..b\n.\n+OK\n");
    assert_eq!(lines[0]["value"]["body"], "a\n.b\n");
    assert_eq!(kinds(&all_read(&["smtp"], "220 hi\n250-a\n250 b\n")), ["220", "250"]);
    let lines = all_read(&["smtp", "--client"], "DATA\na\n..b\n.\nQUIT\n");
    assert_eq!(kinds(&lines), ["DATA", "QUIT"]);
    assert_eq!(lines[0]["value"]["body"], "a\n.b\n");
    assert_eq!(
        kinds(&all_read(&["imap", "--client"], "a SELECT x\nb IDLE\nDONE\n")),
        ["SELECT", "IDLE", "DONE"]
    );
}

#[test]
fn what_is_not_utf8_is_in_hexadecimal() {
    let lines = all_read(&["imap"], b"* LIST () \"/\" caf\xe9\r\n* 1 FETCH (BODY[] \"\xff\")\r\n");
    assert_eq!(lines[0]["value"]["mailbox_hex"], "636166e9");
    assert_eq!(lines[1]["value"]["section_hex"], "ff");
    assert!(lines[1]["value"].get("section_text").is_none());
}

#[test]
fn commands_of_imap() {
    let input = "a1 LOGIN kim {6+}\r\nse cre\r\na2 UID STORE 1:3,5 +FLAGS.SILENT (\\Seen)\r\n\
        a3 APPEND \"In box\" (\\Draft) {3}\r\nabc\r\na4 UID SEARCH RETURN (MIN) UNSEEN\r\na5 IDLE\r\nDONE\r\n\
        a6 AUTHENTICATE PLAIN\r\nAGtpbQBzZWNyZQ==\r\na7 FROB\r\na8 LOGIN kim sec\x01re t\r\n";
    let lines = some_unread(&["imap", "--client"], input);
    let expected = [
        "LOGIN",
        "UID STORE",
        "APPEND",
        "UID SEARCH",
        "IDLE",
        "DONE",
        "AUTHENTICATE",
        "RESPONSE",
        "FROB",
        "LOGIN",
    ];
    assert_eq!(kinds(&lines), expected);
    assert_eq!((&lines[0]["tag"], &lines[0]["value"]), (&json!("a1"), &json!({"user": "kim"})));
    let store = &lines[1]["value"];
    assert_eq!(
        (&store["set"], &store["action"], &store["silent"]),
        (&json!("1:3,5"), &json!("+FLAGS"), &json!(true))
    );
    let append = &lines[2]["value"];
    assert_eq!((&append["mailbox"], &append["messages"][0]["text"]), (&json!("In box"), &json!("abc")));
    assert_eq!(append["messages"][0]["flags"], json!(["\\Draft"]));
    assert_eq!(lines[3]["value"]["arguments"], "RETURN (MIN) UNSEEN");
    assert_eq!((&lines[8]["ok"], &lines[8]["tag"]), (&json!(false), &json!("a7")));
    let all = Value::from(lines).to_string();
    for secret in ["se cre", "AGtpbQ", "sec\\u0001", "re t"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn commands_of_pop3() {
    let input =
        "USER kim\r\nPASS se cret\r\nAUTH LOGIN\r\na2lt\r\nc2VjcmV0\r\nTOP 2 10\r\nFROB secret\r\nQUIT\r\n";
    let lines = some_unread(&["pop3", "--client"], input);
    assert_eq!(kinds(&lines), ["USER", "PASS", "AUTH", "RESPONSE", "RESPONSE", "TOP", "-", "QUIT"]);
    assert_eq!(lines[0]["value"]["user"], "kim");
    assert_eq!(lines[5]["value"], json!({"msg": 2, "lines": 10}));
    assert!(!Value::from(lines).to_string().contains("cret"));
}

#[test]
fn commands_of_smtp_and_their_messages() {
    let input = "EHLO me.example\r\nAUTH PLAIN AGtpbQBzZWNyZXQ=\r\nMAIL FROM:<a@b.example> SIZE=3 BODY=8BITMIME\r\n\
        RCPT TO:<c@d.example> NOTIFY=NEVER\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\nMAIL FROM:<no@command>\r\n.\r\n\
        BDAT 4\r\nQUITBDAT 2 LAST\r\n\r\nQUIT\r\n";
    let lines = all_read(&["smtp", "--client"], input);
    assert_eq!(kinds(&lines), ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "BDAT", "QUIT"]);
    assert_eq!(lines[1]["value"], json!({"mechanism": "PLAIN", "initial_response": true}));
    assert_eq!(lines[2]["value"], json!({"from": "a@b.example", "size": 3, "body_type": "8BITMIME"}));
    assert_eq!(lines[3]["value"], json!({"to": "c@d.example", "notify": []}));
    assert_eq!(lines[4]["value"]["body"], "Subject: x\r\n\r\n.dot\r\nMAIL FROM:<no@command>\r\n");
    assert_eq!(lines[4]["value"]["lone_line_break"], false);
    assert_eq!(lines[5]["value"], json!({"size": 4, "last": false, "body": "QUIT", "body_len": 4}));
    assert_eq!(lines[6]["value"], json!({"size": 2, "last": true, "body": "\r\n", "body_len": 2}));
}

#[test]
fn replies_of_smtp() {
    let input = "220 mx.example ESMTP\r\n250-mx.example\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n\
        250 2.1.0 Ok\r\n550-5.1.1 no such\r\n550 5.1.1 user\r\nhello\r\n250-a\r\n251 b\r\n354 go on\r\n";
    let lines = some_unread(&["smtp"], input);
    assert_eq!(kinds(&lines), ["220", "250", "250", "550", "-", "-", "354"]);
    let ehlo = &lines[1]["value"];
    assert_eq!(ehlo["caps"], json!(["SIZE 1000", "AUTH PLAIN LOGIN", "STARTTLS"]));
    assert_eq!((&ehlo["size"], &ehlo["auth"]), (&json!(1000), &json!(["PLAIN", "LOGIN"])));
    assert!(lines[0]["value"].get("caps").is_none());
    let refused = &lines[3]["value"];
    assert_eq!((&refused["code"], &refused["enhanced"]), (&json!(550), &json!("5.1.1")));
    assert_eq!((&refused["text"], &refused["lines"]), (&json!("no such\nuser"), &json!(["no such", "user"])));
    assert_eq!(lines[5]["invalid"][0]["offset"], 7);
}

#[test]
fn answers_of_pop3_belong_to_commands() {
    let mut args = vec!["pop3"];
    for asked in ["GREETING", "CAPA", "LIST", "LIST 2", "RETR 1", "QUIT"] {
        args.extend(["--command", asked]);
    }
    let input = "+OK hi <1.2@h>\r\n+OK\r\nTOP\r\nSASL PLAIN\r\n.\r\n+OK\r\n1 10\r\nx\r\n.\r\n-ERR [SYS/TEMP] no\r\n\
        +OK\r\na\r\n.\r\n+OK bye\r\n+OK more\r\n";
    let lines = some_unread(&args, input);
    assert_eq!(kinds(&lines), ["+OK", "+OK", "+OK", "-ERR", "+OK", "+OK", "+OK"]);
    assert_eq!(lines[0]["value"]["apop"], "<1.2@h>");
    assert_eq!(lines[1]["value"]["caps"], json!(["TOP", "SASL PLAIN"]));
    assert_eq!((&lines[2]["ok"], &lines[2]["value"]["listing"]), (&json!(true), &json!([[1, 10]])));
    let invalid = &lines[2]["invalid"][0];
    assert_eq!((&invalid["item"], &invalid["offset"]), (&json!("LIST line"), &json!(11)));
    assert_eq!(lines[3]["value"], json!({"text": "no", "code": "SYS/TEMP"}));
    assert_eq!((&lines[4]["value"]["body"], &lines[4]["command"]), (&json!("a\r\n"), &json!("RETR 1")));
    assert!(lines[6].get("command").is_none());
}

#[test]
fn literals_that_are_too_large_to_show_tell_their_length() {
    let body = vec![b'x'; 5 << 20];
    let head = format!("* 1 FETCH (UID 3 BODY[] {{{}}}\r\n", body.len());
    let input = [
        head.as_bytes(),
        &body,
        b" FLAGS (\\Seen))\r\n* 2 FETCH (UID 4 BODY[] {100000}\r\n",
        &body[..100_000],
    ];
    let input = [&input.concat()[..], b" RFC822.SIZE -1)\r\n"].concat();
    let lines = some_unread(&["imap"], &input);
    let first = json!({"seq": 1, "uid": 3, "section": "", "section_len": body.len(), "flags": ["\\Seen"]});
    assert_eq!(lines[0]["value"], first);
    assert_eq!(lines[1]["value"]["section_text"].as_str().unwrap().len(), 100_000);
    assert_eq!(lines[1]["invalid"][0]["offset"], 34 + 100_000 + 13);
    let input = [b"+OK\r\n", &body[..], b"\r\n.\r\n"].concat();
    let lines = all_read(&["pop3", "--command", "RETR 1"], input);
    assert_eq!(lines[0]["value"], json!({"text": "", "code": null, "body_len": body.len() + 2}));
    let input = [format!("a APPEND b {{{}}}\r\n", body.len()).as_bytes(), &body, b" {1}\r\ny\r\n"].concat();
    let lines = all_read(&["imap", "--client"], input);
    let messages = lines[0]["value"]["messages"].as_array().unwrap();
    assert_eq!((&messages[0]["len"], &messages[1]["text"]), (&json!(body.len()), &json!("y")));
    let head = format!("a APPEND b CATENATE (URL /x TEXT {{1}}\r\ny TEXT {{{}}}\r\n", body.len());
    let input = [head.as_bytes(), &body, b" TEXT {1}\r\nz) {1}\r\na\r\n"].concat();
    let value = &all_read(&["imap", "--client", "--strict"], input)[0]["value"];
    let parts = json!([{"url": "/x"}, {"len": 1, "text": "y"}, {"len": body.len()}]);
    assert_eq!((&value["messages"][0]["parts"], &value["messages"][1]["text"]), (&parts, &json!("a")));
    assert_eq!(value["parts"], json!([{"len": 1, "text": "z"}]));
}

#[test]
fn each_file_is_a_connection_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a"), "* OK a\n* 1 EXI").unwrap();
    fs::write(path("b"), "* OK b\r\n").unwrap();
    let lines = some_unread(&["imap", &path("a"), &path("b")], "");
    assert_eq!(kinds(&lines), ["OK", "EXI", "OK"]);
    assert_eq!(lines[2]["file"], path("b"));
    assert!(all_read(&["imap", &path("b")], "")[0].get("file").is_none());
    assert_eq!(all_read(&["imap", "-"], "* OK c\r\n")[0]["value"]["text"], "c");
    let missing = parse(&["imap", &path("none"), &path("b")], "");
    assert_eq!((missing.status, missing.lines.len()), (Some(1), 1));
    assert!(missing.stderr.contains("none"), "{}", missing.stderr);
    assert_eq!(all_read(&["imap"], ""), [] as [Value; 0]);
}

#[test]
fn a_limit_ends_the_input_and_says_so() {
    let lines = some_unread(&["imap"], "* OK hi\r\n* 1 FETCH (BODY[] {4294967296}\r\nx\r\n* 1 EXISTS\r\n");
    assert_eq!(kinds(&lines), ["OK", "FETCH"]);
    let invalid = &lines[1]["invalid"][0];
    assert!(invalid["expected"].as_str().unwrap().contains("4294967296"), "{invalid}");
}

#[test]
fn responses_come_out_as_they_come_in() {
    let mut child = command(&["imap"]).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut stdout = BufReader::new(stdout);
    for number in 1..4 {
        write!(stdin, "* {number} EXISTS\r\n* 9 EXP").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains(&format!(r#""num":{number}"#)), "{line}");
        write!(stdin, "UNGE\r\n").unwrap();
        stdout.read_line(&mut line).unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_input_takes_little_memory() {
    let mut child = command(&["imap"]).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let writer = std::thread::spawn(move || {
        let line = b"* 1 FETCH (FLAGS (\\Seen))\r\n".repeat(1000);
        (0..100).for_each(|_| stdin.write_all(&line).unwrap());
        write!(stdin, "* 1 FETCH (BODY[] {{60000000}}\r\n").unwrap();
        (0..60).for_each(|_| stdin.write_all(&[b'x'; 1_000_000]).unwrap());
        write!(stdin, ")\r\n").unwrap();
        stdin
    });
    let last = BufReader::new(stdout).lines().nth(100_000).unwrap().unwrap();
    assert!(last.contains(r#""section_len":60000000"#), "{last}");
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak > 1000 && peak < 32 << 10, "{peak} KiB");
    drop(writer.join().unwrap());
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    let mut child = command(&["imap"]).spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    drop(stdout);
    // It stops reading, at the latest when the pipe is full.
    let line = b"* 1 EXISTS\r\n".repeat(100_000);
    let _ = stdin.write_all(&line);
    drop(stdin);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(1), ""));
}
