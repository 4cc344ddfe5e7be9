//! STARTTLS, LOGIN and AUTHENTICATE.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_proto::imap::response::Response;
use mail_proto::imap::{ResponseCode, Status};
use mail_proto::{Secret, frame::Event};

use super::{End, Outcome, Session, Then, User, bad, no, ok};
use crate::session;

impl Session<'_> {
    pub(super) fn start_tls(&mut self) -> Status {
        if !self.may_start_tls() || !self.shared.has("STARTTLS") {
            return bad("there is no STARTTLS here");
        }
        self.then = Then::StartTls;
        ok("begin TLS now")
    }

    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) -> Status {
        if self.user.is_some() {
            return bad("logged in already");
        }
        if self.may_start_tls() {
            return no(ResponseCode::PrivacyRequired, "start TLS first");
        }
        let Some(account) = session::account_by_password(self.shared, user, password) else {
            return no(ResponseCode::AuthenticationFailed, "authentication failed");
        };
        if let Err(over_limit) = session::admit(self.seat, &account) {
            self.then = Then::Close;
            return no(ResponseCode::Limit, over_limit);
        }
        self.user = Some(User { changes: account.changes(), account });
        ok("logged in").with_code(ResponseCode::Capability(self.capabilities()))
    }

    /// SASL PLAIN (RFC 4616), the only mechanism.
    pub(super) async fn authenticate(&mut self, mechanism: &[u8], initial: Option<Secret>) -> Outcome {
        if mechanism != b"PLAIN" || !self.shared.has("AUTH=PLAIN") {
            return Ok(no(ResponseCode::Cannot, "this mechanism isn't known here"));
        }
        if initial.is_some() && !self.shared.has("SASL-IR") {
            return Ok(bad("an initial response isn't known here"));
        }
        let message = match initial {
            Some(initial) => initial,
            None => {
                self.put(Response::Continue { text: Bytes::new() }.encode());
                match self.sasl_line().await? {
                    Ok(message) => message,
                    Err(refused) => return Ok(refused),
                }
            }
        };
        let mut fields = message.expose().split(|octet| *octet == 0);
        match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(identity), Some(user), Some(password), None) if identity.is_empty() || identity == user => {
                Ok(self.login(user, password))
            }
            _ => {
                self.shared.ledger.wrong_password();
                Ok(no(ResponseCode::AuthenticationFailed, "authentication failed"))
            }
        }
    }

    /// A line of a SASL exchange; the tagged response if it is none, or a cancel.
    async fn sasl_line(&mut self) -> Result<Result<Secret, Status>, End> {
        let line = match self.next_event().await? {
            None => return Err(End::Cut),
            Some(Event::Segment(segment)) if segment.streamed.is_none() => segment.bytes,
            Some(_) => return Ok(Err(bad("base64 was expected"))),
        };
        Ok(match line.trim_ascii_end() {
            b"*" => Err(bad("cancelled")),
            base64 => STANDARD.decode(base64).map(Secret::new).map_err(|_| bad("this isn't base64")),
        })
    }
}
