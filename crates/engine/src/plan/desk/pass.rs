//! What time brings to a desk: batches that are due, repeats, ended silences, new wishes.

use super::{About, Batch, Counted, Desk, EventId, Item, Known, Lane, Office, Owed, Receiver};
use super::{Calendar, REPEATS_MAX, SEVERE, Timestamp};
use crate::clock::moved;
use crate::plan::notice::{LINES_MAX, NoticeKind};

impl Desk {
    /// A second passed.
    pub fn pass(&mut self, office: &mut Office<'_>) {
        let now = office.desktop.now;
        let quiet = self.is_quiet(office.calendars, now);
        let due = |batch: &Batch| batch.due.map_or(!quiet, |due| due <= now);
        let due = self.batches.iter().filter(|(_, batch)| due(batch));
        let due: Vec<Lane> = due.map(|(lane, _)| lane.clone()).collect();
        for lane in due {
            let Some(batch) = self.batches.remove(&lane) else {
                continue;
            };
            if now < self.settle_until && lane != Lane::Settled {
                self.gather(batch);
            } else {
                self.send(office, &lane, batch);
            }
        }
        self.repeat(office);
    }

    /// The server's clock was set.
    pub fn move_clock(&mut self, by_ms: i64) {
        let batches = self.batches.values_mut();
        let batches = batches.filter_map(|batch| batch.due.as_mut());
        let repeats = self.entries.values_mut();
        let repeats = repeats.filter_map(|entry| entry.repeat_at.as_mut());
        for due in batches.chain(repeats).chain([&mut self.settle_until]) {
            *due = moved(*due, by_ms);
        }
        let repeats = std::mem::take(&mut self.repeats).into_iter();
        self.repeats = repeats.map(|(at, id)| (moved(at, by_ms), id)).collect();
        self.raises.move_clock(by_ms);
        self.returns.move_clock(by_ms);
    }

    /// Whether the quiet hours last for anybody.
    fn is_quiet(&self, calendars: &[Calendar], now: Timestamp) -> bool {
        self.receiver.quiet.as_ref().is_some_and(|quiet| {
            let on = |it: &Calendar| it.id == quiet.calendar && it.holds(now);
            calendars.iter().any(on)
        })
    }

    /// While the server settles, everything low becomes one digest.
    fn gather(&mut self, batch: Batch) {
        for id in batch.items.keys() {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.waits = Some(Lane::Settled);
            }
        }
        let until = self.settle_until;
        self.batches
            .entry(Lane::Settled)
            .or_insert_with(|| Batch::new(Some(until)))
            .absorb(batch);
    }

    fn send(&mut self, office: &mut Office<'_>, lane: &Lane, batch: Batch) {
        let alarms = office.alarms;
        let mut lines = Vec::with_capacity(batch.items.len());
        let mut told = Vec::with_capacity(batch.items.len());
        for (id, item) in batch.items {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.waits = None;
            }
            let Some(known) = alarms.get(&id) else {
                continue;
            };
            if office.silences(known) {
                self.keep_back(office, id, known, item);
            } else {
                lines.push(self.line(id, known, item.about, item.times));
                told.push(id);
            }
        }
        let kind = lane.kind();
        office
            .desktop
            .write(&self.receiver, kind, lines, batch.counted);
        for id in told {
            self.told(office, id);
        }
    }

    /// A silence began while it waited.
    fn keep_back(&mut self, office: &mut Office<'_>, id: EventId, known: &Known, item: Item) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.owed.returned |= item.ended;
            entry.called = entry.told;
        }
        let fleeting = matches!(item.about, About::Called | About::Fleeting);
        let came_and_went = !known.active && fleeting && !item.ended;
        if came_and_went {
            self.forget(id);
            office.freed.push(id);
        } else {
            self.owe(id, item.about);
        }
    }

    fn repeat(&mut self, office: &mut Office<'_>) {
        let alarms = office.alarms;
        let now = office.desktop.now;
        let mut lines = Vec::new();
        let due = self.repeats.iter().take_while(|(at, _)| *at <= now);
        let due: Vec<EventId> = due.map(|(_, id)| *id).take(REPEATS_MAX).collect();
        for id in due {
            self.disarm(id);
            let Some(known) = alarms.get(&id).filter(|it| it.unseen && it.is_somebodys()) else {
                continue;
            };
            if office.silences(known) {
                self.owe(id, About::Repeated);
            } else if known.orphaned && known.severity < SEVERE {
                // The device's own alarm says that nobody can see it.
                self.arm(now, id, known);
            } else if let Some(lane) = self.lane(office, known, About::Repeated) {
                self.queue(office, id, lane, About::Repeated);
            } else if lines.len() >= LINES_MAX && known.severity < SEVERE {
                self.queue(office, id, Lane::Flood, About::Repeated);
            } else {
                lines.push(self.line(id, known, About::Repeated, 0));
                self.arm(now, id, known);
            }
        }
        let kind = NoticeKind::Repeat;
        office
            .desktop
            .write(&self.receiver, kind, lines, Counted::default());
    }

    /// Silences ended: what is still so is told.
    pub fn release(&mut self, office: &mut Office<'_>) {
        let alarms = office.alarms;
        let ids: Vec<EventId> = self.silenced.iter().copied().collect();
        for id in ids {
            let known = alarms.get(&id);
            if known.is_some_and(|known| office.silences(known)) {
                continue;
            }
            self.silenced.remove(&id);
            let entry = self.entries.get_mut(&id);
            let Some((known, entry)) = known.zip(entry) else {
                continue;
            };
            let owed = std::mem::take(&mut entry.owed);
            self.say_owed(office, id, known, &owed);
            self.drop_if_idle(id);
            office.freed.push(id);
        }
    }

    fn say_owed(&mut self, office: &mut Office<'_>, id: EventId, known: &Known, owed: &Owed) {
        let somebodys = known.is_somebodys();
        if let (Some((step, tier)), true) = (owed.overdue, known.open && somebodys) {
            self.say(office, id, About::Overdue { step, tier });
        } else if known.active {
            let called = self.called(id);
            if owed.repeat && called == known.raises && known.unseen && somebodys {
                self.say(office, id, About::Repeated);
            } else {
                self.reconcile(office, id);
            }
        } else if owed.returned {
            self.say(office, id, About::Returned);
        } else if self.waiting(id).is_none() {
            self.forget(id);
        }
    }

    /// Takes new wishes. What no longer concerns it is forgotten; what is up and does so now
    /// comes as one digest.
    pub fn reassign(&mut self, office: &mut Office<'_>, receiver: Receiver) {
        self.receiver = receiver;
        let alarms = office.alarms;
        let mut new = Vec::new();
        for (id, known) in alarms {
            if !self.receiver.wants(known) {
                self.forget(*id);
                continue;
            }
            let called = self.called(*id);
            let calls = self.receiver.calls_at_once(known.severity);
            if known.active && called < known.raises && calls && known.is_somebodys() {
                new.push((*id, known));
            }
        }
        if new.is_empty() {
            return;
        }
        self.settle(office.desktop.now);
        for (id, known) in new {
            if !known.orphaned && !self.silenced.contains(&id) {
                self.entries.entry(id).or_default().called = known.raises;
                self.queue(office, id, Lane::Settled, About::Called);
            }
        }
    }
}
