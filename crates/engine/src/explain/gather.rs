//! Collects what is known of a rule at a point, changing nothing.

use std::collections::BTreeMap;

use fenghuo_model::{PointRef, Title};

use super::{
    Answer, Explanation, Gate, INPUTS_MAX, Input, LevelAnswer, Role, Standing, Unwatched, Watched,
    Why, say,
};
use crate::alarm::{Alarm, Book, Life};
use crate::engine::Engine;
use crate::gateway::Gateway;
use crate::gateway::bind::{Bound, Test};
use crate::gateway::emit::SILENT_RULE;
use crate::gateway::lane::glance::Glance;
use crate::gateway::lane::{Around, Lane};
use crate::gateway::verdict::{Condition, Verdict};
use crate::rule::Rule;

impl Engine {
    /// Why a rule has, or has not, an alarm at a point, as it stands now: one explanation
    /// for each binding of the rule that looks at the point and each lane, the live one
    /// first; or one that says why the rule does not watch it.
    #[must_use]
    pub fn explain(&self, rule: &str, point: &PointRef) -> Vec<Explanation> {
        let Some(known) = self.rules().rules.get(rule) else {
            let why = if rule == SILENT_RULE {
                Unwatched::Silence
            } else {
                Unwatched::NoRule
            };
            return vec![unwatched(rule, None, point, why)];
        };
        let Some(gateway) = self.gateway(&point.gateway) else {
            return vec![unwatched(rule, Some(known), point, Unwatched::NoGateway)];
        };
        let mut found = Vec::new();
        for (at, bound) in (0..).zip(&gateway.wires.bound) {
            if bound.rule.id == known.id && looks_at(bound, point, gateway) {
                for (lane, backlog) in lanes(gateway) {
                    let binding = Binding {
                        gateway,
                        book: self.book(),
                        lane,
                        backlog,
                        bound,
                        at,
                    };
                    found.push(binding.explain(point));
                }
            }
        }
        if found.is_empty() {
            let why = Unwatched::of(known, point, gateway);
            found.push(unwatched(rule, Some(known), point, why));
        }
        found
    }
}

fn unwatched(
    id: &str,
    rule: Option<&std::sync::Arc<Rule>>,
    point: &PointRef,
    why: Unwatched,
) -> Explanation {
    Explanation {
        verdict: why.say(id, point),
        rule: rule.map_or_else(|| id.into(), |rule| rule.id.clone()),
        version: rule.map(|rule| rule.version.clone()),
        title: rule.map_or_else(Title::default, |rule| rule.title.clone()),
        source: rule.and_then(|rule| rule.source.clone()),
        detector: rule.map(|rule| rule.detector.as_str()),
        point: point.clone(),
        answer: Answer::Unwatched(why),
    }
}

fn lanes(gateway: &Gateway) -> impl Iterator<Item = (&Lane, bool)> {
    let backlog = gateway.backlog.iter().map(|lane| (lane, true));
    std::iter::once((&gateway.live, false)).chain(backlog)
}

fn looks_at(bound: &Bound, point: &PointRef, gateway: &Gateway) -> bool {
    inputs(bound)
        .keys()
        .any(|slot| gateway.slots[*slot as usize].point == *point)
}

/// Every slot that a binding looks at, and what for.
fn inputs(bound: &Bound) -> BTreeMap<u32, Role> {
    let mut inputs = BTreeMap::new();
    let suppress = bound.extra.as_ref().and_then(|it| it.suppress.as_ref());
    for slot in suppress.iter().flat_map(|(points, _)| points.iter()) {
        inputs.insert(*slot, Role::Suppresses);
    }
    let others: Vec<u32> = match &bound.test {
        Test::Own | Test::Held | Test::Scaled(_) => Vec::new(),
        Test::Others(others) => others.to_vec(),
        Test::Items(items) => items.iter().map(|(point, _)| *point).collect(),
        Test::Program(program) => program.slots.to_vec(),
    };
    inputs.extend(others.into_iter().map(|slot| (slot, Role::Other)));
    inputs.insert(bound.slot, Role::Own);
    inputs
}

/// A binding in a lane.
struct Binding<'a> {
    gateway: &'a Gateway,
    book: &'a Book,
    lane: &'a Lane,
    backlog: bool,
    bound: &'a Bound,
    /// Its place among the gateway's.
    at: u32,
}

impl Binding<'_> {
    fn explain(&self, point: &PointRef) -> Explanation {
        let rule = &self.bound.rule;
        let around = Around {
            wires: &self.gateway.wires,
            book: self.book,
        };
        let glance = self.lane.glance(self.at, around);
        let mut inputs: Vec<_> = inputs(self.bound)
            .into_iter()
            .map(|(slot, role)| self.input(slot, role))
            .collect();
        inputs.sort_by_key(|input| input.role);
        let inputs_left_out = inputs.len().saturating_sub(INPUTS_MAX);
        inputs.truncate(INPUTS_MAX);
        let mut watched = Watched {
            subject: self.bound.subject(&self.gateway.slots),
            unit: self.gateway.slots[self.bound.slot as usize].def.unit,
            backlog: self.backlog,
            at: self.lane.watermark,
            silent: self.gateway.silent && !self.backlog,
            seen: glance.as_ref().map(|glance| glance.seen),
            gate: self.gate(),
            inputs,
            inputs_left_out,
            levels: Vec::new(),
        };
        for number in 0..self.bound.levels.len() {
            let mut level = self.level(number, glance.as_ref(), &watched);
            level.verdict = say::level(rule, &watched, &level);
            watched.levels.push(level);
        }
        Explanation {
            verdict: say::whole(&watched),
            rule: rule.id.clone(),
            version: Some(rule.version.clone()),
            title: rule.title.clone(),
            source: rule.source.clone(),
            detector: Some(rule.detector.as_str()),
            point: point.clone(),
            answer: Answer::Watched(Box::new(watched)),
        }
    }

    fn gate(&self) -> Option<Gate> {
        let (calendars, inside) = self.bound.extra.as_ref()?.gate.as_ref()?;
        let at = self.lane.watermark.unwrap_or_default();
        let holds = calendars.iter().any(|calendar| calendar.holds(at));
        Some(Gate {
            calendar: self.bound.rule.gate.as_ref()?.calendar.clone(),
            inside: *inside,
            open: holds == *inside,
        })
    }

    fn input(&self, slot: u32, role: Role) -> Input {
        let slots = &self.gateway.slots;
        let known = self.lane.known(slot, slots);
        let behind = |(source, children): (&u32, &Vec<u32>)| {
            let down = self.lane.points[*source as usize].is_down && children.contains(&slot);
            down.then(|| slots[*source as usize].point.clone())
        };
        let down = self.gateway.wires.children.iter().filter_map(behind);
        Input {
            point: slots[slot as usize].point.clone(),
            unit: slots[slot as usize].def.unit,
            role,
            last: known.last,
            heard: known.heard,
            valued: known.valued,
            away: known.away,
            down: down.collect(),
            stale_after_ms: known
                .stale_after
                .and_then(|wait| u64::try_from(wait.as_millis()).ok()),
        }
    }

    fn level(&self, number: usize, glance: Option<&Glance>, watched: &Watched) -> LevelAnswer {
        let bound = &self.bound.levels[number];
        let state = &self.lane.states[self.bound.state(number)];
        let glance = glance.and_then(|glance| glance.levels.get(number));
        let alarm = state.alarm.and_then(|up| self.book.get(up)).or_else(|| {
            let key = self.bound.key(number, &self.gateway.slots);
            self.book.newest(&key, self.backlog)
        });
        let condition = glance.map(|glance| glance.condition);
        let facts = Facts {
            armed: bound.armed,
            closed: watched.gate.as_ref().is_some_and(|gate| !gate.open),
            silent: watched.silent,
            condition,
            verdict: &state.verdict,
        };
        LevelAnswer {
            verdict: Title::default(),
            name: self.bound.rule.levels[number].name.clone(),
            severity: bound.severity,
            why: alarm
                .and_then(|alarm| facts.standing(alarm))
                .unwrap_or_else(|| facts.absent()),
            limit: bound.limit,
            for_ms: bound.delays.for_ms,
            off_ms: bound.delays.off_ms,
            condition,
            state: state.verdict.clone(),
            due: state.due(bound.delays),
            tally: glance.and_then(|glance| glance.tally),
            ahead: glance.and_then(|glance| glance.ahead),
            alarm: alarm.map(standing),
        }
    }
}

/// What a level's situation follows from.
struct Facts<'a> {
    armed: bool,
    closed: bool,
    silent: bool,
    condition: Option<Condition>,
    verdict: &'a Verdict,
}

impl Facts<'_> {
    /// Of an alarm that is not normal underneath.
    fn standing(&self, alarm: &Alarm) -> Option<Why> {
        match alarm.place.life {
            Life::Normal => None,
            Life::ReturnedUnacknowledged => Some(Why::Returned),
            Life::LatchedUnacknowledged | Life::LatchedAcknowledged => Some(Why::Latched),
            Life::Unacknowledged | Life::Acknowledged => Some(match self.condition {
                _ if alarm.held.is_some() => Why::Held,
                _ if matches!(self.verdict, Verdict::Clearing { .. }) => Why::Clearing,
                Some(Condition::Keep) => Why::Kept,
                _ => Why::Up,
            }),
        }
    }

    /// Of a level without an alarm.
    fn absent(&self) -> Why {
        if !self.armed {
            return Why::Unarmed;
        }
        let Some(condition) = self.condition else {
            return Why::NoData;
        };
        if self.closed {
            return Why::Closed;
        }
        if self.silent {
            return Why::Silent;
        }
        match (condition, self.verdict) {
            (Condition::Unknown(why), _) => Why::Unknown(why),
            (Condition::True, Verdict::Pending { .. }) => Why::Pending,
            (Condition::True, _) => Why::Due,
            (Condition::Keep, _) => Why::Between,
            (Condition::False, _) => Why::Normal,
        }
    }
}

fn standing(alarm: &Alarm) -> Standing {
    Standing {
        occurrence: alarm.occurrence,
        state: alarm.state,
        raised_at: alarm.raised_at,
        returned_at: alarm.returned_at,
        held: alarm.held,
        retrospective: alarm.retrospective,
        shelf: alarm.shelf.clone().filter(|_| alarm.place.shelved),
        suppressed_by: alarm
            .suppressed_by
            .clone()
            .filter(|_| alarm.place.suppressed),
        out: alarm.permit.clone().filter(|_| alarm.place.out),
        acknowledged_by: alarm.acknowledged.as_ref().map(|(_, by, _)| by.clone()),
        planned: alarm.raised.as_ref().and_then(|it| it.planned.clone()),
    }
}
