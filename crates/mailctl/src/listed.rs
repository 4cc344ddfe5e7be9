//! The mailboxes of an account, and what was told of others that nobody can read.

use mail_client::imap::{ImapClient, List};

use crate::{failure::Failure, progress::note, terminal::printable};

/// What the server lists.
pub(crate) struct Listed {
    pub(crate) mailboxes: Vec<List>,
    /// Why that isn't all.
    unreadable: Option<mail_client::Error>,
}

impl Listed {
    pub(crate) async fn by(client: &ImapClient) -> Result<Self, mail_client::Error> {
        match client.list("", "*").await {
            Ok(mailboxes) => Ok(Self { mailboxes, unreadable: None }),
            Err(error) => match error.listed() {
                Some(listed) => {
                    let mailboxes = listed.iter().map(|mailbox| mailbox.as_list().clone()).collect();
                    Ok(Self { mailboxes, unreadable: Some(error) })
                }
                None => Err(error),
            },
        }
    }

    /// Says which mailboxes can't be read: a failure for whoever wanted all of them.
    pub(crate) fn check(self) -> Result<(), Failure> {
        let Some(error) = self.unreadable else { return Ok(()) };
        for line in error.unreadable() {
            let told = String::from_utf8_lossy(line.frame.as_bytes());
            let cut = if line.frame.is_cut() { "…" } else { "" };
            note(&format!(
                "mailctl: the server lists what can't be read: {}{cut}",
                printable(told.trim_end())
            ));
        }
        Err(Failure::Unlisted(error))
    }
}
