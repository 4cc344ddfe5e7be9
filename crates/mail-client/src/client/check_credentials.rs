//! Whether the server takes the credentials, now: a login that is made to find out.

use super::{Calls, MailManager};
use crate::error::Result;

impl<M: MailManager> Calls<M> {
    /// Logs in anew to find out whether the server takes the credentials, and out again.
    pub(crate) async fn check_credentials(&self) -> Result<()> {
        let pool = self.pool();
        let mut refused = pool.manager().dialler().refusals();
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
            M::log_out(&main).await?;
            drop(main);
            pool.main().await?;
        }
        Ok(())
    }
}
