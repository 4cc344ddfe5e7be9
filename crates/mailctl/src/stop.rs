//! Being asked to stop: by Ctrl-C, or because something failed elsewhere.

use tokio::sync::watch;

/// Tells any number of tasks to stop. Once told, it stays so.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

/// What a download says when it is asked to stop.
pub(crate) const KEPT: Option<&str> = Some("stopping; what has arrived is kept");

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Stops on the first SIGINT, SIGTERM or Ctrl-C, and says `said` then; the second one ends the program at once.
    pub(crate) fn on_signals(said: Option<&'static str>) -> Self {
        let stop = Self::new();
        let stopper = stop.clone();
        tokio::spawn(async move {
            loop {
                signal().await;
                if stopper.is_stopped() {
                    std::process::exit(crate::INTERRUPTED.into());
                }
                said.into_iter().for_each(crate::progress::note);
                stopper.stop();
            }
        });
        stop
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until told to stop.
    pub(crate) async fn stopped(&self) {
        // It can't fail: the sender is this.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // No signals here: then nothing asks to stop.
        std::future::pending::<()>().await;
    }
}
