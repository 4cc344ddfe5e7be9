//! The client.

use bytes::Bytes;

use super::{Exclusive, Mailbox, WatchBuilder};
use crate::{
    blocking::{client::client_facade, facade::facade, wait::wait},
    error::Result,
    imap::{
        self, Acl, Appended, Capabilities, ImapClientBuilder, List, ListQuery, ListRights, ListedMailbox,
        MailboxAttribute, MailboxName, MailboxStatus, MetadataOptions, MetadataValues, Namespaces,
        NewMessage, Quota, Rights, RightsChange, ServerId, StatusItem,
    },
};

/// One account on one server, for any number of threads: clones are the same client. See
/// [the module](crate::blocking), and [`imap::ImapClient`].
#[derive(Clone)]
pub struct ImapClient(imap::ImapClient);

client_facade! {
    ImapClient for imap,
    sister: "imap::ImapClient",
    connection: "imap::Connection",
    builder: ImapClientBuilder,
    path: "mail_client::blocking::ImapClient",
    begin: "let pending = client.begin(|client| Ok(client.examine(\"INBOX\")?.exists()))?;",
}

facade! {
    impl ImapClient for "imap::ImapClient" {
        async fn noop(&self) -> Result<()>;
        async fn capabilities(&self) -> Result<Capabilities>;
        async fn enabled(&self) -> Result<Capabilities>;
        async fn id(&self) -> Result<ServerId>;
        async fn namespaces(&self) -> Result<Namespaces>;

        async fn select(&self, mailbox: impl Into<MailboxName>) -> Result<Mailbox>;
        async fn examine(&self, mailbox: impl Into<MailboxName>) -> Result<Mailbox>;
        async fn status(&self, mailbox: impl Into<MailboxName>, items: &[StatusItem]) -> Result<MailboxStatus>;
        async fn list(&self, reference: impl Into<MailboxName>, pattern: impl Into<MailboxName>) -> Result<Vec<List>>;
        async fn list_mailboxes(&self, query: ListQuery) -> Result<Vec<ListedMailbox>>;
        fn watch(&self, mailbox: impl Into<MailboxName>) -> WatchBuilder;

        async fn create_mailbox(&self, name: impl Into<MailboxName>) -> Result<()>;
        async fn create_mailbox_for(&self, name: impl Into<MailboxName>, uses: impl IntoIterator<Item = MailboxAttribute>) -> Result<()>;
        async fn delete_mailbox(&self, name: impl Into<MailboxName>) -> Result<()>;
        async fn rename_mailbox(&self, from: impl Into<MailboxName>, to: impl Into<MailboxName>) -> Result<()>;
        async fn subscribe(&self, name: impl Into<MailboxName>) -> Result<()>;
        async fn unsubscribe(&self, name: impl Into<MailboxName>) -> Result<()>;

        async fn append(&self, mailbox: impl Into<MailboxName>, message: NewMessage) -> Result<Appended>;

        async fn acl(&self, mailbox: impl Into<MailboxName>) -> Result<Acl>;
        async fn set_acl(&self, mailbox: impl Into<MailboxName>, identifier: impl Into<Bytes>, change: RightsChange) -> Result<()>;
        async fn delete_acl(&self, mailbox: impl Into<MailboxName>, identifier: impl Into<Bytes>) -> Result<()>;
        async fn list_rights(&self, mailbox: impl Into<MailboxName>, identifier: impl Into<Bytes>) -> Result<ListRights>;
        async fn my_rights(&self, mailbox: impl Into<MailboxName>) -> Result<Rights>;

        async fn quota(&self, root: impl Into<Bytes>) -> Result<Quota>;
        async fn quota_of(&self, mailbox: impl Into<MailboxName>) -> Result<Vec<Quota>>;
        async fn set_quota(&self, root: impl Into<Bytes>, limits: impl IntoIterator<Item = (impl Into<Bytes>, u64)>) -> Result<()>;

        async fn metadata(&self, mailbox: impl Into<MailboxName>, names: impl IntoIterator<Item = impl Into<Bytes>>, options: MetadataOptions) -> Result<MetadataValues>;
        async fn server_metadata(&self, names: impl IntoIterator<Item = impl Into<Bytes>>, options: MetadataOptions) -> Result<MetadataValues>;
        async fn set_metadata(&self, mailbox: impl Into<MailboxName>, values: impl IntoIterator<Item = (impl Into<Bytes>, Option<impl Into<Bytes>>)>) -> Result<()>;
        async fn set_server_metadata(&self, values: impl IntoIterator<Item = (impl Into<Bytes>, Option<impl Into<Bytes>>)>) -> Result<()>;
    }
}

impl ImapClient {
    /// Does what [`imap::ImapClient::append_many`] does. Each message fails where calls can't be made.
    #[track_caller]
    pub fn append_many(
        &self,
        mailbox: impl Into<MailboxName>,
        messages: impl IntoIterator<Item = NewMessage>,
    ) -> Vec<Result<Appended>> {
        let messages: Vec<_> = messages.into_iter().collect();
        let count = messages.len();
        let stored: Result<_> = wait(async { Ok(self.0.append_many(mailbox, messages).await) });
        stored.unwrap_or_else(|error| vec![Err(error); count])
    }

    /// The connection for oneself alone. See [`imap::ImapClient::exclusive`].
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn exclusive(&self, connection: &Connection) -> Result<Exclusive> {
        wait(self.0.exclusive(&connection.0))
    }
}

impl Mailbox {
    /// The same mailbox, whose operations run on this connection.
    #[must_use]
    pub fn via(&self, connection: &Connection) -> Self {
        Self(self.0.via(&connection.0))
    }
}
