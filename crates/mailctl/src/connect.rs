//! From the command line to a client that is ready to be used.

use std::{fs, time::Duration};

use mail_client::{imap::ImapClient, transport::Tls};

use crate::{
    cli,
    disk::failed,
    failure::Failure,
    url::{MailUrl, Scheme},
};

/// A server that is not dialled yet, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: MailUrl,
    pub(crate) client: ImapClient,
}

/// How long to wait for a connection that the server's limit keeps back.
const TURN: Duration = Duration::from_secs(60);

/// Reads the URL, the password and the certificates, and sets up a client for so many connections at most.
///
/// This may ask for the password on the terminal.
pub(crate) fn set_up(account: &cli::Account, connections: u16) -> Result<Server, Failure> {
    let url: MailUrl = account.url.parse()?;
    let mut builder = ImapClient::builder(&url.host, &url.user)
        .port(url.port)
        .max_connections(connections.into())
        .inactivity_timeout(account.timeout)
        .connect_timeouts(account.timeout)
        // Longer than dialling, TLS, greeting and login may take together: their own deadlines say what is wrong.
        .acquire_timeout(Some(account.timeout.saturating_mul(4).saturating_add(TURN)));
    if url.scheme == Scheme::StartTls {
        builder =
            if account.allow_plaintext { builder.plaintext_without_encryption() } else { builder.starttls() };
    }
    if let Some(path) = &account.ca_file {
        let unusable = |source| Failure::CaFile { path: path.clone(), source: Box::new(source) };
        let pem = fs::read(path).map_err(failed("read", path))?;
        builder = builder.tls(Tls::builder().root_pem(&pem).and_then(|tls| tls.build()).map_err(unusable)?);
    }
    let password = account.password.password(&url.user, &url.host)?;
    let client = builder.password(password.expose()).build()?;
    Ok(Server { url, client })
}
