//! A server on a runtime of its own, and clients for it that block.

use mail_client::{
    Error,
    blocking::ImapClient,
    imap::{Assignment, ImapClientBuilder},
};
use mail_testkit::{Builder, Server};
use tokio::runtime::Runtime;

use crate::common;

pub(crate) const MODES: [Assignment; 3] = [Assignment::MainOrDefault, Assignment::Main, Assignment::Default];

/// It runs as long as this is there.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) runtime: Runtime,
}

pub(crate) fn start(server: Builder) -> Running {
    let runtime = Runtime::new().unwrap();
    Running { server: runtime.block_on(server.start()).unwrap(), runtime }
}

/// With nothing in it.
pub(crate) fn empty() -> Running {
    start(common::server())
}

impl Running {
    pub(crate) fn builder(&self) -> ImapClientBuilder {
        common::client(&self.server)
    }

    /// With so many connections.
    pub(crate) fn client(&self, max_connections: usize) -> ImapClient {
        self.builder().max_connections(max_connections).build_blocking().unwrap()
    }

    pub(crate) fn in_mode(&self, mode: Assignment, max_connections: usize) -> ImapClient {
        self.builder().assignment(mode).max_connections(max_connections).build_blocking().unwrap()
    }

    /// Runs a command that the server's report can be searched for, and says on which of its connections it came.
    pub(crate) fn mark(&self, client: &ImapClient, mark: &str) -> u64 {
        client.list("", mark).unwrap();
        let commands = common::commands(&self.server);
        let seen = commands.iter().rev().find(|(_, command)| command.ends_with(&format!("\"{mark}\"")));
        seen.unwrap_or_else(|| panic!("{mark} never came: {commands:?}")).0
    }

    pub(crate) fn wait_for_connections(&self, at_most: usize) {
        self.runtime.block_on(self.server.wait_for_connections(at_most));
    }
}

/// What the pool says of an error.
pub(crate) fn pool_error(error: &Error) -> &mail_pool::Error<Error> {
    error.pool().unwrap_or_else(|| panic!("not the pool's: {error:?}"))
}
