//! A server with three messages, in memory, which does what it is told and writes down what it hears.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_core::future::BoxFuture;
use mail_client::{
    pop3::{Pop3Client, Pop3ClientBuilder},
    transport::{BoxIo, Connector, Error, Target},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::sleep,
};

/// What a server does.
pub(crate) enum Answer {
    /// What it always does.
    Usual,
    Say(Vec<u8>),
    /// Says this, and hangs up.
    Cut(Vec<u8>),
    /// Says this, but not before so long.
    Later(Duration, String),
    /// Nothing, ever.
    Silence,
}

impl Answer {
    /// Says this, and hangs up.
    pub(crate) fn cut(text: &str) -> Self {
        Self::Cut(text.as_bytes().to_vec())
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::Say(text.as_bytes().to_vec())
    }
}

type Script = dyn Fn(usize, &str) -> Answer + Send + Sync;

/// The server.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Inner>);

struct Inner {
    capabilities: &'static str,
    script: Box<Script>,
    heard: Mutex<Vec<(usize, String)>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    peak: AtomicUsize,
    /// The most commands that came at once.
    batch: AtomicUsize,
    /// How often commands came.
    batches: AtomicUsize,
}

impl Peer {
    /// One with these capabilities, each with its line break, which does what it always does.
    pub(crate) fn new(capabilities: &'static str) -> Self {
        Self::scripted(capabilities, |_, _| Answer::Usual)
    }

    /// One that answers as `script` says: which connection, counted from 1, and the line. An empty line is the greeting.
    pub(crate) fn scripted(
        capabilities: &'static str,
        script: impl Fn(usize, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            capabilities,
            script: Box::new(script),
            heard: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            batch: AtomicUsize::new(0),
            batches: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn builder(&self) -> Pop3ClientBuilder {
        let builder = Pop3Client::builder("127.0.0.1", "kim").password("secret");
        builder.plaintext_without_encryption().connector(self.clone())
    }

    pub(crate) fn client(&self) -> Pop3Client {
        self.builder().build().unwrap()
    }

    /// What it heard over all connections, logins apart.
    pub(crate) fn heard(&self) -> Vec<String> {
        let heard = self.0.heard.lock().unwrap();
        let lines = heard.iter().map(|(_, line)| line.clone());
        lines.filter(|line| !["CAPA", "USER kim", "PASS secret"].contains(&line.as_str())).collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.0.heard.lock().unwrap().iter().filter(|(_, heard)| heard == line).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.0.peak.load(Ordering::SeqCst)
    }

    pub(crate) fn batch(&self) -> usize {
        self.0.batch.load(Ordering::SeqCst)
    }

    pub(crate) fn batches(&self) -> usize {
        self.0.batches.load(Ordering::SeqCst)
    }
}

impl Connector for Peer {
    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let (ours, theirs) = duplex(1 << 16);
            let number = self.0.connections.fetch_add(1, Ordering::SeqCst) + 1;
            let open = self.0.open.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.peak.fetch_max(open, Ordering::SeqCst);
            tokio::spawn(serve(theirs, number, self.clone()));
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

async fn serve(mut io: DuplexStream, number: usize, peer: Peer) {
    let inner = &peer.0;
    let _ = talk(&mut io, number, inner).await;
    inner.open.fetch_sub(1, Ordering::SeqCst);
}

/// Talks until either side hangs up.
async fn talk(io: &mut DuplexStream, number: usize, inner: &Inner) -> std::io::Result<()> {
    let mut heard = Vec::with_capacity(1 << 16);
    let mut greeting = vec![String::new()];
    loop {
        let lines = std::mem::take(&mut greeting);
        let lines = if lines.is_empty() {
            if io.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
            let end = heard.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let whole: Vec<u8> = heard.drain(..end).collect();
            let lines: Vec<_> = String::from_utf8(whole).unwrap().lines().map(str::to_owned).collect();
            inner.heard.lock().unwrap().extend(lines.iter().map(|line| (number, line.clone())));
            inner.batch.fetch_max(lines.len(), Ordering::SeqCst);
            inner.batches.fetch_add(1, Ordering::SeqCst);
            lines
        } else {
            lines
        };
        for line in lines {
            match (inner.script)(number, &line) {
                Answer::Usual => {
                    io.write_all(usual(&line, inner.capabilities).as_bytes()).await?;
                    if line == "QUIT" {
                        return Ok(());
                    }
                }
                Answer::Say(bytes) => io.write_all(&bytes).await?,
                Answer::Later(after, text) => {
                    sleep(after).await;
                    io.write_all(text.as_bytes()).await?;
                }
                Answer::Cut(bytes) => return io.write_all(&bytes).await,
                Answer::Silence => {
                    // Until the client gives up.
                    while io.read_buf(&mut heard).await? > 0 {}
                    return Ok(());
                }
            }
        }
    }
}

/// The messages: 1 is `a`, with dots; 2 is `b`, empty; 3 is `c`, of 2 MB.
pub(crate) const A: &str = ".\r\n..\r\n.dot\r\nend";

pub(crate) fn c() -> String {
    "0123456789abcd\r\n".repeat(1 << 17)
}

fn usual(line: &str, capabilities: &str) -> String {
    match line {
        "" => "+OK hello\r\n".into(),
        "CAPA" => format!("+OK\r\n{capabilities}.\r\n"),
        "STAT" => "+OK 3 2100000\r\n".into(),
        "LIST" => "+OK\r\n1 16\r\n2 0\r\n3 2097152\r\n.\r\n".into(),
        "UIDL" => "+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n".into(),
        "RETR 1" => "+OK\r\n..\r\n...\r\n..dot\r\nend\r\n.\r\n".into(),
        "TOP 1 0" => "+OK\r\nSubject: hi\r\n\r\n.\r\n".into(),
        "RETR 2" => "+OK 0 octets\r\n.\r\n".into(),
        "RETR 3" => format!("+OK\r\n{}.\r\n", c()),
        _ if line.starts_with("RETR ") || line.starts_with("TOP ") => "-ERR no such message\r\n".into(),
        _ => "+OK\r\n".into(),
    }
}
