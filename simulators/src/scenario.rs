//! Scenarios: what happens to the plants, when, and what must be seen of it.
//!
//! A TOML file with a timeline that repeats for ever. An event turns a knob of a plant, at
//! once or as a ramp; a fault spoils an interface for a while; an expectation says when a
//! point passes a value and when it is back, and the crate's tests hold the plants to it.
//! Every knob must be back at its normal setting when the loop ends. All problems of a
//! file are reported at once.

mod parse;
mod track;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::plant::PlantKind;

pub use track::Track;

/// Longest loop.
pub const LOOP_S_MAX: f64 = 86_400.0;
/// Most events, faults and expectations in one file, each.
pub const ENTRIES_MAX: usize = 1_000;
/// Longest time that a late answer waits.
pub const LATE_MS_MAX: u64 = 60_000;

/// What is wrong with an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Reads that touch the point, or all reads, are answered with an exception.
    Exception {
        /// Exception code.
        code: u8,
        /// Which point; none means every read.
        point: Option<usize>,
    },
    /// Answers come late.
    Late {
        /// By how much.
        ms: u64,
    },
    /// The connection is closed instead of an answer.
    Drop,
    /// No answer.
    Silent,
    /// The point's registers hold NaN.
    Nan {
        /// Which point; its encoding is a float.
        point: usize,
    },
    /// The device publishes nothing.
    Quiet {
        /// Which device.
        device: &'static str,
    },
}

/// A fault and when in the loop it is on.
#[derive(Debug, Clone)]
pub struct FaultWindow {
    /// Start, seconds from the start of the loop.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
    /// What is wrong.
    pub fault: Fault,
}

/// Which side of a value a point passes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Passes {
    /// At or above.
    Above(f64),
    /// At or below.
    Below(f64),
}

impl Passes {
    /// Whether the value is on that side.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Above(limit) => value >= limit,
            Self::Below(limit) => value <= limit,
        }
    }
}

/// What must be seen in every loop.
#[derive(Debug, Clone)]
pub struct Expect {
    /// Key of the point.
    pub point: String,
    /// What it passes.
    pub passes: Passes,
    /// The first time is within these seconds of the loop.
    pub first_s: [f64; 2],
    /// The last time is within these seconds of the loop.
    pub last_s: [f64; 2],
}

/// What happens to one plant.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Knob and its settings over the loop.
    pub tracks: Vec<(usize, Track)>,
    /// Faults.
    pub faults: Vec<FaultWindow>,
    /// Expectations.
    pub expects: Vec<Expect>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What people call it.
    pub title: String,
    /// Length of the loop.
    pub loop_s: f64,
    stories: BTreeMap<PlantKind, Story>,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read scenario {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML of the expected shape.
    #[error("{path}: {source}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Line, column and what is wrong.
        source: Box<toml::de::Error>,
    },
    /// It says things that cannot be.
    #[error("{path}: {}", .problems.join("; "))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Vec<String>,
    },
}

impl Scenario {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ScenarioError`]; all problems at once.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    /// Checks a text; `path` names it in errors.
    ///
    /// # Errors
    /// [`ScenarioError`]; all problems at once.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScenarioError> {
        parse::parse(path, text)
    }

    /// What happens to a plant.
    #[must_use]
    pub fn story(&self, plant: PlantKind) -> Story {
        self.stories.get(&plant).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
