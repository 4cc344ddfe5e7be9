//! The text of a message on its way to the session: what is known of it, and what its caller reads still.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use bytes::Bytes;
use mail_proto::smtp::client::Session;

use crate::link::{Intake, Piece};

/// So much is given to the session at a time.
const AT_ONCE: usize = 64 << 10;

/// What is to be written of a message.
#[derive(Debug)]
pub(in crate::smtp) struct Text {
    known: VecDeque<Bytes>,
    rest: Option<Intake>,
}

/// How far the session has got with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There was more of it, which is to be written now.
    More,
    /// It can't take more, or there is none yet.
    Wait,
    /// Its source failed, or its caller is gone: it has no end.
    Broken,
}

impl Text {
    pub(in crate::smtp) fn new(known: VecDeque<Bytes>, rest: Option<Intake>) -> Self {
        Self { known, rest }
    }

    /// The server waits for it.
    pub(super) fn open(&mut self) {
        if let Some(rest) = &mut self.rest {
            rest.open();
        }
    }

    /// Hands on what there is, as far as the session has room: none before the server asks for it, or behind its end.
    pub(super) fn pass_on(&mut self, session: &mut Session, cx: &mut Context<'_>) -> Progress {
        let mut progress = Progress::Wait;
        while session.body_room() > 0 {
            match self.poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Piece::Bytes(bytes))) => session.write_body(bytes),
                Poll::Ready(Some(Piece::End)) => session.finish_body(),
                Poll::Ready(None) => return Progress::Broken,
            }
            progress = Progress::More;
        }
        progress
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if let Some(mut bytes) = self.known.pop_front() {
            if bytes.len() > AT_ONCE {
                self.known.push_front(bytes.split_off(AT_ONCE));
            }
            return Poll::Ready(Some(Piece::Bytes(bytes)));
        }
        match &mut self.rest {
            Some(rest) => rest.pieces.poll_recv(cx),
            None => Poll::Ready(Some(Piece::End)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn what_is_known_is_given_in_pieces_never_empty_and_never_large() {
        for len in [1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE] {
            let mut text = Text::new([Bytes::from(vec![b'x'; len])].into(), None);
            let mut pieces = Vec::new();
            while let Poll::Ready(Some(Piece::Bytes(bytes))) =
                text.poll_next(&mut Context::from_waker(Waker::noop()))
            {
                assert!((1..=AT_ONCE).contains(&bytes.len()));
                pieces.push(bytes);
            }
            assert_eq!((pieces.concat().len(), pieces.len()), (len, len.div_ceil(AT_ONCE)));
        }
    }
}
