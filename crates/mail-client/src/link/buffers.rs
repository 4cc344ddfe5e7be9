//! Large read buffers, used again: the one that was read into last still lies in the processor's cache, and memory that
//! the system has to clear first costs about as much as what is read into it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// How many are kept at most.
const KEPT: usize = 8;

/// Buffers of one size that a connection has read into. Whoever has anything of what lies in one keeps it: it is used
/// again once nobody has.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// An empty piece of each, the oldest first.
    used: VecDeque<Bytes>,
}

impl Buffers {
    /// An empty buffer that nobody else has, with room for at least `size` bytes: always the same.
    pub(super) fn take(&mut self, size: usize) -> BytesMut {
        let free = self.used.iter().rposition(Bytes::is_unique).and_then(|at| self.used.remove(at));
        let free = free.and_then(|piece| piece.try_into_mut().ok());
        let mut buffer = free.unwrap_or_else(|| BytesMut::with_capacity(size));
        if self.used.len() == KEPT {
            // Somebody keeps what lies in it, and may do so for long.
            self.used.pop_front();
        }
        self.used.push_back(buffer.split_to(0).freeze());
        buffer
    }

    /// Gives them all back.
    pub(super) fn clear(&mut self) {
        self.used = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 1000;

    /// Takes one, and fills it with this byte. Gives where it lies and what lies in it.
    fn fill(buffers: &mut Buffers, byte: u8) -> (*const u8, Bytes) {
        let mut buffer = buffers.take(SIZE);
        assert!(buffer.is_empty() && buffer.capacity() >= SIZE);
        let at = buffer.as_ptr();
        buffer.extend_from_slice(&[byte; SIZE]);
        assert_eq!(buffer.as_ptr(), at);
        (at, buffer.split_to(SIZE / 2).freeze())
    }

    #[test]
    fn a_buffer_is_used_again_once_nobody_has_anything_of_it() {
        let mut buffers = Buffers::default();
        let (first, kept) = fill(&mut buffers, 1);
        let (second, other) = fill(&mut buffers, 2);
        assert_ne!(first, second);
        let slice = kept.slice(3..4);
        drop(kept);
        let (third, _) = fill(&mut buffers, 3);
        assert!(third != first && third != second);
        assert_eq!(slice, [1][..]);
        drop((slice, other));
        assert_eq!(fill(&mut buffers, 4).0, third, "the last is the one in the cache");
    }

    #[test]
    fn buffers_that_callers_keep_are_let_go() {
        let mut buffers = Buffers::default();
        let all: Vec<_> = (0..20).map(|byte| (byte, fill(&mut buffers, byte).1)).collect();
        assert_eq!(buffers.used.len(), KEPT);
        assert!(all.iter().all(|(byte, kept)| kept.iter().all(|found| found == byte)));
        drop(all);
        assert!(buffers.used.iter().all(Bytes::is_unique));
        buffers.clear();
        assert!(buffers.used.is_empty());
    }
}
