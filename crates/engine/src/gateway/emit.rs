//! Where events come from: gives each its id, applies it to the book, hands it out.

use std::sync::Arc;

use fenghuo_model::{GatewayKey, Severity, Timestamp};

use crate::alarm::{AlarmKey, Book, Subject};
use crate::event::{Change, Event, EventId, FirstOut, Raised, Transition};

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

    /// Applies a change that a person or the plant asks for, where it can happen: somebody
    /// else may have been quicker. Begins a record when the alarm has none.
    pub fn change_key(&mut self, key: &AlarmKey, at: Timestamp, transition: Transition) {
        let known = self.book.newest(key, false);
        if known.is_none_or(|alarm| alarm.allows(&transition)) {
            let occurrence = known.map(|alarm| alarm.occurrence);
            self.put(key.clone(), occurrence, at, transition);
        }
    }

    /// The condition is over.
    pub fn end(&mut self, occurrence: EventId, at: Timestamp) {
        let latched = self
            .book
            .get(occurrence)
            .and_then(|alarm| alarm.raised.as_ref())
            .is_some_and(|raised| raised.latch);
        let transition = if latched {
            Transition::Latch
        } else {
            Transition::Return
        };
        self.change(occurrence, at, transition);
    }

    /// Raises an alarm: the same occurrence again when the last one is not closed yet.
    /// `group` is the first-out group, `label=value`.
    pub fn raise(
        &mut self,
        key: AlarmKey,
        at: Timestamp,
        mut raised: Raised,
        group: Option<Arc<str>>,
    ) -> EventId {
        let known = self.book.newest(&key, raised.retrospective);
        let covered = known.is_some_and(|alarm| alarm.place.is_covered());
        let known = known.map(|alarm| alarm.occurrence);
        // What is nobody's duty does not make the next one worse.
        if !raised.retrospective && !covered && raised.planned.is_none() {
            raised.repeated = self.book.repeats(&key, raised.severity);
        }
        raised.first_out = group.map(|group| FirstOut {
            first: self.book.first_of(&key, &group),
            group,
        });
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
        let occurrence = event.occurrence;
        let Ok(alarm) = self.book.apply(&event) else {
            *self.impossible += 1;
            return occurrence;
        };
        self.ordinal += 1;
        let follows = Book::follows(&alarm, &event.transition);
        self.out.push(Change { event, alarm });
        if let Some(transition) = follows {
            self.change(occurrence, at, transition);
        }
        occurrence
    }

    /// Raises a gateway's communication alarm.
    pub fn raise_communication(&mut self, gateway: &GatewayKey, at: Timestamp) {
        let raised = Raised {
            severity: Severity::Orange,
            rule_version: SILENT_VERSION.into(),
            op: None,
            limit: None,
            unit: None,
            seen: None,
            deciding: Vec::new(),
            retrospective: false,
            latch: false,
            shelve_ms: crate::rule::SHELVE_MS_DEFAULT,
            realarm_ms: None,
            first_out: None,
            planned: None,
            repeated: false,
        };
        self.raise(communication_key(gateway), at, raised, None);
    }

    /// Ends a gateway's communication alarm, if it is up.
    pub fn end_communication(&mut self, gateway: &GatewayKey, at: Timestamp) {
        let known = self.book.newest(&communication_key(gateway), false);
        if let Some(occurrence) = known.map(|alarm| alarm.occurrence) {
            self.end(occurrence, at);
        }
    }

    /// A gateway is expected no more: its communication alarm is over, if it is up.
    pub fn dismiss_communication(&mut self, gateway: &GatewayKey, at: Timestamp) {
        let known = self.book.newest(&communication_key(gateway), false);
        if let Some(alarm) = known.filter(|alarm| alarm.place.life.is_active()) {
            self.change(alarm.occurrence, at, Transition::Dismiss);
        }
    }

    /// Does everything that is due by the server's clock.
    pub fn do_due(&mut self) {
        while let Some((occurrence, transition)) = self.book.next_due() {
            let before = self.ordinal;
            let now = self.book.now;
            self.change(occurrence, now, transition);
            if self.ordinal == before {
                // Refused, and counted as such: it must not be asked for again and again.
                return;
            }
        }
    }
}

/// The alarm of a gateway that says nothing.
pub fn communication_key(gateway: &GatewayKey) -> AlarmKey {
    AlarmKey {
        rule: Arc::from(SILENT_RULE),
        level: Arc::from(SILENT_LEVEL),
        subject: Subject::Gateway(gateway.clone()),
    }
}
