//! One gateway: its catalogs, its points, and the lanes in which its frames are judged.
//!
//! Frames are judged in the order of their numbers, whatever order the wire had: a frame
//! that comes early is held until those before it are there, or the envelope says that they
//! will not come. After a break the frames left behind are judged in a backlog lane that
//! goes on from the state at the break, while the live lane starts anew with held alarms;
//! when the backlog reaches the first live frame the lanes join.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fenghuo_model::{Catalog, CatalogId, GatewayKey, PointDef, PointKey, PointRef, Timestamp};
use serde::{Deserialize, Serialize};

pub mod bind;
mod carry;
pub mod emit;
mod join;
pub mod lane;
pub mod order;
pub mod verdict;

use bind::Wires;
use emit::Emit;
use lane::{Around, Lane, Parts, Rebound};
use order::Held;

use crate::alarm::Book;
use crate::engine::orphans::end_orphans;
use crate::event::{EventId, Hold};
use crate::input::FrameInput;
use crate::rule::RuleSet;
use crate::sorted;

/// Catalogs remembered of one gateway; the least recently named goes first.
pub const CATALOGS_MAX: usize = 64;
/// Points known of one gateway over all its catalogs.
pub const SLOTS_MAX: usize = 200_000;

/// A point as the gateway knows it. A change of unit or type makes another slot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slot {
    /// Its full name.
    pub point: PointRef,
    /// Its newest definition.
    pub def: PointDef,
    /// The newest catalog has it no more: nothing watches it.
    pub retired: bool,
    /// The newest catalog has it no more, and backlog of it may still come: it is watched there
    /// until the lanes join, and nothing is expected of it in the live lane.
    pub leaving: bool,
    /// It says whether a line or a device answers.
    pub is_source: bool,
}

/// Stands in a catalog's column where a point got no slot: its samples are not judged.
const NO_SLOT: u32 = u32::MAX;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KnownCatalog {
    /// Catalog index to slot.
    slots: Arc<[u32]>,
    /// Of those that have a slot, in their order: a gateway may come back to an older catalog.
    defs: Arc<[PointDef]>,
    named: u64,
}

/// All that is known of a gateway.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gateway {
    /// Its name.
    pub key: GatewayKey,
    /// Its points.
    pub slots: Vec<Slot>,
    #[serde(deserialize_with = "sorted::deserialize")]
    by_key: BTreeMap<PointKey, Vec<u32>>,
    catalogs: BTreeMap<CatalogId, KnownCatalog>,
    named: u64,
    /// The catalog that says which points there are.
    current: Option<CatalogId>,
    /// The newest live frame's run and number: an older one's catalog is not current.
    newest: Option<(u64, u64)>,
    /// Detectors in force; compiled again after a restore.
    #[serde(skip)]
    pub wires: Wires,
    /// Fresh data.
    pub live: Lane,
    /// What a break left behind.
    pub backlog: Option<Lane>,
    /// The last backlog frame's catalog, while each of its points is known to be watched.
    #[serde(skip)]
    backlog_watched: Option<CatalogId>,
    /// Numbers below are backlog.
    border: u64,
    /// Runs of the collector seen lately.
    runs: Vec<u64>,
    /// When the server last took a frame.
    pub last_seen: Option<Timestamp>,
    /// Whether its communication alarm is up.
    pub silent: bool,
    /// Ticks since its last frame; begins below zero when the server starts.
    pub quiet_ticks: i32,
    /// Whether it was heard since the server's start.
    pub heard: bool,
    /// Whether the server's settings name it among those that must report.
    pub expected: bool,
    /// It was named once and is not any more: its silence is nobody's, until it speaks.
    pub dismissed: bool,
    /// Frames that could not be judged: their catalog is forgotten, or their number is past.
    pub unjudged: u64,
}

impl Gateway {
    /// A gateway of which nothing is known yet.
    #[must_use]
    pub fn new(key: GatewayKey) -> Self {
        Self {
            key,
            slots: Vec::new(),
            by_key: BTreeMap::new(),
            catalogs: BTreeMap::new(),
            named: 0,
            current: None,
            newest: None,
            wires: Wires::default(),
            live: Lane::default(),
            backlog: None,
            backlog_watched: None,
            border: 0,
            runs: Vec::new(),
            last_seen: None,
            silent: false,
            quiet_ticks: 0,
            heard: false,
            expected: false,
            dismissed: false,
            unjudged: 0,
        }
    }

    /// Takes a catalog: new points get slots. Once live frames have named one, another speaks
    /// for the gateway only when a live frame names it: it may be asked for because of backlog.
    pub fn learn(&mut self, catalog: &Catalog, rules: &RuleSet, book: &Book) -> Rebound {
        let id = catalog.id();
        self.backlog_watched = None;
        let slots: Arc<[u32]> = catalog
            .points()
            .iter()
            .map(|def| self.slot_for(def).unwrap_or(NO_SLOT))
            .collect();
        // A point that found no room in the table needs no definition either.
        let with_slot = |(slot, _): &(&u32, &PointDef)| **slot != NO_SLOT;
        let pairs = slots.iter().zip(catalog.points()).filter(with_slot);
        let defs = pairs.map(|(_, def)| def.clone()).collect();
        self.named += 1;
        let known = KnownCatalog {
            slots,
            defs,
            named: self.named,
        };
        self.catalogs.insert(id, known);
        if self.catalogs.len() > CATALOGS_MAX {
            let current = self.current;
            let others = self.catalogs.iter().filter(|(id, _)| Some(**id) != current);
            let oldest = others.min_by_key(|(_, known)| known.named);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.catalogs.remove(&id);
            }
        }
        if self.newest.is_none() {
            self.adopt(id);
        }
        self.bind(rules, book)
    }

    /// The live frame whose turn it is says which catalog is current: a gateway that goes back
    /// to an older configuration sends no catalog again. Returns whether that changed anything.
    fn follow_catalog(&mut self, frame: &Held, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        let is_newer = match self.newest {
            Some((run, seq)) if run == frame.epoch => frame.seq > seq,
            Some((run, _)) => self.is_later(frame.epoch, run),
            None => true,
        };
        if !is_newer || !self.catalogs.contains_key(&frame.catalog) {
            return false;
        }
        self.newest = Some((frame.epoch, frame.seq));
        if self.current == Some(frame.catalog) {
            return false;
        }
        // Before what leaves is let go by it.
        self.live.forget_if_absent(frame, &self.wires);
        self.adopt(frame.catalog);
        self.rewatch(rules, frame.watermark, emit);
        true
    }

    /// A point that came and went within an outage is watched in the backlog. Returns whether
    /// there is one. A backlog may be a day of frames, and a catalog have as many points as there
    /// are: they are looked at once, until one of them may be retired again.
    fn watch_backlog(&mut self, frame: &Held, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        if self.backlog_watched == Some(frame.catalog) {
            return false;
        }
        // A frame whose catalog is forgotten names no points.
        self.backlog_watched = frame.is_known.then_some(frame.catalog);
        let mut changed = false;
        for at in &*frame.slots {
            if let Some(slot) = self.slots.get_mut(*at as usize).filter(|it| it.retired) {
                (slot.retired, slot.leaving) = (false, true);
                changed = true;
            }
        }
        if changed {
            self.rewatch(rules, frame.watermark, emit);
        }
        changed
    }

    /// Other points are watched from now on: what nobody watches any more is over.
    fn rewatch(&mut self, rules: &RuleSet, at: Timestamp, emit: &mut Emit<'_>) {
        self.bind(rules, emit.book);
        let told = emit.out.len();
        end_orphans(std::iter::once(&*self), rules, at, emit);
        let ended = emit.out[told..]
            .iter()
            .map(|change| change.event.occurrence);
        self.recount(&ended.collect());
    }

    /// Roll-ups count again what became of these.
    pub fn recount(&mut self, occurrences: &BTreeSet<EventId>) {
        for lane in std::iter::once(&mut self.live).chain(&mut self.backlog) {
            lane.recount(&self.wires, occurrences);
        }
    }

    /// Whether a run began after another; one that is not known is the latest.
    fn is_later(&self, run: u64, than: u64) -> bool {
        let place = |run| self.runs.iter().position(|known| *known == run);
        place(run).is_none_or(|run| place(than).is_none_or(|than| run > than))
    }

    /// What a catalog says of the points is so from now on. To be followed by a bind.
    fn adopt(&mut self, id: CatalogId) {
        let Some(known) = self.catalogs.get(&id) else {
            return;
        };
        self.backlog_watched = None;
        let before: Vec<bool> = self.slots.iter().map(|slot| slot.retired).collect();
        let may_come = self.backlog.is_some();
        for slot in &mut self.slots {
            slot.leaving = may_come && !slot.retired;
            slot.retired = !slot.leaving;
        }
        let with_slot = known.slots.iter().filter(|slot| **slot != NO_SLOT);
        for (at, def) in with_slot.zip(&*known.defs) {
            if let Some(slot) = self.slots.get_mut(*at as usize) {
                slot.is_source = def.labels.contains_key(fenghuo_model::source::LABEL_SOURCE);
                slot.def = def.clone();
                slot.retired = false;
                slot.leaving = false;
            }
        }
        self.current = Some(id);
        for (slot, was_retired) in before.into_iter().enumerate() {
            if was_retired && !self.slots[slot].retired {
                for lane in std::iter::once(&mut self.live).chain(&mut self.backlog) {
                    lane.expect(slot);
                }
            }
        }
    }

    /// The labels of a point, by its newest definition.
    pub fn labels(&self, key: &PointKey) -> Option<&BTreeMap<String, String>> {
        let slot = *self.by_key.get(key)?.last()?;
        Some(&self.slots[slot as usize].def.labels)
    }

    /// The slots of a point that are watched: in an outage an old one besides the new one.
    pub fn watched(&self, key: &PointKey) -> impl Iterator<Item = &Slot> {
        let slots = self.by_key.get(key).into_iter().flatten();
        let slots = slots.map(|slot| &self.slots[*slot as usize]);
        slots.filter(|slot| !slot.retired)
    }

    fn slot_for(&mut self, def: &PointDef) -> Option<u32> {
        let known = self.by_key.get(&def.key).into_iter().flatten();
        let same = known.copied().find(|slot| {
            let old = &self.slots[*slot as usize].def;
            (old.unit, old.value_type) == (def.unit, def.value_type)
        });
        if same.is_some() {
            return same;
        }
        let slot = u32::try_from(self.slots.len())
            .ok()
            .filter(|_| self.slots.len() < SLOTS_MAX)?;
        self.by_key.entry(def.key.clone()).or_default().push(slot);
        self.slots.push(Slot {
            point: PointRef {
                gateway: self.key.clone(),
                key: def.key.clone(),
            },
            def: def.clone(),
            // Until its catalog is current.
            retired: true,
            leaving: false,
            is_source: def.labels.contains_key(fenghuo_model::source::LABEL_SOURCE),
        });
        Some(slot)
    }

    /// Compiles the detectors anew; state of unchanged ones is kept, in all lanes. Says what
    /// became of the live lane's. What nobody watches any more is for the caller to end.
    pub fn bind(&mut self, rules: &RuleSet, book: &Book) -> Rebound {
        let wires = Wires::new(rules, &self.slots);
        let before = std::mem::replace(&mut self.wires, wires);
        let slots = self.slots.len();
        let around = Around {
            wires: &self.wires,
            book,
        };
        if let Some(backlog) = &mut self.backlog {
            backlog.rebind(&before, around, slots, |alarm| alarm.retrospective);
        }
        let did = self
            .live
            .rebind(&before, around, slots, |alarm| !alarm.retrospective);
        self.rearm();
        did
    }

    /// Puts lanes back into step with the compiled detectors after a restore.
    pub fn revive(&mut self, rules: &RuleSet) {
        self.wires = Wires::new(rules, &self.slots);
        self.rearm();
    }

    fn rearm(&mut self) {
        let parts = Parts {
            wires: &self.wires,
            slots: &self.slots,
        };
        for lane in std::iter::once(&mut self.live).chain(&mut self.backlog) {
            lane.recount_sources(parts.wires);
            lane.rearm(parts);
        }
    }

    /// Takes a frame in whatever order the log has it. Returns whether other points are watched
    /// than before.
    pub fn frame(&mut self, input: FrameInput, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        self.last_seen = Some(input.received);
        self.quiet_ticks = 0;
        self.heard = true;
        self.dismissed = false;
        let back = std::mem::take(&mut self.silent);
        let received = input.received;
        if back {
            emit.end_communication(&self.key, received);
        }
        // A frame whose catalog is forgotten cannot be judged, but its number is taken.
        let slots = match self.catalogs.get_mut(&input.catalog) {
            Some(known) => {
                self.named += 1;
                known.named = self.named;
                Some(known.slots.clone())
            }
            None => {
                self.unjudged += 1;
                None
            }
        };
        let mut changed = self.know_run(&input, rules, emit);
        self.move_border(&input, emit);
        self.live.order.declare(
            input.epoch,
            input.epoch_first,
            input.oldest.max(input.live_oldest),
        );
        if let Some(backlog) = &mut self.backlog {
            backlog
                .order
                .declare(input.epoch, input.epoch_first, input.oldest);
        }
        let in_backlog = input.seq < self.border;
        let lane = if in_backlog {
            self.backlog.as_mut()
        } else {
            Some(&mut self.live)
        };
        let taken = lane.is_some_and(|lane| lane.order.hold(Held::new(input, slots)));
        self.unjudged += u64::from(!taken);
        changed |= self.judge_ready(rules, emit);
        if back {
            self.live.release_known(received, emit);
        }
        changed
    }

    /// A new run whose numbers go back comes from a replaced or restored spool: nothing of
    /// the old one will come any more, and the new one is judged from its beginning.
    fn know_run(&mut self, input: &FrameInput, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        if self.runs.contains(&input.epoch) {
            return false;
        }
        if self.runs.len() == order::RUNS_MAX {
            self.runs.remove(0);
        }
        self.runs.push(input.epoch);
        let goes_back = self.live.order.next() > Some(input.epoch_first);
        if !goes_back && input.live_from >= self.border {
            return false;
        }
        let changed = self.join(rules, emit);
        self.border = input.oldest;
        self.live.order = order::Order::starting_at(input.oldest);
        changed
    }

    fn join(&mut self, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        // Backlog was all that could still come of them.
        self.backlog_watched = None;
        let mut changed = false;
        for slot in &mut self.slots {
            slot.retired |= slot.leaving;
            changed |= std::mem::take(&mut slot.leaving);
        }
        if changed {
            let ended = self.backlog.as_ref().and_then(|lane| lane.watermark);
            let at = self.live.watermark.or(ended);
            self.rewatch(rules, at.unwrap_or_default(), emit);
        }
        if let Some(mut backlog) = self.backlog.take() {
            let parts = Parts {
                wires: &self.wires,
                slots: &self.slots,
            };
            join::join(&mut self.live, &mut backlog, parts, emit);
        }
        changed
    }

    fn judge_ready(&mut self, rules: &RuleSet, emit: &mut Emit<'_>) -> bool {
        let mut changed = false;
        while let Some(frame) = self.backlog.as_mut().and_then(|lane| lane.order.ready()) {
            changed |= self.watch_backlog(&frame, rules, emit);
            let parts = Parts {
                wires: &self.wires,
                slots: &self.slots,
            };
            if let Some(backlog) = &mut self.backlog {
                backlog.judge(&frame, parts, Some(&self.live), emit);
            }
        }
        if self
            .backlog
            .as_ref()
            .is_some_and(|lane| lane.order.is_over())
        {
            changed |= self.join(rules, emit);
        }
        while let Some(frame) = self.live.order.ready() {
            changed |= self.follow_catalog(&frame, rules, emit);
            let parts = Parts {
                wires: &self.wires,
                slots: &self.slots,
            };
            self.live.judge(&frame, parts, None, emit);
        }
        changed
    }

    /// A higher border means a break, unless everything below it is judged already.
    fn move_border(&mut self, input: &FrameInput, emit: &mut Emit<'_>) {
        let new = input.live_from;
        if new <= self.border {
            return;
        }
        let begun = self.live.order.next();
        let nothing_missing = input.oldest >= new && self.live.order.held() == 0;
        if nothing_missing || begun.is_some_and(|next| next >= new) {
            self.border = new;
            return;
        }
        let fresh = self.live.fresh(new, &self.wires);
        let mut broken = std::mem::replace(&mut self.live, fresh);
        match &mut self.backlog {
            Some(backlog) => {
                // What was judged live since the last break is skipped; open verdicts do
                // not reach over it.
                let judged = order::Skip {
                    from: self.border,
                    to: begun.unwrap_or(self.border),
                    stepped_ms: broken.stepped_ms,
                };
                backlog.order.extend(judged, new);
                backlog.drop_pending(&self.wires);
                backlog.rearm(Parts {
                    wires: &self.wires,
                    slots: &self.slots,
                });
                backlog.order.take_held(broken.order.split_held(new));
                self.live.order.take_held(broken.order.split_held(u64::MAX));
            }
            None => {
                let below = broken.order.split_held(new);
                self.live.order.take_held(broken.order.split_held(u64::MAX));
                broken.order.take_held(below);
                broken.order.become_backlog(new);
                self.backlog = Some(broken);
            }
        }
        self.border = new;
        self.live.hold_all(Hold::Break, input.received, emit);
        self.rearm();
    }

    /// Whether it must report, as the settings say. The silence of one that is named no more is
    /// over, and nobody's until it speaks again; one that speaks is watched, named or not.
    pub fn expect(&mut self, expected: bool, now: Timestamp, emit: &mut Emit<'_>) {
        let dropped = std::mem::replace(&mut self.expected, expected) && !expected;
        if expected {
            self.dismissed = false;
        } else if dropped {
            self.dismissed = true;
            if std::mem::take(&mut self.silent) {
                emit.dismiss_communication(&self.key, now);
            }
        }
    }

    /// The server started: it has not been heard yet, and has longer to be.
    pub const fn wait_anew(&mut self) {
        self.quiet_ticks = -crate::engine::GRACE_TICKS;
        self.heard = false;
    }

    /// A second of the server's life passed. Arrival decides only the communication alarm
    /// and what is shown; what lasts how long is judged in the gateway's own time.
    pub fn tick(&mut self, now: Timestamp, silent_ticks: i32, emit: &mut Emit<'_>) {
        self.quiet_ticks = self.quiet_ticks.saturating_add(1);
        if self.silent || self.dismissed || self.quiet_ticks <= silent_ticks {
            return;
        }
        self.silent = true;
        emit.raise_communication(&self.key, now);
        let silence = Hold::Reading(fenghuo_model::Reason::GatewaySilent);
        self.live.hold_all(silence, now, emit);
        self.live.all_dirty();
    }
}
