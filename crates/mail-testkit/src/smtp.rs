//! The SMTP server's side of a connection: message submission (RFC 5321, RFC 6409) with the extensions that EHLO
//! lists.

mod content;
mod envelope;
mod hello;
mod login;
mod octets;
mod reply;
mod transcript;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use mail_proto::ParseError;
use mail_proto::smtp::{Command, Event, ParseOptions, Reader, Reply};

use crate::channel::Channel;
use crate::endpoint::{Endpoint, Security};
use crate::fault::Action;
use crate::hook::When;
use crate::report::Seat;
use crate::session::{self, End, Refusal};
use crate::shared::Shared;
use crate::store::Account;
use envelope::Transaction;
use hello::Hello;
use reply::reply;

/// The longest line taken: RFC 4954 section 4 has SASL need so much, which no other command does.
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
        reader: new_reader(),
        hello: None,
        user: None,
        transaction: None,
        at_end: false,
        then: Then::GoOn,
    };
    let ended = session.run().await;
    session::close(session.channel, ended).await
}

/// Messages of any size: one that is too large is read to its end, so that it can be answered.
fn new_reader() -> Reader {
    Reader::new(LONGEST_LINE, u64::MAX)
}

/// One connection.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    endpoint: Endpoint,
    channel: &'a mut Channel,
    seat: &'a Seat,
    reader: Reader,
    /// How the client has greeted.
    hello: Option<Hello>,
    /// After a login.
    user: Option<Account>,
    /// Between MAIL and the end of the message.
    transaction: Option<Transaction>,
    /// Whether the answer is one to a message, not to the command that announced it.
    at_end: bool,
    then: Then,
}

/// What follows the answer of the command.
enum Then {
    GoOn,
    StartTls,
    Close,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), End> {
        if self.endpoint.security() == Security::Tls {
            self.channel.start_tls(self.shared.identity.server.clone()).await?;
        }
        if !self.greet().await? {
            return Err(End::Said);
        }
        while let Some(event) = self.next_event().await? {
            match event {
                Event::Line(line) => self.command(line).await?,
                // Messages are read where they are expected.
                _ => return Err(End::Cut),
            }
        }
        Ok(())
    }

    /// Whether the client may go on: one that is refused may only leave.
    async fn greet(&mut self) -> Result<bool, End> {
        if let Some(action) = self.shared.faults.at_greeting(self.seat)
            && let Some(refused) = self.act(action).await?
        {
            self.say(refused);
            return Ok(false);
        }
        self.say(hello::greeting());
        Ok(true)
    }

    /// Carries out one command and answers it.
    async fn command(&mut self, line: Bytes) -> Result<(), End> {
        let name = transcript::name(&line);
        let parsed = Command::parse_with(line.clone(), ParseOptions::STRICT).map(|parsed| parsed.value);
        self.seat.saw(transcript::text(&line, parsed.as_ref().ok()));
        if self.is_early(&name) {
            return self.close_for_sync();
        }
        self.run_hooks(When::Before, &name);
        let refused = self.fault(&name).await?;
        let answer = match (refused, parsed) {
            (refused, Ok(Command::Bdat { size, last })) => self.chunk(size, last, refused).await?,
            (Some(refused), _) => {
                if name == "QUIT" {
                    self.then = Then::Close;
                }
                refused
            }
            (None, Ok(command)) => self.execute(command).await?,
            (None, Err(error)) => self.unreadable(&name, &error),
        };
        let name = if std::mem::take(&mut self.at_end) { "." } else { &name };
        self.answer(name, answer).await?;
        match std::mem::replace(&mut self.then, Then::GoOn) {
            Then::Close => Err(End::Said),
            Then::StartTls => self.start_tls().await,
            Then::GoOn if !self.pipelines() && self.reader.buffered() > 0 => self.close_for_sync(),
            Then::GoOn => Ok(()),
        }
    }

    async fn execute(&mut self, command: Command) -> Result<Reply, End> {
        if let Some(refused) = self.comes_too_soon(&command) {
            return Ok(refused);
        }
        Ok(match command {
            Command::Ehlo(_) => self.ehlo(),
            Command::Helo(_) => self.helo(),
            Command::StartTls => self.begin_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await?,
            Command::Mail { from, parameters } => self.mail(from, parameters),
            Command::Rcpt { to, parameters } => self.rcpt(to, parameters),
            Command::Data => self.data().await?,
            Command::Rset => {
                self.transaction = None;
                reply("250 2.0.0 forgotten")
            }
            Command::Noop => reply("250 2.0.0 here"),
            Command::Vrfy(_) => reply("252 2.1.5 send it, and see"),
            Command::Quit => {
                self.then = Then::Close;
                reply("221 2.0.0 goodbye")
            }
            _ => reply("502 5.5.1 that isn't done here"),
        })
    }

    /// The answer to a command that can't be read.
    fn unreadable(&mut self, name: &str, error: &ParseError) -> Reply {
        match name {
            "HELP" => reply("214 2.0.0 RFC 5321 says it all"),
            "BDAT" => {
                // Where the chunk ends nobody knows.
                self.then = Then::Close;
                reply(format!("501 5.5.4 {error}"))
            }
            _ if transcript::COMMANDS.contains(&name) => reply(format!("501 5.5.4 {error}")),
            _ => reply("500 5.5.1 that command isn't known here"),
        }
    }

    /// Queues the answer, with what others do around it.
    async fn answer(&mut self, name: &str, answer: Reply) -> Result<(), End> {
        self.run_hooks(When::Within, name);
        self.say(answer);
        if self.shared.hooks.wait_for(When::After) {
            self.channel.flush().await?;
            self.run_hooks(When::After, name);
        }
        Ok(())
    }

    /// The next line or piece of a message; what is queued is sent before waiting for it. `None` when the client has
    /// left.
    async fn next_event(&mut self) -> Result<Option<Event>, End> {
        loop {
            match self.reader.next_event() {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(error) => {
                    self.say(reply(format!("500 5.5.6 {error}")));
                    return Err(End::Said);
                }
            }
            self.channel.flush().await?;
            if self.channel.read(self.reader.buffer()).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Whether the client goes on before it can have the answer, where it must wait for it (RFC 2920 section 3.1).
    /// What comes behind STARTTLS is another matter: that is forgotten.
    fn is_early(&self, name: &str) -> bool {
        let must_wait = matches!(name, "EHLO" | "HELO" | "DATA" | "AUTH" | "VRFY" | "NOOP" | "HELP");
        must_wait && self.reader.buffered() > 0
    }

    fn pipelines(&self) -> bool {
        self.hello == Some(Hello::Extended) && self.has("PIPELINING")
    }

    fn close_for_sync(&mut self) -> Result<(), End> {
        self.say(reply("554 5.5.0 a command must wait for the answer to the one before it"));
        Err(End::Said)
    }

    /// What others do at this moment.
    fn run_hooks(&self, when: When, name: &str) {
        if let Some(account) = &self.user {
            self.shared.hooks.run(when, self.seat, name, account);
        }
    }

    fn has(&self, keyword: &str) -> bool {
        self.shared.smtp.offer.has(keyword)
    }

    /// Whether TLS has to be started before a login.
    fn is_before_tls(&self) -> bool {
        self.endpoint.security() == Security::StartTls && !self.channel.is_tls()
    }

    /// Does what a fault says at this command; the answer if it refuses the command.
    async fn fault(&mut self, name: &str) -> Result<Option<Reply>, End> {
        match self.shared.faults.at_command(self.seat, name) {
            Some(action) => self.act(action).await,
            None => Ok(None),
        }
    }

    async fn act(&mut self, action: Action) -> Result<Option<Reply>, End> {
        match session::act(self.channel, action).await? {
            None => Ok(None),
            Some(Refusal::No(text)) => Ok(Some(reply::or_with_code(&text, "451 4.3.0"))),
            Some(Refusal::Bad(text)) => Ok(Some(reply::or_with_code(&text, "500 5.5.0"))),
            Some(Refusal::Bye(text)) => {
                self.say(reply::or_with_code(&text, "421 4.3.0"));
                Err(End::Said)
            }
        }
    }

    /// Queues a reply, with an enhanced code only if the server has them.
    fn say(&mut self, mut reply: Reply) {
        if !self.has("ENHANCEDSTATUSCODES") {
            reply.enhanced = None;
        }
        match reply.encode() {
            Ok(lines) => self.channel.put(&lines),
            Err(error) => {
                tracing::warn!(connection = self.seat.number(), %error, "a reply can't be written");
                self.channel.put(b"451 a reply can't be written\r\n");
            }
        }
    }
}
