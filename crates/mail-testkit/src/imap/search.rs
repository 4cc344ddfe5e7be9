//! SEARCH: what was found, told as it was asked (RFC 9051 6.4.4, RFC 4731, RFC 5182, RFC 9394).

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    ESearch, PartialRange, Search, SearchKey, SearchReturn, SequenceSet, SortKey, Status,
};

use super::query::{self, Found};
use super::selected::{Numbers, Selected};
use super::{Session, bad, done, sort};
use crate::store::Account;

/// SEARCH or SORT as it was given.
pub(super) struct Wanted {
    pub(super) uid: bool,
    pub(super) returns: Option<Vec<SearchReturn>>,
    pub(super) key: SearchKey,
    /// Of SORT.
    pub(super) order: Option<Vec<SortKey>>,
}

impl Session<'_> {
    pub(super) fn search(&mut self, account: &Account, selected: &mut Selected, wanted: &Wanted) -> Status {
        let saves = wanted.returns.iter().flatten().any(|option| *option == SearchReturn::Save);
        if let Some(refused) = self.refuses_search(account, selected, &wanted.key) {
            return refused;
        }
        if let Some(returns) = &wanted.returns
            && has_partial(returns)
            && returns.contains(&SearchReturn::All)
        {
            return bad("PARTIAL and ALL are one or the other");
        }
        let found = match &wanted.order {
            None => query::find(account, selected, &wanted.key),
            Some(order) => sort::sorted(query::find_entries(account, selected, &wanted.key), order),
        };
        let tells_modseq = query::speaks_of_modseqs(&wanted.key);
        let number = |numbers: &Numbers| if wanted.uid { numbers.uid } else { numbers.seq };
        match &wanted.returns {
            None => {
                let modseq = highest(&found).filter(|_| tells_modseq);
                let numbers = found.iter().map(|found| number(&found.numbers)).collect();
                let search = Search { numbers, modseq };
                self.say(if wanted.order.is_some() {
                    Untagged::Sort(search)
                } else {
                    Untagged::Search(search)
                });
            }
            Some(returns) => {
                if saves {
                    selected.save(saved(&found, returns));
                }
                if let Some(mut told) = tell(&found, returns, wanted.uid, tells_modseq) {
                    told.tag = Some(self.tag.clone());
                    self.say(Untagged::ESearch(Box::new(told)));
                }
            }
        }
        done()
    }

    /// Why nothing can be searched for by this; switches mod-sequences on if it speaks of them.
    pub(super) fn refuses_search(
        &mut self,
        account: &Account,
        selected: &Selected,
        key: &SearchKey,
    ) -> Option<Status> {
        if query::speaks_of_modseqs(key) {
            if !selected.keeps_modseqs(account) {
                return Some(bad("this mailbox keeps no mod-sequences"));
            }
            self.enable_condstore(account, Some(selected));
        }
        None
    }
}

/// What is told of a result; nothing if all that was asked is to save it.
pub(super) fn tell(
    found: &[Found],
    returns: &[SearchReturn],
    uid: bool,
    tells_modseq: bool,
) -> Option<ESearch> {
    let number = |found: &Found| if uid { found.numbers.uid } else { found.numbers.seq };
    let mut told = ESearch::default();
    told.uid = uid;
    let everything = [SearchReturn::All];
    let returns = if returns.is_empty() { &everything } else { returns };
    for option in returns {
        match option {
            SearchReturn::Min => told.min = found.first().map(number),
            SearchReturn::Max => told.max = found.last().map(number),
            SearchReturn::Count => told.count = Some(found.len() as u32),
            SearchReturn::All => told.all = set(found.iter().map(number)),
            SearchReturn::Partial(range) => {
                told.partial = Some((*range, set(part(found, *range).iter().map(number))));
            }
            _ => {}
        }
    }
    if tells_modseq {
        told.modseq = highest(&looked_at(found, returns));
    }
    (returns != [SearchReturn::Save]).then_some(told)
}

/// The UIDs that SAVE keeps (RFC 5182 section 2.1).
fn saved(found: &[Found], returns: &[SearchReturn]) -> Vec<u32> {
    looked_at(found, returns).iter().map(|found| found.numbers.uid).collect()
}

/// Those of the result that the options speak of: all, unless they speak of single ones only.
fn looked_at(found: &[Found], returns: &[SearchReturn]) -> Vec<Found> {
    let mut single = Vec::new();
    for option in returns {
        match option {
            SearchReturn::All | SearchReturn::Count => return found.to_vec(),
            SearchReturn::Min => single.extend(found.first().cloned()),
            SearchReturn::Max => single.extend(found.last().cloned()),
            SearchReturn::Partial(range) => single.extend_from_slice(part(found, *range)),
            _ => {}
        }
    }
    let speaks_of_single =
        returns.iter().any(|option| matches!(option, SearchReturn::Min | SearchReturn::Max))
            || has_partial(returns);
    if speaks_of_single { single } else { found.to_vec() }
}

fn has_partial(returns: &[SearchReturn]) -> bool {
    returns.iter().any(|option| matches!(option, SearchReturn::Partial(_)))
}

fn highest(found: &[Found]) -> Option<u64> {
    found.iter().map(|found| found.modseq).max()
}

/// In this order, which is that of a SORT.
fn set(numbers: impl Iterator<Item = u32>) -> Option<SequenceSet> {
    let mut set = SequenceSet::default();
    numbers.for_each(|number| set.insert(number));
    (!set.is_empty()).then_some(set)
}

/// Some of a list, by place.
pub(super) fn part<T>(all: &[T], range: PartialRange) -> &[T] {
    let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (first, last, from_last) = match range {
        PartialRange::FromFirst(one, other) => (one.min(other), one.max(other), false),
        PartialRange::FromLast(one, other) => (one.min(other), one.max(other), true),
    };
    let (begin, end) = (place(first).saturating_sub(1).min(all.len()), place(last).min(all.len()));
    if from_last { &all[all.len() - end..all.len() - begin] } else { &all[begin..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_either_end() {
        let all = [1, 2, 3, 4, 5];
        let cut = |range| part(&all, range).to_vec();
        assert_eq!(cut(PartialRange::FromFirst(1, 2)), [1, 2]);
        assert_eq!(cut(PartialRange::FromFirst(4, 9)), [4, 5]);
        assert_eq!(cut(PartialRange::FromFirst(6, 9)), [0; 0]);
        assert_eq!(cut(PartialRange::FromLast(1, 2)), [4, 5]);
        assert_eq!(cut(PartialRange::FromLast(9, 5)), [1]);
        assert_eq!(cut(PartialRange::FromLast(6, 9)), [0; 0]);
        assert_eq!(part(&[0; 0], PartialRange::FromLast(1, 1)), [0; 0]);
    }
}
