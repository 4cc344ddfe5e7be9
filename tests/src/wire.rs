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
    /// Whether literals may be sent unasked.
    literals_unasked: bool,
}

impl Wire {
    /// Connects and logs in as the server's user.
    ///
    /// # Errors
    /// The connection fails, is silent for a minute, or the server refuses.
    pub fn log_in(server: &Info) -> io::Result<Self> {
        Self::connect(server.ports["imap"], &server.user, &server.password)
    }

    /// Connects to a port of this machine and logs in.
    ///
    /// # Errors
    /// As [`log_in`](Self::log_in).
    pub fn connect(port: u16, user: &str, password: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        let mut wire =
            Self { stream: BufReader::new(stream), tag: 0, unanswered: 0, literals_unasked: false };
        let greeting = wire.line()?;
        if !greeting.starts_with(b"* OK") {
            return Err(refused(&greeting));
        }
        wire.command(format!("LOGIN {user} {password}").as_bytes())?;
        let told = wire.command(b"CAPABILITY")?;
        let mut words = told.iter().flat_map(|line| line.split(|&byte| byte == b' '));
        wire.literals_unasked = words.any(|word| word == b"LITERAL+");
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

    /// Sends an APPEND of a message without waiting for the answer: [`answers`](Self::answers). Where the server has no
    /// LITERAL+ it waits for that of all before it, and until the server wants the message.
    ///
    /// # Errors
    /// The connection fails; without LITERAL+ also if a command before it, or this one, is refused.
    pub fn append(&mut self, mailbox: &str, flags: &str, date: &str, message: &[u8]) -> io::Result<()> {
        let (mailbox, len) = (quoted(mailbox), message.len());
        let head = format!("APPEND {mailbox} ({flags}) \"{date}\" ");
        if self.literals_unasked {
            return self.send(&[head.as_bytes(), format!("{{{len}+}}\r\n").as_bytes(), message, b"\r\n"]);
        }
        self.answers()?;
        self.send(&[head.as_bytes(), format!("{{{len}}}\r\n").as_bytes()])?;
        let asked = self.line()?;
        if !asked.starts_with(b"+") {
            return Err(refused(&asked));
        }
        let stream = self.stream.get_mut();
        stream.write_all(message)?;
        stream.write_all(b"\r\n")
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
