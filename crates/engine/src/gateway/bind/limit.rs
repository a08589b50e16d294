//! Limits in the point's unit.

use fenghuo_model::Unit;

use super::{BoundLevel, BoundLimit};
use crate::gateway::Slot;
use crate::gateway::verdict::Delays;
use crate::rule::{Level, Limit, Reset, Rule, RuleSet, Scale};

/// The levels of a rule at a point.
pub fn levels(rules: &RuleSet, rule: &Rule, slot: &Slot) -> Result<Box<[BoundLevel]>, String> {
    rule.levels
        .iter()
        .map(|level| bound_level(rules, rule, level, slot))
        .collect()
}

fn bound_level(
    _rules: &RuleSet,
    rule: &Rule,
    level: &Level,
    slot: &Slot,
) -> Result<BoundLevel, String> {
    let limit = match level.limit {
        Some(limit) => bound_limit(rule, limit, slot)?,
        None => None,
    };
    let delays = Delays {
        for_ms: u32::try_from(level.for_ms).unwrap_or(u32::MAX),
        off_ms: u32::try_from(level.off_ms).unwrap_or(u32::MAX),
    };
    Ok(BoundLevel {
        limit,
        delays,
        severity: level.severity,
        armed: limit.is_some() || rule.detector.scale() == Scale::Truth,
    })
}

fn bound_limit(rule: &Rule, limit: Limit, slot: &Slot) -> Result<Option<BoundLimit>, String> {
    let (factor, offset) = conversion(rule, slot)?;
    let Some(value) = limit.value else {
        return Ok(None);
    };
    let value = rounded(value, factor, offset);
    let reset = match limit.reset {
        Reset::Limit => value,
        Reset::At(reset) => rounded(reset, factor, offset),
        Reset::Span(share) => {
            let range = slot.def.range.ok_or(
                "its limit clears at a share of the instrument's span, and the point has no range",
            )?;
            let back = share * (range.high - range.low);
            if limit.op.is_upper() {
                value - back
            } else {
                value + back
            }
        }
    };
    Ok(Some(BoundLimit {
        op: limit.op,
        value,
        reset,
    }))
}

/// From the rule's unit to that of the numbers which the detector gives at this point.
fn conversion(rule: &Rule, slot: &Slot) -> Result<(f64, f64), String> {
    let unit = rule.unit.filter(|unit| *unit != slot.def.unit);
    match (rule.detector.scale(), unit) {
        (Scale::Value, Some(unit)) => to(unit, slot),
        (Scale::Difference, Some(unit)) => Ok((to(unit, slot)?.0, 0.0)),
        _ => Ok((1.0, 0.0)),
    }
}

fn to(unit: Unit, slot: &Slot) -> Result<(f64, f64), String> {
    unit.to(slot.def.unit).map_err(|error| error.to_string())
}

/// A difference of the rule's unit in the point's unit.
pub fn difference(rule: &Rule, slot: &Slot, value: f64) -> Result<f64, String> {
    match rule.unit.filter(|unit| *unit != slot.def.unit) {
        Some(unit) => Ok(rounded(value, to(unit, slot)?.0, 0.0)),
        None => Ok(value),
    }
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
