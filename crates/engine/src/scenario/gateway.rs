//! A simulated gateway: its points' signals, its clock, its frames.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_model::catalog::CatalogError;
use fenghuo_model::{
    Catalog, CatalogId, GatewayKey, PointDef, PointKey, Reading, Sample, Timestamp,
};

use super::link::{Frame, Link};
use super::plan::{Plant, Signal};
use super::value;

/// A point and what it reads.
#[derive(Debug)]
struct Played {
    def: PointDef,
    /// Its place in the catalog; `None` when it has left it.
    index: Option<u32>,
    /// The signal, since when, and when it is read next.
    signal: Option<(Signal, i64, i64)>,
}

/// A gateway as a scenario moves it.
#[derive(Debug)]
pub struct Gateway {
    /// Its name.
    pub key: GatewayKey,
    /// Its spool and link.
    pub link: Link,
    /// How many samples it has taken.
    pub samples: usize,
    start: Timestamp,
    /// How far its clock is ahead of the scenario's.
    clock: i64,
    points: Vec<Played>,
    catalog: Option<CatalogId>,
    /// When which point is read next.
    due: BTreeSet<(i64, usize)>,
    off_until: Option<i64>,
    buffer: Vec<(u32, Sample)>,
    stepped: i64,
}

impl Gateway {
    /// A gateway whose clock shows `start` at offset 0.
    pub fn new(plant: &Plant, start: Timestamp) -> Self {
        let played = |def: &PointDef| Played {
            def: def.clone(),
            index: Some(0),
            signal: None,
        };
        Self {
            key: plant.gateway.clone(),
            link: Link::new(plant.gateway.clone()),
            samples: 0,
            start,
            clock: 0,
            points: plant.points.iter().map(played).collect(),
            catalog: None,
            due: BTreeSet::new(),
            off_until: None,
            buffer: Vec::new(),
            stepped: 0,
        }
    }

    /// Its clock at an offset of the scenario.
    pub fn clock(&self, now: i64) -> Timestamp {
        Timestamp::from_millis(self.start.as_millis() + now + self.clock)
    }

    /// Its catalog as it is now.
    pub fn catalog(&mut self) -> Result<Arc<Catalog>, CatalogError> {
        let mut defs = Vec::new();
        for point in self.points.iter_mut().filter(|point| point.index.is_some()) {
            point.index = u32::try_from(defs.len()).ok();
            defs.push(point.def.clone());
        }
        let catalog = Catalog::new(defs)?;
        self.catalog = Some(catalog.id());
        Ok(Arc::new(catalog))
    }

    /// A point is new or defined anew; it reads nothing until it is told to.
    pub fn define(&mut self, def: &PointDef, now: i64) {
        self.close(now, false);
        let at = self.place(&def.key);
        let point = Played {
            def: def.clone(),
            index: Some(0),
            signal: None,
        };
        match at {
            Some(at) => {
                self.stop(at);
                self.points[at] = point;
            }
            None => self.points.push(point),
        }
    }

    /// A point leaves the catalog.
    pub fn remove(&mut self, key: &PointKey, now: i64) {
        self.close(now, false);
        if let Some(at) = self.place(key) {
            self.stop(at);
            self.points[at].index = None;
        }
    }

    fn place(&self, key: &PointKey) -> Option<usize> {
        self.points.iter().position(|point| point.def.key == *key)
    }

    fn stop(&mut self, at: usize) {
        if let Some((_, _, due)) = self.points[at].signal.take() {
            self.due.remove(&(due, at));
        }
    }

    /// A point reads this from now on.
    pub fn play(&mut self, key: &PointKey, signal: &Signal, now: i64) {
        let Some(at) = self.place(key) else {
            return;
        };
        if let Signal::Once(reading, shift) = signal {
            // Behind what the point reads at this moment anyway.
            self.read_until(now + 1);
            let time = self.clock(now).as_millis() + shift;
            self.note(at, reading.clone(), Timestamp::from_millis(time));
            return;
        }
        self.stop(at);
        if !matches!(signal, Signal::Quiet) {
            self.points[at].signal = Some((signal.clone(), now, now));
            self.due.insert((now, at));
        }
    }

    /// Reads everything whose turn comes before `end`.
    pub fn read_until(&mut self, end: i64) {
        while let Some(&(now, at)) = self.due.first() {
            if now >= end {
                return;
            }
            self.due.pop_first();
            let interval = i64::from(self.points[at].def.interval_ms);
            let Some((signal, begun, _)) = &self.points[at].signal else {
                continue;
            };
            let passed = now - *begun;
            let reading = match signal {
                Signal::Keep(_, Some(span)) if passed >= *span => None,
                Signal::Keep(reading, _) | Signal::Once(reading, _) => Some(reading.clone()),
                Signal::Ramp { from, to, over } => {
                    let number = ramp(*from, *to, *over, passed);
                    Some(value::on_ramp(number, &self.points[at].def))
                }
                Signal::Quiet => None,
            };
            let Some(reading) = reading else {
                self.points[at].signal = None;
                continue;
            };
            if let Some((_, _, due)) = &mut self.points[at].signal {
                *due = now + interval;
                self.due.insert((*due, at));
            }
            self.note(at, reading, self.clock(now));
        }
    }

    fn note(&mut self, at: usize, reading: Reading, time: Timestamp) {
        if let (Some(index), None) = (self.points[at].index, self.off_until) {
            self.samples += 1;
            self.buffer.push((index, Sample { time, reading }));
        }
    }

    /// Closes a frame; an empty one only when `always`.
    pub fn close(&mut self, now: i64, always: bool) {
        let (Some(catalog), None) = (self.catalog, self.off_until) else {
            return;
        };
        if self.buffer.is_empty() && self.stepped == 0 && !always {
            return;
        }
        self.link.push(Frame {
            watermark: self.clock(now),
            catalog,
            samples: std::mem::take(&mut self.buffer),
            clock_step_ms: std::mem::take(&mut self.stepped),
        });
    }

    /// It loses its power until then; what no frame holds yet is lost.
    pub fn silence(&mut self, until: i64) {
        self.buffer.clear();
        self.off_until = Some(until);
    }

    /// Whether it is on.
    pub const fn is_on(&self) -> bool {
        self.off_until.is_none()
    }

    /// Its time without power may be over: a new run, which reads every point at once.
    pub fn wake(&mut self, now: i64) {
        if self.off_until.is_none_or(|until| now < until) {
            return;
        }
        self.off_until = None;
        self.link.new_run();
        self.due.clear();
        for (at, point) in self.points.iter_mut().enumerate() {
            if let Some((_, _, due)) = &mut point.signal {
                *due = now;
                self.due.insert((now, at));
            }
        }
    }

    /// Its clock is set, and it says so; back only a new run can go.
    pub fn set_clock(&mut self, by: i64, now: i64) {
        if by < 0 {
            self.close(now, false);
            self.link.new_run();
        }
        self.stepped += by;
        self.clock += by;
    }
}

/// The number on a straight line, and its end behind that.
fn ramp(from: f64, to: f64, over: i64, passed: i64) -> f64 {
    if passed >= over {
        return to;
    }
    let exact = from + (to - from) * (passed as f64 / over as f64);
    // Twelve digits: the dust of binary fractions would decide equality with a limit.
    format!("{exact:.11e}").parse().unwrap_or(exact)
}
