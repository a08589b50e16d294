//! Binding: a rule and a point become a detector with its limits in the point's unit.

use std::sync::Arc;

use fenghuo_model::{Severity, Unit};

use super::Slot;
use crate::alarm::{AlarmKey, Subject};
use crate::rule::{Detector, Limit, Rule, RuleSet};

/// A rule bound to a point.
#[derive(Clone, PartialEq, Debug)]
pub struct Bound {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// The point that the alarms belong to.
    pub slot: u32,
    /// What decides.
    pub test: Test,
    /// Its levels.
    pub levels: Vec<BoundLevel>,
}

/// A level bound to a point.
#[derive(Clone, PartialEq, Debug)]
pub struct BoundLevel {
    /// Its alarm.
    pub key: AlarmKey,
    /// How bad.
    pub severity: Severity,
    /// How long the condition must last.
    pub for_ms: u64,
    /// The limit in the point's unit.
    pub limit: Option<Limit>,
    /// The point's unit.
    pub unit: Unit,
}

/// What a bound detector looks at.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// The point's value.
    Level,
    /// The time since its last value.
    Stale {
        /// In milliseconds.
        within_ms: u64,
    },
    /// Its state, and that of others.
    Interlock {
        /// Which of its states needs the others.
        when_on: bool,
        /// The points that must be on then.
        needs: Vec<u32>,
    },
}

/// A rule that selected a point but cannot watch it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unbound {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The point.
    pub point: String,
    /// Why.
    pub what: String,
}

impl Bound {
    /// Every slot whose samples can change its verdict.
    pub fn watched(&self) -> impl Iterator<Item = u32> + '_ {
        let needs = match &self.test {
            Test::Interlock { needs, .. } => needs.as_slice(),
            Test::Level | Test::Stale { .. } => &[],
        };
        std::iter::once(self.slot).chain(needs.iter().copied())
    }
}

/// Binds every rule to every point that it selects and can watch.
#[must_use]
pub fn bind(rules: &RuleSet, slots: &[Slot]) -> Vec<Bound> {
    each(rules, slots).filter_map(Result::ok).collect()
}

/// The rules that select a point here which they cannot watch, and why.
pub fn unbound<'a>(rules: &'a RuleSet, slots: &'a [Slot]) -> impl Iterator<Item = Unbound> + 'a {
    each(rules, slots).filter_map(Result::err)
}

fn each<'a>(
    rules: &'a RuleSet,
    slots: &'a [Slot],
) -> impl Iterator<Item = Result<Bound, Unbound>> + 'a {
    rules.rules.values().flat_map(move |rule| {
        let selected = (0..)
            .zip(slots)
            .filter(|(_, slot)| !slot.retired && rule.select.matches(&slot.point, &slot.def));
        selected.map(move |(at, slot)| {
            bind_one(rule, at, slot, slots).map_err(|what| Unbound {
                rule: rule.id.clone(),
                point: slot.point.to_string(),
                what,
            })
        })
    })
}

fn bind_one(rule: &Rule, at: u32, slot: &Slot, slots: &[Slot]) -> Result<Bound, String> {
    let (factor, offset) = match rule.detector {
        Detector::Level { unit: Some(unit) } => {
            unit.to(slot.def.unit).map_err(|error| error.to_string())?
        }
        _ => (1.0, 0.0),
    };
    let is_text = slot.def.value_type == fenghuo_model::ValueType::Text;
    if is_text && !matches!(rule.detector, Detector::Stale { .. }) {
        return Err("a text has no place on a number line".to_owned());
    }
    let convert = |limit: Limit| Limit {
        op: limit.op,
        value: rounded(limit.value, factor, offset),
        reset: rounded(limit.reset, factor, offset),
    };
    let levels = rule.levels.iter().map(|level| BoundLevel {
        key: AlarmKey {
            rule: rule.id.clone(),
            level: level.name.clone(),
            subject: Subject::Point(slot.point.clone()),
        },
        severity: level.severity,
        for_ms: level.for_ms,
        limit: level.limit.map(convert),
        unit: slot.def.unit,
    });
    Ok(Bound {
        rule: rule.id.clone(),
        version: rule.version.clone(),
        slot: at,
        test: test(rule, slot, slots)?,
        levels: levels.collect(),
    })
}

/// Converts, and drops the dust of binary fractions: a limit of 1 %CH4 is 10,000 ppm and not
/// 9,999.999999999998. Twelve digits are far beyond any instrument.
fn rounded(value: f64, factor: f64, offset: f64) -> f64 {
    if (factor, offset) == (1.0, 0.0) {
        return value;
    }
    let exact = value * factor + offset;
    format!("{exact:.11e}").parse().unwrap_or(exact)
}

fn test(rule: &Rule, slot: &Slot, slots: &[Slot]) -> Result<Test, String> {
    match &rule.detector {
        Detector::Level { .. } => Ok(Test::Level),
        Detector::Stale { within_ms } => Ok(Test::Stale {
            within_ms: *within_ms,
        }),
        Detector::Interlock { when_on, requires } => {
            // Where both say which area they stand in, the areas must agree.
            let area = |slot: &Slot| slot.def.labels.get("area").cloned();
            let near = |other: &Slot| match (area(slot), area(other)) {
                (Some(a), Some(b)) => a == b,
                _ => true,
            };
            let fits = |other: &Slot| {
                !other.retired && requires.matches(&other.point, &other.def) && near(other)
            };
            let needs: Vec<u32> = (0..)
                .zip(slots)
                .filter(|(_, other)| fits(other))
                .map(|(at, _)| at)
                .collect();
            if needs.is_empty() {
                return Err("no point on this gateway is what it requires".to_owned());
            }
            Ok(Test::Interlock {
                when_on: *when_on,
                needs,
            })
        }
    }
}
