//! What an event writes into an alarm's record.

use std::time::Duration;

use fenghuo_model::Timestamp;

use super::{Alarm, Case, ClosedLoop, Life, Place, Shelf};
use crate::event::{Event, Raised, Transition, Unwatched};

/// A record that an event begins: a raise, or a cover laid over a normal alarm.
pub fn begin(event: &Event) -> Alarm {
    let retrospective = match &event.transition {
        Transition::Raise(raised) => raised.retrospective,
        _ => false,
    };
    let place = Place::default();
    Alarm {
        key: event.alarm.clone(),
        occurrence: event.occurrence,
        state: place.state(),
        place,
        raised: None,
        raised_at: event.at,
        raises: 0,
        changed_at: event.at,
        returned_at: None,
        acknowledged: None,
        held: None,
        unwatched: None,
        retrospective,
        shelf: None,
        suppressed_by: None,
        permit: None,
        agreed_by: None,
        case: None,
        realarm_at: None,
        planned_until: None,
        event: event.id,
    }
}

/// Whether an event may begin a record.
pub const fn begins(transition: &Transition) -> bool {
    matches!(
        transition,
        Transition::Raise(_)
            | Transition::Shelve { .. }
            | Transition::Suppress { .. }
            | Transition::AskOut(_)
    )
}

/// Writes the event's facts; the place was moved before.
pub fn change(alarm: &mut Alarm, event: &Event, settings: &ClosedLoop, now: Timestamp) {
    match &event.transition {
        Transition::Raise(raised) => raise(alarm, event, raised, settings, now),
        Transition::Return
        | Transition::Dismiss
        | Transition::Latch
        | Transition::Merge(_)
        | Transition::Unwatch { .. } => {
            alarm.returned_at = Some(event.at);
            alarm.unwatched = unwatched(&event.transition);
            alarm.held = None;
            alarm.realarm_at = None;
        }
        Transition::Acknowledge { by, comment } => acknowledge(alarm, event, by, comment, now),
        Transition::Realarm => {
            alarm.acknowledged = None;
            alarm.realarm_at = None;
        }
        Transition::Hold(why) => alarm.held = Some(*why),
        Transition::Release => alarm.held = None,
        Transition::Amend {
            raised_at,
            returned_at,
        } => {
            alarm.raised_at = raised_at.unwrap_or(alarm.raised_at);
            alarm.returned_at = returned_at.or(alarm.returned_at);
        }
        Transition::Promote => {
            alarm.retrospective = false;
            open_case(alarm, settings, now);
        }
        Transition::Reset(_) => {}
        Transition::PlanOver { .. } => {
            if let Some(raised) = &mut alarm.raised {
                raised.planned = None;
            }
            open_case(alarm, settings, now);
        }
        Transition::Unshelve { .. } | Transition::Unsuppress | Transition::PutBack(_) => {
            cover(alarm, event);
            uncovered(alarm, settings, now);
        }
        _ => cover(alarm, event),
    }
    follow_case(alarm, event, now);
}

const fn unwatched(transition: &Transition) -> Option<Unwatched> {
    match transition {
        Transition::Dismiss => Some(Unwatched::Gateway),
        Transition::Unwatch { why, .. } => Some(*why),
        _ => None,
    }
}

fn raise(alarm: &mut Alarm, event: &Event, raised: &Raised, settings: &ClosedLoop, now: Timestamp) {
    alarm.raised = Some(raised.clone());
    alarm.raised_at = event.at;
    alarm.raises += 1;
    alarm.returned_at = None;
    alarm.acknowledged = None;
    alarm.held = None;
    alarm.unwatched = None;
    alarm.realarm_at = None;
    if !raised.retrospective {
        open_case(alarm, settings, now);
    }
}

/// A planned alarm and one that is covered are nobody's duty.
fn open_case(alarm: &mut Alarm, settings: &ClosedLoop, now: Timestamp) {
    let Some(raised) = &alarm.raised else {
        return;
    };
    if alarm.place.is_covered() || raised.planned.is_some() {
        return;
    }
    let grade = if raised.repeated {
        raised.severity.worse()
    } else {
        raised.severity
    };
    match &mut alarm.case {
        Some(case) => case.again(grade, now),
        None => {
            let seen = alarm.place.life == Life::Acknowledged;
            alarm.case = Case::open(settings, grade, now).map(|case| Case {
                acknowledged: seen,
                ..case
            });
        }
    }
}

fn acknowledge(alarm: &mut Alarm, event: &Event, by: &str, comment: &str, now: Timestamp) {
    alarm.acknowledged = Some((event.at, by.to_owned(), comment.to_owned()));
    let wait = alarm.raised.as_ref().and_then(|raised| raised.realarm_ms);
    alarm.realarm_at = wait
        .filter(|_| alarm.place.life.is_active())
        .map(|ms| now.plus(Duration::from_millis(ms)));
}

fn cover(alarm: &mut Alarm, event: &Event) {
    match &event.transition {
        Transition::Shelve {
            said,
            until,
            one_shot,
        } => {
            alarm.shelf = Some(Shelf {
                by: said.by.clone(),
                comment: said.comment.clone(),
                until: *until,
                one_shot: *one_shot,
            });
        }
        Transition::Unshelve { .. } => alarm.shelf = None,
        Transition::Suppress { by } => alarm.suppressed_by = Some(by.clone()),
        Transition::Unsuppress => alarm.suppressed_by = None,
        Transition::AskOut(permit) => alarm.permit = Some(permit.as_ref().clone()),
        Transition::TakeOut(said) => alarm.agreed_by = Some(said.by.clone()),
        Transition::PutBack(_) => {
            alarm.permit = None;
            alarm.agreed_by = None;
        }
        _ => {}
    }
}

/// What was raised under a cover and is still there when the last one is taken away is
/// somebody's duty from then on.
fn uncovered(alarm: &mut Alarm, settings: &ClosedLoop, now: Timestamp) {
    let is_there = alarm.place.life.is_active() && !alarm.place.is_covered();
    if is_there && alarm.case.is_none() && !alarm.retrospective {
        open_case(alarm, settings, now);
    }
}

fn follow_case(alarm: &mut Alarm, event: &Event, now: Timestamp) {
    let Some(case) = &mut alarm.case else {
        return;
    };
    match &event.transition {
        Transition::Acknowledge { .. } => case.acknowledged = true,
        // It came and went under a cover: nobody can see it any more, so nobody is asked to.
        Transition::Return | Transition::Dismiss | Transition::Unwatch { .. }
            if alarm.place.life == Life::Normal =>
        {
            case.acknowledged = true;
        }
        Transition::State { said, cause } => case.cause = Some((now, said.clone(), *cause)),
        Transition::Verify { said, accepted } => case.look(said, *accepted, now),
        Transition::Overdue { step, tier } => case.overdue = Some((*step, *tier)),
        Transition::Close(_) => alarm.case = None,
        _ => {}
    }
}
