//! Every level of every pack that compares a number is tried next to its limit.
//!
//! The scenarios are made from the packs themselves: the limit, the time for which it must be
//! exceeded and the value at which it clears are read from the rule (or from the limits of the
//! tests, where a design gives them), so that no level can be forgotten and none can keep an
//! old number. That the numbers are the right ones is for the scenarios that people wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fenghuo_engine::RuleSet;
use fenghuo_engine::rule::{Detector, Level, Op, Reset, Rule, Scale, Span, Stat};
use fenghuo_engine::scenario::Script;

use crate::packs::{PACKS, own, parse, read};

/// Before a value is taken for the first time, in seconds.
const BEGIN: u64 = 10;

/// A level with its numbers, each of them in the rule's unit.
struct Case<'a> {
    rule: &'a Rule,
    level: &'a Level,
    op: Op,
    limit: f64,
    reset: f64,
    /// One digit less than anybody reads.
    step: f64,
    /// The point's range, where the reset depends on it.
    range: Option<f64>,
}

impl<'a> Case<'a> {
    fn of(set: &RuleSet, rule: &'a Rule, level: &'a Level) -> Option<Self> {
        let said = level.limit?;
        let site = set.site_limits(&rule.id, &level.name);
        let limit = said.value.or_else(|| site.iter().find_map(|it| it.value))?;
        let step = 10_f64.powf(limit.abs().log10().floor() - 4.0);
        let toward = if said.op.is_upper() { -1.0 } else { 1.0 };
        let (reset, range) = match said.reset {
            Reset::Limit => (limit, None),
            Reset::At(reset) => (reset, None),
            Reset::Span(share) => {
                let range = 2.0 * limit.abs();
                (limit + toward * share * 2.0 * range, Some(range))
            }
        };
        Some(Self {
            rule,
            level,
            op: said.op,
            limit,
            reset,
            step,
            range,
        })
    }

    /// So many digits farther from normal.
    fn beyond(&self, value: f64, steps: f64) -> f64 {
        let toward = if self.op.is_upper() { 1.0 } else { -1.0 };
        value + toward * steps * self.step
    }

    const fn at_limit_itself(&self) -> bool {
        matches!(self.op, Op::Above | Op::Below)
    }

    fn just_not(&self) -> f64 {
        let steps = if self.at_limit_itself() { -1.0 } else { 0.0 };
        self.beyond(self.limit, steps)
    }

    fn fires(&self) -> f64 {
        let steps = if self.at_limit_itself() { 0.0 } else { 1.0 };
        self.beyond(self.limit, steps)
    }

    /// The value nearest to the reset that does not clear, and the one that does. A reset that
    /// is a share of the range is not exact to the last digit.
    fn clears(&self) -> (f64, f64) {
        let (held, clear) = match (self.range, self.at_limit_itself()) {
            (Some(_), _) => (1.0, -1.0),
            (None, true) => (0.0, -1.0),
            (None, false) => (1.0, 0.0),
        };
        (
            self.beyond(self.reset, held),
            self.beyond(self.reset, clear),
        )
    }

    fn safe(&self) -> f64 {
        self.beyond(self.reset, -100.0)
    }

    /// How many samples after its first one a value decides.
    fn lag(&self) -> Option<u64> {
        match &self.rule.detector {
            Detector::Level => Some(0),
            // The second of three is the middle one.
            Detector::Window(window) => {
                let median = window.stat == Stat::Quantile(0.5) && !window.tumbling;
                (median && window.span == Span::Samples(3)).then_some(1)
            }
            _ => None,
        }
    }

    fn point(&self, every_s: u64) -> String {
        let mut labels = String::new();
        let mut kind = "";
        for (label, values) in &self.rule.select.0 {
            match label.as_str() {
                "kind" => kind = &values[0],
                _ => write!(labels, " {label}={}", values[0]).unwrap(),
            }
        }
        let unit = self.rule.unit.map(|unit| format!(" {unit}"));
        let range = self.range.map(|it| format!(" range=-{it}..{it}"));
        format!(
            "point p {kind}{} every={every_s}s{}{labels}\n",
            unit.unwrap_or_default(),
            range.unwrap_or_default()
        )
    }

    /// Values next to the limit and the reset, and when the level must be raised and over.
    fn of_a_value(&self, lag: u64) -> (String, Vec<String>) {
        let (for_s, off_s) = (self.level.for_ms / 1_000, self.level.off_ms / 1_000);
        let (held, clear) = self.clears();
        let name = format!("{}/{}@p", self.rule.id, self.level.name);
        let mut text = self.point(1);
        let mut at = BEGIN;
        let mut say = |after: u64, value: f64| {
            at += after;
            writeln!(text, "{at}s p {value}").unwrap();
            at
        };
        say(0, self.safe());
        say(BEGIN, self.just_not());
        say(for_s + BEGIN, self.safe());
        // One sample too few, one second too short.
        let short = (for_s + lag).saturating_sub(1);
        if short > 0 {
            say(BEGIN, self.fires());
            say(short, self.safe());
        }
        let raised = say(BEGIN + off_s, self.fires()) + lag + for_s;
        say(lag + for_s + BEGIN, held);
        let over = say(off_s + BEGIN, clear) + lag + off_s;
        say(lag + off_s + BEGIN, self.safe());
        let end = if self.level.latch { "latch" } else { "return" };
        let lines = vec![
            format!("{raised}s raise {name}"),
            format!("{over}s {end} {name}"),
        ];
        (text, lines)
    }

    /// A step of one digit too little; and one that is enough, which is over with its time.
    fn of_a_change(&self, over_s: u64) -> [(String, Vec<String>); 2] {
        let name = format!("{}/{}@p", self.rule.id, self.level.name);
        let over = 2 * over_s;
        let text = |change: f64, end: u64| {
            let point = self.point((over_s / 60).max(1));
            format!("{point}0s p 0\n{over_s}s p {change}\n{end}s end\n")
        };
        let raised = vec![
            format!("{over_s}s raise {name}"),
            format!("{over}s return {name}"),
        ];
        [
            (text(self.just_not(), over_s + 60), Vec::new()),
            (text(self.fires(), over + 60), raised),
        ]
    }

    fn scenarios(&self) -> Vec<(String, Vec<String>)> {
        match (self.lag(), &self.rule.detector) {
            (Some(lag), _) => vec![self.of_a_value(lag)],
            (None, Detector::Rate(rate)) => self.of_a_change(rate.over_ms / 1_000).into(),
            _ => Vec::new(),
        }
    }
}

/// Whether every level of a rule is tried here: a count has no number next to its limit.
pub fn is_tried(rule: &Rule) -> bool {
    rule.detector.scale() != Scale::Truth && !matches!(rule.detector, Detector::Count(_))
}

/// A time as lines have it, such as `90s` or `1d2h`.
fn seconds(time: &str) -> u64 {
    let parts = time.split_inclusive(|c: char| c.is_ascii_alphabetic());
    let part = |part: &str| {
        let (number, unit) = part.split_at(part.len() - 1);
        let unit = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            _ => 1,
        };
        number.parse::<u64>().unwrap() * unit
    };
    parts.map(part).sum()
}

/// What happened to one level, without the numbers.
fn happened(lines: &[String], level: &str) -> Vec<String> {
    let lines = lines.iter().map(|line| {
        let (time, rest) = line.split_once(' ').unwrap();
        let what = rest.split(' ').take(2).collect::<Vec<_>>().join(" ");
        format!("{}s {what}", seconds(time))
    });
    lines
        .filter(|line| line.ends_with(&format!(" {level}@p")))
        .collect()
}

fn tried(pack: &str, missing: &mut String) -> usize {
    let limits = format!("packs/tests/limits/{pack}.toml");
    let files = [format!("packs/{pack}.toml"), limits];
    let set = parse(&files.each_ref().map(String::as_str));
    let texts: BTreeMap<_, _> = files.iter().map(|file| read(file)).collect();
    let load = |file: &str| texts.get(file).cloned().ok_or_else(|| file.to_owned());
    let mut count = 0;
    let levels = own(&set).flat_map(|rule| rule.levels.iter().map(move |it| (rule, it)));
    for (rule, level) in levels {
        let name = format!("{}/{}", rule.id, level.name);
        if !is_tried(rule) {
            continue;
        }
        let cases = Case::of(&set, rule, level).map(|case| case.scenarios());
        let cases = cases.unwrap_or_default();
        if cases.is_empty() {
            writeln!(missing, "{name}: nothing tries it next to its limit").unwrap();
        }
        for (text, expected) in cases {
            let rules: String = files.iter().map(|file| format!("rules {file}\n")).collect();
            let enable = format!("rules:\n    [[enable]]\n    rule = \"{}\"\n", rule.id);
            let enable = if rule.enabled { "" } else { &enable };
            let text = format!("{rules}{enable}\n== {name}\n{text}--\n");
            let script = Script::parse(&name, &text).unwrap_or_else(|it| panic!("{}", it[0]));
            let outcome = script.run(&script.scenarios()[0], &load);
            let came = happened(&outcome.lines, &name);
            if came != expected || !outcome.problems.is_empty() {
                let problems = outcome.problems.join("\n");
                writeln!(
                    missing,
                    "{text}expected {expected:?}\ncame {came:?} {problems}"
                )
                .unwrap();
            }
            count += 1;
        }
    }
    count
}

#[test]
fn every_level_with_a_limit_fires_at_it_not_before_it_and_clears_past_its_reset() {
    let mut missing = String::new();
    let count: usize = PACKS.iter().map(|pack| tried(pack, &mut missing)).sum();
    assert!(missing.is_empty(), "\n{missing}");
    assert!(count > 250, "only {count} scenarios");
}
