//! A person acknowledges an alarm.
//!
//! The act goes into the log like everything else; the judge folds it, and only then is
//! there an answer: if the act's log position gave an event, the act took effect; if it gave
//! none, somebody was faster or the alarm ended so that nothing was left to acknowledge.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fenghuo_engine::{Deed, EventId};
use serde::Deserialize;
use tokio::sync::oneshot;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::alarms::event_id;
use super::error::{ErrorView, Refusals, Sent};
use super::{ApiError, Shared};
use crate::intake::{ActRequest, Control};
use crate::view::AlarmView;

/// Longest name of a person, in characters.
pub const NAME_MAX: usize = 64;
/// Longest comment, in characters.
pub const COMMENT_MAX: usize = 1_000;
/// Longest wait for the act to be durable, and again for it to be judged.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

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
    let (by, comment) = words(&asked)?;
    let before = find(&shared, occurrence).await?;
    if before.alarm != asked.alarm {
        return Err(ApiError::UnknownAlarm);
    }
    open(&before)?;
    let position = record(&shared, occurrence, by, comment).await?;
    let mut judged = shared.api.judged.clone();
    let reached = timeout(WAIT_MAX, judged.wait_for(|judged| *judged >= position))
        .await
        .is_ok_and(|reached| reached.is_ok());
    if !reached {
        return Ok((StatusCode::ACCEPTED, Json(before)));
    }
    let took_effect = changed(&shared, position, occurrence).await?;
    let now = find(&shared, occurrence).await?;
    if took_effect {
        Ok((StatusCode::OK, Json(now)))
    } else {
        open(&now)?;
        Err(ApiError::AlreadyAcknowledged { by: now.acked_by })
    }
}

fn words(asked: &Acknowledge) -> Result<(String, String), ApiError> {
    let (by, comment) = (asked.by.trim(), asked.comment.trim());
    if by.is_empty() || by.chars().count() > NAME_MAX || by.chars().any(char::is_control) {
        return Err(ApiError::Invalid {
            field: "by",
            zh: "应为 1 到 64 个字符的姓名",
            en: "it must be a name of 1 to 64 characters",
        });
    }
    let strange = |it: char| it.is_control() && it != '\n' && it != '\t' && it != '\r';
    if comment.chars().count() > COMMENT_MAX || comment.chars().any(strange) {
        return Err(ApiError::Invalid {
            field: "comment",
            zh: "至多 1000 个字符，不含控制字符",
            en: "at most 1000 characters, none of them control characters",
        });
    }
    Ok((by.to_owned(), comment.to_owned()))
}

/// The alarm as it is now: shown, or over and in the journal.
async fn find(shared: &Shared, occurrence: EventId) -> Result<AlarmView, ApiError> {
    let shown = shared.api.board.read().alarms.get(&occurrence).cloned();
    if let Some(alarm) = shown {
        return Ok(AlarmView::clone(&alarm));
    }
    let read = move |journal: &crate::journal::JournalReader| journal.alarm(occurrence);
    let kept = shared.api.journal.read(read).await?;
    kept.ok_or(ApiError::UnknownAlarm)
}

/// Whether there is something to acknowledge.
fn open(alarm: &AlarmView) -> Result<(), ApiError> {
    match alarm.state.as_str() {
        "unacknowledged" | "returned_unacknowledged" | "latched_unacknowledged" => Ok(()),
        "acknowledged" | "latched_acknowledged" => Err(ApiError::AlreadyAcknowledged {
            by: alarm.acked_by.clone(),
        }),
        _ => Err(ApiError::Over),
    }
}

/// Puts the act into the log; answers where it stands there.
async fn record(
    shared: &Shared,
    alarm: EventId,
    by: String,
    comment: String,
) -> Result<u64, ApiError> {
    let (answer, position) = oneshot::channel();
    let act = ActRequest {
        by,
        comment,
        deed: Deed::Acknowledge { alarm },
        answer,
    };
    shared
        .api
        .intake
        .control(Control::Act(act))
        .map_err(|(why, _)| ApiError::NotTaken(why.to_string()))?;
    match timeout(WAIT_MAX, position).await {
        Ok(Ok(Ok(position))) => Ok(position),
        Ok(Ok(Err(why))) => Err(ApiError::NotTaken(why)),
        // Ingest is gone: it may have been writing when it went.
        Ok(Err(_)) | Err(_) => Err(ApiError::NotConfirmed),
    }
}

/// Whether the log entry at `position` gave an event of this occurrence.
async fn changed(shared: &Shared, position: u64, occurrence: EventId) -> Result<bool, ApiError> {
    let before = EventId {
        position: position.saturating_sub(1),
        ordinal: u32::MAX,
    };
    // An act gives one event; a few more are read in case that changes.
    let read = move |journal: &crate::journal::JournalReader| journal.events(before, 8);
    let events = shared.api.journal.read(read).await?;
    let occurrence = occurrence.to_string();
    Ok(events
        .iter()
        .any(|event| event.id.position == position && event.view.alarm.occurrence == occurrence))
}
