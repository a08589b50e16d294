//! What will not work, or hardly can be meant, each with its file, line and key.

use std::collections::BTreeMap;

use fenghuo_engine::rule::place;
use fenghuo_engine::rule::{Rule, Scale};
use fenghuo_engine::{Engine, Problem, RuleSet};
use fenghuo_model::{Kind, Unit};

use crate::config::Config;
use crate::notify::carriers;

/// Names in one line; the number before them counts them all.
const NAMED_MAX: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What does not work.
    pub errors: Vec<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// What the files alone say.
pub fn in_files(config: &Config, set: &RuleSet) -> Found {
    let mut found = Found::default();
    for (receiver, carrier) in carriers::missing(&set.receivers, &config.carriers()) {
        found.errors.push(format!(
            "通道不存在 no such carrier: 接收者 receiver {receiver}: {carrier}"
        ));
    }
    found.errors.extend(never_told(config, set));
    let rules = set.rules.values().filter(|rule| rule.enabled);
    found
        .errors
        .extend(rules.filter_map(|rule| strange_unit(config, rule)));
    let crossed = set.crossed(&config.rules);
    found
        .warnings
        .extend(crossed.iter().map(ToString::to_string));
    found
}

/// Receivers that wait for something to be overdue, where nothing ever is.
fn never_told<'a>(config: &'a Config, set: &'a RuleSet) -> impl Iterator<Item = String> + 'a {
    let is_timed = set
        .closed_loop
        .duties
        .values()
        .any(|duty| [duty.acknowledge_ms, duty.cause_ms, duty.verify_ms] != [None; 3]);
    let waits = move |it: &&fenghuo_engine::plan::Receiver| {
        it.tier > 0 && it.at_once.is_none() && !is_timed
    };
    set.receivers.iter().filter(waits).map(|it| {
        let what = format!(
            "接收者 `{name}` 的 tier = {tier}，但没有 [closed_loop] 时限：它永远收不到通知 \
             receiver `{name}` has tier {tier}, and no [closed_loop] has a time limit: it is \
             never told",
            name = it.name,
            tier = it.tier
        );
        said(config, "receiver", ("name", &it.name), "tier", what)
    })
}

/// A unit that no point of the kinds selected can have.
fn strange_unit(config: &Config, rule: &Rule) -> Option<String> {
    let unit = rule.unit?;
    let kinds = rule.select.0.get("kind")?;
    let compares = matches!(rule.detector.scale(), Scale::Value | Scale::Difference);
    if !compares || kinds.iter().any(|kind| may_have(kind, unit)) {
        return None;
    }
    let what = format!(
        "单位 `{unit}` 不适用于所选类型 {kinds} the unit does not fit the kinds that rule `{id}` \
         selects",
        kinds = kinds.join(", "),
        id = rule.id
    );
    Some(said(config, "rule", ("id", &rule.id), "unit", what))
}

/// Temperatures and pressures have units of their own; the other kinds are wide.
fn may_have(kind: &str, unit: Unit) -> bool {
    let is = |symbol: &str| Unit::parse(symbol).is_ok_and(|known| unit.to(known).is_ok());
    let (temperature, pressure) = (Kind::Temperature.as_str(), Kind::Pressure.as_str());
    match kind {
        kind if kind == Kind::Other.as_str() => true,
        _ if is("K") => kind == temperature,
        // A level may be told as the pressure of what stands above it.
        _ if is("Pa") => kind == pressure || kind == Kind::Level.as_str(),
        _ => kind != temperature && kind != pressure,
    }
}

/// What becomes of the rules at the points that are known.
pub fn at_points(config: &Config, engine: &Engine, found: &mut Found) {
    refused(config, engine, found);
    let idle = engine.idle_rules();
    let idle = idle.iter().filter(|it| it.refused.is_empty());
    let idle: Vec<_> = idle.map(|it| it.rule.id.to_string()).collect();
    if let Some(names) = named(&idle) {
        let count = idle.len();
        found.warnings.push(format!(
            "{count} 条规则没有选中任何测点，未监视任何东西 {count} rules select no point and watch \
             nothing: {names}"
        ));
    }
    for limit in &engine.rules().site {
        let rule = engine.rules().rules.get(&limit.rule);
        let fits = engine.points().any(|(point, def)| {
            limit.is_for(point, def) && rule.is_some_and(|it| it.select.matches(point, def))
        });
        if !fits {
            let what = format!(
                "现场限值 {rule}/{level} 不适用于任何已知测点 the site's limit is for no known point",
                rule = limit.rule,
                level = limit.level
            );
            let field = ("document", limit.document.as_str());
            found
                .warnings
                .push(said(config, "limit", field, "select", what));
        }
    }
    targets(engine, found);
}

/// One line a rule and reason, whatever the number of its points.
fn refused(config: &Config, engine: &Engine, found: &mut Found) {
    let mut by: BTreeMap<(&str, &str), Vec<&Problem>> = BTreeMap::new();
    for problem in engine.problems().filter(|it| it.level.is_none()) {
        let name = (&*problem.rule, problem.why.as_str());
        by.entry(name).or_default().push(problem);
    }
    for ((rule, _), problems) in by {
        let (first, why) = (problems[0], problems[0].why.say());
        let count = problems.len();
        let what = format!(
            "规则 rule `{rule}` 无法监视 {count} 个测点 cannot watch {count} points: {point}: {} {}",
            why.zh,
            why.en,
            point = first.point
        );
        let key = match first.why.key() {
            "during" if is_outside(engine, rule) => "outside",
            key => key,
        };
        let line = said(config, "rule", ("id", rule), key, what);
        if first.why.is_of_rule() {
            found.errors.push(line);
        } else {
            found.warnings.push(line);
        }
    }
}

fn is_outside(engine: &Engine, rule: &str) -> bool {
    let rule = engine.rules().rules.get(rule);
    let gate = rule.and_then(|rule| rule.gate.as_ref());
    gate.is_some_and(|gate| !gate.inside)
}

/// What registered plants must measure, and no point is.
fn targets(engine: &Engine, found: &mut Found) {
    let set = engine.rules();
    let plants = || set.register.values().flat_map(|it| &it.plants);
    let required = set.targets.iter();
    let required = required.filter(|it| plants().any(|plant| *plant == it.plant));
    let bare = required.filter(|target| {
        let mut points = engine.points();
        !points.any(|(point, def)| target.select.matches(point, def))
    });
    let bare: Vec<_> = bare.map(|target| target.id.to_string()).collect();
    if let Some(names) = named(&bare) {
        let count = bare.len();
        found.warnings.push(format!(
            "{count} 项必测项没有任何测点 no point is what {count} targets ask for: {names}"
        ));
    }
}

fn named(names: &[String]) -> Option<String> {
    let some = names[..names.len().min(NAMED_MAX)].join(", ");
    let more = if names.len() > NAMED_MAX { ", .." } else { "" };
    (!names.is_empty()).then(|| some + more)
}

/// With its place, where it has one.
fn said(
    config: &Config,
    table: &'static str,
    field: (&str, &str),
    key: &'static str,
    what: String,
) -> String {
    place::at(&config.rules, table, field, key, &what).map_or(what, |fault| fault.to_string())
}
