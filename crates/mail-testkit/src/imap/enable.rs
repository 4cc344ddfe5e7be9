//! ENABLE (RFC 5161), and what it and other commands switch on for the rest of a connection.

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Capabilities, Capability, ResponseCode, Status};

use super::selected::Selected;
use super::{Session, Then, done, no, ok};
use crate::store::Account;

/// What was switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Enabled {
    pub(super) condstore: bool,
    pub(super) qresync: bool,
    pub(super) utf8_accept: bool,
    pub(super) rev2: bool,
    /// Mailbox names are in UTF-8, by either of the two.
    pub(super) utf8_names: bool,
}

impl Session<'_> {
    pub(super) fn enable(&mut self, account: &Account, wanted: &Capabilities) -> Status {
        let mut news = Vec::new();
        for capability in wanted.iter() {
            let offer = &self.shared.offer;
            let is_new = match capability {
                Capability::CondStore if offer.has("CONDSTORE") => !self.enabled.condstore,
                Capability::QResync if offer.has("QRESYNC") => {
                    !std::mem::replace(&mut self.enabled.qresync, true)
                }
                Capability::Utf8Accept if offer.has("UTF8=ACCEPT") => {
                    self.enabled.utf8_names = true;
                    !std::mem::replace(&mut self.enabled.utf8_accept, true)
                }
                Capability::Imap4Rev2 if offer.has("IMAP4rev2") => {
                    self.enabled.utf8_names = true;
                    !std::mem::replace(&mut self.enabled.rev2, true)
                }
                _ => false,
            };
            if is_new {
                news.push(capability.clone());
            }
            if matches!(capability, Capability::CondStore | Capability::QResync) && is_new {
                // QRESYNC is CONDSTORE and more (RFC 7162 section 3.2.3).
                let selected = self.selected.take();
                self.enable_condstore(account, selected.as_ref());
                self.selected = selected;
            }
        }
        self.say(Untagged::Enabled(news.into_iter().collect()));
        done()
    }

    /// UNAUTHENTICATE (RFC 8437): nobody is logged in, and nothing switched on.
    pub(super) fn unauthenticate(&mut self) -> Status {
        self.user = None;
        self.selected = None;
        self.enabled = Enabled::default();
        self.watch = None;
        self.seat.log_out();
        done()
    }

    pub(super) fn compress(&mut self) -> Status {
        if self.channel.is_compressed() {
            return no(ResponseCode::CompressionActive, "compression is on already");
        }
        self.then = Then::Compress;
        ok("begin compressing now")
    }

    /// Tells mod-sequences from here on, as after ENABLE and after each command that speaks of them
    /// (RFC 7162 section 3.1).
    pub(super) fn enable_condstore(&mut self, account: &Account, selected: Option<&Selected>) {
        if std::mem::replace(&mut self.enabled.condstore, true) {
            return;
        }
        let Some(selected) = selected else { return };
        let kept = account.lock().mailboxes.get(&selected.id).is_some_and(|mailbox| mailbox.keeps_modseqs);
        if kept {
            let code = ResponseCode::HighestModSeq(selected.told());
            self.say(Untagged::Status(ok("mod-sequences are told").with_code(code)));
        }
    }
}
