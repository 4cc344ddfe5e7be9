//! A client that says what it is told, byte for byte.

#![allow(dead_code, reason = "each test file uses some of it")]

mod pop3;
mod smtp;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// No answer is worth a longer wait; under paused time it passes at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A dialogue with the server over any stream.
pub(crate) struct Dialogue<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    /// Reads the greeting.
    pub(crate) async fn open(stream: S) -> Self {
        let mut dialogue = Self { stream, buffer: Vec::new() };
        let greeting = dialogue.line().await;
        assert!(greeting.starts_with("* OK"), "{greeting}");
        dialogue
    }

    /// Without reading anything.
    pub(crate) fn raw(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Sends text as it is.
    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// One line, without its end; literals aren't looked for.
    pub(crate) async fn line(&mut self) -> String {
        String::from_utf8_lossy(&self.octet_line().await).into_owned()
    }

    /// The same in octets.
    pub(crate) async fn octet_line(&mut self) -> Vec<u8> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer[..end].to_vec();
                self.buffer.drain(..end + 2);
                return line;
            }
            assert!(
                self.more().await > 0,
                "the server closed after {:?}",
                self.buffer.escape_ascii().to_string()
            );
        }
    }

    /// So many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await > 0, "the server closed after {} octets", self.buffer.len());
        }
        self.buffer.drain(..count).collect()
    }

    /// All up to the line that begins with the tag, which is the last.
    pub(crate) async fn until(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let done = line.starts_with(&format!("{tag} "));
            lines.push(line);
            if done {
                return lines;
            }
        }
    }

    /// Sends a command with the tag `x` and gives what comes back, the tagged line last.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(format!("x {command}\r\n")).await;
        self.until("x").await
    }

    /// The same, for a command that must be carried out.
    pub(crate) async fn ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.command(command).await;
        assert!(lines.last().unwrap().starts_with("x OK"), "{command}: {lines:#?}");
        lines
    }

    /// The tagged line alone.
    pub(crate) async fn result(&mut self, command: &str) -> String {
        self.command(command).await.pop().unwrap()
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// The stream itself, to write to a server that may have closed.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, without what was read ahead.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    async fn more(&mut self) -> usize {
        let mut piece = [0; 16 * 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut piece)).await;
        // A connection that is reset has ended too.
        let count = read.expect("the server said nothing").unwrap_or(0);
        self.buffer.extend_from_slice(&piece[..count]);
        count
    }
}
