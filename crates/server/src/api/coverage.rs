//! How far what must be measured is measured.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fenghuo_engine::coverage::Coverage;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Shared;
use super::error::{Asked, Refusals};
use crate::view::{self, By, CoverageView};

/// What the rows are.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Grouped {
    /// enterprise (when left out), industry or township.
    #[serde(default)]
    by: By,
}

/// What must be measured, what is connected, what gives values now; counted anew about once
/// a second, on large servers less often.
#[utoipa::path(
    get, path = "/api/v1/coverage", tag = "server", params(Grouped),
    responses((status = 200, description = "Coverage by key", body = CoverageView), Refusals)
)]
pub(super) async fn coverage(
    State(shared): State<Arc<Shared>>,
    Asked(asked): Asked<Grouped>,
) -> Json<CoverageView> {
    let enterprises: Vec<_> = {
        let shown = shared.api.board.read();
        shown.coverage.values().cloned().collect()
    };
    let enterprises = enterprises.iter().map(|it| (**it).clone()).collect();
    let coverage = Coverage { enterprises };
    Json(view::coverage(&coverage, asked.by))
}
