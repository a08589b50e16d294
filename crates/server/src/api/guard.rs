//! What every request passes: whether its sender may ask at all, a deadline, the headers of
//! the answer, and the count.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::{ApiError, Shared};

/// Longest time until an answer begins. The stream begins at once and goes on.
pub const ANSWER_MAX: Duration = Duration::from_secs(20);

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The outermost layer.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let route = shared.route_of(request.uri().path());
    let allowed = allowed(&request, shared.api.loopback_only);
    let mut response = match allowed {
        Ok(()) => match timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => ApiError::Deadline.into_response(),
        },
        Err(refused) => refused.into_response(),
    };
    shared.api.metrics.http(route, response.status().as_u16());
    protect(response.headers_mut());
    response
}

impl Shared {
    /// The label for a path: bounded, whatever clients ask for.
    fn route_of(&self, path: &str) -> &str {
        match self.paths.get(path) {
            Some(route) => route,
            None if path.starts_with("/api") => "other",
            None => "page",
        }
    }
}

fn allowed(request: &Request, loopback_only: bool) -> Result<(), ApiError> {
    let headers = request.headers();
    if loopback_only {
        let host = headers
            .get(header::HOST)
            .map(|host| host.to_str().unwrap_or(""));
        if !host.is_none_or(is_loopback) || !request.uri().host().is_none_or(is_loopback) {
            return Err(ApiError::Host);
        }
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        // A link from another page may open the console.
        Some(_) if reads => Ok(()),
        Some(_) => Err(ApiError::CrossSite),
    }
}

/// Whether a `Host` (with or without its port) names this machine to itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = || {
        name.parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
    };
    name.eq_ignore_ascii_case("localhost") || name == "[::1]" || address()
}

/// Answers are what they say they are, and live data is never kept by a browser or proxy.
fn protect(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.9.9.9:80",
            "[::1]:8080",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:80",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "[::2]",
            "localhost:80@evil",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
