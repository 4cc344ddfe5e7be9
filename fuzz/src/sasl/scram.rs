//! SCRAM between two who know the password, with someone in the middle.

use mail_proto::{
    Secret,
    sasl::{
        ChannelBinding, ChannelBindingKind, Client, Credentials, Mechanism, Nonce, Options, SaslError,
        Server, ServerOptions, ServerStep, Step,
    },
};

use crate::steps::Steps;

/// Each message of an exchange may be changed on its way: if none is, both sides succeed; if the client's first or
/// last or the server's first is, neither does; if the server's last is, the client doesn't, unless an extension was
/// added to it (RFC 5802 section 7 has it there, unsigned).
pub fn what_was_changed_on_the_way_is_found_out(data: &[u8]) {
    let mut steps = Steps(data);
    let (Some(which), Some(names)) = (steps.next(), steps.next()) else { return };
    run(which, names, &mut steps);
}

/// How an exchange went.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    client: bool,
    server: bool,
    changed: bool,
}

fn run(which: u8, names: u8, changes: &mut Steps<'_>) -> Outcome {
    let mechanism = Mechanism::ALL[usize::from(which % 4)];
    assert!(mechanism.name().starts_with("SCRAM"));
    let kind =
        if which & 16 == 0 { ChannelBindingKind::TlsExporter } else { ChannelBindingKind::TlsServerEndPoint };
    let binding = mechanism.binds_channel().then(|| ChannelBinding { kind, data: vec![which; 32] });
    let user = ["kim", "k,i=m", "k\u{ef}m", ""][usize::from(names % 4)];
    let password = ["secret", "p\u{e4}ss", "", ",=,"][usize::from(names / 4 % 4)];
    let mut options = Options::default();
    options.nonce = Nonce::from_text("client").ok();
    options.channel_binding.clone_from(&binding);
    options.authorization = (names & 16 != 0).then(|| (&b"b,o=s"[..]).into());
    let mut server_options = ServerOptions::default();
    server_options.nonce = Nonce::from_text("server").ok();
    server_options.channel_binding = binding;
    server_options.salt = vec![names; usize::from(names / 32)];
    server_options.iterations = 1 + u32::from(which / 64);
    let mut client =
        Client::new(mechanism, &Credentials::password(user, password), &options).expect("options that suit");
    let mut server = Server::new(mechanism, &server_options).expect("options that suit");

    let mut outcome = Outcome::default();
    let exchange = exchange(&mut client, &mut server, user, password, changes, &mut outcome);
    outcome.client = client.succeeded().is_ok();
    if !outcome.changed {
        assert!(outcome.client && outcome.server, "{mechanism}: {exchange:?}");
        assert_eq!(exchange, Ok(()));
    }
    outcome
}

fn exchange(
    client: &mut Client,
    server: &mut Server,
    user: &str,
    password: &str,
    changes: &mut Steps<'_>,
    outcome: &mut Outcome,
) -> Result<(), SaslError> {
    let mut message = client.initial().expect("the client speaks first").expose().to_vec();
    for round in 0..3 {
        let sent = message.clone();
        change(&mut message, changes);
        let changed = message != sent;
        outcome.changed |= changed;
        // The empty response that acknowledges the server's last message proves nothing.
        let secret = |name: &[u8]| (name == user.as_bytes()).then(|| Secret::from(password));
        let challenge = match server.response(&message, secret)? {
            ServerStep::Challenge(challenge) => challenge,
            ServerStep::Done { user: who, .. } => {
                assert_eq!(who, user.as_bytes());
                assert!(round == 2, "done in round {round}");
                outcome.server = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        assert!(round == 0 || !outcome.changed, "a changed message is taken for a proof");
        let mut arrived = challenge.clone();
        change(&mut arrived, changes);
        let changed = arrived != challenge;
        outcome.changed |= changed;
        let step = client.challenge(&arrived)?;
        let extended = arrived.strip_prefix(&challenge[..]).is_some_and(|rest| rest.starts_with(b","));
        assert!(round == 0 || !changed || extended, "a changed signature is taken for one");
        message = match step {
            // Someone may ask for more than either of the two would.
            Step::Derive(derivation) if derivation.iterations() > 64 => return Ok(()),
            Step::Derive(derivation) => client.derived(&derivation.run())?.expose().to_vec(),
            Step::Respond(response) => response.expose().to_vec(),
            _ => return Ok(()),
        };
    }
    Ok(())
}

/// The next change: none, one byte that becomes another, one that is put in, some that are left out, or a piece that
/// is added.
fn change(message: &mut Vec<u8>, changes: &mut Steps<'_>) {
    let Some(kind) = changes.next() else { return };
    let mut place = || usize::from(changes.next().unwrap_or_default()) % (message.len() + 1);
    match kind % 8 {
        1 => {
            let at = place();
            let byte = changes.next().unwrap_or_default();
            if let Some(found) = message.get_mut(at) {
                *found = byte;
            }
        }
        2 => {
            let at = place();
            message.insert(at, changes.next().unwrap_or_default());
        }
        3 => {
            let (one, other) = (place(), place());
            drop(message.drain(one.min(other)..one.max(other)));
        }
        4 => message.extend_from_slice(changes.take(usize::from(kind / 8))),
        5 => {
            // An attribute of its own, before another.
            let at = place();
            let at = message[..at].iter().rposition(|byte| *byte == b',').unwrap_or(0);
            message.splice(at..at, changes.take(usize::from(kind / 8)).iter().copied());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    #[test]
    fn seeds_succeed_and_fail() {
        let (mut succeeded, mut failed) = (0, 0);
        for seed in Target::find("scram").unwrap().seeds() {
            let outcome = run(seed[0], seed[1], &mut Steps(&seed[2..]));
            succeeded += usize::from(outcome.client && outcome.server);
            failed += usize::from(outcome.changed && !outcome.client);
        }
        assert!(succeeded >= 8 && failed >= 5, "{succeeded} {failed}");
    }
}
