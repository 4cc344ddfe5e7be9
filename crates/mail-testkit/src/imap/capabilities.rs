//! What the server says it can do.

use mail_proto::imap::{Capabilities, Capability};

use super::Session;
use crate::server::Endpoint;

/// Always.
const GENERAL: [&str; 5] = ["IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE"];
/// After login.
const AUTHENTICATED: [&str; 5] = ["NAMESPACE", "UIDPLUS", "MOVE", "UNSELECT", "IDLE"];

impl Session<'_> {
    pub(super) fn capabilities(&self) -> Capabilities {
        let mut names = GENERAL.to_vec();
        if self.user.is_some() {
            names.extend(AUTHENTICATED);
            names.push("STATUS=SIZE");
        } else if self.may_start_tls() {
            names.extend(["STARTTLS", "LOGINDISABLED"]);
        } else {
            names.push("AUTH=PLAIN");
        }
        names.into_iter().filter(|name| self.shared.has(name)).map(Capability::new).collect()
    }

    /// Whether TLS has to be started before a login.
    pub(super) fn may_start_tls(&self) -> bool {
        self.endpoint == Endpoint::ImapStartTls && !self.channel.is_tls()
    }
}
