//! QUOTA (RFC 9208): one root, for all mailboxes.

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{MailboxName, Quota, QuotaResource, QuotaRoot, ResponseCode, Status};

use super::refusal::refusal;
use super::{Session, bad, done, no};
use crate::store::Account;

/// The name of the only root.
const ROOT: &[u8] = b"";

impl Session<'_> {
    pub(super) fn quota_root(&mut self, account: &Account, mailbox: &MailboxName) -> Status {
        if let Err(error) = account.uid_validity(mailbox.as_bytes()) {
            return refusal(&error);
        }
        let quota = quota(account);
        let roots = quota.iter().map(|quota| quota.root.clone()).collect();
        self.say(Untagged::QuotaRoot(QuotaRoot { mailbox: mailbox.clone(), roots }));
        quota.into_iter().for_each(|quota| self.say(Untagged::Quota(quota)));
        done()
    }

    pub(super) fn quota(&mut self, account: &Account, root: &[u8]) -> Status {
        match quota(account).filter(|_| root == ROOT) {
            Some(quota) => {
                self.say(Untagged::Quota(quota));
                done()
            }
            None => no(ResponseCode::NonExistent, "there is no such quota root"),
        }
    }

    pub(super) fn set_quota(&mut self, account: &Account, root: &[u8], limits: &[(Bytes, u64)]) -> Status {
        if root != ROOT {
            return no(ResponseCode::NonExistent, "there is no such quota root");
        }
        let limit = |wanted: &str| {
            limits
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
                .map(|(_, limit)| *limit)
        };
        let (storage, messages) = (limit("STORAGE"), limit("MESSAGE"));
        if limits.len() != usize::from(storage.is_some()) + usize::from(messages.is_some()) {
            return bad("STORAGE and MESSAGE can be limited, each once");
        }
        account.set_quota(storage, messages);
        self.quota(account, root);
        done()
    }
}

/// What is limited, if anything is.
fn quota(account: &Account) -> Option<Quota> {
    let contents = account.lock();
    let (octets, messages) = contents.usage();
    let resource = |name: &'static str, usage, limit: Option<u64>| {
        limit.map(|_| QuotaResource { name: Bytes::from_static(name.as_bytes()), usage, limit })
    };
    let resources: Vec<QuotaResource> = [
        resource("STORAGE", octets.div_ceil(1024), contents.quota.storage),
        resource("MESSAGE", messages, contents.quota.messages),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!resources.is_empty()).then_some(Quota { root: Bytes::from_static(ROOT), resources })
}
