//! How a connection ends in peace, or doesn't.

use std::time::Duration;

use tokio::{sync::oneshot, time::timeout};

/// How long the server gets to answer a goodbye.
pub(crate) const GOODBYE: Duration = Duration::from_secs(5);

/// Waits until the server has answered a goodbye, or cuts. `ended` comes when the socket is closed, and not before then
/// does this end: the connection's place may be another's at once (P06).
pub(crate) async fn goodbye(mut ended: oneshot::Receiver<()>, cut: impl FnOnce()) {
    if timeout(GOODBYE, &mut ended).await.is_err() {
        cut();
        let _ = ended.await;
    }
}
