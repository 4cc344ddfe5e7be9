//! The same for POP3.

use tokio::io::{AsyncRead, AsyncWrite};

use super::Dialogue;

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    /// Reads POP3's greeting.
    pub(crate) async fn pop3(stream: S) -> Self {
        let mut dialogue = Self::raw(stream);
        let greeting = dialogue.line().await;
        assert!(greeting.starts_with("+OK"), "{greeting}");
        dialogue
    }

    /// Sends a command and gives the status line.
    pub(crate) async fn status(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n")).await;
        self.line().await
    }

    /// The same, for a command that must be carried out; what stands behind `+OK `.
    pub(crate) async fn done(&mut self, command: &str) -> String {
        let status = self.status(command).await;
        let Some(text) = status.strip_prefix("+OK") else { panic!("{command}: {status}") };
        text.trim_start().to_owned()
    }

    /// Sends a command that must be carried out, and gives the lines behind the status, without the dot.
    pub(crate) async fn lines(&mut self, command: &str) -> Vec<String> {
        self.done(command).await;
        let mut lines = Vec::new();
        loop {
            match self.line().await {
                line if line == "." => return lines,
                line => lines.push(line),
            }
        }
    }

    /// Logs in by USER and PASS.
    pub(crate) async fn log_in(&mut self, user: &str, password: &str) {
        self.done(&format!("USER {user}")).await;
        self.done(&format!("PASS {password}")).await;
    }
}
