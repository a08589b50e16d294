//! The fold itself: kept entries, frames and seconds into an engine.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fenghuo_engine::{Act, Change, Deed, Engine, Event, EventId, FrameInput, Input};
use fenghuo_history::Fault;
use fenghuo_model::{Catalog, GatewayKey, Timestamp};

use super::Sources;
use super::kept::{Due, Kept};
use super::slices::{Column, Frame, Slices};
use crate::entry;

/// What came up on the way.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Samples folded.
    pub samples: u64,
    /// Frames folded, those without samples included.
    pub frames: u64,
    /// The first sample's time.
    pub first: Option<Timestamp>,
    /// Samples that no catalog of their gateway has.
    pub strange: u64,
    /// Acts on alarms that are not there in this fold.
    pub lost_acts: u64,
    /// Stored samples that could not be read.
    pub faults: Vec<Fault>,
}

/// A gateway's catalog and numbers.
#[derive(Default)]
struct Gate {
    catalog: Option<Arc<Catalog>>,
    /// Where a column is in the catalog.
    columns: HashMap<u32, Option<u32>>,
    seq: u64,
}

/// The fold's state.
pub struct Fold<'a> {
    pub engine: Engine,
    sources: &'a Sources,
    position: u64,
    kept: Kept,
    gates: BTreeMap<GatewayKey, Gate>,
    changes: Vec<Change>,
    notes: Notes,
}

impl<'a> Fold<'a> {
    pub fn new(sources: &'a Sources) -> Self {
        Self {
            engine: Engine::default(),
            sources,
            position: 0,
            kept: Kept::default(),
            gates: BTreeMap::new(),
            changes: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// What came up.
    pub fn notes(&mut self, faults: Vec<Fault>) -> Notes {
        self.notes.faults = faults;
        std::mem::take(&mut self.notes)
    }

    /// Folds an entry.
    pub fn put(&mut self, input: Input, tell: &mut impl FnMut(Change)) {
        if let Input::Catalog(key, catalog) = &input {
            let gate = self.gates.entry(key.clone()).or_default();
            gate.catalog = Some(catalog.clone());
            gate.columns.clear();
        }
        self.position += 1;
        self.engine.apply(self.position, input, &mut self.changes);
        self.changes.drain(..).for_each(tell);
    }

    /// The state at the begin: points, rules, and what people did before.
    pub fn begin(
        &mut self,
        mut kept: Kept,
        from: Timestamp,
        tell: &mut impl FnMut(Change),
    ) -> anyhow::Result<()> {
        let before = std::mem::take(&mut kept.before);
        self.kept = kept;
        for due in before {
            self.clock(due.at, tell);
            self.kept_entry(due, tell)?;
        }
        self.clock(from, tell);
        Ok(())
    }

    /// Lets time pass without a second of it for gateways. As after a standstill: without a
    /// start the engine would take it for a clock that was set.
    fn clock(&mut self, at: Timestamp, tell: &mut impl FnMut(Change)) {
        self.put(Input::Started(at), tell);
        let hearing = false;
        self.put(Input::Tick { at, hearing }, tell);
    }

    /// A second passes.
    pub fn tick(&mut self, at: Timestamp, tell: &mut impl FnMut(Change)) -> anyhow::Result<()> {
        self.kept_until(at, tell)?;
        let hearing = true;
        self.put(Input::Tick { at, hearing }, tell);
        Ok(())
    }

    /// A frame comes.
    pub fn frame(
        &mut self,
        frame: Frame,
        slices: &Slices,
        tell: &mut impl FnMut(Change),
    ) -> anyhow::Result<()> {
        self.kept_until(frame.at, tell)?;
        let key = slices.gateway(frame.gateway).clone();
        let mut samples = Vec::with_capacity(frame.samples.len());
        for (column, sample) in frame.samples {
            match self.place(&key, column, slices.column(column), tell)? {
                Some(index) => samples.push((index, sample)),
                None => self.notes.strange += 1,
            }
        }
        let Some(gate) = self.gates.get_mut(&key) else {
            return Ok(());
        };
        let Some(catalog) = &gate.catalog else {
            return Ok(());
        };
        if !samples.is_empty() {
            self.notes.first.get_or_insert(frame.at);
        }
        samples.sort_by_key(|(index, _)| *index);
        self.notes.frames += 1;
        self.notes.samples += samples.len() as u64;
        gate.seq += 1;
        let input = FrameInput {
            gateway: key,
            received: frame.at,
            epoch: 1,
            seq: gate.seq,
            epoch_first: 1,
            oldest: gate.seq,
            live_from: 0,
            live_oldest: gate.seq,
            watermark: frame.at,
            catalog: catalog.id(),
            samples,
            clock_step_ms: 0,
        };
        self.put(Input::Frame(input), tell);
        Ok(())
    }

    /// Where a column is in its gateway's catalog. Where it is not, a catalog that has it and
    /// should come later comes now.
    fn place(
        &mut self,
        key: &GatewayKey,
        number: u32,
        column: &Column,
        tell: &mut impl FnMut(Change),
    ) -> anyhow::Result<Option<u32>> {
        let gate = self.gates.entry(key.clone()).or_default();
        if let Some(known) = gate.columns.get(&number) {
            return Ok(*known);
        }
        let mut found = gate.catalog.as_ref().and_then(|it| find(it, column));
        if found.is_none()
            && let Some(catalog) = self.early(key, column)?
        {
            found = find(&catalog, column);
            self.put(Input::Catalog(key.clone(), catalog), tell);
        }
        let gate = self.gates.entry(key.clone()).or_default();
        gate.columns.insert(number, found);
        Ok(found)
    }

    /// The first catalog still to come that has a column; those before it come no more.
    fn early(&mut self, key: &GatewayKey, column: &Column) -> anyhow::Result<Option<Arc<Catalog>>> {
        let waiting = self.kept.catalogs.get(key).cloned().unwrap_or_default();
        for (passed, position) in waiting.into_iter().enumerate() {
            let Some(Input::Catalog(_, catalog)) = self.load(position)? else {
                continue;
            };
            if find(&catalog, column).is_some() {
                if let Some(waiting) = self.kept.catalogs.get_mut(key) {
                    waiting.drain(..=passed);
                }
                return Ok(Some(catalog));
            }
        }
        Ok(None)
    }

    /// Kept entries up to an instant.
    fn kept_until(&mut self, at: Timestamp, tell: &mut impl FnMut(Change)) -> anyhow::Result<()> {
        while let Some(due) = self.kept.later.front().copied().filter(|due| due.at <= at) {
            self.kept.later.pop_front();
            self.kept_entry(due, tell)?;
        }
        Ok(())
    }

    fn kept_entry(&mut self, due: Due, tell: &mut impl FnMut(Change)) -> anyhow::Result<()> {
        let Some(input) = self.load(due.position)? else {
            return Ok(());
        };
        let input = match input {
            Input::Act(act) => match self.led(act)? {
                Some(act) => Input::Act(act),
                None => {
                    self.notes.lost_acts += 1;
                    return Ok(());
                }
            },
            Input::Catalog(key, catalog) => {
                if let Some(waiting) = self.kept.catalogs.get_mut(&key) {
                    match waiting.front() {
                        Some(next) if *next == due.position => drop(waiting.pop_front()),
                        // It came early, or one after it did.
                        Some(next) if *next > due.position => return Ok(()),
                        None => return Ok(()),
                        Some(_) => {}
                    }
                }
                Input::Catalog(key, catalog)
            }
            other => other,
        };
        self.put(input, tell);
        Ok(())
    }

    fn load(&self, position: u64) -> anyhow::Result<Option<Input>> {
        let page = self.sources.journal.kept(position.saturating_sub(1), 1)?;
        let found = page.into_iter().find(|(at, ..)| *at == position);
        Ok(found
            .map(|(_, kind, body)| entry::small(kind, &body))
            .transpose()?)
    }

    /// An act on an occurrence, led to the same alarm of this fold.
    fn led(&self, mut act: Act) -> anyhow::Result<Option<Act>> {
        let alarm = match &mut act.deed {
            Deed::Acknowledge { alarm }
            | Deed::Reset { alarm }
            | Deed::State { alarm, .. }
            | Deed::Verify { alarm, .. }
            | Deed::Close { alarm } => alarm,
            _ => return Ok(Some(act)),
        };
        let Some(here) = self.same(*alarm)? else {
            return Ok(None);
        };
        *alarm = here;
        Ok(Some(act))
    }

    fn same(&self, occurrence: EventId) -> anyhow::Result<Option<EventId>> {
        let Some(body) = self.sources.journal.body(occurrence)? else {
            return Ok(None);
        };
        let event: Event = serde_json::from_str(&body)?;
        let book = self.engine.book();
        let alarm = book
            .newest(&event.alarm, false)
            .or_else(|| book.newest(&event.alarm, true));
        Ok(alarm.map(|alarm| alarm.occurrence))
    }
}

fn find(catalog: &Catalog, column: &Column) -> Option<u32> {
    let same = |def: &fenghuo_model::PointDef| {
        def.key == column.key && def.unit == column.unit && def.value_type == column.value_type
    };
    let at = catalog.points().iter().position(same)?;
    u32::try_from(at).ok()
}
