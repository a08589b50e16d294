//! What detectors see of a lane's points, and what a level makes of it.

use std::time::Duration;

use fenghuo_model::{Timestamp, Value};

use super::{GATEWAY_SILENT, Lane};
use crate::detect::several::{self, Item, Vote};
use crate::detect::{Detect, Memory, Now, Seen, state};
use crate::event::Hold;
use crate::expr::{Answer, Input};
use crate::gateway::bind::{Bound, BoundLevel, BoundLimit, Program, Test, Wires};
use crate::gateway::verdict::{Condition, LevelState, Verdict};
use crate::rule::{Calendar, Detector, OnUnknown};
use crate::{Alarm, Book};

/// What a level's condition may depend on besides its lane.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The compiled detectors.
    pub wires: &'a Wires,
    /// Every alarm.
    pub book: &'a Book,
}

impl Lane {
    /// What a detector sees at `at`. `fresh`: its own point has a new sample.
    pub(super) fn see(&mut self, detector: u32, bound: &Bound, at: Timestamp, fresh: bool) -> Seen {
        let point = &self.points[bound.slot as usize];
        let reading = point.usable();
        match &bound.rule.detector {
            Detector::Level => number(reading),
            Detector::Stale { within_ms } => self.stale(bound, *within_ms, at),
            Detector::Interlock { when_on, .. } => self.interlock(bound, *when_on),
            Detector::State { is, not } => state::see(is, *not, self.value(bound.slot)),
            Detector::Deviation { absolute, .. } => {
                several::deviation(reading, self.others(bound), *absolute)
            }
            Detector::Expression(_) => self.expression(bound, at),
            // Their levels look for themselves.
            Detector::Vote { .. } | Detector::Rollup { .. } => Seen::Truth(false, false),
            Detector::Sequence(_) => {
                let away = point.away();
                let seen = self.remember(detector, bound, Now { at, reading, fresh });
                away.map_or(seen, Seen::Unknown)
            }
            _ => match point.away() {
                Some(why) => {
                    self.memory[detector as usize].forget(&bound.rule.detector);
                    Seen::Unknown(why)
                }
                None => self.remember(detector, bound, Now { at, reading, fresh }),
            },
        }
    }

    /// What a detector's memory makes of what there is now.
    #[inline]
    pub(super) fn remember(&mut self, detector: u32, bound: &Bound, now: Now) -> Seen {
        let then = match bound.rule.detector {
            Detector::Sequence(_) => self.any_on(bound),
            _ => Ok((false, false)),
        };
        let is_suppressed = self.suppressing(bound).is_some();
        match (&mut self.memory[detector as usize], &bound.rule.detector) {
            (Memory::Flat(memory), Detector::Flat(_)) if is_suppressed => memory.pause(),
            (Memory::Rate(memory), Detector::Rate(spec)) => {
                memory.hold(matches!(bound.test, Test::Held));
                memory.see(spec, &now)
            }
            (Memory::Flat(memory), Detector::Flat(spec)) => match bound.test {
                Test::Scaled(band) => {
                    let spec = crate::rule::Flat {
                        band,
                        ..spec.clone()
                    };
                    memory.see(&spec, &now)
                }
                _ => memory.see(spec, &now),
            },
            (Memory::Count(memory), Detector::Count(spec)) => memory.see(spec, &now),
            (Memory::Window(memory), Detector::Window(spec)) => memory.see(spec, &now),
            (Memory::Forecast(memory), Detector::Forecast(spec)) => memory.see(spec, &now),
            (Memory::Sequence(memory), Detector::Sequence(spec)) => memory.see(spec, &now, then),
            (Memory::Anomaly(memory), Detector::Anomaly(spec)) => match bound.test {
                Test::Scaled(floor) => {
                    let spec = crate::rule::Anomaly {
                        floor,
                        ..spec.clone()
                    };
                    memory.see(&spec, &now)
                }
                _ => memory.see(spec, &now),
            },
            _ => Seen::Unknown(Hold::Rule),
        }
    }

    /// What a level's condition is, given what the detector sees.
    pub(super) fn condition(
        &self,
        (detector, number): (u32, usize),
        seen: Seen,
        at: Timestamp,
        around: Around<'_>,
    ) -> Condition {
        let bound = &around.wires.bound[detector as usize];
        let level = &bound.levels[number];
        if !level.armed {
            return Condition::False;
        }
        let gate = bound.extra.as_ref().and_then(|it| it.gate.as_ref());
        let is_open = gate.is_none_or(|(calendars, inside)| {
            calendars.iter().any(|calendar| calendar.holds(at)) == *inside
        });
        let condition = match (&bound.rule.detector, level.limit) {
            (Detector::Vote { k, .. }, Some(limit)) => vote(several::vote(
                *k,
                self.others(bound),
                |value| limit.op.holds(value, limit.value),
                |value| limit.op.holds(value, limit.reset),
            )),
            // A count that is not complete may be too small.
            (Detector::Count(spec), Some(limit))
                if !limit.op.is_upper() && self.is_least(detector, spec) =>
            {
                Condition::Unknown(Hold::Learning)
            }
            (Detector::Rollup { .. }, _) => self.rollup(bound, number, around),
            (Detector::Forecast(_), Some(limit)) => self.forecast(detector, bound, limit, seen, at),
            (_, limit) => compare(seen, limit),
        };
        match (condition, bound.rule.unknown) {
            // What a calendar leaves alone is no danger; but nothing clears what is not known.
            (Condition::Unknown(why), _) if !is_open => Condition::Unknown(why),
            _ if !is_open => Condition::False,
            // A gateway or a line that is down has its own alarm; what is not learned yet, or has
            // not reported yet, is no danger.
            (Condition::Unknown(GATEWAY_SILENT), _) => condition,
            (Condition::Unknown(Hold::Reading(_)), OnUnknown::Alarm) => Condition::True,
            (condition, _) => condition,
        }
    }

    fn value(&self, slot: u32) -> Result<(&Value, bool), Hold> {
        let point = &self.points[slot as usize];
        if let Some(away) = point.away() {
            return Err(away);
        }
        point
            .last
            .as_ref()
            .map_or(Err(Hold::Learning), |(_, sample)| match &sample.reading {
                fenghuo_model::Reading::Good(value) => Ok((value, false)),
                fenghuo_model::Reading::Uncertain(value, _) => Ok((value, true)),
                fenghuo_model::Reading::Bad(reason) => Err(Hold::Reading(*reason)),
            })
    }

    fn others<'a>(&'a self, bound: &'a Bound) -> impl Iterator<Item = several::Reading> + 'a {
        let others: &[u32] = match &bound.test {
            Test::Others(others) => others,
            _ => &[],
        };
        others
            .iter()
            .map(|other| self.points[*other as usize].usable())
    }

    fn stale(&self, bound: &Bound, within_ms: u64, at: Timestamp) -> Seen {
        let point = &self.points[bound.slot as usize];
        if point.is_unlisted {
            return Seen::Unknown(Hold::Break);
        }
        if point.down > 0 {
            return Seen::Unknown(Hold::Source);
        }
        let since = point.valued.or(self.begin);
        let within = Duration::from_millis(within_ms);
        Seen::Truth(since.is_some_and(|since| at >= since.plus(within)), false)
    }

    fn any_on(&self, bound: &Bound) -> Result<(bool, bool), Hold> {
        let mut unknown = None;
        let mut doubtful = false;
        for other in self.others(bound) {
            match other {
                Ok((value, doubt)) if value != 0.0 => return Ok((true, doubt)),
                Ok((_, doubt)) => doubtful |= doubt,
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok((false, doubtful)), Err)
    }

    fn interlock(&self, bound: &Bound, when_on: bool) -> Seen {
        let (state, doubt) = match self.points[bound.slot as usize].usable() {
            Err(why) => return Seen::Unknown(why),
            Ok((value, doubt)) => (value != 0.0, doubt),
        };
        if state != when_on {
            return Seen::Truth(false, doubt);
        }
        let off = |other: &several::Reading| matches!(other, Ok((value, _)) if *value == 0.0);
        if self.others(bound).any(|other| off(&other)) {
            return Seen::Truth(true, doubt);
        }
        match self.others(bound).find_map(Result::err) {
            Some(why) => Seen::Unknown(why),
            None => {
                let doubtful = self.others(bound).any(|it| matches!(it, Ok((_, true))));
                Seen::Truth(false, doubtful)
            }
        }
    }

    fn rollup(&self, bound: &Bound, number: usize, around: Around<'_>) -> Condition {
        let (Test::Items(items), Some(needs)) = (&bound.test, bound.rule.levels[number].needs)
        else {
            return Condition::Unknown(Hold::Rule);
        };
        // Several detectors may stand for one point: the worst of them counts, once.
        let mut each: Vec<Item> = Vec::new();
        let mut last = None;
        for (point, detector) in items {
            let item = self.item(*detector, around);
            match each.last_mut() {
                Some(worst) if last == Some(*point) => *worst = worse(*worst, item),
                _ => each.push(item),
            }
            last = Some(*point);
        }
        vote(several::rollup(each, needs))
    }

    /// What a roll-up counts of a detector: the worst of its alarms that are somebody's
    /// concern. One that is planned, suppressed or out of service is not counted; one on the
    /// shelf is, for putting it away makes nothing less dangerous.
    pub(super) fn item(&self, detector: u32, Around { wires, book }: Around<'_>) -> Item {
        let bound = &wires.bound[detector as usize];
        let states = || {
            (0..)
                .zip(&bound.levels)
                .map(|(n, l)| (&self.states[bound.state(n)], l))
        };
        let counts = |state: &LevelState| {
            let alarm = state.alarm.map(|alarm| book.get(alarm));
            alarm.is_some_and(|alarm| alarm.is_none_or(Alarm::concerns_somebody))
        };
        let up = states().filter(|(state, _)| counts(state));
        if let Some(severity) = up.map(|(_, level)| level.severity).max() {
            return Item::Up(severity);
        }
        let unknown = |(state, level): (&LevelState, &BoundLevel)| {
            level.armed && state.alarm.is_none() && state.verdict == Verdict::Unknown
        };
        if states().any(unknown) {
            return Item::Unknown(Hold::Learning);
        }
        Item::Clear
    }

    fn is_least(&self, detector: u32, spec: &crate::rule::Count) -> bool {
        let memory = &self.memory[detector as usize];
        matches!(memory, Memory::Count(memory) if memory.is_least(spec))
    }

    fn forecast(
        &self,
        detector: u32,
        bound: &Bound,
        limit: BoundLimit,
        seen: Seen,
        at: Timestamp,
    ) -> Condition {
        let (Memory::Forecast(memory), Detector::Forecast(spec)) =
            (&self.memory[detector as usize], &bound.rule.detector)
        else {
            return Condition::Unknown(Hold::Rule);
        };
        let crosses = memory.crosses(spec, limit.op.is_upper(), limit.value, at);
        match (seen, crosses) {
            // What is beyond the limit already needs no forecast.
            (Seen::Unknown(Hold::Learning), Ok(true)) => Condition::True,
            (Seen::Unknown(why), _) | (_, Err(why)) => Condition::Unknown(why),
            (seen, Ok(crosses)) => {
                let doubtful = matches!(seen, Seen::Number(_, true));
                compare(Seen::Truth(crosses, doubtful), None)
            }
        }
    }

    fn expression(&self, bound: &Bound, at: Timestamp) -> Seen {
        let Test::Program(program) = &bound.test else {
            return Seen::Unknown(Hold::Rule);
        };
        match program.code.eval(|input| self.input(program, input, at)) {
            Answer::Number { value, doubtful } => Seen::Number(value, doubtful),
            Answer::Truth { value, doubtful } => Seen::Truth(value, doubtful),
            Answer::Unknown(why) => Seen::Unknown(why),
        }
    }

    fn input(&self, program: &Program, input: usize, at: Timestamp) -> Input<'_> {
        let slot = program.slots[input];
        let age_ms = self.points[slot as usize]
            .valued
            .map(|valued| u64::try_from(at.since(valued).as_millis()).unwrap_or(u64::MAX));
        match self.value(slot) {
            Err(reason) => Input::Unknown { reason, age_ms },
            Ok((Value::Text(value), doubtful)) => Input::Text {
                value,
                doubtful,
                age_ms,
            },
            Ok((Value::Bool(value), doubtful)) => Input::Bool {
                value: *value,
                doubtful,
                age_ms,
            },
            Ok((value, doubtful)) => Input::Number {
                value: value.as_f64().unwrap_or_default(),
                doubtful,
                age_ms,
            },
        }
    }

    /// When what a detector sees may change by time alone.
    pub(super) fn due(&self, detector: u32, bound: &Bound, now: Timestamp) -> Option<Timestamp> {
        let own = match &bound.rule.detector {
            Detector::Stale { within_ms } => {
                let since = self.points[bound.slot as usize].valued.or(self.begin);
                since.map(|since| since.plus(Duration::from_millis(*within_ms)))
            }
            // Its text asks how old a value is. At whole seconds: the next look must not depend
            // on the last one, which no snapshot knows.
            Detector::Expression(_) if bound.timed => Some(next_second(now)),
            detector_spec => self
                .memory
                .get(detector as usize)
                .and_then(|memory| memory.due(detector_spec)),
        };
        let gate = bound.extra.as_ref().and_then(|it| it.gate.as_ref());
        let edges = gate.into_iter().flat_map(|(calendars, _)| calendars);
        let edge = edges.map(|calendar: &Calendar| calendar.next_edge(now));
        let own = own.filter(|due| *due > now);
        own.into_iter().chain(edge).min()
    }
}

fn next_second(now: Timestamp) -> Timestamp {
    let second = now.as_millis().div_euclid(1_000).saturating_add(1);
    Timestamp::from_millis(second.saturating_mul(1_000))
}

pub(super) fn worse(one: Item, other: Item) -> Item {
    match (one, other) {
        (Item::Up(one), Item::Up(other)) => Item::Up(one.max(other)),
        (up @ Item::Up(_), _) | (_, up @ Item::Up(_)) => up,
        (unknown @ Item::Unknown(_), _) | (_, unknown @ Item::Unknown(_)) => unknown,
        (Item::Clear, Item::Clear) => Item::Clear,
    }
}

fn number(reading: Result<(f64, bool), Hold>) -> Seen {
    match reading {
        Ok((value, doubtful)) => Seen::Number(value, doubtful),
        Err(why) => Seen::Unknown(why),
    }
}

fn compare(seen: Seen, limit: Option<BoundLimit>) -> Condition {
    match (seen, limit) {
        (Seen::Unknown(why), _) => Condition::Unknown(why),
        (Seen::Truth(true, _), _) => Condition::True,
        (Seen::Truth(false, true), _) => Condition::Keep,
        (Seen::Truth(false, false), _) => Condition::False,
        (Seen::Number(..), None) => Condition::Unknown(Hold::Rule),
        (Seen::Number(value, _), Some(limit)) if limit.op.holds(value, limit.value) => {
            Condition::True
        }
        (Seen::Number(value, doubtful), Some(limit))
            if doubtful || limit.op.holds(value, limit.reset) =>
        {
            Condition::Keep
        }
        (Seen::Number(..), Some(_)) => Condition::False,
    }
}

fn vote(vote: Vote) -> Condition {
    match vote {
        Vote::True => Condition::True,
        Vote::Keep => Condition::Keep,
        Vote::False => Condition::False,
        Vote::Unknown(why) => Condition::Unknown(why),
    }
}
