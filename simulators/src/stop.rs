//! How everything that runs is told to stop.

use tokio::sync::watch;

/// Stops all that holds a [`Stop`] of the same pair; so does dropping it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Held by what runs.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A stopper and what listens to it.
#[must_use]
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Stops.
    pub fn stop(self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns once it is time to stop.
    pub async fn stopped(&mut self) {
        if self.0.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!("the stopper is gone");
        }
    }
}
