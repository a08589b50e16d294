//! The rules in force as the API shows them, and what their last change did.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_engine::{Engine, Reload, Rule};
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
    /// armed; partly_armed or unarmed when the site's design must still give limits; off.
    pub state: String,
    /// The levels that are not armed anywhere.
    pub unarmed: Vec<String>,
    /// Points or groups that it watches now.
    pub bound: usize,
    /// Whether it is the system's own.
    pub builtin: bool,
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
    let rules = set.rules.values();
    rules
        .map(|rule| {
            let unarmed = unarmed.get(&rule.id).map(Vec::as_slice);
            let bound = bound.get(&rule.id).copied().unwrap_or(0);
            view(rule, unarmed.unwrap_or_default(), bound)
        })
        .collect()
}

fn view(rule: &Rule, unarmed: &[Arc<str>], bound: usize) -> RuleView {
    let state = match unarmed.len() {
        _ if !rule.enabled => "off",
        0 => "armed",
        some if some < rule.levels.len() => "partly_armed",
        _ => "unarmed",
    };
    RuleView {
        id: rule.id.to_string(),
        title: Words::from(&rule.title),
        detector: rule.detector.as_str().to_owned(),
        version: rule.version.to_string(),
        source: rule.source.as_ref().map(SourceView::from),
        state: state.to_owned(),
        unarmed: unarmed.iter().map(ToString::to_string).collect(),
        bound,
        builtin: rule.is_builtin(),
    }
}
