//! How many alarms people are told of just now: by enterprise, in the last ten minutes.
//!
//! Memory: at most one count for each second of the ten minutes, and [`ENTERPRISES_MAX`]
//! enterprises; those beyond are counted together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fenghuo_engine::figures::{FLOOD_BEGINS, FLOOD_ENDS};
use fenghuo_model::Timestamp;

use super::Judge;
use crate::clock;
use crate::journal::JournalReader;
use crate::journal::announced;
use crate::metrics::Metrics;
use crate::view::EventView;

/// Enterprises counted one by one.
const ENTERPRISES_MAX: usize = 1_000;
/// The name under which the others are counted.
const OTHERS: &str = "others";
/// The span that is looked at.
const SPAN: Duration = Duration::from_secs(600);

/// The counts.
#[derive(Debug, Default)]
pub struct Load {
    by: BTreeMap<String, Meter>,
}

/// One enterprise's announcements: (second, count), oldest first.
#[derive(Debug, Default)]
struct Meter {
    seconds: VecDeque<(i64, usize)>,
    count: usize,
    flooded: bool,
}

impl Load {
    /// Counts what the journal has of the last ten minutes.
    pub fn since(journal: &JournalReader, now: Timestamp) -> anyhow::Result<Self> {
        let mut load = Self::default();
        for (enterprise, at) in journal.announced_since(now.minus(SPAN))? {
            load.count(&enterprise, at);
        }
        Ok(load)
    }

    /// Counts an event, when it announces an alarm.
    pub fn event(&mut self, event: &EventView) {
        if announced::announces(event) {
            self.count(&event.alarm.enterprise, announced::told_at(event));
        }
    }

    fn count(&mut self, enterprise: &str, at: i64) {
        let known = self.by.contains_key(enterprise) || self.by.len() < ENTERPRISES_MAX;
        let name = if known { enterprise } else { OTHERS };
        let meter = self.by.entry(name.to_owned()).or_default();
        meter.add(at.div_euclid(1_000));
    }

    /// Forgets what is older and shows the counts.
    pub fn show(&mut self, now: Timestamp, metrics: &Metrics) {
        let after = now.minus(SPAN).as_millis().div_euclid(1_000);
        self.by.retain(|enterprise, meter| {
            meter.pass(after);
            let stays = meter.count > 0;
            if stays {
                metrics.load(enterprise, meter.count, meter.flooded);
            } else {
                metrics.no_load(enterprise);
            }
            stays
        });
    }
}

impl Meter {
    fn add(&mut self, second: i64) {
        self.count += 1;
        // A clock that was set back counts into the newest second.
        match self.seconds.back_mut() {
            Some((last, count)) if *last >= second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        self.look();
    }

    fn pass(&mut self, after: i64) {
        while let Some((second, count)) = self.seconds.front()
            && *second <= after
        {
            self.count -= count;
            self.seconds.pop_front();
        }
        self.look();
    }

    const fn look(&mut self) {
        if self.count > FLOOD_BEGINS {
            self.flooded = true;
        } else if self.count < FLOOD_ENDS {
            self.flooded = false;
        }
    }
}

/// Shows the counts, once a second.
pub fn show(judge: &mut Judge) {
    judge.load.show(clock::now(), &judge.parts.metrics);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_begins_over_ten_and_ends_under_five() {
        let metrics = Metrics::new();
        let mut load = Load::default();
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        for second in 0..11 {
            load.count("oil", (1_000 + second) * 1_000);
        }
        let shows = |metrics: &Metrics, count: &str, flood: &str| {
            let text = metrics.render();
            let count = format!("fenghuo_alarms_per_10min{{enterprise=\"oil\"}} {count}\n");
            let flood = format!("fenghuo_alarm_flood{{enterprise=\"oil\"}} {flood}\n");
            assert!(text.contains(&count) && text.contains(&flood), "{text}");
        };
        load.show(at(1_100), &metrics);
        shows(&metrics, "11", "1");
        load.show(at(1_605), &metrics);
        shows(&metrics, "5", "1");
        load.show(at(1_606), &metrics);
        shows(&metrics, "4", "0");
        load.show(at(1_700), &metrics);
        assert!(!metrics.render().contains("\"oil\""));
    }

    #[test]
    fn enterprises_past_the_bound_are_counted_together() {
        let mut load = Load::default();
        for enterprise in 0..ENTERPRISES_MAX + 5 {
            load.count(&enterprise.to_string(), 1_000);
        }
        assert_eq!(load.by[OTHERS].count, 5);
        assert_eq!(load.by.len(), ENTERPRISES_MAX + 1);
    }
}
