//! Rules that are in force and watch nothing, and why: nobody may take them for a watch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fenghuo_model::Title;

use super::{Engine, Problem};
use crate::rule::{Detector, Rule};

/// A rule that is switched on and is bound to nothing.
#[derive(Clone, Debug)]
pub struct Idle<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The points that it selects and cannot watch.
    pub refused: Vec<&'a Problem>,
    /// Whether there is any point at all.
    pub has_points: bool,
}

impl Idle<'_> {
    /// Why, in one sentence.
    #[must_use]
    pub fn say(&self) -> Title {
        let (zh, en) = match self.refused.split_first() {
            Some((first, others)) => {
                let Title { mut zh, mut en } = first.why.say();
                zh = format!("{}：{zh}", first.point);
                en = format!("{}: {en}", first.point);
                if !others.is_empty() {
                    zh += &format!("（共 {} 处）", self.refused.len());
                    en += &format!(" (and {} more)", others.len());
                }
                (zh, en)
            }
            None if !self.has_points => (
                "尚未收到任何测点表".to_owned(),
                "no catalog of points has come yet".to_owned(),
            ),
            None if matches!(self.rule.detector, Detector::Rollup { .. }) => (
                "它所统计的规则没有监视任何带分组标签的测点".to_owned(),
                "the rules that it counts watch no point with the label of its groups".to_owned(),
            ),
            None => (
                "没有测点符合 select".to_owned(),
                "no point has the labels that it selects".to_owned(),
            ),
        };
        Title { zh, en }
    }
}

impl Engine {
    /// The rules that are switched on and bound to nothing, by id; not the system's own.
    #[must_use]
    pub fn idle_rules(&self) -> Vec<Idle<'_>> {
        let bound = self.gateways.values().flat_map(|it| &it.wires.bound);
        let bound: BTreeSet<&Arc<str>> = bound.map(|bound| &bound.rule.id).collect();
        let mut refused: BTreeMap<&Arc<str>, Vec<&Problem>> = BTreeMap::new();
        for problem in self.problems().filter(|it| it.level.is_none()) {
            refused.entry(&problem.rule).or_default().push(problem);
        }
        let has_points = self.points().next().is_some();
        let rules = self.rules.rules.values();
        let idle = rules.filter(|it| it.enabled && !it.is_builtin() && !bound.contains(&it.id));
        idle.map(|rule| Idle {
            rule,
            refused: refused.remove(&rule.id).unwrap_or_default(),
            has_points,
        })
        .collect()
    }
}
