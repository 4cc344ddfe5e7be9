//! A bare IMAP connection, in the clear, for putting a server into a state: no client of ours takes part.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::servers::Info;

/// A connection on which somebody is logged in.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    tag: u32,
    /// Commands that were sent and not yet answered.
    unanswered: u32,
}

impl Wire {
    /// Connects and logs in as the server's user.
    ///
    /// # Errors
    /// The connection fails, is silent for a minute, or the server refuses.
    pub fn log_in(server: &Info) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", server.ports["imap"]))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        let mut wire = Self { stream: BufReader::new(stream), tag: 0, unanswered: 0 };
        let greeting = wire.line()?;
        if !greeting.starts_with(b"* OK") {
            return Err(refused(&greeting));
        }
        wire.command(format!("LOGIN {} {}", server.user, server.password).as_bytes())?;
        Ok(wire)
    }

    /// Sends a command without tag and line end; gives the untagged lines that came before its OK. Only for commands
    /// whose answers have no literals.
    ///
    /// # Errors
    /// The connection fails, or the answer is NO or BAD.
    pub fn command(&mut self, command: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.send(&[command, b"\r\n"])?;
        self.answers()
    }

    /// Sends an APPEND of a message, by LITERAL+, without waiting for the answer: [`answers`](Self::answers).
    ///
    /// # Errors
    /// The connection fails.
    pub fn append(&mut self, mailbox: &str, flags: &str, date: &str, message: &[u8]) -> io::Result<()> {
        let literal = format!("{{{}+}}\r\n", message.len());
        let head = format!("APPEND {} ({flags}) \"{date}\" {literal}", quoted(mailbox));
        self.send(&[head.as_bytes(), message, b"\r\n"])
    }

    /// Reads the answers to everything sent so far, and gives the untagged lines.
    ///
    /// # Errors
    /// The connection fails, or an answer is NO or BAD.
    pub fn answers(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut untagged = Vec::new();
        while self.unanswered > 0 {
            let line = self.line()?;
            if line.starts_with(b"* ") {
                untagged.push(line);
                continue;
            }
            self.unanswered -= 1;
            if line.split(|&byte| byte == b' ').nth(1) != Some(b"OK") {
                return Err(refused(&line));
            }
        }
        Ok(untagged)
    }

    fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.tag += 1;
        self.unanswered += 1;
        let stream = self.stream.get_mut();
        write!(stream, "w{} ", self.tag)?;
        parts.iter().try_for_each(|part| stream.write_all(part))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.pop_if(|byte| *byte == b'\r');
        Ok(line)
    }
}

/// A mailbox name as a quoted string.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

fn refused(line: &[u8]) -> io::Error {
    io::Error::other(format!("the server says {}", line.escape_ascii()))
}
