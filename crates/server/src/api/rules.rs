//! The rules in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::error::{Asked, Refusals};
use super::{ApiError, Shared};
use crate::view::RulesView;

/// Most rules in one answer.
pub const RULES_MAX: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RulesQuery {
    /// Only rules whose ids come after this one.
    after: Option<String>,
    /// At most this many.
    #[serde(default = "rules_default")]
    #[param(minimum = 1, maximum = 1000, default = 500)]
    limit: usize,
}

const fn rules_default() -> usize {
    500
}

/// The rules in force, by id, and what their last change did.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "server", params(RulesQuery),
    responses((status = 200, description = "Rules by id", body = RulesView), Refusals)
)]
pub(super) async fn rules(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<RulesQuery>,
) -> Result<Json<RulesView>, ApiError> {
    if !(1..=RULES_MAX).contains(&query.limit) {
        return Err(ApiError::Invalid {
            field: "limit",
            zh: "1 到 1000",
            en: "1 to 1000",
        });
    }
    let (rules, reload) = {
        let shown = shared.api.board.read();
        (Arc::clone(&shown.rules), shown.reload.clone())
    };
    let after = query.after.as_deref();
    let from = rules.partition_point(|rule| after.is_some_and(|after| rule.id.as_str() <= after));
    Ok(Json(RulesView {
        total: rules.len(),
        rules: rules[from..].iter().take(query.limit).cloned().collect(),
        reload,
    }))
}
