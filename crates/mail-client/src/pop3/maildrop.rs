//! What can be asked of a maildrop over one connection, by whoever has a session or by anyone.

use std::{future::Future, sync::Arc};

use futures_util::future::try_join;
use mail_pool::Conn;
use mail_proto::pop3::{Capabilities, Capability, Command, DropListing, client::Item};
use tokio::time::{Instant, timeout_at};

use super::{
    Language, ListedMessage, MessageReader, NumberedMessage, UniqueId, Which,
    connection::{Answer, Caller, Gathered, Use},
    directory::{Directory, complete},
    manager::Pop3Manager,
};
use crate::{
    client::{About, Deadline, Subject},
    error::{Cause, Error, ErrorKind, Result},
};

/// A connection, as one caller uses it for a while.
pub(super) struct Maildrop {
    connection: Conn<Pop3Manager>,
    using: Use,
    caller: Caller,
    /// When the caller began to wait for what he does here, if that was before.
    since: Option<Instant>,
    deadline: Option<Deadline>,
}

/// How much of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    All,
    /// The header, and so many lines of the body.
    Top(u32),
}

impl Extent {
    fn command(self, number: u32) -> Command {
        match self {
            Self::All => Command::Retr(number),
            Self::Top(lines) => Command::Top { number, lines },
        }
    }

    /// What an error tells of it.
    pub(super) fn about(self, which: &Which) -> About {
        let name = match self {
            Self::All => "RETR",
            Self::Top(_) => "TOP",
        };
        About { name, subject: Some(Subject::Message(which.to_string().into())), harmless: true }
    }
}

impl Maildrop {
    pub(super) fn new(connection: Conn<Pop3Manager>, caller: Caller, deadline: Option<Deadline>) -> Self {
        let using = connection.enter();
        Self { connection, using, caller, since: None, deadline }
    }

    /// The same for a caller who has waited since then.
    pub(super) fn since(self, since: Instant) -> Self {
        Self { since: Some(since), ..self }
    }

    fn waiting_since(&self) -> Instant {
        self.since.unwrap_or_else(Instant::now)
    }

    /// The same, with a deadline of its own.
    pub(super) fn within(&self, deadline: Option<Deadline>) -> Self {
        Self::new(self.connection.clone(), self.caller, deadline)
    }

    pub(super) fn connection(&self) -> &Conn<Pop3Manager> {
        &self.connection
    }

    pub(super) async fn run(&self, command: Command) -> Result<Answer> {
        self.connection.run(command, self.caller, self.waiting_since(), self.deadline).await
    }

    /// What the server calls its messages.
    pub(super) async fn directory(&self) -> Result<Arc<Directory>> {
        if let Some(known) = self.connection.directory() {
            return Ok(known);
        }
        if self.caller != Caller::Anyone {
            return self.ask().await;
        }
        let _asking = self.in_time(self.connection.ask()).await?;
        match self.connection.directory() {
            Some(known) => Ok(known),
            None => self.ask().await,
        }
    }

    async fn ask(&self) -> Result<Arc<Directory>> {
        let answer = self.run(Command::Uidl(None)).await;
        let answer = answer.map_err(|error| self.lacking(error, &Capability::Uidl, "UIDL"))?;
        let directory = Arc::new(Directory::new(answer.told.items, answer.told.unreadable));
        self.connection.learn(&directory);
        Ok(directory)
    }

    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let Some(deadline) = self.deadline else { return Ok(future.await) };
        timeout_at(deadline.at, future).await.map_err(|_| deadline.passed(false))
    }

    /// A command that a server refuses which doesn't announce it is one that it doesn't have.
    fn lacking(&self, error: Error, capability: &Capability, name: &'static str) -> Error {
        if error.kind() == ErrorKind::Refused
            && !error.is_retryable()
            && !self.connection.capabilities().has(capability)
        {
            return error.with_cause(Cause::Lacks(name));
        }
        error
    }

    /// The number of a message.
    pub(super) async fn number(&self, which: &Which) -> Result<u32> {
        match which {
            Which::Number(number) => Ok(*number),
            Which::Unique(uid) => self.directory().await?.number(uid),
        }
    }

    pub(super) async fn stat(&self) -> Result<DropListing> {
        let answer = self.run(Command::Stat).await?;
        answer.completion.drop.ok_or_else(|| Error::new(Cause::Unanswered("how many messages there are")))
    }

    pub(super) async fn uidl(&self) -> Result<Vec<UniqueId>> {
        self.directory().await?.uids()
    }

    /// The numbers and sizes of all messages.
    async fn sizes(&self) -> Result<Gathered> {
        let told = self.run(Command::List(None)).await?.told;
        complete(told.unreadable.as_ref())?;
        Ok(told)
    }

    /// All messages, by their names.
    pub(super) async fn list(&self) -> Result<Vec<ListedMessage>> {
        let (directory, sizes) = try_join(self.directory(), self.sizes()).await?;
        directory.uids()?;
        let listed = sizes.items.into_iter().filter_map(|item| match item {
            Item::Size(size) => Some(size),
            _ => None,
        });
        listed
            .map(|size| {
                let uid = directory.uid(size.number).cloned();
                let uid = uid.ok_or_else(|| Error::new(Cause::Unanswered("what each message is called")));
                Ok(ListedMessage { uid: uid?, octets: size.octets })
            })
            .collect()
    }

    /// All messages, by their numbers.
    pub(super) async fn numbered(&self) -> Result<Vec<NumberedMessage>> {
        let directory = async {
            match self.directory().await {
                Ok(directory) => Ok(Some(directory)),
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
                Err(error) => Err(error),
            }
        };
        let (directory, sizes) = try_join(directory, self.sizes()).await?;
        let listed = sizes.items.into_iter().filter_map(|item| match item {
            Item::Size(size) => Some(size),
            _ => None,
        });
        let uid = |number| directory.as_ref().and_then(|directory| directory.uid(number)).cloned();
        Ok(listed
            .map(|size| NumberedMessage { number: size.number, uid: uid(size.number), octets: size.octets })
            .collect())
    }

    /// What the server can do, as it says when asked. One that has no CAPA has nothing to tell.
    pub(super) async fn capabilities(&self) -> Result<Capabilities> {
        let answer = match self.run(Command::Capa).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::Refused && !error.is_retryable() => {
                return Ok(Capabilities::default());
            }
            Err(error) => return Err(error),
        };
        Ok(answer
            .told
            .items
            .into_iter()
            .filter_map(|item| match item {
                Item::Capability(capability) => Some(capability),
                _ => None,
            })
            .collect())
    }

    pub(super) async fn languages(&self) -> Result<Vec<Language>> {
        let answer = self.run(Command::Lang(None)).await;
        let answer = answer.map_err(|error| self.lacking(error, &Capability::Lang, "LANG"))?;
        let language = |item| match item {
            Item::Text(line) => {
                let line = String::from_utf8_lossy(&line).into_owned();
                let (tag, name) = line.split_once(' ').unwrap_or((&line, ""));
                Some(Language { tag: tag.to_owned(), name: name.to_owned() })
            }
            _ => None,
        };
        Ok(answer.told.items.into_iter().filter_map(language).collect())
    }

    /// A message, as soon as the server has begun to send it.
    pub(super) async fn open(&self, which: &Which, extent: Extent) -> Result<MessageReader> {
        let number = self.number(which).await?;
        let mut reader = self.ask_for(number, extent)?;
        let begun = {
            // Its turn comes behind what others are reading.
            let _starved = reader.starve();
            self.in_time(reader.begun()).await
        };
        // What was written in time, and wasn't answered, may be on its way.
        let begun = begun.map_err(|error| match (error.cause(), self.deadline) {
            (Cause::Deadline { .. }, Some(deadline)) => deadline.passed(true),
            _ => error,
        })?;
        begun.map_err(|error| match extent {
            Extent::All => error,
            Extent::Top(_) => self.lacking(error, &Capability::Top, "TOP"),
        })?;
        Ok(reader)
    }

    /// Asks for a message.
    pub(super) fn ask_for(&self, number: u32, extent: Extent) -> Result<MessageReader> {
        let (content, guard) =
            self.connection.open(extent.command(number), self.caller, self.waiting_since())?;
        Ok(MessageReader::new(content, guard, self.connection.clone(), self.connection.enter()))
    }

    pub(super) fn is_broken(&self) -> bool {
        self.connection.is_broken()
    }
}

impl std::fmt::Debug for Maildrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maildrop")
            .field("connection", &self.connection.id())
            .field("caller", &self.caller)
            .field("using", &self.using)
            .finish()
    }
}
