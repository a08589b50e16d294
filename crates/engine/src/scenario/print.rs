//! Events as lines: the one place that knows how each transition reads.
//!
//! `<offset> <transition> <rule/level@point> <facts>`, and `-> state` where the state
//! changed (a raise that leads to `unacknowledged` goes without saying).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fenghuo_model::{GatewayKey, PointKey, Reading, Sample, Timestamp, Value};

use super::plan::{Setup, Step, What};
use super::time;
use crate::event::{Raised, Unshelved};
use crate::{Alarm, AlarmKey, Change, EventId, State, Subject, Transition};

/// Short names: a point is its key where no other gateway has the same, else
/// `gateway:key`.
#[derive(Clone, Debug, Default)]
pub struct Names {
    gateways: BTreeSet<GatewayKey>,
    points: BTreeMap<PointKey, usize>,
}

impl Names {
    /// The names of all gateways and points that a scenario ever has.
    pub fn of(setup: &Setup, steps: &[Step]) -> Self {
        let plants = setup.plants.iter().map(|plant| &plant.gateway);
        let first = (0..)
            .zip(&setup.plants)
            .flat_map(|(at, plant)| plant.points.iter().map(move |def| (at, &def.key)));
        let later = steps.iter().filter_map(|step| match &step.what {
            What::Define(at, def) => Some((*at, &def.key)),
            _ => None,
        });
        let every: BTreeSet<_> = first.chain(later).collect();
        let mut points = BTreeMap::new();
        for (_, key) in every {
            *points.entry(key.clone()).or_default() += 1;
        }
        Self {
            gateways: plants.chain(&setup.expected).cloned().collect(),
            points,
        }
    }

    fn gateway(&self, key: &GatewayKey) -> String {
        let same = self.gateways.iter().filter(|g| g.gateway == key.gateway);
        if same.count() > 1 {
            return key.to_string();
        }
        key.gateway.to_string()
    }

    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Gateway(key) => self.gateway(key),
            Subject::Point(point) if self.points.get(&point.key) > Some(&1) => {
                format!("{}:{}", self.gateway(&point.gateway), point.key)
            }
            Subject::Point(point) => point.key.to_string(),
            Subject::Group(gateway, group) if self.gateways.len() > 1 => {
                format!("{}[{group}]", self.gateway(gateway))
            }
            Subject::Group(_, group) => format!("[{group}]"),
        }
    }

    fn alarm(&self, key: &AlarmKey) -> String {
        format!("{}/{}@{}", key.rule, key.level, self.subject(&key.subject))
    }

    /// Whether a text names an alarm or what it is about.
    pub fn means(&self, text: &str, key: &AlarmKey) -> bool {
        let level = format!("{}/{}", key.rule, key.level);
        let subject = self.subject(&key.subject);
        let long = match &key.subject {
            Subject::Point(point) => format!("{}:{}", self.gateway(&point.gateway), point.key),
            other => other.to_string(),
        };
        let on = |subject: &str| text == subject || text == format!("{level}@{subject}");
        text == level || on(&subject) || on(&long)
    }
}

/// Writes events as lines; knows each alarm's last state.
#[derive(Debug)]
pub struct Printer<'a> {
    names: &'a Names,
    start: Timestamp,
    states: BTreeMap<EventId, State>,
}

impl<'a> Printer<'a> {
    /// For a scenario that begins at `start`.
    pub const fn new(names: &'a Names, start: Timestamp) -> Self {
        Self {
            names,
            start,
            states: BTreeMap::new(),
        }
    }

    fn offset(&self, at: Timestamp) -> String {
        time::offset(at.as_millis() - self.start.as_millis())
    }

    /// The line of an event.
    pub fn line(&mut self, change: &Change) -> String {
        let event = &change.event;
        let mut line = format!(
            "{} {} {}",
            self.offset(event.at),
            event.transition.as_str(),
            self.names.alarm(&event.alarm)
        );
        let facts = self.facts(&event.transition, &change.alarm, event.at);
        if !facts.is_empty() {
            line.push(' ');
            line.push_str(&facts);
        }
        self.state(change, &mut line);
        line
    }

    /// What decided, or what it says.
    fn facts(&self, transition: &Transition, alarm: &Alarm, at: Timestamp) -> String {
        match transition {
            Transition::Raise(raised) => self.raised(raised, alarm, at),
            Transition::Acknowledge { by, comment } => words(by, comment),
            Transition::Reset(said)
            | Transition::TakeOut(said)
            | Transition::PutBack(said)
            | Transition::Close(said) => words(&said.by, &said.comment),
            Transition::Shelve {
                said,
                until,
                one_shot,
            } => {
                let once = if *one_shot { " or its return" } else { "" };
                let until = self.offset(*until);
                format!("until {until}{once} {}", words(&said.by, &said.comment))
            }
            Transition::Unshelve { said, why } => match why {
                Unshelved::Person => words(&said.by, &said.comment),
                Unshelved::Expired => "expired".to_owned(),
                Unshelved::Returned => "returned".to_owned(),
                Unshelved::Red => "red".to_owned(),
            },
            Transition::Suppress { by } => {
                format!("by {}", by.rsplit('/').next().unwrap_or(by))
            }
            Transition::AskOut(permit) => {
                let until = self.offset(permit.until);
                let asked = words(&permit.asked.by, &permit.asked.comment);
                format!("permit {} until {until} {asked}", permit.permit)
            }
            Transition::State { said, cause } => {
                format!("{} {}", cause.as_str(), words(&said.by, &said.comment))
            }
            Transition::Verify { said, accepted } => {
                let found = if *accepted { "accepted" } else { "refused" };
                format!("{found} {}", words(&said.by, &said.comment))
            }
            Transition::Overdue { step, tier } => format!("{} tier {tier}", step.as_str()),
            Transition::Hold(why) => why.as_str().to_owned(),
            Transition::Amend {
                raised_at,
                returned_at,
            } => {
                let begin = raised_at.map(|at| format!("begin {}", self.offset(at)));
                let end = returned_at.map(|at| format!("end {}", self.offset(at)));
                let both: Vec<_> = begin.into_iter().chain(end).collect();
                both.join(" ")
            }
            Transition::Merge(_) => "into the live one".to_owned(),
            Transition::PlanOver { booking } => booking.clone(),
            Transition::Unwatch { why, .. } => format!("its {} is gone", why.as_str()),
            Transition::Return
            | Transition::Dismiss
            | Transition::Latch
            | Transition::Realarm
            | Transition::Unsuppress
            | Transition::Release
            | Transition::Promote => String::new(),
        }
    }

    /// Severity, the deciding value with its limit, since when, and what is special.
    fn raised(&self, raised: &Raised, alarm: &Alarm, at: Timestamp) -> String {
        let mut text = raised.severity.as_str().to_owned();
        if let Some((_, sample)) = raised.deciding.last() {
            text.push(' ');
            text.push_str(&reading(sample));
        }
        if let Some(seen) = raised.seen {
            write!(text, " seen {}", short(seen)).unwrap_or_default();
        }
        if let (Some(op), Some(limit)) = (raised.op, raised.limit) {
            let sign = match op.as_str() {
                "above" => ">=",
                "over" => ">",
                "below" => "<=",
                "under" => "<",
                other => other,
            };
            let unit = raised.unit.map_or("", fenghuo_model::Unit::symbol);
            let unit = if unit == "1" { "" } else { unit };
            write!(text, " {sign} {limit} {unit}").unwrap_or_default();
            text.truncate(text.trim_end().len());
        }
        if let Some((_, first)) = raised.deciding.first()
            && first.time != at
        {
            write!(text, " since {}", self.offset(first.time)).unwrap_or_default();
        }
        if raised.retrospective {
            text.push_str(" retrospective");
        }
        if let Some(first_out) = &raised.first_out {
            let place = if first_out.first.is_none() {
                "first of"
            } else {
                "after the first of"
            };
            write!(text, " {place} {}", first_out.group).unwrap_or_default();
        }
        if let Some(booking) = &raised.planned {
            write!(text, " planned {booking}").unwrap_or_default();
        }
        if raised.repeated {
            text.push_str(" repeated");
        }
        if alarm.raises > 1 {
            write!(text, " again x{}", alarm.raises).unwrap_or_default();
        }
        text
    }

    fn state(&mut self, change: &Change, line: &mut String) {
        let (occurrence, state) = (change.event.occurrence, change.alarm.state);
        let before = if state == State::Normal {
            self.states.remove(&occurrence)
        } else {
            self.states.insert(occurrence, state)
        };
        let plain = matches!(change.event.transition, Transition::Raise(_))
            && state == State::Unacknowledged;
        if before != Some(state) && !plain {
            write!(line, " -> {}", state.as_str()).unwrap_or_default();
        }
    }

    /// A line for an act that changed nothing.
    pub fn nothing(&self, at: Timestamp, verb: &str, target: &str, why: &str) -> String {
        format!("{} nothing {verb} {target}: {why}", self.offset(at))
    }
}

fn words(by: &str, comment: &str) -> String {
    match (by, comment) {
        ("", _) => "by itself".to_owned(),
        (by, "") => format!("by {by}"),
        (by, comment) => format!("by {by} \"{comment}\""),
    }
}

/// Six digits are enough to read.
fn short(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// A reading as scenarios write it.
fn reading(sample: &Sample) -> String {
    match &sample.reading {
        Reading::Good(number) => value(number),
        Reading::Uncertain(number, why) => {
            format!("uncertain({},{})", value(number), why.as_str())
        }
        Reading::Bad(why) => format!("bad({})", why.as_str()),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::I64(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::Text(text) => format!("\"{text}\""),
    }
}
