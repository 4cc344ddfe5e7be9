//! The POP3 server's side of a connection (RFC 1939 with the extensions that `CAPA` lists).

mod execute;
mod login;
mod maildrop;
mod message;
mod transcript;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use mail_proto::pop3::{Code, Command, CommandReader, ParseOptions, Reply, ReplyKind};

use crate::channel::Channel;
use crate::endpoint::{Endpoint, Security};
use crate::fault::Action;
use crate::hook::When;
use crate::report::Seat;
use crate::session::{self, End, Refusal};
use crate::shared::Shared;
use crate::store::{Account, MaildropLock};
use maildrop::Maildrop;

/// The longest line taken: RFC 5034 section 4 has SASL need so much, which no other command does.
const LONGEST_LINE: usize = 12_288;

/// Serves a connection until it ends.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    endpoint: Endpoint,
    channel: &mut Channel,
    seat: &Seat,
) -> io::Result<()> {
    let mut session = Session {
        shared,
        endpoint,
        channel,
        seat,
        reader: CommandReader::new(LONGEST_LINE),
        timestamp: None,
        named: None,
        utf8: false,
        user: None,
        opened: None,
        then: Then::GoOn,
    };
    let ended = session.run().await;
    // The maildrop is unlocked before the client can know that the session is over.
    session.opened = None;
    session::close(session.channel, ended).await
}

/// One connection.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    endpoint: Endpoint,
    channel: &'a mut Channel,
    seat: &'a Seat,
    reader: CommandReader,
    /// What the greeting gave APOP to hash.
    timestamp: Option<String>,
    /// Whom USER named, if the command before was USER.
    named: Option<Bytes>,
    /// Whether the client takes messages with UTF-8 in their headers.
    utf8: bool,
    /// Who is logged in, still when the maildrop is closed.
    user: Option<Account>,
    /// From a login to QUIT.
    opened: Option<Opened>,
    then: Then,
}

/// Whose maildrop is open.
struct Opened {
    account: Account,
    maildrop: Maildrop,
    _lock: Option<MaildropLock>,
}

/// What follows the answer of the command.
enum Then {
    GoOn,
    StartTls,
    Close,
}

/// What a command is answered with.
struct Answer {
    reply: Reply,
    body: Body,
}

/// What follows a reply.
enum Body {
    Nothing,
    Lines(Vec<Vec<u8>>),
    /// A message, or the beginning of one.
    Message(Bytes),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, body: Body::Nothing }
    }
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), End> {
        if self.endpoint.security() == Security::Tls {
            self.channel.start_tls(self.shared.identity.server.clone()).await?;
        }
        self.greet().await?;
        while let Some(line) = self.next_line().await? {
            self.command(line).await?;
        }
        Ok(())
    }

    async fn greet(&mut self) -> Result<(), End> {
        if let Some(action) = self.shared.faults.at_greeting(self.seat)
            && let Some(refused) = self.act(action).await?
        {
            self.say(refused);
            return Ok(());
        }
        let mut text = "mail-testkit is ready".to_owned();
        if self.has("APOP") {
            let timestamp = self.new_timestamp();
            text = format!("{text} {timestamp}");
            self.timestamp = Some(timestamp);
        }
        self.say(ok(text));
        Ok(())
    }

    /// Carries out one command and answers it.
    async fn command(&mut self, line: Bytes) -> Result<(), End> {
        let name = transcript::name(&line);
        let parsed = Command::parse_with(line.clone(), ParseOptions::STRICT).map(|parsed| parsed.value);
        self.seat.saw(transcript::text(&line, parsed.as_ref().ok()));
        self.run_hooks(When::Before, &name);
        let refused = match self.shared.faults.at_command(self.seat, &name) {
            Some(action) => self.act(action).await?,
            None => None,
        };
        let is_early = !self.has("PIPELINING") && !self.reader.buffer().is_empty();
        if name != "PASS" && name != "USER" {
            self.named = None;
        }
        let answer = match (refused, parsed) {
            (Some(refused), _) => {
                // The session ends with QUIT, whatever becomes of it (RFC 1939 section 6).
                if name == "QUIT" {
                    self.then = Then::Close;
                }
                refused.into()
            }
            (None, Ok(command)) if self.lacks(&command) => {
                err("this server doesn't know that command").into()
            }
            (None, Ok(command)) => self.execute(command).await?,
            (None, Err(error)) => err(error.to_string()).into(),
        };
        self.run_hooks(When::Within, &name);
        self.say(answer.reply);
        match answer.body {
            Body::Nothing => {}
            Body::Lines(lines) => self.put_lines(&lines),
            Body::Message(message) => self.put_message(message).await?,
        }
        if self.shared.hooks.wait_for(When::After) {
            self.channel.flush().await?;
            self.run_hooks(When::After, &name);
        }
        match std::mem::replace(&mut self.then, Then::GoOn) {
            Then::Close => Err(End::Said),
            Then::StartTls => {
                // What came behind the command may be anyone's, so it is forgotten, unanswered.
                self.reader = CommandReader::new(LONGEST_LINE);
                self.utf8 = false;
                Ok(self.channel.start_tls(self.shared.identity.server.clone()).await?)
            }
            Then::GoOn if is_early => {
                self.say(err("a command must wait for the answer to the one before it"));
                Err(End::Said)
            }
            Then::GoOn => Ok(()),
        }
    }

    /// The next line; what is queued is sent before waiting for it. `None` when the client has left.
    async fn next_line(&mut self) -> Result<Option<Bytes>, End> {
        loop {
            match self.reader.next_line() {
                Ok(Some(line)) => return Ok(Some(line)),
                Ok(None) => {}
                Err(error) => {
                    self.say(err(error.to_string()));
                    return Err(End::Said);
                }
            }
            self.channel.flush().await?;
            if self.channel.read(self.reader.buffer()).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// What others do at this moment.
    fn run_hooks(&self, when: When, name: &str) {
        if let Some(account) = &self.user {
            self.shared.hooks.run(when, self.seat, name, account);
        }
    }

    fn has(&self, capability: &str) -> bool {
        self.shared.pop3.offer.has(capability)
    }

    /// Whether TLS has to be started before a login.
    fn is_before_tls(&self) -> bool {
        self.endpoint.security() == Security::StartTls && !self.channel.is_tls()
    }

    /// Does what a fault says; the answer of a command that it refuses.
    async fn act(&mut self, action: Action) -> Result<Option<Reply>, End> {
        match session::act(self.channel, action).await? {
            None => Ok(None),
            Some(Refusal::No(text) | Refusal::Bad(text)) => Ok(Some(refusal(&text))),
            Some(Refusal::Bye(text)) => {
                self.say(refusal(&text));
                Err(End::Said)
            }
        }
    }

    /// Queues a reply, with such codes as the server has.
    fn say(&mut self, mut reply: Reply) {
        let needed = match &reply.code {
            Some(Code::Auth | Code::SysTemp | Code::SysPerm) => "AUTH-RESP-CODE",
            _ => "RESP-CODES",
        };
        if !self.has("RESP-CODES") || !self.has(needed) {
            reply.code = None;
        }
        match reply.encode() {
            Ok(line) => self.channel.put(&line),
            Err(error) => {
                tracing::warn!(connection = self.seat.number(), %error, "a reply can't be written");
                self.channel.put(b"-ERR a reply can't be written\r\n");
            }
        }
    }
}

fn ok(text: impl Into<Bytes>) -> Reply {
    Reply::new(ReplyKind::Ok, text)
}

fn err(text: impl Into<Bytes>) -> Reply {
    Reply::new(ReplyKind::Err, text)
}

/// `-ERR` with a text that may begin with a code.
fn refusal(text: &str) -> Reply {
    let line = format!("-ERR {text}\r\n");
    // What can't be read as a line is said as it is, and can't be written either.
    Reply::parse(line, ParseOptions::default()).map_or_else(|_| err(text.to_owned()), |parsed| parsed.value)
}
