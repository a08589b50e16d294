//! `fenghuo check`: what a configuration's rules would watch, in figures.
//!
//! A configuration with faults never comes this far. What is not armed, switched off or past
//! its day is named one by one: it is what a person must decide.

use std::fmt::Write as _;
use std::path::Path;

use fenghuo_engine::rule::{Day, Ship, Summary};
use fenghuo_engine::{RuleFault, RuleSet};
use fenghuo_model::{CHINA_OFFSET_MIN, Timestamp};

use crate::config::Config;
use crate::notify::carriers;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub text: String,
    /// Whether nothing rests on a standard that is past its day.
    pub is_current: bool,
    /// Whether every carrier that a receiver names is there.
    pub reaches_all: bool,
}

/// Looks at the rules of a configuration as of an instant.
#[must_use]
pub fn report(path: &Path, config: &Config, now: Timestamp) -> Report {
    let files = config.rules.len();
    let warning = if files == 0 {
        ": NO LIMIT IS WATCHED"
    } else {
        ""
    };
    let mut text = format!("{}: ok, {files} rule files{warning}", path.display());
    let mut missing = Vec::new();
    // A configuration whose rules have faults is not loaded.
    if let Ok(set) = RuleSet::parse(&config.rules) {
        text += &figures(&set.summary());
        missing = carriers::missing(&set.receivers, &config.carriers());
    }
    for (receiver, carrier) in &missing {
        text += &format!("\n通道不存在 no such carrier: 接收者 receiver {receiver}: {carrier}");
    }
    let outdated = outdated(config, now);
    for fault in &outdated {
        // Writing to a String cannot fail.
        write!(text, "\n{fault}").unwrap_or_default();
    }
    Report {
        text,
        is_current: outdated.is_empty(),
        reaches_all: missing.is_empty(),
    }
}

/// What rests on a standard that is past its day, as of an instant.
#[must_use]
pub fn outdated(config: &Config, now: Timestamp) -> Vec<RuleFault> {
    let today = Day::of(now, CHINA_OFFSET_MIN);
    RuleSet::parse(&config.rules)
        .map(|set| set.outdated(&config.rules, today))
        .unwrap_or_default()
}

fn figures(it: &Summary) -> String {
    let ships = Ship::ALL.iter().map(|ship| {
        let count = it.ships.get(ship).copied().unwrap_or(0);
        format!("{} {count}", ship.as_str())
    });
    let ships: Vec<_> = ships.collect();
    let mut text = format!(
        "\n规则 rules: {}, 停用 off {}\n\
         级别 levels: 已布防 armed {}, 缺设计值 unarmed {}\n\
         来源 sources: {}, 未注明 none {}\n\
         现场限值 site limits: {}\n\
         必测项 targets: {}, 登记企业 enterprises: {}",
        it.rules,
        it.off.len(),
        it.armed(),
        it.levels - it.armed(),
        ships.join(", "),
        it.unsourced,
        it.site_limits,
        it.targets,
        it.enterprises,
    );
    for rule in &it.off {
        text += &format!("\n  停用 off: {rule}");
    }
    for (rule, levels) in &it.unarmed {
        text += &format!("\n  缺设计值 design missing: {rule}: {}", levels.join(", "));
    }
    for plant in &it.unknown_plants {
        text += &format!("\n  没有规则包规定必测项 no pack requires anything of: {plant}");
    }
    text
}

#[cfg(test)]
mod tests;
