//! Kept entries and about when each entered the log.
//!
//! Acts and starts say it themselves. Of the others the next tick of the log says it, while
//! the log has it; rules and expectations stand right before a start; for the rest the
//! entries and events around it do, in proportion of their positions.

use std::collections::{BTreeMap, VecDeque};

use fenghuo_engine::Input;
use fenghuo_model::{GatewayKey, Timestamp};

use super::{Plan, Sources, times};
use crate::entry;

/// Kept entries read at once.
const READ_ENTRIES: usize = 256;
/// Most kept entries of one span.
pub const ENTRIES_MAX: usize = 1_000_000;
/// A start's own entries stand this close together.
const START_ENTRIES: u64 = 3;

/// A kept entry that is still to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// About when it entered the log.
    pub at: Timestamp,
    /// Where it stands.
    pub position: u64,
}

/// What is to be folded beside the samples, in the order of the log.
#[derive(Debug, Default)]
pub struct Kept {
    /// What makes the state at the begin: the newest of each kind and gateway, and every act.
    pub before: Vec<Due>,
    /// What comes then.
    pub later: VecDeque<Due>,
    /// The catalogs among `later`, by gateway.
    pub catalogs: BTreeMap<GatewayKey, VecDeque<u64>>,
}

/// What is known of an entry before its time is.
struct Found {
    position: u64,
    kind: u8,
    gateway: Option<GatewayKey>,
    says: Option<Timestamp>,
}

impl Kept {
    /// Reads what a plan needs.
    pub fn read(sources: &Sources, plan: &Plan) -> anyhow::Result<Self> {
        let found = find(sources, plan)?;
        let mut kept = Self::default();
        let mut newest: BTreeMap<(u8, Option<GatewayKey>), Due> = BTreeMap::new();
        let mut last = Timestamp::MIN;
        for (number, entry) in found.iter().enumerate() {
            // What stands later in the log came later.
            let at = time_of(&found, number, sources)?.max(last);
            last = at;
            let due = Due {
                at,
                position: entry.position,
            };
            if at >= plan.until {
                break;
            }
            if at > plan.from {
                kept.later.push_back(due);
                if let Some(gateway) = &entry.gateway {
                    let catalogs = kept.catalogs.entry(gateway.clone()).or_default();
                    catalogs.push_back(entry.position);
                }
            } else if entry.kind == entry::ACT {
                kept.before.push(due);
            } else {
                newest.insert((entry.kind, entry.gateway.clone()), due);
            }
        }
        kept.before.extend(newest.into_values());
        // Rules before catalogs would do as well; acts need the clock of their time, and the
        // bookings among them the points.
        kept.before.sort_by_key(|due| due.position);
        Ok(kept)
    }
}

fn find(sources: &Sources, plan: &Plan) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = sources.journal.kept(after, READ_ENTRIES)?;
        let Some(&(last, ..)) = page.last() else {
            return Ok(found);
        };
        after = last;
        for (position, kind, body) in page {
            if kind == entry::RULES && plan.rules.is_some() {
                continue;
            }
            let input = entry::small(kind, &body)?;
            let (gateway, says) = match &input {
                Input::Catalog(gateway, _) => (Some(gateway.clone()), None),
                Input::Act(act) => (None, Some(act.at)),
                Input::Started(at) => (None, Some(*at)),
                _ => (None, None),
            };
            let of_another = matches!((&gateway, &plan.gateway), (Some(a), Some(b)) if a != b);
            if !of_another {
                found.push(Found {
                    position,
                    kind,
                    gateway,
                    says,
                });
            }
        }
        anyhow::ensure!(
            found.len() <= ENTRIES_MAX,
            "the journal keeps more than {ENTRIES_MAX} entries"
        );
    }
}

fn time_of(found: &[Found], number: usize, sources: &Sources) -> anyhow::Result<Timestamp> {
    let entry = &found[number];
    if let Some(says) = entry.says {
        return Ok(says);
    }
    let position = entry.position;
    let says = |other: &Found| Some((other.position, other.says?));
    let next = found[number..].iter().find_map(says);
    if let Some((start, at)) = next
        && entry.gateway.is_none()
        && start <= position + START_ENTRIES
    {
        return Ok(at);
    }
    if let Some(log) = &sources.log
        && log.first()?.is_some_and(|first| first <= position)
        && let Some((_, at)) = times::time_after(log, position)?
    {
        return Ok(at);
    }
    let (before, after) = sources.journal.judged_around(position)?;
    let instant = |(position, ms)| (position, Timestamp::from_millis(ms));
    let last = found[..number].iter().rev().find_map(says);
    let low = last.into_iter().chain(before.map(instant)).max();
    let high = next.into_iter().chain(after.map(instant)).min();
    Ok(between(low, high, position))
}

/// In proportion of the positions; the nearer side where there is only one.
fn between(
    low: Option<(u64, Timestamp)>,
    high: Option<(u64, Timestamp)>,
    position: u64,
) -> Timestamp {
    match (low, high) {
        (Some((from, begin)), Some((to, end))) if to > from => {
            let share =
                i128::from(position.saturating_sub(from)) * 1_000_000 / i128::from(to - from);
            let span = i128::from(end.as_millis() - begin.as_millis());
            let offset = i64::try_from(span * share / 1_000_000).unwrap_or(0);
            Timestamp::from_millis(begin.as_millis() + offset)
        }
        (Some((_, at)), _) | (None, Some((_, at))) => at,
        (None, None) => Timestamp::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_between_two_others_is_in_proportion() {
        let at = |ms| Timestamp::from_millis(ms);
        let (low, high) = (Some((100, at(1_000))), Some((200, at(3_000))));
        assert_eq!(between(low, high, 150), at(2_000));
        assert_eq!(between(low, None, 150), at(1_000));
        assert_eq!(between(None, high, 150), at(3_000));
        assert_eq!(between(None, None, 150), Timestamp::MIN);
    }
}
