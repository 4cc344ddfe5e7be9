//! Where asynchronous contenders run: a task on two workers, as with most callers.

use tokio::runtime::{Builder, Runtime};

use crate::failure::Failed;

pub(crate) fn new() -> Result<Runtime, Failed> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Runs a future as a task.
pub(crate) fn as_task<T: Send + 'static>(
    future: impl Future<Output = Result<T, Failed>> + Send + 'static,
) -> Result<T, Failed> {
    let runtime = new()?;
    runtime.block_on(runtime.spawn(future))?
}
