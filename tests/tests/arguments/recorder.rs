//! A server that notes down each command, octet by octet, and reads it without any code of ours.

use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use mail_client::transport::{BoxIo, Connector, Error, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A command as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    /// Its name in capitals, `UID` and what follows it together.
    pub(crate) name: String,
    /// Its words, strings without their quotes and literals as they are.
    pub(crate) words: Vec<Vec<u8>>,
    /// What is wrong with it.
    pub(crate) wrong: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Recorder {
    heard: Arc<Mutex<Vec<Heard>>>,
    capabilities: &'static str,
}

impl Recorder {
    pub(crate) fn new(capabilities: &'static str) -> Self {
        Self { heard: Arc::default(), capabilities }
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    async fn serve(self, mut io: DuplexStream) -> std::io::Result<()> {
        io.write_all(format!("* OK [CAPABILITY IMAP4rev1 {}] hello\r\n", self.capabilities).as_bytes())
            .await?;
        let mut input = Input { io, unread: Vec::new(), is_over: false };
        let mut last_tag = 0;
        loop {
            let mut heard = Heard::default();
            let tag = input.command(&mut heard, self.capabilities.contains("LITERAL+")).await?;
            if input.is_over {
                if !tag.is_empty() || !heard.words.is_empty() {
                    // Cut in the middle: no server does anything about it.
                    return Ok(());
                }
                return Ok(());
            }
            let number = tag.strip_prefix('A').and_then(|number| number.parse::<u32>().ok());
            if number != Some(last_tag + 1) {
                heard.wrong.push(format!("the tag {tag:?} comes after A{last_tag}"));
            }
            last_tag += 1;
            let name = heard.name.clone();
            self.heard.lock().unwrap().push(heard);
            let data = match name.as_str() {
                "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 {}\r\n", self.capabilities),
                "AUTHENTICATE" => {
                    input.io.write_all(b"+ \r\n").await?;
                    let _ = input.line().await?;
                    String::new()
                }
                "SELECT" | "EXAMINE" => {
                    "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 4] .\r\n".to_owned()
                }
                "UID SEARCH" => "* SEARCH 1 2 3\r\n".to_owned(),
                "IDLE" => {
                    input.io.write_all(b"+ idling\r\n").await?;
                    let _ = input.line().await?;
                    String::new()
                }
                "LOGOUT" => "* BYE\r\n".to_owned(),
                _ => String::new(),
            };
            let code = if name == "SELECT" { "[READ-WRITE] " } else { "" };
            input.io.write_all(format!("{data}{tag} OK {code}done\r\n").as_bytes()).await?;
        }
    }
}

impl Connector for Recorder {
    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        let (ours, theirs) = duplex(1 << 16);
        let recorder = self.clone();
        tokio::spawn(async move { recorder.serve(theirs).await });
        Box::pin(async move { Ok(Box::new(ours) as BoxIo) })
    }
}

struct Input {
    io: DuplexStream,
    unread: Vec<u8>,
    is_over: bool,
}

impl Input {
    async fn more(&mut self) -> std::io::Result<()> {
        let mut piece = [0; 4096];
        let len = self.io.read(&mut piece).await?;
        self.is_over |= len == 0;
        self.unread.extend_from_slice(&piece[..len]);
        Ok(())
    }

    /// Up to and without CRLF.
    async fn line(&mut self) -> std::io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|end| end == b"\r\n") {
                let line = self.unread.drain(..end + 2).take(end).collect();
                return Ok(line);
            }
            if self.is_over {
                return Ok(Vec::new());
            }
            self.more().await?;
        }
    }

    /// Reads one command, and gives its tag.
    async fn command(&mut self, heard: &mut Heard, takes_unasked: bool) -> std::io::Result<String> {
        let mut is_first = true;
        let mut words: Vec<Vec<u8>> = Vec::new();
        loop {
            let line = self.line().await?;
            let (of_line, literal) = tokens(&line, &mut heard.wrong);
            words.extend(of_line);
            if is_first && words.is_empty() && self.is_over {
                return Ok(String::new());
            }
            is_first = false;
            let Some(Literal { len, is_unasked, is_binary }) = literal else { break };
            if is_unasked && !takes_unasked {
                heard.wrong.push("a literal unasked to a server that doesn't take them".to_owned());
            }
            if !is_unasked {
                self.io.write_all(b"+ go\r\n").await?;
            }
            while self.unread.len() < len && !self.is_over {
                self.more().await?;
            }
            let len = len.min(self.unread.len());
            let content: Vec<u8> = self.unread.drain(..len).collect();
            if !is_binary && content.contains(&0) {
                heard.wrong.push("NUL in a literal".to_owned());
            }
            words.push(content);
        }
        let mut words = words.into_iter();
        let tag = String::from_utf8_lossy(&words.next().unwrap_or_default()).into_owned();
        let mut name = String::from_utf8_lossy(&words.next().unwrap_or_default()).to_ascii_uppercase();
        if name == "UID" {
            name = format!("UID {}", String::from_utf8_lossy(&words.next().unwrap_or_default()));
        }
        heard.name = name;
        heard.words = words.collect();
        Ok(tag)
    }
}

/// A literal that a line announces at its end.
struct Literal {
    len: usize,
    is_unasked: bool,
    /// Whether NUL may be in it.
    is_binary: bool,
}

/// The words of one line, and the literal that it announces at its end.
fn tokens(line: &[u8], wrong: &mut Vec<String>) -> (Vec<Vec<u8>>, Option<Literal>) {
    let mut words = Vec::new();
    let mut at = 0;
    if let Some(bad) = line.iter().find(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        wrong.push(format!("octet {bad} in a line: {}", line[..line.len().min(200)].escape_ascii()));
    }
    while at < line.len() {
        match line[at] {
            b' ' | b'(' | b')' => at += 1,
            b'"' => {
                let mut word = Vec::new();
                at += 1;
                loop {
                    match line.get(at) {
                        None => {
                            wrong.push("a string without end".to_owned());
                            break;
                        }
                        Some(b'"') => {
                            at += 1;
                            break;
                        }
                        Some(b'\\') => {
                            if !matches!(line.get(at + 1), Some(b'"' | b'\\')) {
                                wrong.push("a backslash before something else".to_owned());
                            }
                            word.extend(line.get(at + 1));
                            at += 2;
                        }
                        Some(byte) => {
                            if !byte.is_ascii() {
                                wrong.push("8-bit text in a quoted string".to_owned());
                            }
                            word.push(*byte);
                            at += 1;
                        }
                    }
                }
                if !matches!(line.get(at), None | Some(b' ' | b')' | b']')) {
                    wrong.push("something right behind a string".to_owned());
                }
                words.push(word);
            }
            b'{' | b'~'
                if line.ends_with(b"}") && line[at..].iter().all(|b| b"~{+}0123456789".contains(b)) =>
            {
                let digits: String =
                    line[at..].iter().filter(|b| b.is_ascii_digit()).map(|b| *b as char).collect();
                let literal = Literal {
                    len: digits.parse().unwrap_or(0),
                    is_unasked: line.ends_with(b"+}"),
                    is_binary: line[at] == b'~',
                };
                return (words, Some(literal));
            }
            _ => {
                let end = line[at..]
                    .iter()
                    .position(|byte| b" ()\"".contains(byte))
                    .map_or(line.len(), |len| at + len);
                // A section is one word, with spaces and parentheses in it.
                let word = &line[at..end];
                if word.iter().any(|byte| !byte.is_ascii() || byte.is_ascii_control() || *byte == b'{') {
                    wrong.push(format!("an atom with {}", word.escape_ascii()));
                }
                words.push(word.to_vec());
                at = end;
            }
        }
    }
    (words, None)
}

#[tokio::test]
async fn what_is_not_well_formed_is_noted() {
    for (said, wrong) in [
        (&b"A1 CREATE a\r\nA9 DELETE INBOX\r\n"[..], "the tag \"A9\" comes after A1"),
        (b"A1 CREATE \"a\rb\"\r\n", "octet 13"),
        (b"A1 CREATE a\0b\r\n", "octet 0"),
        (b"A1 CREATE \"a\r\n", "a string without end"),
        (b"A1 CREATE \"a\"b\"\r\n", "something right behind a string"),
        (b"A1 CREATE \"\xe9\"\r\n", "8-bit text"),
        (b"A1 CREATE {1+}\r\na\r\n", "a literal unasked"),
        (b"A1 CREATE {1}\r\n\0\r\n", "NUL in a literal"),
    ] {
        let recorder = Recorder::new("");
        let (mut ours, theirs) = duplex(1 << 16);
        ours.write_all(said).await.unwrap();
        ours.shutdown().await.unwrap();
        let _ = recorder.clone().serve(theirs).await;
        let heard = recorder.take();
        let noted = heard.iter().flat_map(|heard| &heard.wrong).any(|noted| noted.contains(wrong));
        assert!(noted, "{}: {heard:?}", said.escape_ascii());
    }
}
