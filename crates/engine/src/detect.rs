//! Detectors: from samples to a number or a truth.
//!
//! Each module holds one detector: what it sees, what unknown does, its memory bound, its
//! cost, and an example. A detector never decides on an alarm: the level's limit, `for` and
//! `off_for` do. What must stay true of each:
//! - it is a pure function of its settings, its memory and what it is given;
//! - without a value it says so; it never invents one and never repeats the last one;
//! - a doubtful value makes a doubtful answer, which may raise but never clears;
//! - its memory is bounded whatever it is given, and its time is that of the data.

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Hold;

pub mod anomaly;
pub mod count;
pub mod flat;
pub mod forecast;
pub mod rate;
mod ring;
pub mod sequence;
pub mod several;
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
    /// The gateway was away: nothing is known of a time that begins now.
    fn forget(&mut self);
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
