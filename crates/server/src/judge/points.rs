//! Every point and every level, as screens see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fenghuo_engine::Engine;
use fenghuo_model::PointRef;

use crate::view::{self, LimitView, PointView};

/// Every point with the limits that watch it, by its name.
pub fn points(engine: &Engine) -> BTreeMap<String, Arc<PointView>> {
    let mut limits: HashMap<&PointRef, Vec<LimitView>> = HashMap::new();
    for (point, rule, at, level) in engine.limits() {
        let Some(limit) = level.limit else {
            continue;
        };
        let of_point = limits.entry(point).or_insert_with(|| Vec::with_capacity(1));
        of_point.push(LimitView {
            rule: rule.id.to_string(),
            level: rule.levels[at].name.to_string(),
            op: limit.op.as_str().to_owned(),
            value: limit.value,
            reset: limit.reset,
            severity: level.severity.as_str().to_owned(),
        });
    }
    let shown = engine.points().map(|(point, def)| {
        let mut view = view::point(point, def);
        view.limits = limits.remove(point).unwrap_or_default();
        (view.id.clone(), Arc::new(view))
    });
    shown.collect()
}

/// How long each level of the rules in force may be shelved, by `rule/level`.
pub fn levels(engine: &Engine) -> BTreeMap<String, u64> {
    let rules = engine.rules().rules.values();
    let all = rules.flat_map(|rule| rule.levels.iter().map(move |level| (rule, level)));
    all.map(|(rule, level)| (format!("{}/{}", rule.id, level.name), level.shelve_ms))
        .collect()
}
