//! What people do to alarms. An act that can no longer happen (somebody was quicker, the
//! alarm is over) changes nothing: the first one counts.

use std::time::Duration;

use fenghuo_model::Timestamp;

use crate::alarm::AlarmKey;
use crate::clock;
use crate::event::{EventId, OutOfService, Said, Transition, Unshelved};
use crate::gateway::emit::Emit;
use crate::input::{Act, Deed};

use super::plant::Plant;

/// The longest permit to be out of service, in milliseconds: 30 days.
pub const OUT_MS_MAX: u64 = 30 * 86_400_000;

/// Does what a person did. Only of alarms that a rule in force can raise a record is begun, so
/// that no number of acts makes more records than there are alarms.
pub fn act(act: Act, plant: Plant<'_>, emit: &mut Emit<'_>) {
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
            if has_place(emit, &alarm, plant) {
                shelve(emit, plant, &alarm, (at, until, one_shot), said);
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
            if has_place(emit, &alarm, plant) && until > at {
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
    plant: Plant<'_>,
    key: &AlarmKey,
    (at, until, one_shot): (Timestamp, Timestamp, bool),
    said: Said,
) {
    let longest = plant.shelve_ms(emit.book, key);
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

/// Whether an alarm has a record or may begin one.
fn has_place(emit: &Emit<'_>, key: &AlarmKey, plant: Plant<'_>) -> bool {
    emit.book.newest(key, false).is_some() || plant.can_be(key)
}
