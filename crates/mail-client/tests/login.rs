//! Logging in: by the strongest way that both sides have, once, and never in the open.

system_tests::watch_for_secrets!();

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use common::{
    builder, client, in_memory,
    script::{agree, parts, scripted, serve},
    server,
};
use mail_client::{
    ErrorKind, Mechanism, Secret, TokenRequest,
    imap::{ImapClient, ImapClientBuilder},
    transport::Tls,
};
use mail_testkit::{Action, Fault};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use tokio_rustls::TlsAcceptor;

fn plain(port: u16) -> ImapClientBuilder {
    builder(port).plaintext_without_encryption()
}

/// A provider that counts the tokens that it gives, and what was asked for.
fn tokens(builder: ImapClientBuilder) -> (ImapClient, Arc<Mutex<Vec<bool>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let builder = builder.token_provider(move |request: TokenRequest| {
        let noted = Arc::clone(&noted);
        async move {
            let mut noted = noted.lock().unwrap();
            noted.push(request.fresh);
            Ok(Secret::from(format!("tok.en{}", noted.len())))
        }
    });
    (builder.build().unwrap(), asked)
}

const TOKENS: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] hi\r\n";

#[tokio::test]
async fn p14_a_refused_token_is_replaced_once() {
    let (port, seen) = scripted(TOKENS, |_, line| {
        let (tag, command) = parts(line);
        match command.strip_prefix("AUTHENTICATE OAUTHBEARER ") {
            Some(initial)
                if BASE64_STANDARD.decode(initial).unwrap().ends_with(b"Bearer tok.en2\x01\x01") =>
            {
                format!("{tag} OK [CAPABILITY IMAP4rev1] done\r\n")
            }
            // The reason, which the client has to acknowledge.
            Some(_) => format!("+ {}\r\n", BASE64_STANDARD.encode(r#"{"status":"invalid_token"}"#)),
            None if line == "AQ==" => "A1 NO [AUTHENTICATIONFAILED] expired\r\n".to_owned(),
            None => agree(line),
        }
    })
    .await;
    let (client, asked) = tokens(plain(port));
    client.noop().await.unwrap();
    assert_eq!(*asked.lock().unwrap(), [false, true]);
    assert_eq!(seen.count("AUTHENTICATE"), 2);
    client.close().await;
}

#[tokio::test]
async fn p14_a_token_refused_twice_is_the_end_until_somebody_says_otherwise() {
    let (port, seen) = scripted(TOKENS, |_, line| {
        let (tag, command) = parts(line);
        match command.starts_with("AUTHENTICATE") {
            true => format!("{tag} NO [AUTHENTICATIONFAILED] no\r\n"),
            false => agree(line),
        }
    })
    .await;
    let (client, asked) = tokens(plain(port));
    for _ in 0..3 {
        let error = client.noop().await.unwrap_err();
        assert_eq!((error.kind(), error.text().as_deref()), (ErrorKind::Login, Some("no")), "{error}");
        assert!(!error.is_retryable() && !format!("{error:?}").contains("tok.en1"), "{error:?}");
    }
    assert_eq!(*asked.lock().unwrap(), [false, true]);
    assert!(client.pool_status().login_blocked);
    client.retry_login();
    client.noop().await.unwrap_err();
    assert!(seen.count("AUTHENTICATE") <= 4 && asked.lock().unwrap().len() > 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_without_a_token_or_an_answer_is_an_error_that_may_pass() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server)
        .token_provider(|_: TokenRequest| async { Err("the provider is down".into()) })
        .build()
        .unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Login && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("the provider is down"), "{error}");
    let client = in_memory(&server)
        .token_provider(|_: TokenRequest| std::future::pending())
        .login_timeout(Duration::from_secs(9))
        .build()
        .unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(error.to_string().contains("none came within 9s"), "{error}");
}

#[tokio::test]
async fn the_strongest_mechanism_of_both_sides_is_used_and_may_be_overruled() {
    const ALL: &str = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN AUTH=PLAIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 \
                       AUTH=SCRAM-SHA-256] hi\r\n";
    type Change = fn(ImapClientBuilder) -> ImapClientBuilder;
    let cases: [(Change, &str); 6] = [
        (|builder| builder, "AUTHENTICATE SCRAM-SHA-256 "),
        (|builder| builder.mechanism(Mechanism::CramMd5), "AUTHENTICATE CRAM-MD5"),
        (|builder| builder.mechanisms([Mechanism::Plain, Mechanism::ScramSha256]), "AUTHENTICATE PLAIN "),
        (|builder| builder.mechanisms([]), "LOGIN "),
        (|builder| builder.mechanism(Mechanism::Plain).initial_response(false), "AUTHENTICATE PLAIN"),
        (|builder| builder.act_as("boss").mechanisms([Mechanism::Plain]), "AUTHENTICATE PLAIN "),
    ];
    for (change, expected) in cases {
        let (port, seen) = scripted(ALL, |_, line| match parts(line) {
            (_, "AUTHENTICATE PLAIN") => "+ \r\n".to_owned(),
            (tag, command) if command.starts_with("AUTHENTICATE") => format!("{tag} NO no\r\n"),
            (_, "") => "A1 NO no\r\n".to_owned(),
            (tag, _) => format!("{tag} NO no\r\n"),
        })
        .await;
        let client = change(plain(port)).build().unwrap();
        client.noop().await.unwrap_err();
        let lines = seen.lines();
        let first = parts(&lines[0]).1;
        assert!(first.starts_with(expected), "{expected}: {lines:?}");
        if !expected.ends_with(' ') && expected.contains("PLAIN") {
            assert_eq!(first, expected, "nothing goes with it");
            assert_eq!(BASE64_STANDARD.decode(&lines[1]).unwrap(), b"\0kim\0secret");
        }
        assert_eq!(seen.connections(), 1, "one try, by one mechanism");
    }
}

#[tokio::test]
async fn p15_a_password_is_sent_by_no_other_way_than_allowed() {
    let (port, seen) = scripted("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", |_, line| agree(line)).await;
    let client = plain(port).mechanisms([Mechanism::ScramSha256]).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Login, "{error}");
    assert!(seen.lines().is_empty(), "{:?}", seen.lines());
}

#[tokio::test]
async fn a_server_that_announces_initial_responses_and_refuses_them_is_got_along_with() {
    let (port, seen) =
        scripted("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n", |_, line| match parts(line) {
            (tag, command) if command.starts_with("AUTHENTICATE PLAIN ") => {
                format!("{tag} BAD parse error\r\n")
            }
            (_, "AUTHENTICATE PLAIN") => "+ \r\n".to_owned(),
            (_, "") => "A1 OK [CAPABILITY IMAP4rev1] done\r\n".to_owned(),
            _ => agree(line),
        })
        .await;
    let client = plain(port).initial_response(false).build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(seen.lines()[0], "A1 AUTHENTICATE PLAIN");
    client.close().await;
}

#[tokio::test]
async fn what_the_server_is_told_of_the_program_can_be_chosen() {
    let answer = |_, line: &str| match parts(line) {
        (tag, command) if command.starts_with("LOGIN") => {
            format!("{tag} OK [CAPABILITY IMAP4rev1 ID] done\r\n")
        }
        _ => agree(line),
    };
    let (port, seen) = scripted("* OK [CAPABILITY IMAP4rev1] hi\r\n", answer).await;
    let client = plain(port).id([("name", "abc")]).build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(seen.lines()[1], r#"A2 ID ("name" "abc")"#);
    let silent = plain(port).id::<String, String>([]).build().unwrap();
    silent.noop().await.unwrap();
    assert_eq!(seen.count(" ID "), 1);
    client.close().await;
    silent.close().await;
}

/// A certificate authority's certificate, and a certificate that it signed with its key, as PEM.
fn certificates(name: &str) -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (root.pem(), leaf.pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_client_certificate_logs_in_without_a_password() {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let (server_root, server_leaf, server_key) = certificates("127.0.0.1");
    let (client_root, client_leaf, client_key) = certificates("kim");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(client_root.as_bytes()).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(server_leaf.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(server_key.as_bytes()).unwrap(),
        )
        .unwrap();
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL AUTH=PLAIN] hi\r\n";
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (port, seen) = serve(Some(acceptor), greeting, |_, line| agree(line)).await;
    let tls = Tls::builder().root_pem(server_root.as_bytes()).unwrap();
    let tls =
        tls.client_certificate_pem(client_leaf.as_bytes(), client_key.as_bytes()).unwrap().build().unwrap();
    for (user, initial) in [("", "=".to_owned()), ("kim", BASE64_STANDARD.encode("kim"))] {
        let builder = ImapClient::builder("127.0.0.1", user).port(port).tls(tls.clone());
        let client = builder.external().build().unwrap();
        client.noop().await.unwrap();
        assert_eq!(seen.count(&format!("A1 AUTHENTICATE EXTERNAL {initial}")), 1, "{:?}", seen.lines());
        client.close().await;
    }
    // Without one the server hangs up, and nothing is logged in.
    let bare = Tls::builder().root_pem(server_root.as_bytes()).unwrap().build().unwrap();
    let client = ImapClient::builder("127.0.0.1", "").port(port).tls(bare).external().build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::ConnectionLost), "{error:?}");
}

#[tokio::test]
async fn nobody_may_log_in_too() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=ANONYMOUS] hi\r\n";
    let (port, seen) = scripted(greeting, |_, line| agree(line)).await;
    let client = plain(port).anonymous().build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(seen.lines()[0], format!("A1 AUTHENTICATE ANONYMOUS {}", BASE64_STANDARD.encode("kim")));
    client.close().await;
}

#[tokio::test]
async fn a_new_password_is_tried_where_the_old_one_was_refused() {
    let server = server().start().await.unwrap();
    let client = client(&server).password("wrong secret").build().unwrap();
    assert_eq!(client.noop().await.unwrap_err().kind(), ErrorKind::Login);
    assert_eq!(client.noop().await.unwrap_err().kind(), ErrorKind::Login);
    assert_eq!(server.report().wrong_password, 1, "sent once");
    client.set_password("secret").unwrap();
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn p14_a_refusal_while_another_connection_works_is_a_limit_until_it_is_certain() {
    let server = Arc::new(server().start().await.unwrap());
    let client = in_memory(&server).acquire_timeout(Some(Duration::from_secs(1000))).build().unwrap();
    client.noop().await.unwrap();
    server.add_fault(Fault::on_command("AUTHENTICATE", Action::No("go away".into())).always());
    let error = client.create_connection().await.unwrap_err();
    let Some(mail_pool::Error::Credentials { others_open: 1, .. }) = error.pool() else {
        panic!("{error:?}")
    };
    assert_eq!((error.kind(), error.text().as_deref()), (ErrorKind::Login, Some("go away")));
    client.noop().await.unwrap();
    assert_eq!(common::count(&server, "AUTHENTICATE"), 3, "main's, and two tries after it");
    client.close().await;
}
