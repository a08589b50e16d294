//! The engine as a whole: all gateways, all rules, all alarms.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::{GatewayKey, PointDef, PointRef, Sample, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alarm::{AlarmKey, Book};
use crate::clock;
use crate::event::{Change, Hold};
use crate::gateway::bind::{self, BoundLevel};
use crate::gateway::emit::Emit;
use crate::gateway::{Gateway, Slot};
use crate::input::{Input, Silence};
use crate::plan::{Notice, Planner, Settings};
use crate::rule::{Detector, RuleSet};

pub mod act;
mod booked;
mod carry;
mod counted;
mod covered;
mod idle;
pub(crate) mod orphans;
mod plant;
mod reload;

pub use carry::Carried;
pub use idle::Idle;
use orphans::end_orphans;
use plant::Plant;
pub use reload::Reload;

/// Version of the engine's state: a snapshot of another one is not read.
pub const VERSION: u32 = 9;
/// A gateway says something at least once a second; after this many ticks without a word
/// its communication alarm is raised. Ticks are counted, not subtracted, so that a wall
/// clock that is set makes nobody silent and hides nobody's silence.
pub const SILENT_TICKS: i32 = 10;
/// Ticks that gateways are given to come back after the server's start, besides.
pub const GRACE_TICKS: i32 = 20;
/// Most gateways.
pub const GATEWAYS_MAX: usize = 100_000;

/// Why a snapshot cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Written by another version.
    #[error(
        "快照由引擎版本 {0} 写成，本程序是版本 {VERSION} a snapshot of engine version {0}; this is {VERSION}"
    )]
    Version(u32),
    /// Not a snapshot, or damaged.
    #[error("not a snapshot: {0}")]
    Damaged(String),
}

/// A rule that selects a point which it cannot watch.
pub type Problem = bind::Unbound;

/// What can be shown of a gateway.
#[derive(Clone, PartialEq, Debug)]
pub struct GatewayView {
    /// Its name.
    pub key: GatewayKey,
    /// Its newest live watermark.
    pub watermark: Option<Timestamp>,
    /// When the server last took a frame.
    pub last_seen: Option<Timestamp>,
    /// Whether it was heard since the server's start.
    pub heard: bool,
    /// Whether its communication alarm is up.
    pub silent: bool,
    /// The backlog lane's next number and its end.
    pub backlog: Option<(u64, u64)>,
    /// Points known.
    pub points: usize,
    /// Frames that could not be judged.
    pub unjudged: u64,
}

/// The fold's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Engine {
    gateways: BTreeMap<GatewayKey, Gateway>,
    rules: RuleSet,
    book: Book,
    now: Timestamp,
    position: u64,
    impossible: u64,
    planner: Planner,
    #[serde(skip)]
    notices: Vec<Notice>,
    #[serde(skip)]
    reload: Reload,
    #[serde(skip)]
    points_changed: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            gateways: BTreeMap::new(),
            // Lines and devices are watched before there is any rule file.
            rules: RuleSet::builtin(),
            book: Book::default(),
            now: Timestamp::default(),
            position: 0,
            impossible: 0,
            planner: plain(&RuleSet::builtin()),
            notices: Vec::new(),
            reload: Reload::default(),
            points_changed: false,
        }
    }
}

impl Engine {
    /// Folds one entry. Events are appended to `out`; the entry's position goes into their
    /// ids. Entries at or below the last position are not folded again.
    pub fn apply(&mut self, position: u64, input: Input, out: &mut Vec<Change>) {
        if position <= self.position {
            return;
        }
        self.position = position;
        self.planner.entry(position);
        let (told, mut tick) = (out.len(), None);
        let judged = matches!(input, Input::Frame(_));
        let mut emit = Emit::new(position, &mut self.book, out, &mut self.impossible);
        match input {
            Input::Catalog(key, catalog) => {
                if let Some(gateway) = gateway(&mut self.gateways, &key) {
                    gateway.learn(&catalog, &self.rules, emit.book);
                    end_orphans(self.gateways.values(), &self.rules, self.now, &mut emit);
                }
            }
            Input::Frame(frame) => {
                let gateway = gateway(&mut self.gateways, &frame.gateway);
                let changed = gateway.is_some_and(|it| it.frame(frame, &self.rules, &mut emit));
                self.points_changed |= changed;
            }
            Input::Act(act) => {
                self.planner.act(&act.deed);
                let plant = Plant {
                    gateways: &self.gateways,
                    rules: &self.rules,
                };
                act::act(act, plant, &mut emit);
            }
            Input::Rules(files) => {
                if let Ok(rules) = RuleSet::parse(&files) {
                    emit.book.closed_loop = rules.closed_loop.clone();
                    let settings = Settings::new(&rules, &every_carrier());
                    self.planner.configure(&settings);
                    let before = std::mem::replace(&mut self.rules, rules);
                    self.reload = Reload::between(&before, &self.rules);
                    for gateway in self.gateways.values_mut() {
                        self.reload.add(gateway.bind(&self.rules, emit.book));
                    }
                    end_orphans(self.gateways.values(), &self.rules, self.now, &mut emit);
                }
            }
            Input::Expected(keys) => expect(&mut self.gateways, &keys, self.now, &mut emit),
            Input::Started(at) => {
                let set_by = clock::set_while_down(emit.book.now, at);
                self.now = at;
                emit.book.pass(at, set_by);
                self.planner.move_clock(set_by);
                self.planner.started(at);
                self.gateways.values_mut().for_each(Gateway::wait_anew);
            }
            Input::Tick { at, hearing } => {
                let set_by = clock::set_between_ticks(emit.book.now, at);
                self.now = at;
                emit.book.pass(at, set_by);
                self.planner.move_clock(set_by);
                for gateway in self.gateways.values_mut().filter(|_| hearing) {
                    gateway.tick(at, SILENT_TICKS, &mut emit);
                }
                let gateways = &self.gateways;
                emit.book
                    .replan(|book, alarm| booked::window(gateways, book, alarm, at));
                emit.do_due();
                tick = Some(at);
            }
        }
        if !judged {
            counted::count_anew(&mut self.gateways, &out[told..]);
        }
        self.plan(tick, &out[told..]);
    }

    /// Lets the planner see what this entry changed, and then that time has passed.
    fn plan(&mut self, tick: Option<Timestamp>, changes: &[Change]) {
        let gateways = &self.gateways;
        let labels = |point: &PointRef| gateways.get(&point.gateway)?.labels(&point.key);
        for change in changes {
            self.planner.event(change, labels, &mut self.notices);
        }
        if let Some(now) = tick {
            self.planner.tick(now, &mut self.notices);
        }
    }

    /// What people are to be told since the last call.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Whether a gateway took another catalog into use since the last call, by a frame that
    /// names it: points and limits are to be shown anew.
    pub fn points_changed(&mut self) -> bool {
        std::mem::take(&mut self.points_changed)
    }

    /// The position of the last entry folded.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The server's clock as the log has it.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Every alarm that is not over.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The longest that an alarm may be shelved, in milliseconds; 0 when it must not be, or when
    /// there is no such level.
    #[must_use]
    pub fn shelve_ms(&self, key: &AlarmKey) -> u64 {
        let plant = Plant {
            gateways: &self.gateways,
            rules: &self.rules,
        };
        plant.shelve_ms(&self.book, key)
    }

    /// The silences that are not over.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.planner.silences()
    }

    /// The rules in force.
    #[must_use]
    pub const fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Events that the transition table refused since the beginning: 0 unless the engine
    /// has a fault.
    #[must_use]
    pub const fn impossible(&self) -> u64 {
        self.impossible
    }

    /// Every gateway.
    pub fn gateways(&self) -> impl Iterator<Item = GatewayView> + '_ {
        self.gateways.values().map(|gateway| GatewayView {
            key: gateway.key.clone(),
            watermark: gateway.live.watermark,
            last_seen: gateway.last_seen,
            heard: gateway.heard,
            silent: gateway.silent,
            backlog: gateway
                .backlog
                .as_ref()
                .and_then(|lane| Some((lane.order.next()?, lane.order.until()?))),
            points: gateway.slots.iter().filter(|slot| !slot.retired).count(),
            unjudged: gateway.unjudged,
        })
    }

    /// One gateway.
    pub(crate) fn gateway(&self, key: &GatewayKey) -> Option<&Gateway> {
        self.gateways.get(key)
    }

    /// What the last change of the rules kept, reset, began and ended.
    #[must_use]
    pub const fn reload(&self) -> &Reload {
        &self.reload
    }

    /// Rules that select points they cannot watch, and levels that are not armed.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> + '_ {
        self.gateways
            .values()
            .flat_map(|gateway| &gateway.wires.unbound)
    }

    /// Rules that select no point at all, though there are points: misspelt, or not for this
    /// server.
    pub fn unused_rules(&self) -> Vec<&str> {
        let slots = || self.gateways.values().flat_map(|gateway| &gateway.slots);
        if slots().next().is_none() {
            return Vec::new();
        }
        let used = |rule: &crate::Rule| {
            slots().any(|slot| !slot.retired && rule.select.matches(&slot.point, &slot.def))
        };
        let rules = self.rules.rules.values();
        rules
            .filter(|rule| rule.enabled && !rule.is_builtin() && !used(rule))
            .map(|rule| &*rule.id)
            .collect()
    }

    /// Every point with its newest definition.
    pub fn points(&self) -> impl Iterator<Item = (&PointRef, &PointDef)> {
        self.gateways.values().flat_map(|gateway| {
            let in_use = gateway.slots.iter().filter(|slot| !slot.retired);
            in_use.map(|slot: &Slot| (&slot.point, &slot.def))
        })
    }

    /// Every point that some rule looks at.
    pub fn watched(&self) -> impl Iterator<Item = &PointRef> {
        self.gateways.values().flat_map(|gateway| {
            let slots = gateway.wires.by_slot.iter().zip(&gateway.slots);
            let watched = slots.filter(|(by, slot)| !by.is_empty() && !slot.is_source);
            watched.map(|(_, slot)| &slot.point)
        })
    }

    /// Every alarm that can be raised by a rule.
    pub fn alarm_keys(&self) -> impl Iterator<Item = crate::AlarmKey> + '_ {
        self.gateways.values().flat_map(|gateway| {
            gateway.wires.bound.iter().flat_map(|bound| {
                let levels = 0..bound.levels.len();
                levels.map(|level| bound.key(level, &gateway.slots))
            })
        })
    }

    /// The armed levels that compare a point's own value: (point, rule, level, limit).
    pub fn limits(&self) -> impl Iterator<Item = (&PointRef, &crate::Rule, usize, &BoundLevel)> {
        self.gateways.values().flat_map(|gateway| {
            let own = |bound: &&bind::Bound| matches!(bound.rule.detector, Detector::Level);
            gateway.wires.bound.iter().filter(own).flat_map(|bound| {
                let point = &gateway.slots[bound.slot as usize].point;
                let levels = bound.levels.iter().enumerate();
                levels.map(move |(at, level)| (point, &*bound.rule, at, level))
            })
        })
    }

    /// The points of live lanes that changed since the last call: the last sample, and why
    /// it is not fresh any more, if so.
    pub fn changes(&mut self, mut tell: impl FnMut(&PointRef, &Sample, Option<Hold>)) {
        for gateway in self.gateways.values_mut() {
            let silence = gateway
                .silent
                .then_some(Hold::Reading(fenghuo_model::Reason::GatewaySilent));
            for slot in gateway.live.dirty.take() {
                let known = &gateway.slots[slot as usize];
                let state = &gateway.live.points[slot as usize];
                if let (Some((_, sample)), false) = (&state.last, known.retired) {
                    tell(&known.point, sample, state.away().or(silence));
                }
            }
        }
    }

    /// Marks every point as changed: after a restore nothing has been shown yet.
    pub fn show_all(&mut self) {
        for gateway in self.gateways.values_mut() {
            gateway.live.all_dirty();
        }
    }

    /// The state as bytes.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] when it cannot be written down, which no input should cause.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        postcard::to_allocvec(&(VERSION, self))
            .map_err(|error| SnapshotError::Damaged(error.to_string()))
    }

    /// The state that [`Engine::snapshot`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`] when it was written by another version or is damaged.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let damaged = |error: postcard::Error| SnapshotError::Damaged(error.to_string());
        let (version, rest) = postcard::take_from_bytes::<u32>(bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let mut engine: Self = postcard::from_bytes(rest).map_err(damaged)?;
        for gateway in engine.gateways.values_mut() {
            gateway.revive(&engine.rules);
        }
        engine.book.rearm();
        Ok(engine)
    }
}

/// Stands for every carrier that the server has: which ones is not the log's to know.
pub const EVERY_CARRIER: &str = "*";

fn every_carrier() -> [String; 1] {
    [EVERY_CARRIER.to_owned()]
}

/// A planner of which nothing was asked yet.
fn plain(rules: &RuleSet) -> Planner {
    let mut planner = Planner::default();
    planner.configure(&Settings::new(rules, &every_carrier()));
    planner
}

fn gateway<'a>(
    gateways: &'a mut BTreeMap<GatewayKey, Gateway>,
    key: &GatewayKey,
) -> Option<&'a mut Gateway> {
    if !gateways.contains_key(key) {
        if gateways.len() >= GATEWAYS_MAX {
            return None;
        }
        gateways.insert(key.clone(), Gateway::new(key.clone()));
    }
    gateways.get_mut(key)
}

/// These gateways must report, and no others.
fn expect(
    gateways: &mut BTreeMap<GatewayKey, Gateway>,
    keys: &[GatewayKey],
    now: Timestamp,
    emit: &mut Emit<'_>,
) {
    for key in keys {
        gateway(gateways, key);
    }
    let keys: BTreeSet<_> = keys.iter().collect();
    for (key, gateway) in gateways {
        gateway.expect(keys.contains(key), now, emit);
    }
}

#[cfg(test)]
mod tests;
