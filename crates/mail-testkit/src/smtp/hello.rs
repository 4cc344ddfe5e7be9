//! The greeting, EHLO and HELO, and what comes before what.

use bytes::Bytes;
use mail_proto::smtp::{Command, Extension, Reply};

use super::Session;
use super::reply::reply;
use crate::capabilities::needs_tls;
use crate::tls::SERVER_NAME;

/// How a client has greeted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// By HELO, without extensions.
    Plain,
    /// By EHLO.
    Extended,
}

pub(super) fn greeting() -> Reply {
    reply(format!("220 {SERVER_NAME} ESMTP mail-testkit"))
}

impl Session<'_> {
    /// Both forget the message (RFC 5321 section 4.1.4).
    pub(super) fn ehlo(&mut self) -> Reply {
        self.transaction = None;
        self.hello = Some(Hello::Extended);
        let mut hello = reply(format!("250 {SERVER_NAME}"));
        let is_tls = self.channel.is_tls();
        let shown = self.shared.smtp.offer.shown(self.is_before_tls()).map(|line| {
            let mut extension = Extension::parse(&Bytes::from(line.to_owned()));
            if let Extension::Auth(mechanisms) = &mut extension {
                mechanisms.retain(|name| is_tls || !needs_tls(&String::from_utf8_lossy(name)));
            }
            extension.encode()
        });
        // What can't be a line isn't shown.
        hello.lines.extend(shown.filter_map(Result::ok));
        hello
    }

    pub(super) fn helo(&mut self) -> Reply {
        self.transaction = None;
        self.hello = Some(Hello::Plain);
        reply(format!("250 {SERVER_NAME}"))
    }

    /// Whether the server has an extension and the client has asked for extensions.
    pub(super) fn extends(&self, keyword: &str) -> bool {
        self.hello == Some(Hello::Extended) && self.has(keyword)
    }

    /// Why a command can't be carried out yet, or not any more.
    pub(super) fn comes_too_soon(&self, command: &Command) -> Option<Reply> {
        let is_mail = matches!(command, Command::Mail { .. } | Command::Rcpt { .. } | Command::Data);
        match command {
            Command::Auth { .. } | Command::Vrfy(_) if self.is_before_tls() => Some(tls_first()),
            _ if is_mail && self.is_before_tls() => Some(tls_first()),
            Command::StartTls | Command::Auth { .. } if self.hello != Some(Hello::Extended) => {
                Some(reply("503 5.5.1 begin with EHLO"))
            }
            _ if is_mail && self.hello.is_none() => Some(reply("503 5.5.1 begin with EHLO")),
            _ if is_mail && self.user.is_none() && self.has("AUTH") => {
                Some(reply("530 5.7.0 authentication required"))
            }
            _ => None,
        }
    }
}

/// RFC 3207 section 4.
fn tls_first() -> Reply {
    reply("530 5.7.0 start TLS first")
}
