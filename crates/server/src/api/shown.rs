//! What the board shows: health, gateways, points, current readings.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::error::{Asked, Refusals};
use super::{ApiError, Shared};
use crate::clock;
use crate::view::{CurrentView, GatewayView, HealthView, PointView, Trouble};

/// Health that nobody renewed for this long is not believed (sentence 6).
pub const HEALTH_AGE_MAX_MS: i64 = 15_000;

/// Narrows a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Where {
    /// Only this enterprise.
    enterprise: Option<String>,
    /// Only this gateway.
    gateway: Option<String>,
}

impl Where {
    fn fits(&self, enterprise: &str, gateway: &str) -> bool {
        let same = |wanted: &Option<String>, has: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == has)
        };
        same(&self.enterprise, enterprise) && same(&self.gateway, gateway)
    }
}

/// The server's own health. Always 200: the body says how it is.
#[utoipa::path(
    get, path = "/api/v1/health", tag = "server",
    responses((status = 200, description = "How the server is", body = HealthView), Refusals)
)]
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Json<HealthView> {
    let mut health = shared.api.board.read().health.clone();
    match condition_of(&health) {
        "starting" => health = starting(),
        "stalled" => {
            let trouble = Trouble::new(
                "health_stalled",
                "服务器状态已停止更新",
                "The server's health is not being renewed",
            );
            "degraded".clone_into(&mut health.status);
            health.problems.push(trouble);
        }
        _ => {}
    }
    Json(health)
}

/// In one word, for supervisors.
pub(super) fn condition(shared: &Shared) -> &'static str {
    condition_of(&shared.api.board.read().health)
}

fn condition_of(health: &HealthView) -> &'static str {
    let age_ms = clock::now().as_millis().saturating_sub(health.now);
    match health.status.as_str() {
        "" => "starting",
        "refusing" => "refusing",
        _ if age_ms > HEALTH_AGE_MAX_MS => "stalled",
        "ok" => "ok",
        _ => "degraded",
    }
}

fn starting() -> HealthView {
    HealthView {
        status: "degraded".to_owned(),
        problems: vec![Trouble::new(
            "starting",
            "服务器正在启动",
            "The server is starting",
        )],
        now: clock::now().as_millis(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..HealthView::default()
    }
}

/// The gateways.
#[utoipa::path(
    get, path = "/api/v1/gateways", tag = "points", params(Where),
    responses((status = 200, description = "Gateways by name", body = [GatewayView]), Refusals)
)]
pub(super) async fn gateways(
    State(shared): State<Arc<Shared>>,
    Asked(wanted): Asked<Where>,
) -> Json<Vec<GatewayView>> {
    let shown = shared.api.board.read();
    let fits = |it: &&GatewayView| wanted.fits(&it.enterprise, &it.gateway);
    Json(shown.gateways.values().filter(fits).cloned().collect())
}

/// The points that are measured, with the limits that watch them.
#[utoipa::path(
    get, path = "/api/v1/points", tag = "points", params(Where),
    responses((status = 200, description = "Points by id", body = [PointView]), Refusals)
)]
pub(super) async fn points(
    State(shared): State<Arc<Shared>>,
    Asked(wanted): Asked<Where>,
) -> Response {
    let points: Vec<Arc<PointView>> = {
        let shown = shared.api.board.read();
        let fits = |it: &&Arc<PointView>| wanted.fits(&it.enterprise, &it.gateway);
        shown.points.values().filter(fits).cloned().collect()
    };
    Json(
        points
            .iter()
            .map(AsRef::as_ref)
            .collect::<Vec<&PointView>>(),
    )
    .into_response()
}

/// Each point's newest reading.
#[utoipa::path(
    get, path = "/api/v1/current", tag = "points", params(Where),
    responses((status = 200, description = "Readings by point id", body = [CurrentView]), Refusals)
)]
pub(super) async fn current(
    State(shared): State<Arc<Shared>>,
    Asked(wanted): Asked<Where>,
) -> Result<Json<Vec<CurrentView>>, ApiError> {
    let fits = |reading: &&CurrentView| {
        let mut parts = reading.id.splitn(3, '/');
        let enterprise = parts.next().unwrap_or_default();
        wanted.fits(enterprise, parts.next().unwrap_or_default())
    };
    let mut readings: Vec<CurrentView> = {
        let shown = shared.api.board.read();
        shown.current.values().filter(fits).cloned().collect()
    };
    readings.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(readings))
}
