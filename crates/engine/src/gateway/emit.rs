//! Where events come from: gives each its id, applies it to the book, hands it out.

use std::sync::Arc;

use fenghuo_model::{GatewayKey, Severity, Timestamp};

use crate::alarm::{AlarmKey, Book, Subject};
use crate::event::{Change, Event, EventId, Raised, Transition};

/// The rule of communication alarms: the system's own.
pub const SILENT_RULE: &str = "fenghuo.gateway-silent";
/// Its only level.
pub const SILENT_LEVEL: &str = "alarm";
/// Its version.
pub const SILENT_VERSION: &str = "1";

/// The events of one log entry.
pub struct Emit<'a> {
    /// The entry's position.
    pub position: u64,
    /// Every alarm.
    pub book: &'a mut Book,
    /// What happened.
    pub out: &'a mut Vec<Change>,
    /// Events that the transition table refused: faults in the engine, reported as such.
    pub impossible: &'a mut u64,
    ordinal: u32,
}

impl<'a> Emit<'a> {
    /// For one log entry.
    pub fn new(
        position: u64,
        book: &'a mut Book,
        out: &'a mut Vec<Change>,
        impossible: &'a mut u64,
    ) -> Self {
        Self {
            position,
            book,
            out,
            impossible,
            ordinal: 0,
        }
    }

    /// Applies a change to an occurrence and hands it out.
    pub fn change(&mut self, occurrence: EventId, at: Timestamp, transition: Transition) {
        let Some(alarm) = self.book.get(occurrence) else {
            return;
        };
        let key = alarm.key.clone();
        self.put(key, Some(occurrence), at, transition);
    }

    /// Raises an alarm: the same occurrence again when the last one is over but unseen.
    pub fn raise(&mut self, key: AlarmKey, at: Timestamp, raised: Raised) -> EventId {
        let known = self
            .book
            .newest(&key, raised.retrospective)
            .map(|alarm| alarm.occurrence);
        self.put(key, known, at, Transition::Raise(Box::new(raised)))
    }

    fn put(
        &mut self,
        alarm: AlarmKey,
        occurrence: Option<EventId>,
        at: Timestamp,
        transition: Transition,
    ) -> EventId {
        let id = EventId {
            position: self.position,
            ordinal: self.ordinal,
        };
        let event = Event {
            id,
            occurrence: occurrence.unwrap_or(id),
            alarm,
            at,
            transition,
        };
        match self.book.apply(&event) {
            Ok(alarm) => {
                self.ordinal += 1;
                let occurrence = event.occurrence;
                self.out.push(Change { event, alarm });
                occurrence
            }
            Err(_) => {
                *self.impossible += 1;
                event.occurrence
            }
        }
    }

    /// Raises a gateway's communication alarm.
    pub fn raise_communication(&mut self, gateway: &GatewayKey, at: Timestamp) {
        let raised = Raised {
            severity: Severity::Orange,
            rule_version: SILENT_VERSION.into(),
            op: None,
            limit: None,
            unit: None,
            deciding: Vec::new(),
            retrospective: false,
        };
        self.raise(communication_key(gateway), at, raised);
    }

    /// Changes a gateway's communication alarm, if it is up.
    pub fn communication(&mut self, gateway: &GatewayKey, at: Timestamp, transition: Transition) {
        let known = self.book.newest(&communication_key(gateway), false);
        if let Some(occurrence) = known.map(|alarm| alarm.occurrence) {
            self.change(occurrence, at, transition);
        }
    }
}

fn communication_key(gateway: &GatewayKey) -> AlarmKey {
    AlarmKey {
        rule: Arc::from(SILENT_RULE),
        level: Arc::from(SILENT_LEVEL),
        subject: Subject::Gateway(gateway.clone()),
    }
}
