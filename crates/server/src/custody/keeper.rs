//! The keeper: reads the log at its own pace and takes down what frames tell of custody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenghuo_engine::Input;
use fenghuo_model::Timestamp;

use super::store::{Custody, CustodyError, kept_from};
use crate::entry::{Decoded, FrameEntry};
use crate::feed::{Fed, FeedReader};
use crate::view::Trouble;

/// Entries read in one go.
const READ_ENTRIES: usize = 1_024;
/// Where the log goes on is written down this often though there is nothing to tell, and old
/// hours are forgotten, in ticks (seconds).
const CARE_TICKS: u64 = 600;
/// Longest wait for a new entry.
const WAIT: Duration = Duration::from_millis(500);

/// What the keeper works with.
pub struct Keeper {
    /// The log's entries.
    pub feed: FeedReader,
    /// Where it is taken down.
    pub custody: Custody,
    /// What is wrong, while it is.
    pub fault: Arc<Mutex<Option<Trouble>>>,
    /// Whole months that are kept besides the current one; 0 keeps all.
    pub retention_months: u16,
    /// Set to end the thread.
    pub stop: Arc<AtomicBool>,
}

impl Keeper {
    /// Runs until told to stop.
    pub fn run(mut self) {
        let mut next = self.begin();
        let mut ticks = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let entries = match self.feed.read(next, READ_ENTRIES) {
                Ok(entries) => entries,
                Err(error) => {
                    self.trouble(&error.to_string());
                    continue;
                }
            };
            let Some((last, _)) = entries.last() else {
                self.feed.wait(next, WAIT);
                continue;
            };
            let after = last + 1;
            let care = self.care(&entries, &mut ticks);
            match self.take(&entries, after, care.is_some()) {
                Ok(()) => next = after,
                Err(error) => {
                    self.trouble(&error.to_string());
                    continue;
                }
            }
            if let Some(now) = care {
                self.forget(now);
            }
        }
    }

    /// Where to go on; from the oldest entry where the book has seen more than the log has: the
    /// log was restored alone. What is taken down twice is the same row again.
    fn begin(&self) -> u64 {
        match self.custody.next() {
            Ok(next) if next <= self.feed.log_next() => next,
            Ok(_) => 0,
            Err(error) => {
                self.trouble(&error.to_string());
                0
            }
        }
    }

    /// When it is time to care for the book: the time of the last tick.
    fn care(&self, entries: &[Fed], ticks: &mut u64) -> Option<Timestamp> {
        let mut care = None;
        for (_, entry) in entries {
            if let Decoded::Small(_, _, Input::Tick { at, .. }) = &**entry {
                *ticks += 1;
                if ticks.is_multiple_of(CARE_TICKS) {
                    care = Some(*at);
                }
            }
        }
        care
    }

    fn take(&mut self, entries: &[Fed], next: u64, anyway: bool) -> Result<(), CustodyError> {
        let frames: Vec<&FrameEntry> = entries
            .iter()
            .filter_map(|(_, entry)| match &**entry {
                Decoded::Frame(frame) => Some(frame),
                Decoded::Small(..) => None,
            })
            .filter(|frame| !frame.gaps.is_empty() || !frame.accounts.is_empty())
            .collect();
        if !frames.is_empty() || anyway {
            self.custody.write(&frames, next)?;
        }
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) {
        if self.retention_months == 0 {
            return;
        }
        let from = kept_from(now, self.retention_months);
        if let Err(error) = self.custody.forget_before(from) {
            self.trouble(&error.to_string());
        }
    }

    fn trouble(&self, what: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let zh = format!("采样账目无法记录：{what}");
        let trouble = Trouble::new("custody", zh, format!("custody takes nothing: {what}"));
        if fault.as_ref() != Some(&trouble) {
            tracing::error!(what, "custody takes nothing");
        }
        *fault = Some(trouble);
        drop(fault);
        std::thread::sleep(WAIT);
    }
}

#[cfg(test)]
mod tests {
    use fenghuo_log::{Batch, Log};

    use super::*;
    use crate::feed::Feed;

    #[test]
    fn a_log_that_was_restored_alone_is_read_from_its_oldest_entry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.db");
        let mut log = Log::open(&path, None).unwrap();
        let mut batch = Batch::default();
        (0..5).for_each(|_| batch.push(crate::entry::TICK, Vec::new()));
        log.append(&batch).unwrap();
        let mut keeper = Keeper {
            feed: Feed::new(log.head()).reader(&path).unwrap(),
            custody: Custody::open(&dir.path().join("custody.db")).unwrap(),
            fault: Arc::default(),
            retention_months: 0,
            stop: Arc::default(),
        };
        for (seen, begins) in [(4, 4), (6, 6), (7, 0), (900, 0)] {
            keeper.custody.write(&[], seen).unwrap();
            assert_eq!(keeper.begin(), begins, "seen up to {seen}");
        }
    }
}
