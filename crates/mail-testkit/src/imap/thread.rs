//! THREAD: which message answers which (RFC 5256 section 3).

use std::collections::{HashMap, HashSet};

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{SearchKey, Status, ThreadAlgorithm, Threads};

use super::selected::{Numbers, Selected};
use super::{Session, done, query, sort};
use crate::mime::{self, BaseSubject};
use crate::store::{Account, Entry};

impl Session<'_> {
    pub(super) fn thread(
        &mut self,
        account: &Account,
        selected: &Selected,
        uid: bool,
        algorithm: &ThreadAlgorithm,
        key: &SearchKey,
    ) -> Status {
        if let Some(refused) = self.refuses_search(account, selected, key) {
            return refused;
        }
        let found = query::find_entries(account, selected, key);
        let letters: Vec<Letter> =
            found.iter().map(|(numbers, entry)| Letter::of(*numbers, entry, uid)).collect();
        let forest = match algorithm {
            ThreadAlgorithm::OrderedSubject => Forest::by_subject(letters),
            ThreadAlgorithm::References => Forest::by_references(letters).joined_by_subject(),
            _ => Forest::by_references(letters),
        };
        self.say(Untagged::Thread(forest.told()));
        done()
    }
}

/// Of a message, what threads are made of.
struct Letter {
    number: u32,
    sent_at: i64,
    subject: BaseSubject,
    id: Option<Vec<u8>>,
    /// What it refers to, the oldest first.
    references: Vec<Vec<u8>>,
}

impl Letter {
    fn of(numbers: Numbers, entry: &Entry, uid: bool) -> Self {
        let (header, _) = mime::split(&entry.body);
        let field = |name: &[u8]| mime::values(&header, name).next().unwrap_or_default();
        let ids = |name: &[u8]| mime::message_ids(&field(name)).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let mut references = ids(b"References");
        if references.is_empty() {
            references = ids(b"In-Reply-To").into_iter().take(1).collect();
        }
        Self {
            number: if uid { numbers.uid } else { numbers.seq },
            sent_at: sort::sent_at(entry),
            subject: BaseSubject::of(&field(b"Subject")),
            id: ids(b"Message-ID").into_iter().next(),
            references,
        }
    }
}

/// Messages, some of which may be missing, and which of them are below which.
#[derive(Default)]
struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

#[derive(Default)]
struct Node {
    /// None for a message that others refer to and nobody has.
    letter: Option<Letter>,
    parent: Option<usize>,
    children: Vec<usize>,
}

impl Forest {
    fn add(&mut self, letter: Option<Letter>) -> usize {
        self.nodes.push(Node { letter, ..Node::default() });
        self.nodes.len() - 1
    }

    /// ORDEREDSUBJECT: the first of a subject, and all others of it below.
    fn by_subject(mut letters: Vec<Letter>) -> Self {
        letters.sort_by_key(|letter| (letter.sent_at, letter.number));
        let mut forest = Self::default();
        let mut first: HashMap<String, usize> = HashMap::new();
        for letter in letters {
            let subject = letter.subject.text.clone();
            let node = forest.add(Some(letter));
            match first.get(&subject) {
                Some(root) => forest.nodes[*root].children.push(node),
                None => {
                    first.insert(subject, node);
                    forest.roots.push(node);
                }
            }
        }
        forest
    }

    /// REFERENCES, steps 1 to 4.
    fn by_references(letters: Vec<Letter>) -> Self {
        let mut forest = Self::default();
        let mut by_id: HashMap<Vec<u8>, usize> = HashMap::new();
        for letter in letters {
            let references: Vec<usize> = letter
                .references
                .iter()
                .map(|id| *by_id.entry(id.clone()).or_insert_with(|| forest.add(None)))
                .collect();
            let node = match letter.id.clone() {
                Some(id) => match by_id.get(&id).copied() {
                    Some(known) if forest.nodes[known].letter.is_none() => {
                        forest.nodes[known].letter = Some(letter);
                        known
                    }
                    // The id of another message is no id.
                    Some(_) => forest.add(Some(letter)),
                    None => {
                        let node = forest.add(Some(letter));
                        by_id.insert(id, node);
                        node
                    }
                },
                None => forest.add(Some(letter)),
            };
            for pair in references.windows(2) {
                if forest.nodes[pair[1]].parent.is_none() {
                    forest.link(pair[1], pair[0]);
                }
            }
            if let Some(parent) = references.last() {
                // What a message says of itself counts more than what others said of it.
                forest.nodes[node].parent = None;
                forest.link(node, *parent);
            }
        }
        forest.gathered()
    }

    /// Makes one the parent of the other, unless that makes a circle.
    fn link(&mut self, child: usize, parent: usize) {
        let mut above = Some(parent);
        while let Some(node) = above {
            if node == child {
                return;
            }
            above = self.nodes[node].parent;
        }
        self.nodes[child].parent = Some(parent);
    }

    /// Children by their parents; missing messages are kept only at the top, where they hold several together.
    fn gathered(mut self) -> Self {
        for node in 0..self.nodes.len() {
            if self.nodes[node].letter.is_none() {
                continue;
            }
            let mut above = self.nodes[node].parent;
            let mut top = None;
            while let Some(parent) = above.filter(|parent| self.nodes[*parent].letter.is_none()) {
                top = Some(parent);
                above = self.nodes[parent].parent;
            }
            match above.or(top) {
                Some(parent) => self.nodes[parent].children.push(node),
                None => self.roots.push(node),
            }
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].letter.is_some() {
                continue;
            }
            match self.nodes[node].children.as_slice() {
                [] => {}
                [only] => {
                    self.roots.push(*only);
                    self.nodes[node].children.clear();
                }
                _ => self.roots.push(node),
            }
        }
        self
    }

    /// REFERENCES, step 5: threads of one subject become one.
    fn joined_by_subject(mut self) -> Self {
        self.sort();
        let mut by_subject: HashMap<String, usize> = HashMap::new();
        for root in &self.roots {
            let Some(subject) = self.subject(*root) else { continue };
            let known = *by_subject.entry(subject.text.clone()).or_insert(*root);
            let known_is_reply = self.subject(known).is_some_and(|known| known.is_reply);
            let is_missing = |node: usize| self.nodes[node].letter.is_none();
            if !is_missing(known) && (is_missing(*root) || known_is_reply && !subject.is_reply) {
                by_subject.insert(subject.text.clone(), *root);
            }
        }
        let mut roots = Vec::new();
        for root in std::mem::take(&mut self.roots) {
            let subject = self.subject(root).cloned();
            let target = subject.as_ref().and_then(|subject| by_subject.get(&subject.text).copied());
            let (Some(subject), Some(target)) = (subject, target.filter(|target| *target != root)) else {
                roots.push(root);
                continue;
            };
            let target_is_reply = self.subject(target).is_some_and(|target| target.is_reply);
            match (self.nodes[target].letter.is_none(), self.nodes[root].letter.is_none()) {
                (true, true) => {
                    let children = std::mem::take(&mut self.nodes[root].children);
                    self.nodes[target].children.extend(children);
                }
                (true, false) => self.nodes[target].children.push(root),
                (false, false) if subject.is_reply && !target_is_reply => {
                    self.nodes[target].children.push(root);
                }
                _ => {
                    let both = self.add(None);
                    self.nodes[both].children = vec![target, root];
                    by_subject.insert(subject.text, both);
                    match roots.iter_mut().find(|root| **root == target) {
                        Some(place) => *place = both,
                        None => roots.push(both),
                    }
                }
            }
        }
        // A thread that was joined before its turn isn't one of its own any more.
        let below: HashSet<usize> =
            self.nodes.iter().flat_map(|node| node.children.iter().copied()).collect();
        roots.retain(|root| !below.contains(root));
        self.roots = roots;
        self
    }

    /// The subject of a thread, if it has one.
    fn subject(&self, root: usize) -> Option<&BaseSubject> {
        let node = &self.nodes[root];
        let letter = node.letter.as_ref().or_else(|| self.nodes[*node.children.first()?].letter.as_ref())?;
        Some(&letter.subject).filter(|subject| !subject.text.is_empty())
    }

    /// By when a message was sent; a missing one counts as its first answer.
    fn age(&self, node: usize) -> (i64, u32) {
        let children = self.nodes[node].children.iter();
        let letters = self.nodes[node]
            .letter
            .iter()
            .chain(children.filter_map(|child| self.nodes[*child].letter.as_ref()));
        let own = self.nodes[node].letter.is_some();
        let ages =
            letters.take(if own { 1 } else { usize::MAX }).map(|letter| (letter.sent_at, letter.number));
        ages.min().unwrap_or_default()
    }

    fn sort(&mut self) {
        for node in 0..self.nodes.len() {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.sort_by_key(|child| self.age(*child));
            self.nodes[node].children = children;
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_key(|root| self.age(*root));
        self.roots = roots;
    }

    fn told(mut self) -> Threads {
        self.sort();
        let mut threads = Threads::default();
        let mut open: Vec<(usize, Option<u32>)> = self.roots.iter().rev().map(|root| (*root, None)).collect();
        while let Some((node, parent)) = open.pop() {
            let number = self.nodes[node].letter.as_ref().map(|letter| letter.number);
            let place = threads.push(number, parent);
            open.extend(self.nodes[node].children.iter().rev().map(|child| (*child, place)));
        }
        threads
    }
}
