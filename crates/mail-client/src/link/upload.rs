//! Messages that are uploaded piece by piece: from the caller, who reads them, to the task, which writes them.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// A piece of a message that is uploaded.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// The message is complete.
    End,
}

/// The caller's end: what is to be written goes in. Dropping it before its last message's end cuts the connection, if
/// the message has begun.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) pieces: mpsc::Sender<Piece>,
    /// Says that the first message is wanted. Until then nothing needs to be read of it.
    pub(crate) wanted: oneshot::Receiver<()>,
}

/// The task's end.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) pieces: mpsc::Receiver<Piece>,
    wanted: Option<oneshot::Sender<()>>,
    /// Whether the session wants a message now.
    pub(crate) is_open: bool,
}

/// How many pieces may lie between the two.
const UNDER_WAY: usize = 4;

/// A way for messages from a caller to a connection's task.
pub(crate) fn feed() -> (Feed, Intake) {
    let (sender, pieces) = mpsc::channel(UNDER_WAY);
    let (ask, wanted) = oneshot::channel();
    (Feed { pieces: sender, wanted }, Intake { pieces, wanted: Some(ask), is_open: false })
}

impl Intake {
    /// The session wants the next message.
    pub(crate) fn open(&mut self) {
        self.is_open = true;
        if let Some(wanted) = self.wanted.take() {
            // A caller that is gone is noticed by what it doesn't give.
            let _ = wanted.send(());
        }
    }
}
