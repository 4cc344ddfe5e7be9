//! What is written at once: small pieces together, large ones as they are, very large ones in several.

use bytes::{Bytes, BytesMut};

/// Pieces below this size are written together.
const JOIN_BELOW: usize = 16 * 1024;

/// Pieces above this size are written in several, so that what counts as written soon is.
const WRITTEN_AT_ONCE: usize = 256 * 1024;

/// A queue of pieces to be written.
pub(crate) trait Pieces {
    /// Takes the next piece that may be written, which then counts as written.
    fn take_piece(&mut self) -> Option<Bytes>;

    /// The next piece that may be written.
    fn peek_piece(&mut self) -> Option<&Bytes>;

    /// What may be written now.
    fn transmit(&mut self) -> Option<Bytes> {
        let first = self.take_piece()?;
        if first.len() >= JOIN_BELOW || !self.is_small() {
            return Some(first);
        }
        let mut joined = BytesMut::from(&first[..]);
        while joined.len() < JOIN_BELOW && self.is_small() {
            let Some(piece) = self.take_piece() else { break };
            joined.extend_from_slice(&piece);
        }
        Some(joined.freeze())
    }

    /// Whether the next piece is there and small.
    fn is_small(&mut self) -> bool {
        self.peek_piece().is_some_and(|piece| piece.len() < JOIN_BELOW)
    }
}

/// The head of a piece that is too large to be written at once.
pub(crate) fn head(piece: &mut Bytes) -> Option<Bytes> {
    (piece.len() > WRITTEN_AT_ONCE).then(|| piece.split_to(WRITTEN_AT_ONCE))
}
