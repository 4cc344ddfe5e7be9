//! STARTTLS and AUTH.

use bytes::Bytes;
use mail_proto::Secret;
use mail_proto::smtp::{Event, Reply};

use super::reply::reply;
use super::{End, Session, Then, new_reader};
use crate::sasl::{Carrier, Exchange, Failure};
use crate::session;
use crate::store::Account;

impl Session<'_> {
    pub(super) fn begin_tls(&mut self) -> Reply {
        if !self.is_before_tls() || !self.has("STARTTLS") {
            return reply("502 5.5.1 there is no STARTTLS here");
        }
        self.then = Then::StartTls;
        reply("220 2.0.0 begin TLS now")
    }

    /// Under TLS nothing is known of what was said before, and what came behind the command may be anyone's, so it is
    /// forgotten, unanswered (RFC 3207 section 4.2).
    pub(super) async fn start_tls(&mut self) -> Result<(), End> {
        self.reader = new_reader();
        self.hello = None;
        self.transaction = None;
        Ok(self.channel.start_tls(self.shared.identity.server.clone()).await?)
    }

    /// AUTH (RFC 4954), with an initial response or without.
    pub(super) async fn auth(&mut self, name: &[u8], initial: Option<Secret>) -> Result<Reply, End> {
        if self.user.is_some() {
            return Ok(reply("503 5.5.1 logged in already"));
        }
        if self.transaction.is_some() {
            return Ok(reply("503 5.5.1 not amid a message"));
        }
        if !self.has("AUTH") {
            return Ok(reply("502 5.5.1 there is no AUTH here"));
        }
        let offer = &self.shared.smtp.offer;
        let exchange = Exchange::new(self.shared, self.channel, name, |name| offer.has_mechanism(name));
        let Some(exchange) = exchange else { return Ok(reply("504 5.5.4 this mechanism isn't known here")) };
        Ok(match exchange.run(self.shared, self, initial).await? {
            Ok(account) => self.enter(account),
            Err(Failure::Cancelled) => reply("501 5.0.0 cancelled"),
            Err(Failure::NotBase64) => reply("501 5.5.2 this isn't base64"),
            Err(Failure::Refused) => reply("535 5.7.8 authentication failed"),
        })
    }

    /// Lets a user in who has proved to be one.
    fn enter(&mut self, account: Account) -> Reply {
        if session::admit(self.seat, &account).is_err() {
            let refused = reply(&self.shared.smtp.over_limit);
            if refused.code.get() == 421 {
                self.then = Then::Close;
            }
            return refused;
        }
        self.user = Some(account);
        reply("235 2.7.0 logged in")
    }
}

impl Carrier for Session<'_> {
    async fn ask(&mut self, challenge: String) -> Result<Option<Bytes>, End> {
        self.say(reply(format!("334 {challenge}")));
        match self.next_event().await? {
            Some(Event::Line(line)) => Ok(Some(line)),
            _ => Err(End::Cut),
        }
    }
}
