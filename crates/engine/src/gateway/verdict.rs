//! A detector's answer for one level, over time: on-delay, off-delay, and the alarm that is
//! up.

use std::time::Duration;

use fenghuo_model::{Sample, SampleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{EventId, Hold};

/// What a level's condition is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// The limit is broken.
    True,
    /// It is not, and the reset is passed too.
    False,
    /// Between limit and reset, or too doubtful to clear: an alarm stays, none begins.
    Keep,
    /// It cannot be told.
    Unknown(Hold),
}

/// What is known of a level.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Verdict {
    /// Nothing.
    #[default]
    Unknown,
    /// The condition does not hold.
    Normal,
    /// It holds since then, not long enough yet.
    Pending {
        /// Since when, by the gateway's watermark.
        since: Timestamp,
        /// The sample that began it.
        first: Option<Box<(SampleId, Sample)>>,
    },
    /// It holds.
    Breach,
    /// It is over since then, not long enough yet.
    Clearing {
        /// Since when, by the gateway's watermark.
        since: Timestamp,
    },
}

/// One level of one detector in one lane.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LevelState {
    /// What is known.
    pub verdict: Verdict,
    /// The occurrence that is up, as this lane sees it.
    pub alarm: Option<EventId>,
}

/// What follows from a condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Nothing to tell.
    None,
    /// It may come true by time alone at this instant.
    Wait(Timestamp),
    /// It has lasted long enough; began with this sample.
    Raise(Option<(SampleId, Sample)>),
    /// Still up, and known to be.
    Confirm(EventId),
    /// Still up, and may be over by time alone at this instant.
    Clear(EventId, Timestamp),
    /// Over.
    Return(EventId),
    /// Up, but its truth is unknown.
    Hold(EventId, Hold),
}

/// The delays of a level, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delays {
    /// How long the condition must last.
    pub for_ms: u32,
    /// How long it must be over.
    pub off_ms: u32,
}

impl LevelState {
    /// Takes the condition at `at` and says what follows. The caller stores the occurrence
    /// that a raise gave.
    pub fn step(
        &mut self,
        condition: Condition,
        at: Timestamp,
        delays: Delays,
        sample: Option<(SampleId, &Sample)>,
    ) -> Step {
        match (condition, self.alarm) {
            (Condition::Unknown(why), alarm) => {
                self.verdict = Verdict::Unknown;
                alarm.map_or(Step::None, |alarm| Step::Hold(alarm, why))
            }
            (Condition::True | Condition::Keep, Some(alarm)) => {
                self.verdict = Verdict::Breach;
                Step::Confirm(alarm)
            }
            (Condition::False, Some(alarm)) => self.clear(alarm, at, delays.off_ms),
            // Between limit and reset nothing can be told of a time that was not seen.
            (Condition::Keep, None) if self.verdict == Verdict::Unknown => Step::None,
            (Condition::False | Condition::Keep, None) => {
                self.verdict = Verdict::Normal;
                Step::None
            }
            (Condition::True, None) => self.last(at, delays.for_ms, sample),
        }
    }

    fn clear(&mut self, alarm: EventId, at: Timestamp, off_ms: u32) -> Step {
        let since = match self.verdict {
            Verdict::Clearing { since } => since,
            _ => at,
        };
        if at.since(since).as_millis() >= u128::from(off_ms) {
            self.verdict = Verdict::Normal;
            self.alarm = None;
            return Step::Return(alarm);
        }
        self.verdict = Verdict::Clearing { since };
        Step::Clear(alarm, after(since, off_ms))
    }

    fn last(&mut self, at: Timestamp, for_ms: u32, sample: Option<(SampleId, &Sample)>) -> Step {
        let (since, first) = match std::mem::take(&mut self.verdict) {
            Verdict::Pending { since, first } => (since, first),
            _ if for_ms == 0 => (at, None),
            _ => (
                at,
                sample.map(|(id, sample)| Box::new((id, sample.clone()))),
            ),
        };
        if at.since(since).as_millis() >= u128::from(for_ms) {
            self.verdict = Verdict::Breach;
            return Step::Raise(first.map(|first| *first));
        }
        self.verdict = Verdict::Pending { since, first };
        Step::Wait(after(since, for_ms))
    }

    /// When time alone may decide it.
    #[must_use]
    pub fn due(&self, delays: Delays) -> Option<Timestamp> {
        match self.verdict {
            Verdict::Pending { since, .. } => Some(after(since, delays.for_ms)),
            Verdict::Clearing { since } => Some(after(since, delays.off_ms)),
            _ => None,
        }
    }

    /// Drops what is open but not decided.
    pub fn drop_pending(&mut self) {
        if matches!(
            self.verdict,
            Verdict::Pending { .. } | Verdict::Clearing { .. }
        ) {
            self.verdict = Verdict::Unknown;
        }
    }

    /// Moves a running delay with the gateway's clock.
    pub fn shift(&mut self, by_ms: i64) {
        if let Verdict::Pending { since, .. } | Verdict::Clearing { since } = &mut self.verdict {
            *since = Timestamp::from_millis(since.as_millis().saturating_add(by_ms));
        }
    }
}

fn after(since: Timestamp, ms: u32) -> Timestamp {
    since.plus(Duration::from_millis(u64::from(ms)))
}
