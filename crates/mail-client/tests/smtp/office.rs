//! A server in memory that takes whatever mail comes, and keeps it: for tests of many messages at once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_core::future::BoxFuture;
use mail_client::{
    smtp::{SmtpClient, SmtpClientBuilder},
    transport::{BoxIo, Connector, Error, Target},
};
use mail_proto::smtp::{Command, Event, Reader};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::sleep,
};

/// What the server does.
#[derive(Clone, Default)]
pub(crate) struct Office(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Connections beyond so many are refused.
    most: Option<usize>,
    open: usize,
    peak: usize,
    total: usize,
    /// Connections hang up behind the envelope of each so-manieth message.
    hangs_up_at: Option<usize>,
    begun: usize,
    messages: Vec<String>,
}

/// How long the server thinks about each message.
pub(crate) const THOUGHT: Duration = Duration::from_millis(100);

impl Office {
    pub(crate) fn with_limit(self, most: usize) -> Self {
        self.0.lock().unwrap().most = Some(most);
        self
    }

    pub(crate) fn hanging_up_at(self, each: usize) -> Self {
        self.0.lock().unwrap().hangs_up_at = Some(each);
        self
    }

    pub(crate) fn client(&self) -> SmtpClientBuilder {
        SmtpClient::builder("127.0.0.1", "")
            .without_login()
            .plaintext_without_encryption()
            .connector(self.clone())
    }

    /// How many connections there were at a time, and in all.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let state = self.0.lock().unwrap();
        (state.peak, state.total)
    }

    /// What came, each message once for each time that it did.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.lock().unwrap().messages.clone()
    }
}

impl Connector for Office {
    fn connect<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let (ours, theirs) = duplex(1 << 16);
            let office = self.clone();
            tokio::spawn(async move {
                let is_welcome = {
                    let mut state = office.0.lock().unwrap();
                    state.open += 1;
                    state.total += 1;
                    let is_welcome = state.most.is_none_or(|most| state.open <= most);
                    state.peak = state.peak.max(if is_welcome { state.open } else { 0 });
                    is_welcome
                };
                office.serve(theirs, is_welcome).await;
                office.0.lock().unwrap().open -= 1;
            });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

impl Office {
    async fn serve(&self, mut io: DuplexStream, is_welcome: bool) -> Option<()> {
        if !is_welcome {
            io.write_all(b"421 4.3.2 too many concurrent connections\r\n").await.ok()?;
            return None;
        }
        io.write_all(b"220 hi\r\n").await.ok()?;
        let mut reader = Reader::new(1000, 1 << 30);
        let mut text = Vec::new();
        let mut recipients = 0;
        loop {
            let Some(event) = reader.next_event().unwrap() else {
                if io.read_buf(reader.buffer()).await.ok()? == 0 {
                    return None;
                }
                continue;
            };
            let answer = match event {
                Event::Line(line) => match Command::parse(line).unwrap() {
                    Command::Ehlo(_) => "250-hi\r\n250 PIPELINING\r\n",
                    Command::Mail { .. } | Command::Rset => {
                        recipients = 0;
                        "250 ok\r\n"
                    }
                    Command::Data if recipients == 0 => "554 no recipients\r\n",
                    Command::Data => {
                        if self.begins() {
                            return None;
                        }
                        reader.expect_data();
                        "354 go\r\n"
                    }
                    Command::Rcpt { to, .. } if to.as_str().starts_with("nobody") => "550 nobody\r\n",
                    Command::Rcpt { .. } => {
                        recipients += 1;
                        "250 ok\r\n"
                    }
                    Command::Quit => {
                        io.write_all(b"221 bye\r\n").await.ok()?;
                        return None;
                    }
                    _ => "250 ok\r\n",
                },
                Event::Chunk(chunk) => {
                    text.extend_from_slice(&chunk);
                    continue;
                }
                _ => {
                    sleep(THOUGHT).await;
                    let text = String::from_utf8(std::mem::take(&mut text)).unwrap();
                    self.0.lock().unwrap().messages.push(text);
                    "250 queued\r\n"
                }
            };
            io.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    /// A message begins. Says whether to hang up.
    fn begins(&self) -> bool {
        let mut state = self.0.lock().unwrap();
        state.begun += 1;
        state.hangs_up_at.is_some_and(|each| state.begun.is_multiple_of(each))
    }
}
