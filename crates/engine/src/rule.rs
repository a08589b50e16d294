//! Rules: what a person writes, checked and typed.
//!
//! A rule selects points by labels and watches each with one detector (see [`Detector`] and
//! the modules of `detect`, one for each). A detector gives a number, which the rule's levels
//! compare with their limits, or a truth, which is each level's condition. A level raises one
//! alarm: after the condition lasted `for`, until it was over for `off_for`.
//!
//! What must stay true: limits are data and can be compared, so that a site can make a legal
//! limit only stricter; the version names everything that decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{EnterpriseId, PointDef, PointRef, Severity, Title, Unit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod builtin;
pub mod calendar;
mod dates;
mod day;
mod detector;
mod parse;
pub mod place;
pub mod register;
pub mod site;
mod source;
mod summary;
pub mod table;
pub mod target;

pub use builtin::{Communication, broker_for_ms};
pub use calendar::Calendar;
pub use day::Day;
pub use detector::{
    Anomaly, Count, Counted, Detector, Expression, Flat, Forecast, Is, Order, Rate, Scale,
    Sequence, Span, Stat, Window,
};
pub use register::Enterprise;
pub use site::{Enable, SiteLimit};
pub use source::{Confidence, Ship, Source};
pub use summary::Summary;
pub use table::RuleFault;
pub use target::{Pack, Target};

use crate::alarm::ClosedLoop;

/// Most rules in force at once.
pub const RULES_MAX: usize = 10_000;
/// What the ids of the system's own rules begin with.
pub const BUILTIN: &str = "fenghuo.";
/// Most levels in one rule.
pub const LEVELS_MAX: usize = 16;
/// The longest that an alarm may be shelved when its level says nothing, in milliseconds.
pub const SHELVE_MS_DEFAULT: u64 = 8 * 3_600_000;

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
    /// With what; none when only the site's design can say.
    pub value: Option<f64>,
    /// Where it clears.
    pub reset: Reset,
}

/// Where a level clears: when the comparison with this no longer holds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reset {
    /// At the limit itself.
    Limit,
    /// At this value.
    At(f64),
    /// This share of the instrument's span back from the limit.
    Span(f64),
}

/// So many points or items at a severity or worse: what a level of a roll-up asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Needs {
    /// How many.
    pub count: u32,
    /// At least this bad.
    pub of: Severity,
}

/// One level of a rule: it raises one alarm a subject.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Level {
    /// The level's own name in its standard.
    pub name: Arc<str>,
    /// How bad.
    pub severity: Severity,
    /// How long the condition must last, in milliseconds.
    pub for_ms: u64,
    /// How long it must be over before the alarm returns, in milliseconds.
    pub off_ms: u64,
    /// The limit, where the detector gives a number.
    pub limit: Option<Limit>,
    /// What a roll-up counts.
    pub needs: Option<Needs>,
    /// When it is over, a person must reset it.
    pub latch: bool,
    /// The longest it may be shelved, in milliseconds. 0: it can be neither shelved nor
    /// suppressed by design.
    pub shelve_ms: u64,
    /// Acknowledged for so long, it is to be seen again, in milliseconds.
    pub realarm_ms: Option<u64>,
}

/// What a rule does while its inputs are unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum OnUnknown {
    /// What is up stays and is held; nothing is raised.
    #[default]
    Hold,
    /// It counts as the condition: for points whose silence is itself a danger.
    Alarm,
}

/// A time in which a rule works.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gate {
    /// The calendar's name.
    pub calendar: Arc<str>,
    /// It works inside of the calendar's times; otherwise outside of them.
    pub inside: bool,
}

/// A state of the plant in which a rule's alarms mean nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Suppress {
    /// The points whose state says so, on the same gateway and in the same area.
    pub select: Select,
    /// While one of them is on; otherwise while one is off.
    pub while_on: bool,
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
            let found = Self::value(name, point, def);
            found.is_some_and(|found| values.iter().any(|value| value == found))
        })
    }

    /// Whether no point can have the labels of both.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.0.iter().any(|(name, values)| {
            let theirs = other.0.get(name);
            theirs.is_some_and(|theirs| values.iter().all(|value| !theirs.contains(value)))
        })
    }

    /// What a point has under a name that a select may use.
    #[must_use]
    pub fn value<'a>(name: &str, point: &'a PointRef, def: &'a PointDef) -> Option<&'a str> {
        match name {
            "kind" => Some(def.kind.as_str()),
            "key" => Some(point.key.as_str()),
            "enterprise" => Some(point.gateway.enterprise.as_str()),
            "gateway" => Some(point.gateway.gateway.as_str()),
            label => def.labels.get(label).map(String::as_str),
        }
    }
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
    /// The unit of its numbers; the point's own when left out.
    pub unit: Option<Unit>,
    /// What decides.
    pub detector: Detector,
    /// Its levels, as written.
    pub levels: Vec<Level>,
    /// What unknown inputs do.
    pub unknown: OnUnknown,
    /// When it works; always when left out.
    pub gate: Option<Gate>,
    /// When its alarms mean nothing.
    pub suppress: Option<Suppress>,
    /// The label whose value names the group in which its alarms have a first one.
    pub first_out: Option<Arc<str>>,
    /// Where its numbers come from.
    pub source: Option<Source>,
    /// Whether it works: a pack may leave it to the site to switch it on.
    pub enabled: bool,
    /// Names this definition: a hash of everything that decides. Titles and sources are not
    /// part of it, so that mending a text keeps all state; nor are a site's limits, which
    /// the bound levels show.
    pub version: Arc<str>,
}

impl Rule {
    /// Whether it is the system's own.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.id.starts_with(BUILTIN)
    }

    fn sealed(mut self) -> Self {
        let decides = format!(
            "{:?}",
            (
                (&self.id, &self.select, &self.detector, &self.levels),
                (&self.unit, &self.unknown, &self.gate, &self.suppress),
                &self.first_out,
            )
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
    pub rules: BTreeMap<Arc<str>, Arc<Rule>>,
    /// Named times.
    pub calendars: Vec<Calendar>,
    /// What each severity's closed loop asks for.
    pub closed_loop: ClosedLoop,
    /// When a line that is away is an alarm.
    pub communication: Communication,
    /// Roll-ups in an order in which each comes after those that it counts.
    pub rollups: Vec<Arc<str>>,
    /// Who is told of alarms.
    pub receivers: Vec<crate::plan::Receiver>,
    /// The site's own limits, in the order of rule and level.
    pub site: Vec<SiteLimit>,
    /// What the site switched on.
    pub enables: Vec<Enable>,
    /// The packs' names.
    pub packs: Vec<Pack>,
    /// What must be measured.
    pub targets: Vec<Target>,
    /// Who should be watched.
    pub register: BTreeMap<EnterpriseId, Enterprise>,
}

impl RuleSet {
    /// Reads rule files, given as (name, text).
    ///
    /// # Errors
    /// Every problem in every file.
    pub fn parse(files: &[(String, String)]) -> Result<Self, Vec<RuleFault>> {
        parse::parse(files)
    }

    /// What rests on a standard whose validity is over on a day, without a note that says
    /// what this means; with its place in the files that the set was read from. It is no
    /// fault of the set: a date must stop nobody from judging.
    #[must_use]
    pub fn outdated(&self, files: &[(String, String)], today: Day) -> Vec<RuleFault> {
        dates::outdated(self, files, today)
    }

    /// Levels that are reached before less severe ones of the same rule, with their place in
    /// the files that the set was read from. It is no fault of the set, but seldom meant.
    #[must_use]
    pub fn crossed(&self, files: &[(String, String)]) -> Vec<RuleFault> {
        parse::ladder::by_severity(self, files)
    }

    /// The system's own rules only.
    #[must_use]
    pub fn builtin() -> Self {
        let mut set = Self::default();
        builtin::add(&mut set);
        set
    }
}

#[cfg(test)]
mod tests;
