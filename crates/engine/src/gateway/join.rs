//! The backlog has reached the first live frame: one lane again.
//!
//! What the backlog knows goes into the live lane wherever that knows nothing yet. A
//! retrospective alarm that is still up either turns out to be the beginning of a live one
//! (which gets its true begin), or is live from now on, or was over when live data began.

use fenghuo_model::{Severity, Timestamp};

use super::emit::Emit;
use super::lane::{Lane, Parts};
use super::verdict::{LevelState, Verdict};
use crate::Alarm;
use crate::detect::ring;
use crate::event::{EventId, Raised, Transition};

/// Joins `backlog` into `live`.
pub fn join(live: &mut Lane, backlog: &mut Lane, parts: Parts<'_>, emit: &mut Emit<'_>) {
    // The clock may have been set in frames that the backlog hopped over, or since it ended.
    let behind = std::mem::take(&mut live.stepped_ms);
    let behind = behind.saturating_add(backlog.order.take_all_hops());
    // It ended before live data began, whatever the frames say.
    let between = match (live.watermark, backlog.watermark) {
        (Some(live), Some(ended)) => live.as_millis().saturating_sub(ended.as_millis()),
        _ => i64::MAX,
    };
    let behind = behind.min(between);
    backlog.shift(behind);
    for (slot, before) in (0..).zip(std::mem::take(&mut backlog.points)) {
        live.take_over(slot, before, parts.wires);
    }
    // The live lane may not have begun: then it is the moment the backlog ended.
    let at = live.watermark.or(backlog.watermark).unwrap_or_default();
    for (detector, bound) in (0..).zip(&parts.wires.bound) {
        for number in 0..bound.levels.len() {
            let state = bound.state(number);
            let found = backlog.states[state].alarm;
            let may_be_covered =
                |alarm: &Alarm| alarm.retrospective && alarm.severity() != Severity::Red;
            let found = found.and_then(|alarm| emit.book.get(alarm));
            if found.is_some_and(may_be_covered) && is_open(&live.states[state]) {
                live.cover(bound, number, at, parts, emit);
            }
            let (now, before) = (&mut live.states[state], &mut backlog.states[state]);
            let was_open = now.verdict == Verdict::Unknown || now.alarm.is_none();
            join_level(now, before, (at, behind), emit);
            // No sample may come of a point that speaks of its changes only.
            if was_open && (now.verdict == Verdict::Unknown || now.alarm.is_some()) {
                live.look_anew(detector);
            }
        }
    }
    let memories = live
        .memory
        .iter_mut()
        .zip(std::mem::take(&mut backlog.memory));
    for (bound, (now, before)) in parts.wires.bound.iter().zip(memories) {
        now.join(&bound.rule.detector, before);
    }
    live.watermark = live.watermark.max(backlog.watermark);
    live.recount_sources(parts.wires);
    live.count_anew(parts.wires);
    live.rearm(parts);
}

/// Live data has not said otherwise, or says the same without having lasted: what the backlog
/// found comes up.
fn is_open(now: &LevelState) -> bool {
    now.alarm.is_none() && matches!(now.verdict, Verdict::Unknown | Verdict::Pending { .. })
}

/// `behind`: how far the clock was set since the backlog's last frame.
fn join_level(
    now: &mut LevelState,
    before: &mut LevelState,
    (at, behind): (Timestamp, i64),
    emit: &mut Emit<'_>,
) {
    let unknown = now.verdict == Verdict::Unknown;
    let found = before.alarm.filter(|alarm| is_retrospective(*alarm, emit));
    match (found, now.alarm) {
        (Some(found), Some(up)) => {
            amend_begin((found, behind), up, at, emit);
            emit.change(found, at, Transition::Merge(up));
        }
        (Some(found), None) if is_open(now) => {
            now.alarm = Some(bring_up(found, at, emit));
            now.verdict = Verdict::Breach;
        }
        (Some(found), None) => emit.end(found, at),
        (None, _) => {}
    }
    if unknown && now.alarm == before.alarm {
        // Only decided verdicts are taken over: an open one ends with its lane.
        before.drop_pending();
        now.verdict = std::mem::take(&mut before.verdict);
    }
}

/// A retrospective alarm is live from now on. Where its level has a live record already (not
/// seen yet, latched, or under a cover), it is that which is raised again: a level has one
/// live record, or a cover that names the level would miss the alarm.
fn bring_up(found: EventId, at: Timestamp, emit: &mut Emit<'_>) -> EventId {
    let Some(alarm) = emit.book.get(found) else {
        return found;
    };
    let record = emit.book.newest(&alarm.key, false);
    let inactive = record.filter(|record| !record.place.life.is_active());
    let (Some(_), Some(raised)) = (inactive, alarm.raised.clone()) else {
        emit.change(found, at, Transition::Promote);
        return found;
    };
    let (key, begin) = (alarm.key.clone(), alarm.raised_at);
    let group = raised.first_out.as_ref().map(|it| it.group.clone());
    let raised = Raised {
        retrospective: false,
        ..raised
    };
    let up = emit.raise(key, begin, raised, group);
    emit.change(found, at, Transition::Merge(up));
    up
}

fn is_retrospective(alarm: EventId, emit: &Emit<'_>) -> bool {
    emit.book
        .get(alarm)
        .is_some_and(|alarm| alarm.retrospective)
}

fn amend_begin((found, behind): (EventId, i64), up: EventId, at: Timestamp, emit: &mut Emit<'_>) {
    let begin = |alarm| emit.book.get(alarm).map(|alarm| alarm.raised_at);
    if let (Some(mut earlier), Some(later)) = (begin(found), begin(up)) {
        ring::shift(&mut earlier, behind);
        if earlier >= later {
            return;
        }
        let amend = Transition::Amend {
            raised_at: Some(earlier),
            returned_at: None,
        };
        emit.change(up, at, amend);
    }
}
