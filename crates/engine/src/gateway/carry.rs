//! A gateway's lanes take over the alarms of another version of the engine.

use super::Gateway;
use super::bind::Wires;
use super::emit::communication_key;
use super::lane::Lane;
use super::verdict::{LevelState, Verdict};
use crate::alarm::Book;
use crate::{AlarmKey, EventId};

impl Gateway {
    /// The live lane and, after a break, the backlog's.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.live).chain(&self.backlog)
    }

    /// What is up is what the book says; what a lane has otherwise is looked at anew.
    pub fn carry_over(&mut self, book: &Book) {
        let up = |key: &AlarmKey, retrospective| {
            let alarm = book.newest(key, retrospective);
            let alarm = alarm.filter(|alarm| alarm.place.life.is_active());
            alarm.map(|alarm| alarm.occurrence)
        };
        self.silent = up(&communication_key(&self.key), false).is_some();
        let keys = self.keys();
        self.live
            .carry_over(&self.wires, &keys, |key| up(key, false));
        self.live.count_anew(&self.wires);
        if let Some(backlog) = &mut self.backlog {
            // It goes on from the state at the break, with what it found itself before that.
            let known = |key: &AlarmKey| up(key, true).or_else(|| up(key, false));
            backlog.carry_over(&self.wires, &keys, known);
        }
        self.rearm();
    }

    /// The alarm of each level, in the order of the levels' states.
    fn keys(&self) -> Vec<AlarmKey> {
        let bound = self.wires.bound.iter();
        let keys = bound
            .flat_map(|bound| (0..bound.levels.len()).map(|level| bound.key(level, &self.slots)));
        keys.collect()
    }
}

impl Lane {
    fn carry_over(
        &mut self,
        wires: &Wires,
        keys: &[AlarmKey],
        up: impl Fn(&AlarmKey) -> Option<EventId>,
    ) {
        for (detector, bound) in (0..).zip(&wires.bound) {
            for level in 0..bound.levels.len() {
                let at = bound.state(level);
                let alarm = up(&keys[at]);
                let state = &mut self.states[at];
                if state.alarm.is_some() == alarm.is_some() {
                    state.alarm = alarm;
                } else {
                    *state = LevelState {
                        verdict: Verdict::Unknown,
                        alarm,
                    };
                    self.look_anew(detector);
                }
            }
        }
    }
}
