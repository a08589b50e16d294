//! How well a day's alarms served the people who watched them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fenghuo_engine::figures::Between;
use fenghuo_engine::rule::Day;
use fenghuo_model::{CHINA_OFFSET_MIN, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

use super::error::{Asked, Refusals};
use super::{ApiError, Shared};
use crate::clock;
use crate::view::{self, FiguresView};

/// The offsets that there are, in minutes.
const OFFSETS_MIN: std::ops::RangeInclusive<i32> = -720..=840;
const MINUTE_MS: i64 = 60_000;
const DAY: Duration = Duration::from_secs(86_400);
/// No clock of ours comes so far: days since 1970.
const DAY_MAX: i64 = 2_932_896;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FiguresQuery {
    /// `YYYY-MM-DD`.
    day: String,
    /// Only this enterprise.
    enterprise: Option<String>,
    /// Minutes that the day's clock is ahead of UTC.
    #[serde(default = "offset_default")]
    #[param(minimum = -720, maximum = 840, default = 480)]
    utc_offset: i32,
}

const fn offset_default() -> i32 {
    CHINA_OFFSET_MIN
}

/// A day's alarm figures, each beside its recommendation (ISA-18.2, EEMUA 191).
#[utoipa::path(
    get, path = "/api/v1/figures", tag = "alarms", params(FiguresQuery),
    responses((status = 200, description = "The day's figures", body = FiguresView), Refusals)
)]
pub(super) async fn figures(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<FiguresQuery>,
) -> Result<Json<FiguresView>, ApiError> {
    let (day, span) = span(&query, clock::now())?;
    let enterprise = query.enterprise;
    let read = move |journal: &crate::journal::JournalReader| {
        let found = journal.announcements(enterprise.as_deref(), span)?;
        Ok(view::figures(day.to_string(), enterprise, span, &found))
    };
    Ok(Json(shared.api.journal.read(read).await?))
}

/// The day as a span that ends now at the latest.
fn span(query: &FiguresQuery, now: Timestamp) -> Result<(Day, Between), ApiError> {
    let invalid = |field, zh, en| ApiError::Invalid { field, zh, en };
    if !OFFSETS_MIN.contains(&query.utc_offset) {
        return Err(invalid(
            "utc_offset",
            "应为 -720 到 840",
            "it must be -720 to 840",
        ));
    }
    let day = Day::parse(&query.day)
        .filter(|day| day.number() <= DAY_MAX)
        .ok_or(invalid("day", "应为 YYYY-MM-DD", "it must be YYYY-MM-DD"))?;
    let day_ms = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let from = day.number() * day_ms - i64::from(query.utc_offset) * MINUTE_MS;
    let from = Timestamp::from_millis(from);
    if from > now {
        return Err(invalid("day", "尚未到来", "it has not come yet"));
    }
    let until = from.plus(DAY).min(now.plus(Duration::from_millis(1)));
    Ok((day, Between { from, until }))
}
