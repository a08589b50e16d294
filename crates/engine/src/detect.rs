//! Detectors: from samples to a number or a truth.
//!
//! Each module holds one detector: what it sees, what unknown does, its memory bound, its
//! cost, and an example ([`level`], [`stale`] and [`interlock`] remember nothing, and a lane
//! looks for itself; expressions are [`expr`](crate::expr), and when a rule works at all is a
//! [calendar](crate::rule::Calendar)'s). A detector never decides on an alarm: the level's limit, `for` and
//! `off_for` do. What must stay true of each:
//! - it is a pure function of its settings, its memory and what it is given;
//! - without a value it says so; it never invents one and never repeats the last one;
//! - a doubtful value makes a doubtful answer, which may raise but never clears;
//! - its memory is bounded whatever it is given, and its time is that of the data.

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Hold;
use crate::rule::Detector;

pub mod anomaly;
pub mod count;
pub mod flat;
pub mod forecast;
pub mod interlock;
pub mod level;
pub mod rate;
pub(crate) mod ring;
pub mod sequence;
pub mod several;
pub mod stale;
pub mod state;
pub mod window;

/// What a detector is given.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The instant, in the gateway's time. Never goes back between two calls, apart from
    /// [`Detect::shift`].
    pub at: Timestamp,
    /// The point's value and whether it is in doubt, or why there is none.
    pub reading: Result<(f64, bool), Hold>,
    /// A new sample of the detector's own point; otherwise time has passed or another point
    /// has changed, and the reading is the last one again.
    pub fresh: bool,
}

/// What a detector sees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Seen {
    /// A number for the levels to compare, and whether it is in doubt.
    Number(f64, bool),
    /// The condition itself, and whether it is in doubt.
    Truth(bool, bool),
    /// It cannot be told.
    Unknown(Hold),
}

/// A detector with a memory.
pub trait Detect {
    /// Its settings.
    type Spec;
    /// Takes what is there now and says what it sees.
    fn see(&mut self, spec: &Self::Spec, now: &Now) -> Seen;
    /// When what it sees may change by time alone; none when it cannot.
    fn due(&self, spec: &Self::Spec) -> Option<Timestamp>;
    /// The gateway's clock was set by so many milliseconds: moves every instant it remembers.
    fn shift(&mut self, by_ms: i64);
    /// The gateway was away, or the point: nothing is known of a time that begins now.
    fn forget(&mut self, spec: &Self::Spec);
    /// Takes in what an older lane had seen before this one began. `before` ends before the
    /// first thing that `self` remembers.
    fn join(&mut self, spec: &Self::Spec, before: Self);
}

/// What a bound detector remembers in a lane.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub enum Memory {
    /// Nothing: the last samples of its points are enough.
    #[default]
    None,
    /// See [`rate`].
    Rate(Box<rate::Memory>),
    /// See [`flat`].
    Flat(Box<flat::Memory>),
    /// See [`count`].
    Count(Box<count::Memory>),
    /// See [`window`].
    Window(Box<window::Memory>),
    /// See [`sequence`].
    Sequence(Box<sequence::Memory>),
    /// See [`forecast`].
    Forecast(Box<forecast::Memory>),
    /// See [`anomaly`].
    Anomaly(Box<anomaly::Memory>),
}

impl Memory {
    /// The empty memory of a detector.
    #[must_use]
    pub fn of(detector: &Detector) -> Self {
        match detector {
            Detector::Rate(_) => Self::Rate(Box::default()),
            Detector::Flat(_) => Self::Flat(Box::default()),
            Detector::Count(_) => Self::Count(Box::default()),
            Detector::Window(_) => Self::Window(Box::default()),
            Detector::Sequence(_) => Self::Sequence(Box::default()),
            Detector::Forecast(_) => Self::Forecast(Box::default()),
            Detector::Anomaly(_) => Self::Anomaly(Box::default()),
            _ => Self::None,
        }
    }

    /// When what it sees may change by time alone.
    #[must_use]
    pub fn due(&self, detector: &Detector) -> Option<Timestamp> {
        match (self, detector) {
            (Self::Rate(memory), Detector::Rate(spec)) => memory.due(spec),
            (Self::Flat(memory), Detector::Flat(spec)) => memory.due(spec),
            (Self::Count(memory), Detector::Count(spec)) => memory.due(spec),
            (Self::Window(memory), Detector::Window(spec)) => memory.due(spec),
            (Self::Sequence(memory), Detector::Sequence(spec)) => memory.due(spec),
            (Self::Forecast(memory), Detector::Forecast(spec)) => memory.due(spec),
            (Self::Anomaly(memory), Detector::Anomaly(spec)) => memory.due(spec),
            _ => None,
        }
    }

    /// The gateway's clock was set.
    pub fn shift(&mut self, by_ms: i64) {
        match self {
            Self::None => {}
            Self::Rate(memory) => memory.shift(by_ms),
            Self::Flat(memory) => memory.shift(by_ms),
            Self::Count(memory) => memory.shift(by_ms),
            Self::Window(memory) => memory.shift(by_ms),
            Self::Sequence(memory) => memory.shift(by_ms),
            Self::Forecast(memory) => memory.shift(by_ms),
            Self::Anomaly(memory) => memory.shift(by_ms),
        }
    }

    /// The gateway was away, or the point.
    pub fn forget(&mut self, detector: &Detector) {
        match (self, detector) {
            (Self::Rate(memory), Detector::Rate(spec)) => memory.forget(spec),
            (Self::Flat(memory), Detector::Flat(spec)) => memory.forget(spec),
            (Self::Count(memory), Detector::Count(spec)) => memory.forget(spec),
            (Self::Window(memory), Detector::Window(spec)) => memory.forget(spec),
            (Self::Sequence(memory), Detector::Sequence(_)) => memory.forget(),
            (Self::Forecast(memory), Detector::Forecast(spec)) => memory.forget(spec),
            (Self::Anomaly(memory), Detector::Anomaly(spec)) => memory.forget(spec),
            _ => {}
        }
    }

    /// Takes in what an older lane had seen before this one began.
    pub fn join(&mut self, detector: &Detector, before: Self) {
        match (self, detector, before) {
            (Self::Rate(now), Detector::Rate(spec), Self::Rate(before)) => now.join(spec, *before),
            (Self::Flat(now), Detector::Flat(spec), Self::Flat(before)) => now.join(spec, *before),
            (Self::Count(now), Detector::Count(spec), Self::Count(before)) => {
                now.join(spec, *before);
            }
            (Self::Window(now), Detector::Window(spec), Self::Window(before)) => {
                now.join(spec, *before);
            }
            (Self::Sequence(now), Detector::Sequence(spec), Self::Sequence(before)) => {
                now.join(spec, *before);
            }
            (Self::Forecast(now), Detector::Forecast(spec), Self::Forecast(before)) => {
                now.join(spec, *before);
            }
            (Self::Anomaly(now), Detector::Anomaly(spec), Self::Anomaly(before)) => {
                now.join(spec, *before);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
