//! What a back-test comes to.

use std::time::Duration;

use fenghuo_model::{GatewayKey, Timestamp};
use serde::{Serialize, Serializer};

use super::Options;
use crate::rebuild::Notes;

/// Most differences told one by one; the counts have all.
pub const DIFFERENCES_MAX: usize = 10_000;
/// How many of the alarms that came most often are told.
pub const TOP: usize = 10;

/// What became of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It would have been raised, and was not.
    Added,
    /// It was raised, and would not have been.
    Removed,
    /// It would have been raised earlier.
    Earlier,
    /// It would have been raised later.
    Later,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// What became of it.
    pub what: What,
    /// `rule/level@subject`.
    pub alarm: String,
    /// When it was raised.
    #[serde(serialize_with = "maybe_text")]
    pub was: Option<Timestamp>,
    /// When it would have been.
    #[serde(serialize_with = "maybe_text")]
    pub would: Option<Timestamp>,
    /// Data came late there: live judgement did not have it.
    pub late: bool,
}

/// Data of a gateway that came late.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Late {
    /// Whose.
    #[serde(serialize_with = "as_text")]
    pub gateway: GatewayKey,
    /// From about here on.
    #[serde(serialize_with = "as_text")]
    pub from: Timestamp,
    /// Until about here.
    #[serde(serialize_with = "as_text")]
    pub until: Timestamp,
}

/// How many alarms were raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// By what happened.
    pub before: u64,
    /// By the fold.
    pub after: u64,
    /// Alike.
    pub same: u64,
    /// See [`What`].
    pub added: u64,
    /// See [`What`].
    pub removed: u64,
    /// See [`What`].
    pub earlier: u64,
    /// See [`What`].
    pub later: u64,
}

impl Counts {
    /// Whether nothing differs.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.added + self.removed + self.earlier + self.later == 0
    }

    /// Counts a difference.
    pub const fn add(&mut self, what: What) {
        match what {
            What::Added => self.added += 1,
            What::Removed => self.removed += 1,
            What::Earlier => self.earlier += 1,
            What::Later => self.later += 1,
        }
    }
}

/// A shift.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Shift {
    /// Its begin.
    #[serde(serialize_with = "as_text")]
    pub from: Timestamp,
    /// Alarms that were raised in it.
    pub before: u64,
    /// Those that would have been.
    pub after: u64,
}

/// Something that is counted by name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Named {
    /// A rule's id, or `rule/level@subject`.
    pub name: String,
    /// Its alarms.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What a back-test comes to.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Report {
    /// Begin of the span.
    pub from: String,
    /// Its end.
    pub until: String,
    /// The begin that was asked for, where less is kept.
    pub asked_from: Option<String>,
    /// The end that was asked for, where the log ends before it.
    pub asked_until: Option<String>,
    /// Whether other rules were in force.
    pub other_rules: bool,
    /// Where the fold began.
    pub warm_from: String,
    /// The rule that looks back furthest, when it needs more than the least.
    pub warm_because: Option<String>,
    /// Whether that is as far as the rules look back.
    pub warm_enough: bool,
    /// The first sample of the fold.
    pub first_sample: Option<String>,
    /// Samples folded.
    pub samples: u64,
    /// How many a second.
    pub samples_per_second: u64,
    /// How long the fold took.
    pub took_ms: u64,
    /// Alarms.
    pub alarms: Counts,
    /// By shift; see `shift_ms`.
    pub shifts: Vec<Shift>,
    /// How long a shift is.
    pub shift_ms: u64,
    /// By rule.
    pub rules: Vec<Named>,
    /// The alarms that come most often in the fold.
    pub top: Vec<Named>,
    /// What differs, by time.
    pub differences: Vec<Difference>,
    /// Differences that are only counted.
    pub differences_left_out: u64,
    /// Where data came late.
    pub late: Vec<Late>,
    /// Samples that no catalog has.
    pub strange_samples: u64,
    /// Acts on alarms that this fold has not.
    pub lost_acts: u64,
    /// Stretches of stored samples that cannot be read.
    pub unreadable: usize,
}

impl Report {
    /// The facts of a fold.
    #[must_use]
    pub fn new(options: &Options, notes: &Notes, took: Duration) -> Self {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            from: options.from.to_string(),
            until: options.until.to_string(),
            other_rules: options.rules.is_some(),
            first_sample: notes.first.map(|at| at.to_string()),
            samples: notes.samples,
            samples_per_second: notes.samples.saturating_mul(1_000) / ms(took).max(1),
            took_ms: ms(took),
            shift_ms: ms(options.shift),
            strange_samples: notes.strange,
            lost_acts: notes.lost_acts,
            unreadable: notes.faults.len(),
            ..Self::default()
        }
    }
}

fn as_text<S: Serializer>(value: &impl ToString, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&value.to_string())
}

#[expect(clippy::ref_option, reason = "serde asks so")]
fn maybe_text<S: Serializer>(value: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => out.serialize_str(&value.to_string()),
        None => out.serialize_none(),
    }
}
