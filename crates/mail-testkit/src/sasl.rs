//! Logins by SASL (RFC 4422), the same in every protocol: the mechanisms are mail-proto's, the lines the protocol's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_proto::Secret;
use mail_proto::sasl::{ChannelBinding, ChannelBindingKind, Mechanism, Nonce, SaslError};
use mail_proto::sasl::{Server, ServerOptions, ServerStep};

use crate::capabilities::needs_tls;
use crate::channel::Channel;
use crate::session::{End, random};
use crate::shared::Shared;
use crate::store::Account;
use crate::tls::SERVER_NAME;

/// Whom ANONYMOUS logs in.
const ANONYMOUS: &str = "anonymous";

/// How a protocol carries an exchange.
pub(crate) trait Carrier {
    /// Sends a challenge, which is base64 already, and gives the line that answers it; none if what came is no line.
    async fn ask(&mut self, challenge: String) -> Result<Option<Bytes>, End>;
}

/// One exchange: what it has of the server and of its connection.
#[derive(Debug)]
pub(crate) struct Exchange {
    mechanism: Mechanism,
    /// What it may be tied to; nothing, if the server doesn't offer to tie exchanges.
    bindings: Vec<ChannelBinding>,
    /// Whom the client's certificate is for.
    certified: Option<String>,
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client called the exchange off.
    Cancelled,
    /// A line isn't base64.
    NotBase64,
    /// The client isn't who it says it is, or doesn't speak the mechanism.
    Refused,
}

impl Exchange {
    /// An exchange by the mechanism of this name; none if it isn't offered, or can't be done here.
    pub(crate) fn new(
        shared: &Shared,
        channel: &Channel,
        name: &[u8],
        is_offered: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let is_offered = |name: &str| is_offered(name) && (channel.is_tls() || !needs_tls(name));
        let mechanism = Mechanism::from_name(name).filter(|mechanism| is_offered(mechanism.name()))?;
        let plus = match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => Mechanism::ScramSha1Plus,
            _ => Mechanism::ScramSha256Plus,
        };
        let mut bindings = Vec::new();
        if is_offered(plus.name()) {
            let exporter = channel.exported_key().map(Vec::from);
            bindings
                .extend(exporter.map(|data| ChannelBinding { kind: ChannelBindingKind::TlsExporter, data }));
            let data = shared.identity.end_point.clone();
            bindings.push(ChannelBinding { kind: ChannelBindingKind::TlsServerEndPoint, data });
        }
        let certificate = channel.client_certificate();
        let certified =
            certificate.and_then(|certificate| shared.identity.certified(&certificate).map(str::to_owned));
        Some(Self { mechanism, bindings, certified })
    }

    /// Goes through the exchange: who is logged in. An attempt that fails is counted.
    pub(crate) async fn run(
        self,
        shared: &Shared,
        carrier: &mut impl Carrier,
        initial: Option<Secret>,
    ) -> Result<Result<Account, Failure>, End> {
        match self.converse(shared, carrier, initial).await {
            Ok(account) => Ok(Ok(account)),
            Err(Stop::End(end)) => Err(end),
            Err(Stop::Failed(failure)) => {
                if failure == Failure::Refused {
                    shared.ledger.wrong_password();
                }
                Ok(Err(failure))
            }
        }
    }

    async fn converse(
        &self,
        shared: &Shared,
        carrier: &mut impl Carrier,
        initial: Option<Secret>,
    ) -> Result<Account, Stop> {
        let (mut server, mut message) = if self.mechanism.is_client_first() {
            let first = match initial {
                Some(initial) => initial,
                None => ask(carrier, &[]).await?,
            };
            (self.begin(first.expose())?, first)
        } else {
            let server = self.begin(&[])?;
            let first = match initial {
                None => ask(carrier, &server.opening()).await?,
                // LOGIN's name may come unasked.
                Some(name) if self.mechanism == Mechanism::Login => name,
                Some(_) => return Err(Failure::Refused.into()),
            };
            (server, first)
        };
        let is_token = matches!(self.mechanism, Mechanism::OAuthBearer | Mechanism::XOAuth2);
        loop {
            let step = server.response(message.expose(), |user| {
                let account = shared.accounts.get(std::str::from_utf8(user).ok()?)?;
                if is_token { account.token() } else { Some(account.password()) }
            });
            match step? {
                ServerStep::Challenge(challenge) => message = ask(carrier, &challenge).await?,
                ServerStep::Done { user, authorization } => {
                    return self
                        .account(shared, &user, authorization.as_deref())
                        .ok_or_else(|| Failure::Refused.into());
                }
                _ => return Err(Failure::Refused.into()),
            }
        }
    }

    /// The server's side, which for SCRAM with channel binding depends on the kind that the client's first message asks for.
    fn begin(&self, first: &[u8]) -> Result<Server, SaslError> {
        let wanted = self.bindings.iter().find(|binding| {
            let flag = format!("p={},", binding.kind.name());
            first.starts_with(flag.as_bytes())
        });
        let mut options = ServerOptions::default();
        options.nonce = Some(Nonce::from_random(random()));
        options.challenge = Some(format!("<{}@{SERVER_NAME}>", u64::from_le_bytes(random())));
        options.salt = random::<16>().to_vec();
        options.channel_binding = wanted.or_else(|| self.bindings.first()).cloned();
        Server::new(self.mechanism, &options)
    }

    /// Who has proved to be whom. Nobody acts for another.
    fn account(&self, shared: &Shared, user: &[u8], authorization: Option<&[u8]>) -> Option<Account> {
        let user = match self.mechanism {
            Mechanism::Anonymous => return shared.accounts.get(ANONYMOUS).cloned(),
            Mechanism::External => self.certified.as_deref()?,
            _ => std::str::from_utf8(user).ok()?,
        };
        let is_own = authorization.is_none_or(|wanted| wanted == user.as_bytes());
        shared.accounts.get(user).filter(|_| is_own).cloned()
    }
}

/// Sends a challenge, and reads what answers it.
async fn ask(carrier: &mut impl Carrier, challenge: &[u8]) -> Result<Secret, Stop> {
    let line = carrier.ask(STANDARD.encode(challenge)).await?.ok_or(Failure::NotBase64)?;
    match line.trim_ascii_end() {
        b"*" => Err(Failure::Cancelled.into()),
        line => Ok(STANDARD.decode(line).map(Secret::new).map_err(|_| Failure::NotBase64)?),
    }
}

/// Why an exchange goes no further.
enum Stop {
    End(End),
    Failed(Failure),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SaslError> for Stop {
    fn from(_: SaslError) -> Self {
        Self::Failed(Failure::Refused)
    }
}
