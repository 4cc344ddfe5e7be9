//! The protocols: credentials, commands and what carries them, and sessions at every step of every login.

use std::fmt::Debug;
use std::time::Instant;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use mail_proto::frame::{self, Framer};
use mail_proto::imap::command::TaggedCommand;
use mail_proto::imap::encode::{EncodeOptions, Encoder};
use mail_proto::sasl::{self, Credentials, Mechanism, Nonce, SaslError, ServerOptions, ServerStep};
use mail_proto::session::{ClientSession, Login, Security, Step};
use mail_proto::{ParseError, Secret, imap, pop3, smtp};

use crate::printed::{PASSWORD, Printed, TOKEN};

pub(crate) fn print(printed: &mut Printed) {
    printed.debug(&Secret::from(PASSWORD));
    for mechanism in MECHANISMS {
        print_exchange(printed, mechanism);
        print_sessions(printed, mechanism);
    }
    print_login_without_sasl(printed);
    print_commands(printed);
    print_echoes(printed);
}

const MECHANISMS: [Mechanism; 7] = [
    Mechanism::Plain,
    Mechanism::Login,
    Mechanism::CramMd5,
    Mechanism::ScramSha1,
    Mechanism::ScramSha256,
    Mechanism::XOAuth2,
    Mechanism::OAuthBearer,
];

fn credentials(mechanism: Mechanism) -> Credentials {
    match mechanism {
        Mechanism::XOAuth2 | Mechanism::OAuthBearer => Credentials::token("kim", TOKEN),
        _ => Credentials::password("kim", PASSWORD),
    }
}

fn options(mechanism: Mechanism) -> sasl::Options {
    let mut options = sasl::Options::default();
    options.mechanism = Some(mechanism);
    options.nonce = Some(Nonce::from_random([7; 18]));
    options
}

fn server(mechanism: Mechanism) -> sasl::Server {
    let mut options = ServerOptions::default();
    options.nonce = Some(Nonce::from_random([5; 18]));
    options.challenge = Some("<1@example.org>".into());
    options.salt = b"salt".to_vec();
    sasl::Server::new(mechanism, &options).unwrap()
}

/// What the server knows of the user, and which is what it is asked for.
fn known(mechanism: Mechanism) -> Secret {
    match credentials(mechanism) {
        Credentials::Password { password, .. } => password,
        Credentials::Token { token, .. } => token,
        other => panic!("{other:?}"),
    }
}

fn print_exchange(printed: &mut Printed, mechanism: Mechanism) {
    let credentials = credentials(mechanism);
    printed.debug(&credentials);
    printed.debug(&options(mechanism));
    let mut client = sasl::Client::new(mechanism, &credentials, &options(mechanism)).unwrap();
    let mut server = server(mechanism);
    let mut message = client.initial();
    let mut challenge = server.opening();
    loop {
        printed.debug(&client);
        printed.debug(&server);
        let response = match message.take() {
            Some(response) => response,
            None => {
                let step = client.challenge(&challenge).unwrap();
                printed.debug(&step);
                match step {
                    sasl::Step::Respond(response) => response,
                    sasl::Step::Derive(derivation) => {
                        printed.debug(&derivation);
                        let salted = derivation.run();
                        printed.debug(&salted);
                        client.derived(&salted).unwrap()
                    }
                    other => panic!("{other:?}"),
                }
            }
        };
        printed.debug(&response);
        let step = server.response(response.expose(), |_| Some(known(mechanism))).unwrap();
        printed.debug(&step);
        match step {
            ServerStep::Challenge(next) => challenge = next,
            _ => break,
        }
    }
    let refused: Result<sasl::Server, SaslError> = sasl::Server::new(mechanism, &ServerOptions::default());
    if let Err(error) = refused {
        printed.error(&error);
    }
    let bad = Credentials::password("kim", format!("{PASSWORD}\0"));
    if let Err(error) = sasl::Client::new(mechanism, &bad, &options(mechanism)) {
        printed.error(&error);
    }
}

/// Feeds a session, and prints it at every step. Gives what it writes.
fn talk<S: ClientSession + Debug>(printed: &mut Printed, session: &mut S, server: &str) -> String
where
    S::Event: Debug,
{
    session.buffer().extend_from_slice(server.as_bytes());
    printed.debug(session);
    session.received(Instant::now());
    loop {
        match session.next_event() {
            Ok(Some(event)) => {
                printed.debug(&event);
                printed.debug(session);
                let step = S::step(event);
                printed.debug(&step);
                if let Step::DeriveKey(derivation) = step {
                    session.derived(&derivation.run());
                }
            }
            Ok(None) => break,
            Err(error) => {
                printed.error(&error);
                break;
            }
        }
    }
    printed.debug(session);
    let written = std::iter::from_fn(|| session.transmit()).flat_map(|bytes| bytes.to_vec()).collect();
    session.transmitted(Instant::now());
    printed.debug(session);
    String::from_utf8(written).unwrap()
}

/// Logs in by a mechanism, to a server that says this before it and puts this before its challenges.
fn log_in<S: ClientSession + Debug>(
    printed: &mut Printed,
    session: &mut S,
    mechanism: Mechanism,
    before: &[&str],
    prompt: &str,
    done: &str,
) where
    S::Event: Debug,
{
    let mut written = String::new();
    for line in before {
        written = talk(printed, session, line);
    }
    let mut server = server(mechanism);
    assert!(written.contains(mechanism.name()), "{written}");
    let initial =
        written.trim_end().split_once(&format!("{mechanism} ")).map(|(_, initial)| initial.to_owned());
    let mut response = initial.unwrap_or_else(|| {
        let opening = BASE64_STANDARD.encode(server.opening());
        talk(printed, session, &format!("{prompt} {opening}\r\n"))
    });
    loop {
        let message = BASE64_STANDARD.decode(response.trim_end()).unwrap();
        match server.response(&message, |_| Some(known(mechanism))).unwrap() {
            ServerStep::Challenge(challenge) => {
                let challenge = BASE64_STANDARD.encode(challenge);
                response = talk(printed, session, &format!("{prompt} {challenge}\r\n"));
            }
            _ => break,
        }
    }
    talk(printed, session, done);
    assert!(session.is_ready(), "{mechanism}: {session:?}");
}

fn login(mechanism: Mechanism) -> Login {
    let mut login = Login::new(Security::ImplicitTls, Some(credentials(mechanism)));
    login.sasl = options(mechanism);
    login
}

fn print_sessions(printed: &mut Printed, mechanism: Mechanism) {
    let (now, login) = (Instant::now(), login(mechanism));
    printed.debug(&login);
    let imap = imap_session(printed, &login);
    let greeting = format!("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH={mechanism}] hi\r\n");
    let done = "A1 OK [CAPABILITY IMAP4rev1] in\r\n";
    log_in(printed, &mut { imap }, mechanism, &[&greeting], "+", done);

    let mut config = pop3::client::Config::new(Security::ImplicitTls, credentials(mechanism));
    config.login = login.clone();
    printed.debug(&config);
    let mut pop3 = pop3::client::Session::new(config, now);
    let capabilities = format!("+OK\r\nSASL {mechanism}\r\n.\r\n");
    log_in(printed, &mut pop3, mechanism, &["+OK hi\r\n", &capabilities], "+", "+OK in\r\n");

    let mut config = smtp::client::Config::new(Security::ImplicitTls, None);
    config.login = login;
    printed.debug(&config);
    let mut smtp = smtp::client::Session::new(config, now);
    let extensions = format!("250-hi\r\n250 AUTH {mechanism}\r\n");
    log_in(printed, &mut smtp, mechanism, &["220 hi\r\n", &extensions], "334", "235 in\r\n");
}

fn imap_session(printed: &mut Printed, login: &Login) -> imap::client::Session {
    let mut config = imap::client::Config::new(Security::ImplicitTls, Credentials::password("kim", PASSWORD));
    config.login = login.clone();
    printed.debug(&config);
    imap::client::Session::new(config, Instant::now())
}

fn print_login_without_sasl(printed: &mut Printed) {
    let login = Login::new(Security::ImplicitTls, Some(Credentials::password("kim", PASSWORD)));
    let mut imap = imap_session(printed, &login);
    talk(printed, &mut imap, "* OK [CAPABILITY IMAP4rev1] hi\r\n");
    talk(printed, &mut imap, "A1 NO [AUTHENTICATIONFAILED] no\r\n");
    for apop in [pop3::client::Apop::Always, pop3::client::Apop::Never] {
        let mut config =
            pop3::client::Config::new(Security::ImplicitTls, Credentials::password("kim", PASSWORD));
        config.apop = apop;
        let mut pop3 = pop3::client::Session::new(config, Instant::now());
        for line in ["+OK <1@example.org>\r\n", "-ERR what is that\r\n", "+OK\r\n", "-ERR [AUTH] no\r\n"] {
            talk(printed, &mut pop3, line);
        }
    }
}

fn print_commands(printed: &mut Printed) {
    let initial = || Some(Secret::from(format!("\0kim\0{PASSWORD}")));
    let plain = || Bytes::from_static(b"PLAIN");
    let imap = [
        imap::Command::Login { user: "kim".into(), password: PASSWORD.into() },
        imap::Command::Authenticate { mechanism: plain(), initial: initial() },
    ];
    for command in imap {
        printed.display(&command);
        printed.debug(&imap::client::Request::new(command.clone()));
        let command = TaggedCommand { tag: "A1".into(), command, uploads: Vec::new() };
        printed.debug(&command);
        let encoded = command.command.encode("A1", EncodeOptions::default()).unwrap();
        printed.debug(&encoded);
        encoded.fragments.iter().for_each(|fragment| printed.debug(fragment));
        print_lines(printed, &encoded.to_bytes());
    }
    printed.debug(&Encoder::new(EncodeOptions::default()));
    let digest = Secret::new(*b"9e107d9d372bb6826bd81d3542a419d6");
    let pop3 = [
        pop3::Command::Pass(PASSWORD.into()),
        pop3::Command::Apop { user: "kim".into(), digest },
        pop3::Command::Auth { mechanism: plain(), initial: initial() },
    ];
    for command in pop3 {
        printed.debug(&command);
        print_lines(printed, &command.encode().unwrap());
    }
    let smtp = smtp::Command::Auth { mechanism: plain(), initial: initial() };
    printed.debug(&smtp);
    print_lines(printed, &smtp.encode().unwrap());
}

/// What a server has of a line: whole and broken off, in order and not.
fn print_lines(printed: &mut Printed, line: &[u8]) {
    let whole = line.len();
    let (cut, twice) = ([&line[..whole - 4], b"\r\n"].concat(), [&line[..whole - 2], b" ", line].concat());
    let odd = [&line[..whole - 3], b"\x01*\r\n"].concat();
    for line in [line, &cut, &twice, &odd] {
        let mut framer = Framer::commands(frame::Limits::COMMANDS);
        framer.buffer().extend_from_slice(line);
        printed.debug(&framer);
        if let Ok(Some(lent)) = framer.lend() {
            printed.debug(&lent);
            if let frame::Lent::Segment(segment) = lent {
                printed.debug(&segment);
                printed.debug(&segment.take());
            }
        }
        let mut framer = Framer::commands(frame::Limits::COMMANDS);
        framer.buffer().extend_from_slice(line);
        while let Ok(Some(event)) = framer.next_event() {
            printed.debug(&event);
        }
        let mut reader = pop3::CommandReader::new(1000);
        reader.buffer().extend_from_slice(line);
        printed.debug(&reader);
        let mut reader = smtp::Reader::new(1000, 1000);
        reader.buffer().extend_from_slice(line);
        printed.debug(&reader);
        while let Ok(Some(event)) = reader.next_event() {
            printed.debug(&event);
        }
        print_replies(printed, line);
        let line = Bytes::copy_from_slice(line);
        print_read(printed, TaggedCommand::parse(line.clone(), Default::default()).map(|read| read.value));
        print_read(printed, pop3::Command::parse(line.clone()));
        print_read(printed, smtp::Command::parse(line));
    }
}

/// What a client has of a line that a server repeats at once, before it knows that it may be a secret.
fn print_replies(printed: &mut Printed, line: &[u8]) {
    let mut reader = smtp::ReplyReader::new(smtp::Limits::default(), Default::default());
    reader.buffer().extend_from_slice(line);
    printed.debug(&reader);
    let mut reader = smtp::ReplyReader::new(smtp::Limits::default(), Default::default());
    reader.buffer().extend_from_slice(&[b"500-", line].concat());
    assert!(reader.next_reply().unwrap().is_none());
    printed.debug(&reader);
    let mut framer = pop3::Framer::new(pop3::Limits::default());
    framer.buffer().extend_from_slice(line);
    printed.debug(&framer);
}

fn print_read<T: Debug>(printed: &mut Printed, read: Result<T, ParseError>) {
    match read {
        Ok(command) => printed.debug(&command),
        Err(error) => {
            printed.error(&error);
            printed.display(&error.excerpt);
        }
    }
}

/// Servers that repeat what they were told.
fn print_echoes(printed: &mut Printed) {
    let login = login(Mechanism::Plain);
    let echo = |written: &str| written.trim_end().to_owned();
    for answer in ["A1 NO [X {}] what is {}", "A1 BAD {}", "* BYE {}", "* {}", "{}"] {
        let mut imap = imap_session(printed, &login);
        let written = talk(printed, &mut imap, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
        talk(printed, &mut imap, &format!("{}\r\n", answer.replace("{}", &echo(&written))));
    }
    for answer in ["-ERR [SYS/TEMP] what is {}", "{}"] {
        let mut config = pop3::client::Config::new(Security::ImplicitTls, credentials(Mechanism::Plain));
        config.login = login.clone();
        let mut pop3 = pop3::client::Session::new(config, Instant::now());
        talk(printed, &mut pop3, "+OK hi\r\n");
        let written = talk(printed, &mut pop3, "+OK\r\nSASL PLAIN\r\n.\r\n");
        talk(printed, &mut pop3, &format!("{}\r\n", answer.replace("{}", &echo(&written))));
    }
    for answer in ["500 5.3.3 unrecognized command '{}'", "421 {}", "{}"] {
        let mut config = smtp::client::Config::new(Security::ImplicitTls, None);
        config.login = login.clone();
        let mut smtp = smtp::client::Session::new(config, Instant::now());
        talk(printed, &mut smtp, "220 hi\r\n");
        let written = talk(printed, &mut smtp, "250-hi\r\n250 AUTH PLAIN\r\n");
        talk(printed, &mut smtp, &format!("{}\r\n", answer.replace("{}", &echo(&written))));
    }
}
