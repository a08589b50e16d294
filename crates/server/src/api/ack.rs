//! A person acknowledges one alarm. [`super::acts`] knows this and all other deeds; this
//! route answers with the alarm itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fenghuo_engine::Deed;
use serde::Deserialize;
use utoipa::ToSchema;

use super::alarms::event_id;
use super::error::{ErrorView, Refusals, Sent};
use super::person::{Person, events_of, find, judged, record};
use super::{ApiError, Shared};
use crate::view::AlarmView;

/// Who has seen which alarm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    /// The alarm, as in [`AlarmView`].
    alarm: String,
    /// Its occurrence, as in [`AlarmView`].
    occurrence: String,
    /// Who.
    #[schema(min_length = 1, max_length = 64)]
    by: String,
    /// Their words.
    #[serde(default)]
    #[schema(max_length = 1000)]
    comment: String,
}

/// Acknowledges an alarm.
#[utoipa::path(
    post, path = "/api/v1/ack", tag = "alarms", request_body = Acknowledge,
    responses(
        (status = 200, description = "The alarm as it is now", body = AlarmView),
        (status = 202, description = "Durable but not judged yet: the alarm as it was",
         body = AlarmView),
        (status = 404, description = "`unknown_alarm`", body = ErrorView),
        (status = 409, description = "`already_acknowledged` or `over`", body = ErrorView),
        (status = 413, description = "`too_large`", body = ErrorView),
        (status = 415, description = "`not_json`", body = ErrorView),
        Refusals
    )
)]
pub(super) async fn acknowledge(
    State(shared): State<Arc<Shared>>,
    Sent(asked): Sent<Acknowledge>,
) -> Result<(StatusCode, Json<AlarmView>), ApiError> {
    let occurrence = event_id(&asked.occurrence)?;
    let person = Person::new(&asked.by, &asked.comment)?;
    let before = find(&shared, occurrence).await?;
    if before.alarm != asked.alarm {
        return Err(ApiError::UnknownAlarm);
    }
    open(&before)?;
    let deed = Deed::Acknowledge { alarm: occurrence };
    let position = record(&shared, &person, vec![deed]).await;
    let position = position
        .into_iter()
        .next()
        .ok_or(ApiError::NotConfirmed)??;
    if !judged(&shared, position).await {
        return Ok((StatusCode::ACCEPTED, Json(before)));
    }
    let events = events_of(&shared, vec![position]).await?;
    let now = find(&shared, occurrence).await?;
    if events
        .iter()
        .any(|it| it.alarm.occurrence == now.occurrence)
    {
        Ok((StatusCode::OK, Json(now)))
    } else {
        open(&now)?;
        Err(ApiError::AlreadyAcknowledged { by: now.acked_by })
    }
}

/// Whether there is something to acknowledge; a cover changes nothing in that.
pub(super) fn open(alarm: &AlarmView) -> Result<(), ApiError> {
    match alarm.life.as_str() {
        "unacknowledged" | "returned_unacknowledged" | "latched_unacknowledged" => Ok(()),
        "acknowledged" | "latched_acknowledged" => Err(ApiError::AlreadyAcknowledged {
            by: alarm.acked_by.clone(),
        }),
        _ => Err(ApiError::Over),
    }
}
