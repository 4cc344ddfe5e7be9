//! QUOTA: how much there may be, and how much there is (RFC 9208).

use bytes::Bytes;
use mail_proto::imap::{Capability, Command, MailboxName, Quota, client::Request, response::Untagged};

use super::ImapClient;
use crate::error::{Cause, Error, Result};

/// Quota. All of it fails with [`Unsupported`](crate::ErrorKind::Unsupported) on a server without QUOTA.
impl ImapClient {
    /// Asks for the limits that a mailbox falls under (GETQUOTAROOT, RFC 9208 section 4.1.3): one entry for each of
    /// its quota roots, none if it has none.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// for quota in client.quota_of("INBOX").await? {
    ///     // In units of 1,024 bytes.
    ///     if let Some(storage) = quota.get("STORAGE") {
    ///         println!("{} of {:?} KiB", storage.usage, storage.limit);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or doesn't tell.
    pub async fn quota_of(&self, mailbox: impl Into<MailboxName>) -> Result<Vec<Quota>> {
        let this = self.in_one_call();
        let name = "GETQUOTAROOT";
        this.calls().need(Capability::Quota, name).await?;
        let mailbox = mailbox.into();
        let told = this.calls().ask_all(Request::new(Command::GetQuotaRoot(mailbox.clone()))).await?;
        let (mut roots, mut quotas) = (None::<Vec<Bytes>>, Vec::<Quota>::new());
        for data in told {
            match data {
                Untagged::QuotaRoot(told) => roots.get_or_insert_default().extend(told.roots),
                Untagged::Quota(quota) => quotas.push(quota),
                _ => {}
            }
        }
        let roots = roots.ok_or_else(|| {
            Error::new(Cause::Unanswered("its quota roots")).in_command(name, Some(&mailbox))
        })?;
        let quotas = roots.into_iter().map(|root| {
            let told = quotas.iter().find(|quota| quota.root == root).cloned();
            // Nothing is limited there.
            told.unwrap_or(Quota { root, resources: Vec::new() })
        });
        Ok(quotas.collect())
    }

    /// Asks for the limits of a quota root (GETQUOTA, RFC 9208 section 4.1.2), as
    /// [`quota_of`](Self::quota_of) names it.
    ///
    /// # Errors
    /// The server refuses, as it does for a root that isn't there, or doesn't tell.
    pub async fn quota(&self, root: impl Into<Bytes>) -> Result<Quota> {
        let this = self.in_one_call();
        this.calls().need(Capability::Quota, "GETQUOTA").await?;
        let request = Request::new(Command::GetQuota(root.into()));
        this.calls()
            .ask(request, "the quota", |data| match data {
                Untagged::Quota(quota) => Some(quota),
                _ => None,
            })
            .await
    }

    /// Sets the limits of a quota root, which mostly needs an administrator (SETQUOTA, RFC 9208 section 4.1.1): these
    /// and no others are in force from now on. The server may round them; [`quota`](Self::quota) tells.
    ///
    /// ```no_run
    /// # async fn example(admin: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// admin.set_quota("user/kim", [("STORAGE", 1_048_576)]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses.
    pub async fn set_quota(
        &self,
        root: impl Into<Bytes>,
        limits: impl IntoIterator<Item = (impl Into<Bytes>, u64)>,
    ) -> Result<()> {
        let this = self.in_one_call();
        let limits = limits.into_iter().map(|(name, limit)| (name.into(), limit)).collect();
        let command = Command::SetQuota { root: root.into(), limits };
        this.calls().need(Capability::Quota, command.name()).await?;
        this.calls().run(Request::new(command)).await.map(drop)
    }
}
