//! What people do to alarms. An act that can no longer happen (somebody was quicker, the
//! alarm is over) changes nothing: the first one counts.

use std::time::Duration;

use fenghuo_model::Timestamp;

use crate::alarm::AlarmKey;
use crate::clock;
use crate::event::{EventId, OutOfService, Said, Transition, Unshelved};
use crate::gateway::emit::Emit;
use crate::input::{Act, Deed};
use crate::rule::{RuleSet, SHELVE_MS_DEFAULT};

/// The longest permit to be out of service, in milliseconds: 30 days.
pub const OUT_MS_MAX: u64 = 30 * 86_400_000;

/// Does what a person did. `exists` tells whether a rule in force can raise an alarm: only of
/// those a record is begun, so that no number of acts makes more records than there are alarms.
pub fn act(act: Act, rules: &RuleSet, exists: &dyn Fn(&AlarmKey) -> bool, emit: &mut Emit<'_>) {
    let (at, by) = (act.at, act.by.clone());
    let said = Said {
        by: act.by,
        comment: act.comment,
    };
    match act.deed {
        Deed::Acknowledge { alarm } => {
            let comment = said.comment;
            one(emit, alarm, at, Transition::Acknowledge { by, comment });
        }
        Deed::Reset { alarm } => one(emit, alarm, at, Transition::Reset(said)),
        Deed::Shelve {
            alarm,
            until,
            one_shot,
        } => {
            if has_place(emit, &alarm, exists) {
                shelve(emit, rules, &alarm, (at, until, one_shot), said);
            }
        }
        Deed::Unshelve { alarm } => {
            let why = Unshelved::Person;
            known(emit, &alarm, at, Transition::Unshelve { said, why });
        }
        Deed::AskOut {
            alarm,
            permit,
            until,
        } => {
            let asked = OutOfService {
                asked: said,
                permit,
                until: due(emit, at, until, OUT_MS_MAX),
            };
            if has_place(emit, &alarm, exists) && until > at {
                emit.change_key(&alarm, at, Transition::AskOut(Box::new(asked)));
            }
        }
        Deed::AgreeOut { alarm } => known(emit, &alarm, at, Transition::TakeOut(said)),
        Deed::PutBack { alarm } => known(emit, &alarm, at, Transition::PutBack(said)),
        Deed::State { alarm, cause } => one(emit, alarm, at, Transition::State { said, cause }),
        Deed::Verify { alarm, accepted } => {
            one(emit, alarm, at, Transition::Verify { said, accepted });
        }
        Deed::Close { alarm } => one(emit, alarm, at, Transition::Close(said)),
        Deed::Book(booking) => emit.book.arrange(booking),
        Deed::Unbook { booking } => emit.book.cancel(&booking, at),
        // Silences are the planner's, and what a gateway has is ingest's.
        Deed::Silence(_) | Deed::Unsilence { .. } | Deed::OfferAgain { .. } => {}
    }
}

fn one(emit: &mut Emit<'_>, occurrence: EventId, at: Timestamp, transition: Transition) {
    let alarm = emit.book.get(occurrence);
    if alarm.is_some_and(|alarm| alarm.allows(&transition)) {
        emit.change(occurrence, at, transition);
    }
}

/// Concerns an alarm that has a record already.
fn known(emit: &mut Emit<'_>, key: &AlarmKey, at: Timestamp, transition: Transition) {
    if emit.book.newest(key, false).is_some() {
        emit.change_key(key, at, transition);
    }
}

fn shelve(
    emit: &mut Emit<'_>,
    rules: &RuleSet,
    key: &AlarmKey,
    (at, until, one_shot): (Timestamp, Timestamp, bool),
    said: Said,
) {
    let longest = shelve_ms(rules, key);
    if longest == 0 || until <= at {
        return;
    }
    let until = due(emit, at, until, longest);
    let transition = Transition::Shelve {
        said,
        until,
        one_shot,
    };
    emit.change_key(key, at, transition);
}

/// When something ends that a person wants to last until then, at most so long.
fn due(emit: &Emit<'_>, at: Timestamp, until: Timestamp, longest_ms: u64) -> Timestamp {
    let until = until.min(at.plus(Duration::from_millis(longest_ms)));
    clock::as_of(emit.book.now, at, until)
}

/// The longest that an alarm may be shelved, in milliseconds; 0 when it must not be, or when
/// there is no such level.
#[must_use]
pub fn shelve_ms(rules: &RuleSet, key: &AlarmKey) -> u64 {
    if *key.rule == *crate::gateway::emit::SILENT_RULE {
        return SHELVE_MS_DEFAULT;
    }
    let rule = rules.rules.get(&key.rule);
    let level = rule.and_then(|rule| rule.levels.iter().find(|level| level.name == key.level));
    level.map_or(0, |level| level.shelve_ms)
}

/// Whether an alarm has a record or may begin one.
fn has_place(emit: &Emit<'_>, key: &AlarmKey, exists: &dyn Fn(&AlarmKey) -> bool) -> bool {
    emit.book.newest(key, false).is_some() || exists(key)
}
