//! The other one does not come in time.

use std::time::Duration;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::detect::Seen;
use crate::event::Hold;

/// The time for which the own point has been on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Run {
    /// When it turned on, or was first seen on.
    since: Timestamp,
    /// That it turned on was seen, and whether that is in doubt.
    turned_on: Option<bool>,
    /// A second point has been on since, and whether that is in doubt.
    fulfilled: Option<bool>,
    /// The time ran out with no second point on.
    overdue: bool,
    /// It is there since the memory's first look.
    from_start: bool,
}

/// What it remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    run: Option<Run>,
}

impl Memory {
    pub fn look(&mut self, within_ms: u64, look: &Look) -> Seen {
        let doubt = match look.own {
            Err(why) => return Seen::Unknown(why),
            Ok((false, doubt)) => {
                self.run = None;
                return Seen::Truth(false, doubt);
            }
            Ok((true, doubt)) => doubt,
        };
        let run = self.run.get_or_insert(Run {
            since: look.at,
            turned_on: look.turned_on,
            fulfilled: None,
            overdue: false,
            from_start: look.first,
        });
        if let Ok((true, doubt)) = look.then {
            let before = run.fulfilled.unwrap_or(true);
            run.fulfilled = Some(before && doubt);
        }
        if let Some(in_doubt) = run.fulfilled {
            return Seen::Truth(false, doubt || in_doubt);
        }
        let Some(turned_in_doubt) = run.turned_on else {
            return Seen::Unknown(Hold::Learning);
        };
        let over = look.at >= run.since.plus(Duration::from_millis(within_ms));
        match look.then {
            Err(why) if over => Seen::Unknown(why),
            Ok((_, then_doubt)) if over => {
                run.overdue = true;
                Seen::Truth(true, doubt || turned_in_doubt || then_doubt)
            }
            // After a doubtful turn-on an older time may be running still, or be over.
            _ => Seen::Truth(false, doubt || turned_in_doubt),
        }
    }

    /// When the time runs out that now runs.
    pub fn deadline(&self, within_ms: u64) -> Option<Timestamp> {
        let run = self.run?;
        let open = run.turned_on.is_some() && run.fulfilled.is_none();
        open.then(|| run.since.plus(Duration::from_millis(within_ms)))
    }

    /// The gateway was away for so long: a time that runs does not run through that.
    pub fn wait(&mut self, away: Duration) {
        if let Some(run) = self.run.as_mut().filter(|run| !run.overdue) {
            run.since = run.since.plus(away);
        }
    }

    pub fn shift(&mut self, shift: impl Fn(&mut Timestamp)) {
        if let Some(run) = &mut self.run {
            shift(&mut run.since);
        }
    }

    /// `before` has looked at what this one saw first.
    pub fn join(&mut self, before: Self) {
        let (Some(run), Some(older)) = (&mut self.run, before.run) else {
            return;
        };
        // A run that began with the first look is the older one going on.
        if run.from_start {
            let fulfilled = match (run.fulfilled, older.fulfilled) {
                (Some(a), Some(b)) => Some(a && b),
                (a, b) => a.or(b),
            };
            *run = Run { fulfilled, ..older };
        }
    }
}
