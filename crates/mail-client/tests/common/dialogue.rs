//! A server that says what was written down, byte for byte, and only to what was written down.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures_core::future::BoxFuture;
use mail_client::{
    imap::ImapClient,
    transport::{BoxIo, Connector, Error, Target},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::builder;

/// What is said over one connection after another. Lines are written without their ends, which are CRLF.
///
/// Tests run under paused time: a client that waits in vain for an answer has waited long enough at once.
pub(crate) struct Dialogue {
    connections: VecDeque<Script>,
}

struct Script {
    greeting: String,
    is_begun: bool,
    turns: VecDeque<Turn>,
}

struct Turn {
    expected: String,
    /// What is answered; `None` to hang up instead.
    answer: Option<String>,
}

impl Dialogue {
    /// One with a server of these capabilities, `IMAP4rev1` apart. The client is logged in by its greeting, so that
    /// its first tag is `A1`.
    pub(crate) fn with(capabilities: &str) -> Self {
        Self { connections: VecDeque::new() }.again(capabilities)
    }

    /// What follows is said over the next connection.
    pub(crate) fn again(mut self, capabilities: &str) -> Self {
        let greeting = format!("* PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] hello");
        self.connections.push_back(Script { greeting, is_begun: false, turns: VecDeque::new() });
        self
    }

    /// The client says this, and is answered this.
    pub(crate) fn turn(self, expected: &str, answer: &str) -> Self {
        self.add(expected, Some(wire(answer)))
    }

    /// The client says this, and the connection ends.
    pub(crate) fn cut(self, expected: &str) -> Self {
        self.add(expected, None)
    }

    /// The first command selects the inbox, which has 9 messages and the UIDVALIDITY 7.
    pub(crate) fn selected(self) -> Self {
        self.turn(
            "A1 SELECT INBOX",
            "* 9 EXISTS\n* OK [UIDVALIDITY 7] .\n* OK [UIDNEXT 100] .\nA1 OK [READ-WRITE] selected",
        )
    }

    fn add(mut self, expected: &str, answer: Option<String>) -> Self {
        let script = self.connections.back_mut().expect("there is one from the start");
        script.turns.push_back(Turn { expected: wire(expected), answer });
        self
    }

    /// The client that is to speak, and what tells how it went.
    pub(crate) fn begin(self) -> (ImapClient, Verdict) {
        let shared = Arc::new(Mutex::new(State { left: self.connections, mistake: None }));
        let client = builder(143)
            .plaintext_without_encryption()
            .max_connections(1)
            .connector(Peer(Arc::clone(&shared)))
            .build()
            .unwrap();
        (client.clone(), Verdict { client, state: shared })
    }
}

fn wire(lines: &str) -> String {
    lines.lines().map(|line| format!("{line}\r\n")).collect()
}

/// Says whether everything was said.
#[must_use = "without it nothing is compared"]
pub(crate) struct Verdict {
    client: ImapClient,
    state: Arc<Mutex<State>>,
}

struct State {
    left: VecDeque<Script>,
    mistake: Option<String>,
}

impl Verdict {
    /// Closes the client, and panics unless all was said as written down.
    pub(crate) async fn check(self) {
        self.client.close().await;
        let state = self.state.lock().unwrap();
        if let Some(mistake) = &state.mistake {
            panic!("{mistake}");
        }
        let unsaid: Vec<_> =
            state.left.iter().flat_map(|script| &script.turns).map(|turn| &turn.expected).collect();
        assert!(unsaid.is_empty(), "the client never said {unsaid:?}");
    }
}

struct Peer(Arc<Mutex<State>>);

impl Connector for Peer {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let greeting = {
                let mut state = self.0.lock().unwrap();
                // The one before is over, or its connection is still there.
                if state.left.front().is_some_and(|script| script.is_begun && script.turns.is_empty()) {
                    state.left.pop_front();
                }
                match state.left.front_mut() {
                    Some(script) if !script.is_begun => {
                        script.is_begun = true;
                        script.greeting.clone()
                    }
                    _ => return Err(Error::connector(target, "no further connection was written down")),
                }
            };
            let (ours, theirs) = duplex(1 << 16);
            tokio::spawn(play(theirs, greeting, Arc::clone(&self.0)));
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

async fn play(mut io: DuplexStream, greeting: String, state: Arc<Mutex<State>>) {
    let mut heard = Vec::new();
    if io.write_all(wire(&greeting).as_bytes()).await.is_err() {
        return;
    }
    loop {
        let turn = state.lock().unwrap().left.front_mut().and_then(|script| script.turns.pop_front());
        let Some(turn) = turn else { break };
        while heard.len() < turn.expected.len() {
            let so_far = &turn.expected.as_bytes()[..heard.len()];
            if so_far != heard || io.read_buf(&mut heard).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let len = heard.len().min(turn.expected.len());
        let said: Vec<u8> = heard.drain(..len).collect();
        if said != turn.expected.as_bytes() {
            let mistake =
                format!("expected {:?}, and heard {:?}", turn.expected, String::from_utf8_lossy(&said));
            state.lock().unwrap().mistake.get_or_insert(mistake);
            return;
        }
        let Some(answer) = turn.answer else { return };
        if io.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
    // All was said, but for goodbye.
    while !heard.ends_with(b"\r\n") {
        if io.read_buf(&mut heard).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let rest = String::from_utf8_lossy(&heard).into_owned();
    match rest.strip_suffix(" LOGOUT\r\n") {
        Some(tag) => {
            let _ = io.write_all(format!("* BYE\r\n{tag} OK bye\r\n").as_bytes()).await;
        }
        None => {
            state.lock().unwrap().mistake.get_or_insert_with(|| format!("heard {rest:?} after all was said"));
        }
    }
}
