//! The simulated plants: physics stepped with a given `dt`, points to read, knobs to turn.
//!
//! Pure: time and seed come from outside. A plant lists its points and knobs in two static
//! tables (`map.rs` beside its physics); everything else in the crate works from those.

mod parts;

mod coal_mine;
mod dust_workshop;
mod tank_farm;

use std::fmt;
use std::str::FromStr;

use parts::{Knob, Row};

pub use parts::{Device, Json, KnobSpec, Place, Point, Span, Stamp};

pub use coal_mine::CoalMine;
pub use dust_workshop::DustWorkshop;
pub use tank_farm::TankFarm;

/// What each plant module gives; kept private to the closed set below.
trait Physics: Sized + 'static {
    const ROWS: &'static [Row<Self>];
    const KNOBS: &'static [Knob<Self>];
    const SPANS: &'static [Span];
    const DEVICES: &'static [Device];
    fn new(seed: u64) -> Self;
    fn step(&mut self, dt: f64);
}

/// Which plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlantKind {
    /// Tanks, pumps, gas detectors.
    TankFarm,
    /// A coal face with its fans.
    CoalMine,
    /// Grinding with a dust collector.
    DustWorkshop,
}

/// No plant has this name.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown plant `{0}`; known: tank-farm, coal-mine, dust-workshop")]
pub struct UnknownPlant(String);

impl FromStr for PlantKind {
    type Err = UnknownPlant;
    fn from_str(name: &str) -> Result<Self, UnknownPlant> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownPlant(name.to_owned()))
    }
}

impl fmt::Display for PlantKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn points_of<P: Physics>() -> Vec<Point> {
    P::ROWS.iter().map(|row| row.point).collect()
}

fn knobs_of<P: Physics>() -> Vec<KnobSpec> {
    let spec = |knob: &Knob<P>| KnobSpec {
        name: knob.name,
        normal: knob.normal,
        low: knob.low,
        high: knob.high,
    };
    P::KNOBS.iter().map(spec).collect()
}

/// Calls a generic item with the plant type of a [`PlantKind`].
macro_rules! by_kind {
    ($kind:expr, $P:ident => $body:expr) => {
        match $kind {
            PlantKind::TankFarm => {
                type $P = TankFarm;
                $body
            }
            PlantKind::CoalMine => {
                type $P = CoalMine;
                $body
            }
            PlantKind::DustWorkshop => {
                type $P = DustWorkshop;
                $body
            }
        }
    };
}

impl PlantKind {
    /// Every plant.
    pub const ALL: [Self; 3] = [Self::TankFarm, Self::CoalMine, Self::DustWorkshop];

    /// Its name in scenarios, topics and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TankFarm => "tank-farm",
            Self::CoalMine => "coal-mine",
            Self::DustWorkshop => "dust-workshop",
        }
    }

    /// Its points; their order is that of [`Plant::read`].
    #[must_use]
    pub fn points(self) -> Vec<Point> {
        by_kind!(self, P => points_of::<P>())
    }

    /// Its knobs; their order is that of [`Plant::turn`].
    #[must_use]
    pub fn knobs(self) -> Vec<KnobSpec> {
        by_kind!(self, P => knobs_of::<P>())
    }

    /// What its PLC answers for.
    #[must_use]
    pub const fn spans(self) -> &'static [Span] {
        by_kind!(self, P => P::SPANS)
    }

    /// Its devices on MQTT.
    #[must_use]
    pub const fn devices(self) -> &'static [Device] {
        by_kind!(self, P => P::DEVICES)
    }
}

/// A plant in some state.
#[derive(Debug)]
pub enum Plant {
    /// Tanks, pumps, gas detectors.
    TankFarm(TankFarm),
    /// A coal face with its fans.
    CoalMine(CoalMine),
    /// Grinding with a dust collector.
    DustWorkshop(DustWorkshop),
}

/// Runs the same lines on whichever plant it is.
macro_rules! on_plant {
    ($self:expr, $plant:ident => $body:expr) => {
        match $self {
            Self::TankFarm($plant) => $body,
            Self::CoalMine($plant) => $body,
            Self::DustWorkshop($plant) => $body,
        }
    };
}

fn read_all<P: Physics>(plant: &P) -> Vec<f64> {
    let bounded = |row: &Row<P>| (row.read)(plant).clamp(row.point.low, row.point.high);
    P::ROWS.iter().map(bounded).collect()
}

fn turn_one<P: Physics>(plant: &mut P, knob: usize, to: f64) {
    if let Some(knob) = P::KNOBS.get(knob) {
        (knob.turn)(plant, to.clamp(knob.low, knob.high));
    }
}

impl Plant {
    /// A plant in its normal state.
    #[must_use]
    pub fn new(kind: PlantKind, seed: u64) -> Self {
        match kind {
            PlantKind::TankFarm => Self::TankFarm(TankFarm::new(seed)),
            PlantKind::CoalMine => Self::CoalMine(CoalMine::new(seed)),
            PlantKind::DustWorkshop => Self::DustWorkshop(DustWorkshop::new(seed)),
        }
    }

    /// Lets `dt` seconds pass.
    pub fn step(&mut self, dt: f64) {
        on_plant!(self, plant => plant.step(dt));
    }

    /// The value of every point, in the order of [`PlantKind::points`]. An instrument
    /// stops at the ends of its range.
    #[must_use]
    pub fn read(&self) -> Vec<f64> {
        on_plant!(self, plant => read_all(plant))
    }

    /// Turns the knob at this place of [`PlantKind::knobs`].
    pub fn turn(&mut self, knob: usize, to: f64) {
        on_plant!(self, plant => turn_one(plant, knob, to));
    }
}
