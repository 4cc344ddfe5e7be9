//! APPEND: messages put into a mailbox (RFC 9051 section 6.3.12, RFC 3502, RFC 4315).

use std::{
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt, future::Either, stream};
use mail_proto::imap::{
    AppendForm, AppendMessage, Capability, Command, MailboxName, ResponseCode, SequenceSet,
    client::{Request, Selection, SessionError, UploadError, WholeMessage},
};

use super::{
    ImapClient, Mailbox,
    calls::Calls,
    connection::Answer,
    manager::ImapManager,
    message_source::{Content, NewMessage, Readers, pour},
};
use crate::{
    client::{Attempted, Deadline},
    error::{Cause, Error, ErrorKind, Result, SessionEnd},
    link::feed,
};

/// Where a message that was put into a mailbox is to be found.
///
/// A server without UIDPLUS doesn't tell, nor does one whose mailbox keeps no UIDs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The mailbox' UIDVALIDITY.
    pub uid_validity: Option<u32>,
    /// The message's UID.
    pub uid: Option<u32>,
}

/// As much goes into one command of several messages (MULTIAPPEND): if it fails, all of it has to be sent again.
const MOST_MESSAGES: usize = 100;
const MOST_BYTES: u64 = 4 << 20;

/// So many messages are under way at a time where each has a command of its own.
const UNDER_WAY: usize = 50;

impl ImapClient {
    /// Puts a message into a mailbox (RFC 9051 section 6.3.12). It is stored whole or not at all, and never twice: a
    /// command that a lost connection left without an answer isn't repeated, and
    /// [`was_written`](Error::was_written) says whether the message may be there.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use mail_client::imap::{Flag, NewMessage};
    ///
    /// let file = tokio::fs::File::open("mail.eml").await?;
    /// let len = file.metadata().await?.len();
    /// let stored = client.append("Archive", NewMessage::from_reader(file, len).flags([Flag::Seen])).await?;
    /// println!("its UID is {:?}", stored.uid);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, as with [`ResponseCode::TryCreate`] for a mailbox that isn't there; the message is larger
    /// than the server takes ([`TooMuch`](crate::ErrorKind::TooMuch)), which is found out before anything is sent where
    /// it says so; or its reader fails, or has another length than was told
    /// ([`Argument`](crate::ErrorKind::Argument)).
    pub async fn append(&self, mailbox: impl Into<MailboxName>, message: NewMessage) -> Result<Appended> {
        self.calls().append(mailbox.into(), message).await
    }

    /// Puts many messages into a mailbox, with as few round trips as the server allows, and tells what became of each,
    /// in their order. Messages that are all there share commands if the server has MULTIAPPEND (RFC 3502); where one
    /// is refused, those that shared its command are sent on their own, so that it stops no other. They are stored in
    /// their order, but for that case.
    ///
    /// # Errors
    /// There are none but those of each message; see [`append`](Self::append).
    pub async fn append_many(
        &self,
        mailbox: impl Into<MailboxName>,
        messages: impl IntoIterator<Item = NewMessage>,
    ) -> Vec<Result<Appended>> {
        let (calls, mailbox) = (self.calls(), mailbox.into());
        let shares = calls.supports(&Capability::MultiAppend).await.unwrap_or(false);
        // One that the server says it doesn't take breaks up no command of several.
        let mut fitting = Vec::new();
        for message in messages {
            let fits = calls.check_size(&message.about, "APPEND", &mailbox).await;
            fitting.push((message, fits.err()));
        }
        let batches = batches(fitting, if shares { MOST_MESSAGES } else { 1 });
        let under_way = if shares { 2 } else { UNDER_WAY };
        let outcomes = stream::iter(batches)
            .map(|batch| calls.append_batch(&mailbox, batch))
            .buffered(under_way)
            .collect::<Vec<_>>();
        outcomes.await.into_iter().flatten().collect()
    }
}

impl Mailbox {
    /// Puts a message into this mailbox. See [`ImapClient::append`].
    ///
    /// # Errors
    /// As there.
    pub async fn append(&self, message: NewMessage) -> Result<Appended> {
        self.calls().append(self.name().clone(), message).await
    }
}

/// Messages that share a command, or one that isn't sent.
enum Batch {
    Sent(Vec<NewMessage>),
    Unfit(Error),
}

/// Messages that may share a command. One that is read as it is sent has a command of its own.
fn batches(messages: Vec<(NewMessage, Option<Error>)>, most: usize) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    let is_whole = |message: &NewMessage| matches!(message.content, Content::Whole(_));
    for (message, unfit) in messages {
        if let Some(error) = unfit {
            batches.push(Batch::Unfit(error));
            continue;
        }
        match batches.last_mut() {
            Some(Batch::Sent(batch))
                if batch.len() < most
                    && bytes + message.len() <= MOST_BYTES
                    && is_whole(&message)
                    && batch.iter().all(is_whole) =>
            {
                bytes += message.len();
                batch.push(message);
            }
            _ => {
                bytes = message.len();
                batches.push(Batch::Sent(vec![message]));
            }
        }
    }
    batches
}

impl Calls {
    pub(super) async fn append(&self, mailbox: MailboxName, message: NewMessage) -> Result<Appended> {
        let NewMessage { about, content } = message;
        self.check_size(&about, "APPEND", &mailbox).await?;
        let command = Command::append(mailbox.clone(), about);
        let content = Kept::from(content);
        // Two commands have no more time than one.
        let as_one = self.as_one();
        let calls = as_one.as_ref().unwrap_or(self);
        let mut outcome = calls.upload_kept(Request::new(command.clone()), &content).await;
        // Courier takes no message into the mailbox that is selected just then, be it by somebody else's call, if it is
        // selected read-only.
        if let Err(error) = &outcome
            && error.is_no()
            && error.text().is_some_and(|text| text.to_ascii_lowercase().contains("read-only"))
            && content.is_whole()
        {
            let selection = Selection { mailbox, read_only: false, uid_validity: None };
            let written = calls.upload_kept(Request::on(selection, command), &content).await;
            // Nobody may open it to write there, as was said.
            if !matches!(&written, Err(error) if error.kind() == ErrorKind::Mailbox) {
                outcome = written;
            }
        }
        Ok(appended(&outcome?, 1).pop().unwrap_or_default())
    }

    /// Fails, before anything is sent, if the server says that it takes no such message.
    pub(super) async fn check_size(
        &self,
        message: &AppendMessage,
        command: &'static str,
        mailbox: &MailboxName,
    ) -> Result<()> {
        let connection = self.connection().await?;
        let capabilities = connection.capabilities();
        if let Some(limit) = capabilities.append_limit().filter(|limit| message.len > *limit) {
            let error = Error::new(Cause::TooLarge { len: message.len, limit });
            return Err(error.in_command(command, Some(mailbox)));
        }
        if message.form == AppendForm::Binary && !capabilities.supports(&Capability::Binary) {
            return Err(self.unsupported(Capability::Binary, command));
        }
        Ok(())
    }

    /// Runs a command that carries this message.
    pub(super) async fn upload(&self, request: Request, content: Content) -> Result<Answer> {
        self.upload_kept(request, &content.into()).await
    }

    async fn upload_kept(&self, request: Request, content: &Kept) -> Result<Answer> {
        match content {
            Kept::Whole(message) => self.run(request.with_whole_upload(message.clone())).await,
            Kept::Reader(reader) => {
                let lens: Vec<u64> = match request.command() {
                    Command::Append { messages, .. } => messages.iter().map(|message| message.len).collect(),
                    Command::Replace { message, .. } => vec![message.len],
                    _ => Vec::new(),
                };
                let request = request.with_streamed_upload();
                self.run_with(&request, |connection, deadline| {
                    stream_up(connection, request.clone(), reader, &lens, deadline)
                })
                .await
            }
        }
    }

    async fn append_batch(&self, mailbox: &MailboxName, batch: Batch) -> Vec<Result<Appended>> {
        let batch = match batch {
            Batch::Sent(batch) => batch,
            Batch::Unfit(error) => return vec![Err(error)],
        };
        if batch.len() == 1 {
            let mut outcomes = Vec::new();
            for message in batch {
                outcomes.push(self.append(mailbox.clone(), message).await);
            }
            return outcomes;
        }
        let count = batch.len();
        let messages = batch.iter().map(|message| message.about.clone()).collect();
        let command = Command::Append { mailbox: mailbox.clone(), messages };
        let request = batch.iter().fold(Request::new(command), |request, message| match &message.content {
            Content::Whole(message) => request.with_whole_upload(message.clone()),
            Content::Reader(_) => request,
        });
        match self.run(request).await {
            Ok(answer) => appended(&answer, count).into_iter().map(Ok).collect(),
            // None of them was stored. Which it is that the server doesn't take shows when each is sent alone.
            Err(error) if !error.was_written() && !error.is_retryable() => {
                let alone = batch.into_iter().map(|message| self.append(mailbox.clone(), message));
                stream::iter(alone).buffered(UNDER_WAY).collect().await
            }
            Err(error) => vec![Err(error); count],
        }
    }
}

/// What a command carries, which may have to be sent again.
enum Kept {
    Whole(WholeMessage),
    /// Until the server wants it nothing is read of it, and another connection can have it.
    Reader(Mutex<Option<Readers>>),
}

impl From<Content> for Kept {
    fn from(content: Content) -> Self {
        match content {
            Content::Whole(message) => Self::Whole(message),
            Content::Reader(reader) => Self::Reader(Mutex::new(Some(vec![reader]))),
        }
    }
}

impl Kept {
    /// Whether all of it is there still.
    fn is_whole(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Reader(reader) => reader.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
        }
    }
}

/// Sends a command whose message is read as it goes. It can be repeated if none of it was written, nor of the message
/// read: what a session takes may lie in the way to a socket that takes nothing.
async fn stream_up(
    connection: mail_pool::Conn<ImapManager>,
    request: Request,
    readers: &Mutex<Option<Readers>>,
    lens: &[u64],
    deadline: Option<Deadline>,
) -> Attempted<Answer> {
    let lock = || readers.lock().unwrap_or_else(PoisonError::into_inner);
    let mut unread = lock().take();
    if unread.is_none() {
        let error = Error::new(Cause::Configuration("a message can be read only once"));
        return Attempted { outcome: Err(error), can_repeat: false };
    }
    let (feed, intake) = feed();
    let differs = AtomicBool::new(false);
    let outcome = {
        let answer = pin!(connection.run_fed(request, Some(intake), deadline));
        let pouring = pin!(pour(&mut unread, lens, feed, &differs));
        match futures_util::future::select(answer, pouring).await {
            // Of another's message, whose end was this command's too, it knows nothing.
            Either::Left((Err(error), _)) if differs.load(Ordering::Relaxed) => Err(of_the_message(error)),
            Either::Left((answer, _)) => answer,
            // The message ends here, and with it the connection; the reason is the reader's.
            Either::Right((Err(error), _)) => return Attempted { outcome: Err(error), can_repeat: false },
            Either::Right((Ok(()), answer)) => answer.await,
        }
    };
    let unwritten = matches!(&outcome, Err(error) if !error.was_written());
    let can_repeat = unwritten && unread.is_some();
    *lock() = unread;
    Attempted { outcome, can_repeat }
}

/// A connection that was cut since the message isn't what was announced is the message's error.
fn of_the_message(error: Error) -> Error {
    let Cause::Lost { reason, .. } = error.cause() else { return error };
    match reason.cause() {
        Cause::Session(SessionEnd::Imap(SessionError::Upload(upload)))
            if *upload != UploadError::BrokenOff =>
        {
            let upload = *upload;
            error.with_cause(Cause::Upload(upload))
        }
        _ => error,
    }
}

/// What APPENDUID tells of so many messages.
pub(super) fn appended(answer: &Answer, count: usize) -> Vec<Appended> {
    let told = match &answer.completion.status.code {
        Some(ResponseCode::AppendUid { uid_validity, uids }) => Some((*uid_validity, uids)),
        _ => None,
    };
    // A set that doesn't fit the messages tells nothing of any.
    let fitting = told.filter(|(_, uids)| uids.len() == Some(count as u64));
    let uids = fitting.and_then(|(_, uids)| SequenceSet::numbers(uids)).into_iter().flatten();
    let mut uids: Vec<Option<u32>> = uids.map(Some).collect();
    uids.resize(count, None);
    let uid_validity = told.map(|(uid_validity, _)| uid_validity);
    uids.into_iter().map(|uid| Appended { uid_validity, uid }).collect()
}
