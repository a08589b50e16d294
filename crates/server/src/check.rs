//! `fenghuo check`: whether a configuration's rules can work, and what they would watch.
//!
//! A configuration whose files have faults never comes this far. What would not work all the
//! same is an error, and what can hardly be meant a warning; both have their place. What is
//! not armed, switched off or past its day is named one by one: it is what a person must
//! decide. What could not be looked at is said, and never counted as right.

use std::path::Path;

use fenghuo_engine::rule::{Day, Ship, Summary};
use fenghuo_engine::{RuleFault, RuleSet};
use fenghuo_model::{CHINA_OFFSET_MIN, Timestamp};

use crate::config::Config;

mod find;
mod points;

use find::Found;

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub text: String,
    /// What does not work.
    pub errors: usize,
    /// What a person should look at.
    pub warnings: usize,
}

/// Looks at the rules of a configuration as of an instant, with the points that the journal
/// knows.
#[must_use]
pub fn report(path: &Path, config: &Config, now: Timestamp) -> Report {
    let mut found = Found::default();
    let mut text = String::new();
    let mut bound = None;
    // A configuration whose rules have faults is not loaded.
    if let Ok(set) = RuleSet::parse(&config.rules) {
        text += &figures(&set.summary());
        found = find::in_files(config, &set);
    }
    let outdated = outdated(config, now);
    found
        .errors
        .extend(outdated.iter().map(ToString::to_string));
    let unchecked = match points::engine(config) {
        Ok(Some(engine)) => {
            find::at_points(config, &engine, &mut found);
            bound = Some(watched(&engine));
            None
        }
        Ok(None) => Some("尚未收到任何测点表 no catalog of points has come yet".to_owned()),
        Err(error) => Some(format!(
            "测点表无法读取 the catalogs cannot be read: {error:#}"
        )),
    };
    let is_whole = unchecked.is_none();
    text += &bound.unwrap_or_default();
    for (word, lines) in [
        ("错误 error", &found.errors),
        ("警告 warning", &found.warnings),
    ] {
        for line in lines {
            text += &format!("\n{word}: {line}");
        }
    }
    if let Some(why) = unchecked {
        text += &format!(
            "\n未核对 not checked: 单位、表达式、日历和选择是否适合测点 whether units, expressions, \
             calendars and selects fit the points: {why}"
        );
    }
    let (errors, warnings) = (found.errors.len(), found.warnings.len());
    Report {
        text: head(path, config, (errors, warnings), is_whole) + &text,
        errors,
        warnings,
    }
}

/// Only what was looked at as a whole is ok.
fn head(
    path: &Path,
    config: &Config,
    (errors, warnings): (usize, usize),
    is_whole: bool,
) -> String {
    let files = config.rules.len();
    let fine = if is_whole {
        "ok"
    } else {
        "文件无误，测点未核对 files ok, points not checked"
    };
    let word = match (errors, warnings) {
        (0, 0) => fine.to_owned(),
        (0, warnings) => format!("{fine}, 警告 warnings {warnings}"),
        (errors, warnings) => format!("有错误 errors {errors}, 警告 warnings {warnings}"),
    };
    let bare = if files == 0 {
        ": 没有任何限值受监视 NO LIMIT IS WATCHED"
    } else {
        ""
    };
    format!("{}: {word}, {files} rule files{bare}", path.display())
}

/// What is really watched.
fn watched(engine: &fenghuo_engine::Engine) -> String {
    let points = engine.points().count();
    let watched = engine.watched().count();
    format!("\n测点 points: {points}, 有规则监视 watched {watched}")
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
         级别 levels: 限值已知 with limits {}, 缺设计值 unarmed {}\n\
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
