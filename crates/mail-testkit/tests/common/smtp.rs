//! The same for SMTP.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Dialogue;

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    /// Reads SMTP's greeting.
    pub(crate) async fn smtp(stream: S) -> Self {
        let mut dialogue = Self::raw(stream);
        let greeting = dialogue.reply().await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        dialogue
    }

    /// A reply; the lines of one that has several are joined by LF.
    pub(crate) async fn reply(&mut self) -> String {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if is_last {
                return lines.join("\n");
            }
        }
    }

    /// Sends a command and gives its reply.
    pub(crate) async fn asks(&mut self, command: impl AsRef<str>) -> String {
        self.send(format!("{}\r\n", command.as_ref())).await;
        self.reply().await
    }

    /// Sends commands one by one, each of which is to get a reply that begins so.
    pub(crate) async fn gets(&mut self, commands: &[(&str, &str)]) {
        for (command, begin) in commands {
            let reply = self.asks(command).await;
            assert!(reply.starts_with(begin), "{command}: {reply}, not {begin}");
        }
    }

    /// Says EHLO and logs in as alice.
    pub(crate) async fn submitter(stream: S) -> Self {
        let mut dialogue = Self::smtp(stream).await;
        dialogue.gets(&[("EHLO here", "250-"), ("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 2.7.0 ")]).await;
        dialogue
    }
}
