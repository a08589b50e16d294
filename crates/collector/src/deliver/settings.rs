//! How a destination is reached, and at what pace: as it is in force, and as it is told next.

use fenghuo_uplink::outbox::Limits;
use tokio::sync::watch;

use crate::config::Destination;

/// The settings of one destination. Its name never changes.
#[derive(Debug)]
pub struct Settings {
    now: Destination,
    told: watch::Receiver<Destination>,
}

impl Settings {
    /// What was told first is in force.
    pub fn new(mut told: watch::Receiver<Destination>) -> Self {
        let now = told.borrow_and_update().clone();
        Self { now, told }
    }

    /// What is in force.
    pub const fn now(&self) -> &Destination {
        &self.now
    }

    /// What may go there in a second.
    pub const fn limits(&self) -> Limits {
        Limits {
            bytes_per_second: self.now.bytes_per_second,
            backlog_percent: self.now.backlog_percent,
        }
    }

    /// Waits for other settings; an error when there will be none any more.
    pub async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
        self.told.changed().await
    }

    /// Takes what was told last. Returns whether the connection has to be made anew.
    pub fn take(&mut self) -> bool {
        let told = self.told.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.now, told);
        (&before.broker, before.files) != (&self.now.broker, self.now.files)
    }
}
