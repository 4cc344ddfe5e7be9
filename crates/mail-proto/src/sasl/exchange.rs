//! An exchange as IMAP, POP3 and SMTP carry it: base64, a line a message, `*` to call it off.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{
    Client, Credentials, Derivation, Options, SaltedPassword, SaslError, Step, TokenRefusal, decode,
};
use crate::secret::Secret;

/// Derivations up to this many iterations, a few milliseconds, are done at once; longer ones are handed out.
const AT_ONCE: u32 = 16_384;

/// The client's side of an exchange on the wire.
#[derive(Debug)]
pub(crate) struct Exchange {
    client: Client,
    failed: Option<SaslError>,
    deriving: bool,
    /// What nobody but the server may see: the password or token, and the messages so far as they were written. (Not
    /// what these say: it has the user's name in it, and the server's, which belong into many an answer.)
    secrets: Vec<Secret>,
}

/// What follows from a challenge.
#[derive(Debug)]
pub(crate) enum Answer {
    /// This line is to be written.
    Line(Bytes),
    /// This is to be worked out elsewhere first.
    Derive(Derivation),
    /// The exchange was called off, and the server goes on all the same.
    Over(SaslError),
}

impl Exchange {
    pub(crate) fn new(client: Client, credentials: &Credentials) -> Self {
        let secrets = credentials.secret().cloned().into_iter().collect();
        Self { client, failed: None, deriving: false, secrets }
    }

    /// The mechanism's name.
    pub(crate) fn mechanism(&self) -> &'static str {
        self.client.mechanism().name()
    }

    /// The initial response, which is then counted as sent. `None` where the server speaks first.
    pub(crate) fn initial(&mut self) -> Option<Secret> {
        let message = self.client.initial()?;
        self.secrets.push(BASE64_STANDARD.encode(message.expose()).into());
        Some(message)
    }

    /// The same for `AUTH mechanism initial-response`, where that line isn't longer than `longest`, its end included: else it has to wait for its
    /// challenge (RFC 4954 section 4, RFC 5034 section 4).
    pub(crate) fn initial_of_line(&mut self, longest: usize) -> Option<Secret> {
        // An empty one is written as "=".
        let initial = (self.client.peek_initial()?.expose().len().div_ceil(3) * 4).max(1);
        let fits = "AUTH  \r\n".len() + self.mechanism().len() + initial <= longest;
        if fits { self.initial() } else { None }
    }

    /// The server's challenge, in base64.
    pub(crate) fn challenge(&mut self, challenge: &[u8]) -> Answer {
        if let Some(error) = &self.failed {
            return Answer::Over(error.clone());
        }
        match self.try_challenge(challenge) {
            Ok(answer) => answer,
            Err(error) => Answer::Line(self.call_off(error)),
        }
    }

    fn try_challenge(&mut self, challenge: &[u8]) -> Result<Answer, SaslError> {
        if self.deriving {
            return Err(SaslError::Malformed { expected: "no further challenge" });
        }
        // What asks for the initial response should be empty, and isn't everywhere.
        if let Some(initial) = self.initial() {
            return Ok(Answer::Line(line(&initial)));
        }
        match self.client.challenge(decode(challenge)?.expose())? {
            Step::Respond(response) => Ok(Answer::Line(self.send(&response))),
            Step::Derive(derivation) if derivation.iterations() <= AT_ONCE => {
                let response = self.client.derived(&derivation.run())?;
                Ok(Answer::Line(self.send(&response)))
            }
            Step::Derive(derivation) => {
                self.deriving = true;
                Ok(Answer::Derive(derivation))
            }
        }
    }

    /// What was worked out elsewhere: gives the line to write, if any is due.
    pub(crate) fn derived(&mut self, salted: &SaltedPassword) -> Option<Bytes> {
        if !std::mem::take(&mut self.deriving) {
            return None;
        }
        Some(match self.client.derived(salted) {
            Ok(response) => self.send(&response),
            Err(error) => self.call_off(error),
        })
    }

    /// Whether the login that was refused with these words is to be tried by a mechanism that isn't tied to the TLS
    /// connection: this one is, and that is what the server can't do. The exchange is over then.
    pub(crate) fn gives_up_binding(exchange: &mut Option<Self>, said: &[u8], options: &mut Options) -> bool {
        let is_due = exchange.as_ref().is_some_and(|exchange| exchange.cannot_bind(said));
        let gives_up = is_due && options.give_up_binding();
        if gives_up {
            *exchange = None;
        }
        gives_up
    }

    fn cannot_bind(&self, said: &[u8]) -> bool {
        if !self.client.mechanism().binds_channel() {
            return false;
        }
        match &self.failed {
            // RFC 5802 section 7.
            Some(SaslError::Rejected { error }) => {
                matches!(&**error, "unsupported-channel-binding-type" | "channel-binding-not-supported")
            }
            Some(_) => false,
            // Before anything was proved it isn't the password; Cyrus waits for that, and says then what its SASL library
            // calls a broken rule, where a wrong password is an "authentication failure".
            None if self.client.has_proved() => {
                let said = String::from_utf8_lossy(said).to_ascii_lowercase();
                said.contains("channel binding") || said.contains("bad protocol")
            }
            None => true,
        }
    }

    /// The end of the exchange: whether the server's success counts, or what failed before it said no.
    ///
    /// # Errors
    /// What made the client call the exchange off, or [`SaslError::NotVerified`].
    pub(crate) fn ended(self, success: bool) -> Result<Option<TokenRefusal>, SaslError> {
        match self.failed {
            Some(error) => Err(error),
            None if success => self.client.succeeded().map(|()| None),
            None => Ok(self.client.refusal().map(|refusal| refusal.without(self.secrets()))),
        }
    }

    /// What must not be shown of what the server says.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(Secret::expose)
    }

    fn send(&mut self, message: &Secret) -> Bytes {
        let line = line(message);
        self.secrets.push(Secret::new(line.trim_ascii_end()));
        line
    }

    fn call_off(&mut self, error: SaslError) -> Bytes {
        self.failed.get_or_insert(error);
        Bytes::from_static(b"*\r\n")
    }
}

/// A message as a line. An empty one is an empty line.
fn line(message: &Secret) -> Bytes {
    let mut line = BASE64_STANDARD.encode(message.expose());
    line.push_str("\r\n");
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::Mechanism;

    fn exchange(mechanism: Mechanism, credentials: &Credentials) -> Exchange {
        let options = Options { mechanism: Some(mechanism), ..Options::default() };
        let client = Client::negotiate([mechanism.name().as_bytes()], credentials, &options).unwrap();
        Exchange::new(client, credentials)
    }

    #[test]
    fn a_refusal_of_a_token_is_told_without_the_token_and_with_all_else() {
        let credentials = Credentials::token("kim@mail.example.org", "ya29.top-secret");
        let mut exchange = exchange(Mechanism::XOAuth2, &credentials);
        exchange.initial().unwrap();
        let said =
            r#"{"status":"401","schemes":"Bearer","scope":"https://mail.example.org/ ya29.top-secret"}"#;
        assert!(matches!(exchange.challenge(BASE64_STANDARD.encode(said).as_bytes()), Answer::Line(_)));
        let refusal = exchange.ended(false).unwrap().unwrap();
        assert_eq!(refusal.scope.as_deref(), Some("https://mail.example.org/ …"));
        assert_eq!(refusal.status.as_deref(), Some("401"));
    }

    #[test]
    fn an_initial_response_goes_with_its_command_if_the_line_is_no_longer_than_allowed() {
        let credentials = Credentials::password("kim", "secret");
        let line = "AUTH PLAIN AGtpbQBzZWNyZXQ=\r\n".len();
        let initial = |longest| exchange(Mechanism::Plain, &credentials).initial_of_line(longest);
        assert!(initial(line).is_some() && initial(line + 1).is_some());
        assert!(initial(line - 1).is_none());
        // One that had to wait is the answer to the challenge.
        let mut waits = exchange(Mechanism::Plain, &credentials);
        assert!(waits.initial_of_line(line - 1).is_none());
        assert!(matches!(waits.challenge(b""), Answer::Line(line) if line == "AGtpbQBzZWNyZXQ=\r\n"));
        // An empty one is written as "=".
        let external = Credentials::External;
        let line = "AUTH EXTERNAL =\r\n".len();
        assert!(exchange(Mechanism::External, &external).initial_of_line(line).is_some());
        assert!(exchange(Mechanism::External, &external).initial_of_line(line - 1).is_none());
    }
}
