//! What the tests share: a server with one user, and clients for it.
#![allow(dead_code, reason = "no test file uses all of it")]

pub(crate) mod dialogue;
pub(crate) mod script;

use std::sync::Arc;

use futures_core::future::BoxFuture;
use mail_client::{
    imap::{ImapClient, ImapClientBuilder},
    transport::{BoxIo, Connector, Error, Target, Tls},
};
use mail_testkit::{Builder, Endpoint, Server};

pub(crate) fn server() -> Builder {
    Server::builder().user("kim", "secret")
}

/// A client over TCP and implicit TLS.
pub(crate) fn client(server: &Server) -> ImapClientBuilder {
    let address = server.address(Endpoint::ImapTls);
    builder(address.port()).tls(trust(server))
}

/// A client for a port of this machine.
pub(crate) fn builder(port: u16) -> ImapClientBuilder {
    ImapClient::builder("127.0.0.1", "kim").port(port).password("secret")
}

pub(crate) fn trust(server: &Server) -> Tls {
    Tls::builder().root_pem(server.ca_pem().as_bytes()).unwrap().build().unwrap()
}

/// A client in memory, in the clear, for tests under paused time.
pub(crate) fn in_memory(server: &Arc<Server>) -> ImapClientBuilder {
    builder(143).plaintext_without_encryption().connector(InMemory(Arc::clone(server)))
}

struct InMemory(Arc<Server>);

impl Connector for InMemory {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let io = self.0.connect().await.map_err(|error| Error::connector(target, error))?;
            Ok(Box::new(io) as BoxIo)
        })
    }
}

/// What the server was told, in order: which connection, and the command without its tag.
pub(crate) fn commands(server: &Server) -> Vec<(u64, String)> {
    let seen = server.report().commands.into_iter();
    seen.map(|seen| {
        let command = seen.text.split_once(' ').map_or("", |(_, command)| command);
        (seen.connection, command.to_owned())
    })
    .collect()
}

/// How many commands began so.
pub(crate) fn count(server: &Server, name: &str) -> usize {
    commands(server).iter().filter(|(_, command)| command.starts_with(name)).count()
}
