//! Which message became which: what COPY and MOVE tell (RFC 4315 section 3).

use mail_proto::imap::{ResponseCode, SequenceSet};

/// The UIDs of copies, and of the messages they are copies of.
///
/// A server without UIDPLUS doesn't tell them, nor does one whose mailbox keeps no UIDs; then, and where nothing was
/// copied, the sets are empty and there is no [`uid_validity`](Self::uid_validity).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    uid_validity: Option<u32>,
    source: SequenceSet,
    target: SequenceSet,
}

impl Copied {
    /// The UIDVALIDITY of the other mailbox, to which the copies' UIDs belong.
    pub fn uid_validity(&self) -> Option<u32> {
        self.uid_validity
    }

    /// The messages that were copied, in the order of their copies in [`target`](Self::target).
    pub fn source(&self) -> &SequenceSet {
        &self.source
    }

    /// The copies.
    pub fn target(&self) -> &SequenceSet {
        &self.target
    }

    /// Each message and its copy, one pair at a time.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let source = self.source.numbers().into_iter().flatten();
        source.zip(self.target.numbers().into_iter().flatten())
    }

    /// Takes in what the server tells of a further command. Sets that don't fit together tell nothing, and pairs of
    /// two generations of the other mailbox would be worth nothing.
    pub(super) fn learn(&mut self, code: &ResponseCode) {
        let ResponseCode::CopyUid { uid_validity, source, target } = code else { return };
        if source.len().is_none() || source.len() != target.len() {
            return;
        }
        if self.uid_validity.is_some_and(|known| known != *uid_validity) {
            *self = Self::default();
        }
        self.uid_validity = Some(*uid_validity);
        source.ranges(0).for_each(|range| self.source.insert_range(range));
        target.ranges(0).for_each(|range| self.target.insert_range(range));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(uid_validity: u32, source: &str, target: &str) -> ResponseCode {
        let [source, target] = [source, target].map(|set| set.parse().unwrap());
        ResponseCode::CopyUid { uid_validity, source, target }
    }

    #[test]
    fn pairs_are_those_of_the_sets_in_their_order() {
        let mut copied = Copied::default();
        copied.learn(&code(9, "304,319:320", "3956:3958"));
        copied.learn(&code(9, "7", "12"));
        let pairs: Vec<_> = copied.pairs().collect();
        assert_eq!(pairs, [(304, 3956), (319, 3957), (320, 3958), (7, 12)]);
        assert_eq!(copied.uid_validity(), Some(9));
    }

    #[test]
    fn sets_that_do_not_fit_together_tell_nothing() {
        let mut copied = Copied::default();
        copied.learn(&code(9, "1:3", "7:8"));
        copied.learn(&code(9, "1:*", "7:8"));
        assert_eq!(copied, Copied::default());
        copied.learn(&code(9, "1:4294967295", "1:4294967295"));
        assert_eq!(copied.pairs().nth(1), Some((2, 2)), "and no set is expanded");
        copied.learn(&code(10, "1", "5"));
        assert_eq!((copied.uid_validity(), copied.pairs().count()), (Some(10), 1));
    }
}
