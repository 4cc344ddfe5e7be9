//! SMTP: limits, faults, TLS, and what the report tells.

system_tests::watch_for_secrets!();

mod common;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Dialogue;
use mail_proto::sasl::{Client, Credentials, Mechanism, Nonce, Options, Step};
use mail_testkit::{Action, Builder, Connection, Endpoint, Fault, Hook, Protocol, Server};
use tokio::time::Instant;

fn alice() -> Builder {
    Server::builder().user("alice", "secret")
}

async fn connect(server: &Server) -> Dialogue<Connection> {
    Dialogue::smtp(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await
}

async fn open(server: &Server) -> Dialogue<Connection> {
    Dialogue::submitter(server.connect_to(Endpoint::SmtpPlain).await.unwrap()).await
}

/// Up to where the message is due.
const BEGIN: [(&str, &str); 3] =
    [("MAIL FROM:<a@b>", "250 "), ("RCPT TO:<alice@x>", "250 "), ("DATA", "354 ")];

fn delivered(server: &Server) -> usize {
    server.account("alice").unwrap().messages("INBOX").unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_many_is_refused_as_chosen() {
    let server = alice().max_connections_per_user_of(Protocol::Smtp, 1).start().await.unwrap();
    let first = open(&server).await;
    let mut second = connect(&server).await;
    second
        .gets(&[
            ("EHLO here", "250-"),
            ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "421 4.7.0 Too many concurrent connections"),
        ])
        .await;
    assert_eq!(second.rest().await, b"");
    drop(first);
    server.wait_for_connections(0).await;
    drop(open(&server).await);
    assert_eq!(server.report().over_limit, 1);

    let text = "432 4.3.2 Concurrent connections limit exceeded";
    let server = alice().max_connections_per_user(1).smtp_limit_reply(text).start().await.unwrap();
    let _first = open(&server).await;
    let mut second = connect(&server).await;
    second.gets(&[("EHLO x", "250-"), ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", text), ("NOOP", "250 ")]).await;
}

#[tokio::test(start_paused = true)]
async fn faults_strike_at_commands_and_at_the_end_of_the_message() {
    let server = alice()
        .fault(Fault::on_command("RCPT", Action::No("450 4.2.0 greylisted".into())))
        .fault(Fault::on_command("DATA", Action::No("come back".into())))
        .fault(Fault::on_command(".", Action::Bad("out of paper".into())))
        .fault(Fault::on_command(".", Action::Bye("going down".into())).nth(2))
        .start()
        .await
        .unwrap();
    let mut dialogue = open(&server).await;
    dialogue
        .gets(&[
            BEGIN[0],
            ("RCPT TO:<alice@x>", "450 4.2.0 greylisted"),
            BEGIN[1],
            ("DATA", "451 4.3.0 come back"),
            ("DATA", "354 "),
            ("text\r\n.", "500 5.5.0 out of paper"),
        ])
        .await;
    dialogue.gets(&BEGIN).await;
    dialogue.gets(&[("text\r\n.", "421 4.3.0 going down")]).await;
    assert_eq!(dialogue.rest().await, b"");
    assert_eq!(delivered(&server), 0);
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_refused_is_not_taken_for_commands() {
    let server = alice()
        .fault(Fault::on_command("BDAT", Action::No("452 4.3.1 disk full".into())))
        .start()
        .await
        .unwrap();
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN[..2]).await;
    dialogue.send("BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n").await;
    for reply in ["452 4.3.1 disk full", "503 5.5.1 begin with MAIL", "250 2.0.0 forgotten"] {
        assert_eq!(dialogue.reply().await, reply);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_a_lost_message_are_two_things() {
    // Accepted, and the answer lost.
    let server = alice().fault(Fault::on_command(".", Action::CutAfter(0))).start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN).await;
    dialogue.send("text\r\n.\r\n").await;
    assert_eq!(dialogue.rest().await, b"");
    server.wait_for_submissions(1).await;
    assert_eq!(delivered(&server), 1);

    // Cut before it was accepted, by either side.
    let server = alice().fault(Fault::on_command(".", Action::Cut)).start().await.unwrap();
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN).await;
    dialogue.send("text\r\n.\r\n").await;
    assert_eq!(dialogue.rest().await, b"");
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN).await;
    dialogue.send("text\r\n.\r").await;
    drop(dialogue);
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN[..2]).await;
    dialogue.send("BDAT 10 LAST\r\n012345678").await;
    drop(dialogue);
    server.wait_for_connections(0).await;
    assert_eq!((delivered(&server), server.submissions().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_greeting_may_send_away() {
    let server = alice()
        .fault(Fault::on_greeting(Action::Bye("421 4.3.2 too many connections".into())).over(Protocol::Smtp))
        .fault(Fault::on_greeting(Action::No("554 5.7.1 not you".into())))
        .start()
        .await
        .unwrap();
    for greeting in ["421 4.3.2 too many connections", "554 5.7.1 not you"] {
        let mut dialogue = Dialogue::raw(server.connect_to(Endpoint::SmtpPlain).await.unwrap());
        assert_eq!(dialogue.reply().await, greeting);
        assert_eq!(dialogue.rest().await, b"");
    }
    drop(open(&server).await);
}

#[tokio::test(start_paused = true)]
async fn a_slow_link_takes_a_round_trip_for_each_answer() {
    let server = alice().latency(Duration::from_millis(100)).start().await.unwrap();
    let mut dialogue = open(&server).await;
    let begun = Instant::now();
    dialogue.gets(&BEGIN).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
    dialogue.gets(&[("text\r\n.", "250 ")]).await;
    let begun = Instant::now();
    dialogue.send("MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nDATA\r\n").await;
    for _ in 0..3 {
        dialogue.reply().await;
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn hooks_and_the_report_see_smtp_too() {
    let server = alice().start().await.unwrap();
    server.hook(Hook::before("MAIL").over(Protocol::Smtp), |account| {
        account.deliver("INBOX", "sooner").unwrap();
    });
    server.hook(Hook::after("."), |account| {
        account.deliver("INBOX", "later").unwrap();
    });
    let mut dialogue = open(&server).await;
    dialogue.gets(&BEGIN).await;
    dialogue.gets(&[("text\r\n.", "250 "), ("QUIT", "221 ")]).await;
    let bodies: Vec<_> =
        server.account("alice").unwrap().messages("INBOX").unwrap().iter().map(|m| m.body.clone()).collect();
    assert_eq!(bodies, ["sooner", "text\r\n", "later"]);
    let report = server.report();
    let texts: Vec<_> = report.commands.iter().map(|command| command.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "EHLO here",
            "AUTH PLAIN ***",
            "MAIL FROM:<a@b>",
            "RCPT TO:<alice@x>",
            "DATA",
            ". (6 octets)",
            "QUIT"
        ]
    );
    assert!(report.commands.iter().all(|command| command.protocol == Protocol::Smtp));
    assert_eq!(report.users_by_protocol[&Protocol::Smtp]["alice"].total, 1);
}

#[tokio::test]
async fn nothing_goes_before_tls_and_nothing_said_before_it_counts() {
    let server = alice().start().await.unwrap();
    let mut dialogue = Dialogue::smtp(server.connect_to(Endpoint::SmtpStartTls).await.unwrap()).await;
    let shown = dialogue.asks("EHLO here").await;
    assert!(shown.contains("STARTTLS") && !shown.contains("AUTH"), "{shown}");
    dialogue
        .gets(&[
            ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "530 5.7.0 "),
            ("MAIL FROM:<a@b>", "530 5.7.0 "),
            ("VRFY alice", "530 5.7.0 "),
            ("NOOP", "250 "),
        ])
        .await;
    // Injected behind the command: forgotten.
    dialogue.send("STARTTLS\r\nEHLO injected\r\n").await;
    assert!(dialogue.reply().await.starts_with("220 2.0.0 "));
    let connector = tokio_rustls::TlsConnector::from(server.client_config());
    let name = server.server_name().try_into().unwrap();
    let tls = connector.connect(name, dialogue.into_inner()).await.unwrap();
    let mut dialogue = Dialogue::raw(tls);
    dialogue.gets(&[("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "503 5.5.1 ")]).await;
    let shown = dialogue.asks("EHLO here").await;
    assert!(!shown.contains("STARTTLS") && shown.contains("AUTH PLAIN"), "{shown}");
    dialogue.gets(&[("STARTTLS", "502 "), ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 "), BEGIN[0]]).await;
    assert!(!server.report().commands.iter().any(|command| command.text.contains("injected")));
}

/// An AUTH by mail-proto's client of this mechanism, with the initial response or without; the last reply.
async fn authenticate(
    dialogue: &mut Dialogue<Connection>,
    mechanism: Mechanism,
    credentials: &Credentials,
    with_initial: bool,
) -> String {
    let mut options = Options::default();
    options.nonce = Some(Nonce::from_text("rOprNGfwEbeRWgbNEkqO").unwrap());
    let mut client = Client::new(mechanism, credentials, &options).unwrap();
    let mut line = format!("AUTH {}", mechanism.name());
    if let Some(initial) = with_initial.then(|| client.initial()).flatten() {
        line = format!("{line} {}", STANDARD.encode(initial.expose()));
    }
    loop {
        let reply = dialogue.asks(&line).await;
        let Some(challenge) = reply.strip_prefix("334 ") else {
            if reply.starts_with("235 ") {
                client.succeeded().unwrap();
            }
            return reply;
        };
        let response = match client.challenge(&STANDARD.decode(challenge).unwrap()).unwrap() {
            Step::Respond(response) => response,
            Step::Derive(derivation) => client.derived(&derivation.run()).unwrap(),
            _ => panic!("another step"),
        };
        line = STANDARD.encode(response.expose());
    }
}

#[tokio::test(start_paused = true)]
async fn every_mechanism_logs_in_with_the_right_secret_alone() {
    let by_password = [
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::CramMd5,
        Mechanism::ScramSha1,
        Mechanism::ScramSha256,
    ];
    let by_token = [Mechanism::OAuthBearer, Mechanism::XOAuth2];
    let names = by_password.iter().chain(&by_token).map(|mechanism| mechanism.name());
    let server = alice().token("ya29.t").mechanisms(names).start().await.unwrap();
    let mut logins = 0;
    for (mechanism, is_token) in by_password
        .map(|mechanism| (mechanism, false))
        .into_iter()
        .chain(by_token.map(|mechanism| (mechanism, true)))
    {
        let credentials = |secret: &str| match is_token {
            false => Credentials::password("alice", secret),
            true => Credentials::token("alice", secret),
        };
        for with_initial in [false, true] {
            let mut dialogue = connect(&server).await;
            let shown = dialogue.asks("EHLO here").await;
            assert!(shown.contains(&format!(" {}", mechanism.name())), "{shown}");
            let refused = authenticate(&mut dialogue, mechanism, &credentials("wrong"), with_initial).await;
            assert!(refused.starts_with("535 5.7.8 "), "{mechanism:?}: {refused}");
            let right = if is_token { "ya29.t" } else { "secret" };
            let done = authenticate(&mut dialogue, mechanism, &credentials(right), with_initial).await;
            assert!(done.starts_with("235 2.7.0 "), "{mechanism:?}: {done}");
            dialogue.gets(&[BEGIN[0]]).await;
            logins += 1;
        }
    }
    let report = server.report();
    assert_eq!(report.wrong_password, logins);
    assert_eq!(report.users["alice"].total, logins);
    assert!(
        !report.commands.iter().any(|command| command.text.contains("ya29") || command.text.contains("c2Vj"))
    );
}

/// What lines are made of, two pieces each.
const PIECES: [&str; 24] = [
    "",
    " ",
    "EHLO",
    "HELO x",
    "STARTTLS",
    "AUTH PLAIN",
    "AUTH",
    "MAIL FROM:<a@b>",
    "MAIL",
    "RCPT TO:<alice@x>",
    "RCPT",
    "DATA",
    "BDAT 0",
    "BDAT 0 LAST",
    "RSET",
    "NOOP",
    "VRFY",
    "HELP",
    "SIZE=1",
    "=",
    "<\"\\>@b>",
    "\r",
    "\n",
    "\0\u{ff}",
];

#[tokio::test(start_paused = true)]
async fn whatever_a_line_holds_the_next_is_answered() {
    let server = alice().start().await.unwrap();
    let mut dialogue = open(&server).await;
    let lines = PIECES.iter().flat_map(|first| PIECES.map(|second| format!("{first}{second}")));
    for line in lines.filter(|line| !line.contains("\r\n")) {
        let mut reply = dialogue.asks(&line).await;
        if reply.starts_with("354 ") {
            reply = dialogue.asks("text\r\n.").await;
        } else if reply.starts_with("334 ") {
            reply = dialogue.asks("*").await;
        }
        let code: u16 = reply[..3].parse().unwrap();
        assert!((200..300).contains(&code) || (500..600).contains(&code), "{line:?}: {reply}");
        if line.starts_with("BDAT") && code == 501 {
            // Where the chunk ends nobody knows.
            assert_eq!(dialogue.rest().await, b"");
            dialogue = open(&server).await;
        }
        dialogue.gets(&[("NOOP", "250 2.0.0 here")]).await;
    }
}
