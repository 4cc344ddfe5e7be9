//! From the greeting to the login.

use super::*;

#[test]
fn login_over_starttls_forgets_what_was_said_before() {
    let mut dialogue = Dialogue::new(Security::StartTls);
    assert!(dialogue.server("220 hi\r\n").is_empty());
    assert_eq!(dialogue.written(), "EHLO localhost\r\n");
    dialogue.server("250-hi\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n");
    assert_eq!(dialogue.written(), "STARTTLS\r\n", "whether it was announced or taken away");
    assert!(matches!(dialogue.server("220 go\r\n")[..], [Event::StartTls]));
    dialogue.session.tls_established();
    assert_eq!(dialogue.written(), "EHLO localhost\r\n");
    dialogue.server("250-hi\r\n250 AUTH LOGIN\r\n");
    assert_eq!(dialogue.written(), "AUTH LOGIN\r\n");
    dialogue.server("334 VXNlcm5hbWU6\r\n");
    assert_eq!(dialogue.written(), "a2lt\r\n");
    dialogue.server("334 UGFzc3dvcmQ6\r\n");
    assert_eq!(dialogue.written(), "c2VjcmV0\r\n");
    assert!(matches!(dialogue.server("235 2.7.0 in\r\n")[..], [Event::Ready]));
    assert!(!dialogue.session.pipelines());
}

#[test]
fn starttls_ends_the_connection_rather_than_go_on_in_the_clear() {
    let after = |answer: &str| {
        let mut dialogue = Dialogue::new(Security::StartTls);
        dialogue.server("220 hi\r\n");
        dialogue.server("502 what\r\n");
        dialogue.error(answer)
    };
    assert!(matches!(after("454 not now\r\n"), SessionError::StartTlsRefused(_)));
    assert_eq!(after("220 go\r\n250 evil\r\n"), SessionError::DataBeforeTls);
    assert_eq!(after("220 go\r\n2"), SessionError::DataBeforeTls);
}

#[test]
fn login_takes_what_the_server_offers() {
    let after = |hello: &str| {
        let mut dialogue = Dialogue::new(Security::ImplicitTls);
        dialogue.server("220 hi\r\n");
        dialogue.written();
        dialogue.try_server(hello).map(|_| dialogue.written())
    };
    assert_eq!(after("250-hi\r\n250 AUTH PLAIN\r\n"), Ok("AUTH PLAIN AGtpbQBzZWNyZXQ=\r\n".into()));
    assert_eq!(after("250 hi\r\n"), Err(SessionError::NoMechanism));
    assert_eq!(after("502 what\r\n"), Ok("HELO localhost\r\n".into()));
    assert!(matches!(after("421 busy\r\n"), Err(SessionError::HelloRefused(_))));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    assert!(matches!(dialogue.error("554 go away\r\n"), SessionError::Bye(_)));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    assert!(matches!(dialogue.error("+OK pop3\r\n"), SessionError::Read(_)));
    let mut config = Config::new(Security::ImplicitTls, None);
    config.hello = "a\r\nMAIL FROM:<x@y>".into();
    assert!(matches!(Dialogue::with(config).error("220 hi\r\n"), SessionError::Hello(_)));
}

#[test]
fn a_refused_login_and_a_bad_challenge_are_told() {
    let hello = "250-hi\r\n250 AUTH PLAIN\r\n";
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("220 hi\r\n");
    dialogue.server(hello);
    let error = dialogue.error("535 5.7.8 no\r\n");
    let SessionError::LoginRefused(reply) = error else { panic!("{error}") };
    assert_eq!(reply.enhanced, Some(EnhancedCode { class: 5, subject: 7, detail: 8 }));
    let mut dialogue = Dialogue::new(Security::ImplicitTls);
    dialogue.server("220 hi\r\n");
    dialogue.server(hello);
    dialogue.server("334 \r\n");
    assert_eq!(dialogue.written(), "*\r\n");
    assert!(matches!(dialogue.error("501 ok\r\n"), SessionError::Sasl(SaslError::Malformed { .. })));
    let token = Credentials::token("kim", "t".repeat(600));
    let mut dialogue = Dialogue::with(Config::new(Security::ImplicitTls, Some(token)));
    dialogue.server("220 hi\r\n");
    dialogue.server("250-hi\r\n250 AUTH XOAUTH2\r\n");
    assert_eq!(dialogue.written(), "AUTH XOAUTH2\r\n", "too long for the line");
    dialogue.server("334 \r\n");
    dialogue.server("334 eyJzdGF0dXMiOiI0MDAifQ==\r\n");
    assert_eq!(dialogue.written(), "\r\n");
    assert!(matches!(dialogue.error("535 no\r\n"), SessionError::TokenRefused { .. }));
}

#[test]
fn a_server_without_ehlo_is_greeted_the_old_way() {
    let mut dialogue = Dialogue::with(Config::new(Security::ImplicitTls, None));
    dialogue.server("220 hi\r\n");
    dialogue.server("502 what\r\n");
    assert_eq!(dialogue.written(), "HELO localhost\r\n");
    assert!(matches!(dialogue.server("250 hi\r\n")[..], [Event::Ready]));
    assert!(!dialogue.session.extensions().has(&Extension::Pipelining));

    let mut dialogue = Dialogue::with(Config::new(Security::ImplicitTls, None));
    dialogue.server("220 hi\r\n");
    dialogue.server("502 what\r\n");
    assert!(matches!(dialogue.error("550 go away\r\n"), SessionError::HelloRefused(_)));
    let dialogue = Dialogue::ready("PIPELINING");
    assert!(dialogue.session.extensions().has(&Extension::Pipelining));
}
