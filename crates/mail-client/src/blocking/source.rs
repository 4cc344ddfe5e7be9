//! Messages that are read from what blocks.

use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll, ready},
    thread,
};

use bytes::Bytes;
use mail_pool::Caller;
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
};

use crate::{imap::NewMessage, smtp::Mail};

/// How much is read at a time, in bytes, and how often ahead of what is sent.
const CHUNK: usize = 64 << 10;
const AHEAD: usize = 2;

impl NewMessage {
    /// A message that is read as it is sent, of just this many bytes, from what may block: a file, a pipe, the body of
    /// another message. If there turn out to be more or fewer, the connection is cut, so that no server keeps half a
    /// message.
    ///
    /// It is read on a thread of its own, which starts when the server wants the message, so that deadlines hold however
    /// long a read may take. It serves the async client as well.
    ///
    /// ```no_run
    /// # fn example(client: mail_client::blocking::ImapClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use mail_client::imap::NewMessage;
    ///
    /// let file = std::fs::File::open("mail.eml")?;
    /// let len = file.metadata()?.len();
    /// let stored = client.append("Archive", NewMessage::from_blocking_reader(file, len))?;
    /// println!("its UID is {:?}", stored.uid);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_blocking_reader(reader: impl Read + Send + 'static, len: u64) -> Self {
        Self::from_reader(Background::Idle(Box::new(reader)), len)
    }
}

impl Mail {
    /// A message that is read as it is sent, as [`from_reader`](Self::from_reader) has it, from what may block: a file, a
    /// pipe, the body of another message. It is read on a thread of its own, which starts when the message's turn comes,
    /// so that deadlines hold however long a read may take. It serves the async client as well.
    pub fn from_blocking_reader(reader: impl Read + Send + 'static, len: impl Into<Option<u64>>) -> Self {
        Self::from_reader(Background::Idle(Box::new(reader)), len)
    }
}

/// Reads on a thread of its own.
enum Background {
    Idle(Box<dyn Read + Send>),
    /// From the first read on.
    Reading {
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        /// What has come and was not taken yet.
        rest: Bytes,
    },
    Ended,
}

impl AsyncRead for Background {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Self::Idle(_) = &*self
            && let Self::Idle(reader) = std::mem::replace(&mut *self, Self::Ended)
        {
            *self = start(reader)?;
        }
        let Self::Reading { chunks, rest } = &mut *self else { return Poll::Ready(Ok(())) };
        if rest.is_empty() {
            match ready!(chunks.poll_recv(cx)).transpose()? {
                Some(chunk) if chunk.is_empty() => *self = Self::Ended,
                Some(chunk) => *rest = chunk,
                None => return Poll::Ready(Err(io::Error::other("its reader panicked"))),
            }
        }
        if let Self::Reading { rest, .. } = &mut *self {
            buf.put_slice(&rest.split_to(rest.len().min(buf.remaining())));
        }
        Poll::Ready(Ok(()))
    }
}

fn start(mut reader: Box<dyn Read + Send>) -> io::Result<Background> {
    let (sender, chunks) = mpsc::channel(AHEAD);
    let caller = Caller::current();
    thread::Builder::new().name("mail-client upload".into()).spawn(move || {
        // What the reader calls for it calls for whoever uploads.
        caller.run(|| {
            let mut buffer = vec![0; CHUNK];
            loop {
                let read = match reader.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let is_last = !matches!(read, Ok(1..));
                // An empty one is the end. Nobody may want it any more.
                let chunk = read.map(|len| Bytes::copy_from_slice(&buffer[..len]));
                if sender.blocking_send(chunk).is_err() || is_last {
                    return;
                }
            }
        });
    })?;
    Ok(Background::Reading { chunks, rest: Bytes::new() })
}
