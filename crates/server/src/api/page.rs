//! The console's files, the figures, and the answers for machines that look after the
//! server.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fenghuo_console::CONTENT_SECURITY_POLICY;

use super::error::Refusals;
use super::{ApiError, Shared, shown};

/// Prometheus' text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "server",
    responses(
        (status = 200, description = "The OpenAPI document", content_type = "application/json"),
        Refusals
    )
)]
pub(super) async fn openapi(State(shared): State<Arc<Shared>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, shared.document.clone()).into_response()
}

/// Whether the server works, in one word for supervisors.
#[utoipa::path(
    get, path = "/healthz", tag = "server",
    responses(
        (status = 200, description = "ok or degraded", body = String, content_type = "text/plain"),
        (status = 503, description = "refusing, starting or stalled", body = String,
         content_type = "text/plain")
    )
)]
pub(super) async fn healthz(State(shared): State<Arc<Shared>>) -> Response {
    let word = shown::condition(&shared);
    let status = match word {
        "ok" | "degraded" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{word}\n")).into_response()
}

/// The figures, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, description = "Prometheus' text format", body = String,
               content_type = "text/plain"))
)]
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = [(header::CONTENT_TYPE, METRICS_TYPE)];
    (kind, shared.api.metrics.render()).into_response()
}

/// A route of ours, but not with this method.
pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::Method
}

/// Everything that is no route: a file of the console, or nothing.
pub(super) async fn page(request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ApiError::NoSuchPath.into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::Method.into_response();
    }
    match fenghuo_console::asset(path.trim_start_matches('/')) {
        Some(asset) => file(asset, request.headers()),
        None => ApiError::NoSuchPath.into_response(),
    }
}

fn file(asset: fenghuo_console::Asset, asked: &HeaderMap) -> Response {
    let etag = HeaderValue::from_str(&asset.etag).ok();
    let known = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| holds(known, &asset.etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.mime)], asset.body).into_response()
    };
    let headers = response.headers_mut();
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(asset.cache_control),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    response
}

/// Whether an `If-None-Match` names the etag.
fn holds(known: &str, etag: &str) -> bool {
    known
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == etag || one == "*")
}
