//! One receiver's desk: what it was told, what waits for it, and what a silence keeps back.
//!
//! There is an entry for an alarm only while the alarm is up and was told or is to be told,
//! or while something of it waits. At most [`WAITING_MAX`] lines wait; beyond, raises are
//! only counted, and the count goes out with the batch. Nothing waits for a carrier.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Known;
use super::batch::{Batch, Item, Lane};
use super::flood::Meter;
use super::notice::{About, Counted, Desktop, Line};
use super::settings::{Receiver, SEVERE};
use super::silences::Silences;
use crate::EventId;
use crate::event::{Step, Transition};
use crate::rule::Calendar;

mod pass;

/// Most lines that wait at one desk.
pub const WAITING_MAX: usize = 1_000;
/// Most repeats that one desk looks at in a second, so that the judge is not held up; what
/// is left comes in the next one.
pub const REPEATS_MAX: usize = 1_000;
/// Most groups that wait at one desk; further ones wait as one.
pub const GROUPS_MAX: usize = 500;

/// What all desks share.
pub(super) struct Office<'a> {
    pub alarms: &'a BTreeMap<EventId, Known>,
    pub silences: &'a Silences,
    pub calendars: &'a [Calendar],
    pub desktop: Desktop<'a>,
    /// Alarms that a desk let go of.
    pub freed: Vec<EventId>,
}

impl Office<'_> {
    fn silences(&self, known: &Known) -> bool {
        self.silences.cover(known, self.desktop.now)
    }
}

/// A receiver and what stands open with it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Desk {
    pub receiver: Receiver,
    entries: BTreeMap<EventId, Entry>,
    batches: BTreeMap<Lane, Batch>,
    repeats: BTreeSet<(Timestamp, EventId)>,
    /// Alarms of which something is kept back by a silence.
    silenced: BTreeSet<EventId>,
    raises: Meter,
    returns: Meter,
    settle_until: Timestamp,
}

/// One alarm at a desk.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Entry {
    /// The last of its raises that was told or waits; 0 for none.
    called: u32,
    /// The last of its raises that was told; 0 for none.
    told: u32,
    /// How often that one was repeated.
    repeated: u32,
    waits: Option<Lane>,
    repeat_at: Option<Timestamp>,
    owed: Owed,
}

/// What a silence keeps back beside a call.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Owed {
    repeat: bool,
    overdue: Option<(Step, u8)>,
    returned: bool,
}

impl Desk {
    pub fn new(receiver: Receiver) -> Self {
        Self {
            receiver,
            entries: BTreeMap::new(),
            batches: BTreeMap::new(),
            repeats: BTreeSet::new(),
            silenced: BTreeSet::new(),
            raises: Meter::default(),
            returns: Meter::default(),
            settle_until: Timestamp::MIN,
        }
    }

    pub fn holds(&self, id: EventId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Whether nothing stands open.
    #[cfg(test)]
    pub fn is_clear(&self) -> bool {
        let batches = self.batches.is_empty() && self.repeats.is_empty();
        batches && self.entries.is_empty() && self.silenced.is_empty()
    }

    /// From now on low notices gather for a while.
    pub fn settle(&mut self, now: Timestamp) {
        let until = now.plus(Duration::from_millis(self.receiver.settle_ms));
        self.settle_until = until;
        if let Some(batch) = self.batches.get_mut(&Lane::Settled) {
            batch.due = Some(until);
        }
    }

    /// An event that is no escalation happened to an alarm that concerns this desk.
    pub fn hear(
        &mut self,
        office: &mut Office<'_>,
        id: EventId,
        was_active: bool,
        what: &Transition,
    ) {
        let Some(known) = office.alarms.get(&id) else {
            return;
        };
        match what {
            // It lives on in the alarm that it was merged into.
            Transition::Merge(_) => self.forget(id),
            _ if was_active && !known.active => self.ended(office, id),
            Transition::Realarm if known.is_somebodys() && self.called(id) > 0 => {
                self.say(office, id, About::Repeated);
            }
            _ if known.active => self.reconcile(office, id),
            _ => {}
        }
    }

    fn called(&self, id: EventId) -> u32 {
        self.entries.get(&id).map_or(0, |entry| entry.called)
    }

    /// Calls for what was not called for, and follows whether it was seen.
    fn reconcile(&mut self, office: &mut Office<'_>, id: EventId) {
        let alarms = office.alarms;
        let Some(known) = alarms.get(&id) else {
            return;
        };
        if !known.is_somebodys() {
            self.withdraw(id);
            return;
        }
        let called = self.called(id);
        let calls = self.receiver.calls_at_once(known.severity) && self.receiver.wants(known);
        if called < known.raises && calls && !known.orphaned {
            self.say(office, id, About::Called);
        } else if !known.unseen {
            self.disarm(id);
        } else if self.entries.get(&id).is_some_and(Entry::rests) {
            self.arm(office.desktop.now, id, known);
        }
    }

    /// The alarm is covered: what waits of it is nobody's to hear now. When the cover goes
    /// and it is still up, it is called for.
    fn withdraw(&mut self, id: EventId) {
        self.disarm(id);
        let Some(item) = self.waiting(id) else {
            return;
        };
        // What came and went uncovered stays to be told.
        let stays = match (item.about, item.times) {
            (About::Fleeting | About::Returned, _) => return,
            (_, 2..) => Some((About::Fleeting, item.times - 1)),
            (_, 1) if item.ended => Some((About::Returned, 0)),
            _ => None,
        };
        if let Some((about, times)) = stays {
            (item.about, item.times) = (about, times);
        } else {
            self.take(id);
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.called = match stays {
                Some(_) => entry.called.saturating_sub(1),
                None => entry.told,
            };
        }
        self.drop_if_idle(id);
    }

    fn ended(&mut self, office: &mut Office<'_>, id: EventId) {
        self.disarm(id);
        let tells = self.receiver.returned;
        if let Some(item) = self.waiting(id) {
            item.then(About::Returned);
            if item.about == About::Returned && !tells {
                self.forget(id);
            }
            return;
        }
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if entry.called > 0 && tells {
            self.say(office, id, About::Returned);
        } else if entry.owed.overdue.is_none() {
            self.forget(id);
        }
    }

    fn waiting(&mut self, id: EventId) -> Option<&mut Item> {
        let lane = self.entries.get(&id)?.waits.as_ref()?;
        self.batches.get_mut(lane)?.items.get_mut(&id)
    }

    /// Tells of an alarm: at once, with others, or when its silence ends.
    pub fn say(&mut self, office: &mut Office<'_>, id: EventId, about: About) {
        let alarms = office.alarms;
        let Some(known) = alarms.get(&id) else {
            return;
        };
        if office.silences(known) {
            self.owe(id, about);
            return;
        }
        let now = office.desktop.now;
        if let Some(flood) = &self.receiver.flood {
            match about {
                About::Called => self.raises.count(flood, now),
                About::Returned => self.returns.count(flood, now),
                _ => {}
            }
        }
        let lane = self.lane(office, known, about);
        let entry = self.entries.entry(id).or_default();
        if matches!(about, About::Called | About::Overdue { .. }) {
            entry.called = known.raises;
        }
        entry.owed.settle(about);
        match lane {
            Some(lane) => self.queue(office, id, lane, about),
            None => self.tell(office, id, about),
        }
    }

    fn owe(&mut self, id: EventId, about: About) {
        self.silenced.insert(id);
        let owed = &mut self.entries.entry(id).or_default().owed;
        match about {
            // What was not called for shows by itself when the silence ends.
            About::Called | About::Fleeting => {}
            About::Repeated => owed.repeat = true,
            About::Overdue { step, tier } => owed.overdue = Some((step, tier)),
            About::Returned => owed.returned = true,
        }
    }

    /// Where a low notice waits, if it has to.
    fn lane(&mut self, office: &Office<'_>, known: &Known, about: About) -> Option<Lane> {
        let now = office.desktop.now;
        if known.severity >= SEVERE {
            return None;
        }
        if self.is_quiet_for(office, known) {
            return Some(Lane::Quiet);
        }
        if now < self.settle_until {
            return Some(Lane::Settled);
        }
        if let Some(flood) = &self.receiver.flood {
            let meter = match about {
                About::Returned => &mut self.returns,
                _ => &mut self.raises,
            };
            if meter.look(flood, now) {
                return Some(Lane::Flood);
            }
        }
        (about == About::Called && self.receiver.wait_ms > 0).then(|| self.group(known))
    }

    fn group(&self, known: &Known) -> Lane {
        let value = |label| known.label(label).unwrap_or_default().into();
        let labels = self.receiver.group_by.iter();
        let group = Lane::Group(labels.map(|label| value(label)).collect());
        if self.batches.len() >= GROUPS_MAX && !self.batches.contains_key(&group) {
            return Lane::Group(Vec::new());
        }
        group
    }

    fn is_quiet_for(&self, office: &Office<'_>, known: &Known) -> bool {
        self.receiver.quiet.as_ref().is_some_and(|quiet| {
            let theirs = |it: &Calendar| it.select.as_ref().is_none_or(|it| known.matches(it));
            let on = |it: &Calendar| it.id == quiet.calendar && it.holds(office.desktop.now);
            let mut calendars = office.calendars.iter();
            known.severity < quiet.below && calendars.any(|it| on(it) && theirs(it))
        })
    }

    fn queue(&mut self, office: &mut Office<'_>, id: EventId, lane: Lane, about: About) {
        if let Some(item) = self.waiting(id) {
            item.then(about);
            return;
        }
        let full = self
            .batches
            .values()
            .map(|it| it.items.len())
            .sum::<usize>()
            >= WAITING_MAX;
        let due = self.due(&lane, office.desktop.now);
        let batch = self
            .batches
            .entry(lane.clone())
            .or_insert_with(|| Batch::new(due));
        if !full {
            batch.items.insert(id, Item::new(about));
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.waits = Some(lane);
            }
        } else if let Some(known) = office.alarms.get(&id) {
            batch.count(known.severity, Item::new(about));
            self.told(office, id);
        }
    }

    fn due(&self, lane: &Lane, now: Timestamp) -> Option<Timestamp> {
        let after = |ms| Some(now.plus(Duration::from_millis(ms)));
        match lane {
            Lane::Group(_) => after(self.receiver.wait_ms),
            Lane::Flood => after(self.receiver.flood.map_or(0, |flood| flood.digest_ms)),
            Lane::Settled => Some(self.settle_until),
            Lane::Quiet => None,
        }
    }

    fn tell(&mut self, office: &mut Office<'_>, id: EventId, about: About) {
        let Some(known) = office.alarms.get(&id) else {
            return;
        };
        let waited = self.take(id).map_or(0, |item| item.times);
        let times = Item::new(about).times.saturating_add(waited);
        let line = self.line(id, known, about, times);
        office
            .desktop
            .write(&self.receiver, about.kind(), vec![line], Counted::default());
        self.told(office, id);
    }

    /// A line that goes out now; repeats of a raise are numbered.
    fn line(&mut self, id: EventId, known: &Known, about: About, times: u32) -> Line {
        let mut line = known.line(id, about, self.called(id), times);
        if let Some(entry) = self.entries.get_mut(&id) {
            match about {
                About::Called | About::Fleeting => entry.repeated = 0,
                About::Repeated => {
                    entry.repeated = entry.repeated.saturating_add(1);
                    line.nth = entry.repeated;
                }
                About::Overdue { .. } | About::Returned => {}
            }
        }
        line
    }

    /// It was told: what is over is forgotten, the rest may be repeated.
    fn told(&mut self, office: &mut Office<'_>, id: EventId) {
        let up = office.alarms.get(&id);
        let up = up.filter(|known| known.active && known.raises == self.called(id));
        if let Some(known) = up {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.told = entry.called;
            }
            self.arm(office.desktop.now, id, known);
        } else if self.silenced.contains(&id)
            && let Some(entry) = self.entries.get_mut(&id)
        {
            // A later raise is kept back.
            (entry.called, entry.told) = (0, 0);
        } else {
            self.forget(id);
            office.freed.push(id);
        }
    }

    fn arm(&mut self, now: Timestamp, id: EventId, known: &Known) {
        self.disarm(id);
        let wait = self.receiver.repeat_ms.map(Duration::from_millis);
        if let (Some(wait), true) = (wait, known.unseen && known.is_somebodys())
            && let Some(entry) = self.entries.get_mut(&id)
        {
            let at = now.plus(wait);
            entry.repeat_at = Some(at);
            self.repeats.insert((at, id));
        }
    }

    fn disarm(&mut self, id: EventId) {
        let entry = self.entries.get_mut(&id);
        if let Some(at) = entry.and_then(|entry| entry.repeat_at.take()) {
            self.repeats.remove(&(at, id));
        }
    }

    /// Takes an alarm out of the batch in which it waits.
    fn take(&mut self, id: EventId) -> Option<Item> {
        let lane = self.entries.get_mut(&id)?.waits.take()?;
        let batch = self.batches.get_mut(&lane)?;
        let item = batch.items.remove(&id);
        if batch.items.is_empty() && batch.counted.more == 0 {
            self.batches.remove(&lane);
        }
        item
    }

    pub fn forget(&mut self, id: EventId) {
        self.disarm(id);
        self.take(id);
        self.silenced.remove(&id);
        self.entries.remove(&id);
    }

    fn drop_if_idle(&mut self, id: EventId) {
        let idle = self.entries.get(&id).is_some_and(Entry::is_idle);
        if idle && !self.silenced.contains(&id) {
            self.entries.remove(&id);
        }
    }
}

impl Owed {
    /// It is said now, a moment before the end of the silence is looked at.
    const fn settle(&mut self, about: About) {
        match about {
            About::Repeated => self.repeat = false,
            About::Overdue { .. } => self.overdue = None,
            About::Returned => self.returned = false,
            About::Called | About::Fleeting => {}
        }
    }
}

impl Entry {
    /// Told, and nothing is due of it.
    const fn rests(&self) -> bool {
        self.called > 0 && self.waits.is_none() && self.repeat_at.is_none()
    }

    const fn is_idle(&self) -> bool {
        self.called == 0 && self.waits.is_none()
    }
}
