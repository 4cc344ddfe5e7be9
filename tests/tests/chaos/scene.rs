//! A client, the bad lines it is on, the server behind them, and those who work with it.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use mail_client::{Result, imap::PoolStatus, transport::Tls};
use mail_testkit::{Account, Builder, Endpoint, Server};
use tokio::{runtime::Handle, task::JoinHandle, time::Instant};

use super::{proxy::Proxy, random::Random, tally::Tally};

pub(crate) const USER: &str = "kim";
pub(crate) const PASSWORD: &str = "secret";

/// One protocol at work.
pub(crate) trait Scene: Send + Sync {
    fn site(&self) -> &Site;

    fn pool_status(&self) -> PoolStatus;

    /// Sets all who work to work, until then.
    fn work(&self, until: Instant) -> Vec<JoinHandle<()>>;

    /// Compares what is at the server with what must be there; nobody works meanwhile.
    fn audit(&self);

    /// How many messages are kept in mind.
    fn known(&self) -> usize;

    /// Does something on each connection that there may be, at the same time.
    fn probe(&self) -> BoxFuture<'_, Result<()>>;

    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Where a client works.
pub(crate) struct Site {
    pub(crate) server: Arc<Server>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) tally: Tally,
    pub(crate) security: Security,
    /// How many connections the client may have.
    pub(crate) quota: usize,
}

/// How lines are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    StartTls,
    Tls,
}

impl Security {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::StartTls, Self::Tls];

    /// Of a protocol's endpoints the one for this.
    fn endpoint(self, [plain, start_tls, tls]: [Endpoint; 3]) -> Endpoint {
        match self {
            Self::Plain => plain,
            Self::StartTls => start_tls,
            Self::Tls => tls,
        }
    }
}

impl Site {
    /// Starts a server, whose tasks run on this runtime.
    pub(crate) fn start(
        tally: Tally,
        server: Builder,
        endpoints: [Endpoint; 3],
        security: Security,
        quota: usize,
        random: &mut Random,
        servers: &Handle,
    ) -> Arc<Self> {
        let server = Arc::new(servers.block_on(server.start()).expect("the embedded server starts"));
        let endpoint = security.endpoint(endpoints);
        let proxy = Proxy::new(random.next(), Arc::clone(&server), endpoint, servers.clone());
        Arc::new(Self { server, proxy, tally, security, quota })
    }

    pub(crate) fn account(&self) -> Account {
        self.server.account(USER).expect("the user")
    }

    /// Trusts the server.
    pub(crate) fn tls(&self) -> Tls {
        let tls = Tls::builder().root_pem(self.server.ca_pem().as_bytes()).expect("its authority");
        tls.build().expect("it is complete")
    }
}

/// A builder of a client that is less patient than usual, so that a while is enough for all that can happen.
macro_rules! impatient {
    ($Client:ident at $site:expr) => {{
        use std::{sync::Arc, time::Duration};

        use $crate::{
            proxy::Through,
            scene::{PASSWORD, Security, Site, USER},
        };

        let site: &Site = $site;
        let builder = $Client::builder("localhost", USER)
            .password(PASSWORD)
            .connector(Through(Arc::clone(&site.proxy)))
            .max_connections(site.quota)
            .inactivity_timeout(Duration::from_secs(3))
            .connect_timeouts(Duration::from_secs(3))
            .acquire_timeout(Some(Duration::from_secs(20)))
            .idle_timeout(Duration::from_millis(500))
            .trust_idle(Duration::from_millis(200))
            .cool_down(Duration::from_millis(200));
        match site.security {
            Security::Plain => builder.plaintext_without_encryption(),
            Security::StartTls => builder.starttls().tls(site.tls()),
            Security::Tls => builder.tls(site.tls()),
        }
    }};
}
pub(crate) use impatient;
