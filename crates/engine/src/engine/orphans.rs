//! What a change of rules or points leaves behind.

use std::collections::BTreeSet;

use fenghuo_model::{Severity, Timestamp};

use crate::event::{Said, Transition, Unshelved, Unwatched};
use crate::gateway::Gateway;
use crate::gateway::emit::Emit;
use crate::gateway::lane::Lane;
use crate::rule::RuleSet;
use crate::{Alarm, AlarmKey, Book, Subject};

/// An alarm of these gateways whose rule, level or point went away has nobody to judge it: it is
/// over, and says that this is why. One whose rule suppresses no more has nobody to uncover it,
/// and one that is red from now on is not left on the shelf.
pub fn end_orphans<'a>(
    gateways: impl Iterator<Item = &'a Gateway> + Clone,
    rules: &RuleSet,
    at: Timestamp,
    emit: &mut Emit<'_>,
) {
    let theirs: BTreeSet<_> = gateways.clone().map(|gateway| &gateway.key).collect();
    let up = |lane: &'a Lane| lane.states.iter().filter_map(|state| state.alarm);
    let live: BTreeSet<_> = gateways.clone().flat_map(|it| up(&it.live)).collect();
    let backlog = gateways.clone().flat_map(|it| &it.backlog);
    let backlog: BTreeSet<_> = backlog.flat_map(up).collect();
    // Backlog never ends a live alarm: that it still has one up says nothing.
    let is_watched = |alarm: &Alarm| {
        let lane = if alarm.retrospective { &backlog } else { &live };
        lane.contains(&alarm.occurrence)
    };
    let suppressing = suppressing(gateways.clone(), emit.book);
    let red = red(gateways, emit.book);
    let mut orphans = Vec::new();
    let is_theirs = |alarm: &&Alarm| theirs.contains(alarm.key.subject.gateway());
    for alarm in emit.book.iter().filter(is_theirs) {
        let of_rule = !matches!(alarm.key.subject, Subject::Gateway(_));
        let is_active = alarm.place.life.is_active();
        let ends = of_rule && is_active && !is_watched(alarm);
        let ends = ends.then(|| Transition::Unwatch {
            why: unwatched(rules, &alarm.key),
            latched: alarm.raised.as_ref().is_some_and(|raised| raised.latch),
        });
        let uncovers = alarm.place.suppressed && !suppressing.contains(&alarm.key);
        let unshelves = alarm.place.shelved && red.contains(&alarm.key);
        if ends.is_some() || uncovers || unshelves {
            orphans.push((alarm.occurrence, ends, uncovers, unshelves));
        }
    }
    for (occurrence, ends, uncovers, unshelves) in orphans {
        if let Some(unwatch) = ends {
            emit.change(occurrence, at, unwatch);
        }
        if uncovers {
            emit.change(occurrence, at, Transition::Unsuppress);
        }
        // Its end may have unshelved it already.
        let is_shelved = |alarm: &Alarm| alarm.place.shelved;
        if unshelves && emit.book.get(occurrence).is_some_and(is_shelved) {
            let unshelve = Transition::Unshelve {
                said: Said::default(),
                why: Unshelved::Red,
            };
            emit.change(occurrence, at, unshelve);
        }
    }
}

/// What an alarm that no detector stands behind has lost.
fn unwatched(rules: &RuleSet, key: &AlarmKey) -> Unwatched {
    let rule = rules.rules.get(&key.rule).filter(|rule| rule.enabled);
    let level = rule.and_then(|rule| rule.levels.iter().find(|level| level.name == key.level));
    level.map_or(Unwatched::Rule, |_| Unwatched::Point)
}

/// The alarms that a rule in force may suppress; none need be known while none is suppressed.
fn suppressing<'a>(gateways: impl Iterator<Item = &'a Gateway>, book: &Book) -> BTreeSet<AlarmKey> {
    if !book.iter().any(|alarm| alarm.place.suppressed) {
        return BTreeSet::new();
    }
    let keys = gateways.flat_map(|gateway| {
        let may = gateway.wires.bound.iter().filter(|bound| {
            let extra = bound.extra.as_ref();
            extra.is_some_and(|extra| extra.suppress.is_some())
        });
        may.flat_map(|bound| {
            let levels = (0..bound.levels.len()).filter(|number| bound.shelve_ms(*number) > 0);
            levels.map(|number| bound.key(number, &gateway.slots))
        })
    });
    keys.collect()
}

/// The alarms that are red where they are bound; none need be known while none is shelved.
fn red<'a>(gateways: impl Iterator<Item = &'a Gateway>, book: &Book) -> BTreeSet<AlarmKey> {
    if !book.iter().any(|alarm| alarm.place.shelved) {
        return BTreeSet::new();
    }
    let keys = gateways.flat_map(|gateway| {
        gateway.wires.bound.iter().flat_map(|bound| {
            let levels = (0..).zip(&bound.levels);
            let red = levels.filter(|(_, level)| level.severity == Severity::Red);
            red.map(|(number, _)| bound.key(number, &gateway.slots))
        })
    });
    keys.collect()
}
