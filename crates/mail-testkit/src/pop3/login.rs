//! STLS, and the logins: USER with PASS, APOP, AUTH.

use std::time::Duration;

use bytes::Bytes;
use mail_proto::Secret;
use mail_proto::pop3::{Code, Reply, ReplyKind, apop_digest_matches};

use super::maildrop::Maildrop;
use super::{End, Opened, Session, Then, err, ok};
use crate::sasl::{Carrier, Exchange, Failure};
use crate::session;
use crate::store::{Account, NotOpened};
use crate::tls::SERVER_NAME;

impl Session<'_> {
    /// The greeting's timestamp, of which no other connection has the like.
    pub(super) fn new_timestamp(&self) -> String {
        let number: String = session::random::<8>().iter().map(|octet| format!("{octet:02x}")).collect();
        format!("<{}.{number}@{SERVER_NAME}>", self.seat.number())
    }

    pub(super) fn start_tls(&mut self) -> Reply {
        if !self.is_before_tls() || self.opened.is_some() {
            return err("there is no STLS here");
        }
        self.then = Then::StartTls;
        ok("begin TLS now")
    }

    /// Whether there is such a user is told with PASS.
    pub(super) fn user(&mut self, user: Bytes) -> Reply {
        if let Some(refused) = self.refuses_login() {
            return refused;
        }
        self.named = Some(user);
        ok("go on with PASS")
    }

    pub(super) fn pass(&mut self, password: &Secret) -> Reply {
        if let Some(refused) = self.refuses_login() {
            return refused;
        }
        let Some(user) = self.named.take() else { return err("begin with USER") };
        match session::account_by_password(self.shared, &user, password.expose()) {
            Some(account) => self.open(account),
            None => wrong_credentials(),
        }
    }

    /// APOP (RFC 1939 section 7).
    pub(super) fn apop(&mut self, user: &[u8], digest: &[u8]) -> Reply {
        if let Some(refused) = self.refuses_login() {
            return refused;
        }
        let account = std::str::from_utf8(user).ok().and_then(|user| self.shared.accounts.get(user));
        let is_right = |account: &&Account| {
            let timestamp = self.timestamp.as_deref().unwrap_or_default();
            apop_digest_matches(timestamp.as_bytes(), &account.password(), digest)
        };
        match account.filter(is_right).cloned() {
            Some(account) => self.open(account),
            None => {
                self.shared.ledger.wrong_password();
                wrong_credentials()
            }
        }
    }

    /// AUTH (RFC 5034), with an initial response or without.
    pub(super) async fn auth(&mut self, name: &[u8], initial: Option<Secret>) -> Result<Reply, End> {
        if let Some(refused) = self.refuses_login() {
            return Ok(refused);
        }
        let offer = &self.shared.pop3.offer;
        let exchange = Exchange::new(self.shared, self.channel, name, |name| offer.has_mechanism(name));
        let Some(exchange) = exchange else { return Ok(err("this mechanism isn't known here")) };
        Ok(match exchange.run(self.shared, self, initial).await? {
            Ok(account) => self.open(account),
            Err(Failure::Cancelled) => err("cancelled"),
            Err(Failure::NotBase64) => err("this isn't base64"),
            Err(Failure::Refused) => wrong_credentials(),
        })
    }

    /// Why nobody can log in now.
    fn refuses_login(&self) -> Option<Reply> {
        if self.opened.is_some() {
            return Some(err("logged in already"));
        }
        self.is_before_tls().then(|| err("start TLS first"))
    }

    /// Opens the maildrop of a user who has proved to be one.
    fn open(&mut self, account: Account) -> Reply {
        let seconds = self
            .shared
            .pop3
            .offer
            .value("LOGIN-DELAY")
            .and_then(|delay| delay.split(' ').next()?.parse().ok());
        let delay = Duration::from_secs(seconds.unwrap_or(0));
        let lock = match account.maildrop().open(self.shared.pop3.locks, delay) {
            Ok(lock) => lock,
            Err(NotOpened::Locked) => {
                return err("the maildrop is locked by another session").with_code(Code::InUse);
            }
            Err(NotOpened::TooSoon(left)) => {
                let text =
                    format!("too soon after the login before, {} seconds are left", left.as_secs() + 1);
                return err(text).with_code(Code::LoginDelay);
            }
        };
        let Some(maildrop) = Maildrop::open(&account) else {
            return err("there is no maildrop").with_code(Code::SysPerm);
        };
        if let Err(over_limit) = session::admit(self.seat, &account) {
            self.then = Then::Close;
            return err(over_limit).with_code(Code::InUse);
        }
        self.user = Some(account.clone());
        self.opened = Some(Opened { account, maildrop, _lock: lock });
        ok("logged in")
    }
}

impl Carrier for Session<'_> {
    async fn ask(&mut self, challenge: String) -> Result<Option<Bytes>, End> {
        self.say(Reply::new(ReplyKind::Continue, challenge));
        self.next_line().await?.map(Some).ok_or(End::Cut)
    }
}

fn wrong_credentials() -> Reply {
    err("authentication failed").with_code(Code::Auth)
}
