//! What the broker counted since it started; nothing is dropped or refused without a count.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Default, Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one and returns the new value.
    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds one and says whether this one is worth a log line: the 1st, 2nd, 4th, 8th ..
    /// A hostile client must not be able to fill the log.
    pub(crate) fn add_and_tell(&self) -> bool {
        self.add().is_power_of_two()
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default, Debug)]
pub(crate) struct Counters {
    pub(crate) taken: Counter,
    pub(crate) untaken: Counter,
    pub(crate) receipts: Counter,
    pub(crate) receipts_unheard: Counter,
    pub(crate) routed: Counter,
    pub(crate) unrouted: Counter,
    pub(crate) expired: Counter,
    pub(crate) publishes_refused: Counter,
    pub(crate) oversize: Counter,
    pub(crate) subscriptions_refused: Counter,
    pub(crate) logins_refused: Counter,
    pub(crate) wills_outdated: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            taken: self.taken.get(),
            untaken: self.untaken.get(),
            receipts: self.receipts.get(),
            receipts_unheard: self.receipts_unheard.get(),
            routed: self.routed.get(),
            unrouted: self.unrouted.get(),
            expired: self.expired.get(),
            publishes_refused: self.publishes_refused.get(),
            oversize: self.oversize.get(),
            subscriptions_refused: self.subscriptions_refused.get(),
            logins_refused: self.logins_refused.get(),
            wills_outdated: self.wills_outdated.get(),
        }
    }
}

/// Counts since the broker started.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Messages that the intake queued.
    pub taken: u64,
    /// Messages that the intake dropped.
    pub untaken: u64,
    /// Receipts put into a subscriber's queue, once per subscriber.
    pub receipts: u64,
    /// Receipts for which no connected subscriber was there.
    pub receipts_unheard: u64,
    /// Device messages put into a subscriber's queue, once per subscriber.
    pub routed: u64,
    /// Device messages dropped because a queue or the budget was full, once per subscriber.
    pub unrouted: u64,
    /// Queued messages dropped later: expired, or their session ended.
    pub expired: u64,
    /// Publishes on a topic that is malformed or not the client's.
    pub publishes_refused: u64,
    /// Publishes refused for the size of their payload or properties. A packet that is larger
    /// still closes the connection in the codec and is not counted here.
    pub oversize: u64,
    /// Subscriptions to a filter that is not the client's.
    pub subscriptions_refused: u64,
    /// Connections refused for their name, password, client id or last will.
    pub logins_refused: u64,
    /// Last wills left unsaid because the same client was already back.
    pub wills_outdated: u64,
}
