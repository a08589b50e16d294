//! Alarms and their life. [`Book::apply`] is the only writer.
//!
//! An alarm is in the book while it is anything but normal, is covered (shelved, suppressed,
//! out of service), has an open case, or waits for a second person. There is one record for
//! each key (and one more for what backlog found), so the book is bounded by the levels that
//! are bound.

use std::sync::Arc;

use fenghuo_model::{GatewayKey, PointRef, Severity, Timestamp, share};
use serde::{Deserialize, Serialize};

use crate::clock::moved;
use crate::event::{Event, EventId, Hold, OutOfService, Raised, Transition, Unwatched};

mod book;
mod bookings;
mod case;
mod change;
mod name;
mod place;

pub use book::Book;
pub use bookings::BOOKINGS_MAX;
pub use case::{Case, ClosedLoop, Duty, REPEAT_SPAN, SECOND_PERSON, TIERS};
pub use name::{GROUP_BYTES_MAX, NAME_BYTES_MAX, NameError};
pub use place::{Life, Place, State};

/// What an alarm is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Subject {
    /// A measured point.
    Point(PointRef),
    /// A gateway, for communication alarms.
    Gateway(GatewayKey),
    /// Points of a gateway that are judged together: `label=value`.
    Group(GatewayKey, Arc<str>),
}

impl Subject {
    /// The gateway that it is or belongs to.
    #[must_use]
    pub const fn gateway(&self) -> &GatewayKey {
        match self {
            Self::Point(point) => &point.gateway,
            Self::Gateway(gateway) | Self::Group(gateway, _) => gateway,
        }
    }
}

/// Which alarm: a level of a rule on a subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AlarmKey {
    /// The rule's id.
    #[serde(deserialize_with = "share::deserialize")]
    pub rule: Arc<str>,
    /// The level's name.
    #[serde(deserialize_with = "share::deserialize")]
    pub level: Arc<str>,
    /// What it is about.
    pub subject: Subject,
}

/// Why and until when an alarm is on the shelf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shelf {
    /// Who put it there.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When it comes back by itself, by the server's clock.
    pub until: Timestamp,
    /// It comes back at its next return to normal, too.
    pub one_shot: bool,
}

/// An alarm that is not over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// Which.
    pub key: AlarmKey,
    /// The event that began this record.
    pub occurrence: EventId,
    /// The state that people see.
    pub state: State,
    /// Where it stands under its covers.
    pub place: Place,
    /// What the last raise said; none while it was only covered beforehand.
    pub raised: Option<Raised>,
    /// Begin, in the time of the data.
    pub raised_at: Timestamp,
    /// How often it was raised in this record.
    pub raises: u32,
    /// The last change.
    pub changed_at: Timestamp,
    /// End, when it has ended.
    pub returned_at: Option<Timestamp>,
    /// When, who and why.
    pub acknowledged: Option<(Timestamp, String, String)>,
    /// Why its truth is unknown, if it is.
    pub held: Option<Hold>,
    /// Why it ended, when it did not return to normal: nobody watches what it is about.
    pub unwatched: Option<Unwatched>,
    /// Still only known from backlog.
    pub retrospective: bool,
    /// Who put it on the shelf.
    pub shelf: Option<Shelf>,
    /// The point whose state suppresses it.
    pub suppressed_by: Option<String>,
    /// The permit under which it is, or is asked to be, out of service.
    pub permit: Option<OutOfService>,
    /// The second person who agreed.
    pub agreed_by: Option<String>,
    /// The closed loop, while it is open.
    pub case: Option<Case>,
    /// When it must be seen again, by the server's clock.
    pub realarm_at: Option<Timestamp>,
    /// How long it is planned, by the server's clock; none when it is not.
    pub planned_until: Option<Timestamp>,
    /// The last event.
    pub event: EventId,
}

impl Alarm {
    /// How bad; blue while it was never raised.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.raised
            .as_ref()
            .map_or(Severity::Blue, |raised| raised.severity)
    }

    /// The booked window in which it was raised, while that lasts.
    #[must_use]
    pub fn planned(&self) -> Option<&str> {
        self.raised.as_ref()?.planned.as_deref()
    }

    /// Whether it tells of a danger that nobody planned and nobody took out. On the shelf it
    /// does: that hides it from a list.
    #[must_use]
    pub fn concerns_somebody(&self) -> bool {
        !self.place.suppressed && !self.place.out && self.planned().is_none()
    }

    /// Whether it is there and red: nothing puts it out of sight then.
    #[must_use]
    pub fn is_red(&self) -> bool {
        self.place.life.is_active() && self.severity() == Severity::Red
    }

    /// Whether it is of no more interest to anybody.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.place.life, Life::Normal)
            && !self.place.is_covered()
            && self.case.is_none()
            && self.permit.is_none()
    }

    /// Whether a transition can happen to it.
    #[must_use]
    pub fn allows(&self, transition: &Transition) -> bool {
        self.place.after(transition).is_some() && self.case_allows(transition)
    }

    /// The server's clock was set: what is waited for moves with it. A booked window is one of
    /// the clock on the wall and does not.
    fn move_clock(&mut self, by_ms: i64) {
        let shelf = self.shelf.iter_mut().map(|shelf| &mut shelf.until);
        let permit = self.permit.iter_mut().map(|permit| &mut permit.until);
        for due in shelf.chain(permit).chain(&mut self.realarm_at) {
            *due = moved(*due, by_ms);
        }
        if let Some(case) = &mut self.case {
            case.move_clock(by_ms);
        }
    }

    fn case_allows(&self, transition: &Transition) -> bool {
        match transition {
            Transition::TakeOut(said) => self
                .permit
                .as_ref()
                .is_some_and(|permit| permit.asked.by != said.by),
            Transition::PutBack(_) => self.permit.is_some(),
            Transition::PlanOver { .. } => self.planned_until.is_some(),
            Transition::State { .. } => self.case.as_ref().is_some_and(|c| c.verified.is_none()),
            Transition::Verify { said, .. } => {
                self.case.as_ref().is_some_and(|it| it.may_verify(&said.by))
            }
            Transition::Close(said) => {
                self.place.life == Life::Normal
                    && self.case.as_ref().is_some_and(|c| c.may_close(&said.by))
            }
            Transition::Overdue { .. } => self.case.is_some(),
            _ => true,
        }
    }
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

impl Impossible {
    fn new(event: &Event, alarm: Option<&Alarm>) -> Self {
        Self {
            alarm: event.alarm.to_string(),
            state: alarm.map(|alarm| alarm.state),
            transition: event.transition.as_str(),
        }
    }
}

#[cfg(test)]
mod tests;
