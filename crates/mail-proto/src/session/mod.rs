//! What the sessions of the three protocols have in common, for whoever moves their bytes.
//!
//! [`imap::client`](crate::imap::client), [`pop3::client`](crate::pop3::client) and
//! [`smtp::client`](crate::smtp::client) speak differently and are driven the same way: a [`ClientSession`] is fed
//! what was read and is told the time; it gives what is to be written, events, and the next deadline. One driver
//! serves all three:
//!
//! ```
//! use std::{io::{self, Read, Write}, time::Instant};
//! use mail_proto::session::{ClientSession, Step};
//!
//! /// Speaks until the login is done.
//! fn establish<S: ClientSession>(session: &mut S, mut socket: impl Read + Write) -> io::Result<()> {
//!     let mut piece = [0; 4096];
//!     loop {
//!         while let Some(event) = session.next_event().map_err(io::Error::other)? {
//!             match S::step(event) {
//!                 Step::Ready => return Ok(()),
//!                 Step::DeriveKey(derivation) => session.derived(&derivation.run()),
//!                 Step::StartTls => return Err(io::ErrorKind::Unsupported.into()),
//!                 Step::Event(_) => {}
//!             }
//!         }
//!         while let Some(bytes) = session.transmit() {
//!             socket.write_all(&bytes)?;
//!             session.transmitted(Instant::now());
//!         }
//!         match socket.read(&mut piece)? {
//!             0 => session.closed(),
//!             len => {
//!                 session.buffer().extend_from_slice(&piece[..len]);
//!                 session.received(Instant::now());
//!             }
//!         }
//!     }
//! }
//! ```

mod course;
mod login;
pub(crate) mod pieces;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

pub(crate) use self::course::Course;
pub use self::login::{Login, Security};
use crate::sasl::{Derivation, SaltedPassword};

/// A connection at its client's side, without I/O and without a clock. See the [module](self).
pub trait ClientSession {
    /// What the session tells.
    type Event;
    /// Why a connection can't go on.
    type Error: std::error::Error + Clone + Send + Sync + 'static;

    /// Where to append what was read; then call [`received`](Self::received).
    fn buffer(&mut self) -> &mut BytesMut;

    /// Says that something was read, at this time.
    fn received(&mut self, now: Instant);

    /// Says that reading goes on at this time, after a while in which nobody read: the peer's silence begins now.
    fn reading_resumed(&mut self, now: Instant) {
        self.received(now);
    }

    /// The peer closed the connection: nothing more will be read.
    fn closed(&mut self);

    /// The next event, or `None` until more was read.
    ///
    /// # Errors
    /// The connection can't go on. Each further call fails the same way.
    fn next_event(&mut self) -> Result<Option<Self::Event>, Self::Error>;

    /// What an event asks of whoever moves the bytes.
    fn step(event: Self::Event) -> Step<Self::Event>;

    /// The next bytes to write, or `None` while there are none or something has to be waited for. What is returned
    /// counts as written. There are none behind the end.
    fn transmit(&mut self) -> Option<Bytes>;

    /// Says at which time what [`transmit`](Self::transmit) gave was written.
    fn transmitted(&mut self, now: Instant);

    /// Until when something has to be read, if a reply is due.
    fn deadline(&self) -> Option<Instant>;

    /// How long the reply that is due may keep silent.
    fn patience(&self) -> Option<Duration>;

    /// How long the peer may take nothing of what [`transmit`](Self::transmit) gave, while all it sends is read.
    fn write_patience(&self) -> Duration;

    /// What the login goes by. Changes count until it begins: what ties it to TLS is known only after the handshake,
    /// and is to be told before [`tls_established`](Self::tls_established).
    fn login(&mut self) -> &mut Login;

    /// The TLS handshake that [`Step::StartTls`] asked for is done. Nothing said before it counts.
    fn tls_established(&mut self);

    /// The outcome of [`Step::DeriveKey`].
    fn derived(&mut self, salted: &SaltedPassword);

    /// Whether the login is done and commands can be submitted.
    fn is_ready(&self) -> bool;

    /// Whether no command is on its way, or waits to be.
    fn is_idle(&self) -> bool;
}

/// What an event asks of whoever moves the bytes.
#[derive(Debug)]
pub enum Step<Event> {
    /// Do the TLS handshake now, before anything else is read or written, and call
    /// [`ClientSession::tls_established`].
    StartTls,
    /// The login needs a key that takes long to derive: run the derivation where it holds up nobody, and hand its
    /// outcome to [`ClientSession::derived`]. Only servers that ask for more than 16,384 iterations make this happen.
    DeriveKey(Derivation),
    /// The login is done.
    Ready,
    /// Something that is the protocol's own.
    Event(Event),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{imap, pop3, sasl::Credentials, smtp};

    /// What a driver is asked to do while the server says this, and what it writes.
    fn driven<S: ClientSession>(mut session: S, server: &[&str]) -> (Vec<&'static str>, String) {
        let now = Instant::now();
        let (mut steps, mut written) = (Vec::new(), String::new());
        for line in server {
            session.buffer().extend_from_slice(line.as_bytes());
            session.received(now);
            while let Some(event) = session.next_event().unwrap() {
                steps.push(match S::step(event) {
                    Step::StartTls => {
                        session.tls_established();
                        "StartTls"
                    }
                    Step::DeriveKey(derivation) => {
                        session.derived(&derivation.run());
                        "DeriveKey"
                    }
                    Step::Ready => {
                        assert!(session.is_ready() && session.is_idle());
                        "Ready"
                    }
                    Step::Event(_) => "Event",
                });
            }
            while let Some(bytes) = session.transmit() {
                written.push_str(std::str::from_utf8(&bytes).unwrap());
                session.transmitted(now);
                assert!(!session.is_ready() && !session.is_idle());
                assert_eq!(session.deadline(), session.patience().map(|patience| now + patience));
                // Nobody read for an hour.
                let later = now + Duration::from_secs(3600);
                session.reading_resumed(later);
                assert_eq!(session.deadline(), session.patience().map(|patience| later + patience));
            }
        }
        (steps, written)
    }

    fn credentials() -> Credentials {
        Credentials::password("kim", "secret")
    }

    #[test]
    fn one_driver_serves_all_three() {
        let now = Instant::now();
        let config = imap::client::Config::new(Security::StartTls, credentials());
        let imap = imap::client::Session::new(config, now);
        assert_eq!(imap.write_patience(), Duration::from_secs(300));
        let (steps, written) = driven(
            imap,
            &[
                "* OK hi\r\n",
                "A1 OK go\r\n",
                "* CAPABILITY IMAP4rev1\r\nA2 OK done\r\n",
                "A3 OK [CAPABILITY IMAP4rev1] in\r\n",
            ],
        );
        assert_eq!(steps, ["StartTls", "Event", "Ready"]);
        assert_eq!(written, "A1 STARTTLS\r\nA2 CAPABILITY\r\nA3 LOGIN kim secret\r\n");

        let config = pop3::client::Config::new(Security::StartTls, credentials());
        let pop3 = pop3::client::Session::new(config, now);
        assert_eq!(pop3.write_patience(), Duration::from_secs(60));
        let (steps, written) =
            driven(pop3, &["+OK hi\r\n", "+OK go\r\n", "+OK\r\nUSER\r\n.\r\n", "+OK\r\n", "+OK  in\r\n"]);
        assert_eq!(steps[0], "StartTls");
        assert_eq!(steps.last(), Some(&"Ready"));
        assert_eq!(written, "STLS\r\nCAPA\r\nUSER kim\r\nPASS secret\r\n");

        let config = smtp::client::Config::new(Security::StartTls, Some(credentials()));
        let smtp = smtp::client::Session::new(config, now);
        assert_eq!(smtp.write_patience(), Duration::from_secs(180));
        let plain = "250-hi\r\n250 AUTH PLAIN\r\n";
        let (steps, written) = driven(smtp, &["220 hi\r\n", "250 hi\r\n", "220 go\r\n", plain, "235 in\r\n"]);
        assert_eq!(steps, ["StartTls", "Ready"]);
        assert_eq!(
            written,
            "EHLO localhost\r\nSTARTTLS\r\nEHLO localhost\r\nAUTH PLAIN AGtpbQBzZWNyZXQ=\r\n"
        );
    }

    /// All that can be printed of a session while the server says this, `{}` in it being what was written last.
    fn printed<S: ClientSession + std::fmt::Debug>(mut session: S, server: &[&str]) -> String
    where
        S::Event: std::fmt::Debug,
    {
        let (mut printed, mut written) = (String::new(), String::new());
        for line in server {
            let line = line.replace("{}", written.trim_end());
            session.buffer().extend_from_slice(line.as_bytes());
            printed += &format!("{session:?}{session:#?}");
            session.received(Instant::now());
            loop {
                match session.next_event() {
                    Ok(Some(event)) => printed += &format!("{event:?}{session:?}"),
                    Ok(None) => break,
                    Err(error) => {
                        printed += &format!("{error}{error:?}{session:?}");
                        return printed;
                    }
                }
            }
            printed += &format!("{session:?}");
            while let Some(bytes) = session.transmit() {
                written = String::from_utf8(bytes.to_vec()).unwrap();
            }
        }
        panic!("the login went well: {printed}");
    }

    #[test]
    fn nothing_that_a_session_prints_has_the_password_in_it_though_the_server_repeats_it() {
        let now = Instant::now();
        let login = |sasl: &str| {
            let sasl = crate::sasl::Mechanism::from_name(sasl.as_bytes());
            let among = Some(sasl.into_iter().collect());
            let mut login =
                Login::new(Security::Plaintext, Some(Credentials::password("kim", "hunter2-\"x")));
            login.sasl.among = among;
            login
        };
        let mut printed_of = Vec::new();
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN] hi\r\n";
        for (sasl, server) in [
            ("", &["* BAD what is {}\r\nA1 NO [X-{}] what is {}\r\n"][..]),
            ("", &["* X {}\r\n{} hunter2-\r\nA1 NO\r\n"]),
            ("PLAIN", &["A1 BAD kim, what is {}\r\n"]),
            ("LOGIN", &["+ VXNlcg==\r\n", "+ UGFzcw==\r\n", "* BYE what is {}\r\n"]),
        ] {
            let mut config = imap::client::Config::new(Security::Plaintext, credentials());
            config.login = login(sasl);
            let server = [&[greeting], server].concat();
            printed_of.push(printed(imap::client::Session::new(config, now), &server));
        }
        let capabilities = "+OK\r\nSASL PLAIN LOGIN\r\n.\r\n";
        for (sasl, server) in [
            ("", &["+OK\r\n", "-ERR what is {}\r\n"][..]),
            ("", &["+OK\r\n", "{}\r\n"]),
            ("PLAIN", &["-ERR [SYS/TEMP] {}\r\n"]),
            ("LOGIN", &["+ VXNlcg==\r\n", "+ UGFzcw==\r\n", "-ERR what is {}\r\n"]),
        ] {
            let mut config = pop3::client::Config::new(Security::Plaintext, credentials());
            config.login = login(sasl);
            config.apop = pop3::client::Apop::Never;
            let server = [&["+OK hi\r\n", capabilities], server].concat();
            printed_of.push(printed(pop3::client::Session::new(config, now), &server));
        }
        for (sasl, server) in [
            ("PLAIN", &["500-5.3.3 unrecognized command\r\n500 5.3.3 '{}'\r\n"][..]),
            ("PLAIN", &["{}\r\n"]),
            ("PLAIN", &["421 what is {}\r\n"]),
            ("LOGIN", &["334 VXNlcg==\r\n", "334 UGFzcw==\r\n", "500 5.3.3 '{}'\r\n"]),
        ] {
            let mut config = smtp::client::Config::new(Security::Plaintext, None);
            config.login = login(sasl);
            let server = [&["220 hi\r\n", "250-hi\r\n250 AUTH PLAIN LOGIN\r\n"], server].concat();
            printed_of.push(printed(smtp::client::Session::new(config, now), &server));
        }
        for printed in printed_of {
            for secret in ["hunter2", "aHVudGVyMi", "h1bnRlcjIt", "odW50ZXIyL", "104, 117, 110", "104,\n"] {
                assert!(!printed.contains(secret), "{secret}: {printed}");
            }
        }
    }

    /// A challenge that takes long to answer, for the exchange that was begun so.
    #[cfg(feature = "sasl")]
    fn long_challenge(written: &str) -> String {
        use base64::{Engine, prelude::BASE64_STANDARD};

        let first = written.split_ascii_whitespace().rev().find_map(|word| BASE64_STANDARD.decode(word).ok());
        let first = String::from_utf8(first.unwrap()).unwrap();
        let (_, nonce) = first.split_once("r=").unwrap();
        BASE64_STANDARD.encode(format!("r={nonce}srv,s=c2FsdA==,i=16385"))
    }

    #[cfg(feature = "sasl")]
    #[test]
    fn a_key_that_takes_long_is_derived_elsewhere_by_all_three() {
        let now = Instant::now();
        let nonce = || Some(crate::sasl::Nonce::from_random([7; 18]));

        let mut config = imap::client::Config::new(Security::ImplicitTls, credentials());
        config.login.sasl.nonce = nonce();
        let start = || imap::client::Session::new(config.clone(), now);
        let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] hi\r\n";
        let challenge = long_challenge(&driven(start(), &[greeting]).1);
        let (steps, written) = driven(start(), &[greeting, &format!("+ {challenge}\r\n")]);
        assert_eq!((steps, written.lines().count()), (vec!["DeriveKey"], 2));

        let mut config = pop3::client::Config::new(Security::ImplicitTls, credentials());
        config.login.sasl.nonce = nonce();
        let start = || pop3::client::Session::new(config.clone(), now);
        let (greeting, capabilities) = ("+OK hi\r\n", "+OK\r\nSASL SCRAM-SHA-256\r\n.\r\n");
        let challenge = long_challenge(&driven(start(), &[greeting, capabilities]).1);
        let (steps, written) = driven(start(), &[greeting, capabilities, &format!("+ {challenge}\r\n")]);
        assert_eq!((steps, written.lines().count()), (vec!["DeriveKey"], 3));

        let mut config = smtp::client::Config::new(Security::ImplicitTls, Some(credentials()));
        config.login.sasl.nonce = nonce();
        let start = || smtp::client::Session::new(config.clone(), now);
        let (greeting, extensions) = ("220 hi\r\n", "250-hi\r\n250 AUTH SCRAM-SHA-256\r\n");
        let challenge = long_challenge(&driven(start(), &[greeting, extensions]).1);
        let (steps, written) = driven(start(), &[greeting, extensions, &format!("334 {challenge}\r\n")]);
        assert_eq!((steps, written.lines().count()), (vec!["DeriveKey"], 3));
    }
}
