//! Rules: what a person writes, checked and typed.
//!
//! A rule selects points by labels and watches each with one detector. Detectors:
//! - `level` (the default): each `[[rule.level]]` compares the value with one limit
//!   (`above` is >=, `over` is >, `below` is <=, `under` is <) and clears at its own `reset`:
//!   the same comparison with the reset value no longer holds. Sees good values; a doubtful
//!   (uncertain) value may raise but never clear; unknown holds. One state per level.
//! - `stale`: raises when the point had no value for `within` of its gateway's time. While
//!   the gateway itself is silent its clock stands still, so one communication alarm stands
//!   for all its points.
//! - `interlock`: raises while the point is on (`when = "off"`: off) and a required point
//!   is not; unknown on either side holds.
//!
//! Every detector takes `for`, the time that the condition must last. Cost: a comparison a
//! level and sample; memory: one state a level and point.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{PointDef, PointRef, Severity, Title, Unit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod parse;
pub mod table;

pub use table::RuleFault;

/// Most rules in force at once.
pub const RULES_MAX: usize = 10_000;
/// Most levels in one rule.
pub const LEVELS_MAX: usize = 16;

/// How a value is compared with a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// value >= limit
    Above,
    /// value > limit
    Over,
    /// value <= limit
    Below,
    /// value < limit
    Under,
}

impl Op {
    /// Whether the comparison holds.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value >= limit,
            Self::Over => value > limit,
            Self::Below => value <= limit,
            Self::Under => value < limit,
        }
    }

    /// Whether larger values are worse.
    #[must_use]
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::Above | Self::Over)
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Over => "over",
            Self::Below => "below",
            Self::Under => "under",
        }
    }
}

/// A limit and where it clears, in the rule's unit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// The comparison.
    pub op: Op,
    /// With what.
    pub value: f64,
    /// Clears when the comparison with this no longer holds.
    pub reset: f64,
}

/// One level of a rule: it raises one alarm a point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Level {
    /// The level's own name in its standard.
    pub name: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// How long the condition must last, in milliseconds.
    pub for_ms: u64,
    /// The limit, for level detectors.
    pub limit: Option<Limit>,
}

/// What decides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Detector {
    /// Compares with limits.
    Level {
        /// The unit of the limits; the point's own when left out.
        unit: Option<Unit>,
    },
    /// No value for this long, in milliseconds.
    Stale {
        /// The time without a value.
        within_ms: u64,
    },
    /// On (or off) while a required point is not on.
    Interlock {
        /// Whether the point's `on` or its `off` needs the other.
        when_on: bool,
        /// The points that must be on.
        requires: Select,
    },
}

/// Labels a point must have: each name with one of its values. Besides a point's own labels
/// there are `kind`, `key`, `enterprise` and `gateway`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Select(pub BTreeMap<String, Vec<String>>);

impl Select {
    /// Whether a point has them all.
    #[must_use]
    pub fn matches(&self, point: &PointRef, def: &PointDef) -> bool {
        self.0.iter().all(|(name, values)| {
            let found = match name.as_str() {
                "kind" => Some(def.kind.as_str()),
                "key" => Some(point.key.as_str()),
                "enterprise" => Some(point.gateway.enterprise.as_str()),
                "gateway" => Some(point.gateway.gateway.as_str()),
                label => def.labels.get(label).map(String::as_str),
            };
            found.is_some_and(|found| values.iter().any(|value| value == found))
        })
    }
}

/// Where a rule's numbers come from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Source {
    /// The standard, with its year.
    pub standard: String,
    /// The clause.
    pub clause: String,
    /// `REG`, `REG-pending`, `DES` or `DEF`.
    pub ship: String,
    /// How sure we are of the number.
    pub confidence: String,
}

/// A rule that can be bound.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// Its id, unique among all files.
    pub id: Arc<str>,
    /// What people call it.
    pub title: Title,
    /// Which points.
    pub select: Select,
    /// What decides.
    pub detector: Detector,
    /// Its levels, as written.
    pub levels: Vec<Level>,
    /// Where its numbers come from.
    pub source: Option<Source>,
    /// Names this definition: a hash of everything that decides. Titles and sources are not
    /// part of it, so that mending a text keeps all state.
    pub version: Arc<str>,
}

impl Rule {
    fn sealed(mut self) -> Self {
        let decides = format!(
            "{:?}",
            (&self.id, &self.select, &self.detector, &self.levels)
        );
        let digest = Sha256::digest(decides.as_bytes());
        let hex: String = digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.version = hex.into();
        self
    }
}

/// All rules in force.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RuleSet {
    /// By id.
    pub rules: BTreeMap<Arc<str>, Rule>,
}

impl RuleSet {
    /// Reads rule files, given as (name, text).
    ///
    /// # Errors
    /// Every problem in every file.
    pub fn parse(files: &[(String, String)]) -> Result<Self, Vec<RuleFault>> {
        parse::parse(files)
    }
}

#[cfg(test)]
mod tests;
