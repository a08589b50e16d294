//! Alarms as spans of time, told from their events: those of the journal, or of a fold.

use std::collections::BTreeMap;

use fenghuo_engine::{AlarmKey, Event, EventId, Transition};
use fenghuo_model::Timestamp;

use crate::journal::JournalReader;

/// Events read at once.
const READ_EVENTS: usize = 2_000;
/// Most alarms in one span.
pub const ALARMS_MAX: usize = 2_000_000;

/// One time that an alarm was up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interval {
    /// When its condition came true.
    pub begin: Timestamp,
    /// When it was over; none while it is not.
    pub end: Option<Timestamp>,
    /// It was found in data that came late.
    pub retrospective: bool,
}

impl Interval {
    /// Whether both were up at one instant.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |one: &Self, two: &Self| one.end.is_some_and(|end| end < two.begin);
        !ends_before(self, other) && !ends_before(other, self)
    }
}

/// By alarm, in the order of their begins.
pub type Intervals = BTreeMap<AlarmKey, Vec<Interval>>;

/// Takes events and keeps what touches a span.
#[derive(Debug)]
pub struct Happened {
    from: Timestamp,
    until: Timestamp,
    by_occurrence: BTreeMap<EventId, (AlarmKey, Vec<Interval>)>,
    too_many: bool,
}

impl Happened {
    /// For a span.
    pub const fn new((from, until): (Timestamp, Timestamp)) -> Self {
        Self {
            from,
            until,
            by_occurrence: BTreeMap::new(),
            too_many: false,
        }
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event) {
        match &event.transition {
            Transition::Raise(raised) => {
                self.too_many |= self.by_occurrence.len() >= ALARMS_MAX;
                if self.too_many {
                    return;
                }
                let entry = self.by_occurrence.entry(event.occurrence);
                let (_, intervals) = entry.or_insert_with(|| (event.alarm.clone(), Vec::new()));
                intervals.push(Interval {
                    begin: event.at,
                    end: None,
                    retrospective: raised.retrospective,
                });
            }
            Transition::Return
            | Transition::Dismiss
            | Transition::Latch
            | Transition::Unwatch { .. } => self.end(event),
            // It was the beginning of another one, which says so itself.
            Transition::Merge(_) => self.drop_open(event.occurrence),
            Transition::Amend {
                raised_at,
                returned_at,
            } => {
                if let Some(last) = self.last(event.occurrence) {
                    last.begin = raised_at.unwrap_or(last.begin);
                    last.end = returned_at.or(last.end);
                }
            }
            _ => {}
        }
    }

    fn last(&mut self, occurrence: EventId) -> Option<&mut Interval> {
        let (_, intervals) = self.by_occurrence.get_mut(&occurrence)?;
        intervals.last_mut()
    }

    fn end(&mut self, event: &Event) {
        let Some(last) = self.last(event.occurrence) else {
            return;
        };
        last.end = Some(event.at);
        if event.at < self.from {
            self.drop_open(event.occurrence);
        }
    }

    fn drop_open(&mut self, occurrence: EventId) {
        if let Some((_, intervals)) = self.by_occurrence.get_mut(&occurrence) {
            intervals.pop();
            if intervals.is_empty() {
                self.by_occurrence.remove(&occurrence);
            }
        }
    }

    /// The end of the span.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// What touches the span.
    pub fn intervals(&self) -> anyhow::Result<Intervals> {
        anyhow::ensure!(
            !self.too_many,
            "more than {ALARMS_MAX} alarms: ask for a shorter span"
        );
        let mut all = Intervals::new();
        for (key, intervals) in self.by_occurrence.values() {
            let touches =
                |it: &&Interval| it.begin < self.until && it.end.is_none_or(|end| end >= self.from);
            let mut touching = intervals.iter().filter(touches).cloned().peekable();
            if touching.peek().is_some() {
                all.entry(key.clone()).or_default().extend(touching);
            }
        }
        for intervals in all.values_mut() {
            intervals.sort_by_key(|it| it.begin);
        }
        Ok(all)
    }
}

/// What the journal says.
pub fn journal(reader: &JournalReader, span: (Timestamp, Timestamp)) -> anyhow::Result<Happened> {
    let mut happened = Happened::new(span);
    let mut after = EventId::default();
    loop {
        let page = reader.bodies(after, READ_EVENTS)?;
        let Some((last, _)) = page.last() else {
            return Ok(happened);
        };
        after = *last;
        for (_, body) in &page {
            happened.event(&serde_json::from_str(body)?);
        }
    }
}
