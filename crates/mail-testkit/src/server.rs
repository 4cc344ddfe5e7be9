//! The server: its ports, and what a test can ask of it while it runs.

mod builder;
mod connection;
mod listen;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub use builder::{Builder, StartError};
pub use connection::Connection;

use crate::endpoint::{Endpoint, Protocol};
use crate::fault::Fault;
use crate::hook::Hook;
use crate::link::pipe;
use crate::report::Report;
use crate::shared::Shared;
use crate::store::Account;
use crate::submission::Submission;
use crate::tls::{ClientCertificate, SERVER_NAME};
use crate::wire::Transport;

/// A mail server in memory, on ports of its own at 127.0.0.1. Dropping it closes all connections.
///
/// ```
/// use mail_testkit::{Endpoint, Server};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::builder()
///     .user("alice", "secret")
///     .messages("INBOX", ["Subject: hello\r\n\r\nworld\r\n"])
///     .max_connections_per_user(10)
///     .start()
///     .await?;
/// let address = server.address(Endpoint::ImapTls);
/// // … connect to it, trusting server.client_config() …
/// assert_eq!(server.report().connections.peak, 0);
/// # Ok(()) }
/// ```
pub struct Server {
    shared: Arc<Shared>,
    addresses: [SocketAddr; Endpoint::ALL.len()],
    /// Each change closes all connections; dropping it closes the ports as well.
    closing: watch::Sender<()>,
}

impl Server {
    /// What to say of a server before it starts.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Where an endpoint listens.
    pub fn address(&self, endpoint: Endpoint) -> SocketAddr {
        self.addresses[endpoint as usize]
    }

    /// The name that the certificate is for. It is good for `127.0.0.1` too.
    pub fn server_name(&self) -> &'static str {
        SERVER_NAME
    }

    /// The certificate of the authority that signed the server's, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.shared.identity.ca_pem
    }

    /// The same as DER.
    pub fn ca_der(&self) -> &CertificateDer<'static> {
        &self.shared.identity.ca
    }

    /// A TLS configuration that trusts this server and no other.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        self.shared.identity.client.clone()
    }

    /// What a user shows to log in by SASL's EXTERNAL; none if there is no such user, or EXTERNAL isn't offered.
    pub fn client_certificate(&self, user: &str) -> Option<&ClientCertificate> {
        self.shared.identity.users.get(user)
    }

    /// Connects in memory to [`Endpoint::ImapPlain`]; see [`connect_to`](Self::connect_to).
    ///
    /// # Errors
    /// As `connect_to`.
    pub async fn connect(&self) -> io::Result<Connection> {
        self.connect_to(Endpoint::ImapPlain).await
    }

    /// Connects in memory, over the same link as TCP connections have: it takes a round trip, and what is sent
    /// takes its time. Made for paused time, where a slow link costs nothing.
    ///
    /// # Errors
    /// None as yet; a server may come to refuse connections.
    pub async fn connect_to(&self, endpoint: Endpoint) -> io::Result<Connection> {
        let link = self.shared.link;
        let seat = self.shared.ledger.seat(endpoint.protocol());
        let begun = connection::Leaving(seat.clone());
        if !link.latency().is_zero() {
            sleep(link.latency()).await;
        }
        let (client, server) = pipe(link, Instant::now());
        let serving = connection::serve(
            self.shared.clone(),
            endpoint,
            Transport::Pipe(server),
            seat,
            self.closing.subscribe(),
        );
        tokio::spawn(serving);
        Ok(Connection::new(client, begun))
    }

    /// A user's mail, to look into and to change.
    pub fn account(&self, user: &str) -> Option<Account> {
        self.shared.accounts.get(user).cloned()
    }

    /// What the server saw so far.
    pub fn report(&self) -> Report {
        self.shared.ledger.report()
    }

    /// The messages that were accepted over SMTP so far, with their envelopes.
    pub fn submissions(&self) -> Vec<Submission> {
        self.shared.smtp.submissions.all()
    }

    /// Waits until so many messages were accepted over SMTP: a client whose connection was cut can't know.
    pub async fn wait_for_submissions(&self, at_least: usize) {
        self.shared.smtp.submissions.at_least(at_least).await;
    }

    /// Waits until at most so many connections are open: over TCP the server learns a little later that a client has
    /// closed.
    pub async fn wait_for_connections(&self, at_most: usize) {
        self.shared.ledger.at_most(at_most).await;
    }

    /// Does one thing more wrong.
    pub fn add_fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Does nothing wrong any more, but for what connections were given when they were made.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Does something to a user's mail at a chosen moment of that user's commands, as another client would. Before the
    /// login there is no such moment.
    pub fn hook(&self, hook: Hook, deed: impl FnMut(&Account) + Send + 'static) {
        self.shared.hooks.add(hook, deed);
    }

    /// How many connections a user may have from now on over each protocol; those there are stay.
    pub fn set_max_connections_per_user(&self, most: usize) {
        Protocol::ALL.into_iter().for_each(|protocol| self.set_max_connections_per_user_of(protocol, most));
    }

    /// The same for one protocol.
    pub fn set_max_connections_per_user_of(&self, protocol: Protocol, most: usize) {
        self.shared.ledger.set_limit(protocol, most);
    }

    /// Closes all connections without a word, as a network does that goes away. New ones are served.
    pub fn disconnect_all(&self) {
        self.closing.send_replace(());
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
