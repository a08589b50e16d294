//! The other points of a gateway that a rule looks at.
//!
//! Where both points say which area they stand in, the areas must agree. What a select names
//! is looked up once for all points of a rule: with 10,000 points on each side, asking anew
//! for each would be 100 million questions.

use std::collections::BTreeMap;

use crate::gateway::Slot;
use crate::rule::Select;

const AREA: &str = "area";
/// Most points that stand beside one: with all points beside all, memory would grow with
/// their square.
pub const BESIDE_MAX: usize = 1_000;

/// What selects name on a gateway, found once each.
pub struct Near<'a> {
    /// The points.
    pub slots: &'a [Slot],
    found: Vec<(&'a Select, Named<'a>)>,
}

#[derive(Default)]
struct Named<'a> {
    every: Vec<u32>,
    /// Those that say no area.
    anywhere: Vec<u32>,
    by_area: BTreeMap<&'a str, Vec<u32>>,
}

impl<'a> Near<'a> {
    /// For a gateway's points.
    pub const fn new(slots: &'a [Slot]) -> Self {
        Self {
            slots,
            found: Vec::new(),
        }
    }

    /// The points that a select names beside this one, in order.
    pub fn beside(&mut self, select: &'a Select, slot: &Slot) -> Vec<u32> {
        let known = self.found.iter().position(|(known, _)| *known == select);
        let at = known.unwrap_or_else(|| {
            self.found.push((select, named(select, self.slots)));
            self.found.len() - 1
        });
        let named = &self.found[at].1;
        let Some(area) = slot.def.labels.get(AREA) else {
            return named.every.clone();
        };
        let here = named.by_area.get(area.as_str()).into_iter().flatten();
        let mut points: Vec<u32> = here.chain(&named.anywhere).copied().collect();
        points.sort_unstable();
        points
    }
}

fn named<'a>(select: &Select, slots: &'a [Slot]) -> Named<'a> {
    let mut named = Named::default();
    for (at, slot) in (0..).zip(slots) {
        if slot.retired || !select.matches(&slot.point, &slot.def) {
            continue;
        }
        named.every.push(at);
        match slot.def.labels.get(AREA) {
            Some(area) => named.by_area.entry(area).or_default().push(at),
            None => named.anywhere.push(at),
        }
    }
    named
}
