//! THREAD: which messages answer which, as the server finds (RFC 5256).

use mail_proto::imap::{Capability, Command, SearchKey, ThreadAlgorithm, Threads, response::Untagged};

use super::{
    Mailbox,
    search::{check_condition, writable},
};
use crate::error::{Cause, Error, Result};

impl Mailbox {
    /// Searches for messages and puts them into threads at the server (RFC 5256 section 3): trees of UIDs, each before
    /// those that answer it.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::{SearchKey, ThreadAlgorithm};
    ///
    /// let threads = inbox.thread(ThreadAlgorithm::References, SearchKey::All).await?;
    /// println!("{} conversations", threads.count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server doesn't know the algorithm; else as
    /// [`search`](Self::search).
    pub async fn thread(&self, algorithm: ThreadAlgorithm, key: SearchKey) -> Result<Threads> {
        let this = self.in_one_call();
        let Some(key) = writable(key) else { return Ok(Threads::default()) };
        let name = "UID THREAD";
        check_condition(&key).map_err(|error| error.in_command(name, Some(self.name())))?;
        let needed = String::from_utf8_lossy(algorithm.as_bytes()).to_ascii_uppercase();
        this.calls().need(Capability::Thread(needed.into()), name).await?;
        let answer = this.ask_all(Command::Thread { uid: true, algorithm, key }).await?;
        let told = answer.into_iter().find_map(|data| match data {
            Untagged::Thread(threads) => Some(threads),
            _ => None,
        });
        told.ok_or_else(|| {
            Error::new(Cause::Unanswered("which messages it found")).in_command(name, Some(self.name()))
        })
    }
}
