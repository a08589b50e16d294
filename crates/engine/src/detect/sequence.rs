//! Sequence: one point turns on, then another within a time; or the other one does not.
//!
//! A point turns on when a known off is followed by a known on, with nothing unknown between.
//! What happens at one instant happens in the order in which it is judged.
//!
//! - `follows` sees whether a second point turned on after the own one had, at most `within`
//!   later; that stays true until the second point is off, whatever the own one does. A
//!   second point that was on already does not count until it was off.
//! - `missing` sees whether the own point has been on for `within` since it turned on and no
//!   second point has been on since, at the turn-on itself or later. That stays true until a
//!   second point is on or the own one is off. Unknown moments in between neither fulfil it
//!   nor begin it anew: a contact that chatters cannot put the alarm off for ever.
//!
//! Unknown: while the own reading is bad (its reason), apart from a `follows` that has come
//! true already. Where the second point is unknown: as soon as that could matter, until it is
//! known again. Where a turn-on may have happened unseen (before the memory began, during a
//! bad reading), and it would matter, the answer is unknown, too: as learning, until the next
//! off. It is never taken for no turn-on, and never for one. A doubtful reading makes the
//! answers that rest on it doubtful.
//!
//! Memory: a few instants and flags, O(1). Cost: O(1) a look.
//!
//! ```toml
//! [[rule]]
//! id       = "conveyor.start.unwarned"
//! title    = { zh = "输送机启动无预警信号", en = "Conveyor started without its warning signal" }
//! select   = { kind = "state", machine = "conveyor" }
//! detector = "sequence"
//! then     = { kind = "state", machine = "start_horn" }
//! within   = "5s"
//! alarm_if = "missing"
//! [[rule.level]]
//! name     = "unwarned"
//! severity = "orange"
//! ```

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Now, Seen};
use crate::event::Hold;
use crate::rule::{self, Order};

mod follows;
mod missing;

/// Whether a point is on and whether that is in doubt, or why it is unknown.
type State = Result<(bool, bool), Hold>;

/// What it remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The first look: where an older lane's knowledge is joined.
    first: Option<Look>,
    /// The last look's instant.
    last: Option<Timestamp>,
    /// The own point; none while it is unknown.
    own: Option<(bool, bool)>,
    follows: follows::Memory,
    missing: missing::Memory,
    /// The gateway was away since the last look.
    away: bool,
}

/// What there was at an instant.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Look {
    at: Timestamp,
    own: State,
    then: State,
    /// The own point turned on just now, and whether that is in doubt.
    turned_on: Option<bool>,
    /// The memory's first look.
    first: bool,
}

impl Memory {
    /// Takes what is there now. `then` tells whether any of the second points is on and
    /// whether that is in doubt, or why that is unknown.
    pub fn see(
        &mut self,
        spec: &rule::Sequence,
        now: &Now,
        then: Result<(bool, bool), Hold>,
    ) -> Seen {
        let look = Look {
            at: now.at,
            own: now.reading.map(|(value, doubt)| (value != 0.0, doubt)),
            then,
            turned_on: None,
            first: self.first.is_none(),
        };
        self.look(spec, look)
    }

    fn look(&mut self, spec: &rule::Sequence, mut look: Look) -> Seen {
        self.first.get_or_insert(look);
        if std::mem::take(&mut self.away)
            && let Some(last) = self.last
        {
            self.missing.wait(look.at.since(last));
        }
        look.turned_on = match (self.own, look.own) {
            (Some((false, before)), Ok((true, now))) => Some(before || now),
            _ => None,
        };
        self.own = look.own.ok();
        self.last = Some(look.at);
        match spec.order {
            Order::Follows => self.follows.look(spec.within_ms, &look),
            Order::Missing => self.missing.look(spec.within_ms, &look),
        }
    }

    /// When what it sees may change by time alone.
    #[must_use]
    pub fn due(&self, spec: &rule::Sequence) -> Option<Timestamp> {
        let last = self.last?;
        match spec.order {
            // A second point must turn on for it: time alone changes nothing.
            Order::Follows => None,
            Order::Missing => self
                .missing
                .deadline(spec.within_ms)
                .filter(|deadline| *deadline > last),
        }
    }

    /// The gateway's clock was set: moves every instant it remembers.
    pub fn shift(&mut self, by_ms: i64) {
        let shift = |at: &mut Timestamp| {
            *at = Timestamp::from_millis(at.as_millis().saturating_add(by_ms));
        };
        self.last.iter_mut().for_each(shift);
        if let Some(first) = &mut self.first {
            shift(&mut first.at);
        }
        self.follows.shift(shift);
        self.missing.shift(shift);
    }

    /// The gateway was away: whatever turned on since was not seen, and no time runs
    /// through it.
    pub fn forget(&mut self) {
        self.own = None;
        self.away = self.last.is_some();
        if let Some(last) = self.last {
            self.follows.forget(last);
        }
    }

    /// Takes in what an older lane had seen: it looks at what this one saw first, and what
    /// this one still has from that look becomes what the older one makes of it.
    pub fn join(&mut self, spec: &rule::Sequence, mut before: Self) {
        let Some(first) = self.first else {
            *self = before;
            return;
        };
        before.look(
            spec,
            Look {
                first: before.first.is_none(),
                ..first
            },
        );
        self.follows.join(first.at, before.follows, spec.within_ms);
        self.missing.join(before.missing);
        self.first = before.first;
    }
}

#[cfg(test)]
mod tests;
