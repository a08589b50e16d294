//! A detector's answer for one level, over time.

use fenghuo_model::{Sample, SampleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{EventId, Hold};

/// What a detector sees now.
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
        first: Option<(SampleId, Sample)>,
    },
    /// It holds.
    Breach,
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
    /// Over.
    Return(EventId),
    /// Up, but its truth is unknown.
    Hold(EventId, Hold),
}

impl LevelState {
    /// Takes the condition at `at` and says what follows. The caller stores the occurrence
    /// that a raise gave.
    pub fn step(
        &mut self,
        condition: Condition,
        at: Timestamp,
        for_ms: u64,
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
            (Condition::False, Some(alarm)) => {
                self.verdict = Verdict::Normal;
                self.alarm = None;
                Step::Return(alarm)
            }
            // Between limit and reset nothing can be told of a time that was not seen.
            (Condition::Keep, None) if self.verdict == Verdict::Unknown => Step::None,
            (Condition::False | Condition::Keep, None) => {
                self.verdict = Verdict::Normal;
                Step::None
            }
            (Condition::True, None) => self.last(at, for_ms, sample),
        }
    }

    fn last(&mut self, at: Timestamp, for_ms: u64, sample: Option<(SampleId, &Sample)>) -> Step {
        let owned = || sample.map(|(id, sample)| (id, sample.clone()));
        let (since, first) = match std::mem::take(&mut self.verdict) {
            Verdict::Pending { since, first } => (since, first),
            Verdict::Unknown | Verdict::Normal | Verdict::Breach => (at, owned()),
        };
        let lasted = at.as_millis().saturating_sub(since.as_millis());
        if lasted >= i64::try_from(for_ms).unwrap_or(i64::MAX) {
            self.verdict = Verdict::Breach;
            return Step::Raise(first);
        }
        self.verdict = Verdict::Pending { since, first };
        Step::Wait(since.plus(std::time::Duration::from_millis(for_ms)))
    }

    /// Drops what is open but not decided.
    pub fn drop_pending(&mut self) {
        if matches!(self.verdict, Verdict::Pending { .. }) {
            self.verdict = Verdict::Unknown;
        }
    }

    /// Moves a running on-delay with the gateway's clock.
    pub fn shift(&mut self, by_ms: i64) {
        if let Verdict::Pending { since, .. } = &mut self.verdict {
            *since = Timestamp::from_millis(since.as_millis().saturating_add(by_ms));
        }
    }
}
