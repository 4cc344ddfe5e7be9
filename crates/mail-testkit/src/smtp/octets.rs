//! What comes of a message, octet by octet.

use bytes::{Bytes, BytesMut};

/// A message's octets, as far as they came. Of one that is too large no more than the size is kept.
#[derive(Debug, Default)]
pub(super) struct Content {
    pieces: Vec<Bytes>,
    pub(super) octets: u64,
    /// A CR or LF stood alone in what came by DATA.
    pub(super) lone_line_break: bool,
}

impl Content {
    pub(super) fn push(&mut self, piece: Bytes, limit: Option<u64>) {
        self.octets += piece.len() as u64;
        if limit.is_some_and(|limit| self.octets > limit) {
            self.pieces = Vec::new();
        } else {
            self.pieces.push(piece);
        }
    }

    pub(super) fn join(self) -> Bytes {
        match <[Bytes; 1]>::try_from(self.pieces) {
            Ok([piece]) => piece,
            Err(pieces) => {
                let mut message = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
                pieces.iter().for_each(|piece| message.extend_from_slice(piece));
                message.freeze()
            }
        }
    }
}
