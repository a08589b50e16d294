//! Compares alarms as they happened with alarms as they would have.
//!
//! Of one alarm, begins that are at most [`TOLERANCE`] apart are the same; of the rest, two
//! that were up at one instant are one alarm that came earlier or later; what is left was
//! added or removed. Only begins within the span count: what began before it is there to be
//! compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fenghuo_engine::AlarmKey;
use fenghuo_model::{CHINA_OFFSET_MIN, Timestamp};

use super::happened::{Interval, Intervals};
use super::late::SILENT_RULE;
use super::report::{Counts, DIFFERENCES_MAX, Difference, Named, Report, Shift, TOP, What};
use super::{Options, TOLERANCE};

/// The silence of gateways is counted in seconds that a fold makes up.
const TOLERANCE_TICKS: Duration = Duration::from_secs(2);

/// Fills in what differs.
pub fn compare(before: &Intervals, after: &Intervals, options: &Options, report: &mut Report) {
    let (mut rules, mut shifts) = (BTreeMap::new(), BTreeMap::new());
    let mut top = Vec::new();
    let mut differences = Vec::new();
    let inside = |it: &Interval| (options.from..options.until).contains(&it.begin);
    let keys: BTreeSet<&AlarmKey> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let was = before.get(key).map_or(&[][..], Vec::as_slice);
        let would = after.get(key).map_or(&[][..], Vec::as_slice);
        let mut counts = Counts {
            before: was.iter().filter(|it| inside(it)).count() as u64,
            after: would.iter().filter(|it| inside(it)).count() as u64,
            ..Counts::default()
        };
        for it in was.iter().filter(|it| inside(it)) {
            shifts
                .entry(shift_of(it.begin, options))
                .or_insert((0, 0))
                .0 += 1;
        }
        for it in would.iter().filter(|it| inside(it)) {
            shifts
                .entry(shift_of(it.begin, options))
                .or_insert((0, 0))
                .1 += 1;
        }
        for pair in pairs(key, was, would) {
            match judged(&pair, &inside) {
                Some(what) => {
                    counts.add(what);
                    differences.push(difference(key, what, &pair, report));
                }
                None if pair.1.is_some_and(inside) => counts.same += 1,
                None => {}
            }
        }
        sum(rules.entry(key.rule.to_string()).or_default(), counts);
        sum(&mut report.alarms, counts);
        if counts.after > 0 {
            let name = key.to_string();
            top.push(Named { name, counts });
        }
    }
    top.sort_by(|a, b| (b.counts.after, &a.name).cmp(&(a.counts.after, &b.name)));
    top.truncate(TOP);
    report.top = top;
    let named = |(name, counts)| Named { name, counts };
    report.rules = rules.into_iter().map(named).collect();
    let shift = |(from, (before, after))| Shift {
        from,
        before,
        after,
    };
    report.shifts = shifts.into_iter().map(shift).collect();
    differences.sort_by_key(|it| (it.would.or(it.was), it.alarm.clone()));
    let kept = differences.len().min(DIFFERENCES_MAX);
    report.differences_left_out = (differences.len() - kept) as u64;
    differences.truncate(kept);
    report.differences = differences;
}

/// One that was, and one that would have been.
type Pair<'a> = (Option<&'a Interval>, Option<&'a Interval>, bool);

/// Pairs of the same alarm; the truth says that their begins are the same.
fn pairs<'a>(key: &AlarmKey, was: &'a [Interval], would: &'a [Interval]) -> Vec<Pair<'a>> {
    let tolerance = if *key.rule == *SILENT_RULE {
        TOLERANCE_TICKS
    } else {
        TOLERANCE
    };
    let apart = |a: &Interval, b: &Interval| a.begin.since(b.begin).max(b.begin.since(a.begin));
    let mut taken = vec![false; was.len()];
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut rest = Vec::new();
    let mut low = 0;
    for it in would {
        while low < was.len() && was[low].begin.plus(tolerance) < it.begin {
            low += 1;
        }
        let near = (low..was.len())
            .take_while(|at| was[*at].begin <= it.begin.plus(tolerance))
            .filter(|at| !taken[*at])
            .min_by_key(|at| apart(&was[*at], it));
        match near {
            Some(at) => {
                taken[at] = true;
                pairs.push((Some(&was[at]), Some(it), true));
            }
            None => rest.push(it),
        }
    }
    let mut begin = 0;
    for it in rest {
        // Spans of one alarm do not overlap: those that are over are over for all that come.
        while begin < was.len() && was[begin].end.is_some_and(|end| end < it.begin) {
            begin += 1;
        }
        let found = (begin..was.len())
            .take_while(|at| it.end.is_none_or(|end| was[*at].begin <= end))
            .find(|at| !taken[*at] && was[*at].overlaps(it));
        if let Some(at) = found {
            taken[at] = true;
        }
        pairs.push((found.map(|at| &was[at]), Some(it), false));
    }
    let left = was.iter().zip(taken).filter(|(_, taken)| !taken);
    pairs.extend(left.map(|(it, _)| (Some(it), None, false)));
    pairs
}

fn judged((was, would, same): &Pair<'_>, inside: &impl Fn(&Interval) -> bool) -> Option<What> {
    if *same {
        return None;
    }
    match (was, would) {
        (Some(was), Some(would)) if inside(was) || inside(would) => {
            Some(if would.begin < was.begin {
                What::Earlier
            } else {
                What::Later
            })
        }
        (None, Some(would)) if inside(would) => Some(What::Added),
        (Some(was), None) if inside(was) => Some(What::Removed),
        _ => None,
    }
}

fn difference(key: &AlarmKey, what: What, pair: &Pair<'_>, report: &Report) -> Difference {
    let (was, would) = (pair.0.map(|it| it.begin), pair.1.map(|it| it.begin));
    let gateway = key.subject.gateway();
    let within = |at: Timestamp| {
        let covers =
            |late: &super::Late| late.gateway == *gateway && (late.from..=late.until).contains(&at);
        report.late.iter().any(covers)
    };
    Difference {
        what,
        alarm: key.to_string(),
        was,
        would,
        late: was.into_iter().chain(would).any(within),
    }
}

const fn sum(total: &mut Counts, one: Counts) {
    total.before += one.before;
    total.after += one.after;
    total.same += one.same;
    total.added += one.added;
    total.removed += one.removed;
    total.earlier += one.earlier;
    total.later += one.later;
}

/// Shifts begin at midnight in China.
fn shift_of(at: Timestamp, options: &Options) -> Timestamp {
    let offset = i64::from(CHINA_OFFSET_MIN) * 60_000;
    let shift = i64::try_from(options.shift.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    let local = at.as_millis() + offset;
    Timestamp::from_millis(local - local.rem_euclid(shift) - offset)
}
