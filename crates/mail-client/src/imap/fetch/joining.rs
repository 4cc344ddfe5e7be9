//! Connections that are about to share the work of a stream. None is asked for messages before its mailbox is selected:
//! that may take a server minutes, and what such a connection was asked for nobody else would have.

use std::time::Duration;

use futures_core::future::BoxFuture;
use mail_pool::{Conn, Extras};
use mail_proto::imap::{
    Command,
    client::{Request, Selection},
};
use tokio::time::Instant;

use crate::{error::Result, imap::manager::ImapManager};

/// A connection from which nothing has come for so long may be stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that can be asked, and for those beyond the first its place in the pool.
pub(super) type Joined = (Conn<ImapManager>, Option<mail_pool::Connection<ImapManager>>);

pub(super) type Joining = BoxFuture<'static, Result<Joined>>;

/// A connection beyond the first, when one is free and its mailbox is selected.
pub(super) fn another(extras: &Extras<ImapManager>, selection: Selection) -> Joining {
    let next = extras.next();
    Box::pin(async move {
        let extra = next.await?;
        let connection = extra.get().await?;
        again((connection, Some(extra)), selection, Instant::now()).await
    })
}

/// A connection that answers, with its mailbox selected. Nothing has come over it since `since`.
pub(super) fn again((connection, extra): Joined, selection: Selection, since: Instant) -> Joining {
    // From here on, also if it is never polled.
    let asked = Asked { connection, since: extra.is_some().then_some(since) };
    Box::pin(async move {
        asked.connection.run(Request::on(selection, Command::Noop), None).await?;
        Ok((asked.answered(), extra))
    })
}

/// A connection that has yet to answer. Where it goes back to the pool before it has, and is stuck, it is cut: whoever
/// got it would wait as long.
struct Asked {
    connection: Conn<ImapManager>,
    /// Since when it is silent; `None` if others use it too.
    since: Option<Instant>,
}

impl Asked {
    fn answered(mut self) -> Conn<ImapManager> {
        self.since = None;
        self.connection.clone()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.since.is_some_and(|since| since.elapsed() >= PATIENCE) {
            self.connection.cut();
        }
    }
}
