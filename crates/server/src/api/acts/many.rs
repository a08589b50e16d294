//! Acknowledging many alarms at once. Orange and red ones are left: where life may be at
//! risk each alarm is looked at.

use std::collections::BTreeSet;

use axum::Json;
use axum::http::StatusCode;
use fenghuo_engine::{Deed, EventId};

use super::{ActView, Refusal, RefusedView, answer, check};
use crate::api::alarms::event_id;
use crate::api::person::{Person, events_of, find, judged, record};
use crate::api::{ApiError, Shared};

/// Most alarms that are acknowledged at once.
pub const ACKNOWLEDGE_MAX: usize = 200;

/// Acknowledges what may be acknowledged together, and names the rest.
pub(super) async fn acknowledge(
    shared: &Shared,
    person: &Person,
    occurrences: &[String],
) -> Result<(StatusCode, Json<ActView>), ApiError> {
    let (accepted, mut refused) = sorted(shared, occurrences).await?;
    let deeds = accepted
        .iter()
        .map(|alarm| Deed::Acknowledge { alarm: *alarm });
    let positions = record(shared, person, deeds.collect()).await;
    let mut logged = Vec::new();
    for (occurrence, position) in accepted.into_iter().zip(positions) {
        match position {
            Ok(position) => logged.push((occurrence, position)),
            Err(why) => refused.push(RefusedView::new(occurrence, &why)),
        }
    }
    let Some(last) = logged.iter().map(|(_, position)| *position).max() else {
        return Err(ApiError::NoneTaken(refused));
    };
    if !judged(shared, last).await {
        return Ok(answer(false, last, Vec::new(), refused));
    }
    let positions = logged.iter().map(|(_, position)| *position).collect();
    let events = events_of(shared, positions).await?;
    let changed: BTreeSet<&str> = events.iter().map(|it| &*it.alarm.occurrence).collect();
    for (occurrence, _) in logged {
        if !changed.contains(&*occurrence.to_string()) {
            let why = check::one_of_many(&find(shared, occurrence).await?);
            let why = why.err().unwrap_or(ApiError::Refused(Refusal::NoEffect));
            refused.push(RefusedView::new(occurrence, &why));
        }
    }
    if events.is_empty() {
        return Err(ApiError::NoneTaken(refused));
    }
    Ok(answer(true, last, events, refused))
}

/// Those that may be acknowledged together, and the others with the reason.
async fn sorted(
    shared: &Shared,
    occurrences: &[String],
) -> Result<(Vec<EventId>, Vec<RefusedView>), ApiError> {
    if occurrences.is_empty() || occurrences.len() > ACKNOWLEDGE_MAX {
        return Err(ApiError::Invalid {
            field: "occurrences",
            zh: "应为 1 到 200 条",
            en: "it must be 1 to 200 of them",
        });
    }
    let ids: BTreeSet<EventId> = occurrences
        .iter()
        .map(|text| event_id(text))
        .collect::<Result<_, _>>()?;
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for id in ids {
        let alarm = find(shared, id).await;
        match alarm.and_then(|alarm| check::one_of_many(&alarm)) {
            Ok(()) => accepted.push(id),
            Err(why) => refused.push(RefusedView::new(id, &why)),
        }
    }
    Ok((accepted, refused))
}
