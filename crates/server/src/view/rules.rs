//! The rules in force as the API shows them, and what their last change did.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_engine::{Engine, Problem, Reload, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SourceView, Words};

/// Rules named in one list of a reload; the number beside it counts them all.
pub const NAMED_MAX: usize = 100;

/// A rule in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: Words,
    /// level, rate, window, ..
    pub detector: String,
    /// Names its definition.
    pub version: String,
    /// Where its numbers come from.
    pub source: Option<SourceView>,
    /// armed; partly_armed or unarmed when the site's design must still give limits; unbound
    /// when its limits are known and it watches nothing all the same; off.
    pub state: String,
    /// The levels that are not armed anywhere.
    pub unarmed: Vec<String>,
    /// Points or groups that it watches now.
    pub bound: usize,
    /// Why it watches nothing, when it is on and does not.
    pub idle: Option<Words>,
    /// Points that it selects and cannot watch, at most 20.
    pub refused: Vec<RefusedPointView>,
    /// How many.
    pub refused_count: usize,
    /// Whether it is the system's own.
    pub builtin: bool,
}

/// Refused points named in one rule; the number beside them counts them all.
pub const REFUSED_MAX: usize = 20;

/// A point that a rule selects and cannot watch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusedPointView {
    /// `enterprise/gateway/key`.
    pub point: String,
    /// text, no_label, no_partner, several_partners, too_many_partners, other_unit,
    /// no_calendar, no_range, unit, expression.
    pub why: String,
    /// In words.
    pub what: Words,
}

/// What a change of the rules did. Lists name at most 100 rules each.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ReloadView {
    /// The log position of the change.
    pub position: u64,
    /// Rules that were not there before.
    pub added: Vec<String>,
    /// How many.
    pub added_count: usize,
    /// Rules whose definition changed: their delays and windows began anew.
    pub changed: Vec<String>,
    /// How many.
    pub changed_count: usize,
    /// Rules that are gone: their alarms are over.
    pub removed: Vec<String>,
    /// How many.
    pub removed_count: usize,
    /// Bound detectors that went on as they were.
    pub kept: usize,
    /// Bound detectors that began anew.
    pub reset: usize,
}

/// The rules in force, a page of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// How many rules there are.
    pub total: usize,
    /// By id.
    pub rules: Vec<RuleView>,
    /// What the last change did; none while there was none.
    pub reload: Option<ReloadView>,
}

/// Shows a change of the rules.
#[must_use]
pub fn reload(position: u64, reload: &Reload) -> ReloadView {
    let names = |rules: &[Arc<str>]| {
        let named = rules.iter().take(NAMED_MAX);
        named.map(ToString::to_string).collect()
    };
    ReloadView {
        position,
        added: names(&reload.added),
        added_count: reload.added.len(),
        changed: names(&reload.changed),
        changed_count: reload.changed.len(),
        removed: names(&reload.removed),
        removed_count: reload.removed.len(),
        kept: reload.kept,
        reset: reload.reset,
    }
}

/// Shows every rule. Looks at every bound detector: only when rules or points changed.
#[must_use]
pub fn rules(engine: &Engine) -> Vec<RuleView> {
    let set = engine.rules();
    let unarmed = set.summary().unarmed;
    let mut bound: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for key in engine.alarm_keys() {
        let rule = set.rules.get(&key.rule);
        let first = rule.and_then(|rule| rule.levels.first());
        if first.is_some_and(|level| level.name == key.level) {
            *bound.entry(key.rule).or_default() += 1;
        }
    }
    let mut refused: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in engine.problems().filter(|it| it.level.is_none()) {
        refused.entry(&problem.rule).or_default().push(problem);
    }
    let idle = engine.idle_rules();
    let idle: BTreeMap<&str, Words> = idle
        .iter()
        .map(|idle| (&*idle.rule.id, Words::from(&idle.say())))
        .collect();
    let rules = set.rules.values();
    rules
        .map(|rule| {
            let unarmed = unarmed.get(&rule.id).map(Vec::as_slice);
            let watch = Watch {
                unarmed: unarmed.unwrap_or_default(),
                bound: bound.get(&rule.id).copied().unwrap_or(0),
                idle: idle.get(&*rule.id),
                refused: refused.get(&*rule.id).map_or(&[], Vec::as_slice),
            };
            view(rule, &watch)
        })
        .collect()
}

/// What a rule watches, and what not.
struct Watch<'a> {
    unarmed: &'a [Arc<str>],
    bound: usize,
    idle: Option<&'a Words>,
    refused: &'a [&'a Problem],
}

fn view(rule: &Rule, watch: &Watch<'_>) -> RuleView {
    let state = match watch.unarmed.len() {
        _ if !rule.enabled => "off",
        all if all == rule.levels.len() => "unarmed",
        _ if watch.idle.is_some() => "unbound",
        0 => "armed",
        _ => "partly_armed",
    };
    let refused = watch.refused.iter().take(REFUSED_MAX);
    let refused = refused.map(|problem| RefusedPointView {
        point: problem.point.clone(),
        why: problem.why.as_str().to_owned(),
        what: Words::from(&problem.why.say()),
    });
    RuleView {
        id: rule.id.to_string(),
        title: Words::from(&rule.title),
        detector: rule.detector.as_str().to_owned(),
        version: rule.version.to_string(),
        source: rule.source.as_ref().map(SourceView::from),
        state: state.to_owned(),
        unarmed: watch.unarmed.iter().map(ToString::to_string).collect(),
        bound: watch.bound,
        idle: watch.idle.cloned(),
        refused: refused.collect(),
        refused_count: watch.refused.len(),
        builtin: rule.is_builtin(),
    }
}
