//! A member leaves the points that are judged together.
//!
//! What must stay true: an alarm of a vote or a roll-up that only a leaving member kept up did
//! not return to normal. It is let go, as that of a point that leaves by itself is, and ends as
//! one that nobody watches. One that holds without the member stays, and so does one of which
//! that cannot be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Around, Lane};
use crate::Alarm;
use crate::detect::Seen;
use crate::gateway::bind::{Bound, Name, Test, counted};
use crate::gateway::verdict::{Condition, LevelState, Verdict};
use crate::rule::Detector;

/// By detector that lost a member, the names of its levels that were up until then.
pub type KeptUp = BTreeMap<u32, Vec<Arc<str>>>;

impl Bound {
    /// The points of a vote, or what a roll-up counts; `all` is the list in which it stands.
    fn members(&self, all: &[Self]) -> BTreeSet<(u32, Option<Name>)> {
        match (&self.rule.detector, &self.test) {
            (Detector::Vote { .. }, Test::Others(members)) => {
                members.iter().map(|slot| (*slot, None)).collect()
            }
            (_, Test::Items(items)) => counted(items, all),
            _ => BTreeSet::new(),
        }
    }

    /// Whether one of its members is none any more; `all` and `others` are the lists in which
    /// the two stand.
    pub(super) fn loses_a_member(&self, all: &[Self], now: &Self, others: &[Self]) -> bool {
        !self.members(all).is_subset(&now.members(others))
    }

    /// The levels whose alarm is up and that were not over already.
    pub(super) fn kept_up(&self, states: &[LevelState]) -> Vec<Arc<str>> {
        let is_up = |number: &usize| {
            let LevelState { verdict, alarm } = &states[self.state(*number)];
            alarm.is_some() && !matches!(verdict, Verdict::Clearing { .. })
        };
        let up = (0..self.levels.len()).filter(is_up);
        up.map(|number| self.rule.levels[number].name.clone())
            .collect()
    }
}

impl Lane {
    /// Lets go what only members that left kept up, of the alarms that are this lane's to end.
    pub(super) fn let_go(
        &mut self,
        mut lost: KeptUp,
        around: Around<'_>,
        is_its: impl Fn(&Alarm) -> bool,
    ) {
        if lost.is_empty() {
            return;
        }
        let at = self.watermark.unwrap_or_default();
        let mut gone = BTreeSet::new();
        for (detector, bound) in (0..).zip(&around.wires.bound) {
            // What counts an alarm that was let go, and stands behind it, lost it just so.
            let counts = |(_, item): &(u32, u32)| gone.contains(item);
            let names = match (&bound.test, lost.remove(&detector)) {
                (_, Some(names)) => names,
                (Test::Items(items), None) if items.iter().any(counts) => {
                    bound.kept_up(&self.states)
                }
                _ => continue,
            };
            // One that stays looks again, too.
            self.anew.insert(detector);
            // Their levels look for themselves.
            let seen = Seen::Truth(false, false);
            for (number, level) in bound.rule.levels.iter().enumerate() {
                let alarm = self.states[bound.state(number)].alarm;
                let alarm = alarm.and_then(|alarm| around.book.get(alarm));
                let is_up = names.contains(&level.name) && alarm.is_some_and(&is_its);
                let condition = |lane: &Self| lane.condition((detector, number), seen, at, around);
                if is_up && condition(self) == Condition::False {
                    self.states[bound.state(number)] = LevelState {
                        verdict: Verdict::Normal,
                        alarm: None,
                    };
                    gone.insert(detector);
                }
            }
        }
    }
}
