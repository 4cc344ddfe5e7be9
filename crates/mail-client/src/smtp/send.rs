//! Sending a message.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
};

use futures_util::future::Either;
use mail_pool::Conn;
use mail_proto::smtp::{Address, Reply, client::Failure};

use super::{
    client::SmtpClient,
    connection::{Answer, NOT_ACCEPTED, Text},
    mail::Mail,
    manager::SmtpManager,
    outcome::{Outcome, RecipientOutcome, Sent},
    ready::{Ready, Rest},
};
use crate::{
    client::{About, Attempted, Calls, Deadline, Pending},
    error::{Cause, Error, Result},
    link::{Feed, Piece, feed},
};

/// Whatever a message fails with before its end was written, it was not accepted: it may be sent again.
const ABOUT: About = About { name: "MAIL", subject: None, harmless: true };

impl SmtpClient {
    /// Sends a message. It is taken for one recipient at least, or it is an error; [`Sent`] says for whom it was taken.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::smtp::SmtpClient) -> mail_client::Result<()> {
    /// use mail_client::smtp::Mail;
    ///
    /// let sent = client.send(Mail::new("From: kim@example.org\r\nTo: bob@example.com\r\n\r\nHello!\r\n")).await?;
    /// for (address, reply) in sent.refused() {
    ///     println!("{address} was refused: {reply}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It is never sent twice. If the connection is lost before the message's end was written, the server can't have
    /// taken it: then it is sent once more over another, if all of it is there still, and else the error is of kind
    /// [`ConnectionLost`](crate::ErrorKind::ConnectionLost) and [retryable](Error::is_retryable). If it is lost behind
    /// that, and before the answer, the error is of kind [`OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
    ///
    /// Dropping the future before anything was written sends nothing. Later it cuts the connection, so that the server
    /// accepts nothing, unless the message's end was written already.
    ///
    /// # Errors
    /// The server refuses the sender, all recipients, or the message ([`Refused`](crate::ErrorKind::Refused); with 4xx
    /// it is [retryable](Error::is_retryable)); it is larger than the server takes
    /// ([`TooMuch`](crate::ErrorKind::TooMuch)) or needs what the server doesn't have
    /// ([`Unsupported`](crate::ErrorKind::Unsupported)), of which nothing was sent; something is
    /// [wrong](super::InvalidMail) with it, or its source fails ([`Argument`](crate::ErrorKind::Argument)).
    /// [`Error::recipients`] says what became of each recipient.
    pub async fn send(&self, mail: Mail) -> Result<Sent> {
        let ready = self.calls().ready(mail).await?;
        self.calls().send(&ready).await
    }

    /// Sends a message in the background, as [`begin`](Self::begin) begins any operation.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn begin_send(&self, mail: Mail) -> Result<Pending<Sent>> {
        self.begin(|client| async move { client.send(mail).await })
    }
}

impl Calls<SmtpManager> {
    /// Makes a message ready to be sent.
    pub(super) async fn ready(&self, mail: Mail) -> Result<Ready> {
        let ready = mail.ready(self.pool().manager().lone_line_breaks).await;
        ready.map_err(|error| error.about(&ABOUT))
    }

    pub(super) async fn send(&self, ready: &Ready) -> Result<Sent> {
        let to: Vec<Address> = ready.envelope.to.iter().map(|(address, _)| address.clone()).collect();
        // What the recipients were answered, when it was last tried.
        let answered = Mutex::new(Vec::new());
        let outcome = {
            let answered = &answered;
            let attempt = self.attempt(
                || ABOUT,
                |connection, deadline| async move {
                    let (Answer { outcome, recipients }, is_whole) =
                        upload(connection, ready, deadline).await;
                    *lock(answered) = recipients;
                    let can_repeat = is_whole && !outcome.as_ref().is_err_and(is_for_good);
                    Attempted { outcome, can_repeat }
                },
            );
            attempt.await
        };
        let recipients = answered.into_inner().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(reply) => Ok(Sent { recipients: outcomes(to, &recipients, Outcome::Accepted), reply }),
            Err(error) => {
                let error = not_accepted(error);
                let all = match error.cause() {
                    Cause::OutcomeUnknown { .. } => outcomes(to, &recipients, |_| Outcome::Unknown),
                    Cause::Smtp(Failure::SenderRefused(reply)) => {
                        let refused =
                            |address| RecipientOutcome { address, outcome: Outcome::Refused(reply.clone()) };
                        to.into_iter().map(refused).collect()
                    }
                    Cause::Smtp(Failure::Refused(reply)) => {
                        outcomes(to, &recipients, |_| Outcome::Refused(reply.clone()))
                    }
                    _ => outcomes(to, &recipients, |_| Outcome::NotSent),
                };
                Err(error.with_recipients(all))
            }
        }
    }
}

/// What became of the message for each recipient; `accepted` says what of those whom the server took.
fn outcomes(
    to: Vec<Address>,
    replies: &[Reply],
    accepted: impl Fn(Reply) -> Outcome,
) -> Vec<RecipientOutcome> {
    let outcome = |reply: Option<&Reply>| match reply {
        Some(reply) if reply.is_positive() => accepted(reply.clone()),
        Some(reply) => Outcome::Refused(reply.clone()),
        None => Outcome::NotSent,
    };
    let each = to.into_iter().enumerate();
    each.map(|(at, address)| RecipientOutcome { address, outcome: outcome(replies.get(at)) }).collect()
}

/// What was written of a message whose end wasn't has no effect.
fn not_accepted(error: Error) -> Error {
    let Cause::Lost { written: true, reason } = error.cause() else { return error };
    let reason = reason.clone();
    error.with_cause(Cause::NoEffect { but: NOT_ACCEPTED, reason })
}

/// Whether a server that ended the connection would do so again: it said 5xx.
fn is_for_good(error: &Error) -> bool {
    error.smtp_reply().is_some_and(|reply| reply.code.is_permanent())
}

/// Sends a message over this connection. Says beside the answer whether it could be sent again: nothing was read of what
/// isn't kept.
async fn upload(connection: Conn<SmtpManager>, ready: &Ready, deadline: Option<Deadline>) -> (Answer, bool) {
    let envelope = ready.envelope_for(connection.extensions());
    let Some(mut reading) = lock(&ready.rest).take() else {
        let text = Text::new(ready.text.clone(), None);
        return (connection.send(envelope, text, deadline).await, true);
    };
    reading.expect(envelope.parameters.body);
    let (feed, intake) = feed();
    let text = Text::new(ready.text.clone(), Some(intake));
    let answer = {
        let answer = pin!(connection.send(envelope, text, deadline));
        let pouring = pin!(pour(&mut reading, feed));
        match futures_util::future::select(answer, pouring).await {
            Either::Left((answer, _)) => answer,
            // The message ends here, and with it the connection; the reason is the source's.
            Either::Right((error, _)) => return (error.on(connection.id()).into(), false),
        }
    };
    let is_whole = !reading.is_begun();
    *lock(&ready.rest) = Some(reading);
    (answer, is_whole)
}

/// Reads the rest of a message into a connection. Returns only if it can't.
async fn pour(rest: &mut Rest, feed: Feed) -> Error {
    let Feed { pieces, wanted } = feed;
    if wanted.await.is_ok() {
        loop {
            let piece = match rest.next().await {
                Ok(Some(bytes)) => Piece::Bytes(bytes),
                Ok(None) => Piece::End,
                Err(error) => return error,
            };
            let is_end = matches!(piece, Piece::End);
            if pieces.send(piece).await.is_err() || is_end {
                break;
            }
        }
    }
    // What became of it is the server's to tell.
    std::future::pending().await
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
