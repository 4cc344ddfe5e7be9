//! What all connections of a server share.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::capabilities::{imap, pop3, smtp};
use crate::fault::Faults;
use crate::hook::Hooks;
use crate::link::Link;
use crate::report::Ledger;
use crate::store::Account;
use crate::submission::Submissions;
use crate::tls::Identity;

pub(crate) struct Shared {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) identity: Identity,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) faults: Faults,
    pub(crate) link: Link,
    /// What IMAP has.
    pub(crate) offer: imap::Offer,
    pub(crate) pop3: Pop3,
    pub(crate) smtp: Smtp,
    pub(crate) hooks: Hooks,
    /// The charsets that a search may name.
    pub(crate) search_charsets: Vec<String>,
    pub(crate) delimiter: Option<u8>,
}

/// How the server's POP3 is.
#[derive(Clone, Debug)]
pub(crate) struct Pop3 {
    pub(crate) offer: pop3::Offer,
    /// Whether a session has the maildrop to itself.
    pub(crate) locks: bool,
}

impl Default for Pop3 {
    fn default() -> Self {
        Self { offer: pop3::Offer::default(), locks: true }
    }
}

/// How the server's SMTP is, and what came by it.
#[derive(Debug)]
pub(crate) struct Smtp {
    pub(crate) offer: smtp::Offer,
    /// What RCPT is answered with, by address in small letters.
    pub(crate) refusals: BTreeMap<String, String>,
    pub(crate) max_recipients: usize,
    /// What AUTH is answered with when the user has as many connections as allowed.
    pub(crate) over_limit: String,
    pub(crate) submissions: Submissions,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            offer: smtp::Offer::default(),
            refusals: BTreeMap::new(),
            max_recipients: 1000,
            over_limit: "421 4.7.0 Too many concurrent connections".to_owned(),
            submissions: Submissions::default(),
        }
    }
}

impl Shared {
    /// Whether the server shows and does what this capability of IMAP stands for.
    pub(crate) fn has(&self, capability: &str) -> bool {
        self.offer.has(capability)
    }
}
