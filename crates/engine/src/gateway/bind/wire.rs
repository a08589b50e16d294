//! Who looks at whom: what a lane needs at hand for every sample.

use std::collections::BTreeMap;

use fenghuo_model::SourceKind;
use fenghuo_model::source::{LABEL_DEVICE, LABEL_LINE};

use super::{Bindings, Bound, Near, Program, Test, Unbound, bind};
use crate::expr::{self, Ty, Want};
use crate::gateway::Slot;
use crate::rule::{Expression, RuleSet};

/// The compiled detectors of a gateway.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    /// Every detector.
    pub bound: Vec<Bound>,
    /// Detectors that look at a slot.
    pub by_slot: Vec<Vec<u32>>,
    /// Roll-ups that count a detector's alarms.
    pub dependents: Vec<Vec<u32>>,
    /// Of a status point, the points that stand behind its line or device.
    pub children: BTreeMap<u32, Vec<u32>>,
    /// What is not watched.
    pub unbound: Vec<Unbound>,
}

impl Wires {
    /// Compiles the rules for a gateway's points.
    #[must_use]
    pub fn new(rules: &RuleSet, slots: &[Slot]) -> Self {
        let Bindings { bound, unbound } = bind(rules, slots);
        let mut by_slot = vec![Vec::new(); slots.len()];
        let mut dependents = vec![Vec::new(); bound.len()];
        for (at, bound) in (0..).zip(&bound) {
            for slot in bound.watched() {
                by_slot[slot as usize].push(at);
            }
            if let Test::Items(items) = &bound.test {
                for (_, item) in items {
                    dependents[*item as usize].push(at);
                }
            }
        }
        Self {
            by_slot,
            dependents,
            children: children(slots),
            unbound,
            bound,
        }
    }
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
) -> Result<Test, String> {
    let slots = near.slots;
    let slot = &slots[own as usize];
    let mut inputs = BTreeMap::from([("value".to_owned(), own)]);
    for (name, select) in &expression.inputs {
        match near.beside(select, slot).as_slice() {
            [one] => inputs.insert(name.clone(), *one),
            [] => return Err(format!("no point on this gateway is `{name}`")),
            many => return Err(format!("{} points are `{name}`: one is wanted", many.len())),
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
        expr::compile(&expression.when, &types.collect(), want).map_err(|faults| said(&faults))?;
    let slots = code.inputs().iter().map(|name| inputs[name]).collect();
    Ok(Test::Program(Box::new(Program { code, slots })))
}

fn said(faults: &[expr::Fault]) -> String {
    let all: Vec<_> = faults
        .iter()
        .map(|fault| format!("at {}: {}", fault.span.start + 1, fault.what))
        .collect();
    all.join("; ")
}
