//! STARTTLS, LOGIN and AUTHENTICATE.

use bytes::Bytes;
use mail_proto::imap::response::Response;
use mail_proto::imap::{ResponseCode, Status};
use mail_proto::{Secret, frame::Event};

use super::{End, Outcome, Session, Then, User, bad, no, ok};
use crate::sasl::{Carrier, Exchange, Failure};
use crate::session;
use crate::store::Account;

impl Session<'_> {
    pub(super) fn start_tls(&mut self) -> Status {
        if !self.may_start_tls() || !self.shared.has("STARTTLS") {
            return bad("there is no STARTTLS here");
        }
        self.then = Then::StartTls;
        ok("begin TLS now")
    }

    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) -> Status {
        if let Some(refused) = self.refuses_login() {
            return refused;
        }
        match session::account_by_password(self.shared, user, password) {
            Some(account) => self.enter(account),
            None => wrong_credentials(),
        }
    }

    /// AUTHENTICATE (RFC 9051 6.2.2), with an initial response or without.
    pub(super) async fn authenticate(&mut self, name: &[u8], initial: Option<Secret>) -> Outcome {
        if let Some(refused) = self.refuses_login() {
            return Ok(refused);
        }
        let offer = &self.shared.offer;
        let exchange =
            Exchange::new(self.shared, self.channel, name, |name| offer.has(&format!("AUTH={name}")));
        let Some(exchange) = exchange else {
            return Ok(no(ResponseCode::Cannot, "this mechanism isn't known here"));
        };
        if initial.is_some() && !offer.has("SASL-IR") {
            return Ok(bad("an initial response isn't known here"));
        }
        Ok(match exchange.run(self.shared, self, initial).await? {
            Ok(account) => self.enter(account),
            Err(Failure::Cancelled) => bad("cancelled"),
            Err(Failure::NotBase64) => bad("this isn't base64"),
            Err(Failure::Refused) => wrong_credentials(),
        })
    }

    /// Why nobody can log in now.
    fn refuses_login(&self) -> Option<Status> {
        if self.user.is_some() {
            return Some(bad("logged in already"));
        }
        self.may_start_tls().then(|| no(ResponseCode::PrivacyRequired, "start TLS first"))
    }

    /// Lets a user in who has proved to be one.
    fn enter(&mut self, account: Account) -> Status {
        if let Err(over_limit) = session::admit(self.seat, &account) {
            self.then = Then::Close;
            return no(ResponseCode::Limit, over_limit);
        }
        self.user = Some(User { changes: account.changes(), account });
        ok("logged in").with_code(ResponseCode::Capability(self.capabilities()))
    }
}

impl Carrier for Session<'_> {
    async fn ask(&mut self, challenge: String) -> Result<Option<Bytes>, End> {
        self.put(Response::Continue { text: challenge.into() }.encode());
        match self.next_event().await? {
            None => Err(End::Cut),
            Some(Event::Segment(segment)) if segment.streamed.is_none() => Ok(Some(segment.bytes)),
            Some(_) => Ok(None),
        }
    }
}

fn wrong_credentials() -> Status {
    no(ResponseCode::AuthenticationFailed, "authentication failed")
}
