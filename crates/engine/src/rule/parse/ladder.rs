//! Levels of one rule stand in order: where the worse one is reached first, the lesser one is
//! never heard of, and the worse one cries wolf.
//!
//! What the levels' names say (HH over H, LL under L) is a fault of the file. What their
//! severities say is only worth a warning: a site may make one legal level stricter and leave
//! the others alone.

use crate::rule::table::RuleFault;
use crate::rule::{Level, Op, Rule, RuleSet, Select, place};

/// Names whose order is known whatever their severity.
const PAIRS: [(&str, &str); 4] = [("H", "HH"), ("HH", "HHH"), ("L", "LL"), ("LL", "LLL")];

pub fn check(set: &RuleSet, files: &[(String, String)], faults: &mut Vec<RuleFault>) {
    faults.extend(find(set, files, is_named_worse));
}

/// Levels that are reached before lesser ones of the same delay.
pub fn by_severity(set: &RuleSet, files: &[(String, String)]) -> Vec<RuleFault> {
    find(set, files, |a, b| {
        a.severity > b.severity && a.for_ms <= b.for_ms && !is_named_worse(b, a)
    })
}

/// Whether the first is worse than the second.
type Worse = fn(&Level, &Level) -> bool;

fn find(set: &RuleSet, files: &[(String, String)], worse: Worse) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    for rule in set.rules.values().filter(|rule| !rule.is_builtin()) {
        let said = set.site.iter().filter(|it| it.rule == rule.id);
        let mut selects: Vec<Option<&Select>> = said.map(|it| it.select.as_ref()).collect();
        selects.push(None);
        selects.sort_unstable_by_key(|it| it.map(|it| &it.0));
        selects.dedup();
        for select in selects {
            let what = crossed(set, rule, select, worse);
            faults.extend(what.and_then(|what| fault(files, rule, &what)));
        }
    }
    faults.dedup();
    faults
}

/// What is wrong for the points of a select, if anything.
fn crossed(set: &RuleSet, rule: &Rule, select: Option<&Select>, is_worse: Worse) -> Option<String> {
    for worse in &rule.levels {
        for lesser in &rule.levels {
            if !is_worse(worse, lesser) {
                continue;
            }
            let (Some((op, far)), Some((other, near))) = (
                limit(set, rule, worse, select),
                limit(set, rule, lesser, select),
            ) else {
                continue;
            };
            if op.is_upper() == other.is_upper() && op.is_beyond(near, far) {
                let (id, worse, lesser) = (&rule.id, &worse.name, &lesser.name);
                return Some(format!(
                    "规则 `{id}` 的限值次序颠倒：更严重的 `{worse}`（{far}）先于 `{lesser}`（{near}）到达 \
                     the limits of rule `{id}` are crossed: the worse level `{worse}` ({far}) is \
                     reached before `{lesser}` ({near})"
                ));
            }
        }
    }
    None
}

fn is_named_worse(a: &Level, b: &Level) -> bool {
    PAIRS.contains(&(&*b.name, &*a.name))
}

/// A level's limit with what the site says of it for these points.
fn limit(set: &RuleSet, rule: &Rule, level: &Level, select: Option<&Select>) -> Option<(Op, f64)> {
    let limit = level.limit?;
    let said = set.site_limits(&rule.id, &level.name).iter();
    let theirs = said.filter(|it| it.select.is_none() || it.select.as_ref() == select);
    let value = theirs
        .filter_map(|it| it.value)
        .reduce(|a, b| limit.op.stricter(a, b));
    Some((limit.op, value.or(limit.value)?))
}

/// Names the site's entry, where there is one, and the rule otherwise.
fn fault(files: &[(String, String)], rule: &Rule, what: &str) -> Option<RuleFault> {
    let site = place::at(files, "limit", ("rule", &rule.id), "value", what);
    site.or_else(|| place::at(files, "rule", ("id", &rule.id), "id", what))
}
