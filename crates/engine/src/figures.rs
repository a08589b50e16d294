//! How well the alarms serve the people who watch them: the figures of ISA-18.2 (clause 16)
//! and EEMUA 191 (chapter 6) for one console and one span of time, usually a day.
//!
//! Counted are annunciations: live raises and re-alarms of alarms that nothing covers. Time
//! is that at which people were told, not that of the data. The targets are the published
//! recommendations, not law; each figure names its own.
//!
//! Memory: what the caller hands over, and one entry for each alarm that occurs in it.
//! Cost: sorting the annunciations.

use std::collections::BTreeMap;

use fenghuo_model::{Severity, Timestamp};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const TEN_MINUTES_MS: i64 = 10 * MINUTE_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// More annunciations than this in ten minutes are a flood.
pub const FLOOD_BEGINS: usize = 10;
/// A flood is over when there are fewer than this in ten minutes.
pub const FLOOD_ENDS: usize = 5;
/// As many annunciations of one alarm in a minute are chattering.
pub const CHATTER: usize = 3;
/// Alarms in the list of the most frequent ones.
pub const TOP: usize = 10;

/// One time that an alarm was announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced<'a> {
    /// When people were told.
    pub at: Timestamp,
    /// Which alarm.
    pub alarm: &'a str,
    /// How bad.
    pub severity: Severity,
    /// When it was over, if it is.
    pub ended: Option<Timestamp>,
}

/// A span of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Between {
    /// Begin, included.
    pub from: Timestamp,
    /// End, excluded.
    pub until: Timestamp,
}

impl Between {
    fn ms(self) -> i64 {
        (self.until.as_millis() - self.from.as_millis()).max(1)
    }

    fn holds(self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}

/// The figures of one console.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Figures {
    /// Annunciations.
    pub announced: usize,
    /// For each hour of the span on average.
    pub per_hour: f64,
    /// In the worst hour (clock hours from the span's begin).
    pub peak_hour: usize,
    /// In the worst ten minutes (any ten).
    pub peak_ten_minutes: usize,
    /// In the worst minute (any).
    pub peak_minute: usize,
    /// Share of ten-minute slices with more than [`FLOOD_BEGINS`].
    pub busy_slices: f64,
    /// Share of hours with more than 30.
    pub busy_hours: f64,
    /// Floods.
    pub floods: usize,
    /// Share of the time in flood.
    pub in_flood: f64,
    /// Alarms that came [`CHATTER`] times or more within a minute.
    pub chattering: Vec<String>,
    /// Announcements that were over within a minute.
    pub fleeting: usize,
    /// Alarms that stood for more than 24 hours at the span's end.
    pub stale: Vec<String>,
    /// The most frequent alarms, with their counts.
    pub top: Vec<(String, usize)>,
    /// Their share of all.
    pub top_share: f64,
    /// Annunciations by severity, blue first.
    pub by_severity: [usize; 4],
}

/// Works out the figures of a span. `all` are the announcements of one console, in any
/// order; those before the span count only for what still stands.
#[must_use]
pub fn figures(all: &[Announced<'_>], span: Between) -> Figures {
    let mut inside: Vec<_> = all.iter().filter(|it| span.holds(it.at)).collect();
    inside.sort_by_key(|it| it.at);
    let times: Vec<i64> = inside.iter().map(|it| it.at.as_millis()).collect();
    let mut counts: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let mut by_severity = [0; 4];
    for it in &inside {
        counts.entry(it.alarm).or_default().push(it.at.as_millis());
        by_severity[usize::from(it.severity.ordinal()) - 1] += 1;
    }
    let chatters = |times: &[i64]| most_within(times, MINUTE_MS) >= CHATTER;
    let chattering = counts.iter().filter(|(_, times)| chatters(times));
    let top = top(&counts);
    let top_sum: usize = top.iter().map(|(_, count)| count).sum();
    let (floods, flood_ms) = floods(&times, span);
    Figures {
        announced: times.len(),
        per_hour: ratio(times.len(), 1) * ratio_ms(HOUR_MS, span.ms()),
        peak_hour: slices(&times, span, HOUR_MS).max().unwrap_or(0),
        peak_ten_minutes: most_within(&times, TEN_MINUTES_MS),
        peak_minute: most_within(&times, MINUTE_MS),
        busy_slices: busy(&times, span, TEN_MINUTES_MS, FLOOD_BEGINS),
        busy_hours: busy(&times, span, HOUR_MS, 30),
        floods,
        in_flood: ratio_ms(flood_ms, span.ms()),
        chattering: chattering.map(|(alarm, _)| (*alarm).to_owned()).collect(),
        fleeting: inside.iter().filter(|it| is_fleeting(it)).count(),
        stale: stale(all, span),
        top_share: ratio(top_sum, times.len()),
        top,
        by_severity,
    }
}

fn is_fleeting(it: &Announced<'_>) -> bool {
    let lasted = |ended: Timestamp| ended.as_millis() - it.at.as_millis();
    it.ended.is_some_and(|ended| lasted(ended) < MINUTE_MS)
}

fn stale(all: &[Announced<'_>], span: Between) -> Vec<String> {
    let stands = |it: &&Announced<'_>| {
        it.at.as_millis() + DAY_MS < span.until.as_millis()
            && it.ended.is_none_or(|ended| ended >= span.until)
    };
    let mut found: Vec<_> = all
        .iter()
        .filter(stands)
        .map(|it| it.alarm.to_owned())
        .collect();
    found.sort();
    found.dedup();
    found
}

fn top(counts: &BTreeMap<&str, Vec<i64>>) -> Vec<(String, usize)> {
    let mut top: Vec<_> = counts
        .iter()
        .map(|(alarm, times)| ((*alarm).to_owned(), times.len()))
        .collect();
    top.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    top.truncate(TOP);
    top
}

/// The most of `times` (sorted) that lie within any span of this length.
fn most_within(times: &[i64], length: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, at) in times.iter().enumerate() {
        while times[first] <= at - length {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// How many fall into each slice of the span.
fn slices(times: &[i64], span: Between, length: i64) -> impl Iterator<Item = usize> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for at in times {
        *counts
            .entry((at - span.from.as_millis()) / length)
            .or_default() += 1;
    }
    counts.into_values()
}

fn busy(times: &[i64], span: Between, length: i64, more_than: usize) -> f64 {
    let busy = slices(times, span, length).filter(|count| *count > more_than);
    let all = usize::try_from((span.ms() + length - 1) / length).unwrap_or(usize::MAX);
    ratio(busy.count(), all)
}

/// Floods and the time in them. A flood begins with the annunciation that makes more than
/// [`FLOOD_BEGINS`] of the last ten minutes, and ends when fewer than [`FLOOD_ENDS`] are left.
fn floods(times: &[i64], span: Between) -> (usize, i64) {
    let (mut floods, mut in_flood, mut first) = (0, 0, 0);
    let mut begun: Option<i64> = None;
    for (last, at) in times.iter().enumerate() {
        if let Some(begin) = begun
            && let Some(end) = calm(&times[first..last], *at)
        {
            in_flood += end - begin;
            begun = None;
        }
        while times[first] <= at - TEN_MINUTES_MS {
            first += 1;
        }
        if begun.is_none() && last - first + 1 > FLOOD_BEGINS {
            floods += 1;
            begun = Some(*at);
        }
    }
    if let Some(begin) = begun {
        let until = span.until.as_millis();
        in_flood += calm(&times[first..], until).unwrap_or(until) - begin;
    }
    (floods, in_flood)
}

/// When fewer than [`FLOOD_ENDS`] of these are left in the last ten minutes, if before `now`.
fn calm(times: &[i64], now: i64) -> Option<i64> {
    let at = match times.len().checked_sub(FLOOD_ENDS) {
        Some(index) => times[index] + TEN_MINUTES_MS,
        None => *times.last()?,
    };
    (at < now).then_some(at)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a day")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a day")]
fn ratio_ms(part: i64, whole: i64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// A figure beside its recommendation.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// The figure's stable name.
    pub name: &'static str,
    /// What it is.
    pub value: f64,
    /// What it should be at most.
    pub at_most: f64,
    /// Where the recommendation stands.
    pub source: &'static str,
}

impl Figures {
    /// The figures that have a recommendation, beside it.
    #[must_use]
    pub fn judged(&self) -> Vec<Judged> {
        let row = |name, value, at_most, source| Judged {
            name,
            value,
            at_most,
            source,
        };
        let count = |count: usize| ratio(count, 1);
        let red = ratio(self.by_severity[3], self.announced);
        vec![
            row("per_hour", self.per_hour, 6.0, "ISA-18.2, 16.5"),
            row("peak_hour", count(self.peak_hour), 15.0, "EEMUA 191"),
            row("peak_minute", count(self.peak_minute), 2.0, "EEMUA 191"),
            row(
                "peak_ten_minutes",
                count(self.peak_ten_minutes),
                10.0,
                "ISA-18.2, 16.5",
            ),
            row("busy_slices", self.busy_slices, 0.01, "ISA-18.2, 16.5"),
            row("busy_hours", self.busy_hours, 0.01, "ISA-18.2, 16.5"),
            row("in_flood", self.in_flood, 0.01, "ISA-18.2, 16.5"),
            row("top_share", self.top_share, 0.05, "ISA-18.2, 16.5"),
            row(
                "chattering",
                count(self.chattering.len()),
                0.0,
                "ISA-18.2, 16.5",
            ),
            row("fleeting", count(self.fleeting), 0.0, "ISA-18.2, 16.5"),
            row("stale", count(self.stale.len()), 4.0, "ISA-18.2, 16.5"),
            row("red_share", red, 0.01, "ISA-18.2, 16.5"),
        ]
    }
}

#[cfg(test)]
mod tests;
