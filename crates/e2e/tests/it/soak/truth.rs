//! Every value in history against what the devices served, and every served value against
//! history.
//!
//! A counter's number is served once, so that a value tells which read, or which message, it is
//! of. What was served and is not in history must be said to be missing: by a sample without
//! value of that point about that time, by a gap record, or because the collector was killed or
//! stopped just then.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_e2e::collector::{Collector, Spooled};
use fenghuo_e2e::history::{Kept, Row};
use fenghuo_e2e::log;
use fenghuo_e2e::served::Served;
use fenghuo_model::SampleId;
use fenghuo_uplink::frame::{Gap, GapReason};

use super::fault::CLOCK_MS_MAX;
use super::plant::{ON_A_DISK, PLANTS, PUBLISHING, SECOND_KEYS, SET_CLOCK, TIMEOUT_MS, absent_key};
use super::world::{Down, World};
use crate::counted;

/// The read clock goes along with the machine's when that is set further than this.
const CLOCK_MS: i64 = 1_100;
/// How much later than its time-out a reply may be stamped by a machine that stalls.
const STALL_MS: i64 = 10_000;
/// A reply is taken before the next read is asked for, but the two clocks may be apart.
const EARLY_MS: i64 = 300;
/// Reads before a kill that need not be on disk: those of a flush, on a machine that stalls.
const UNSYNCED_MS: i64 = 3_000;
/// How long a collector that begins may need until it has subscribed.
const SUBSCRIBE_MS: i64 = 10_000;
/// How long it takes until somebody sees that a connection of MQTT is a hole.
const KEEPALIVE_MS: i64 = 25_000;
/// Longest time without any sample of a point while its collector runs: a unit that does not
/// answer is asked again after up to 30 s, and chance adds to it; and a machine that stalls.
const HOLE_MS: i64 = 45_000;
/// How much earlier than its frame was closed a sample of it was read at most.
const FRAME_MS: i64 = 3_000;

/// Rows that are shown on each side of one that is missing.
const ABOUT: usize = 4;

/// A row with its place.
type Placed<'a> = (SampleId, &'a Row);

#[derive(Default)]
struct Count {
    good: usize,
    bad: usize,
    /// Served, and said to be missing by a sample without value.
    said: usize,
    /// Served, and within a gap record.
    gone: usize,
    /// Served just before the collector was killed or stopped.
    unsynced: usize,
    /// Longest time without any sample of a point while it was read, in milliseconds.
    silent_ms: i64,
}

/// What is known of a plant.
struct Plant<'a> {
    at: usize,
    collector: &'a Collector,
    downs: &'a [Down],
    gaps: Vec<Gap>,
    rows: BTreeMap<&'a str, Vec<Placed<'a>>>,
}

/// Checks all plants.
pub fn check(world: &World, kept: &Kept, runs: &[u32]) {
    for (at, runs) in runs.iter().enumerate() {
        let collector = &world.collectors[at];
        let plant = Plant {
            at,
            collector,
            downs: &world.downs[at],
            gaps: gaps(world, collector),
            rows: rows(at, kept, &collector.gateway),
        };
        let spooled: Vec<_> = (1..=*runs)
            .flat_map(|run| collector.spooled_in(run))
            .collect();
        let (samples, lost) = check_frames(&plant, kept, &spooled);
        let mut count = Count::default();
        if at == PUBLISHING {
            plant.check_published(world, &mut count);
        } else {
            plant.check_lines(world, &mut count);
        }
        println!(
            "{}: {runs} runs, {} frames of {samples} samples spooled, {lost} of them in gap \
             records and all others in history; of its counters {} values compared, {} samples \
             without value, {} served values said to be missing, {} in gap records, {} lost \
             with a run's end; no sample of a point for {} ms at most; gap records {:?}",
            collector.gateway,
            spooled.len(),
            count.good,
            count.bad,
            count.said,
            count.gone,
            count.unsynced,
            count.silent_ms,
            reasons(&plant.gaps)
        );
        assert!(count.good > 0, "{} has brought nothing", collector.gateway);
    }
}

/// Checks that a second server has every frame, too.
pub fn check_county(world: &World, kept: &Kept, runs: &[u32]) {
    let collector = &world.collectors[PUBLISHING];
    let spooled = (1..=runs[PUBLISHING]).flat_map(|run| collector.spooled_in(run));
    let spooled: Vec<_> = spooled.collect();
    let samples = counted::check_spooled(kept, &collector.gateway, &spooled);
    println!(
        "the county has all {samples} samples of {}",
        collector.gateway
    );
    for at in (0..PLANTS.len()).filter(|at| *at != PUBLISHING) {
        let rows = kept.of(&world.collectors[at].gateway).len();
        assert_eq!(rows, 0, "the county has what was not for it");
    }
}

/// Everything that was told to be missing.
fn gaps(world: &World, collector: &Collector) -> Vec<Gap> {
    let frames = log::frames(&world.server.data).into_iter();
    let own = frames.filter(|it| it.gateway == collector.gateway);
    own.flat_map(|it| it.all_gaps()).collect()
}

/// How many of them there are for each reason.
fn reasons(gaps: &[Gap]) -> BTreeMap<&'static str, usize> {
    let mut reasons = BTreeMap::new();
    for gap in gaps {
        *reasons
            .entry(GapReason::from_code(gap.why).as_str())
            .or_default() += 1;
    }
    reasons
}

/// A plant's samples by point, in the order of their times, and where clocks are set in that of
/// their frames.
fn rows<'a>(at: usize, kept: &'a Kept, gateway: &str) -> BTreeMap<&'a str, Vec<Placed<'a>>> {
    let mut rows: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for (id, row) in kept.of(gateway) {
        rows.entry(&row.point).or_default().push((*id, row));
    }
    for rows in rows.values_mut() {
        if at == SET_CLOCK {
            rows.sort_by_key(|(id, _)| (id.seq, id.index));
        } else {
            rows.sort_by_key(|(id, row)| (row.time, id.seq, id.index));
        }
    }
    rows
}

/// Checks that each spooled frame is in history, or is told to be missing. Answers how many
/// samples there were, and how many of the frames are missing.
fn check_frames(plant: &Plant<'_>, kept: &Kept, spooled: &[Spooled]) -> (usize, usize) {
    let gateway = &plant.collector.gateway;
    if plant.at != ON_A_DISK {
        return (counted::check_spooled(kept, gateway, spooled), 0);
    }
    let is_gone =
        |frame: &&Spooled| frame.samples > 0 && counted::found(kept, gateway, frame).is_empty();
    let (gone, there): (Vec<Spooled>, Vec<Spooled>) = spooled.iter().partition(is_gone);
    for frame in &gone {
        let is_told = plant.gap_at(frame.steady - FRAME_MS, frame.steady);
        assert!(
            is_told,
            "{gateway}: {frame:?} is missing, unsaid: {:?}",
            plant.gaps
        );
    }
    let samples = counted::check_spooled(kept, gateway, &there);
    (samples, gone.len())
}

/// What is asked of one point.
struct Asked<'a> {
    key: &'a str,
    served: &'a [Served],
    /// How much later than it was served a value may be stamped.
    ages: std::ops::Range<i64>,
    /// Whether a value may have been taken when a later one had been served already.
    may_be_late: bool,
    /// How much later than it was served it may be said that a value is missing.
    said_ms: i64,
    /// How long before a collector's end, and after its begin, nothing need be known of it.
    end_ms: i64,
    begin_ms: i64,
    /// A value may come again: at least once is what its protocol promises.
    may_repeat: bool,
}

impl Plant<'_> {
    /// Whether a time is told to be one of which something is missing.
    fn gap_at(&self, from: i64, until: i64) -> bool {
        let near = |gap: &Gap| gap.from - FRAME_MS <= until && from <= gap.until + FRAME_MS;
        self.gaps.iter().any(near)
    }

    fn down_at(&self, time: i64, asked: &Asked<'_>) -> bool {
        let near = |(from, until): &Down| {
            (from - asked.end_ms..until.saturating_add(asked.begin_ms)).contains(&time)
        };
        self.downs.iter().any(near)
    }

    fn of(&self, key: &str) -> &[Placed<'_>] {
        self.rows.get(key).map_or(&[], Vec::as_slice)
    }

    fn check_lines(&self, world: &World, count: &mut Count) {
        let clock_ms = if self.at == SET_CLOCK {
            CLOCK_MS_MAX
        } else {
            0
        };
        let ages = -CLOCK_MS - clock_ms..i64::from(TIMEOUT_MS) + STALL_MS + clock_ms;
        let all = &world.without_second[self.at];
        for (line, it) in world.lines[self.at].iter().enumerate() {
            let served = it.plc.served();
            for (key, served) in served.iter().filter(|(key, _)| key.contains(".count")) {
                self.check_point(
                    &Asked {
                        key,
                        served,
                        ages: ages.clone(),
                        may_be_late: self.at == SET_CLOCK,
                        said_ms: i64::from(TIMEOUT_MS) + STALL_MS,
                        end_ms: UNSYNCED_MS,
                        begin_ms: 0,
                        may_repeat: false,
                    },
                    count,
                );
                let unasked = if key.contains(SECOND_KEYS) {
                    all.as_slice()
                } else {
                    &[]
                };
                self.check_holes(key, unasked, count);
            }
            let none = absent_key(line);
            let value = self
                .of(&none)
                .iter()
                .find(|(_, row)| !row.told.starts_with("x:"));
            assert_eq!(value, None, "nobody is there to serve {none}");
            self.check_holes(&none, &[], count);
        }
    }

    fn check_published(&self, world: &World, count: &mut Count) {
        let all = world.devices.served();
        let taken = world.devices.taken();
        for (key, served) in &all {
            let mut served = served.clone();
            let rows = self.of(key).iter();
            let here: BTreeSet<&str> = rows.map(|(_, row)| row.told.as_str()).collect();
            if key.starts_with("fan") {
                // What the broker has not taken went with a device that was killed.
                served.retain(|it| taken.contains(&it.step) || here.contains(it.told.as_str()));
            }
            self.check_point(
                &Asked {
                    key,
                    served: &served,
                    // They have the devices' own times.
                    ages: 0..1,
                    may_be_late: true,
                    said_ms: KEEPALIVE_MS + STALL_MS,
                    // A hole that nobody had seen yet.
                    end_ms: KEEPALIVE_MS,
                    begin_ms: SUBSCRIBE_MS,
                    may_repeat: key.starts_with("fan"),
                },
                count,
            );
        }
    }

    fn check_point(&self, asked: &Asked<'_>, count: &mut Count) {
        let rows = self.of(asked.key);
        let numbers = check_values(asked, rows);
        count.good += numbers.len();
        count.bad += rows.len() - numbers.len();
        let is_here = |it: &&Served| numbers.contains_key(&it.number());
        let brought = asked.served.iter().filter(is_here);
        let lengths: BTreeSet<usize> = brought.map(|it| it.among).collect();
        let missing = asked.served.iter().filter(|it| !is_here(it));
        for it in missing.filter(|it| lengths.contains(&it.among)) {
            let is_said = if self.at == SET_CLOCK {
                said_between(&numbers, rows, it)
            } else {
                said_about(rows, it, asked)
            };
            let is_gone = self.at == ON_A_DISK && self.gap_at(it.time, it.time);
            let is_unsynced = self.down_at(it.time, asked);
            assert!(
                is_said || is_gone || is_unsynced,
                "{} {}: {it:?} is missing, unsaid, among {:?}",
                self.collector.gateway,
                asked.key,
                about(rows, it)
            );
            match (is_said, is_gone) {
                (true, _) => count.said += 1,
                (false, true) => count.gone += 1,
                (false, false) => count.unsynced += 1,
            }
        }
    }

    /// While its collector runs a point has a sample again and again, if only one without value.
    fn check_holes(&self, key: &str, unasked: &[Down], count: &mut Count) {
        let longest = if self.at == SET_CLOCK {
            HOLE_MS + CLOCK_MS_MAX
        } else {
            HOLE_MS
        };
        let unread = || self.downs.iter().chain(unasked);
        for pair in self.of(key).windows(2) {
            let (from, until) = (pair[0].1.time, pair[1].1.time);
            let is_unread =
                unread().any(|(begin, end)| *begin - UNSYNCED_MS < until && from < *end);
            let is_gone = self.at == ON_A_DISK && self.gap_at(from, until);
            let silent_ms = until - from;
            if is_unread || is_gone {
                continue;
            }
            count.silent_ms = count.silent_ms.max(silent_ms);
            assert!(
                silent_ms <= longest,
                "{} {key} has no sample for {silent_ms} ms from {from}",
                self.collector.gateway,
            );
        }
    }
}

/// Checks that every value is one that was served, at its time, in order. Answers where in the
/// rows each number stands.
fn check_values(asked: &Asked<'_>, rows: &[Placed<'_>]) -> BTreeMap<u64, usize> {
    let key = asked.key;
    let when = asked.served.iter().map(|it| (it.told.as_str(), it.time));
    let when: BTreeMap<&str, i64> = when.collect();
    assert_eq!(when.len(), asked.served.len(), "{key} counts");
    let (mut numbers, mut last) = (BTreeMap::new(), None);
    for (at, (_, row)) in rows.iter().enumerate() {
        let Some(number) = row.told.strip_prefix("u:") else {
            let is_none = row.told.starts_with("x:");
            assert!(is_none, "{key}: a counter gives no such thing: {row:?}");
            continue;
        };
        let Some(served) = when.get(row.told.as_str()) else {
            panic!("{key}: {row:?} was never served")
        };
        let age = row.time - served;
        assert!(
            asked.ages.contains(&age),
            "{key}: {row:?} was served at {served}"
        );
        let next = asked.served.partition_point(|it| it.time <= *served);
        let next = asked.served.get(next).map_or(i64::MAX, |next| next.time);
        assert!(
            asked.may_be_late || row.time < next.saturating_add(EARLY_MS),
            "{key}: {row:?} was served at {served}, and the one after it at {next}"
        );
        let number: u64 = number.parse().unwrap();
        let is_repeat = asked.may_repeat && last == Some(number);
        assert!(
            last < Some(number) || is_repeat,
            "{key}: {row:?} comes after {last:?}: doubled, or of another read"
        );
        last = Some(number);
        numbers.insert(number, at);
    }
    numbers
}

/// The rows before and after, for whoever looks why a test failed.
fn about<'a>(rows: &'a [Placed<'_>], it: &Served) -> &'a [Placed<'a>] {
    let at = rows.partition_point(|(_, row)| row.time < it.time);
    &rows[at.saturating_sub(ABOUT)..rows.len().min(at + ABOUT)]
}

/// Whether a sample without value tells of a time.
fn said_about(rows: &[Placed<'_>], it: &Served, asked: &Asked<'_>) -> bool {
    let is_none = |(_, row): &Placed<'_>| row.told.starts_with("x:");
    let begin = rows.partition_point(|(_, row)| row.time < it.time - CLOCK_MS);
    let (before, after) = rows.split_at(begin);
    // What was asked long ago may be served now; and what is told holds until there is a value.
    let holds = before.last().is_some_and(is_none);
    let until = it.time + asked.said_ms;
    let mut near = after.iter().take_while(|(_, row)| row.time <= until);
    holds || near.any(is_none)
}

/// Whether a sample without value stands between the values before and after.
fn said_between(numbers: &BTreeMap<u64, usize>, rows: &[Placed<'_>], it: &Served) -> bool {
    let number = it.number();
    let before = numbers.range(..number).next_back();
    let from = before.map_or(0, |(_, at)| at + 1);
    let after = numbers.range(number..).next();
    let until = after.map_or(rows.len(), |(_, at)| *at);
    from < until
}
