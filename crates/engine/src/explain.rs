//! Why an alarm is up, and why one is not: what decides, as it stands now.
//!
//! [`Engine::explain`] answers for a rule and a point: one explanation for each binding of
//! the rule that looks at the point, in each lane, or one that says why the rule does not
//! watch it. The answer is data, with a sentence in Chinese and English first.
//!
//! What must stay true:
//! - asking changes nothing: detectors answer with a copy of their memory;
//! - every case has a sentence; none of them says more than is known.
//!
//! Cost: one pass over the gateway's bindings, and a look at each point that is watched.
//! Limits: at most [`INPUTS_MAX`] points are listed of one binding.

use std::sync::Arc;

use fenghuo_model::{PointRef, Sample, SampleId, Severity, Timestamp, Title, Unit};

use crate::alarm::{Shelf, State, Subject};
use crate::detect::Seen;
use crate::event::{EventId, Hold, OutOfService};
use crate::rule::Source;

mod find;
mod gather;
mod say;
mod unwatched;
mod words;

pub use crate::detect::forecast::Ahead;
pub use crate::gateway::bind::BoundLimit;
pub use crate::gateway::lane::glance::Tally;
pub use crate::gateway::verdict::{Condition, Verdict};
pub use unwatched::{Unwatched, WrongLabel};
pub use words::why_held;

/// Most points listed of one binding.
pub const INPUTS_MAX: usize = 256;

/// Why a rule has, or has not, an alarm at a point.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// One sentence: the answer.
    pub verdict: Title,
    /// The rule's id.
    pub rule: Arc<str>,
    /// What names the rule's definition; none when there is no such rule.
    pub version: Option<Arc<str>>,
    /// What people call the rule.
    pub title: Title,
    /// Where the rule's numbers come from.
    pub source: Option<Source>,
    /// The detector's name.
    pub detector: Option<&'static str>,
    /// The point that was asked about.
    pub point: PointRef,
    /// What the answer is.
    pub answer: Answer,
}

/// What the answer is.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// The rule does not watch the point.
    Unwatched(Unwatched),
    /// It does.
    Watched(Box<Watched>),
}

/// A binding as it stands in a lane.
#[derive(Clone, PartialEq, Debug)]
pub struct Watched {
    /// What its alarms are about.
    pub subject: Subject,
    /// The unit of its own point, in which its limits are.
    pub unit: Unit,
    /// In the backlog lane: what is found there is retrospective.
    pub backlog: bool,
    /// The lane's watermark; none before its first frame.
    pub at: Option<Timestamp>,
    /// The gateway is silent: nothing newer is known.
    pub silent: bool,
    /// What the detector sees; none before the lane's first frame.
    pub seen: Option<Seen>,
    /// When the rule works, if not always.
    pub gate: Option<Gate>,
    /// Every point that it looks at, its own first.
    pub inputs: Vec<Input>,
    /// Points that are not listed: see [`INPUTS_MAX`].
    pub inputs_left_out: usize,
    /// Its levels, as the rule has them.
    pub levels: Vec<LevelAnswer>,
}

/// When a rule works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    /// The calendar's name.
    pub calendar: Arc<str>,
    /// It works inside of its times; otherwise outside of them.
    pub inside: bool,
    /// Whether it works now.
    pub open: bool,
}

/// Why a binding looks at a point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Its alarms belong to it.
    Own,
    /// It takes part in the decision.
    Other,
    /// Its state makes the alarms meaningless.
    Suppresses,
}

impl Role {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Other => "other",
            Self::Suppresses => "suppresses",
        }
    }
}

/// A point that a binding looks at.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// Which.
    pub point: PointRef,
    /// Its unit.
    pub unit: Unit,
    /// What for.
    pub role: Role,
    /// Its last sample.
    pub last: Option<(SampleId, Sample)>,
    /// When anything was last heard of it, by the gateway's watermark.
    pub heard: Option<Timestamp>,
    /// When it last had a value, by the gateway's watermark.
    pub valued: Option<Timestamp>,
    /// Why its last sample does not count any more, if so.
    pub away: Option<Hold>,
    /// The lines and devices before it that do not answer.
    pub down: Vec<PointRef>,
    /// After how many milliseconds without a word it is away, if it is ever.
    pub stale_after_ms: Option<u64>,
}

/// What a level's situation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Up: the condition holds.
    Up,
    /// Up: the condition does not hold any more, and the reset is not passed.
    Kept,
    /// Up: over for some time, not yet long enough.
    Clearing,
    /// Up: its truth is not known.
    Held,
    /// Over; nobody has seen it.
    Returned,
    /// Over; a person must reset it.
    Latched,
    /// Not up: the condition holds, not yet long enough.
    Pending,
    /// Not up: the condition holds and the alarm comes with the next frame.
    Due,
    /// Not up: the condition cannot be told.
    Unknown(Hold),
    /// Not up as far as is known: the gateway is silent.
    Silent,
    /// Not up: the gateway has sent nothing to judge.
    NoData,
    /// Not up: between reset and limit (or in doubt), where none begins.
    Between,
    /// Not up: the condition does not hold.
    Normal,
    /// Not up: the rule does not work at this time.
    Closed,
    /// Not up: its limit is not known; the site's design must give it.
    Unarmed,
}

impl Why {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Kept => "kept",
            Self::Clearing => "clearing",
            Self::Held => "held",
            Self::Returned => "returned",
            Self::Latched => "latched",
            Self::Pending => "pending",
            Self::Due => "due",
            Self::Unknown(_) => "unknown",
            Self::Silent => "gateway_silent",
            Self::NoData => "no_data",
            Self::Between => "between",
            Self::Normal => "normal",
            Self::Closed => "outside_calendar",
            Self::Unarmed => "not_armed",
        }
    }

    /// Whether its alarm is up.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Kept | Self::Clearing | Self::Held)
    }
}

/// A level as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct LevelAnswer {
    /// One sentence.
    pub verdict: Title,
    /// The level's name.
    pub name: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// Its situation.
    pub why: Why,
    /// Its limit in the point's unit.
    pub limit: Option<BoundLimit>,
    /// How long the condition must last, in milliseconds.
    pub for_ms: u32,
    /// How long it must be over, in milliseconds.
    pub off_ms: u32,
    /// The condition now; none before the lane's first frame.
    pub condition: Option<Condition>,
    /// What is known of it over time.
    pub state: Verdict,
    /// When time alone may decide it.
    pub due: Option<Timestamp>,
    /// Of a vote or a roll-up.
    pub tally: Option<Tally>,
    /// Of a forecast: when the limit will be reached.
    pub ahead: Option<Ahead>,
    /// The alarm that is not over.
    pub alarm: Option<Standing>,
}

/// An alarm as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// Which.
    pub occurrence: EventId,
    /// The state that people see.
    pub state: State,
    /// Begin, in the time of the data.
    pub raised_at: Timestamp,
    /// End, when it has ended.
    pub returned_at: Option<Timestamp>,
    /// Why its truth is unknown, if it is.
    pub held: Option<Hold>,
    /// Still only known from backlog.
    pub retrospective: bool,
    /// Who put it on the shelf, and until when.
    pub shelf: Option<Shelf>,
    /// The point whose state suppresses it.
    pub suppressed_by: Option<String>,
    /// It is out of service, under this permit.
    pub out: Option<OutOfService>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// The booked window in which it was raised.
    pub planned: Option<String>,
}

#[cfg(test)]
mod tests;
