//! What the planner keeps of an alarm: enough to choose receivers and to write a line.

use std::collections::BTreeMap;

use fenghuo_model::{PointRef, Severity};
use serde::{Deserialize, Serialize};

use super::notice::{About, Line};
use crate::event::{EventId, Hold};
use crate::rule::Select;
use crate::{Alarm, AlarmKey, State, Subject};

/// An alarm as it is after its last event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Known {
    pub key: AlarmKey,
    /// How bad it counts: an alarm that repeats itself counts one more.
    pub severity: Severity,
    pub state: State,
    pub raises: u32,
    /// Its condition holds.
    pub active: bool,
    /// Nobody has seen it.
    pub unseen: bool,
    pub covered: bool,
    /// Planned, or known from backlog only: nobody's duty.
    pub nobodys: bool,
    /// It stands behind a device that does not answer.
    pub orphaned: bool,
    /// Its case is open.
    pub open: bool,
    labels: Box<[(Box<str>, Box<str>)]>,
}

impl Known {
    pub fn new<'l>(
        alarm: &Alarm,
        labels: impl Fn(&PointRef) -> Option<&'l BTreeMap<String, String>>,
    ) -> Self {
        let mut known = Self {
            key: alarm.key.clone(),
            severity: alarm.severity(),
            state: alarm.state,
            raises: alarm.raises,
            active: false,
            unseen: false,
            covered: false,
            nobodys: false,
            orphaned: false,
            open: false,
            labels: labels_of(&alarm.key.subject, labels),
        };
        known.update(alarm);
        known
    }

    pub fn update(&mut self, alarm: &Alarm) {
        let raised = alarm.raised.as_ref();
        let repeated = raised.is_some_and(|raised| raised.repeated);
        let planned = raised.is_some_and(|raised| raised.planned.is_some());
        let severity = alarm.severity();
        self.severity = if repeated { severity.worse() } else { severity };
        self.state = alarm.state;
        self.raises = alarm.raises;
        self.active = alarm.place.life.is_active();
        self.unseen = alarm.place.life == crate::alarm::Life::Unacknowledged;
        self.covered = alarm.place.is_covered();
        self.nobodys = planned || alarm.retrospective;
        self.orphaned = alarm.held == Some(Hold::Source);
        self.open = alarm.case.is_some();
    }

    /// Whether it may be told of at all.
    pub const fn is_somebodys(&self) -> bool {
        !self.covered && !self.nobodys
    }

    /// Whether it has all the labels.
    pub fn matches(&self, select: &Select) -> bool {
        select.0.iter().all(|(name, values)| {
            self.label(name)
                .is_some_and(|found| values.iter().any(|value| value == found))
        })
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        match (name, &self.key.subject) {
            ("rule", _) => Some(&self.key.rule),
            ("level", _) => Some(&self.key.level),
            ("severity", _) => Some(self.severity.as_str()),
            ("enterprise", subject) => Some(subject.gateway().enterprise.as_str()),
            ("gateway", subject) => Some(subject.gateway().gateway.as_str()),
            ("key", Subject::Point(point)) => Some(point.key.as_str()),
            _ => {
                let mut labels = self.labels.iter();
                let found = labels.find(|(label, _)| &**label == name);
                found.map(|(_, value)| &**value)
            }
        }
    }

    pub fn line(&self, occurrence: EventId, about: About, raise: u32, times: u32) -> Line {
        Line {
            occurrence,
            alarm: self.key.clone(),
            severity: self.severity,
            state: self.state,
            about,
            raise,
            times,
            nth: 0,
        }
    }
}

fn labels_of<'l>(
    subject: &Subject,
    labels: impl Fn(&PointRef) -> Option<&'l BTreeMap<String, String>>,
) -> Box<[(Box<str>, Box<str>)]> {
    let pair = |name: &str, value: &str| (name.into(), value.into());
    match subject {
        Subject::Point(point) => labels(point)
            .into_iter()
            .flatten()
            .map(|(name, value)| pair(name, value))
            .collect(),
        Subject::Gateway(_) => Box::default(),
        Subject::Group(_, group) => group
            .split_once('=')
            .map(|(name, value)| pair(name, value))
            .into_iter()
            .collect(),
    }
}
