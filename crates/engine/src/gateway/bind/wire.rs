//! Who looks at whom: what a lane needs at hand for every sample.

use std::collections::BTreeMap;
use std::time::Duration;

use fenghuo_model::SourceKind;
use fenghuo_model::source::{LABEL_DEVICE, LABEL_LINE};

use super::{Bindings, Bound, Near, Program, Refusal, Test, Unbound, Wanted, bind};
use crate::expr::{self, Ty, Want};
use crate::gateway::Slot;
use crate::rule::{Detector, Expression, RuleSet};

/// A point is stale after this many of its intervals without a word, and never before
/// [`STALE_MS_MIN`].
const STALE_INTERVALS: u64 = 3;
/// The least time before a point is stale.
const STALE_MS_MIN: u64 = 5_000;

/// The compiled detectors of a gateway.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    /// Every detector.
    pub bound: Vec<Bound>,
    /// What every sample of a slot asks for.
    pub by_slot: Vec<Looks>,
    /// Who looks, slot after slot.
    watches: Vec<Watch>,
    /// Roll-ups that count a detector's alarms.
    pub dependents: BTreeMap<u32, Vec<u32>>,
    /// Of a status point, the points that stand behind its line or device.
    pub children: BTreeMap<u32, Vec<u32>>,
    /// What is not watched.
    pub unbound: Vec<Unbound>,
}

/// What every sample of a slot asks for: a copy of the little that matters, side by side.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    /// Its watches begin here.
    first: u32,
    /// And end before this.
    end: u32,
    /// A time without a word after which it is stale.
    pub stale_after: Option<Duration>,
    /// It says whether a line or a device answers.
    pub is_source: bool,
}

impl Looks {
    /// Nobody looks at it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.first == self.end
    }
}

/// A detector that looks at a slot.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// Which.
    pub detector: u32,
    /// What of a sample can matter to it.
    pub how: How,
    /// It compares this point with others: what several of them say at one instant is looked
    /// at together.
    pub is_joint: bool,
}

/// What of a sample can matter to a detector. All but the first let a lane pass by a detector
/// that has nothing to say (see the lane's `calm`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Anything.
    Whole,
    /// Its number.
    Number,
    /// What the detector's memory makes of its number.
    Memory,
    /// It is another point's, and matters only by the state of the detector's own.
    Beside,
}

/// Whether a detector looks at several points at once. A sequence tells what came first, so
/// it looks at each by itself.
fn is_joint(bound: &Bound) -> bool {
    let is_sequence = matches!(bound.rule.detector, Detector::Sequence(_));
    !is_sequence && bound.watched().len() > 1
}

impl How {
    fn of(bound: &Bound, slot: u32) -> Self {
        let is_own = bound.slot == slot;
        match &bound.rule.detector {
            _ if bound.extra.is_some() => Self::Whole,
            Detector::Level | Detector::Stale { .. } => Self::Number,
            Detector::Interlock { .. } if is_own => Self::Number,
            Detector::Interlock { .. } => Self::Beside,
            Detector::Rate(_) | Detector::Window(_) => Self::Memory,
            _ => Self::Whole,
        }
    }
}

impl Wires {
    /// Compiles the rules for a gateway's points.
    #[must_use]
    pub fn new(rules: &RuleSet, slots: &[Slot]) -> Self {
        let Bindings { bound, unbound } = bind(rules, slots);
        let mut pairs = Vec::with_capacity(bound.len());
        let mut joint = Vec::with_capacity(bound.len());
        let mut dependents: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (at, bound) in (0..).zip(&bound) {
            pairs.extend(bound.watched().into_iter().map(|slot| (slot, at)));
            joint.push(is_joint(bound));
            if let Test::Items(items) = &bound.test {
                for (_, item) in items {
                    dependents.entry(*item).or_default().push(at);
                }
            }
        }
        pairs.sort_unstable();
        let watch = |(slot, detector): &(u32, u32)| Watch {
            detector: *detector,
            how: How::of(&bound[*detector as usize], *slot),
            is_joint: joint[*detector as usize],
        };
        Self {
            by_slot: looks(slots, &pairs),
            watches: pairs.iter().map(watch).collect(),
            dependents,
            children: children(slots),
            unbound,
            bound,
        }
    }

    /// The detectors that look at a slot, in their own order.
    #[must_use]
    pub fn watches(&self, slot: u32) -> &[Watch] {
        let Looks { first, end, .. } = self.by_slot[slot as usize];
        &self.watches[first as usize..end as usize]
    }
}

/// `pairs`: slot and detector, in order.
fn looks(slots: &[Slot], pairs: &[(u32, u32)]) -> Vec<Looks> {
    let mut first = 0;
    let mut looks = Vec::with_capacity(slots.len());
    for (at, slot) in (0..).zip(slots) {
        let rest = pairs.get(first as usize..).unwrap_or_default();
        let count = rest.iter().take_while(|(slot, _)| *slot == at).count();
        let end = first + u32::try_from(count).unwrap_or(0);
        looks.push(Looks {
            first,
            end,
            stale_after: stale_after(slot),
            is_source: slot.is_source,
        });
        first = end;
    }
    looks
}

pub fn stale_after(slot: &Slot) -> Option<Duration> {
    let interval = u64::from(slot.def.interval_ms);
    let wait = (interval * STALE_INTERVALS).max(STALE_MS_MIN);
    (interval > 0).then(|| Duration::from_millis(wait))
}

/// The points behind each line and device. A line carries its devices' status points too.
fn children(slots: &[Slot]) -> BTreeMap<u32, Vec<u32>> {
    let mut behind: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    for (at, slot) in (0..).zip(slots).filter(|(_, slot)| !slot.retired) {
        for label in [LABEL_LINE, LABEL_DEVICE] {
            if let Some(name) = slot.def.labels.get(label) {
                behind.entry((label, name)).or_default().push(at);
            }
        }
    }
    let mut children = BTreeMap::new();
    for (at, slot) in (0..).zip(slots).filter(|(_, slot)| !slot.retired) {
        let label = match SourceKind::of(&slot.def) {
            Some(SourceKind::Line) => LABEL_LINE,
            Some(SourceKind::Device) => LABEL_DEVICE,
            None => continue,
        };
        let name = slot.def.labels.get(label);
        let found = name.and_then(|name| behind.get(&(label, name.as_str())));
        let mut found = found.cloned().unwrap_or_default();
        found.retain(|child| *child != at);
        children.insert(at, found);
    }
    children
}

/// Compiles an expression for a point; `value` is the point itself.
pub fn program<'a>(
    expression: &'a Expression,
    own: u32,
    near: &mut Near<'a>,
) -> Result<Test, Refusal> {
    let slots = near.slots;
    let slot = &slots[own as usize];
    let mut inputs = BTreeMap::from([("value".to_owned(), own)]);
    for (name, select) in &expression.inputs {
        match near.beside(select, slot).as_slice() {
            [one] => inputs.insert(name.clone(), *one),
            [] => return Err(Refusal::Nothing(Wanted::Input(name.clone()))),
            many => return Err(Refusal::Several(name.clone(), many.len())),
        };
    }
    let types = inputs.iter().map(|(name, at)| {
        let def = &slots[*at as usize].def;
        let ty = match def.value_type {
            fenghuo_model::ValueType::Bool => Ty::Bool,
            fenghuo_model::ValueType::Text => Ty::Text,
            _ => Ty::Number(def.unit),
        };
        (name.clone(), ty)
    });
    let want = if expression.number {
        Want::Number(slot.def.unit)
    } else {
        Want::Bool
    };
    let code =
        expr::compile(&expression.when, &types.collect(), want).map_err(Refusal::Expression)?;
    let slots = code.inputs().iter().map(|name| inputs[name]).collect();
    Ok(Test::Program(Box::new(Program { code, slots })))
}
