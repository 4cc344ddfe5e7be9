//! SORT: messages in an order that the server finds (RFC 5256, RFC 5957).

use mail_proto::imap::{Capability, Command, SearchKey, SortBy, SortKey, response::Untagged};

use super::{
    Mailbox,
    search::{check_condition, writable},
};
use crate::error::{Cause, Error, Result};

impl Mailbox {
    /// Searches for messages and sorts them at the server: by the first key, among equals by the second, and so on
    /// (RFC 5256 section 3). Returns their UIDs in that order.
    ///
    /// ```no_run
    /// # async fn example(inbox: mail_client::imap::Mailbox) -> mail_client::Result<()> {
    /// use mail_client::imap::{SearchKey, SortBy, SortKey};
    ///
    /// let order = [SortKey::ascending(SortBy::Subject), SortKey::descending(SortBy::Date)];
    /// let uids = inbox.sort(order, SearchKey::unseen()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server doesn't sort, or not by the names shown
    /// (`SORT=DISPLAY`) or by relevancy (`SEARCH=FUZZY`); else as [`search`](Self::search).
    pub async fn sort(&self, order: impl IntoIterator<Item = SortKey>, key: SearchKey) -> Result<Vec<u32>> {
        let this = self.in_one_call();
        let order: Vec<SortKey> = order.into_iter().collect();
        let Some(key) = writable(key) else { return Ok(Vec::new()) };
        let name = "UID SORT";
        check_condition(&key).map_err(|error| error.in_command(name, Some(self.name())))?;
        this.calls().need(Capability::Sort, name).await?;
        for key in &order {
            match key.by {
                SortBy::DisplayFrom | SortBy::DisplayTo => {
                    this.calls().need(Capability::SortDisplay, name).await?;
                }
                SortBy::Relevancy => this.calls().need(Capability::SearchFuzzy, name).await?,
                _ => {}
            }
        }
        let answer = this.ask_all(Command::Sort { uid: true, returns: None, order, key }).await?;
        let mut told = None::<Vec<u32>>;
        for data in answer {
            if let Untagged::Sort(found) = data {
                told.get_or_insert_default().extend(found.numbers);
            }
        }
        told.ok_or_else(|| {
            Error::new(Cause::Unanswered("which messages it found")).in_command(name, Some(self.name()))
        })
    }
}
