//! Coverage, shown enterprise by enterprise: a second's share of the points at a time, so
//! that judging never waits for a county.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_model::EnterpriseId;

use super::Judge;

/// Points looked at in one second, but at least one enterprise.
const POINTS_A_TICK: usize = 5_000;

/// The enterprises of this round that are still to be shown.
#[derive(Debug, Default)]
pub struct Round {
    left: BTreeSet<EnterpriseId>,
}

/// Shows the next enterprises.
pub fn show(judge: &mut Judge) {
    if judge.round.left.is_empty() {
        judge.round.left = judge.engine.enterprises();
        let known = &judge.round.left;
        let mut shown = judge.parts.board.write();
        shown.coverage.retain(|id, _| known.contains(id));
    }
    let mut points = 0;
    while points < POINTS_A_TICK {
        let Some(id) = judge.round.left.pop_first() else {
            break;
        };
        let coverage = judge.engine.coverage_of(&id);
        points += coverage.points.max(1);
        let mut shown = judge.parts.board.write();
        shown.coverage.insert(id, Arc::new(coverage));
    }
}
