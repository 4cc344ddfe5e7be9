//! METADATA: values kept with a mailbox or with the server (RFC 5464).

use bytes::Bytes;
use mail_proto::imap::{
    Capability, Command, MailboxName, MetadataCode, MetadataData, MetadataOptions, ResponseCode,
    client::Request, response::Untagged,
};

use super::ImapClient;
use crate::{client::About, error::Result};

/// Values that are kept with a mailbox, or with the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataValues {
    entries: Vec<(Bytes, Option<Bytes>)>,
    longest_left_out: Option<u64>,
}

impl MetadataValues {
    /// The value of this name, which is found without regard to case; `None` if there is none, or the server didn't
    /// tell it.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        let found = self.entries.iter().find(|(told, _)| told.eq_ignore_ascii_case(name.as_bytes()));
        found.and_then(|(_, value)| value.as_ref())
    }

    /// All names that the server told, with their values; `None` for one that has none.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, Option<&Bytes>)> {
        self.entries.iter().map(|(name, value)| (name, value.as_ref()))
    }

    /// The size in bytes of the longest value that was left out, since it is over the limit that was asked for
    /// (`LONGENTRIES`, RFC 5464 section 4.2.1).
    pub fn longest_left_out(&self) -> Option<u64> {
        self.longest_left_out
    }
}

/// Metadata. A name begins with `/private/`, for the user's own values, or `/shared/`. All of it fails with
/// [`Unsupported`](crate::ErrorKind::Unsupported) on a server without METADATA; METADATA-SERVER is enough for what is
/// kept with the server.
impl ImapClient {
    /// Asks for values that are kept with a mailbox (GETMETADATA, RFC 5464 section 4.2).
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::{MetadataDepth, MetadataOptions};
    ///
    /// let below = MetadataOptions::default().with_depth(MetadataDepth::Infinity).with_max_size(4096);
    /// let values = client.metadata("INBOX", ["/private/vendor/example"], below).await?;
    /// println!("{:?}", values.get("/private/vendor/example/colour"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses.
    pub async fn metadata(
        &self,
        mailbox: impl Into<MailboxName>,
        names: impl IntoIterator<Item = impl Into<Bytes>>,
        options: MetadataOptions,
    ) -> Result<MetadataValues> {
        let this = self.in_one_call();
        let mailbox = mailbox.into();
        let entries: Vec<Bytes> = names.into_iter().map(Into::into).collect();
        if entries.is_empty() {
            return Ok(MetadataValues::default());
        }
        this.need_metadata(&mailbox, "GETMETADATA").await?;
        let command = Command::GetMetadata { mailbox, options, entries };
        let about = About::from(&command);
        let answer = this.calls().run(Request::new(command)).await?;
        let longest_left_out = match answer.completion.status.code {
            Some(ResponseCode::Metadata(MetadataCode::LongEntries(bytes))) => Some(bytes),
            _ => None,
        };
        let told = answer.whole().map_err(|error| this.calls().here(error).about(&about))?;
        let entries = told.into_iter().filter_map(|data| match data {
            Untagged::Metadata(told) => match told.data {
                MetadataData::Entries(entries) => Some(entries),
                MetadataData::Changed(_) => None,
            },
            _ => None,
        });
        Ok(MetadataValues { entries: entries.flatten().collect(), longest_left_out })
    }

    /// Asks for values that are kept with the server (GETMETADATA, RFC 5464 section 4.2).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn server_metadata(
        &self,
        names: impl IntoIterator<Item = impl Into<Bytes>>,
        options: MetadataOptions,
    ) -> Result<MetadataValues> {
        self.metadata(server(), names, options).await
    }

    /// Sets values that are kept with a mailbox, or deletes them: those that are `None` (SETMETADATA, RFC 5464 section
    /// 4.3). All are set, or none is.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// client.set_metadata("INBOX", [("/private/comment", Some("read me first"))]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, with the code [`Metadata`](ResponseCode::Metadata) if a value is too large, there are too
    /// many, or it keeps no private ones.
    pub async fn set_metadata(
        &self,
        mailbox: impl Into<MailboxName>,
        values: impl IntoIterator<Item = (impl Into<Bytes>, Option<impl Into<Bytes>>)>,
    ) -> Result<()> {
        let this = self.in_one_call();
        let mailbox = mailbox.into();
        let entries: Vec<(Bytes, Option<Bytes>)> =
            values.into_iter().map(|(name, value)| (name.into(), value.map(Into::into))).collect();
        if entries.is_empty() {
            return Ok(());
        }
        this.need_metadata(&mailbox, "SETMETADATA").await?;
        this.calls().run(Request::new(Command::SetMetadata { mailbox, entries })).await.map(drop)
    }

    /// Sets values that are kept with the server, or deletes them: those that are `None` (SETMETADATA, RFC 5464 section
    /// 4.3).
    ///
    /// # Errors
    /// As [`set_metadata`](Self::set_metadata).
    pub async fn set_server_metadata(
        &self,
        values: impl IntoIterator<Item = (impl Into<Bytes>, Option<impl Into<Bytes>>)>,
    ) -> Result<()> {
        self.set_metadata(server(), values).await
    }

    async fn need_metadata(&self, mailbox: &MailboxName, command: &'static str) -> Result<()> {
        let is_server = mailbox.as_bytes().is_empty();
        if is_server && self.calls().supports(&Capability::MetadataServer).await? {
            return Ok(());
        }
        self.calls().need(Capability::Metadata, command).await
    }
}

/// The mailbox without a name, which stands for the server.
fn server() -> MailboxName {
    MailboxName::from_wire(Bytes::new())
}
