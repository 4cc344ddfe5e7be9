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
    is_wanted: bool,
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
        Self { known, rest, is_wanted: false }
    }

    /// The server waits for it.
    pub(super) fn open(&mut self) {
        self.is_wanted = true;
        if let Some(rest) = &mut self.rest {
            rest.open();
        }
    }

    /// Hands on what there is, as far as the session has room.
    pub(super) fn pass_on(&mut self, session: &mut Session, cx: &mut Context<'_>) -> Progress {
        let mut progress = Progress::Wait;
        while self.is_wanted && session.body_room() > 0 {
            match self.poll_next(cx) {
                Poll::Pending => break,
                Poll::Ready(Some(Piece::Bytes(bytes))) => session.write_body(bytes),
                Poll::Ready(Some(Piece::End)) => {
                    self.is_wanted = false;
                    session.finish_body();
                }
                Poll::Ready(None) => {
                    self.is_wanted = false;
                    return Progress::Broken;
                }
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
