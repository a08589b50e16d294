//! The planner: who is told, and when.
//!
//! A pure fold beside the engine. It is fed in log order: for each log entry first
//! [`Planner::entry`], then every [`Change`] that the engine made of it, then the entry
//! itself when it is a tick, a start or a silence. It gives [`Notice`]s, numbered within the
//! entry, so that a replay gives the same ones. What must stay true:
//! - a receiver is called once for each raise, however often an event is shown;
//! - nothing is dropped: what must not be told at once waits, is counted, and comes later;
//! - from [`SEVERE`] on nothing waits but for a silence that a person made;
//! - nobody is called for what is covered, planned or only known from backlog; what is still
//!   there when that is over is called for then;
//! - who was told of an alarm is told of its end;
//! - it keeps only what is up, waits or is silenced: carriers have their own queues, and one
//!   that is broken makes nothing grow here.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{PointRef, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::moved;
use crate::event::{Change, EventId, Step, Transition};
use crate::input::{Deed, Silence};
use crate::rule::Calendar;
use crate::sorted;

mod batch;
mod desk;
mod flood;
mod known;
mod notice;
pub mod settings;
mod silences;

pub use desk::{GROUPS_MAX, REPEATS_MAX, WAITING_MAX};
pub use notice::{About, Gathered, LINES_MAX, Line, Notice, NoticeId, NoticeKind};
pub use settings::{Flood, Quiet, Receiver, SEVERE, Settings};
pub use silences::SILENCES_MAX;

use desk::{Desk, Office};
use known::Known;
use notice::Desktop;
use settings::RECEIVERS_MAX;
use silences::Silences;

/// Decides who is told, and when.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Planner {
    /// The server's clock as the log has it.
    now: Timestamp,
    next: NoticeId,
    last: Option<EventId>,
    #[serde(deserialize_with = "sorted::deserialize")]
    alarms: BTreeMap<EventId, Known>,
    desks: BTreeMap<Arc<str>, Desk>,
    silences: Silences,
    calendars: Vec<Calendar>,
}

impl Planner {
    /// Goes by these settings from now on. A receiver that keeps its name keeps what it was
    /// told. What is up and concerns a new receiver comes to it as one digest.
    pub fn configure(&mut self, settings: &Settings) {
        self.calendars.clone_from(&settings.calendars);
        let mut old = std::mem::take(&mut self.desks);
        let mut desks = BTreeMap::new();
        // Digests only wait here; nothing is written yet.
        let mut none = Vec::new();
        let mut office = self.parts(&mut none).1;
        for receiver in settings.receivers.iter().take(RECEIVERS_MAX) {
            let name = receiver.name.clone();
            let desk = match old.remove(&name) {
                Some(desk) if desk.receiver == *receiver => desk,
                before => {
                    let mut desk = before.unwrap_or_else(|| Desk::new(receiver.clone()));
                    desk.reassign(&mut office, receiver.clone());
                    desk
                }
            };
            desks.insert(name, desk);
        }
        self.desks = desks;
        let desks = &self.desks;
        self.alarms
            .retain(|id, known| known.active || desks.values().any(|desk| desk.holds(*id)));
    }

    /// With the silences of another planner.
    #[must_use]
    pub fn keeping_silences_of(mut self, other: &Self) -> Self {
        self.silences = other.silences.clone();
        self
    }

    /// What comes next comes from the log entry at this position.
    pub const fn entry(&mut self, position: u64) {
        if self.next.position != position {
            self.next = NoticeId {
                position,
                ordinal: 0,
            };
        }
    }

    /// An alarm changed. An event that was shown before is passed over.
    pub fn event<'l>(
        &mut self,
        change: &Change,
        labels: impl Fn(&PointRef) -> Option<&'l BTreeMap<String, String>>,
        out: &mut Vec<Notice>,
    ) {
        let event = &change.event;
        if self.last >= Some(event.id) {
            return;
        }
        self.last = Some(event.id);
        self.entry(event.id.position);
        let id = event.occurrence;
        let was_active = self.alarms.get(&id).is_some_and(|known| known.active);
        match self.alarms.get_mut(&id) {
            Some(known) => known.update(&change.alarm),
            None => {
                self.alarms.insert(id, Known::new(&change.alarm, labels));
            }
        }
        let (desks, mut office) = self.parts(out);
        if let Transition::Overdue { step, tier } = event.transition {
            escalate(desks, &mut office, id, step, tier);
        } else {
            for desk in desks.values_mut() {
                desk.hear(&mut office, id, was_active, &event.transition);
            }
        }
        self.free(id);
    }

    /// A person did something. Past its bound a silence is refused: what is not silenced is
    /// heard.
    pub fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Silence(silence) => drop(self.silence(silence)),
            Deed::Unsilence { silence } => self.unsilence(silence),
            _ => {}
        }
    }

    /// A person silences some alarms; false when there are too many silences already.
    pub fn silence(&mut self, silence: &Silence) -> bool {
        self.silences.add(silence)
    }

    /// The silences that are not over.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.iter()
    }

    /// A silence ends early. What is still up is told at the next tick.
    pub fn unsilence(&mut self, id: &str) {
        self.silences.remove(id);
    }

    /// The server's clock was set: what waits or is to be repeated moves with it. Quiet hours
    /// are hours of the clock on the wall and do not.
    pub fn move_clock(&mut self, by_ms: i64) {
        if by_ms == 0 {
            return;
        }
        self.silences.move_clock(self.now, by_ms);
        for desk in self.desks.values_mut() {
            desk.move_clock(by_ms);
        }
        self.now = moved(self.now, by_ms);
    }

    /// The server started: low notices gather for a while.
    pub fn started(&mut self, now: Timestamp) {
        self.now = now;
        for desk in self.desks.values_mut() {
            desk.settle(self.now);
        }
    }

    /// A second passed.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Notice>) {
        self.now = now;
        let ended = self.silences.pass(self.now);
        let (desks, mut office) = self.parts(out);
        for desk in desks.values_mut() {
            if ended {
                desk.release(&mut office);
            }
            desk.pass(&mut office);
        }
        for id in office.freed {
            self.free(id);
        }
    }

    /// How many alarms it keeps something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alarms.len()
    }

    /// Whether it keeps nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty()
    }

    fn parts<'a>(
        &'a mut self,
        out: &'a mut Vec<Notice>,
    ) -> (&'a mut BTreeMap<Arc<str>, Desk>, Office<'a>) {
        let office = Office {
            alarms: &self.alarms,
            silences: &self.silences,
            calendars: &self.calendars,
            desktop: Desktop {
                now: self.now,
                next: &mut self.next,
                out,
            },
            freed: Vec::new(),
        };
        (&mut self.desks, office)
    }

    /// Forgets an alarm that is over and that no desk holds.
    fn free(&mut self, id: EventId) {
        let over = self.alarms.get(&id).is_some_and(|known| !known.active);
        if over && !self.desks.values().any(|desk| desk.holds(id)) {
            self.alarms.remove(&id);
        }
    }
}

/// Tells those of the tier; where nobody is there, those of the nearest tier below.
fn escalate(
    desks: &mut BTreeMap<Arc<str>, Desk>,
    office: &mut Office<'_>,
    id: EventId,
    step: Step,
    tier: u8,
) {
    let Some(known) = office.alarms.get(&id).filter(|it| it.is_somebodys()) else {
        return;
    };
    let theirs = |desk: &Desk| {
        let desk = &desk.receiver;
        (1..=tier).contains(&desk.tier) && desk.wants(known)
    };
    let concerned = desks.values().filter(|desk| theirs(desk));
    let Some(reached) = concerned.map(|desk| desk.receiver.tier).max() else {
        return;
    };
    for desk in desks.values_mut() {
        if desk.receiver.tier == reached && theirs(desk) {
            desk.say(office, id, About::Overdue { step, tier });
        }
    }
}

#[cfg(test)]
mod tests;
