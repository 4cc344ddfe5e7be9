//! Exchanges with a peer that says anything.

use mail_proto::{
    Secret,
    sasl::{
        ChannelBinding, ChannelBindingKind, Client, Credentials, Mechanism, Nonce, Options, Server,
        ServerOptions, ServerStep, Step, decode,
    },
};

use crate::steps::Steps;

const PASSWORD: &str = "s3cret!";

/// The first byte chooses the mechanism, the second what the client knows; each line is a challenge, in base64 if it
/// begins with `=`.
///
/// Whatever the server says, SCRAM doesn't succeed, since it doesn't know the password; a challenge is answered once;
/// a refused token is told, and no success.
pub fn no_server_talks_a_client_into_success(data: &[u8]) {
    let mut steps = Steps(data);
    let (Some(which), Some(options)) = (steps.next(), steps.next()) else { return };
    let mechanism = Mechanism::ALL[usize::from(which) % Mechanism::ALL.len()];
    let Ok(mut client) = Client::new(mechanism, &credentials(mechanism), &client_options(options)) else {
        return;
    };
    let mut sent = Vec::new();
    if options & 8 == 0
        && let Some(initial) = client.initial()
    {
        sent.push(initial);
    }
    let mut failed = false;
    for line in steps.0.split(|byte| *byte == b'\n') {
        let challenge = match line.strip_prefix(b"=") {
            Some(base64) => decode(base64).map_or_else(|_| Vec::new(), |decoded| decoded.expose().to_vec()),
            None => line.to_vec(),
        };
        let response = match client.challenge(&challenge) {
            // A key that takes long is never derived for this server.
            Ok(Step::Derive(derivation)) if derivation.iterations() > 64 => return,
            Ok(Step::Derive(derivation)) => client.derived(&derivation.run()),
            Ok(Step::Respond(response)) => Ok(response),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match response {
            Ok(response) => sent.push(response),
            Err(_) => failed = true,
        }
        assert!(
            client.succeeded().is_err() || !is_scram(mechanism),
            "{mechanism} succeeds without the password"
        );
        if client.refusal().is_some() {
            assert!(client.succeeded().is_err(), "a refused token succeeds");
        }
        if failed {
            return;
        }
    }
    let may_send =
        matches!(mechanism, Mechanism::OAuthBearer | Mechanism::XOAuth2) || mechanism.sends_password();
    let sends = sent.iter().any(|message| shows_secret(message.expose()));
    // Unless the server said it first.
    assert!(may_send || !sends || shows_secret(data), "{mechanism} sends the password");
}

/// The first byte chooses the mechanism, the second what the server knows; each line is a response, in base64 if it
/// begins with `=`.
///
/// Nobody logs in as a user without that user's secret, and nothing is answered behind the end.
pub fn no_client_logs_in_without_the_secret(data: &[u8]) {
    let mut steps = Steps(data);
    let (Some(which), Some(options)) = (steps.next(), steps.next()) else { return };
    let mechanism = Mechanism::ALL[usize::from(which) % Mechanism::ALL.len()];
    let Ok(mut server) = Server::new(mechanism, &server_options(options)) else { return };
    let _ = server.opening();
    let mut shown = false;
    let mut over = false;
    for line in steps.0.split(|byte| *byte == b'\n') {
        let response = match line.strip_prefix(b"=") {
            Some(base64) => decode(base64).map_or_else(|_| Vec::new(), |decoded| decoded.expose().to_vec()),
            None => line.to_vec(),
        };
        shown |= shows_secret(&response);
        let secret_of = |user: &[u8]| (user == b"kim").then(|| Secret::from(PASSWORD));
        match server.response(&response, secret_of) {
            Ok(ServerStep::Done { user, .. }) => {
                assert!(!over, "a login behind the end");
                over = true;
                let nobody = matches!(mechanism, Mechanism::External | Mechanism::Anonymous);
                assert!(user.is_empty() == nobody, "{mechanism} for {user:?}");
                // By the others nobody gets in who doesn't work out a hash.
                assert!(nobody || shown, "{mechanism} without the secret");
            }
            Ok(ServerStep::Challenge(challenge)) => {
                assert!(!over, "a challenge behind the end");
                assert!(shown || !shows_secret(&challenge), "the server tells the secret");
            }
            Ok(_) => {}
            Err(_) => over = true,
        }
    }
}

fn shows_secret(bytes: &[u8]) -> bool {
    bytes.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes())
}

fn is_scram(mechanism: Mechanism) -> bool {
    mechanism.name().starts_with("SCRAM")
}

fn credentials(mechanism: Mechanism) -> Credentials {
    match mechanism {
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credentials::token("kim", PASSWORD),
        Mechanism::External => Credentials::External,
        Mechanism::Anonymous => Credentials::Anonymous { trace: (&b"kim@x"[..]).into() },
        _ => Credentials::password("kim", PASSWORD),
    }
}

fn binding() -> ChannelBinding {
    ChannelBinding { kind: ChannelBindingKind::TlsExporter, data: vec![7; 32] }
}

fn client_options(choice: u8) -> Options {
    let mut options = Options::default();
    options.nonce = (choice & 1 == 0).then(|| Nonce::from_text("abc").expect("a nonce"));
    options.channel_binding = (choice & 2 == 0).then(binding);
    options.authorization = (choice & 4 != 0).then(|| (&b"boss"[..]).into());
    options.server = (choice & 16 != 0).then(|| ("mail.example".to_owned(), 143));
    options
}

fn server_options(choice: u8) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.nonce = (choice & 1 == 0).then(|| Nonce::from_text("xyz").expect("a nonce"));
    options.channel_binding = (choice & 2 == 0).then(binding);
    options.challenge = (choice & 4 == 0).then(|| "<1@h>".to_owned());
    options.salt = vec![1, 2, 3];
    options.iterations = 2;
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn lines(seed: &[u8]) -> impl Iterator<Item = &[u8]> {
        seed.get(2..).unwrap_or_default().split(|byte| *byte == b'\n')
    }

    #[test]
    fn seeds_reach_every_mechanism_and_steps_beyond_the_first() {
        let (mut clients, mut answered, mut refused) = ([0; 11], 0, 0);
        for seed in Target::find("sasl_client").unwrap().seeds() {
            let which = usize::from(seed[0]) % Mechanism::ALL.len();
            let mechanism = Mechanism::ALL[which];
            let Ok(mut client) = Client::new(mechanism, &credentials(mechanism), &client_options(seed[1]))
            else {
                continue;
            };
            clients[which] += 1;
            let _ = client.initial();
            for line in lines(&seed) {
                match client.challenge(line) {
                    Ok(Step::Derive(derivation)) if derivation.iterations() < 64 => {
                        answered += usize::from(client.derived(&derivation.run()).is_ok());
                    }
                    Ok(_) => answered += 1,
                    Err(_) => break,
                }
            }
            refused += usize::from(client.refusal().is_some());
        }
        assert!(
            clients.iter().all(|count| *count > 0) && answered >= 8 && refused >= 2,
            "{clients:?} {answered} {refused}"
        );
        let (mut done, mut challenges) = (0, 0);
        for seed in Target::find("sasl_server").unwrap().seeds() {
            let mechanism = Mechanism::ALL[usize::from(seed[0]) % Mechanism::ALL.len()];
            let Ok(mut server) = Server::new(mechanism, &server_options(seed[1])) else { continue };
            for line in lines(&seed) {
                match server.response(line, |user| (user == b"kim").then(|| Secret::from(PASSWORD))) {
                    Ok(ServerStep::Done { .. }) => done += 1,
                    Ok(_) => challenges += 1,
                    Err(_) => break,
                }
            }
        }
        assert!(done >= 6 && challenges >= 5, "{done} {challenges}");
    }
}
