//! Whoever sits between client and server before TLS stands: it learns nothing, and nothing it said counts.

use std::time::Duration;

use mail_client::{ErrorKind, transport::CertificateProblem};
use system_tests::counted::counted;
use tokio::time::timeout;

use crate::peer::{Certificate, HOST, Peer, Script};
use crate::protocol::{Protection, Protocol};

async fn fails(peer: &Peer, protocol: Protocol, protection: Protection) -> mail_client::Error {
    let outcome = timeout(Duration::from_secs(300), protocol.connect(peer, protection)).await;
    let error = outcome.expect("it has its deadlines").expect_err("it must not be trusted");
    peer.assert_nothing_leaked();
    counted("attacks stood", 1);
    error
}

fn certificate_problem(error: &mail_client::Error) -> Option<CertificateProblem> {
    let source = std::error::Error::source(error)?;
    match source.downcast_ref::<mail_client::transport::Error>()? {
        mail_client::transport::Error::Certificate { problem, .. } => Some(*problem),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_means_well_is_spoken_to() {
    for protocol in Protocol::ALL {
        let peer = Script::new(protocol).start();
        protocol.connect(&peer, Protection::StartTls).await.unwrap();
        peer.assert_nothing_leaked();
        assert!(peer.seen(|seen| !seen.inside.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_behind_the_answer_end_it() {
    for protocol in Protocol::ALL {
        for smuggled in protocol.smuggled() {
            let peer =
                Script::new(protocol).instead("STARTTLS", *smuggled).instead("STLS", *smuggled).start();
            let error = fails(&peer, protocol, Protection::StartTls).await;
            assert!(!error.is_retryable(), "{protocol:?} {smuggled:?}: {error}");
            assert_eq!(peer.seen(|seen| seen.inside.len()), 0, "{protocol:?} {smuggled:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_got_around() {
    for protocol in Protocol::ALL {
        for refusal in protocol.refusals() {
            let peer = Script::new(protocol).instead("STARTTLS", *refusal).instead("STLS", *refusal).start();
            fails(&peer, protocol, Protection::StartTls).await;
            assert_eq!(peer.seen(|seen| seen.inside.len()), 0, "{protocol:?} {refusal:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_seems_to_have_no_tls_is_not_logged_in_to() {
    for protocol in Protocol::ALL {
        // The announcement was taken out by somebody on the way, and the command is unknown.
        let peer = Script::new(protocol)
            .greeting(&protocol.greeting().replace("STARTTLS LOGINDISABLED", "AUTH=PLAIN"))
            .instead("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK .\r\n")
            .instead("EHLO", "250-hello\r\n250 AUTH PLAIN\r\n")
            .instead("CAPA", "+OK\r\nUSER\r\n.\r\n")
            .instead("STARTTLS", protocol.refusals()[0])
            .instead("STLS", protocol.refusals()[0])
            .start();
        fails(&peer, protocol, Protection::StartTls).await;
    }
}

#[tokio::test(start_paused = true)]
async fn forged_greetings_and_answers_are_not_believed() {
    for protocol in Protocol::ALL {
        for greeting in protocol.forged_greetings() {
            let peer = Script::new(protocol).greeting(greeting).start();
            fails(&peer, protocol, Protection::StartTls).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn certificates_that_prove_nothing_end_it() {
    for protocol in Protocol::ALL {
        for protection in [Protection::StartTls, Protection::Implicit] {
            for (certificate, problem) in [
                (Certificate::Strange, CertificateProblem::UnknownIssuer),
                (Certificate::Expired, CertificateProblem::Expired),
                (Certificate::Mismatched, CertificateProblem::WrongName),
            ] {
                let script = Script::new(protocol).certificate(certificate);
                let script = if protection == Protection::Implicit { script.implicit() } else { script };
                let peer = script.start();
                let error = fails(&peer, protocol, protection).await;
                assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
                assert!(!error.is_retryable(), "{error}");
                assert_eq!(
                    certificate_problem(&error),
                    Some(problem),
                    "{protocol:?} {protection:?}: {error}"
                );
                assert_eq!(peer.seen(|seen| seen.inside.len()), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_in_the_clear_where_tls_is_due_is_not_answered() {
    for protocol in Protocol::ALL {
        let peer = Script::new(protocol).start();
        let error = fails(&peer, protocol, Protection::Implicit).await;
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        // What it heard was TLS, and the name it was dialled by.
        assert!(peer.seen(|seen| seen.dialled.iter().all(|(host, _)| host == HOST)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_before_tls_is_forgotten() {
    for protocol in Protocol::ALL {
        // Before TLS there is a mechanism that shows the password, and inside there is none but a safer one.
        let peer = Script::new(protocol)
            .greeting(&protocol.greeting().replace("LOGINDISABLED", "AUTH=LOGIN AUTH=PLAIN SASL-IR X-FORGED"))
            .start();
        protocol.connect(&peer, Protection::StartTls).await.unwrap();
        peer.assert_nothing_leaked();
        let inside = peer.seen(|seen| String::from_utf8_lossy(&seen.inside).into_owned());
        let asked = match protocol {
            Protocol::Imap => "CAPABILITY\r\n",
            Protocol::Pop3 => "CAPA\r\n",
            Protocol::Smtp => "EHLO ",
        };
        assert!(inside.contains(asked), "asked again: {inside}");
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "in the clear")]
async fn a_leak_is_seen() {
    let greeting = "* OK [CAPABILITY IMAP4rev1] hello\r\n";
    let peer = Script::new(Protocol::Imap).greeting(greeting).start();
    let _ = Protocol::Imap.connect(&peer, Protection::None).await;
    peer.assert_nothing_leaked();
}
