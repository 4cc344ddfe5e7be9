//! From nothing to a connection that is logged in.

use std::{sync::Arc, time::Duration};

use mail_proto::session::Security;

use super::{login, protocol_log::ProtocolLog, socket::Socket, spoken::Spoken};
use crate::{
    error::Result,
    transport::{Connector, Phase, Stream, Target, Tls},
};

/// What it takes to open a connection, whatever is spoken over it.
pub(crate) struct Opening {
    pub(crate) target: Target,
    pub(crate) connector: Arc<dyn Connector>,
    /// `None` for connections in the clear.
    pub(crate) tls: Option<Tls>,
    pub(crate) deadlines: Deadlines,
}

/// How long each phase of opening a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    pub(crate) dial: Duration,
    pub(crate) tls: Duration,
    pub(crate) greeting: Duration,
    pub(crate) login: Duration,
}

impl Deadlines {
    /// As long for each phase.
    pub(crate) fn each(limit: Duration) -> Self {
        Self { dial: limit, tls: limit, greeting: limit, login: limit }
    }

    /// No phase may take longer than this.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        let Self { dial, tls, greeting, login } = self;
        Self {
            dial: dial.min(limit),
            tls: tls.min(limit),
            greeting: greeting.min(limit),
            login: login.min(limit),
        }
    }

    /// How long all phases together may take, which the pool sees to should one of them not keep to its own.
    pub(crate) fn total(self) -> Duration {
        self.dial + self.tls + self.greeting + self.login + Duration::from_secs(5)
    }
}

impl Opening {
    /// Dials, and speaks until the login is done. What is said is written down in the log, if there is one.
    pub(crate) async fn open<S: Spoken>(
        &self,
        mut session: S,
        log: Option<Box<ProtocolLog>>,
    ) -> Result<Socket<S>> {
        let Self { target, deadlines, .. } = self;
        let io = Phase::Dial.within(deadlines.dial, target, self.connector.connect(target)).await?;
        let login = session.login();
        let (stream, later) = match (&self.tls, login.security) {
            (Some(tls), Security::ImplicitTls) => {
                let stream = Phase::Tls.within(deadlines.tls, target, tls.connect(io, target)).await?;
                (Stream::from(stream), None)
            }
            (tls, _) => (Stream::from(io), tls.as_ref().map(|tls| (tls, deadlines.tls, target))),
        };
        login.sasl.nonce = Some(login::nonce()?);
        login.sasl.channel_binding = stream.channel_binding().map(login::channel_binding);
        Socket::new(session, stream, log).establish(deadlines.greeting, deadlines.login, later).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_phases_together_have_their_times_and_a_little_more() {
        let second = Duration::from_secs;
        let deadlines =
            Deadlines { dial: second(10), tls: second(20), greeting: second(40), login: second(80) };
        assert_eq!(deadlines.total(), second(155));
    }
}
