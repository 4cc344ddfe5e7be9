//! The IMAP server's side of a connection (RFC 3501 with the extensions that `CAPABILITY` lists).

mod append;
mod capabilities;
mod fetch;
mod idle;
mod input;
mod login;
mod mailboxes;
mod messages;
mod pattern;
mod search;
mod section;
mod selected;
mod store;
mod transcript;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use mail_proto::frame::{Framer, Segment};
use mail_proto::imap::command::{Command, TaggedCommand, tag_of};
use mail_proto::imap::encode::{EncodeError, Encoded, Fragment};
use mail_proto::imap::fetch::Fetch;
use mail_proto::imap::response::{ParseOptions, Response, Untagged};
use mail_proto::imap::{Flag, ListOptions, ResponseCode, Status, StatusKind};
use tokio::sync::watch;

use crate::channel::Channel;
use crate::fault::{Action, Break};
use crate::report::Seat;
use crate::server::{Endpoint, Shared};
use crate::store::{Account, Flags};
use selected::{Selected, Update};

/// What is queued is sent before more than this is gathered.
const QUEUED: usize = 64 * 1024;

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
        framer: Framer::commands(input::limits()),
        user: None,
        selected: None,
        then: Then::GoOn,
    };
    match session.run().await {
        Ok(()) | Err(End::Said) => session.channel.close().await,
        Err(End::Cut) => Ok(()),
        Err(End::Broken(error)) => Err(error),
    }
}

/// One connection.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    endpoint: Endpoint,
    channel: &'a mut Channel,
    seat: &'a Seat,
    framer: Framer,
    user: Option<User>,
    selected: Option<Selected>,
    then: Then,
}

/// What follows the tagged response of the command.
enum Then {
    GoOn,
    StartTls,
    Close,
}

/// Who is logged in.
struct User {
    account: Account,
    changes: watch::Receiver<u64>,
}

/// Why a session ends, other than by the client's leaving.
#[derive(Debug)]
enum End {
    /// After the answer that was queued last.
    Said,
    /// At once, without sending what is queued.
    Cut,
    /// The connection failed.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// How a command went: what its tagged response says.
type Outcome = Result<Status, End>;

impl Session<'_> {
    async fn run(&mut self) -> Result<(), End> {
        if self.endpoint == Endpoint::ImapTls {
            self.channel.start_tls(self.shared.identity.server.clone()).await?;
        }
        self.greet().await?;
        while let Some(segment) = self.next_command().await? {
            self.command(segment).await?;
        }
        Ok(())
    }

    async fn greet(&mut self) -> Result<(), End> {
        if let Some(action) = self.shared.faults.at_greeting(self.seat.number()) {
            match action {
                Action::No(text) => {
                    self.say(Untagged::Status(Status::new(StatusKind::No, text)));
                    return Ok(());
                }
                Action::Bad(text) => {
                    self.say(Untagged::Status(Status::new(StatusKind::Bad, text)));
                    return Ok(());
                }
                other => drop(self.act(other).await?),
            }
        }
        let code = ResponseCode::Capability(self.capabilities());
        self.say(Untagged::Status(ok("mail-testkit is ready").with_code(code)));
        Ok(())
    }

    /// Carries out one command and answers it.
    async fn command(&mut self, segment: Segment) -> Result<(), End> {
        let name = transcript::name(&segment.bytes);
        let parsed = TaggedCommand::parse(segment.bytes.clone(), ParseOptions::STRICT);
        self.seat
            .saw(transcript::text(&segment.bytes, parsed.as_ref().ok().map(|parsed| &parsed.value.command)));
        let refused = match self.shared.faults.at_command(self.seat.number(), &name) {
            Some(action) => self.act(action).await?,
            None => None,
        };
        let (tag, outcome) = match parsed {
            _ if !self.takes_literals_of(&segment) => {
                self.skip_literal(&segment).await?;
                (
                    tag_of(&segment.bytes).map(Bytes::copy_from_slice),
                    bad("this literal must wait to be asked for"),
                )
            }
            Ok(parsed) => {
                let TaggedCommand { tag, command, uploads } = parsed.value;
                let outcome = match (command, refused) {
                    // A message is read even if it isn't wanted: the next command is behind it.
                    (Command::Append { mailbox, messages }, refused) => {
                        let wanted = append::Wanted { mailbox, messages, uploads };
                        self.append(wanted, &segment, refused).await?
                    }
                    (_, Some(refused)) => refused,
                    (command, None) => self.execute(command).await?,
                };
                (Some(tag), outcome)
            }
            Err(error) => {
                self.skip_literal(&segment).await?;
                let text = error.to_string();
                (tag_of(&segment.bytes).map(Bytes::copy_from_slice), refused.unwrap_or_else(|| bad(text)))
            }
        };
        let Some(tag) = tag else {
            self.say(Untagged::Status(outcome));
            return Ok(());
        };
        let may_expunge = !matches!(name.as_str(), "FETCH" | "STORE" | "SEARCH");
        self.tell_news(may_expunge)?;
        let outcome = if outcome.text.is_empty() {
            Status { text: format!("{name} completed").into(), ..outcome }
        } else {
            outcome
        };
        self.put(Response::Tagged { tag, status: outcome }.encode());
        match std::mem::replace(&mut self.then, Then::GoOn) {
            Then::GoOn => Ok(()),
            Then::Close => Err(End::Said),
            Then::StartTls => {
                // What came behind the command may be anyone's, so it is forgotten, unanswered.
                self.framer.reset();
                Ok(self.channel.start_tls(self.shared.identity.server.clone()).await?)
            }
        }
    }

    /// Does what a fault says; the answer of a command that it refuses.
    async fn act(&mut self, action: Action) -> Result<Option<Status>, End> {
        match action {
            Action::No(text) => return Ok(Some(Status::new(StatusKind::No, text))),
            Action::Bad(text) => return Ok(Some(Status::new(StatusKind::Bad, text))),
            Action::Bye(text) => {
                self.say(Untagged::Status(Status::new(StatusKind::Bye, text)));
                return Err(End::Said);
            }
            Action::Inject(octets) => self.channel.put_shared(octets),
            Action::Cut => {
                self.channel.flush().await?;
                return Err(End::Cut);
            }
            Action::CutAfter(octets) => self.break_after(octets, Break::Cut).await?,
            Action::Stall => self.break_after(0, Break::Stall).await?,
            Action::StallAfter(octets) => self.break_after(octets, Break::Stall).await?,
        }
        Ok(None)
    }

    async fn break_after(&mut self, octets: u64, how: Break) -> Result<(), End> {
        self.channel.flush().await?;
        self.channel.tap().break_after(octets, how);
        Ok(())
    }

    async fn execute(&mut self, command: Command) -> Outcome {
        match command {
            Command::Capability => {
                self.say(Untagged::Capability(self.capabilities()));
                Ok(done())
            }
            Command::Noop => Ok(done()),
            Command::Logout => {
                self.say(Untagged::Status(Status::new(StatusKind::Bye, "goodbye")));
                self.then = Then::Close;
                Ok(done())
            }
            Command::Id(_) => {
                let field = |name: &'static str, value: &'static str| (name.into(), Some(value.into()));
                self.say(Untagged::Id(vec![
                    field("name", "mail-testkit"),
                    field("version", env!("CARGO_PKG_VERSION")),
                ]));
                Ok(done())
            }
            Command::StartTls => Ok(self.start_tls()),
            Command::Login { user, password } => Ok(self.login(&user, password.expose())),
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial).await,
            command => match &self.user {
                None => Ok(bad("log in first")),
                Some(user) => {
                    let account = user.account.clone();
                    self.execute_as(&account, command).await
                }
            },
        }
    }

    /// What needs a login.
    async fn execute_as(&mut self, account: &Account, command: Command) -> Outcome {
        match command {
            Command::Enable(_) => {
                self.say(Untagged::Enabled(std::iter::empty().collect()));
                Ok(done())
            }
            Command::Namespace => Ok(self.namespace()),
            Command::List { reference, patterns, options }
                if patterns.len() == 1 && options == ListOptions::default() =>
            {
                Ok(self.list(account, &reference, &patterns[0]))
            }
            Command::Lsub { reference, pattern } => Ok(self.lsub(account, &reference, &pattern)),
            Command::Status { mailbox, items } => Ok(self.status(account, &mailbox, &items)),
            Command::Select { mailbox, read_only, .. } => Ok(self.select(account, &mailbox, read_only)),
            Command::Create { mailbox, .. } => Ok(self.create(account, &mailbox)),
            Command::Delete(mailbox) => Ok(mailboxes::changed(account.delete(mailbox.as_bytes()))),
            Command::Rename { from, to } => {
                Ok(mailboxes::changed(account.rename(from.as_bytes(), to.as_bytes())))
            }
            Command::Subscribe(mailbox) => Ok(mailboxes::subscribe(account, &mailbox, true)),
            Command::Unsubscribe(mailbox) => Ok(mailboxes::subscribe(account, &mailbox, false)),
            Command::Idle => self.idle().await,
            command => match self.selected.take() {
                None => Ok(bad("select a mailbox first")),
                Some(mut selected) => {
                    let outcome = self.execute_in(account, &mut selected, command).await?;
                    if let Selection::Kept(status) = outcome {
                        self.selected = Some(selected);
                        return Ok(status);
                    }
                    Ok(done())
                }
            },
        }
    }

    /// What needs a selected mailbox.
    async fn execute_in(
        &mut self,
        account: &Account,
        selected: &mut Selected,
        command: Command,
    ) -> Result<Selection, End> {
        let status = match command {
            Command::Check => done(),
            Command::Unselect => return Ok(Selection::Dropped),
            Command::Close => {
                if !selected.read_only {
                    messages::expunge(account, selected, None);
                }
                return Ok(Selection::Dropped);
            }
            Command::Expunge => messages::expunge(account, selected, None),
            Command::UidExpunge(set) => messages::expunge(account, selected, Some(&set)),
            Command::Search { uid, returns: None, key } => self.search(account, selected, uid, &key),
            Command::Fetch { uid, set, items, modifiers } if modifiers.is_empty() => {
                self.fetch(account, selected, uid, &set, &items).await?
            }
            Command::Store { uid, set, action, silent, flags, unchanged_since: None } => {
                let change = store::Change { action, silent, flags };
                self.store(account, selected, uid, &set, &change)
            }
            Command::Copy { uid, set, mailbox } => self.copy_messages(account, selected, uid, &set, &mailbox),
            Command::Move { uid, set, mailbox } => self.move_messages(account, selected, uid, &set, &mailbox),
            _ => bad("this server doesn't know that command"),
        };
        Ok(Selection::Kept(status))
    }

    /// Tells what others did in the selected mailbox.
    fn tell_news(&mut self, expunges: bool) -> Result<(), End> {
        let (Some(user), Some(selected)) = (&self.user, &mut self.selected) else { return Ok(()) };
        let updates = {
            let contents = user.account.lock();
            contents.mailboxes.get(&selected.id).map(|mailbox| selected.catch_up(mailbox, expunges))
        };
        let Some(updates) = updates else {
            self.say(Untagged::Status(Status::new(StatusKind::Bye, "the selected mailbox was deleted")));
            return Err(End::Said);
        };
        for update in updates {
            match update {
                Update::Expunge(seq) => self.say(Untagged::Expunge(seq)),
                Update::Exists(count) => self.say(Untagged::Exists(count)),
                Update::Flags(numbers, flags) => {
                    let recent =
                        self.selected.as_ref().is_some_and(|selected| selected.is_recent(numbers.uid));
                    let flags = flag_list(&flags, recent);
                    self.put(Fetch::build(numbers.seq).uid(numbers.uid).flags(&flags).encode());
                }
            }
        }
        Ok(())
    }

    /// Queues an untagged response.
    fn say(&mut self, data: Untagged) {
        self.put(Response::Untagged(data).encode());
    }

    /// Queues what was encoded. What can't be, for a flag that is none in a test's mailbox, is left out.
    fn put(&mut self, encoded: Result<Encoded, EncodeError>) {
        match encoded {
            Ok(encoded) => {
                for fragment in encoded.fragments {
                    if let Fragment::Bytes(octets) = fragment {
                        self.channel.put_shared(octets);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(connection = self.seat.number(), %error, "a response can't be written");
                let text = format!("a response can't be written: {error}");
                let notice = Status::new(StatusKind::No, text).with_code(ResponseCode::ServerBug);
                // Nothing in a notice can fail to be written.
                if let Ok(encoded) = Response::Untagged(Untagged::Status(notice)).encode() {
                    self.channel.put(&encoded.to_bytes());
                }
            }
        }
    }
}

/// Whether the mailbox is still selected when a command is done.
enum Selection {
    Kept(Status),
    Dropped,
}

/// OK, with the command's name as its text.
fn done() -> Status {
    ok("")
}

fn ok(text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::Ok, text)
}

fn no(code: ResponseCode, text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::No, text).with_code(code)
}

fn bad(text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::Bad, text)
}

/// Flags as the wire has them.
fn flag_list(flags: &Flags, recent: bool) -> Vec<Flag> {
    let mut list: Vec<Flag> = flags.iter().map(|name| Flag::new(name.to_owned())).collect();
    if recent {
        list.push(Flag::Recent);
    }
    list
}
