//! Counting what comes: when a flood begins and when it is over.

use std::collections::VecDeque;
use std::time::Duration;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::Flood;
use crate::clock::moved;

/// The last raises, no more of them than the thresholds ask for.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Meter {
    times: VecDeque<Timestamp>,
    flooded: bool,
}

impl Meter {
    /// The server's clock was set.
    pub fn move_clock(&mut self, by_ms: i64) {
        for time in &mut self.times {
            *time = moved(*time, by_ms);
        }
    }

    /// Counts one.
    pub fn count(&mut self, flood: &Flood, now: Timestamp) {
        self.times.push_back(now);
        self.look(flood, now);
    }

    /// Whether it is a flood now.
    pub fn look(&mut self, flood: &Flood, now: Timestamp) -> bool {
        let span = Duration::from_millis(flood.span_ms);
        let old = |time: &Timestamp| now.since(*time) >= span;
        while self.times.front().is_some_and(old) || self.times.len() > kept(flood) {
            self.times.pop_front();
        }
        let count = self.times.len();
        if count > flood.over as usize {
            self.flooded = true;
        } else if count < flood.under as usize {
            self.flooded = false;
        }
        self.flooded
    }
}

fn kept(flood: &Flood) -> usize {
    flood.over.max(flood.under) as usize + 1
}
