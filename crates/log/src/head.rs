//! The log's head as a thing to wait on: readers sleep here until there is more to read.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A shared view of the next position. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Head(Arc<(Mutex<u64>, Condvar)>);

impl Head {
    pub(crate) fn new(next: u64) -> Self {
        Self(Arc::new((Mutex::new(next), Condvar::new())))
    }

    pub(crate) fn publish(&self, next: u64) {
        let (lock, woken) = &*self.0;
        *lock.lock().unwrap_or_else(PoisonError::into_inner) = next;
        woken.notify_all();
    }

    /// The position that the next entry will get.
    #[must_use]
    pub fn next(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes every waiter without anything new, so that it can look at its stop flag.
    pub fn wake(&self) {
        self.0.1.notify_all();
    }

    /// Waits until an entry at `position` is there, or somebody calls [`Head::wake`], or the
    /// time is over. Returns the next position then.
    #[must_use]
    pub fn wait_for(&self, position: u64, at_most: Duration) -> u64 {
        let (lock, woken) = &*self.0;
        let next = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if *next > position {
            return *next;
        }
        let (next, _) = woken
            .wait_timeout(next, at_most)
            .unwrap_or_else(PoisonError::into_inner);
        *next
    }
}
