//! Why an alarm is up, or is not: now, at a past instant, or through an occurrence's life.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fenghuo_model::{PointRef, Timestamp};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::IntoParams;

use super::alarms::event_id;
use super::error::{Asked, ErrorView, Refusals};
use super::{ApiError, Shared};
use crate::explain::view::ExplainView;
use crate::explain::{occurrence, past};
use crate::instant;

/// Longest wait for the judge's answer, or for one's turn to fold the past.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest rule id.
const RULE_MAX: usize = 256;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// The rule's id; with `point`.
    rule: Option<String>,
    /// `enterprise/gateway/key`; with `rule`.
    point: Option<String>,
    /// At this instant instead of now: milliseconds or RFC 3339; with `rule` and `point`.
    at: Option<String>,
    /// An occurrence, `position.ordinal`, instead of rule and point.
    occurrence: Option<String>,
}

/// Why a rule has, or has not, an alarm at a point; or the life of one occurrence.
#[utoipa::path(
    get, path = "/api/v1/explain", tag = "alarms", params(ExplainQuery),
    responses(
        (status = 200, description = "The answer", body = ExplainView),
        (status = 404, description = "`unknown_alarm`; `outside_range`: `at` lies before what \
            is kept or after the log's end, and the message names the range that can be \
            explained", body = ErrorView),
        Refusals
    )
)]
pub(super) async fn explain(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<ExplainQuery>,
) -> Result<Json<ExplainView>, ApiError> {
    let ExplainQuery {
        rule,
        point,
        at,
        occurrence,
    } = query;
    let view = match (rule, point, at, occurrence) {
        (None, None, None, Some(id)) => told(&shared, &id).await?,
        (Some(rule), Some(point), at, None) => {
            let (rule, point) = (rule_id(rule)?, point_ref(&point)?);
            match at {
                None => now(&shared, &rule, &point).await?,
                Some(at) => then(&shared, rule, point, instant_of(&at)?).await?,
            }
        }
        _ => return Err(which()),
    };
    Ok(Json(view))
}

const fn which() -> ApiError {
    ApiError::Invalid {
        field: "rule",
        zh: "应给出 rule 与 point（可加 at），或只给 occurrence",
        en: "either rule and point (and at), or occurrence alone, is wanted",
    }
}

fn rule_id(rule: String) -> Result<String, ApiError> {
    if rule.len() <= RULE_MAX {
        return Ok(rule);
    }
    Err(which())
}

fn point_ref(point: &str) -> Result<PointRef, ApiError> {
    point.parse().map_err(|_| ApiError::Invalid {
        field: "point",
        zh: "应为 enterprise/gateway/key",
        en: "it must be enterprise/gateway/key",
    })
}

fn instant_of(at: &str) -> Result<Timestamp, ApiError> {
    instant::parse(at).ok_or(ApiError::Invalid {
        field: "at",
        zh: "应为毫秒数或 RFC 3339 时刻",
        en: "it must be milliseconds or an RFC 3339 instant",
    })
}

/// From the judge itself, between two of its batches.
async fn now(shared: &Shared, rule: &str, point: &PointRef) -> Result<ExplainView, ApiError> {
    let Some(answer) = shared.api.desk.ask(rule, point) else {
        return Err(ApiError::Busy);
    };
    match timeout(WAIT_MAX, answer).await {
        Ok(Ok((position, said))) => Ok(ExplainView::live(position, &said)),
        Ok(Err(_)) | Err(_) => Err(ApiError::Busy),
    }
}

/// Folded apart, for one at a time.
async fn then(
    shared: &Shared,
    rule: String,
    point: PointRef,
    at: Timestamp,
) -> Result<ExplainView, ApiError> {
    let desk = shared.api.desk.clone();
    let turn = timeout(WAIT_MAX, Arc::clone(&desk.past).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::Busy);
    };
    let task = tokio::task::spawn_blocking(move || {
        let samples = past::Samples::Within(desk.history.clone());
        let found = past::explain(&desk.files, samples, (&rule, &point), Some(at));
        // The turn ends with the work, even when the client is gone before.
        drop(turn);
        found
    });
    match task.await? {
        Ok(Ok(found)) => Ok(ExplainView::past(&found)),
        Ok(Err(outside)) => Err(ApiError::Outside(outside)),
        Err(why) => Err(ApiError::NotExplained(format!("{why:#}"))),
    }
}

async fn told(shared: &Shared, id: &str) -> Result<ExplainView, ApiError> {
    let id = event_id(id)?;
    let read = move |journal: &crate::journal::JournalReader| occurrence::tell(journal, id);
    let told = shared.api.journal.read(read).await?;
    let told = told.ok_or(ApiError::UnknownAlarm)?;
    let (over, rule, point) = (
        told.alarm.over,
        told.alarm.rule.clone(),
        told.alarm.point.clone(),
    );
    let mut view = ExplainView::told(told);
    if let (false, Some(point)) = (over, point) {
        let live = now(shared, &rule, &point_ref(&point)?).await?;
        view.explanations = live.explanations;
        view.position = live.position;
    }
    Ok(view)
}
