//! Every value in history against what the devices served, and every served value against
//! history.
//!
//! A counter's number is served once, so that a value tells which read it is of. What was
//! served and is not in history must be said to be missing: by a sample without value of that
//! point about that time, or because the collector was killed or stopped just then.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_e2e::history::{Kept, Row};
use fenghuo_e2e::plc::Served;

use super::world::{Down, SECOND_KEYS, TIMEOUT_MS, World, unit};
use crate::counted;

/// The read clock goes along with the machine's when that is set further than this.
const CLOCK_MS: i64 = 1_100;
/// How much later than its time-out a reply may be stamped by a machine that stalls.
const STALL_MS: i64 = 10_000;
/// Reads before a kill that need not be on disk: those of a flush, on a machine that stalls.
const UNSYNCED_MS: i64 = 3_000;
/// Longest time without any sample of a point while its collector runs: a time-out, the wait
/// before the next try, and a machine that stalls.
const HOLE_MS: i64 = 15_000;

#[derive(Default)]
struct Count {
    good: usize,
    bad: usize,
    /// Served, and said to be missing by a sample without value.
    said: usize,
    /// Served just before the collector was killed or stopped.
    unsynced: usize,
}

/// Checks all plants.
pub fn check(world: &World, kept: &Kept, runs: &[u32]) {
    for (plant, (collector, runs)) in world.collectors.iter().zip(runs).enumerate() {
        let gateway = &collector.gateway;
        let spooled = (1..=*runs).flat_map(|run| collector.spooled_in(run));
        let spooled: Vec<_> = spooled.collect();
        let samples = counted::check_spooled(kept, gateway, &spooled);
        let mut rows: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
        for row in kept.of(gateway).values() {
            rows.entry(&row.point).or_default().push(row);
        }
        let prefix = format!("u{}.count", unit(plant));
        let served = world.plcs[plant].served();
        let mut count = Count::default();
        for (key, served) in served.iter().filter(|(key, _)| key.starts_with(&prefix)) {
            let mut rows = rows.remove(key.as_str()).unwrap_or_default();
            // By identity they are in the order of the runs; the sort keeps that.
            rows.sort_by_key(|row| row.time);
            let is_second = key.contains(SECOND_KEYS);
            let none: &[Down] = &[];
            let unasked = if is_second {
                &world.without_second[plant]
            } else {
                none
            };
            check_point(key, served, &rows, &mut count, &world.downs[plant]);
            check_holes(key, &rows, &[&world.downs[plant], unasked].concat());
        }
        println!(
            "{gateway}: {runs} runs, {} frames of {samples} samples spooled and in history; of \
             its counters {} values compared, {} samples without value, {} served values said \
             to be missing, {} lost with a run's end",
            spooled.len(),
            count.good,
            count.bad,
            count.said,
            count.unsynced
        );
        assert!(count.good > 0, "{gateway} has brought nothing");
    }
}

fn check_point(key: &str, served: &[Served], rows: &[&Row], count: &mut Count, downs: &[Down]) {
    let when: BTreeMap<&str, i64> = served
        .iter()
        .map(|it| (it.told.as_str(), it.time))
        .collect();
    assert_eq!(when.len(), served.len(), "{key} counts");
    let (good, bad): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.told.starts_with("u:"));
    let other = bad.iter().find(|row| !row.told.starts_with("x:"));
    assert_eq!(other, None, "{key}: a counter gives no such thing");
    let mut last = None;
    for row in &good {
        let told = &row.told;
        let Some(at) = when.get(told.as_str()) else {
            panic!("{key}: {row:?} was never served")
        };
        let age = row.time - at;
        assert!(
            (-CLOCK_MS..i64::from(TIMEOUT_MS) + STALL_MS).contains(&age),
            "{key}: {row:?} was served at {at}"
        );
        let number: u64 = told.strip_prefix("u:").unwrap().parse().unwrap();
        assert!(
            last < Some(number),
            "{key}: {row:?} comes after {last:?}: doubled, or of another read"
        );
        last = Some(number);
    }
    let kept: BTreeSet<&str> = good.iter().map(|row| row.told.as_str()).collect();
    for it in served.iter().filter(|it| !kept.contains(it.told.as_str())) {
        let until = it.time + i64::from(TIMEOUT_MS) + STALL_MS;
        let begin = bad.partition_point(|row| row.time < it.time - CLOCK_MS);
        let is_said = bad.get(begin).is_some_and(|row| row.time <= until);
        let is_unsynced = downs
            .iter()
            .any(|(from, until)| (from - UNSYNCED_MS..*until).contains(&it.time));
        assert!(is_said || is_unsynced, "{key}: {it:?} is missing, unsaid");
        count.said += usize::from(is_said);
        count.unsynced += usize::from(!is_said);
    }
    count.good += good.len();
    count.bad += bad.len();
}

/// While its collector runs a point has a sample again and again, if only one without value.
fn check_holes(key: &str, rows: &[&Row], unread: &[Down]) {
    for pair in rows.windows(2) {
        let (from, until) = (pair[0].time, pair[1].time);
        let lasted = until - from;
        let is_unread = unread
            .iter()
            .any(|(begin, end)| *begin - UNSYNCED_MS < until && from < *end);
        assert!(
            lasted <= HOLE_MS || is_unread,
            "{key} has no sample for {lasted} ms from {from}"
        );
    }
}
