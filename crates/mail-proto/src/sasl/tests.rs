use super::*;
use crate::secret::Secret;

fn respond(client: &mut Client, challenge: &[u8]) -> Result<Secret, SaslError> {
    match client.challenge(challenge)? {
        Step::Respond(response) => Ok(response),
        Step::Derive(derivation) => client.derived(&derivation.run()),
    }
}

fn password_of(user: &[u8]) -> Option<Secret> {
    (user == b"kim").then(|| Secret::from("secret"))
}

fn options() -> Options {
    Options { nonce: Some(Nonce::from_random([7; 18])), ..Options::default() }
}

fn server_options() -> ServerOptions {
    ServerOptions {
        nonce: Some(Nonce::from_random([9; 18])),
        challenge: Some("<1@here>".to_owned()),
        iterations: 10,
        ..ServerOptions::default()
    }
}

/// Runs both sides, with an initial response or without, and gives what each makes of it.
fn run(mechanism: Mechanism, credentials: &Credentials, initial: bool) -> Result<ServerStep, SaslError> {
    let mut client = Client::new(mechanism, credentials, &options())?;
    let mut server = Server::new(mechanism, &server_options())?;
    let first = if initial { client.initial() } else { None };
    let mut message = match first {
        Some(first) => first,
        None => respond(&mut client, &server.opening())?,
    };
    loop {
        match server.response(message.expose(), password_of)? {
            ServerStep::Challenge(challenge) => message = respond(&mut client, &challenge)?,
            done => {
                client.succeeded()?;
                return Ok(done);
            }
        }
    }
}

#[test]
fn both_sides_of_each_mechanism_understand_each_other() {
    for mechanism in Mechanism::ALL.iter().copied().filter(|mechanism| mechanism.is_built_in()) {
        if mechanism.binds_channel() {
            continue;
        }
        let (right, wrong) = match mechanism {
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => {
                (Credentials::token("kim", "secret"), Some(Credentials::token("kim", "stale")))
            }
            Mechanism::External => (Credentials::External, None),
            Mechanism::Anonymous => (Credentials::Anonymous { trace: "me@here".into() }, None),
            _ => (Credentials::password("kim", "secret"), Some(Credentials::password("kim", "wrong"))),
        };
        for initial in [true, false] {
            let done = run(mechanism, &right, initial);
            assert!(matches!(done, Ok(ServerStep::Done { .. })), "{mechanism}: {done:?}");
            if let Some(wrong) = &wrong {
                assert_eq!(run(mechanism, wrong, initial), Err(SaslError::Refused), "{mechanism}");
            }
        }
    }
}

#[test]
fn a_challenge_too_many_is_an_error() {
    for (mechanism, challenges) in [(Mechanism::Plain, 1), (Mechanism::Login, 2)] {
        let credentials = Credentials::password("kim", "secret");
        let mut client = Client::new(mechanism, &credentials, &Options::default()).unwrap();
        for _ in 0..challenges {
            assert_eq!(client.succeeded(), Err(SaslError::NotVerified), "not all was said");
            client.challenge(b"whatever").unwrap();
        }
        client.succeeded().unwrap();
        assert!(client.challenge(b"").is_err());
    }
}

#[test]
fn what_cannot_be_carried_is_refused_before_anything_is_sent() {
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        for (user, password) in [("k\0im", "secret"), ("kim", "sec\0ret")] {
            let credentials = Credentials::password(user, password);
            let refused = Client::new(mechanism, &credentials, &Options::default());
            assert!(matches!(refused, Err(SaslError::BadText { .. })), "{mechanism}");
        }
    }
}

#[test]
fn a_token_that_is_refused_is_told_and_no_success() {
    for (mechanism, goodbye) in [(Mechanism::OAuthBearer, &b"\x01"[..]), (Mechanism::XOAuth2, b"")] {
        let credentials = Credentials::token("kim", "stale");
        let mut client = Client::new(mechanism, &credentials, &Options::default()).unwrap();
        client.initial().unwrap();
        let response = respond(&mut client, br#"{"status":"401"}"#).unwrap();
        assert_eq!(response.expose(), goodbye);
        assert_eq!(client.refusal().unwrap().status.as_deref(), Some("401"));
        assert_eq!(client.succeeded(), Err(SaslError::NotVerified));
        assert!(respond(&mut client, b"{}").is_err());
    }
}

#[test]
fn base64_is_read_as_servers_send_it() {
    for (line, bytes) in [("", ""), ("=", ""), (" YWI= ", "ab"), ("YWI", "ab"), ("YWJj\r\n", "abc")] {
        assert_eq!(decode(line.as_bytes()).unwrap().expose(), bytes.as_bytes());
    }
    for line in ["!", "YWI=YWI=", "Y", "Y W I="] {
        assert_eq!(decode(line.as_bytes()), Err(SaslError::Malformed { expected: "base64" }), "{line}");
    }
    assert!(decode(&vec![b'A'; 100_000]).is_err());
}

proptest::proptest! {
    #[test]
    fn no_challenge_makes_a_client_panic(
        mechanism in proptest::sample::select(Mechanism::ALL),
        challenges in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..60), 0..4),
    ) {
        let credentials = match mechanism {
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credentials::token("kim", "t"),
            _ => Credentials::password("kim", "secret"),
        };
        if let Ok(mut client) = Client::new(mechanism, &credentials, &options()) {
            for challenge in &challenges {
                let _ = respond(&mut client, challenge);
            }
        }
        if let Ok(mut server) = Server::new(mechanism, &server_options()) {
            for response in &challenges {
                let _ = server.response(response, password_of);
            }
        }
    }
}
