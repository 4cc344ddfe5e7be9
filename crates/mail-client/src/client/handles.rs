//! Connections that somebody holds: one's own, and the context's default.

use std::{fmt, sync::Arc};

use mail_pool::{Conn, Manager};
use tokio::sync::RwLock;

use super::MailManager;
use crate::error::{Cause, Error, Result};

/// A connection that serves only the calls that name it. Clones are the same one; empty once it was closed.
pub(crate) struct Held<M: Manager>(Arc<RwLock<Option<mail_pool::Connection<M>>>>);

impl<M: MailManager> Held<M> {
    pub(crate) fn new(connection: mail_pool::Connection<M>) -> Self {
        Self(Arc::new(RwLock::new(Some(connection))))
    }

    pub(crate) async fn id(&self) -> Option<u64> {
        self.0.read().await.as_ref()?.id()
    }

    /// Its number, unless it is being closed at this moment.
    fn id_now(&self) -> Option<u64> {
        self.0.try_read().ok().and_then(|held| held.as_ref()?.id())
    }

    pub(crate) async fn close(self) {
        let held = self.0.write().await.take();
        if let Some(connection) = held {
            connection.close().await;
        }
    }

    /// The connection as somebody who names it gets it.
    pub(super) async fn ready(&self) -> Result<Conn<M>> {
        Ok(open(self.0.read().await.as_ref())?.get().await?)
    }

    /// The connection for one caller alone.
    pub(crate) async fn exclusive(&self) -> Result<mail_pool::Exclusive<M>> {
        Ok(open(self.0.read().await.as_ref())?.exclusive().await?)
    }

    /// Does something with the connection, unless it was closed or is being.
    pub(super) fn with<R>(
        &self,
        run: impl FnOnce(&mail_pool::Connection<M>) -> Result<R, mail_pool::Error<Error>>,
    ) -> Result<R> {
        // Only who closes it ever locks out the others.
        let held = self.0.try_read().map_err(|_| Error::new(Cause::ConnectionClosed))?;
        Ok(run(open(held.as_ref())?)?)
    }
}

/// The connection, unless it was closed.
fn open<M: Manager>(held: Option<&mail_pool::Connection<M>>) -> Result<&mail_pool::Connection<M>> {
    held.ok_or_else(|| Error::new(Cause::ConnectionClosed))
}

impl<M: Manager> Clone for Held<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: MailManager> fmt::Debug for Held<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id_now()).finish_non_exhaustive()
    }
}

/// The two kinds of connection that a program can hold, for one protocol. `$via` is how calls name one.
macro_rules! connection_handles {
    ($Manager:ty, via: $via:literal) => {
        #[doc = concat!("A connection that belongs to nobody and serves only the calls that name it, with ", $via, ".")]
        ///
        /// Clones are the same connection, and so is whatever was made with them: when the last is dropped, the
        /// connection goes back to the pool. It keeps its place there when it is lost, and is opened anew at the next
        /// call.
        #[derive(Clone)]
        pub struct Connection($crate::client::Held<$Manager>);

        impl Connection {
            pub(super) fn new(connection: mail_pool::Connection<$Manager>) -> Self {
                Self($crate::client::Held::new(connection))
            }

            pub(super) fn held(&self) -> &$crate::client::Held<$Manager> {
                &self.0
            }

            /// Its number, which log events and errors carry; `None` while it is lost, or once it was closed.
            pub async fn id(&self) -> Option<u64> {
                self.0.id().await
            }

            /// Logs it out, once no command of it runs any more, and cuts it if that takes longer than 5 s. Calls that
            /// still name it fail.
            pub async fn close(self) {
                self.0.close().await;
            }
        }

        impl std::fmt::Debug for Connection {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        /// The default connection of the task that made it, or outside any task of the thread: its calls that name no
        /// connection run here, and nobody else's do. Dropping it, wherever, gives the connection back to the pool.
        #[derive(Debug)]
        pub struct DefaultConnection(mail_pool::DefaultConnection<$Manager>);

        impl DefaultConnection {
            pub(super) fn new(connection: mail_pool::DefaultConnection<$Manager>) -> Self {
                Self(connection)
            }

            /// Its number, which log events and errors carry; `None` while it is lost.
            pub fn id(&self) -> Option<u64> {
                self.0.id()
            }

            /// Ends being a default, logs out once no command of it runs any more, and cuts if that takes longer than
            /// 5 s.
            pub async fn close(self) {
                self.0.close().await;
            }
        }
    };
}
pub(crate) use connection_handles;
