//! A throw-away Postfix takes mail as a provider's submission server does, delivers it as it came, and leaves nothing
//! behind.

system_tests::watch_for_secrets!();

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use system_tests::servers::postfix::{self, DEFERRED, DOMAIN, FULL, Options};
use system_tests::servers::{Info, Server};

fn start() -> Server {
    postfix::start(&Options::default()).unwrap()
}

fn at(local_part: &str) -> String {
    format!("{local_part}@{DOMAIN}")
}

/// A message for Python to send.
fn message(recipients: &[&str], text: &str) -> Value {
    let recipients: Vec<_> = recipients.iter().map(|name| at(name)).collect();
    json!({"sender": at("tester"), "recipients": recipients, "options": ["BODY=8BITMIME"], "message": text})
}

/// Sends by Python's smtplib: what was announced, and what became of each message.
fn submit(server: &Info, tls: &str, mechanism: &str, messages: &[Value]) -> Value {
    let port = server.ports[if tls == "implicit" { "smtps" } else { "smtp" }];
    let wanted = json!({
        "port": port, "tls": tls, "ca_file": server.ca_file, "user": server.user, "password": server.password,
        "mechanism": mechanism, "messages": messages,
    });
    let mut python = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/submit.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(wanted.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "smtplib failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Sends lines, and reads as many replies, the greeting included.
fn talk(port: u16, lines: &[u8], replies: usize) -> Vec<String> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    stream.get_mut().write_all(lines).unwrap();
    let mut read = || {
        let mut reply = String::new();
        while {
            let line = reply.len();
            assert_ne!(stream.read_line(&mut reply).unwrap(), 0, "closed after {reply}");
            reply.as_bytes()[line + 3] == b'-'
        } {}
        reply
    };
    (0..replies).map(|_| read()).collect()
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn mail_is_taken_over_tls_by_each_login_and_delivered_as_it_came() {
    let server = start();
    let info = server.info();
    let text = "Subject: d\u{e9}j\u{e0} vu\r\n\r\n.\r\n..\r\n. a dot\r\n\u{e9}\u{ff}\u{80}\r\n\r\n";
    let runs = [
        ("implicit", "PLAIN"),
        ("implicit", "LOGIN"),
        ("starttls", "PLAIN"),
        ("starttls", "CRAM-MD5"),
        ("none", "LOGIN"),
    ];
    for (tls, mechanism) in runs {
        let sent = submit(info, tls, mechanism, &[message(&["tester", "alice"], text)]);
        assert_eq!(sent["results"], json!([{}]), "{tls} {mechanism}");
        for keyword in
            ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES", "AUTH"]
        {
            assert!(sent["keywords"][keyword].is_string(), "no {keyword}: {sent}");
        }
        assert!(sent["keywords"]["AUTH"].as_str().unwrap().contains("SCRAM-SHA-256"));
        assert_eq!(sent["keywords"]["STARTTLS"].is_string(), tls == "none");
    }
    let expected: Vec<u8> = text.replace("\r\n", "\n").chars().map(|c| u8::try_from(c).unwrap()).collect();
    for recipient in ["tester", "alice"] {
        let delivered = postfix::delivered(info, recipient, runs.len()).unwrap();
        assert_eq!(delivered.len(), runs.len());
        assert!(delivered.iter().all(|message| *message == expected), "{:?}", delivered[0].escape_ascii());
    }
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn some_recipients_are_refused_and_one_is_deferred() {
    let server = start();
    let text = "Subject: some\r\n\r\nbody\r\n";
    let messages = [
        message(&["nobody", "bob", DEFERRED, FULL], text),
        message(&[DEFERRED], text),
        message(&["tester"], text),
    ];
    let sent = submit(server.info(), "implicit", "PLAIN", &messages);
    let reply =
        |message: usize, to: &str| sent["results"][message][at(to)].as_str().unwrap_or_default().to_owned();
    assert!(reply(0, "nobody").starts_with("550 5.1.1 "), "{sent}");
    assert!(reply(0, DEFERRED).starts_with("450 4.2.1 "), "{sent}");
    assert!(reply(0, FULL).starts_with("552 5.2.2 "), "{sent}");
    assert_eq!(reply(0, "bob"), "");
    assert!(reply(1, DEFERRED).starts_with("450 4.2.1 "), "{sent}");
    assert_eq!(sent["results"][2], json!({}));
    assert_eq!(postfix::delivered(server.info(), "bob", 1).unwrap(), [text.replace("\r\n", "\n").as_bytes()]);
    assert!(!postfix::maildir(server.info(), "nobody").exists());
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn large_mail_is_taken_and_too_large_is_refused() {
    let server = start();
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n";
    let text = format!("Subject: large\r\n\r\n{}", line.repeat(40_000_000 / line.len()));
    let sent = submit(server.info(), "implicit", "PLAIN", &[message(&["tester"], &text)]);
    assert_eq!(sent["results"], json!([{}]));
    let delivered = postfix::delivered(server.info(), "tester", 1).unwrap();
    assert!(delivered[0] == text.replace("\r\n", "\n").as_bytes());

    let mut options = Options::default();
    options.message_size = Some(2000);
    options.without = vec!["CHUNKING".to_owned(), "PIPELINING".to_owned()];
    let small = postfix::start(&options).unwrap();
    let sent = submit(small.info(), "implicit", "PLAIN", &[message(&["tester"], &text[..3000])]);
    assert_eq!(sent["keywords"]["SIZE"], "2000");
    assert!(sent["keywords"]["CHUNKING"].is_null() && sent["keywords"]["PIPELINING"].is_null(), "{sent}");
    assert!(sent["results"][0].as_str().unwrap().starts_with("552 5.3.4 "), "{sent}");
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn names_in_utf8_chunks_and_delivery_reports_are_taken() {
    let server = start();
    let info = server.info();
    let plain = base64(format!("\0{}\0{}", info.user, info.password).as_bytes());
    let message = "Subject: gr\u{fc}\u{df}e\r\n\r\n.\r\n";
    let (first, rest) = message.split_at(11);
    let commands = format!(
        "EHLO here\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<{me}> SMTPUTF8 BODY=8BITMIME SIZE={size} RET=HDRS ENVID=x\r\n\
         RCPT TO:<{zoe}> NOTIFY=SUCCESS ORCPT=rfc822;x@example.org\r\nBDAT {one}\r\n{first}BDAT {two} LAST\r\n{rest}QUIT\r\n",
        me = at("tester"),
        zoe = at("zo\u{eb}"),
        size = message.len(),
        one = first.len(),
        two = rest.len(),
    );
    let replies = talk(info.ports["smtp"], commands.as_bytes(), 8);
    let codes: Vec<&str> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["220", "250", "235", "250", "250", "250", "250", "221"], "{replies:?}");
    assert_eq!(postfix::delivered(info, "zo\u{eb}", 1).unwrap(), [message.replace("\r\n", "\n").as_bytes()]);
    let report = postfix::delivered(info, "tester", 1).unwrap().remove(0);
    let report = String::from_utf8(report).unwrap();
    assert!(
        report.contains("\nAction: delivered\n") && report.contains("\nOriginal-Envelope-Id: x\n"),
        "{report}"
    );
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn nothing_leaves_the_machine_and_nobody_sends_without_login() {
    let server = start();
    let mut away = message(&["tester"], "Subject: away\r\n\r\n");
    away["recipients"] = json!(["somebody@example.com", "x@localhost", at("tester")]);
    let sent = submit(server.info(), "implicit", "PLAIN", &[away]);
    let refused = sent["results"][0].as_object().unwrap();
    assert_eq!(refused.len(), 2, "{sent}");
    assert!(refused.values().all(|reply| reply.as_str().unwrap().starts_with('5')), "{sent}");

    let commands = "EHLO x\r\nMAIL FROM:<tester@example.org>\r\nRCPT TO:<tester@example.org>\r\nQUIT\r\n";
    let replies = talk(server.info().ports["smtp"], commands.as_bytes(), 5);
    assert!(replies[3].starts_with("554 5.7.1 "), "{replies:?}");
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn connections_over_the_limit_are_refused() {
    let mut options = Options::default();
    options.max_connections = Some(2);
    let server = postfix::start(&options).unwrap();
    let port = server.info().ports["smtp"];
    let connect = || {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
        let mut greeting = String::new();
        stream.read_line(&mut greeting).unwrap();
        (stream, greeting)
    };
    let open = [connect(), connect()];
    assert!(open.iter().all(|(_, greeting)| greeting.starts_with("220 ")));
    let (_, refused) = connect();
    assert!(refused.starts_with("421 4.7.0 ") && refused.contains("too many connections"), "{refused}");
}

#[test]
#[ignore = "needs root on Debian: cargo xtask test"]
fn two_stand_side_by_side_and_a_stopped_one_leaves_nothing() {
    let (one, other) = (start(), start());
    let info = one.info().clone();
    let before = fs_mounts();
    assert_eq!(Info::read(&info.dir).unwrap(), info);
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", info.ports["smtp"])).unwrap());
    let mut text = String::new();
    connection.read_line(&mut text).unwrap();
    one.stop().unwrap();
    assert!(!info.is_running());
    assert!(!info.dir.exists());
    while connection.read_line(&mut text).is_ok_and(|n| n > 0) {}
    assert!(TcpStream::connect(("127.0.0.1", info.ports["smtp"])).is_err());
    assert_eq!(fs_mounts(), before, "a mount is left");
    assert!(!before.contains("mail-postfix-"), "the overlay is seen from outside");
    assert!(
        !std::path::Path::new("/usr/sbin/postfix").exists() || installed_here(),
        "it was installed on the machine"
    );
    let sent = submit(other.info(), "implicit", "PLAIN", &[message(&["tester"], "Subject: x\r\n\r\n")]);
    assert_eq!(sent["results"], json!([{}]), "the other one went too");
}

fn fs_mounts() -> String {
    std::fs::read_to_string("/proc/self/mounts").unwrap()
}

/// Whether somebody had installed Postfix on this machine.
fn installed_here() -> bool {
    std::fs::read_to_string("/var/lib/dpkg/status").unwrap().contains("\nPackage: postfix\n")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = |chunk: &[u8]| -> String {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let letter = |at: usize| char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= chunk.len() { letter(at) } else { '=' }).collect()
    };
    bytes.chunks(3).map(letters).collect()
}
