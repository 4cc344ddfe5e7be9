//! From the greeting to the login.

use super::*;

#[test]
fn login_over_starttls_forgets_what_was_said_before() {
    let mut dialogue = Dialogue::new(Security::StartTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "A1 STARTTLS\r\n");
    dialogue.server("* 5 EXISTS\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\nA1 OK go\r\n");
    assert!(matches!(dialogue.events()[..], [Event::StartTls]));
    dialogue.session.tls_established();
    assert_eq!(dialogue.session.capabilities(), None);
    assert_eq!(dialogue.written(), "A2 CAPABILITY\r\n");
    dialogue.server("* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nA2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Data { id: None, .. }]));
    assert_eq!(dialogue.written(), "A3 AUTHENTICATE PLAIN\r\n");
    dialogue.server("+ \r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "AGtpbQBzZWNyZXQ=\r\n");
    dialogue.server("A3 OK [CAPABILITY IMAP4rev1] in\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
}

#[test]
fn starttls_ends_the_connection_rather_than_go_on_in_the_clear() {
    let after = |lines: &[&str]| {
        let mut dialogue = Dialogue::new(Security::StartTls);
        let mut outcome = Ok(Vec::new());
        for line in lines {
            dialogue.server(line);
            outcome = dialogue.try_events();
            dialogue.written();
        }
        outcome.unwrap_err()
    };
    assert_eq!(after(&["* PREAUTH hi\r\n"]), SessionError::PreAuthBeforeTls);
    let refused = after(&["* OK hi\r\n", "A1 NO not today\r\n"]);
    assert!(matches!(refused, SessionError::StartTlsRefused(_)));
    let injected = after(&["* OK hi\r\n", "A1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n"]);
    assert_eq!(injected, SessionError::DataBeforeTls);
    let half = after(&["* OK hi\r\n", "A1 OK go\r\n*"]);
    assert_eq!(half, SessionError::DataBeforeTls);
}

#[test]
fn login_takes_what_the_server_offers() {
    for (offer, written) in [
        ("AUTH=PLAIN SASL-IR", "A1 AUTHENTICATE PLAIN AGtpbQBzZWNyZXQ=\r\n"),
        ("AUTH=PLAIN LOGINDISABLED", "A1 AUTHENTICATE PLAIN\r\n"),
        ("AUTH=GSSAPI", "A1 LOGIN kim secret\r\n"),
    ] {
        let mut dialogue = Dialogue::new(Security::ImplicitTls);
        dialogue.server(&format!("* OK [CAPABILITY IMAP4rev1 {offer}] hi\r\n"));
        assert!(dialogue.events().is_empty());
        assert_eq!(dialogue.written(), written);
    }
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n");
    assert_eq!(dialogue.error(), SessionError::NoMechanism);
}

/// A dialogue with these credentials that was greeted with these capabilities.
fn greeted(credentials: Credentials, sasl: crate::sasl::Options, offer: &str) -> Dialogue {
    let now = Instant::now();
    let mut config = Config::new(Security::ImplicitTls, credentials);
    config.login.sasl = sasl;
    let mut dialogue = Dialogue { session: Session::new(config, now), now };
    dialogue.server(&format!("* OK [CAPABILITY IMAP4rev1 {offer}] hi\r\n"));
    dialogue
}

#[test]
fn tokens_and_others_log_in_by_their_mechanisms() {
    let token = || Credentials::token("kim", "abc");
    let anonymous = || Credentials::Anonymous { trace: "me".into() };
    for (credentials, offer, written) in [
        (
            token(),
            "SASL-IR AUTH=XOAUTH2 AUTH=PLAIN",
            "A1 AUTHENTICATE XOAUTH2 dXNlcj1raW0BYXV0aD1CZWFyZXIgYWJjAQE=\r\n",
        ),
        (
            token(),
            "SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER",
            "A1 AUTHENTICATE OAUTHBEARER bixhPWtpbSwBYXV0aD1CZWFyZXIgYWJjAQE=\r\n",
        ),
        (Credentials::External, "SASL-IR AUTH=EXTERNAL", "A1 AUTHENTICATE EXTERNAL =\r\n"),
        (Credentials::External, "AUTH=EXTERNAL", "A1 AUTHENTICATE EXTERNAL\r\n"),
        (anonymous(), "SASL-IR AUTH=ANONYMOUS", "A1 AUTHENTICATE ANONYMOUS bWU=\r\n"),
    ] {
        let mut dialogue = greeted(credentials, Default::default(), offer);
        assert!(dialogue.events().is_empty());
        assert_eq!(dialogue.written(), written);
        dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
        // Where the name wasn't asked for, nobody was authenticated.
        let complete = offer.contains("SASL-IR");
        assert_eq!(dialogue.try_events().is_ok(), complete, "{offer}");
    }
    for credentials in [token(), anonymous(), Credentials::External] {
        let mut dialogue = greeted(credentials, Default::default(), "AUTH=PLAIN");
        assert_eq!(dialogue.error(), SessionError::NoMechanism, "no password, no LOGIN");
    }
}

#[test]
fn a_refused_token_brings_the_servers_reason() {
    let credentials = Credentials::token("kim", "abc");
    let mut dialogue = greeted(credentials, Default::default(), "SASL-IR AUTH=OAUTHBEARER");
    dialogue.events();
    dialogue.written();
    dialogue.server("+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n");
    assert!(dialogue.events().is_empty());
    assert_eq!(dialogue.written(), "AQ==\r\n");
    dialogue.server("A1 NO [AUTHENTICATIONFAILED] no\r\n");
    let SessionError::TokenRefused { status, refusal } = dialogue.error() else { panic!() };
    assert_eq!((refusal.status.as_deref(), &status.text[..]), (Some("invalid_token"), &b"no"[..]));
}

#[cfg(feature = "sasl")]
mod scram {
    use super::*;
    use crate::sasl::{self, ChannelBinding, ChannelBindingKind, Mechanism, Nonce, SaslError};

    /// RFC 7677 section 3.
    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const CLIENT_LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SERVER_LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";

    fn base64(text: &str) -> String {
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text)
    }

    fn begun(offer: &str) -> Dialogue {
        let nonce = Nonce::from_text("rOprNGfwEbeRWgbNEkqO").ok();
        let options = sasl::Options { nonce, ..Default::default() };
        let mut dialogue = greeted(Credentials::password("user", "pencil"), options, offer);
        dialogue.events();
        dialogue
    }

    #[test]
    fn with_and_without_an_initial_response() {
        let mut dialogue = begun("SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256");
        assert_eq!(dialogue.written(), format!("A1 AUTHENTICATE SCRAM-SHA-256 {}\r\n", base64(FIRST)));
        let mut slow = begun("AUTH=PLAIN AUTH=SCRAM-SHA-256");
        assert_eq!(slow.written(), "A1 AUTHENTICATE SCRAM-SHA-256\r\n");
        slow.server("+\r\n");
        slow.events();
        assert_eq!(slow.written(), format!("{}\r\n", base64(FIRST)));
        for dialogue in [&mut dialogue, &mut slow] {
            dialogue.server(&format!("+ {}\r\n", base64(SERVER_FIRST)));
            dialogue.events();
            assert_eq!(dialogue.written(), format!("{}\r\n", base64(CLIENT_LAST)));
            dialogue.server(&format!("+ {}\r\n", base64(SERVER_LAST)));
            dialogue.events();
            assert_eq!(dialogue.written(), "\r\n");
            dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
            assert!(matches!(dialogue.events()[..], [Event::Ready]));
        }
    }

    /// A login that could be tied to its TLS connection, with these options besides.
    fn begun_bound(options: sasl::Options) -> Dialogue {
        let channel_binding =
            Some(ChannelBinding { kind: ChannelBindingKind::TlsExporter, data: vec![7; 32] });
        let nonce = Nonce::from_text("rOprNGfwEbeRWgbNEkqO").ok();
        let options = sasl::Options { nonce, channel_binding, ..options };
        let offer = "SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS";
        let mut dialogue = greeted(Credentials::password("user", "pencil"), options, offer);
        dialogue.events();
        let first = base64("p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(dialogue.written(), format!("A1 AUTHENTICATE SCRAM-SHA-256-PLUS {first}\r\n"));
        dialogue
    }

    #[test]
    fn a_server_that_cannot_bind_as_it_offers_is_logged_in_to_unbound() {
        let mut dialogue = begun_bound(sasl::Options::default());
        dialogue.server("A1 NO bad protocol / cancel\r\n");
        assert!(dialogue.events().is_empty());
        assert_eq!(dialogue.written(), "A2 CAPABILITY\r\n");
        dialogue.server(
            "* CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS\r\nA2 OK done\r\n",
        );
        dialogue.events();
        // "n", since "y" would say that the server offers none.
        let first = base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO2");
        assert_eq!(dialogue.written(), format!("A3 AUTHENTICATE SCRAM-SHA-256 {first}\r\n"));
        dialogue.server("A3 NO no\r\n");
        assert!(matches!(dialogue.error(), SessionError::LoginRefused(_)), "once");
    }

    #[test]
    fn what_a_server_says_of_channel_bindings_is_heard_after_the_proof_too() {
        let unsupported = format!("+ {}\r\n", base64("e=unsupported-channel-binding-type"));
        for says in [&["A1 NO bad protocol / cancel\r\n"][..], &[&unsupported, "A1 NO no\r\n"]] {
            let mut dialogue = begun_bound(sasl::Options::default());
            dialogue.server(&format!("+ {}\r\n", base64(SERVER_FIRST)));
            dialogue.events();
            dialogue.written();
            let mut written = String::new();
            for line in says {
                dialogue.server(line);
                assert!(dialogue.events().is_empty());
                written = dialogue.written();
            }
            assert_eq!(written, "A2 CAPABILITY\r\n");
        }
    }

    #[test]
    fn a_bound_login_stays_bound_where_it_was_chosen_or_the_password_is_what_is_refused() {
        let mechanism = Some(Mechanism::ScramSha256Plus);
        let mut chosen = begun_bound(sasl::Options { mechanism, ..Default::default() });
        chosen.server("A1 NO no\r\n");
        assert!(matches!(chosen.error(), SessionError::LoginRefused(_)));
        let among = mechanism.map(|mechanism| vec![mechanism]);
        let mut among = begun_bound(sasl::Options { among, ..Default::default() });
        among.server("A1 NO no\r\n");
        assert!(matches!(among.error(), SessionError::LoginRefused(_)));
        let mut proved = begun_bound(sasl::Options::default());
        proved.server(&format!("+ {}\r\n", base64(SERVER_FIRST)));
        proved.events();
        assert!(!proved.written().is_empty());
        proved.server("A1 NO wrong password\r\n");
        assert!(matches!(proved.error(), SessionError::LoginRefused(_)));
    }

    #[test]
    fn success_before_the_servers_signature_fails_the_login() {
        let offer = "SASL-IR AUTH=SCRAM-SHA-256";
        for challenges in [&[][..], &[SERVER_FIRST]] {
            let mut dialogue = begun(offer);
            dialogue.written();
            for challenge in challenges {
                dialogue.server(&format!("+ {}\r\n", base64(challenge)));
                dialogue.events();
                dialogue.written();
            }
            dialogue.server("A1 OK [CAPABILITY IMAP4rev1] in\r\n");
            assert_eq!(dialogue.error(), SessionError::Sasl(SaslError::NotVerified));
        }
    }

    #[test]
    fn a_challenge_that_cannot_be_is_called_off() {
        let wrong = format!("v={}", base64(&"x".repeat(32)));
        for (challenges, error) in [
            (vec!["r=other,s=QSXC,i=4096"], SaslError::NonceMismatch),
            (vec![SERVER_FIRST, &wrong], SaslError::ServerSignature),
            (
                vec!["r=rOprNGfwEbeRWgbNEkqOb,s=QSXC,i=2147483647"],
                SaslError::Iterations { asked: i32::MAX as u32, limit: 1_000_000 },
            ),
        ] {
            // Whether the server says no to that, yes, or goes on.
            for end in ["A1 BAD called off\r\n", "A1 OK in\r\n", "+ \r\n"] {
                let mut dialogue = begun("SASL-IR AUTH=SCRAM-SHA-256");
                dialogue.written();
                let mut written = String::new();
                for challenge in &challenges {
                    dialogue.server(&format!("+ {}\r\n", base64(challenge)));
                    assert!(dialogue.events().is_empty());
                    written = dialogue.written();
                }
                assert_eq!(written, "*\r\n");
                dialogue.server(end);
                assert_eq!(dialogue.error(), SessionError::Sasl(error.clone()));
            }
        }
    }

    #[test]
    fn a_long_derivation_is_handed_out() {
        let mut dialogue = begun("SASL-IR AUTH=SCRAM-SHA-256");
        dialogue.written();
        dialogue.server(&format!("+ {}\r\n", base64("r=rOprNGfwEbeRWgbNEkqOb,s=QSXC,i=20000")));
        let [Event::DeriveKey(derivation)] = &dialogue.events()[..] else { panic!() };
        assert_eq!((derivation.iterations(), dialogue.written()), (20_000, String::new()));
        dialogue.session.derived(&derivation.run());
        assert!(dialogue.written().starts_with(&base64("c=biws,r=rOprNGfwEbeRWgbNEk")));
        dialogue.session.derived(&derivation.run());
        assert_eq!(dialogue.written(), "", "once");
    }
}

#[test]
fn a_refused_login_and_a_bye_are_told_as_they_came() {
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* OK [CAPABILITY IMAP4rev1] hi\r\n");
    assert!(dialogue.events().is_empty());
    dialogue.written();
    dialogue.server("A1 NO [LIMIT] too many\r\n");
    assert!(matches!(dialogue.error(), SessionError::LoginRefused(status) if status.text == "too many"));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("* BYE busy\r\n");
    assert!(matches!(dialogue.error(), SessionError::Bye(_)));
}

#[test]
fn another_user_may_follow_on_the_same_connection() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Unauthenticate));
    dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { .. }]));
    assert_eq!(dialogue.written(), "", "nothing runs without a login");
    dialogue.session.log_in_as(Credentials::password("pat", "secret"));
    assert_eq!(dialogue.written(), "A2 CAPABILITY\r\n");
    dialogue.server("* CAPABILITY IMAP4rev1\r\nA2 OK done\r\n");
    dialogue.events();
    assert_eq!(dialogue.written(), "A3 LOGIN pat secret\r\n");
    dialogue.server("A3 OK [CAPABILITY IMAP4rev1] in\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Ready]));
    assert_eq!(dialogue.written(), "A4 NOOP\r\n");
}
