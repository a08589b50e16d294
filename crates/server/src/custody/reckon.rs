//! One row: what collector and history say of a point's hour, put together. Pure.
//!
//! Every read that was to be expected is a good value or has exactly one cause: `due` is `good`
//! and all causes together. It is what the collector says was due, and for time of which it
//! says nothing, what the point's interval lets expect, or what arrived if that is more.

use std::collections::BTreeMap;

use fenghuo_history::Count;
use fenghuo_model::source::LABEL_READ_MS;
use fenghuo_model::{PointDef, Timestamp};
use fenghuo_uplink::custody::Tally;
use fenghuo_uplink::frame::{Gap, GapReason};

/// What one run counted of the point in the hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Counted from here.
    pub from: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// What.
    pub tally: Tally,
}

/// Why reads gave no good value, and how many.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cause {
    /// A stable name.
    pub why: &'static str,
    /// How many reads.
    pub reads: u64,
}

/// A point's hour.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Reads that were to be expected.
    pub due: u64,
    /// That the device answered.
    pub made: u64,
    /// Good values: in history, or not sent because they were those from before.
    pub good: u64,
    /// Not sent, since nothing had changed.
    pub unchanged: u64,
    /// Samples in history.
    pub delivered: u64,
    /// What became of the others, most first.
    pub causes: Vec<Cause>,
}

/// Not begun in time: those before took too long.
const SKIPPED: &str = "skipped";
/// The device answered with a value that is in doubt.
const UNCERTAIN: &str = "uncertain";
/// Nothing had changed, and there was no good value before either.
const UNCHANGED: &str = "unchanged_without_value";
/// Spooled, and not here.
const UNDER_WAY: &str = "under_way";
/// The collector was not running.
const RESTART: &str = "restart";
/// Nobody says anything of this time (yet).
const NO_ACCOUNT: &str = "no_account";

/// How often a point is read: one that is reported when it changed has its heartbeat for its
/// interval, and each of its reads counts all the same.
#[must_use]
pub fn read_ms(point: &PointDef) -> u32 {
    let read = point.labels.get(LABEL_READ_MS);
    let read = read.and_then(|read| read.parse().ok());
    read.unwrap_or(point.interval_ms)
}

/// Puts a row together. `span` is the hour, or the part of it in which there was a gateway
/// and that has come; `known` are the runs that counted in it; `count` is what history has;
/// `gaps` are the gateway's.
#[must_use]
pub fn reckon(
    span: (Timestamp, Timestamp),
    interval_ms: u32,
    known: &[Known],
    count: &Count,
    gaps: &[Gap],
) -> Cell {
    let span = (span.0.as_millis(), span.1.as_millis());
    // Not in the width of a tally: sums that end at its bound would not add up.
    let of = |column: fn(&Tally) -> u32| known.iter().map(|it| u64::from(column(&it.tally))).sum();
    let due: u64 = of(|it| it.due);
    let made: u64 = of(|it| it.made);
    let unchanged: u64 = of(|it| it.unchanged);
    let unchanged_bad: u64 = of(|it| it.unchanged_bad);
    let sent: u64 = of(|it| it.sent);
    let arrived = count.total();
    // More came than is told of: the counts of a killed run, or what is not told yet.
    let beyond = arrived.saturating_sub(sent);
    let dark = dark(span, known);
    let dark_ms: i64 = dark.iter().map(|(from, until)| until - from).sum();
    let expected = match interval_ms {
        0 => 0,
        interval => dark_ms.unsigned_abs() / u64::from(interval),
    };
    let nobody = expected.saturating_sub(beyond);

    let mut causes = Causes::default();
    for (reason, reads) in &count.bad {
        causes.add(reason.as_str(), *reads);
    }
    causes.add(UNCERTAIN, count.uncertain);
    causes.add(SKIPPED, due.saturating_sub(sent + unchanged));
    let lost = sent.saturating_sub(arrived);
    causes.add(lost_because(span, gaps), lost);
    causes.add(UNCHANGED, unchanged_bad);
    let restart = share(nobody, restarts_ms(&dark, gaps), dark_ms);
    causes.add(RESTART, restart);
    causes.add(NO_ACCOUNT, nobody - restart);

    let answered = count.good
        + count.uncertain
        + count
            .bad
            .iter()
            .filter(|(it, _)| it.is_answer())
            .map(|(_, reads)| reads)
            .sum::<u64>();
    Cell {
        due: due + beyond + nobody,
        made: made + beyond.min(answered),
        good: count.good + (unchanged - unchanged_bad),
        unchanged,
        delivered: arrived,
        causes: causes.sorted(),
    }
}

#[derive(Default)]
struct Causes(BTreeMap<&'static str, u64>);

impl Causes {
    fn add(&mut self, why: &'static str, reads: u64) {
        if reads > 0 {
            *self.0.entry(why).or_default() += reads;
        }
    }

    fn sorted(self) -> Vec<Cause> {
        let causes = self.0.into_iter();
        let mut causes: Vec<_> = causes.map(|(why, reads)| Cause { why, reads }).collect();
        causes.sort_by_key(|cause| (std::cmp::Reverse(cause.reads), cause.why));
        causes
    }
}

/// The parts of a span in which no run counted.
fn dark((mut at, end): (i64, i64), known: &[Known]) -> Vec<(i64, i64)> {
    let mut lit: Vec<(i64, i64)> = known
        .iter()
        .map(|it| (it.from.as_millis(), it.until.as_millis()))
        .collect();
    lit.sort_unstable();
    let mut dark = Vec::new();
    for (from, until) in lit {
        if from.min(end) > at {
            dark.push((at, from.min(end)));
        }
        at = at.max(until);
    }
    if at < end {
        dark.push((at, end));
    }
    dark
}

fn overlap(a: (i64, i64), b: (i64, i64)) -> i64 {
    a.1.min(b.1).saturating_sub(a.0.max(b.0)).max(0)
}

/// How much of the dark is told as a time in which the collector did not run. Two runs' gaps
/// do not overlap.
fn restarts_ms(dark: &[(i64, i64)], gaps: &[Gap]) -> i64 {
    let gaps = gaps.iter();
    let restarts = gaps.filter(|gap| GapReason::from_code(gap.why) == GapReason::Restart);
    restarts
        .flat_map(|gap| {
            dark.iter()
                .map(|dark| overlap(*dark, (gap.from, gap.until)))
        })
        .fold(0, i64::saturating_add)
}

fn share(reads: u64, part: i64, whole: i64) -> u64 {
    let (part, whole) = (
        part.unsigned_abs().min(whole.unsigned_abs()),
        whole.unsigned_abs(),
    );
    let share = (u128::from(reads) * u128::from(part)).checked_div(u128::from(whole));
    share.and_then(|it| u64::try_from(it).ok()).unwrap_or(0)
}

/// Why what was spooled is not here: the kind of loss of which the gateway told most in this
/// hour, or that it may still come.
fn lost_because(span: (i64, i64), gaps: &[Gap]) -> &'static str {
    let lost = gaps.iter().filter(|gap| {
        let is_loss = matches!(
            GapReason::from_code(gap.why),
            GapReason::Budget | GapReason::Refused | GapReason::Corrupt | GapReason::Unknown
        );
        // A gap of a single frame may have no length.
        is_loss && gap.from < span.1 && gap.until >= span.0
    });
    let most = lost.max_by_key(|gap| gap.count);
    most.map_or(UNDER_WAY, |gap| GapReason::from_code(gap.why).as_str())
}

#[cfg(test)]
mod tests;
