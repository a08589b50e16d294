//! Every alarm that is not over, and what becomes due by the server's clock.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::{PointDef, PointRef, Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::bookings::Bookings;
use super::change::{begin, begins, change};
use super::{Alarm, AlarmKey, ClosedLoop, Impossible, Life, Place, REPEAT_SPAN, Subject};
use crate::clock::moved;
use crate::event::{Event, EventId, Said, Transition, Unshelved};
use crate::input::Booking;
use crate::sorted;

/// Most keys whose last raises are remembered for counting repeats.
const REPEATS_MAX: usize = 100_000;
/// Whatever the clock shows.
const AT_ONCE: Timestamp = Timestamp::MIN;

/// Every alarm that is not over, by occurrence.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Book {
    /// Boxed: an alarm takes half a kilobyte, and nodes of the map stand half empty.
    alarms: BTreeMap<EventId, Box<Alarm>>,
    /// The newest occurrence of a key that is not over: (key, retrospective).
    #[serde(deserialize_with = "sorted::deserialize")]
    newest: BTreeMap<(AlarmKey, bool), EventId>,
    /// The closed loop's settings in force.
    pub closed_loop: ClosedLoop,
    /// What the server's clock showed last.
    pub now: Timestamp,
    /// The last raises of a key, oldest first, by the server's clock.
    #[serde(deserialize_with = "sorted::deserialize")]
    repeats: BTreeMap<AlarmKey, Vec<Timestamp>>,
    /// Windows in which alarms are planned.
    bookings: Bookings,
    /// The alarms that are up, by first-out group.
    groups: BTreeMap<String, BTreeSet<EventId>>,
    /// What becomes due, and of which alarm; follows from the records.
    #[serde(skip)]
    due: BTreeSet<(Timestamp, EventId)>,
}

impl Book {
    /// Changes an alarm as the event says and returns it as it is then; an alarm that is
    /// over is no longer in the book.
    ///
    /// # Errors
    /// [`Impossible`] when the table has no such transition; nothing changes then.
    pub fn apply(&mut self, event: &Event) -> Result<Alarm, Impossible> {
        let known = self.get(event.occurrence);
        let impossible = || Impossible::new(event, known);
        let place = known.map_or_else(Place::default, |alarm| alarm.place);
        let place = place.after(&event.transition).ok_or_else(impossible)?;
        let planned = known.and_then(|known| Some((plan(known)?.to_owned(), known.planned_until)));
        let mut alarm = match known {
            Some(alarm) if alarm.allows(&event.transition) => alarm.clone(),
            None if begins(&event.transition) => begin(event),
            _ => return Err(impossible()),
        };
        self.forget_due(&alarm);
        alarm.place = place;
        alarm.event = event.id;
        alarm.changed_at = alarm.changed_at.max(event.at);
        change(&mut alarm, event, &self.closed_loop, self.now);
        alarm.planned_until = match planned {
            // How long was settled, or is to be asked again: nothing that happens to it since
            // says otherwise.
            Some((booking, until)) if plan(&alarm) == Some(&booking) => until,
            _ => self.planned_until(&alarm),
        };
        alarm.state = alarm.place.state();
        self.put(alarm.clone());
        Ok(alarm)
    }

    /// The same clock, settings, bookings and counts of repeats, without an alarm.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self {
            closed_loop: self.closed_loop.clone(),
            now: self.now,
            repeats: self.repeats.clone(),
            bookings: self.bookings.clone(),
            ..Self::default()
        }
    }

    fn put(&mut self, alarm: Alarm) {
        let occurrence = alarm.occurrence;
        let index = (alarm.key.clone(), alarm.retrospective);
        // A promoted alarm leaves its place among the retrospective ones.
        let before = (alarm.key.clone(), !alarm.retrospective);
        if self.newest.get(&before) == Some(&occurrence) {
            self.newest.remove(&before);
        }
        self.regroup(&alarm);
        if alarm.is_over() {
            self.alarms.remove(&occurrence);
            if self.newest.get(&index) == Some(&occurrence) {
                self.newest.remove(&index);
            }
        } else {
            if let Some(due) = due(&alarm) {
                self.due.insert((due, occurrence));
            }
            self.newest.insert(index, occurrence);
            self.alarms.insert(occurrence, Box::new(alarm));
        }
    }

    fn forget_due(&mut self, alarm: &Alarm) {
        if let Some(due) = due(alarm) {
            self.due.remove(&(due, alarm.occurrence));
        }
    }

    fn regroup(&mut self, alarm: &Alarm) {
        let Some(first_out) = alarm.raised.as_ref().and_then(|r| r.first_out.as_ref()) else {
            return;
        };
        let name = group_name(&alarm.key, &first_out.group);
        if alarm.place.life.is_active() {
            self.groups
                .entry(name)
                .or_default()
                .insert(alarm.occurrence);
        } else if let Some(group) = self.groups.get_mut(&name) {
            group.remove(&alarm.occurrence);
            if group.is_empty() {
                self.groups.remove(&name);
            }
        }
    }

    /// The first of the alarms that are up in a group.
    #[must_use]
    pub fn first_of(&self, key: &AlarmKey, group: &str) -> Option<EventId> {
        let up = self.groups.get(&group_name(key, group))?;
        let begin = |id: &&EventId| self.alarms.get(id).map(|alarm| (alarm.raised_at, **id));
        up.iter().min_by_key(begin).copied()
    }

    /// Counts a live raise; whether it is one of so many that it counts one severity higher.
    /// There is nothing higher than red.
    pub fn repeats(&mut self, key: &AlarmKey, severity: Severity) -> bool {
        let wanted = self.closed_loop.repeat as usize;
        if wanted == 0 || severity == Severity::Red {
            return false;
        }
        let now = self.now;
        if self.repeats.len() >= REPEATS_MAX && !self.repeats.contains_key(key) {
            self.forget_repeats();
        }
        if self.repeats.len() >= REPEATS_MAX && !self.repeats.contains_key(key) {
            return false;
        }
        let times = self.repeats.entry(key.clone()).or_default();
        times.retain(|time| now.since(*time) < REPEAT_SPAN);
        times.push(now);
        if times.len() > wanted {
            times.remove(0);
        }
        times.len() >= wanted
    }

    fn forget_repeats(&mut self) {
        let now = self.now;
        let fresh = |time: &Timestamp| now.since(*time) < REPEAT_SPAN;
        self.repeats.retain(|_, times| times.iter().any(fresh));
    }

    /// The server's clock shows `at`, and was set by so many milliseconds since it was looked
    /// at last: what people wait for is due as much later or earlier by it.
    pub fn pass(&mut self, at: Timestamp, set_by_ms: i64) {
        self.now = at;
        if set_by_ms == 0 {
            return;
        }
        for alarm in self.alarms.values_mut() {
            alarm.move_clock(set_by_ms);
        }
        for time in self.repeats.values_mut().flatten() {
            *time = moved(*time, set_by_ms);
        }
        self.rearm();
    }

    /// Books a window in which alarms are planned.
    pub fn arrange(&mut self, booking: Booking) {
        let id = booking.id.clone();
        self.bookings.add(booking, self.now);
        self.rebook(&id);
    }

    /// Ends a booking. What was planned before then was planned; what of it is still there is
    /// somebody's duty now.
    pub fn cancel(&mut self, id: &str, at: Timestamp) {
        self.bookings.cut(id, at);
        self.rebook(id);
    }

    /// A window ends at another time than before.
    fn rebook(&mut self, id: &str) {
        self.ask_groups();
        let theirs = |alarm: &&Alarm| {
            let named = alarm.planned() == Some(id) && !is_group(alarm);
            named && alarm.planned_until.is_some()
        };
        let planned: Vec<_> = self.iter().filter(theirs).cloned().collect();
        for alarm in planned {
            let until = self.planned_until(&alarm);
            self.plan_until(alarm, until);
        }
    }

    /// Alarms of groups are asked anew by which window they are planned.
    pub fn ask_groups(&mut self) {
        let theirs = |alarm: &&Alarm| is_group(alarm) && alarm.planned_until.is_some();
        let planned: Vec<_> = self.iter().filter(theirs).cloned().collect();
        for alarm in planned {
            self.plan_until(alarm, Some(AT_ONCE));
        }
    }

    fn plan_until(&mut self, mut alarm: Alarm, until: Option<Timestamp>) {
        self.forget_due(&alarm);
        alarm.planned_until = until;
        self.put(alarm);
    }

    /// How long an alarm is planned.
    fn planned_until(&self, alarm: &Alarm) -> Option<Timestamp> {
        let booking = plan(alarm)?;
        // A window that nobody knows any more is over.
        let until = self.bookings.until(booking);
        Some(until.unwrap_or(AT_ONCE))
    }

    /// Planned alarms whose window is over stay planned while another one plans them, as
    /// `window` tells which it is: work that takes longer is booked anew.
    pub fn replan(&mut self, window: impl Fn(&Self, &Alarm) -> Option<Booking>) {
        let due = self.due.iter().take_while(|(at, _)| *at <= self.now);
        let due: Vec<_> = due.map(|(_, occurrence)| *occurrence).collect();
        for occurrence in due {
            let alarm = self.get(occurrence);
            let over = |alarm: &&Alarm| alarm.planned_until.is_some_and(|at| at <= self.now);
            let Some(alarm) = alarm.filter(over) else {
                continue;
            };
            if let Some(booking) = window(self, alarm) {
                let mut alarm = alarm.clone();
                let until = booking.until;
                if let Some(raised) = &mut alarm.raised {
                    raised.planned = Some(booking.id);
                }
                self.plan_until(alarm, Some(until));
            }
        }
    }

    /// The booking that covers a point at an instant of its data.
    #[must_use]
    pub fn covering(&self, point: &PointRef, def: &PointDef, at: Timestamp) -> Option<&Booking> {
        self.bookings.covering(point, def, at)
    }

    /// Every booking that is known.
    pub fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.iter()
    }

    /// What became due by the server's clock, one at a time: apply it, and ask again.
    #[must_use]
    pub fn next_due(&self) -> Option<(EventId, Transition)> {
        let (at, occurrence) = *self.due.first()?;
        if at > self.now {
            return None;
        }
        let alarm = self.alarms.get(&occurrence)?;
        Some((occurrence, due_transition(alarm, self.now)?))
    }

    /// What follows at once from an alarm's new state.
    #[must_use]
    pub fn follows(alarm: &Alarm, transition: &Transition) -> Option<Transition> {
        // Whatever put it out of sight before it was red.
        if alarm.is_red() && alarm.place.shelved {
            return Some(Transition::Unshelve {
                said: Said::default(),
                why: Unshelved::Red,
            });
        }
        if alarm.is_red() && alarm.place.suppressed {
            return Some(Transition::Unsuppress);
        }
        let returned = matches!(
            transition,
            Transition::Return
                | Transition::Dismiss
                | Transition::Latch
                | Transition::Unwatch { .. }
        );
        let one_shot = alarm.shelf.as_ref().is_some_and(|shelf| shelf.one_shot);
        if returned && one_shot {
            return Some(Transition::Unshelve {
                said: Said::default(),
                why: Unshelved::Returned,
            });
        }
        let case = alarm.case.as_ref()?;
        let closes = alarm.place.life == Life::Normal
            && !case.duty.close_by_person
            && case.is_answered()
            && !matches!(transition, Transition::Close(_));
        closes.then(|| Transition::Close(Said::default()))
    }

    /// Finds again what becomes due, after a restore.
    pub fn rearm(&mut self) {
        let due = |alarm: &Alarm| Some((due(alarm)?, alarm.occurrence));
        self.due = self.iter().filter_map(due).collect();
    }

    /// Alarms that are not over, oldest occurrence first.
    pub fn iter(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.values().map(|alarm| &**alarm)
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
        self.alarms.get(&occurrence).map(|alarm| &**alarm)
    }

    /// The newest occurrence of a key that is not over.
    #[must_use]
    pub fn newest(&self, key: &AlarmKey, retrospective: bool) -> Option<&Alarm> {
        let occurrence = self.newest.get(&(key.clone(), retrospective))?;
        self.alarms.get(occurrence).map(|alarm| &**alarm)
    }
}

/// Its alarm names one window and may need others.
fn is_group(alarm: &Alarm) -> bool {
    matches!(alarm.key.subject, Subject::Group(..))
}

/// The window by which an alarm that is up is planned.
fn plan(alarm: &Alarm) -> Option<&str> {
    alarm.planned().filter(|_| alarm.place.life.is_active())
}

/// Groups stand within a gateway: another plant's first alarm is not this one's.
fn group_name(key: &AlarmKey, group: &str) -> String {
    format!("{}[{group}]", key.subject.gateway())
}

/// When the next thing becomes due of an alarm.
fn due(alarm: &Alarm) -> Option<Timestamp> {
    let shelf = alarm.shelf.as_ref().map(|shelf| shelf.until);
    let permit = alarm.permit.as_ref().map(|permit| permit.until);
    let step = alarm.case.as_ref().and_then(|case| Some(case.next()?.1));
    let step = step.filter(|_| !alarm.place.is_covered());
    let realarm = alarm.realarm_at.filter(|_| !alarm.place.is_covered());
    let planned = alarm.planned_until.filter(|_| !alarm.retrospective);
    [shelf, permit, step, realarm, planned]
        .into_iter()
        .flatten()
        .min()
}

fn due_transition(alarm: &Alarm, now: Timestamp) -> Option<Transition> {
    if alarm.shelf.as_ref().is_some_and(|shelf| shelf.until <= now) {
        return Some(Transition::Unshelve {
            said: Said::default(),
            why: Unshelved::Expired,
        });
    }
    if alarm.permit.as_ref().is_some_and(|it| it.until <= now) {
        return Some(Transition::PutBack(Said::default()));
    }
    if alarm.planned_until.is_some_and(|at| at <= now) && !alarm.retrospective {
        let booking = alarm.planned().unwrap_or_default().to_owned();
        return Some(Transition::PlanOver { booking });
    }
    if alarm.realarm_at.is_some_and(|at| at <= now) {
        return Some(Transition::Realarm);
    }
    let (step, tier) = alarm.case.as_ref()?.reached(now)?;
    Some(Transition::Overdue { step, tier })
}
