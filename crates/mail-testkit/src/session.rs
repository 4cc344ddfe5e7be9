//! What the sessions of all protocols have in common: how they end, log in, and do what goes wrong on order.

use std::io;

use rustls::crypto::ring;

use crate::channel::Channel;
use crate::fault::{Action, Break};
use crate::report::{OverLimit, Seat};
use crate::shared::Shared;
use crate::store::Account;

/// Why a session ends, other than by the client's leaving.
#[derive(Debug)]
pub(crate) enum End {
    /// After the answer that was queued last.
    Said,
    /// At once, without sending what is queued.
    Cut,
    /// The connection failed.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// What a fault says instead of carrying a command out, for each protocol to put into its words.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    No(String),
    Bad(String),
    /// And the connection is closed.
    Bye(String),
}

/// Closes the connection as the session's end demands.
pub(crate) async fn close(channel: &mut Channel, ended: Result<(), End>) -> io::Result<()> {
    match ended {
        Ok(()) | Err(End::Said) => channel.close().await,
        Err(End::Cut) => Ok(()),
        Err(End::Broken(error)) => Err(error),
    }
}

/// Does what a fault says, but for what is to be said in the protocol's words.
pub(crate) async fn act(channel: &mut Channel, action: Action) -> Result<Option<Refusal>, End> {
    match action {
        Action::No(text) => return Ok(Some(Refusal::No(text))),
        Action::Bad(text) => return Ok(Some(Refusal::Bad(text))),
        Action::Bye(text) => return Ok(Some(Refusal::Bye(text))),
        Action::Inject(octets) => channel.put_shared(octets),
        Action::Cut => {
            channel.flush().await?;
            return Err(End::Cut);
        }
        Action::CutAfter(octets) => break_after(channel, octets, Break::Cut).await?,
        Action::Stall => break_after(channel, 0, Break::Stall).await?,
        Action::StallAfter(octets) => break_after(channel, octets, Break::Stall).await?,
    }
    Ok(None)
}

async fn break_after(channel: &mut Channel, octets: u64, how: Break) -> Result<(), End> {
    channel.flush().await?;
    channel.tap().break_after(octets, how);
    Ok(())
}

/// Octets that nobody can foretell.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    // It fails only where the operating system has no randomness, and there TLS can't be had either.
    let _ = ring::default_provider().secure_random.fill(&mut octets);
    octets
}

/// The account of this name, if the password is its own; an attempt that fails is counted.
pub(crate) fn account_by_password(shared: &Shared, user: &[u8], password: &[u8]) -> Option<Account> {
    let account = std::str::from_utf8(user).ok().and_then(|user| shared.accounts.get(user));
    let account = account.filter(|account| account.password().expose() == password);
    if account.is_none() {
        shared.ledger.wrong_password();
    }
    account.cloned()
}

/// Counts the connection as the user's; what Dovecot says if the user has as many as allowed.
pub(crate) fn admit(seat: &Seat, account: &Account) -> Result<(), String> {
    seat.log_in(account.user()).map_err(|OverLimit { limit }| {
        format!("Maximum number of connections from user+IP exceeded (mail_max_userip_connections={limit})")
    })
}
