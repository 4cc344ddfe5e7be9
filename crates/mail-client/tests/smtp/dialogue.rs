//! A server that says what was written down, byte for byte, and only to what was written down.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_core::future::BoxFuture;
use mail_client::{
    smtp::{SmtpClient, SmtpClientBuilder},
    transport::{BoxIo, Connector, Error, Target},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
    time::sleep,
};

/// A message, and how it goes over the wire.
pub(crate) const MAIL: &str = "From: kim@x\r\nTo: bob@y\r\n\r\nHello!\r\n.\r\n";
pub(crate) const MAIL_STUFFED: &str = "From: kim@x\nTo: bob@y\n\nHello!\n..\n.";

/// What is said over one connection after another. Lines are written without their ends, which are CRLF.
///
/// Tests run under paused time: a client that waits in vain for an answer has waited long enough at once.
#[derive(Default)]
pub(crate) struct Dialogue {
    connections: VecDeque<Script>,
}

/// What is said over one connection.
#[derive(Default)]
struct Script {
    greeting: String,
    turns: VecDeque<Turn>,
}

struct Turn {
    expected: String,
    then: Then,
}

enum Then {
    Answer(String),
    /// Not before so long.
    AnswerAfter(Duration, String),
    HangUp,
    /// The client is to hang up, before it has ended its message.
    IsCut,
}

impl Dialogue {
    /// One with a server that has these extensions, separated by commas.
    pub(crate) fn with(extensions: &str) -> Self {
        Self::default().again(extensions)
    }

    /// What follows is said over the next connection.
    pub(crate) fn again(self, extensions: &str) -> Self {
        let lines: String = extensions.split_terminator(',').map(|line| format!("250-{line}\n")).collect();
        self.greeted("220 hi").turn("EHLO [127.0.0.1]", &format!("250-hi\n{lines}250 HELP"))
    }

    /// The next connection is greeted so.
    pub(crate) fn greeted(mut self, greeting: &str) -> Self {
        self.connections.push_back(Script { greeting: wire(greeting), turns: VecDeque::new() });
        self
    }

    /// The client says this, and is answered this.
    pub(crate) fn turn(self, expected: &str, answer: &str) -> Self {
        self.add(wire(expected), Then::Answer(wire(answer)))
    }

    /// The client says this, and is answered this after so many seconds.
    pub(crate) fn slow_turn(self, seconds: u64, expected: &str, answer: &str) -> Self {
        self.add(wire(expected), Then::AnswerAfter(Duration::from_secs(seconds), wire(answer)))
    }

    /// The client says these bytes, and is answered this.
    pub(crate) fn hears(self, expected: &[u8], answer: &str) -> Self {
        self.add(String::from_utf8(expected.to_vec()).unwrap(), Then::Answer(wire(answer)))
    }

    /// The client says this, and the connection ends.
    pub(crate) fn cut(self, expected: &str) -> Self {
        self.add(wire(expected), Then::HangUp)
    }

    /// The client hangs up, before it has ended the message that it may have begun, and without a goodbye.
    pub(crate) fn cut_at_the_end(self) -> Self {
        self.add(String::new(), Then::IsCut)
    }

    /// The client says these bytes, and more maybe, and the connection ends.
    pub(crate) fn cut_at(self, expected: &[u8]) -> Self {
        self.add(String::from_utf8(expected.to_vec()).unwrap(), Then::HangUp)
    }

    /// The next connection is cut as soon as it is there.
    pub(crate) fn cut_at_once(self) -> Self {
        self.greeted("").cut_at(b"")
    }

    /// [`MAIL`] is sent and taken, by a server that has PIPELINING.
    pub(crate) fn takes_mail(self) -> Self {
        self.turn("MAIL FROM:<kim@x> SIZE=37\nRCPT TO:<bob@y>\nDATA", "250 ok\n250 ok\n354 go")
            .turn(MAIL_STUFFED, "250 queued")
    }

    fn add(mut self, expected: String, then: Then) -> Self {
        let script = self.connections.back_mut().expect("a connection first");
        script.turns.push_back(Turn { expected, then });
        self
    }

    /// The client that is to speak, over one connection at a time and without a login, and what tells how it went.
    pub(crate) fn begin(self) -> (SmtpClient, Verdict) {
        let (builder, verdict) = self.builder(1 << 16);
        (builder.max_connections(1).build().unwrap(), verdict)
    }

    /// The same for a client that is still to be built, over pipes that take so many bytes.
    pub(crate) fn builder(self, pipe: usize) -> (SmtpClientBuilder, Verdict) {
        let (builder, verdict) = self.builder_for("", pipe);
        (builder.without_login(), verdict)
    }

    /// The same for a user who is to log in.
    pub(crate) fn builder_for(self, user: &str, pipe: usize) -> (SmtpClientBuilder, Verdict) {
        let state = State { left: self.connections, begun: Vec::new(), heard: Vec::new(), mistake: None };
        let state = Arc::new(Mutex::new(state));
        let (over, watched) = watch::channel(0);
        let builder = SmtpClient::builder("127.0.0.1", user).plaintext_without_encryption().connector(Peer {
            state: Arc::clone(&state),
            pipe,
            over,
        });
        (builder, Verdict { state, over: watched })
    }
}

fn wire(lines: &str) -> String {
    lines.lines().map(|line| format!("{line}\r\n")).collect()
}

/// Says whether everything was said.
#[must_use = "without it nothing is compared"]
pub(crate) struct Verdict {
    state: Arc<Mutex<State>>,
    over: watch::Receiver<usize>,
}

struct State {
    left: VecDeque<Script>,
    /// The turns that are still to come of each connection that was begun.
    begun: Vec<VecDeque<Turn>>,
    heard: Vec<String>,
    mistake: Option<String>,
}

impl Verdict {
    /// How many connections there were so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().begun.len()
    }

    /// Whether the client has said this.
    pub(crate) fn has_heard(&self, expected: &str) -> bool {
        self.state.lock().unwrap().heard.contains(&wire(expected))
    }

    /// Waits until so many connections are over, as the server sees it.
    pub(crate) async fn ended(&mut self, count: usize) {
        self.over.wait_for(|over| *over >= count).await.unwrap();
    }

    /// Closes the client, and panics unless all was said as written down.
    pub(crate) async fn check(self, client: &SmtpClient) {
        client.close().await;
        let state = self.state.lock().unwrap();
        if let Some(mistake) = &state.mistake {
            panic!("{mistake}");
        }
        let left = state.left.iter().map(|script| &script.turns);
        let unsaid: Vec<_> = state.begun.iter().chain(left).flatten().map(|turn| &turn.expected).collect();
        assert!(unsaid.is_empty(), "the client never said {unsaid:?}");
    }
}

struct Peer {
    state: Arc<Mutex<State>>,
    pipe: usize,
    over: watch::Sender<usize>,
}

impl Connector for Peer {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let (number, greeting) = {
                let mut state = self.state.lock().unwrap();
                let Some(script) = state.left.pop_front() else {
                    return Err(Error::connector(target, "no further connection was written down"));
                };
                state.begun.push(script.turns);
                (state.begun.len() - 1, script.greeting)
            };
            let (ours, theirs) = duplex(self.pipe);
            let (state, over) = (Arc::clone(&self.state), self.over.clone());
            tokio::spawn(async move {
                play(theirs, greeting, number, state).await;
                over.send_modify(|over| *over += 1);
            });
            Ok(Box::new(ours) as BoxIo)
        })
    }
}

async fn play(mut io: DuplexStream, greeting: String, number: usize, state: Arc<Mutex<State>>) {
    let mut heard = Vec::new();
    if io.write_all(greeting.as_bytes()).await.is_err() {
        return;
    }
    loop {
        let turn = state.lock().unwrap().begun[number].pop_front();
        let Some(turn) = turn else { break };
        while heard.len() < turn.expected.len() {
            let so_far = &turn.expected.as_bytes()[..heard.len()];
            // No more is read than is expected, so that the pipe is what holds the rest.
            let mut piece = vec![0; turn.expected.len() - heard.len()];
            let len = if so_far == heard { io.read(&mut piece).await.unwrap_or(0) } else { 0 };
            heard.extend_from_slice(&piece[..len]);
            if len == 0 {
                break;
            }
        }
        if heard != turn.expected.as_bytes() {
            let heard = String::from_utf8_lossy(&heard);
            let mistake = format!("connection {number}: expected {:?}, and heard {heard:?}", turn.expected);
            state.lock().unwrap().mistake.get_or_insert(mistake);
            return;
        }
        heard.clear();
        state.lock().unwrap().heard.push(turn.expected);
        match turn.then {
            Then::Answer(answer) if io.write_all(answer.as_bytes()).await.is_ok() => {}
            Then::AnswerAfter(after, answer) => {
                sleep(after).await;
                if io.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Then::Answer(_) | Then::HangUp => return,
            Then::IsCut => {
                while io.read_buf(&mut heard).await.unwrap_or(0) > 0 {}
                let text = String::from_utf8_lossy(&heard);
                if text.contains("\r\n.\r\n") || text.contains("LAST") || text.contains("QUIT") {
                    let mistake = format!("connection {number}: expected a cut, and heard {text:?}");
                    state.lock().unwrap().mistake.get_or_insert(mistake);
                }
                return;
            }
        }
    }
    // All was said, but for goodbye.
    while !heard.ends_with(b"\r\n") {
        if io.read_buf(&mut heard).await.unwrap_or(0) == 0 {
            break;
        }
    }
    match heard.as_slice() {
        b"QUIT\r\n" => drop(io.write_all(b"221 bye\r\n").await),
        b"" => {}
        rest => {
            let rest = String::from_utf8_lossy(rest);
            let mistake = format!("connection {number}: heard {rest:?} after all was said");
            state.lock().unwrap().mistake.get_or_insert(mistake);
        }
    }
}
