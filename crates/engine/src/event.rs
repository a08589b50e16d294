//! Alarm events: the only way in which an alarm changes, and what the journal keeps.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fenghuo_model::{Reason, Sample, SampleId, Severity, Timestamp, Unit, share};
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
    /// The device or line behind which the point stands does not answer; its own
    /// communication alarm says so.
    Source,
    /// Not enough was seen yet: a window that is not filled, a profile that is not learned, a
    /// point that has not reported.
    Learning,
}

impl Hold {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading(reason) => reason.as_str(),
            Self::Break => "break",
            Self::Rule => "rule",
            Self::Source => "source",
            Self::Learning => "learning",
        }
    }
}

/// Why nobody watches any more what an alarm is about: it did not return to normal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unwatched {
    /// The gateway is expected no more.
    Gateway,
    /// The point left the catalog, or is another one now: in another unit, with other labels.
    Point,
    /// The rule or its level is not in force any more.
    Rule,
}

impl Unwatched {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Point => "point",
            Self::Rule => "rule",
        }
    }
}

/// Why an alarm is no longer shelved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unshelved {
    /// A person ended it.
    Person,
    /// Its time was over.
    Expired,
    /// It was shelved until its next return to normal.
    Returned,
    /// It is red now: that is never put out of sight.
    Red,
}

/// What a person found to be behind an alarm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// What it says is so.
    True,
    /// Nothing was there.
    False,
    /// Calibration, test or drill.
    Planned,
    /// The instrument or its line failed.
    SensorFault,
}

impl Cause {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Planned => "planned",
            Self::SensorFault => "sensor_fault",
        }
    }
}

/// A step of the closed loop (核警/销警) that has a time limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The enterprise acknowledges.
    Acknowledge,
    /// The enterprise states cause and measure.
    Cause,
    /// The county verifies.
    Verify,
    /// The alarm is closed.
    Close,
}

impl Step {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Cause => "cause",
            Self::Verify => "verify",
            Self::Close => "close",
        }
    }
}

/// A person's name and words.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub by: String,
    /// Their words.
    pub comment: String,
}

/// What happened to an alarm.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Transition {
    /// The condition came true and stayed so for its time.
    Raise(Box<Raised>),
    /// The condition is over, by the rule's own reset.
    Return,
    /// The gateway that it is about is expected no more: it is over for that reason alone.
    Dismiss,
    /// The condition is over, and the level is latched: a person must reset it.
    Latch,
    /// A person has seen it.
    Acknowledge {
        /// Who.
        by: String,
        /// Their words.
        comment: String,
    },
    /// It stood acknowledged for so long that it must be seen again.
    Realarm,
    /// A person let go of a latched alarm.
    Reset(Said),
    /// A person put it on the shelf.
    Shelve {
        /// Who and why.
        said: Said,
        /// When it comes back by itself, by the server's clock.
        until: Timestamp,
        /// It comes back at its next return to normal, too.
        one_shot: bool,
    },
    /// It is back from the shelf.
    Unshelve {
        /// Who and why, when a person did it.
        said: Said,
        /// What ended it.
        why: Unshelved,
    },
    /// The plant's own state says that it means nothing now: suppressed by design.
    Suppress {
        /// The point whose state says so.
        by: String,
    },
    /// It means something again.
    Unsuppress,
    /// A person asks to take it out of service.
    AskOut(Box<OutOfService>),
    /// A second person agreed: it is out of service.
    TakeOut(Said),
    /// It is back in service.
    PutBack(Said),
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
    /// The booked window in which it was raised is over, and it is still there: it is planned
    /// no more.
    PlanOver {
        /// The window.
        booking: String,
    },
    /// A retrospective alarm is still active now that the backlog has caught up: it is live.
    Promote,
    /// A retrospective alarm turned out to be the beginning of another one that is live.
    Merge(EventId),
    /// The enterprise said what was behind it and what was done.
    State {
        /// Who, and the measure taken.
        said: Said,
        /// What was behind it.
        cause: Cause,
    },
    /// The county looked into it.
    Verify {
        /// Who and what they found.
        said: Said,
        /// Whether they accept what the enterprise stated; if not it is to be stated again.
        accepted: bool,
    },
    /// The case is closed (销警).
    Close(Said),
    /// A step of the closed loop was not done in time.
    Overdue {
        /// Which step.
        step: Step,
        /// How often its time has run out: whom to tell next.
        tier: u8,
    },
    /// No rule watches any more what it is about: it is over for that reason alone.
    Unwatch {
        /// What went away.
        why: Unwatched,
        /// The level is latched: a person must reset it all the same.
        latched: bool,
    },
}

impl Transition {
    /// The stable name in APIs and the journal.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Raise(_) => "raise",
            Self::Return => "return",
            Self::Dismiss => "dismiss",
            Self::Latch => "latch",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Realarm => "realarm",
            Self::Reset(_) => "reset",
            Self::Shelve { .. } => "shelve",
            Self::Unshelve { .. } => "unshelve",
            Self::Suppress { .. } => "suppress",
            Self::Unsuppress => "unsuppress",
            Self::AskOut(_) => "ask_out_of_service",
            Self::TakeOut(_) => "take_out_of_service",
            Self::PutBack(_) => "put_back_in_service",
            Self::Hold(_) => "hold",
            Self::Release => "release",
            Self::Amend { .. } => "amend",
            Self::PlanOver { .. } => "plan_over",
            Self::Promote => "promote",
            Self::Merge(_) => "merge",
            Self::State { .. } => "state_cause",
            Self::Verify { .. } => "verify",
            Self::Close(_) => "close",
            Self::Overdue { .. } => "overdue",
            Self::Unwatch { .. } => "unwatch",
        }
    }
}

/// A permit to take an alarm out of service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutOfService {
    /// Who asked, and why.
    pub asked: Said,
    /// The permit's number.
    pub permit: String,
    /// When it must be back, by the server's clock.
    pub until: Timestamp,
}

/// The first alarm of a group that stands above the others: what began it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FirstOut {
    /// The group: `label=value`.
    pub group: Arc<str>,
    /// The occurrence that was first; none when this one is it.
    pub first: Option<EventId>,
}

/// What a raise says beside its time: enough to show the alarm without the rule at hand.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Raised {
    /// How bad.
    pub severity: Severity,
    /// The version of the rule that decided: a hash of its definition.
    #[serde(deserialize_with = "share::deserialize")]
    pub rule_version: Arc<str>,
    /// The comparison, for a level.
    pub op: Option<Op>,
    /// The limit in the point's unit, for a level.
    pub limit: Option<f64>,
    /// The point's unit.
    pub unit: Option<Unit>,
    /// What the detector made of the samples (a mean, a rate, a count), where that is not
    /// the point's own value.
    pub seen: Option<f64>,
    /// The samples that decided, with their identity.
    pub deciding: Vec<(Option<SampleId>, Sample)>,
    /// It was found in backlog.
    pub retrospective: bool,
    /// When it is over a person must reset it.
    pub latch: bool,
    /// The longest it may be shelved, in milliseconds; 0 forbids it, and suppression too.
    pub shelve_ms: u64,
    /// Acknowledged for so long, it is to be seen again, in milliseconds.
    pub realarm_ms: Option<u64>,
    /// Its place in its group, when its rule names one.
    pub first_out: Option<FirstOut>,
    /// The booked window (calibration, drill) in which it was raised.
    pub planned: Option<String>,
    /// Raised so often of late that it counts one severity higher.
    pub repeated: bool,
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
