//! Logins by SASL, over IMAP and POP3.

system_tests::watch_for_secrets!();

mod common;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Dialogue;
use mail_proto::sasl::{
    ChannelBinding, ChannelBindingKind, Client, Credentials, Mechanism, Nonce, Options, Step,
};
use mail_testkit::{Builder, ClientCertificate, Connection, Endpoint, Protocol, Server};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn all() -> Vec<&'static str> {
    Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect()
}

fn builder() -> Builder {
    Server::builder()
        .user("anonymous", "nobody knows")
        .user("alice", "sec ret")
        .token("tok.en")
        .messages("INBOX", ["one"])
}

/// A connection over TLS, and what ties a login to it.
struct Secured {
    dialogue: Dialogue<TlsStream<Connection>>,
    binding: ChannelBinding,
    protocol: Protocol,
}

async fn secured(server: &Server, protocol: Protocol, certificate: Option<&ClientCertificate>) -> Secured {
    let config = match certificate {
        None => server.client_config(),
        Some(shown) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(server.ca_der().clone()).unwrap();
            let certificate = CertificateDer::from_pem_slice(shown.certificate_pem.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(shown.key_pem.as_bytes()).unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
            let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
            Arc::new(config.with_client_auth_cert(vec![certificate], key).unwrap())
        }
    };
    let endpoint = match protocol {
        Protocol::Pop3 => Endpoint::Pop3Tls,
        _ => Endpoint::ImapTls,
    };
    let stream = server.connect_to(endpoint).await.unwrap();
    let stream =
        TlsConnector::from(config).connect(server.server_name().try_into().unwrap(), stream).await.unwrap();
    let session = stream.get_ref().1;
    let data = session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap();
    let binding = ChannelBinding { kind: ChannelBindingKind::TlsExporter, data: data.into() };
    let mut dialogue = Dialogue::raw(stream);
    dialogue.line().await;
    Secured { dialogue, binding, protocol }
}

fn credentials(mechanism: Mechanism, password: &str, token: &str) -> Credentials {
    match mechanism {
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credentials::token("alice", token),
        Mechanism::External => Credentials::External,
        Mechanism::Anonymous => Credentials::Anonymous { trace: "visitor".into() },
        _ => Credentials::password("alice", password),
    }
}

fn options(binding: Option<ChannelBinding>) -> Options {
    let mut options = Options::default();
    options.nonce = Some(Nonce::from_text("rOprNGfwEbeRWgbNEkqO").unwrap());
    options.channel_binding = binding;
    options
}

impl Secured {
    /// Goes through an exchange: the line that ends it.
    async fn exchange(&mut self, client: &mut Client, with_initial: bool) -> String {
        let (command, challenge_mark) = match self.protocol {
            Protocol::Pop3 => ("AUTH", "+ "),
            _ => ("x AUTHENTICATE", "+ "),
        };
        let mut line = format!("{command} {}", client.mechanism().name());
        if with_initial && let Some(initial) = client.initial() {
            let initial = STANDARD.encode(initial.expose());
            line = format!("{line} {}", if initial.is_empty() { "=" } else { &initial });
        }
        loop {
            self.dialogue.send(format!("{line}\r\n")).await;
            let answer = self.dialogue.line().await;
            let Some(challenge) = answer.strip_prefix(challenge_mark) else { return answer };
            let response = match client.initial() {
                Some(initial) => initial,
                None => match client.challenge(&STANDARD.decode(challenge).unwrap()) {
                    Ok(Step::Respond(response)) => response,
                    Ok(Step::Derive(derivation)) => client.derived(&derivation.run()).unwrap(),
                    other => panic!("{other:?}"),
                },
            };
            line = STANDARD.encode(response.expose());
        }
    }

    fn is_ok(&self, answer: &str) -> bool {
        answer.starts_with(if self.protocol == Protocol::Pop3 { "+OK" } else { "x OK" })
    }

    fn is_refused(&self, answer: &str) -> bool {
        answer.starts_with(if self.protocol == Protocol::Pop3 {
            "-ERR [AUTH]"
        } else {
            "x NO [AUTHENTICATIONFAILED]"
        })
    }
}

const PROTOCOLS: [Protocol; 2] = [Protocol::Imap, Protocol::Pop3];

#[tokio::test]
async fn every_mechanism_logs_in_with_an_initial_response_and_without() {
    let server = builder().mechanisms(all()).maildrop_lock(false).start().await.unwrap();
    let certificate = server.client_certificate("alice");
    for protocol in PROTOCOLS {
        for mechanism in Mechanism::ALL {
            for with_initial in [true, false] {
                let mut secured = secured(&server, protocol, certificate).await;
                let binding = mechanism.binds_channel().then(|| secured.binding.clone());
                let credentials = credentials(*mechanism, "sec ret", "tok.en");
                let mut client = Client::new(*mechanism, &credentials, &options(binding)).unwrap();
                let answer = secured.exchange(&mut client, with_initial).await;
                assert!(secured.is_ok(&answer), "{protocol:?} {mechanism} {with_initial}: {answer}");
                client.succeeded().unwrap();
                secured.dialogue.send("x NOOP\r\n").await;
                secured.dialogue.line().await;
                let last = server.report().commands.pop().unwrap();
                let user = if *mechanism == Mechanism::Anonymous { "anonymous" } else { "alice" };
                assert_eq!(last.user.as_deref(), Some(user), "{mechanism}");
            }
        }
    }
    assert_eq!(server.report().wrong_password, 0);
}

#[tokio::test]
async fn who_is_not_the_user_is_refused_by_every_mechanism() {
    // Without a user `anonymous`, and without a certificate for anybody.
    let server = Server::builder().user("alice", "sec ret").token("tok.en").mechanisms(all());
    let server = server.start().await.unwrap();
    let mut attempts = 0;
    for protocol in PROTOCOLS {
        for mechanism in Mechanism::ALL {
            let mut secured = secured(&server, protocol, None).await;
            let binding = mechanism.binds_channel().then(|| secured.binding.clone());
            let credentials = credentials(*mechanism, "wrong", "old");
            let mut client = Client::new(*mechanism, &credentials, &options(binding)).unwrap();
            let answer = secured.exchange(&mut client, true).await;
            assert!(secured.is_refused(&answer), "{protocol:?} {mechanism}: {answer}");
            attempts += 1;
        }
    }
    assert_eq!(server.report().wrong_password, attempts);
    assert!(server.report().users.is_empty());
}

#[tokio::test]
async fn nobody_acts_for_another_or_by_an_old_token() {
    let server = builder().mechanisms(all()).maildrop_lock(false).start().await.unwrap();
    let plain = |text: &str| STANDARD.encode(text.replace('|', "\0"));
    let token = |token: &str| STANDARD.encode(format!("user=alice\x01auth=Bearer {token}\x01\x01"));
    let mut one = secured(&server, Protocol::Pop3, None).await;
    for message in ["anonymous|alice|sec ret", "|alice|sec ret|x", "alice"] {
        let answer = one.dialogue.status(&format!("AUTH PLAIN {}", plain(message))).await;
        assert!(answer.starts_with("-ERR [AUTH]"), "{message}: {answer}");
    }
    one.dialogue.done(&format!("AUTH PLAIN {}", plain("alice|alice|sec ret"))).await;

    let account = server.account("alice").unwrap();
    account.set_token(Some("new"));
    account.set_password("changed");
    let mut two = secured(&server, Protocol::Pop3, None).await;
    let refused = two.dialogue.status(&format!("AUTH XOAUTH2 {}", token("tok.en"))).await;
    assert!(refused.starts_with("+ "), "what is wrong with it is told first: {refused}");
    assert!(two.dialogue.status("").await.starts_with("-ERR [AUTH]"));
    two.dialogue.done("USER alice").await;
    assert!(two.dialogue.status("PASS sec ret").await.starts_with("-ERR"));
    two.dialogue.done(&format!("AUTH XOAUTH2 {}", token("new"))).await;
}

#[tokio::test]
async fn a_certificate_logs_its_user_in_and_no_other() {
    let server = builder().mechanisms(["EXTERNAL"]).start().await.unwrap();
    assert_eq!(server.client_certificate("bob").map(drop), None);
    let mut dialogue = secured(&server, Protocol::Pop3, server.client_certificate("alice")).await.dialogue;
    let refused = dialogue.status(&format!("AUTH EXTERNAL {}", STANDARD.encode("anonymous"))).await;
    assert!(refused.starts_with("-ERR [AUTH]"), "{refused}");
    dialogue.done(&format!("AUTH EXTERNAL {}", STANDARD.encode("alice"))).await;
    let without = builder().start().await.unwrap();
    assert!(without.client_certificate("alice").is_none());
}

#[tokio::test]
async fn a_login_is_tied_to_its_own_connection() {
    let server = builder().mechanisms(all()).maildrop_lock(false).start().await.unwrap();
    for protocol in PROTOCOLS {
        let elsewhere = secured(&server, protocol, None).await.binding;
        for mechanism in [Mechanism::ScramSha1Plus, Mechanism::ScramSha256Plus] {
            let mut secured = secured(&server, protocol, None).await;
            let credentials = Credentials::password("alice", "sec ret");
            let mut client = Client::new(mechanism, &credentials, &options(Some(elsewhere.clone()))).unwrap();
            let answer = secured.exchange(&mut client, true).await;
            assert!(secured.is_refused(&answer), "{protocol:?} {mechanism}: {answer}");
        }
        // The client could, and says that the server doesn't offer to: somebody took the offer away.
        let mut secured = secured(&server, protocol, None).await;
        let stripped = STANDARD.encode("y,,n=alice,r=rOprNGfwEbeRWgbNEkqO");
        let command = if protocol == Protocol::Pop3 { "AUTH" } else { "x AUTHENTICATE" };
        secured.dialogue.send(format!("{command} SCRAM-SHA-256 {stripped}\r\n")).await;
        let answer = secured.dialogue.line().await;
        assert!(secured.is_refused(&answer), "{answer}");
    }
}

#[tokio::test]
async fn a_login_can_be_tied_to_the_certificate_too() {
    use sha2::{Digest, Sha256};
    let server = builder().mechanisms(["SCRAM-SHA-256-PLUS"]).start().await.unwrap();
    let mut secured = secured(&server, Protocol::Imap, None).await;
    let data = {
        let stream = secured.dialogue.stream();
        Sha256::digest(&stream.get_ref().1.peer_certificates().unwrap()[0]).to_vec()
    };
    let binding = ChannelBinding { kind: ChannelBindingKind::TlsServerEndPoint, data };
    let credentials = Credentials::password("alice", "sec ret");
    let mut client = Client::new(Mechanism::ScramSha256Plus, &credentials, &options(Some(binding))).unwrap();
    let answer = secured.exchange(&mut client, true).await;
    assert!(secured.is_ok(&answer), "{answer}");
    client.succeeded().unwrap();
}

#[tokio::test]
async fn what_needs_tls_is_neither_shown_nor_done_in_the_clear() {
    let server = builder().mechanisms(all()).start().await.unwrap();
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    let shown = imap.ok("CAPABILITY").await.remove(0);
    assert!(shown.contains("AUTH=SCRAM-SHA-256") && !shown.contains("-PLUS"), "{shown}");
    assert!(imap.result("AUTHENTICATE SCRAM-SHA-256-PLUS").await.starts_with("x NO [CANNOT]"));
    let mut pop3 = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    let shown = pop3.lines("CAPA").await.concat();
    assert!(shown.contains("SCRAM-SHA-256 ") && !shown.contains("-PLUS"), "{shown}");
    assert!(pop3.status("AUTH SCRAM-SHA-256-PLUS").await.starts_with("-ERR"));
    let mut pop3 = secured(&server, Protocol::Pop3, None).await.dialogue;
    assert!(pop3.lines("CAPA").await.concat().contains("SCRAM-SHA-256-PLUS"));
}

#[tokio::test]
async fn what_is_not_offered_is_not_done() {
    let server = builder().mechanisms(["LOGIN"]).with_capability("AUTH=CRAM-MD5").start().await.unwrap();
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    let shown = imap.ok("CAPABILITY").await.remove(0);
    assert!(shown.contains(" AUTH=LOGIN AUTH=CRAM-MD5") && !shown.contains("AUTH=PLAIN"), "{shown}");
    assert!(imap.result("AUTHENTICATE PLAIN").await.starts_with("x NO"));
    imap.send("a AUTHENTICATE CRAM-MD5\r\n").await;
    assert!(imap.line().await.starts_with("+ PD"), "a challenge in angle brackets");
    let mut pop3 = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    assert!(pop3.lines("CAPA").await.contains(&"SASL LOGIN".to_owned()));
    for name in ["CRAM-MD5", "PLAIN", "NONSENSE"] {
        assert!(pop3.status(&format!("AUTH {name}")).await.starts_with("-ERR"), "{name}");
    }
}

#[tokio::test]
async fn an_exchange_is_called_off() {
    let server = builder().mechanisms(all()).start().await.unwrap();
    let mut pop3 = Dialogue::pop3(server.connect_to(Endpoint::Pop3Plain).await.unwrap()).await;
    let mut imap = Dialogue::open(server.connect().await.unwrap()).await;
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "XOAUTH2"] {
        for line in ["*", "!!!"] {
            assert!(pop3.status(&format!("AUTH {mechanism}")).await.starts_with('+'));
            assert!(pop3.status(line).await.starts_with("-ERR"), "{mechanism} {line}");
            imap.send(format!("a AUTHENTICATE {mechanism}\r\n")).await;
            assert!(imap.line().await.starts_with('+'));
            imap.send(format!("{line}\r\n")).await;
            assert!(imap.line().await.starts_with("a BAD"), "{mechanism} {line}");
        }
    }
    assert!(
        pop3.status("AUTH CRAM-MD5 eA==").await.starts_with("-ERR [AUTH]"),
        "the server speaks first there"
    );
    assert_eq!(server.report().wrong_password, 1);
    pop3.log_in("alice", "sec ret").await;
    imap.ok("LOGIN alice \"sec ret\"").await;
}
