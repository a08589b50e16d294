//! What a scenario's lines mean, checked: points, rules, and steps in time.

use std::ops::Range;

use fenghuo_model::{GatewayKey, PointDef, PointKey, Reading, Timestamp};

use super::act::ActLine;

/// Where rules come from.
#[derive(Clone, PartialEq, Debug)]
pub enum Rules {
    /// A file, as the scenario names it.
    File {
        /// The path, relative to the scenario's file.
        path: String,
        /// Where it is named.
        span: Range<usize>,
    },
    /// A block of the scenario's file.
    Inline(Range<usize>),
}

/// A gateway and its points before anything happens.
#[derive(Clone, PartialEq, Debug)]
pub struct Plant {
    /// Its name.
    pub gateway: GatewayKey,
    /// Its points.
    pub points: Vec<PointDef>,
}

/// What a scenario sets up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Setup {
    /// The instant of offset 0.
    pub start: Option<Timestamp>,
    /// The rules in force.
    pub rules: Vec<Rules>,
    /// Gateways with points.
    pub plants: Vec<Plant>,
    /// Gateways that are expected, without points.
    pub expected: Vec<GatewayKey>,
}

/// A point in a scenario: which of its gateways, and its key there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Spot {
    /// Index in [`Setup::plants`].
    pub gateway: usize,
    /// The point's key.
    pub key: PointKey,
}

/// What a point reads from now on.
#[derive(Clone, PartialEq, Debug)]
pub enum Signal {
    /// One sample now, whose own time lies this far from now.
    Once(Reading, i64),
    /// The same at every interval, until something else is said or for so long.
    Keep(Reading, Option<i64>),
    /// A straight line from one number to another in so many milliseconds, then the last.
    Ramp {
        /// At first.
        from: f64,
        /// At last.
        to: f64,
        /// How long that takes.
        over: i64,
    },
    /// Nothing.
    Quiet,
}

/// What happens at a moment.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A point reads something.
    Read(Spot, Signal),
    /// A point joins its gateway's catalog, or is defined anew.
    Define(usize, Box<PointDef>),
    /// A point leaves its gateway's catalog.
    Remove(Spot),
    /// A gateway is off, for so long or to the end, and comes back as a new run.
    Silent(usize, Option<i64>),
    /// A gateway has no link.
    Lose {
        /// Which.
        gateway: usize,
        /// How long.
        span: i64,
        /// What it kept meanwhile is lost.
        gone: bool,
        /// Frames of backlog delivered a second; all at once when left out.
        rate: Option<u64>,
    },
    /// A gateway's frames arrive in another order for so long.
    Shuffle(usize, i64),
    /// A gateway gets a new disk: its numbers begin anew.
    Replace(usize),
    /// A gateway's clock is set by so much.
    Clock(usize, i64),
    /// The server's clock is set by so much.
    ServerClock(i64),
    /// The server takes no frames for so long, and says so in its ticks.
    Deaf(i64),
    /// The server stops, is away for so long, and starts from its snapshot.
    Restart(i64),
    /// Other rules.
    Reload(Vec<Rules>),
    /// A person does something.
    Act(ActLine),
    /// The scenario goes on at least to here.
    End,
}

/// A moment and what happens then.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// Milliseconds after the start.
    pub at: i64,
    /// What.
    pub what: What,
}

impl Step {
    /// The last moment that the step reaches to.
    #[must_use]
    pub fn until(&self) -> i64 {
        let span = match &self.what {
            What::Read(_, Signal::Keep(_, Some(span)) | Signal::Ramp { over: span, .. })
            | What::Silent(_, Some(span))
            | What::Lose { span, .. }
            | What::Shuffle(_, span)
            | What::Deaf(span)
            | What::Restart(span) => *span,
            _ => 0,
        };
        self.at.saturating_add(span)
    }
}
