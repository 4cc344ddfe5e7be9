//! What a server is to be like.

mod smtp;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{LOOPBACK, Server, listen};
use crate::capabilities::{imap, pop3};
use crate::endpoint::{Endpoint, Protocol};
use crate::fault::{Fault, Faults};
use crate::hook::Hooks;
use crate::link::Link;
use crate::report::Ledger;
use crate::shared::{Pop3, Shared, Smtp};
use crate::store::{Account, Message, StoreError};
use crate::tls::Identity;

/// A server before it starts: [`Server::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    accounts: Vec<Account>,
    link: Link,
    max_connections_per_user: BTreeMap<Protocol, usize>,
    faults: Vec<Fault>,
    offer: imap::Offer,
    pop3: Pop3,
    smtp: Smtp,
    search_charsets: Vec<String>,
    delimiter: Option<u8>,
    failed: Option<StartError>,
}

/// Why a server didn't start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A mailbox was named before any user.
    #[error("a mailbox needs a user: name the user first")]
    NoUser,
    /// The same user twice.
    #[error("user {user:?} is named twice")]
    DuplicateUser {
        /// The user's name.
        user: String,
    },
    /// A mailbox can't be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No port could be opened.
    #[error("can't listen on 127.0.0.1")]
    Listen(#[source] io::Error),
    /// No certificate could be made.
    #[error("can't make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// rustls refuses the certificate.
    #[error("can't set up TLS")]
    Tls(#[from] rustls::Error),
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            accounts: Vec::new(),
            link: Link::default(),
            max_connections_per_user: BTreeMap::new(),
            faults: Vec::new(),
            offer: imap::Offer::default(),
            pop3: Pop3::default(),
            smtp: Smtp::default(),
            search_charsets: vec!["US-ASCII".to_owned(), "UTF-8".to_owned()],
            delimiter: Some(b'/'),
            failed: None,
        }
    }

    /// A user, who has an INBOX; the mailboxes that follow are this user's.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let name = name.into();
        if self.accounts.iter().any(|account| account.user() == name) {
            self.fail(StartError::DuplicateUser { user: name });
            return self;
        }
        self.accounts.push(Account::new(name, password.into()));
        self
    }

    /// The token by which the last user may log in with OAUTHBEARER and XOAUTH2; see [`Account::set_token`] to change it.
    pub fn token(mut self, token: impl AsRef<str>) -> Self {
        match self.accounts.last() {
            Some(account) => account.set_token(Some(token.as_ref())),
            None => self.fail(StartError::NoUser),
        }
        self
    }

    /// A mailbox of the last user, its name in octets as on the wire.
    pub fn mailbox(mut self, name: impl AsRef<[u8]>) -> Self {
        match self.accounts.last() {
            None => self.fail(StartError::NoUser),
            Some(account) => match account.create(name) {
                Ok(()) | Err(StoreError::MailboxExists { .. }) => {}
                Err(error) => self.fail(error.into()),
            },
        }
        self
    }

    /// How much the last user's mailboxes may hold together: kibioctets of mail, and messages. What exceeds it is refused
    /// with `NO [OVERQUOTA]`.
    pub fn quota(mut self, storage: Option<u64>, messages: Option<u64>) -> Self {
        match self.accounts.last() {
            Some(account) => account.set_quota(storage, messages),
            None => self.fail(StartError::NoUser),
        }
        self
    }

    /// What a mailbox of the last user is for (RFC 6154), `\Sent` for example; the mailbox is made if it isn't there.
    pub fn special_use(mut self, mailbox: impl AsRef<[u8]>, special_use: impl Into<String>) -> Self {
        self = self.mailbox(&mailbox);
        if let Some(account) = self.accounts.last().filter(|_| self.failed.is_none())
            && let Err(error) = account.set_special_use(mailbox, [special_use])
        {
            self.fail(error.into());
        }
        self
    }

    /// Messages in a mailbox of the last user, which is made if it isn't there.
    pub fn messages<M: Into<Message>>(
        mut self,
        mailbox: impl AsRef<[u8]>,
        messages: impl IntoIterator<Item = M>,
    ) -> Self {
        self = self.mailbox(&mailbox);
        if self.failed.is_some() {
            return self;
        }
        let Some(account) = self.accounts.last() else { return self };
        let delivered =
            messages.into_iter().try_for_each(|message| account.deliver(&mailbox, message).map(drop));
        if let Err(error) = delivered {
            self.fail(error.into());
        }
        self
    }

    /// How long a round trip takes; see [`Link`].
    pub fn latency(mut self, round_trip: Duration) -> Self {
        self.link = self.link.with_latency(round_trip);
        self
    }

    /// How many bytes a second pass in each direction of each connection; zero is no limit.
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.link = self.link.with_bandwidth(bytes_per_second);
        self
    }

    /// Latency and bandwidth in one.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// How many connections a user may have logged in at a time, over each protocol by itself. One more is answered as
    /// Dovecot does: `NO [LIMIT] Maximum number of connections from user+IP exceeded` in IMAP, `-ERR [IN-USE]` and the
    /// same in POP3, and closed; in SMTP as [told](Self::smtp_limit_reply).
    pub fn max_connections_per_user(mut self, most: usize) -> Self {
        self.max_connections_per_user = Protocol::ALL.map(|protocol| (protocol, most)).into();
        self
    }

    /// The same for one protocol: a Dovecot lets a user have 10 connections of IMAP and 3 of POP3.
    pub fn max_connections_per_user_of(mut self, protocol: Protocol, most: usize) -> Self {
        self.max_connections_per_user.insert(protocol, most);
        self
    }

    /// Something to do wrong. More can be [added](Server::add_fault) later.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Neither shows nor knows a capability, `LITERAL+` for example: its commands are BAD, and what it adds to other
    /// commands is neither taken nor sent. What IMAP4rev2 has in itself goes only with IMAP4rev2.
    pub fn without_capability(mut self, capability: impl Into<String>) -> Self {
        self.offer.remove(&capability.into());
        self
    }

    /// Shows a capability more and does what it stands for, if it is one that isn't there unasked: `IMAP4rev2`,
    /// `LITERAL-` (in place of `LITERAL+`), `X-GM-EXT-1` or `APPENDLIMIT=1000`. One that the server doesn't know is shown
    /// all the same.
    pub fn with_capability(mut self, capability: impl Into<String>) -> Self {
        self.offer.add(capability.into());
        self
    }

    /// Shows and does just these, and on its port STARTTLS; without an `AUTH=` there is LOGIN alone.
    pub fn capabilities<S: Into<String>>(mut self, capabilities: impl IntoIterator<Item = S>) -> Self {
        self.offer = imap::Offer::only(capabilities);
        self
    }

    /// The same as [`without_capability`](Self::without_capability) for POP3: `UIDL` or `PIPELINING` for example. `CAPA`
    /// goes that way too, and `APOP` with the timestamp in the greeting, though CAPA tells of neither.
    ///
    /// Without `PIPELINING` a client that sends a command before it can have the answer to the one before is told
    /// so, and the connection is closed. Without `RESP-CODES` replies have no codes, without `AUTH-RESP-CODE` none
    /// that tell a wrong password from a server that fails.
    pub fn without_pop3_capability(mut self, name: impl AsRef<str>) -> Self {
        self.pop3.offer.remove(name.as_ref());
        self
    }

    /// Shows a capability more in POP3, a line of CAPA's answer, and does what it stands for: with `LOGIN-DELAY 5` a user
    /// who comes again within five seconds is refused, with `EXPIRE 0` QUIT removes what was retrieved. One that the
    /// server doesn't know is shown all the same. The line takes the place of one that begins with the same name.
    pub fn with_pop3_capability(mut self, line: impl Into<String>) -> Self {
        self.pop3.offer.add(line.into());
        self
    }

    /// Shows and does just these in POP3, and STLS on its port. Without `USER`, `SASL` or `APOP` there is no login.
    pub fn pop3_capabilities<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.pop3.offer = pop3::Offer::only(lines);
        self
    }

    /// Whether a POP3 session has the maildrop to itself (RFC 1939 section 4), as it does unless told otherwise: another
    /// login is refused with `-ERR [IN-USE]` meanwhile. Dovecot as it is installed locks nothing.
    pub fn maildrop_lock(mut self, locks: bool) -> Self {
        self.pop3.locks = locks;
        self
    }

    /// The SASL mechanisms that are offered and done in every protocol, in this order; `PLAIN` alone unless told. All
    /// that [`Mechanism`](mail_proto::sasl::Mechanism) has can be done: those with `-PLUS` under TLS,
    /// OAUTHBEARER and XOAUTH2 for users with a [token](Self::token), EXTERNAL with a
    /// [certificate](Server::client_certificate), for which clients are asked then, and ANONYMOUS if there is a user
    /// `anonymous`, who it then is.
    pub fn mechanisms<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self.offer.set_mechanisms(&names);
        self.pop3.offer.set_mechanisms(&names);
        self.smtp.offer.set_mechanisms(&names);
        self
    }

    /// Takes searches in these charsets alone, of `US-ASCII` and `UTF-8`, which are taken unless told otherwise. A search
    /// that names another is answered `NO [BADCHARSET …]`.
    pub fn search_charsets<S: Into<String>>(mut self, charsets: impl IntoIterator<Item = S>) -> Self {
        self.search_charsets = charsets.into_iter().map(Into::into).collect();
        self
    }

    /// What stands between the levels of mailbox names; `/` unless told, `None` for names without levels.
    pub fn delimiter(mut self, delimiter: Option<u8>) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Opens the ports and serves from then on, on the current tokio runtime.
    ///
    /// # Errors
    /// What was ordered can't be had, or no port can be opened.
    pub async fn start(self) -> Result<Server, StartError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // Being asked for a certificate is nothing that every client takes.
        let is_external = self.offer.has("AUTH=EXTERNAL")
            || self.pop3.offer.has_mechanism("EXTERNAL")
            || self.smtp.offer.has_mechanism("EXTERNAL");
        let certified = self.accounts.iter().map(|account| account.user().to_owned());
        let certified: Vec<String> = certified.filter(|_| is_external).collect();
        let accounts: BTreeMap<String, Account> =
            self.accounts.into_iter().map(|account| (account.user().to_owned(), account)).collect();
        let shared = Arc::new(Shared {
            accounts,
            identity: Identity::new(certified.iter().map(String::as_str))?,
            ledger: Arc::new(Ledger::new()),
            faults: Faults::new(self.faults),
            link: self.link,
            offer: self.offer,
            pop3: self.pop3,
            smtp: self.smtp,
            hooks: Hooks::default(),
            search_charsets: self.search_charsets,
            delimiter: self.delimiter,
        });
        for (protocol, most) in self.max_connections_per_user {
            shared.ledger.set_limit(protocol, most);
        }
        let closing = watch::Sender::new(());
        let mut addresses = [LOOPBACK; Endpoint::ALL.len()];
        for endpoint in Endpoint::ALL {
            let listener = TcpListener::bind(LOOPBACK).await.map_err(StartError::Listen)?;
            addresses[endpoint as usize] = listener.local_addr().map_err(StartError::Listen)?;
            tokio::spawn(listen::listen(listener, endpoint, shared.clone(), closing.subscribe()));
        }
        Ok(Server { shared, addresses, closing })
    }

    /// The first failure is the one to tell.
    fn fail(&mut self, error: StartError) {
        self.failed.get_or_insert(error);
    }
}
