//! Tokens from a provider that may block, as is likely in a program without async.

use std::{panic::resume_unwind, sync::Arc};

use futures_core::future::BoxFuture;
use mail_proto::Secret;
use tokio::{runtime::Handle, sync::oneshot, task::spawn_blocking};

use crate::credentials::{TokenError, TokenProvider, TokenRequest};

/// Asks on a thread where that holds nobody up: the one that drives the runtime does so for all connections.
pub(super) fn on_a_thread(provider: Arc<dyn TokenProvider>) -> Arc<dyn TokenProvider> {
    Arc::new(OnAThread(provider))
}

struct OnAThread(Arc<dyn TokenProvider>);

impl TokenProvider for OnAThread {
    fn token(&self, request: TokenRequest) -> BoxFuture<'_, Result<Secret, TokenError>> {
        let provider = Arc::clone(&self.0);
        Box::pin(async move {
            let runtime = Handle::current();
            // Dropped with this future, if the time is up.
            let (_wanted, unwanted) = oneshot::channel::<()>();
            let ask = async move {
                tokio::select! {
                    biased;
                    _ = unwanted => Err("nobody waits for it any more".into()),
                    token = async { provider.token(request).await } => token,
                }
            };
            let asked = spawn_blocking(move || runtime.block_on(ask)).await;
            asked.unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(ended) => Err(ended.into()),
            })
        })
    }
}
