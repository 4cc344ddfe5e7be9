//! Lines of waiters: first in, first out, with removal from anywhere in constant time.
//!
//! All waiters of a pool live in one [`Arena`]; a [`Line`] threads some of them into an order. A key
//! that outlives its waiter finds nothing, since every place in the arena counts its tenants.

const NONE: u32 = u32::MAX;

/// Names one waiter for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    tenant: u32,
}

#[derive(Debug)]
struct Node<T> {
    value: Option<T>,
    tenant: u32,
    prev: u32,
    next: u32,
}

#[derive(Debug)]
pub(crate) struct Arena<T> {
    nodes: Vec<Node<T>>,
    vacant: Vec<u32>,
}

/// The order of some of an arena's waiters.
#[derive(Debug)]
pub(crate) struct Line {
    head: u32,
    tail: u32,
    len: usize,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new(), vacant: Vec::new() }
    }

    /// How many live in the arena, in whatever line or in none.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - self.vacant.len()
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        if let Some(index) = self.vacant.pop() {
            let node = &mut self.nodes[index as usize];
            node.value = Some(value);
            return Key { index, tenant: node.tenant };
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(Node { value: Some(value), tenant: 0, prev: NONE, next: NONE });
        Key { index, tenant: 0 }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let node = self.nodes.get(key.index as usize)?;
        if node.tenant == key.tenant { node.value.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let node = self.nodes.get_mut(key.index as usize)?;
        if node.tenant == key.tenant { node.value.as_mut() } else { None }
    }

    /// Takes a waiter out of the arena. It must stand in no line any more.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let node = self.nodes.get_mut(key.index as usize)?;
        if node.tenant != key.tenant {
            return None;
        }
        let value = node.value.take()?;
        node.tenant = node.tenant.wrapping_add(1);
        self.vacant.push(key.index);
        Some(value)
    }

    pub(crate) fn push_back(&mut self, line: &mut Line, key: Key) {
        let index = key.index;
        let tail = line.tail;
        let node = &mut self.nodes[index as usize];
        node.prev = tail;
        node.next = NONE;
        if tail == NONE {
            line.head = index;
        } else {
            self.nodes[tail as usize].next = index;
        }
        line.tail = index;
        line.len += 1;
    }

    /// Puts a waiter before the first for which `later` holds.
    pub(crate) fn insert_before(&mut self, line: &mut Line, key: Key, mut later: impl FnMut(&T) -> bool) {
        let mut at = line.head;
        while at != NONE && !self.nodes[at as usize].value.as_ref().is_some_and(&mut later) {
            at = self.nodes[at as usize].next;
        }
        if at == NONE {
            return self.push_back(line, key);
        }
        let prev = self.nodes[at as usize].prev;
        let node = &mut self.nodes[key.index as usize];
        node.prev = prev;
        node.next = at;
        self.nodes[at as usize].prev = key.index;
        if prev == NONE {
            line.head = key.index;
        } else {
            self.nodes[prev as usize].next = key.index;
        }
        line.len += 1;
    }

    /// Takes a waiter out of the line that it stands in, wherever in it.
    pub(crate) fn unlink(&mut self, line: &mut Line, key: Key) {
        let (prev, next) = {
            let node = &mut self.nodes[key.index as usize];
            let around = (node.prev, node.next);
            node.prev = NONE;
            node.next = NONE;
            around
        };
        if prev == NONE {
            line.head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NONE {
            line.tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
        line.len -= 1;
    }

    pub(crate) fn front(&self, line: &Line) -> Option<Key> {
        self.key_at(line.head)
    }

    /// The one behind `key` in its line.
    pub(crate) fn after(&self, key: Key) -> Option<Key> {
        self.key_at(self.nodes[key.index as usize].next)
    }

    fn key_at(&self, index: u32) -> Option<Key> {
        (index != NONE).then(|| Key { index, tenant: self.nodes[index as usize].tenant })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(arena: &Arena<u32>, line: &Line) -> Vec<u32> {
        let mut seen = Vec::new();
        let mut at = arena.front(line);
        while let Some(key) = at {
            seen.push(*arena.get(key).unwrap());
            at = arena.after(key);
        }
        assert_eq!(seen.len(), line.len());
        seen
    }

    #[test]
    fn leaves_from_anywhere_and_returns_to_its_place() {
        let mut arena = Arena::new();
        let mut line = Line::new();
        let keys: Vec<Key> = (0..5).map(|n| arena.insert(n)).collect();
        for key in &keys {
            arena.push_back(&mut line, *key);
        }
        for gone in [2, 0, 4] {
            arena.unlink(&mut line, keys[gone]);
        }
        assert_eq!(order(&arena, &line), [1, 3]);
        for back in [4, 0, 2] {
            arena.insert_before(&mut line, keys[back], |other| *other > back as u32);
        }
        assert_eq!(order(&arena, &line), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_key_never_finds_the_next_tenant() {
        let mut arena = Arena::new();
        let old = arena.insert(1);
        assert_eq!(arena.remove(old), Some(1));
        let new = arena.insert(2);
        assert_eq!(arena.get(old), None);
        assert_eq!(arena.remove(old), None);
        assert_eq!(arena.get(new), Some(&2));
        assert_eq!(arena.len(), 1);
    }
}
