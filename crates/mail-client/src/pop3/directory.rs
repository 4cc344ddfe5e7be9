//! What the server calls its messages: from names that last to numbers that last for a session.

use std::collections::{BTreeMap, HashMap};

use mail_proto::{
    ParseError,
    pop3::client::{Failure, Item},
};

use super::UniqueId;
use crate::error::{Cause, Error, Result};

/// The answer to UIDL. It holds for one connection, for as long as that lasts.
#[derive(Debug)]
pub(crate) struct Directory {
    by_number: BTreeMap<u32, UniqueId>,
    by_uid: HashMap<UniqueId, Bearers>,
    /// A line of it that can't be read.
    unreadable: Option<ParseError>,
}

/// Who has a unique-id.
#[derive(Clone, Copy, Debug)]
enum Bearers {
    One(u32),
    /// It isn't unique.
    Several(usize),
}

impl Directory {
    pub(super) fn new(told: Vec<Item>, unreadable: Option<ParseError>) -> Self {
        let mut directory = Self { by_number: BTreeMap::new(), by_uid: HashMap::new(), unreadable };
        for item in told {
            // What has no name can't be called by it.
            if let Item::UniqueId(id) = item
                && !id.uid.is_empty()
            {
                directory.add(id.number, id.uid.into());
            }
        }
        directory
    }

    fn add(&mut self, number: u32, uid: UniqueId) {
        if self.by_number.insert(number, uid.clone()).is_some() {
            return;
        }
        let bearers = self.by_uid.entry(uid);
        bearers
            .and_modify(|bearers| {
                *bearers = Bearers::Several(match bearers {
                    Bearers::One(_) => 2,
                    Bearers::Several(count) => *count + 1,
                });
            })
            .or_insert(Bearers::One(number));
    }

    /// The number of the message of this name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn number(&self, uid: &UniqueId) -> Result<u32> {
        match self.by_uid.get(uid) {
            Some(Bearers::One(number)) => Ok(*number),
            Some(Bearers::Several(count)) => Err(Error::new(Cause::Ambiguous { count: *count })),
            None => Err(Error::new(Cause::Gone)),
        }
    }

    /// The name of the message of this number.
    pub(super) fn uid(&self, number: u32) -> Option<&UniqueId> {
        self.by_number.get(&number)
    }

    /// The names of all messages, in the order of their numbers.
    ///
    /// # Errors
    /// It isn't known whether these are all.
    pub(super) fn uids(&self) -> Result<Vec<UniqueId>> {
        complete(self.unreadable.as_ref())?;
        Ok(self.by_number.values().cloned().collect())
    }
}

/// Fails if a line of a listing couldn't be read.
pub(super) fn complete(unreadable: Option<&ParseError>) -> Result<()> {
    match unreadable {
        Some(error) => Err(Failure::Unreadable(error.clone()).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::pop3;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_name_that_is_not_unique_names_nothing() {
        let items = [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "")]
            .map(|(number, uid)| Item::UniqueId(pop3::UniqueId { number, uid: uid.into() }));
        let directory = Directory::new(items.to_vec(), None);
        assert_eq!(directory.number(&"b".into()).unwrap(), 2);
        let error = directory.number(&"a".into()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().starts_with("3 messages")), (ErrorKind::Ambiguous, true));
        assert_eq!(directory.number(&"".into()).unwrap_err().kind(), ErrorKind::Gone);
        assert_eq!(directory.uid(3), Some(&"a".into()));
        assert_eq!(directory.uids().unwrap().len(), 4);
    }
}
