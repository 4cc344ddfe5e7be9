use super::*;
use crate::sasl::{
    ChannelBindingKind, Client, Credentials, Nonce, Options, Server, ServerOptions, ServerStep, Step,
};
use crate::secret::Secret;

struct Vector {
    mechanism: Mechanism,
    nonce: &'static str,
    first: &'static str,
    server_first: &'static str,
    last: &'static str,
    server_last: &'static str,
}

/// RFC 5802 section 5.
const SHA1: Vector = Vector {
    mechanism: Mechanism::ScramSha1,
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    server_last: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

/// RFC 7677 section 3.
const SHA256: Vector = Vector {
    mechanism: Mechanism::ScramSha256,
    nonce: "rOprNGfwEbeRWgbNEkqO",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    server_last: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

fn options(nonce: &str) -> Options {
    Options { nonce: Some(Nonce::from_text(nonce).unwrap()), ..Options::default() }
}

/// A client that has sent its first message.
fn begun(vector: &Vector) -> Client {
    let credentials = Credentials::password("user", "pencil");
    let mut client = Client::new(vector.mechanism, &credentials, &options(vector.nonce)).unwrap();
    assert_eq!(client.initial().unwrap().expose(), vector.first.as_bytes());
    client
}

fn answer(client: &mut Client, challenge: &str) -> Result<Secret, SaslError> {
    match client.challenge(challenge.as_bytes())? {
        Step::Respond(response) => Ok(response),
        Step::Derive(derivation) => client.derived(&derivation.run()),
    }
}

#[test]
fn the_examples_of_the_rfcs() {
    for vector in [SHA1, SHA256] {
        let mut client = begun(&vector);
        assert_eq!(answer(&mut client, vector.server_first).unwrap().expose(), vector.last.as_bytes());
        assert_eq!(client.succeeded(), Err(SaslError::NotVerified), "not before the server's signature");
        assert_eq!(answer(&mut client, vector.server_last).unwrap().expose(), b"");
        client.succeeded().unwrap();
    }
}

#[test]
fn the_servers_side_of_the_examples() {
    for vector in [SHA1, SHA256] {
        let (nonce, rest) = vector.server_first[2..].split_once(",s=").unwrap();
        let options = ServerOptions {
            nonce: Some(Nonce::from_text(&nonce[vector.nonce.len()..]).unwrap()),
            salt: BASE64_STANDARD.decode(rest.split(',').next().unwrap()).unwrap(),
            ..ServerOptions::default()
        };
        let password_of = |user: &[u8]| (user == b"user").then(|| Secret::from("pencil"));
        let mut server = Server::new(vector.mechanism, &options).unwrap();
        let step = server.response(vector.first.as_bytes(), password_of).unwrap();
        assert_eq!(step, ServerStep::Challenge(vector.server_first.into()));
        let step = server.response(vector.last.as_bytes(), password_of).unwrap();
        assert_eq!(step, ServerStep::Challenge(vector.server_last.into()));
        let done = ServerStep::Done { user: "user".into(), authorization: None };
        assert_eq!(server.response(b"", password_of), Ok(done));
        assert!(server.response(b"", password_of).is_err());
    }
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let mut client = begun(&SHA256);
    answer(&mut client, SHA256.server_first).unwrap();
    let wrong = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=";
    assert!(answer(&mut client, wrong).is_err());
    let mut client = begun(&SHA256);
    answer(&mut client, SHA256.server_first).unwrap();
    let wrong = format!("v={}", BASE64_STANDARD.encode([0; 32]));
    assert_eq!(answer(&mut client, &wrong), Err(SaslError::ServerSignature));
    assert_eq!(client.succeeded(), Err(SaslError::NotVerified));
    let mut client = begun(&SHA256);
    answer(&mut client, SHA256.server_first).unwrap();
    assert_eq!(answer(&mut client, "v="), Err(SaslError::ServerSignature), "nor is an empty one taken");
    let mut client = begun(&SHA256);
    answer(&mut client, SHA256.server_first).unwrap();
    let error = SaslError::Rejected { error: "invalid-proof".to_owned() };
    assert_eq!(answer(&mut client, "e=invalid-proof"), Err(error));
}

#[test]
fn a_proof_has_the_length_of_its_hash() {
    let options = ServerOptions {
        nonce: Nonce::from_text("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").ok(),
        salt: BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
        ..ServerOptions::default()
    };
    let password_of = |_: &[u8]| Some(Secret::from("pencil"));
    for (end, taken) in [("ndVQ=", true), ("ndVQA", false), ("ndVQAAAA=", false)] {
        let mut server = Server::new(SHA256.mechanism, &options).unwrap();
        server.response(SHA256.first.as_bytes(), password_of).unwrap();
        let last = SHA256.last.replace("ndVQ=", end);
        assert_eq!(server.response(last.as_bytes(), password_of).is_ok(), taken, "{last}");
    }
}

#[test]
fn what_is_not_the_servers_first_message_is_refused() {
    let nonce = "rOprNGfwEbeRWgbNEkqO";
    for (message, error) in [
        ("r=another,s=QSXC,i=4096".to_owned(), SaslError::NonceMismatch),
        (format!("r={nonce},s=QSXC,i=4096"), SaslError::NonceMismatch),
        (format!("r={nonce}\u{e9},s=QSXC,i=4096"), SaslError::NonceMismatch),
        (
            format!("m=x,r={nonce}b,s=QSXC,i=4096"),
            SaslError::Malformed { expected: "no mandatory extension" },
        ),
        (format!("r={nonce}b,s=!,i=4096"), SaslError::Malformed { expected: "the salt in base64" }),
        (format!("r={nonce}b,s=QSXC"), SaslError::Malformed { expected: "the iteration count" }),
        (format!("r={nonce}b,s=QSXC,i=0"), SaslError::Malformed { expected: "the iteration count" }),
        (format!("r={nonce}b,s=QSXC,i=-1"), SaslError::Malformed { expected: "the iteration count" }),
        (
            format!("r={nonce}b,s=QSXC,i=1000001"),
            SaslError::Iterations { asked: 1_000_001, limit: 1_000_000 },
        ),
        (
            format!("r={nonce}b,s=QSXC,i=2147483648"),
            SaslError::Iterations { asked: 1 << 31, limit: 1_000_000 },
        ),
        (
            format!("r={nonce}b,s=QSXC,i=99999999999999999999"),
            SaslError::Iterations { asked: u32::MAX, limit: 1_000_000 },
        ),
    ] {
        assert_eq!(answer(&mut begun(&SHA256), &message).unwrap_err(), error, "{message}");
    }
    let mut client = begun(&SHA256);
    assert!(matches!(client.challenge(b"r=rOprNGfwEbeRWgbNEkqOb,s=QSXC,i=1000000,x=y"), Ok(Step::Derive(_))));
    assert!(client.challenge(b"v=QSXC").is_err(), "no signature counts before the proof");
    assert_eq!(client.succeeded(), Err(SaslError::NotVerified));
}

/// Runs both sides to their end.
fn run(
    offered: &[&[u8]],
    client: &Options,
    server: &ServerOptions,
) -> Result<(Mechanism, ServerStep), SaslError> {
    let credentials = Credentials::password("k,i=m", "päss");
    let mut client = Client::negotiate(offered.iter().copied(), &credentials, client)?;
    let mut server = Server::new(client.mechanism(), server)?;
    let mut message = client.initial().unwrap();
    loop {
        let password = |user: &[u8]| (user == b"k,i=m").then(|| Secret::from("päss"));
        match server.response(message.expose(), password)? {
            ServerStep::Challenge(challenge) => {
                message = answer(&mut client, std::str::from_utf8(&challenge).unwrap())?;
            }
            done => {
                client.succeeded()?;
                return Ok((client.mechanism(), done));
            }
        }
    }
}

#[test]
fn the_channel_is_bound() {
    let binding = |kind, byte| Some(ChannelBinding { kind, data: vec![byte; 32] });
    let exporter = ChannelBindingKind::TlsExporter;
    let both: &[&[u8]] = &[b"SCRAM-SHA-256", b"SCRAM-SHA-256-PLUS"];
    let mut client = options("abc");
    client.authorization = Some("boss".into());
    let mut server =
        ServerOptions { nonce: Nonce::from_text("def").ok(), salt: vec![1, 2], ..ServerOptions::default() };
    let done = ServerStep::Done { user: "k,i=m".into(), authorization: Some("boss".into()) };
    assert_eq!(run(both, &client, &server), Ok((Mechanism::ScramSha256, done.clone())));
    for kind in [exporter, ChannelBindingKind::TlsServerEndPoint] {
        client.channel_binding = binding(kind, 1);
        server.channel_binding = binding(kind, 1);
        assert_eq!(run(both, &client, &server), Ok((Mechanism::ScramSha256Plus, done.clone())));
    }
    server.channel_binding = binding(ChannelBindingKind::TlsServerEndPoint, 2);
    assert_eq!(run(both, &client, &server), Err(SaslError::ChannelBinding), "another channel");
    // Someone in the middle took the PLUS mechanisms off the server's offer.
    assert_eq!(run(&both[..1], &client, &server), Err(SaslError::ChannelBinding));
    server.channel_binding = None;
    assert_eq!(run(&both[..1], &client, &server), Ok((Mechanism::ScramSha256, done)), "it has none");
}

#[test]
fn secrets_are_not_shown() {
    let mut client = begun(&SHA256);
    let Ok(Step::Derive(derivation)) = client.challenge(SHA256.server_first.as_bytes()) else { panic!() };
    let salted = derivation.run();
    let shown = format!("{client:?} {derivation:?} {salted:?}");
    assert!(!shown.contains("pencil") && shown.contains("Secret(…)"), "{shown}");
}
