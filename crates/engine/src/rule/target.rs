//! Required targets: what must be measured at each kind of plant. They decide nothing about
//! alarms; coverage counts them.

use std::sync::Arc;

use fenghuo_model::Title;
use serde::{Deserialize, Serialize};

use super::{Select, Source};

/// Most packs.
pub const PACKS_MAX: usize = 64;
/// Most required targets.
pub const TARGETS_MAX: usize = 1_000;

/// The name of a rule pack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pack {
    /// Its id.
    pub id: Arc<str>,
    /// What people call it.
    pub title: Title,
}

/// Something that must be measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// Its id, unique among all files.
    pub id: Arc<str>,
    /// At which kind of plant.
    pub plant: Arc<str>,
    /// What people call it.
    pub title: Title,
    /// Which points count.
    pub select: Select,
    /// How many of them there must be, at least.
    pub at_least: u32,
    /// The label each value of which needs that many, such as `tank`.
    pub each: Option<Arc<str>>,
    /// The clauses of the county's plan that it serves.
    pub seed: Vec<Arc<str>>,
    /// Who requires it.
    pub source: Option<Source>,
}
