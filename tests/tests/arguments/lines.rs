//! A POP3 or SMTP server that notes down each line, octet by octet, and what is wrong with it.

use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use mail_client::transport::{BoxIo, Connector, Error, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Pop3,
    /// With these keywords.
    Smtp(&'static [&'static str]),
}

/// What came over all connections: commands, and messages as they came, without the final dot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) commands: Vec<Vec<u8>>,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) wrong: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Lines {
    kind: Kind,
    heard: Arc<Mutex<Heard>>,
}

impl Lines {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, heard: Arc::default() }
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    async fn serve(self, mut io: DuplexStream) -> std::io::Result<()> {
        let greeting: &[u8] = match self.kind {
            Kind::Pop3 => b"+OK <1.2@mail.example.org>\r\n",
            Kind::Smtp(_) => b"220 mail.example.org\r\n",
        };
        io.write_all(greeting).await?;
        let mut unread = Vec::new();
        // What ends what is read now: a line, or a message.
        let mut is_message = false;
        loop {
            let end: &[u8] = if is_message { b"\r\n.\r\n" } else { b"\r\n" };
            let Some(at) = unread.windows(end.len()).position(|part| part == end) else {
                let mut piece = [0; 4096];
                let len = io.read(&mut piece).await?;
                if len == 0 {
                    return Ok(());
                }
                unread.extend_from_slice(&piece[..len]);
                continue;
            };
            let said: Vec<u8> = unread.drain(..at + end.len()).take(at).collect();
            let answer = if is_message { self.note_message(said) } else { self.note_command(said) };
            is_message = !is_message && answer.starts_with("354");
            if is_message {
                // So that an empty one ends like all others.
                unread.splice(0..0, *b"\r\n");
            }
            io.write_all(answer.as_bytes()).await?;
        }
    }

    fn note_message(&self, message: Vec<u8>) -> String {
        let mut heard = self.heard.lock().unwrap();
        let lone = message.iter().enumerate().any(|(at, byte)| match byte {
            b'\r' => message.get(at + 1) != Some(&b'\n'),
            b'\n' => at == 0 || message[at - 1] != b'\r',
            _ => false,
        });
        // The CR of one that ends in a line end is part of the message's end.
        if lone && message != b"\r" {
            heard.wrong.push("a line break that stands alone".to_owned());
        }
        heard.messages.push(message);
        "250 queued\r\n".to_owned()
    }

    fn note_command(&self, line: Vec<u8>) -> String {
        let mut heard = self.heard.lock().unwrap();
        let takes_utf8 = match self.kind {
            Kind::Pop3 => true,
            Kind::Smtp(keywords) => keywords.contains(&"SMTPUTF8"),
        };
        let is_bad = |byte: &&u8| matches!(**byte, 0 | b'\r' | b'\n') || !takes_utf8 && !byte.is_ascii();
        if let Some(bad) = line.iter().find(is_bad) {
            heard.wrong.push(format!("octet {bad} in {}", line[..line.len().min(100)].escape_ascii()));
        }
        let word = String::from_utf8_lossy(line.split(|byte| *byte == b' ').next().unwrap_or_default())
            .to_ascii_uppercase();
        let answer = match (self.kind, &*word) {
            (Kind::Pop3, "CAPA") => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nLANG\r\nUTF8 USER\r\n.\r\n".to_owned(),
            (
                Kind::Pop3,
                "APOP" | "AUTH" | "USER" | "PASS" | "LANG" | "UTF8" | "NOOP" | "RSET" | "QUIT" | "STAT",
            ) => "+OK\r\n".to_owned(),
            (Kind::Smtp(keywords), "EHLO") => {
                let keywords: String = keywords.iter().map(|keyword| format!("250-{keyword}\r\n")).collect();
                format!("250-hello\r\n{keywords}250 AUTH PLAIN LOGIN\r\n")
            }
            (Kind::Smtp(_), "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" | "VRFY") => "250 ok\r\n".to_owned(),
            (Kind::Smtp(_), "AUTH") => "235 in\r\n".to_owned(),
            (Kind::Smtp(_), "DATA") => "354 go\r\n".to_owned(),
            (Kind::Smtp(_), "QUIT") => "221 bye\r\n".to_owned(),
            (Kind::Pop3, _) => {
                heard.wrong.push(format!("no command: {}", line.escape_ascii()));
                "-ERR what?\r\n".to_owned()
            }
            (Kind::Smtp(_), _) => {
                heard.wrong.push(format!("no command: {}", line.escape_ascii()));
                "500 what?\r\n".to_owned()
            }
        };
        heard.commands.push(line);
        answer
    }
}

impl Connector for Lines {
    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        let (ours, theirs) = duplex(1 << 16);
        let lines = self.clone();
        tokio::spawn(async move { lines.serve(theirs).await });
        Box::pin(async move { Ok(Box::new(ours) as BoxIo) })
    }
}
