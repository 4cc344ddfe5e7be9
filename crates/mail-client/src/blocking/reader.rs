//! Content that comes in pieces, as [`Read`](io::Read).

use std::{
    future::Future,
    io::{self, BufRead, Read},
};

use bytes::Bytes;

use super::wait::wait_for_piece;
use crate::error::Result;

/// What was taken from a reader's sister, and not read yet.
pub(super) type Unread = Bytes;

/// What is unread, or the next piece that comes.
#[track_caller]
pub(super) fn chunk(
    unread: &mut Unread,
    next: impl Future<Output = Result<Option<Bytes>>>,
) -> Result<Option<Bytes>> {
    if unread.is_empty() { wait_for_piece(next)? } else { Ok(Some(std::mem::take(unread))) }
}

/// Sees to it that something is unread, unless there is no more.
#[track_caller]
pub(super) fn fill(
    unread: &mut Unread,
    next: impl Future<Output = Result<Option<Bytes>>>,
) -> io::Result<&[u8]> {
    if unread.is_empty()
        && let Some(chunk) = wait_for_piece(next).flatten().map_err(io::Error::other)?
    {
        *unread = chunk;
    }
    Ok(unread)
}

/// Reads from what is unread.
#[track_caller]
pub(super) fn read(reader: &mut impl BufRead, buf: &mut [u8]) -> io::Result<usize> {
    if buf.is_empty() {
        return Ok(0);
    }
    let len = reader.fill_buf()?.read(buf)?;
    reader.consume(len);
    Ok(len)
}
