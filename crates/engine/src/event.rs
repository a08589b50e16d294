//! Alarm events: the only way in which an alarm changes, and what the journal keeps.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fenghuo_model::{Reason, Sample, SampleId, Severity, Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::AlarmKey;
use crate::rule::Op;

/// An event's place: the log entry that caused it, and its number among that entry's.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct EventId {
    /// The log position.
    pub position: u64,
    /// From 0.
    pub ordinal: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.ordinal)
    }
}

impl FromStr for EventId {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (position, ordinal) = text.split_once('.').ok_or(())?;
        Ok(Self {
            position: position.parse().map_err(|_| ())?,
            ordinal: ordinal.parse().map_err(|_| ())?,
        })
    }
}

/// Why an alarm's truth is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Hold {
    /// The point has no value, for this reason.
    Reading(Reason),
    /// The link was broken; the data in between is still to come.
    Break,
    /// The rule went away or changed while the alarm was there.
    Rule,
}

impl Hold {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading(reason) => reason.as_str(),
            Self::Break => "break",
            Self::Rule => "rule",
        }
    }
}

/// What happened to an alarm.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Transition {
    /// The condition came true and stayed so for its time.
    Raise(Box<Raised>),
    /// The condition is over, by the rule's own reset.
    Return,
    /// A person has seen it.
    Acknowledge {
        /// Who.
        by: String,
        /// Their words.
        comment: String,
    },
    /// Its truth is unknown from now on; it stays as it is.
    Hold(Hold),
    /// Its truth is known again.
    Release,
    /// Backlog showed its true begin or end.
    Amend {
        /// The true begin, when that is what changed.
        raised_at: Option<Timestamp>,
        /// The true end, when that is what changed.
        returned_at: Option<Timestamp>,
    },
    /// A retrospective alarm is still active now that the backlog has caught up: it is live.
    Promote,
    /// A retrospective alarm turned out to be the beginning of another one that is live.
    Merge(EventId),
}

impl Transition {
    /// The stable name in APIs and the journal.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Raise(_) => "raise",
            Self::Return => "return",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Hold(_) => "hold",
            Self::Release => "release",
            Self::Amend { .. } => "amend",
            Self::Promote => "promote",
            Self::Merge(_) => "merge",
        }
    }
}

/// What a raise says beside its time: enough to show the alarm without the rule at hand.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Raised {
    /// How bad.
    pub severity: Severity,
    /// The version of the rule that decided: a hash of its definition.
    pub rule_version: Arc<str>,
    /// The comparison, for a level.
    pub op: Option<Op>,
    /// The limit in the point's unit, for a level.
    pub limit: Option<f64>,
    /// The point's unit.
    pub unit: Option<Unit>,
    /// The samples that decided, with their identity.
    pub deciding: Vec<(Option<SampleId>, Sample)>,
    /// It was found in backlog.
    pub retrospective: bool,
}

/// One change in an alarm's life.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its place.
    pub id: EventId,
    /// The raise event that began this occurrence.
    pub occurrence: EventId,
    /// Which alarm.
    pub alarm: AlarmKey,
    /// When it happened, in the time of the data (or of the person).
    pub at: Timestamp,
    /// What happened.
    pub transition: Transition,
}

/// An event and the alarm as it is after it.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// The alarm then; no longer in the book when its state is normal.
    pub alarm: crate::Alarm,
}
