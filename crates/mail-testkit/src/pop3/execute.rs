//! The commands, one by one.

use bytes::Bytes;
use mail_proto::pop3::{Capability, Code, Command, DropListing, Reply, ScanListing};

use super::maildrop::Listed;
use super::message::{has_utf8_header, top};
use super::{Answer, Body, End, Opened, Session, Then, err, ok};
use crate::capabilities::needs_tls;

/// The languages of the texts (RFC 6856 section 3): one, by its name and as whoever names none gets it.
const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("i-default", "English, for want of another")];

impl Session<'_> {
    /// Whether the command needs a capability that the server doesn't have: then it is one that never heard of it.
    pub(super) fn lacks(&self, command: &Command) -> bool {
        let needed = match command {
            Command::User(_) | Command::Pass(_) => "USER",
            Command::Apop { .. } => "APOP",
            Command::Auth { .. } => "SASL",
            Command::Stls => "STLS",
            Command::Capa => "CAPA",
            Command::Utf8 => "UTF8",
            Command::Lang(_) => "LANG",
            Command::Uidl(_) => "UIDL",
            Command::Top { .. } => "TOP",
            _ => return false,
        };
        !self.has(needed)
    }

    pub(super) async fn execute(&mut self, command: Command) -> Result<Answer, End> {
        Ok(match command {
            Command::Capa => self.capa(),
            Command::Lang(None) => {
                listing("languages follow", LANGUAGES.map(|(tag, name)| format!("{tag} {name}")))
            }
            Command::Lang(Some(tag)) => lang(&tag).into(),
            Command::Quit => {
                self.then = Then::Close;
                self.quit().into()
            }
            Command::Stls => self.start_tls().into(),
            Command::Utf8 if self.opened.is_none() => {
                self.utf8 = true;
                ok("UTF-8 it is").into()
            }
            Command::User(user) => self.user(user).into(),
            Command::Pass(password) => self.pass(&password).into(),
            Command::Apop { user, digest } => self.apop(&user, digest.expose()).into(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await?.into(),
            command => match &mut self.opened {
                None => err("log in first").into(),
                Some(opened) => opened.execute(command, self.utf8 || !self.shared.pop3.offer.has("UTF8")),
            },
        })
    }

    fn capa(&self) -> Answer {
        let is_tls = self.channel.is_tls();
        let capabilities = self.shared.pop3.offer.shown(self.is_before_tls()).map(|line| {
            let mut capability = Capability::parse(line.to_owned());
            if let Capability::Sasl(mechanisms) = &mut capability {
                mechanisms.retain(|name| is_tls || !needs_tls(&String::from_utf8_lossy(name)));
            }
            capability.encode()
        });
        // What can't be a line isn't shown.
        listing("capabilities follow", capabilities.filter_map(Result::ok))
    }

    /// The end, and the commit of what was marked as deleted (RFC 1939 section 6).
    fn quit(&mut self) -> Reply {
        // The lock goes with it, before the client can know that it did.
        if let Some(Opened { account, maildrop, .. }) = self.opened.take() {
            maildrop.commit(&account, self.shared.pop3.offer.value("EXPIRE") != Some("0"));
        }
        ok("goodbye")
    }
}

impl Opened {
    /// What needs a login.
    fn execute(&mut self, command: Command, takes_utf8: bool) -> Answer {
        match command {
            Command::Noop => ok("").into(),
            Command::Stat => ok(self.drop_listing().encode()).into(),
            Command::List(None) => {
                let DropListing { count, octets } = self.drop_listing();
                let lines = self.maildrop.present().map(scan_listing);
                listing(format!("{count} messages ({octets} octets)"), lines)
            }
            Command::List(Some(number)) => self.about(number, scan_listing),
            Command::Uidl(None) => listing("unique-ids follow", self.maildrop.present().map(unique_id)),
            Command::Uidl(Some(number)) => self.about(number, unique_id),
            Command::Dele(number) if self.maildrop.delete(number) => {
                ok(format!("message {number} deleted")).into()
            }
            Command::Dele(_) => no_such_message().into(),
            Command::Rset => {
                self.maildrop.reset();
                let DropListing { count, octets } = self.drop_listing();
                ok(format!("maildrop has {count} messages ({octets} octets)")).into()
            }
            Command::Retr(number) => match self.content(number, takes_utf8) {
                Ok(message) => {
                    self.maildrop.was_retrieved(number);
                    Answer { reply: ok("message follows"), body: Body::Message(message) }
                }
                Err(refused) => refused.into(),
            },
            Command::Top { number, lines } => match self.content(number, takes_utf8) {
                Ok(message) => {
                    Answer { reply: ok("top of message follows"), body: Body::Message(top(&message, lines)) }
                }
                Err(refused) => refused.into(),
            },
            _ => err("that comes before the login").into(),
        }
    }

    fn drop_listing(&self) -> DropListing {
        let (mut count, mut octets) = (0, 0);
        for message in self.maildrop.present() {
            count += 1;
            octets += message.octets();
        }
        DropListing { count, octets }
    }

    /// What is to be said of one message.
    fn about(&self, number: u32, say: impl FnOnce(&Listed) -> String) -> Answer {
        self.maildrop.get(number).map_or_else(no_such_message, |message| ok(say(message))).into()
    }

    fn content(&self, number: u32, takes_utf8: bool) -> Result<Bytes, Reply> {
        if self.maildrop.get(number).is_none() {
            return Err(no_such_message());
        }
        let content = self.maildrop.content(&self.account, number);
        let content = content.ok_or_else(|| err("the message was removed meanwhile"))?;
        if !takes_utf8 && has_utf8_header(&content) {
            return Err(err("the message needs UTF8").with_code(Code::Utf8));
        }
        Ok(content)
    }
}

fn listing<L: Into<Vec<u8>>>(text: impl Into<Bytes>, lines: impl IntoIterator<Item = L>) -> Answer {
    Answer { reply: ok(text), body: Body::Lines(lines.into_iter().map(Into::into).collect()) }
}

fn scan_listing(message: &Listed) -> String {
    ScanListing { number: message.number, octets: message.octets() }.encode()
}

fn unique_id(message: &Listed) -> String {
    format!("{} {}", message.number, message.unique_id())
}

fn no_such_message() -> Reply {
    err("no such message")
}

/// LANG with a language; `*` leaves the choice to the server.
fn lang(wanted: &[u8]) -> Reply {
    let found =
        LANGUAGES.iter().find(|(tag, _)| wanted == b"*" || tag.as_bytes().eq_ignore_ascii_case(wanted));
    match found {
        Some((tag, name)) => ok(format!("{tag} {name}")),
        None => err("that language isn't spoken here"),
    }
}
