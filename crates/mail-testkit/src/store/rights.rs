//! Who may do what in a mailbox (RFC 4314).

use std::collections::BTreeMap;

use super::account::{Account, StoreError};

/// All rights there are, in their usual order.
pub(crate) const ALL_RIGHTS: &str = "lrswipkxtea";

/// The rights of each identifier, letters of [`ALL_RIGHTS`].
pub(crate) type Acl = BTreeMap<Vec<u8>, String>;

/// These letters in their usual order, each once.
pub(crate) fn in_order(letters: &str) -> String {
    ALL_RIGHTS.chars().filter(|right| letters.contains(*right)).collect()
}

impl Account {
    /// What the account's own user may do in a mailbox from now on, in the letters of RFC 4314: `lr` to look and read.
    /// All at first. What isn't allowed is refused with `NO [NOPERM]`.
    pub fn set_rights(&self, mailbox: impl AsRef<[u8]>, rights: &str) -> Result<(), StoreError> {
        let user = self.user().as_bytes().to_vec();
        self.lock().find_mut(mailbox.as_ref())?.1.acl.insert(user, in_order(rights));
        self.announce();
        Ok(())
    }

    /// Whether the user has this right there; in a mailbox that isn't there everything, so that another answer tells so.
    pub(crate) fn may(&self, mailbox: &[u8], right: char) -> bool {
        let contents = self.lock();
        let rights =
            contents.find(mailbox).ok().and_then(|(_, mailbox)| mailbox.acl.get(self.user().as_bytes()));
        rights.is_none_or(|rights| rights.contains(right))
    }
}
