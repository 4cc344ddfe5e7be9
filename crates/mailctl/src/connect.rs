//! From the command line to a client that is ready to be used.

use std::{fs, time::Duration};

use mail_client::{imap::ImapClient, pop3::Pop3Client, smtp::SmtpClient, transport::Tls};

use crate::{
    cli,
    disk::failed,
    failure::Failure,
    url::{MailUrl, Protocol, Security, UrlError},
};

/// A server that is not dialled yet, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Server<C = ImapClient> {
    pub(crate) url: MailUrl,
    pub(crate) client: C,
}

/// How long to wait for a connection that the server's limit keeps back.
const TURN: Duration = Duration::from_secs(60);

/// For how long a server may be silent unless told.
const SILENCE: Duration = Duration::from_secs(60);

/// Sets up a client of a protocol. The builders have the same methods, and no type in common.
macro_rules! client {
    ($client:ty, $url:expr, $account:expr, $connections:expr, $silence:expr) => {{
        let (url, account): (MailUrl, &cli::Account) = ($url, $account);
        let silence: Option<Duration> = $silence;
        let patience = account.timeout.unwrap_or(SILENCE);
        let mut builder = <$client>::builder(&url.host, &url.user)
            .port(url.port)
            .max_connections($connections.into())
            .connect_timeouts(patience)
            // Longer than dialling, TLS, greeting and login may take together: their own deadlines say what is wrong.
            .acquire_timeout(Some(patience.saturating_mul(4).saturating_add(TURN)));
        if let Some(limit) = silence {
            builder = builder.inactivity_timeout(limit);
        }
        if url.security == Security::StartTls {
            builder = if account.allow_plaintext {
                builder.plaintext_without_encryption()
            } else {
                builder.starttls()
            };
        }
        if let Some(tls) = trusted(account)? {
            builder = builder.tls(tls);
        }
        let password = account.password.password(&url.user, &url.host)?;
        let client = builder.password(password.expose()).build()?;
        Ok::<_, Failure>(Server { url, client })
    }};
}

/// Reads the URL, the password and the certificates, and sets up an IMAP client for so many connections at most.
///
/// This may ask for the password on the terminal.
pub(crate) fn imap(account: &cli::Account, connections: u16) -> Result<Server, Failure> {
    let url = url(account, Protocol::Imap, "imaps:// or imap://")?;
    client!(ImapClient, url, account, connections, Some(account.timeout.unwrap_or(SILENCE)))
}

/// A server to take mail from, over either protocol.
#[derive(Debug)]
pub(crate) enum Source {
    Imap(Server),
    Pop3(Server<Pop3Client>),
}

/// Sets up a client of the protocol that the URL says. Over POP3 there is one connection: it locks the maildrop.
pub(crate) fn source(account: &cli::Account, connections: u16) -> Result<Source, Failure> {
    let url: MailUrl = account.url.parse()?;
    match url.protocol {
        Protocol::Imap => imap(account, connections).map(Source::Imap),
        Protocol::Pop3 => {
            let server = client!(Pop3Client, url, account, 1u16, Some(account.timeout.unwrap_or(SILENCE)));
            server.map(Source::Pop3)
        }
        Protocol::Smtp => Err(UrlError::OtherProtocol { wanted: "imaps, imap, pop3s or pop3" }.into()),
    }
}

/// The same for SMTP. What RFC 5321 section 4.5.3.2 says of its deadlines counts unless told.
pub(crate) fn smtp(account: &cli::Account, connections: u16) -> Result<Server<SmtpClient>, Failure> {
    let url = url(account, Protocol::Smtp, "smtps:// or smtp://")?;
    client!(SmtpClient, url, account, connections, account.timeout)
}

/// The URL, if it is of this protocol.
fn url(account: &cli::Account, protocol: Protocol, wanted: &'static str) -> Result<MailUrl, UrlError> {
    let url: MailUrl = account.url.parse()?;
    if url.protocol == protocol { Ok(url) } else { Err(UrlError::OtherProtocol { wanted }) }
}

/// The certificates that are to be trusted, if not the system's.
fn trusted(account: &cli::Account) -> Result<Option<Tls>, Failure> {
    let Some(path) = &account.ca_file else { return Ok(None) };
    let unusable = |source| Failure::CaFile { path: path.clone(), source: Box::new(source) };
    let pem = fs::read(path).map_err(failed("read", path))?;
    let tls = Tls::builder().root_pem(&pem).and_then(|tls| tls.build()).map_err(unusable)?;
    Ok(Some(tls))
}
