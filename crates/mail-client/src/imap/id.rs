//! ID: which software is at the other side (RFC 2971).

use bytes::Bytes;
use mail_proto::imap::{Capability, Command, client::Request, response::Untagged};

use super::ImapClient;
use crate::error::Result;

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerId {
    fields: Vec<(Bytes, Option<Bytes>)>,
}

impl ServerId {
    /// The field of this name, such as `name`, `version` or `vendor`, which is found without regard to case.
    pub fn get(&self, field: &str) -> Option<&Bytes> {
        let found = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field.as_bytes()));
        found.and_then(|(_, value)| value.as_ref())
    }

    /// All fields, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, Option<&Bytes>)> {
        self.fields.iter().map(|(name, value)| (name, value.as_ref()))
    }
}

impl ImapClient {
    /// Asks which software the server is, and says again which this is (RFC 2971 section 3.1). It is for people and
    /// statistics; what the server can do, [`capabilities`](Self::capabilities) tells.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// if let Some(name) = client.id().await?.get("name") {
    ///     println!("this is {}", String::from_utf8_lossy(name));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server has no ID; it refuses, or doesn't tell.
    pub async fn id(&self) -> Result<ServerId> {
        let this = self.in_one_call();
        let calls = this.calls();
        calls.need(Capability::Id, "ID").await?;
        let ours = calls.pool().manager().session.id.clone().unwrap_or_default();
        calls
            .ask(Request::new(Command::Id(ours)), "what it is", |data| match data {
                Untagged::Id(fields) => Some(ServerId { fields }),
                _ => None,
            })
            .await
    }
}
