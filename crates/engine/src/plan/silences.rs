//! The silences that are not over.

use std::collections::BTreeMap;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Known;
use crate::clock::moved;
use crate::input::Silence;

/// Most silences that are not over; a further one is refused, which only makes more noise.
pub const SILENCES_MAX: usize = 1_000;

/// The silences, by name.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Silences {
    known: BTreeMap<String, Silence>,
    /// One ended since the last look.
    ended: bool,
}

impl Silences {
    /// Adds one, or takes the place of the one of its name; false when there are too many.
    pub fn add(&mut self, silence: &Silence) -> bool {
        let room = self.known.len() < SILENCES_MAX || self.known.contains_key(&silence.id);
        if room {
            let before = self.known.insert(silence.id.clone(), silence.clone());
            self.ended |= before.is_some();
        }
        room
    }

    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.known.values()
    }

    pub fn remove(&mut self, id: &str) {
        self.ended |= self.known.remove(id).is_some();
    }

    /// The server's clock was set. A silence that has begun lasts as long as it would have; one
    /// that has not is one of the clock on the wall.
    pub fn move_clock(&mut self, now: Timestamp, by_ms: i64) {
        for silence in self.known.values_mut().filter(|it| it.from <= now) {
            silence.from = moved(silence.from, by_ms);
            silence.until = moved(silence.until, by_ms);
        }
    }

    /// Forgets what is over; whether something ended since the last time.
    pub fn pass(&mut self, now: Timestamp) -> bool {
        let before = self.known.len();
        self.known.retain(|_, silence| silence.until > now);
        std::mem::take(&mut self.ended) || self.known.len() < before
    }

    /// Whether an alarm is silenced now.
    pub fn cover(&self, known: &Known, now: Timestamp) -> bool {
        let on = |it: &&Silence| it.from <= now && now < it.until;
        let mut on = self.known.values().filter(on);
        on.any(|silence| known.matches(&silence.select))
    }
}
