//! Where the bytes of a message come from.

use std::{
    io,
    pin::{Pin, pin},
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The bytes of a message.
pub(super) enum Content {
    Bytes(Bytes),
    Pieces {
        pieces: Pieces,
        /// How many bytes they are together, if that was told.
        len: Option<u64>,
    },
}

/// A message that is read as it is sent.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// How much is read of a message at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// What a reader gives, piece by piece.
pub(super) fn pieces_of(reader: impl AsyncRead + Send + 'static) -> Pieces {
    Box::pin(stream::try_unfold(Box::pin(reader), |mut reader| async {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let len = reader.read_buf(&mut chunk).await?;
        Ok((len > 0).then(|| (chunk.freeze(), reader)))
    }))
}

/// The next piece that has anything in it.
pub(super) async fn next_piece(pieces: &mut Pieces) -> io::Result<Option<Bytes>> {
    while let Some(piece) = pin!(&mut *pieces).next().await {
        let piece = piece?;
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}
