//! Report by exception: a point with a deadband is reported when it changed, and at least
//! once a heartbeat. Pure.
//!
//! A reading without a value counts as changed when its quality or reason did.

use std::time::Duration;

use fenghuo_model::{Reading, Sample, Timestamp, Value};

/// Heartbeat of a point that gives a deadband alone.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// When a point is worth reporting.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Exception {
    /// Numbers that differ by no more than this are the same.
    pub deadband: f64,
    /// Longest silence.
    pub heartbeat: Duration,
}

/// One point's memory of what it last reported. Most points have no rule, and cost a pointer.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter(Option<Box<Memory>>);

#[derive(Clone, Debug)]
struct Memory {
    rule: Exception,
    last: Option<(Timestamp, Reading)>,
}

impl ChangeFilter {
    /// Reports everything without a rule.
    #[must_use]
    pub fn new(rule: Option<Exception>) -> Self {
        Self(rule.map(|rule| Box::new(Memory { rule, last: None })))
    }

    /// Remembers a sample that was reported whatever the rule says.
    pub fn note(&mut self, sample: &Sample) {
        if let Some(memory) = &mut self.0 {
            memory.last = Some((sample.time, sample.reading.clone()));
        }
    }

    /// Whether to report this sample; remembers it then.
    pub fn passes(&mut self, sample: &Sample) -> bool {
        let Some(memory) = &mut self.0 else {
            return true;
        };
        let rule = memory.rule;
        let same = memory.last.as_ref().is_some_and(|(time, reading)| {
            sample.time.since(*time) < rule.heartbeat
                && sample.time >= *time
                && is_same(reading, &sample.reading, rule.deadband)
        });
        if !same {
            memory.last = Some((sample.time, sample.reading.clone()));
        }
        !same
    }
}

fn is_same(last: &Reading, new: &Reading, deadband: f64) -> bool {
    if last.quality() != new.quality() || last.reason() != new.reason() {
        return false;
    }
    match (last.value(), new.value()) {
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a == b,
        (Some(Value::Text(a)), Some(Value::Text(b))) => a == b,
        (Some(a), Some(b)) if deadband == 0.0 => a == b,
        (Some(a), Some(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= deadband,
            _ => false,
        },
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use fenghuo_model::Reason;

    use super::*;

    fn at(ms: i64, reading: Reading) -> Sample {
        Sample {
            time: Timestamp::from_millis(ms),
            reading,
        }
    }

    fn good(ms: i64, number: f64) -> Sample {
        at(ms, Reading::Good(Value::F64(number)))
    }

    #[test]
    fn changes_and_heartbeats_pass() {
        let mut filter = ChangeFilter::new(Some(Exception {
            deadband: 0.5,
            heartbeat: Duration::from_secs(10),
        }));
        assert!(filter.passes(&good(0, 1.0)));
        assert!(!filter.passes(&good(1_000, 1.5)));
        assert!(filter.passes(&good(2_000, 1.6)));
        // Drift is measured from what was reported, not from what was read.
        assert!(!filter.passes(&good(3_000, 2.0)));
        assert!(filter.passes(&good(4_000, 2.2)));
        assert!(!filter.passes(&good(13_999, 2.2)));
        assert!(filter.passes(&good(14_000, 2.2)));
    }

    #[test]
    fn a_value_that_comes_back_after_none_passes() {
        let mut filter = ChangeFilter::new(Some(Exception {
            deadband: 0.5,
            heartbeat: Duration::from_secs(10),
        }));
        assert!(filter.passes(&good(0, 1.0)));
        filter.note(&at(1_000, Reading::Bad(Reason::NotConnected)));
        assert!(filter.passes(&good(2_000, 1.0)));
    }

    #[test]
    fn a_change_of_quality_or_reason_passes() {
        let mut filter = ChangeFilter::new(Some(Exception {
            deadband: 100.0,
            heartbeat: Duration::from_mins(1),
        }));
        assert!(filter.passes(&good(0, 1.0)));
        assert!(filter.passes(&at(1, Reading::Bad(Reason::Timeout))));
        assert!(!filter.passes(&at(2, Reading::Bad(Reason::Timeout))));
        assert!(filter.passes(&at(3, Reading::Bad(Reason::NotConnected))));
        assert!(filter.passes(&good(4, 1.0)));
        assert!(filter.passes(&at(5, Reading::Uncertain(Value::F64(1.0), Reason::Clock))));
    }
}
