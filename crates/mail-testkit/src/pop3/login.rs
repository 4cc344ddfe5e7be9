//! STLS, USER and PASS.

use std::time::Duration;

use bytes::Bytes;
use mail_proto::Secret;
use mail_proto::pop3::{Code, Reply};

use super::maildrop::Maildrop;
use super::{Opened, Session, Then, err, ok};
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
        if let Err(over_limit) = session::admit(self.seat, &account) {
            self.then = Then::Close;
            return err(over_limit).with_code(Code::InUse);
        }
        let Some(maildrop) = Maildrop::open(&account) else {
            return err("there is no maildrop").with_code(Code::SysPerm);
        };
        self.opened = Some(Opened { account, maildrop, _lock: lock });
        ok("logged in")
    }
}

fn wrong_credentials() -> Reply {
    err("authentication failed").with_code(Code::Auth)
}
