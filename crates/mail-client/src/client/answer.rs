//! Waiting for an answer no longer than a call may take.

use tokio::{sync::oneshot, time::timeout_at};

use super::Deadline;

/// What came of it.
pub(crate) enum Awaited<T, W> {
    /// The answer; `None` if whoever was to give it is gone.
    Answer(Option<T>),
    /// The time is up, and this is how far the command had come.
    Passed(Deadline, W),
}

/// Waits. When the time is up, `cancel` takes the command back and asks how far it had come; one that has ended after
/// all doesn't say.
pub(crate) async fn await_answer<T, W>(
    mut answer: oneshot::Receiver<T>,
    deadline: Option<Deadline>,
    cancel: impl FnOnce(oneshot::Sender<W>),
) -> Awaited<T, W> {
    let Some(deadline) = deadline else { return Awaited::Answer(answer.await.ok()) };
    if let Ok(answer) = timeout_at(deadline.at, &mut answer).await {
        return Awaited::Answer(answer.ok());
    }
    let (told, how_far) = oneshot::channel();
    cancel(told);
    match how_far.await {
        Ok(how_far) => Awaited::Passed(deadline, how_far),
        Err(_) => Awaited::Answer(answer.await.ok()),
    }
}
