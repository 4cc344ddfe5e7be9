//! What was accepted over SMTP.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mail_proto::smtp::{Address, MailParameters, RcptParameters};
use tokio::sync::watch;

/// A message that the server accepted over SMTP, with its envelope: see [`Server::submissions`].
///
/// [`Server::submissions`]: crate::Server::submissions
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Submission {
    /// Over which connection, counted from 1 in the order of connecting.
    pub connection: u64,
    /// When it was accepted, from the server's start.
    pub at: Duration,
    /// Who was logged in.
    pub user: Option<String>,
    /// Whom reports go to; none for `<>`.
    pub from: Option<Address>,
    /// What MAIL said besides.
    pub parameters: MailParameters,
    /// Those who were accepted, in their order, and what RCPT said besides.
    pub recipients: Vec<(Address, RcptParameters)>,
    /// In how many chunks of BDAT it came; none if it came by DATA.
    pub chunks: Option<u32>,
    /// The message, without the dots that were stuffed in, as it lies in the INBOX of those recipients who are users.
    pub message: Bytes,
}

/// All of them, in the order in which they were accepted.
#[derive(Debug, Default)]
pub(crate) struct Submissions {
    accepted: Mutex<Vec<Submission>>,
    count: watch::Sender<usize>,
}

impl Submissions {
    /// One more; how many there are.
    pub(crate) fn add(&self, submission: Submission) -> usize {
        let mut accepted = self.lock();
        accepted.push(submission);
        self.count.send_replace(accepted.len());
        accepted.len()
    }

    pub(crate) fn all(&self) -> Vec<Submission> {
        self.lock().clone()
    }

    /// Waits until there are so many.
    pub(crate) async fn at_least(&self, submissions: usize) {
        // The sender lives as long as the server.
        let _ = self.count.subscribe().wait_for(|count| *count >= submissions).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Submission>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
