//! Alarms and their life. [`Book::apply`] is the only writer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fenghuo_model::{GatewayKey, PointRef, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventId, Hold, Raised, Transition};

/// What an alarm is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Subject {
    /// A measured point.
    Point(PointRef),
    /// A gateway, for communication alarms.
    Gateway(GatewayKey),
}

impl Subject {
    /// The gateway that it is or belongs to.
    #[must_use]
    pub const fn gateway(&self) -> &GatewayKey {
        match self {
            Self::Point(point) => &point.gateway,
            Self::Gateway(gateway) => gateway,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(point) => point.fmt(f),
            Self::Gateway(gateway) => gateway.fmt(f),
        }
    }
}

/// Which alarm: a level of a rule on a subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AlarmKey {
    /// The rule's id.
    pub rule: Arc<str>,
    /// The level's name.
    pub level: Arc<str>,
    /// What it is about.
    pub subject: Subject,
}

impl fmt::Display for AlarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.rule, self.level, self.subject)
    }
}

/// Where an alarm stands in its life (ISA-18.2 clause 5, the states of the basic cycle).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum State {
    /// Over, and seen.
    Normal,
    /// There, and nobody has seen it.
    Unacknowledged,
    /// There, and seen.
    Acknowledged,
    /// Over, and nobody has seen it.
    ReturnedUnacknowledged,
}

impl State {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
        }
    }

    /// The transition table: where a transition leads, or `None` where it cannot happen.
    #[must_use]
    pub const fn after(self, transition: &Transition) -> Option<Self> {
        use State::{Acknowledged, Normal, ReturnedUnacknowledged, Unacknowledged};
        match (self, transition) {
            (Normal | ReturnedUnacknowledged, Transition::Raise(_)) => Some(Unacknowledged),
            (Unacknowledged, Transition::Acknowledge { .. }) => Some(Acknowledged),
            (ReturnedUnacknowledged, Transition::Acknowledge { .. }) => Some(Normal),
            (Unacknowledged, Transition::Return) => Some(ReturnedUnacknowledged),
            (Acknowledged, Transition::Return) => Some(Normal),
            // The live alarm that it was merged into is there for people to see.
            (Unacknowledged | Acknowledged, Transition::Merge(_)) => Some(Normal),
            (
                Unacknowledged | Acknowledged,
                Transition::Hold(_) | Transition::Release | Transition::Promote,
            ) => Some(self),
            (Unacknowledged | Acknowledged | ReturnedUnacknowledged, Transition::Amend { .. }) => {
                Some(self)
            }
            _ => None,
        }
    }
}

/// An alarm that is not over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// Which.
    pub key: AlarmKey,
    /// The event that raised it first.
    pub occurrence: EventId,
    /// Where it stands.
    pub state: State,
    /// What the last raise said.
    pub raised: Raised,
    /// Begin, in the time of the data.
    pub raised_at: Timestamp,
    /// How often it was raised without being acknowledged in between.
    pub raises: u32,
    /// The last change.
    pub changed_at: Timestamp,
    /// End, when it has ended.
    pub returned_at: Option<Timestamp>,
    /// When, who and why.
    pub acknowledged: Option<(Timestamp, String, String)>,
    /// Why its truth is unknown, if it is.
    pub held: Option<Hold>,
    /// Still only known from backlog.
    pub retrospective: bool,
    /// The last event.
    pub event: EventId,
}

/// Every alarm that is not over, by occurrence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    alarms: BTreeMap<EventId, Alarm>,
    /// The newest occurrence of a key that is not over: (key, retrospective).
    newest: BTreeMap<(AlarmKey, bool), EventId>,
}

/// An event that the transition table does not know: a fault in the engine, not in data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("alarm {alarm} is {state:?}: {transition} cannot happen to it")]
pub struct Impossible {
    /// Which alarm.
    pub alarm: String,
    /// Its state, or `None` when there is no such occurrence.
    pub state: Option<State>,
    /// The transition's name.
    pub transition: &'static str,
}

impl Book {
    /// Changes an alarm as the event says and returns it as it is then; an alarm that is
    /// over is no longer in the book.
    ///
    /// # Errors
    /// [`Impossible`] when the table has no such transition; nothing changes then.
    pub fn apply(&mut self, event: &Event) -> Result<Alarm, Impossible> {
        let known = self.alarms.get(&event.occurrence);
        let from = known.map_or(State::Normal, |alarm| alarm.state);
        let impossible = || Impossible {
            alarm: event.alarm.to_string(),
            state: known.map(|alarm| alarm.state),
            transition: event.transition.as_str(),
        };
        let to = from.after(&event.transition).ok_or_else(impossible)?;
        let mut alarm = match (known, &event.transition) {
            (Some(alarm), _) => alarm.clone(),
            (None, Transition::Raise(raised)) => begin(event, raised),
            (None, _) => return Err(impossible()),
        };
        alarm.state = to;
        alarm.event = event.id;
        alarm.changed_at = alarm.changed_at.max(event.at);
        change(&mut alarm, event);
        self.put(alarm.clone());
        Ok(alarm)
    }

    fn put(&mut self, alarm: Alarm) {
        let occurrence = alarm.occurrence;
        let index = (alarm.key.clone(), alarm.retrospective);
        // A promoted alarm leaves its place among the retrospective ones.
        let before = (alarm.key.clone(), !alarm.retrospective);
        if self.newest.get(&before) == Some(&occurrence) {
            self.newest.remove(&before);
        }
        if alarm.state == State::Normal {
            self.alarms.remove(&occurrence);
            if self.newest.get(&index) == Some(&occurrence) {
                self.newest.remove(&index);
            }
        } else {
            self.newest.insert(index, occurrence);
            self.alarms.insert(occurrence, alarm);
        }
    }

    /// Alarms that are not over, oldest occurrence first.
    pub fn iter(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alarms.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty()
    }

    /// An occurrence that is not over.
    #[must_use]
    pub fn get(&self, occurrence: EventId) -> Option<&Alarm> {
        self.alarms.get(&occurrence)
    }

    /// The newest occurrence of a key that is not over.
    #[must_use]
    pub fn newest(&self, key: &AlarmKey, retrospective: bool) -> Option<&Alarm> {
        let occurrence = self.newest.get(&(key.clone(), retrospective))?;
        self.alarms.get(occurrence)
    }
}

fn begin(event: &Event, raised: &Raised) -> Alarm {
    Alarm {
        key: event.alarm.clone(),
        occurrence: event.occurrence,
        state: State::Normal,
        raised: raised.clone(),
        raised_at: event.at,
        raises: 0,
        changed_at: event.at,
        returned_at: None,
        acknowledged: None,
        held: None,
        retrospective: raised.retrospective,
        event: event.id,
    }
}

fn change(alarm: &mut Alarm, event: &Event) {
    match &event.transition {
        Transition::Raise(raised) => {
            alarm.raised = raised.as_ref().clone();
            alarm.raised_at = event.at;
            alarm.raises += 1;
            alarm.returned_at = None;
            alarm.acknowledged = None;
            alarm.held = None;
        }
        Transition::Return | Transition::Merge(_) => {
            alarm.returned_at = Some(event.at);
            alarm.held = None;
        }
        Transition::Acknowledge { by, comment } => {
            alarm.acknowledged = Some((event.at, by.clone(), comment.clone()));
        }
        Transition::Hold(why) => alarm.held = Some(*why),
        Transition::Release => alarm.held = None,
        Transition::Amend {
            raised_at,
            returned_at,
        } => {
            alarm.raised_at = raised_at.unwrap_or(alarm.raised_at);
            alarm.returned_at = returned_at.or(alarm.returned_at);
        }
        Transition::Promote => alarm.retrospective = false,
    }
}

#[cfg(test)]
mod tests;
