//! Whether the server takes the credentials, now: a login that is made to find out.

use super::ImapClient;
use crate::error::Result;

impl ImapClient {
    /// Logs in anew to find out whether the server takes the credentials, and out again. Unlike
    /// [`connect`](Self::connect) it doesn't take the word of a connection that has been open for long.
    ///
    /// The connection counts in the quota like any other, so this waits in line for it. Where the quota is 1, main logs
    /// out once the commands that were queued before are done, and in again; those queued after run then.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::ErrorKind;
    ///
    /// match client.check_credentials().await {
    ///     Err(error) if error.kind() == ErrorKind::Login => println!("time for another password: {error}"),
    ///     outcome => outcome?,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server can't be reached, or refuses the login; no connection came free in time. Once the server has refused
    /// these credentials it isn't asked again before [`set_password`](Self::set_password) or
    /// [`retry_login`](Self::retry_login).
    pub async fn check_credentials(&self) -> Result<()> {
        let pool = self.calls().pool();
        let mut refused = pool.manager().refused.subscribe();
        let known = pool.status().connections.iter().filter_map(|connection| connection.id).max();
        loop {
            let created = tokio::select! {
                biased;
                created = pool.create_connection() => created,
                // With others open, the pool takes it for a limit in disguise and waits. Whoever asks wants to know.
                Ok(()) = refused.changed() => match refused.borrow_and_update().clone() {
                    Some(error) => return Err(error),
                    None => continue,
                },
            };
            let connection = match created {
                Err(mail_pool::Error::QuotaReservedForMain) => break,
                created => created?,
            };
            let is_new = connection.id() > known;
            connection.close().await;
            // One that was kept for the next user proves nothing.
            if is_new {
                return Ok(());
            }
        }
        let main = pool.main().await?;
        if Some(main.id()) <= known {
            main.logout().await;
            drop(main);
            pool.main().await?;
        }
        Ok(())
    }
}
