//! Lists of alarms and of their events.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fenghuo_engine::EventId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::error::{Asked, Refusals};
use super::{ApiError, Shared};
use crate::view::{AlarmView, EventView};

/// Most alarms in one answer.
pub const ALARMS_MAX: usize = 5_000;
/// Most events in one answer.
pub const EVENTS_MAX: usize = 1_000;

/// Which alarms. One that is covered calls nobody, so it is in its own list only; lists may
/// overlap otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Which {
    /// Those that call for somebody: in alarm, latched, or over and not yet seen; not covered.
    #[default]
    Active,
    /// On the shelf.
    Shelved,
    /// Suppressed by design.
    Suppressed,
    /// Out of service, or asked to be.
    OutOfService,
    /// Their case (核警/销警) is open.
    Case,
    /// Their case is open, and nothing else is.
    Closing,
    /// All of these: every alarm that is not over.
    Open,
    /// Those that are over.
    Ended,
    /// Open ones, then ended ones.
    All,
}

impl Which {
    fn fits(self, alarm: &AlarmView) -> bool {
        let is_covered = || matches!(&*alarm.state, "shelved" | "suppressed" | "out_of_service");
        match self {
            Self::Active => alarm.life != "normal" && !is_covered(),
            Self::Shelved => alarm.shelf.is_some(),
            Self::Suppressed => alarm.suppressed_by.is_some(),
            Self::OutOfService => alarm.permit.is_some(),
            Self::Case => alarm.case.is_some(),
            Self::Closing => alarm.case.is_some() && alarm.state == "normal",
            Self::Open | Self::All => true,
            Self::Ended => false,
        }
    }
}

/// How bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeverityAsked {
    /// To know.
    Blue,
    /// To act.
    Yellow,
    /// To act at once.
    Orange,
    /// Life is at risk.
    Red,
}

impl SeverityAsked {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AlarmsQuery {
    /// Which alarms.
    #[serde(default)]
    #[param(inline)]
    state: Which,
    /// Only this enterprise.
    enterprise: Option<String>,
    /// Only this severity.
    #[param(inline)]
    severity: Option<SeverityAsked>,
    /// At most this many.
    #[serde(default = "alarms_default")]
    #[param(minimum = 1, maximum = 5000, default = 500)]
    limit: usize,
}

const fn alarms_default() -> usize {
    500
}

/// Alarms: those that are not over the most urgent first (those whose condition holds before
/// those that have returned, then by severity, unacknowledged ones before others of their
/// severity, then the newest); ended ones last changed first.
#[utoipa::path(
    get, path = "/api/v1/alarms", tag = "alarms", params(AlarmsQuery),
    responses((status = 200, description = "Alarms", body = [AlarmView]), Refusals)
)]
pub(super) async fn alarms(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<AlarmsQuery>,
) -> Result<Response, ApiError> {
    let limit = query.limit;
    within(limit, ALARMS_MAX, "1 到 5000", "1 to 5000")?;
    // The board first: an alarm that ends in between is found twice, not missed.
    let mut open = open(&shared, &query);
    let mut ended = match query.state {
        Which::Ended | Which::All => {
            let severity = query.severity.map(SeverityAsked::as_str);
            let read = move |journal: &crate::journal::JournalReader| {
                journal.ended(query.enterprise.as_deref(), severity, limit)
            };
            shared.api.journal.read(read).await?
        }
        _ => Vec::new(),
    };
    let over: HashSet<&str> = ended.iter().map(|it| it.occurrence.as_str()).collect();
    open.retain(|it| !over.contains(it.occurrence.as_str()));
    open.truncate(limit);
    ended.truncate(limit - open.len());
    let list: Vec<&AlarmView> = open.iter().map(AsRef::as_ref).chain(&ended).collect();
    Ok(Json(list).into_response())
}

fn open(shared: &Shared, query: &AlarmsQuery) -> Vec<Arc<AlarmView>> {
    let fits = |it: &AlarmView| {
        let enterprise = query.enterprise.as_ref();
        let severity = query.severity.map(SeverityAsked::as_str);
        enterprise.is_none_or(|wanted| *wanted == it.enterprise)
            && severity.is_none_or(|wanted| wanted == it.severity)
            && query.state.fits(it)
    };
    let mut list: Vec<(EventId, Arc<AlarmView>)> = {
        let shown = shared.api.board.read();
        let all = shown.alarms.iter().filter(|(_, it)| fits(it));
        all.map(|(id, it)| (*id, Arc::clone(it))).collect()
    };
    list.sort_by_cached_key(|(id, it)| std::cmp::Reverse((urgency(it), *id)));
    list.into_iter().map(|(_, it)| it).collect()
}

/// What must be looked at first is the greatest. A danger that is there comes before one that
/// was: an acknowledged red alarm that holds stands above a yellow one that returned unseen.
/// The console's list follows the same order.
fn urgency(it: &AlarmView) -> (u8, u8, bool, i64) {
    let (stands, unseen) = match it.state.as_str() {
        "acknowledged" => (2, false),
        "returned_unacknowledged" | "latched_unacknowledged" => (1, true),
        "latched_acknowledged" => (1, false),
        "shelved" | "suppressed" | "out_of_service" | "normal" => (0, false),
        // Unacknowledged; an unknown word counts as that, so that it is not overlooked.
        _ => (2, true),
    };
    (stands, severity_rank(&it.severity), unseen, it.raised_at)
}

/// From the one to know to the one where life is at risk; an unknown word counts as the
/// worst, so that it is not overlooked.
fn severity_rank(severity: &str) -> u8 {
    match severity {
        "blue" => 1,
        "yellow" => 2,
        "orange" => 3,
        _ => 4,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only events after this one, `position.ordinal`; without it from the beginning.
    after: Option<String>,
    /// At most this many.
    #[serde(default = "events_default")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: usize,
}

const fn events_default() -> usize {
    100
}

/// Alarm events, oldest first.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "alarms", params(EventsQuery),
    responses((status = 200, description = "Alarm events", body = [EventView]), Refusals)
)]
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<EventsQuery>,
) -> Result<Json<Vec<EventView>>, ApiError> {
    within(query.limit, EVENTS_MAX, "1 到 1000", "1 to 1000")?;
    let after = query.after.as_deref().map(event_id).transpose()?;
    let read = move |journal: &crate::journal::JournalReader| {
        journal.events(after.unwrap_or_default(), query.limit)
    };
    let events = shared.api.journal.read(read).await?;
    Ok(Json(events.into_iter().map(|event| event.view).collect()))
}

/// Checks an event's id from outside. Positions above 2^63 do not exist.
pub(super) fn event_id(text: &str) -> Result<EventId, ApiError> {
    text.parse()
        .ok()
        .filter(|id: &EventId| i64::try_from(id.position).is_ok())
        .ok_or(ApiError::Invalid {
            field: "event",
            zh: "应为 position.ordinal",
            en: "it must be position.ordinal",
        })
}

fn within(limit: usize, max: usize, zh: &'static str, en: &'static str) -> Result<(), ApiError> {
    if (1..=max).contains(&limit) {
        return Ok(());
    }
    Err(ApiError::Invalid {
        field: "limit",
        zh,
        en,
    })
}
