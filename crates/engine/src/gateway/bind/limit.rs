//! Limits in the point's unit, with what the site says of them.

use fenghuo_model::Unit;

use super::{BoundLevel, BoundLimit, Refusal};
use crate::gateway::Slot;
use crate::gateway::verdict::Delays;
use crate::rule::{Level, Limit, Reset, Rule, RuleSet, Scale, SiteLimit, broker_for_ms};

/// The levels of a rule at a point.
pub fn levels(rules: &RuleSet, rule: &Rule, slot: &Slot) -> Result<Box<[BoundLevel]>, Refusal> {
    rule.levels
        .iter()
        .map(|level| bound_level(rules, rule, level, slot))
        .collect()
}

/// The pack's level with what the site says of it at this point: of several entries the
/// strictest wins, key by key.
fn bound_level(
    rules: &RuleSet,
    rule: &Rule,
    level: &Level,
    slot: &Slot,
) -> Result<BoundLevel, Refusal> {
    let site = rules.site_limits(&rule.id, &level.name).iter();
    let site: Vec<_> = site
        .filter(|it| it.is_for(&slot.point, &slot.def))
        .collect();
    let limit = match level.limit {
        Some(limit) => bound_limit(rule, limit, &site, slot)?,
        None => None,
    };
    let own = broker_for_ms(rules, rule, &slot.def).unwrap_or(level.for_ms);
    let for_ms = site.iter().filter_map(|it| it.for_ms).min();
    let severity = site.iter().filter_map(|it| it.severity).max();
    let latch = site.iter().filter_map(|it| it.latch).max();
    let delays = Delays {
        for_ms: u32::try_from(for_ms.unwrap_or(own)).unwrap_or(u32::MAX),
        off_ms: u32::try_from(level.off_ms).unwrap_or(u32::MAX),
    };
    Ok(BoundLevel {
        limit,
        delays,
        severity: severity.unwrap_or(level.severity),
        latch: latch.unwrap_or(level.latch),
        armed: limit.is_some() || rule.detector.scale() == Scale::Truth,
    })
}

fn bound_limit(
    rule: &Rule,
    limit: Limit,
    site: &[&SiteLimit],
    slot: &Slot,
) -> Result<Option<BoundLimit>, Refusal> {
    let (factor, offset) = conversion(rule, slot)?;
    let op = limit.op;
    let strictest =
        |numbers: &mut dyn Iterator<Item = f64>| numbers.reduce(|a, b| op.stricter(a, b));
    let said = strictest(&mut site.iter().filter_map(|it| it.value));
    let Some(value) = said.or(limit.value) else {
        return Ok(None);
    };
    let convert = |number| rounded(number, factor, offset);
    let stated = strictest(&mut site.iter().filter_map(|it| it.reset)).map(convert);
    let owner = site
        .iter()
        .find(|it| it.value == said && it.reset.is_some());
    let mut resets: Vec<f64> = stated.into_iter().collect();
    if owner.is_none() {
        resets.push(own_reset(limit, value, convert, slot)?);
    }
    let is_legal = rule.source.as_ref().is_some_and(|it| it.ship.is_legal());
    if let Some(pack) = limit.value.filter(|_| is_legal) {
        resets.push(own_reset(limit, pack, convert, slot)?);
    }
    let value = convert(value);
    resets.push(value);
    let reset = strictest(&mut resets.into_iter()).unwrap_or(value);
    Ok(Some(BoundLimit { op, value, reset }))
}

/// Where the rule's own reset lies when the limit is this: it keeps its distance.
fn own_reset(
    limit: Limit,
    value: f64,
    convert: impl Fn(f64) -> f64,
    slot: &Slot,
) -> Result<f64, Refusal> {
    match limit.reset {
        Reset::Limit => Ok(convert(value)),
        Reset::At(reset) if limit.value.is_none_or(|pack| pack == value) => Ok(convert(reset)),
        Reset::At(reset) => {
            let distance = reset - limit.value.unwrap_or(reset);
            Ok(convert(tidy(value + distance)))
        }
        Reset::Span(share) => {
            let range = slot.def.range.ok_or(Refusal::NoRange)?;
            let back = share * (range.high - range.low);
            let value = convert(value);
            Ok(tidy(if limit.op.is_upper() {
                value - back
            } else {
                value + back
            }))
        }
    }
}

/// From the rule's unit to that of the numbers which the detector gives at this point.
fn conversion(rule: &Rule, slot: &Slot) -> Result<(f64, f64), Refusal> {
    let unit = rule.unit.filter(|unit| *unit != slot.def.unit);
    match (rule.detector.scale(), unit) {
        (Scale::Value, Some(unit)) => to(unit, slot),
        (Scale::Difference, Some(unit)) => Ok((to(unit, slot)?.0, 0.0)),
        _ => Ok((1.0, 0.0)),
    }
}

fn to(unit: Unit, slot: &Slot) -> Result<(f64, f64), Refusal> {
    unit.to(slot.def.unit).map_err(Refusal::Unit)
}

/// A difference of the rule's unit in the point's unit.
pub fn difference(rule: &Rule, slot: &Slot, value: f64) -> Result<f64, Refusal> {
    match rule.unit.filter(|unit| *unit != slot.def.unit) {
        Some(unit) => Ok(rounded(value, to(unit, slot)?.0, 0.0)),
        None => Ok(value),
    }
}

/// Converts, and drops the dust of binary fractions: a limit of 1 %CH4 is 10,000 ppm and not
/// 9,999.999999999998.
fn rounded(value: f64, factor: f64, offset: f64) -> f64 {
    if (factor, offset) == (1.0, 0.0) {
        return value;
    }
    tidy(value * factor + offset)
}

/// To twelve digits, which are far beyond any instrument.
fn tidy(exact: f64) -> f64 {
    format!("{exact:.11e}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests;
