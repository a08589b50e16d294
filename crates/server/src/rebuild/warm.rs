//! How long a fold must run before what it says counts: the longest that any rule looks
//! back.

use std::time::Duration;

use fenghuo_engine::rule::{Detector, Span};
use fenghuo_engine::{Rule, RuleSet};

/// The least: heartbeats of points that do not change, and what they were before.
pub const LEAST: Duration = Duration::from_secs(600);
/// What the longest look back gets besides.
const MARGIN: Duration = Duration::from_secs(60);
/// A window of samples is taken to have one at least this often.
const SAMPLE_MS: u64 = 10_000;
const WEEK_MS: u64 = 7 * 86_400_000;

/// How long the rules need, and the rule that looks back furthest.
#[must_use]
pub fn needed(rules: &RuleSet) -> (Duration, Option<String>) {
    let longest = rules
        .rules
        .values()
        .map(|rule| (looks_back_ms(rule), rule.id.to_string()))
        .max();
    match longest {
        Some((ms, rule)) if Duration::from_millis(ms) + MARGIN > LEAST => {
            (Duration::from_millis(ms) + MARGIN, Some(rule))
        }
        _ => (LEAST, None),
    }
}

fn looks_back_ms(rule: &Rule) -> u64 {
    let own = match &rule.detector {
        Detector::Rate(it) => it.over_ms,
        Detector::Stale { within_ms } => *within_ms,
        Detector::Flat(it) => it.within_ms,
        Detector::Count(it) => it.over_ms,
        Detector::Window(it) => match it.span {
            Span::Time(ms) if it.tumbling => ms.saturating_mul(2),
            Span::Time(ms) => ms,
            Span::Samples(count) => u64::from(count).saturating_mul(SAMPLE_MS),
        },
        Detector::Sequence(it) => it.within_ms,
        Detector::Forecast(it) => it.over_ms,
        Detector::Anomaly(it) => u64::from(it.weeks).saturating_mul(WEEK_MS),
        _ => 0,
    };
    let delays = rule.levels.iter().map(|it| it.for_ms.max(it.off_ms)).max();
    own.saturating_add(delays.unwrap_or(0))
}
