//! A server that means harm: it speaks its protocol well, but for what a test has it say instead.

use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use mail_client::transport::{BoxIo, Connector, Error, Target, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

use crate::protocol::Protocol;

/// The host that the client means.
pub(crate) const HOST: &str = "mail.example.org";

pub(crate) const USER: &str = "kim";

/// What nobody may see who is on the way. Its letters occur in nothing else.
pub(crate) const PASSWORD: &str = "Xq7-Zw9-secret";

/// An answer, in pieces that are each said so many times; `{tag}` in them stands for the tag of what is answered.
#[derive(Clone, Default)]
pub(crate) struct Says(Vec<(Vec<u8>, usize)>);

impl Says {
    pub(crate) fn times(mut self, piece: impl Into<Vec<u8>>, times: usize) -> Self {
        self.0.push((piece.into(), times));
        self
    }

    /// Whether a word occurs in it.
    fn has(&self, word: &[u8]) -> bool {
        self.0.iter().any(|(piece, _)| piece.windows(word.len()).any(|part| part == word))
    }

    async fn say(&self, io: &mut BoxIo, tag: &str) -> std::io::Result<()> {
        const TAG: &[u8] = b"{tag}";
        for (piece, times) in &self.0 {
            for _ in 0..*times {
                let mut rest = &piece[..];
                while let Some(at) = rest.windows(TAG.len()).position(|part| part == TAG) {
                    io.write_all(&rest[..at]).await?;
                    io.write_all(tag.as_bytes()).await?;
                    rest = &rest[at + TAG.len()..];
                }
                io.write_all(rest).await?;
            }
        }
        Ok(())
    }
}

impl<T: Into<Vec<u8>>> From<T> for Says {
    fn from(text: T) -> Self {
        Self::default().times(text, 1)
    }
}

/// What a peer is, and what it says instead of what its protocol wants.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) protocol: Protocol,
    /// Whether it is all inside TLS.
    pub(crate) is_implicit: bool,
    pub(crate) greeting: String,
    /// Instead of the usual answers to what begins so, the tag left out.
    pub(crate) instead: Vec<(&'static str, Says)>,
    /// What it says as soon as TLS stands, unasked.
    pub(crate) first_inside: String,
    pub(crate) certificate: Certificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    Good,
    /// Of an authority that nobody trusts.
    Strange,
    Expired,
    /// Made out to another host.
    Mismatched,
}

/// The way to the peer, and what was seen on it.
#[derive(Clone)]
pub(crate) struct Peer {
    script: Arc<Script>,
    seen: Arc<Mutex<Seen>>,
    authority: Arc<Authority>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// What the client said in the clear.
    pub(crate) clear: Vec<u8>,
    /// What it said inside TLS.
    pub(crate) inside: Vec<u8>,
    /// What it dialled.
    pub(crate) dialled: Vec<(String, u16)>,
}

/// Who signs certificates.
struct Authority {
    trusted: CertifiedIssuer<'static, KeyPair>,
    strange: CertifiedIssuer<'static, KeyPair>,
}

impl Script {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            is_implicit: false,
            greeting: protocol.greeting().to_owned(),
            instead: Vec::new(),
            first_inside: String::new(),
            certificate: Certificate::Good,
        }
    }

    /// All inside TLS, and nothing announced by its greeting.
    pub(crate) fn implicit(mut self) -> Self {
        self.is_implicit = true;
        let bare = self.protocol.bare_greeting();
        self.greeting(bare)
    }

    pub(crate) fn greeting(mut self, greeting: &str) -> Self {
        greeting.clone_into(&mut self.greeting);
        self
    }

    pub(crate) fn instead(mut self, of: &'static str, says: impl Into<Says>) -> Self {
        self.instead.push((of, says.into()));
        self
    }

    pub(crate) fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    pub(crate) fn start(self) -> Peer {
        let authority = Authority { trusted: authority(), strange: authority() };
        Peer { script: Arc::new(self), seen: Arc::default(), authority: Arc::new(authority) }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Peer {
    pub(crate) fn tls(&self) -> Tls {
        let pem = self.authority.trusted.pem();
        Tls::builder().root_pem(pem.as_bytes()).unwrap().build().unwrap()
    }

    /// What was seen so far.
    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }

    /// That nothing of the login was said where anybody may hear it, and no other host was dialled.
    pub(crate) fn assert_nothing_leaked(&self) {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        self.seen(|seen| {
            let clear = String::from_utf8_lossy(&seen.clear).into_owned();
            let plain = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
            for secret in [PASSWORD, &plain[..12], USER, &BASE64_STANDARD.encode(PASSWORD)[..12]] {
                assert!(!clear.contains(secret), "in the clear: {clear:?}");
            }
            for word in ["AUTH", "LOGIN", "PASS", "USER", "APOP", "MAIL", "RCPT", "SELECT", "EXAMINE"] {
                assert!(!clear.contains(word), "in the clear: {clear:?}");
            }
            assert!(seen.dialled.iter().all(|(host, _)| host == HOST), "{:?}", seen.dialled);
        });
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = self.script.certificate;
        let host = if certificate == Certificate::Mismatched { "other.example.org" } else { HOST };
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        if certificate == Certificate::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let issuer = match certificate {
            Certificate::Strange => &self.authority.strange,
            _ => &self.authority.trusted,
        };
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    async fn serve(self, io: DuplexStream) -> std::io::Result<()> {
        let Script { is_implicit, greeting, first_inside, .. } = &*self.script;
        let mut io: BoxIo = Box::new(io);
        let mut is_inside = *is_implicit;
        if is_inside {
            io = Box::new(self.acceptor().accept(io).await?);
        }
        io.write_all(greeting.as_bytes()).await?;
        let mut heard = Vec::new();
        loop {
            let Some(end) = heard.iter().position(|&byte| byte == b'\n') else {
                let mut piece = [0; 4096];
                let len = io.read(&mut piece).await?;
                if len == 0 {
                    return Ok(());
                }
                heard.extend_from_slice(&piece[..len]);
                let mut seen = self.seen.lock().unwrap();
                let seen = if is_inside { &mut seen.inside } else { &mut seen.clear };
                seen.extend_from_slice(&piece[..len]);
                continue;
            };
            let line: Vec<u8> = heard.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (tag, command) = self.script.protocol.parts(&line);
            let instead = self.script.instead.iter().find(|(of, _)| command.starts_with(of));
            let answer = match instead {
                Some((_, says)) => says.clone(),
                None => self.script.protocol.answer(command, is_inside).into(),
            };
            answer.say(&mut io, tag).await?;
            let asks_for_tls = matches!(command, "STARTTLS" | "STLS");
            if asks_for_tls && !is_inside && answer.has(self.script.protocol.agreement()) {
                io = Box::new(self.acceptor().accept(io).await?);
                is_inside = true;
                heard.clear();
                io.write_all(first_inside.as_bytes()).await?;
            }
            if matches!(command, "LOGOUT" | "QUIT") {
                return Ok(());
            }
        }
    }
}

impl Connector for Peer {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        self.seen.lock().unwrap().dialled.push((target.host().to_owned(), target.port()));
        let (ours, theirs) = duplex(1 << 16);
        let peer = self.clone();
        tokio::spawn(async move { peer.serve(theirs).await });
        Box::pin(async move { Ok(Box::new(ours) as BoxIo) })
    }
}
