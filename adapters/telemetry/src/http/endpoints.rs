use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// Of the answer of `/metrics`: the text format that every Prometheus reads, in which a counter may have any name.
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics at exactly this path, `/metrics` as a rule; nothing in it is a pattern.
pub fn metrics_router(metrics: Metrics, path: &str) -> Router {
    exposition_router(move || metrics.encode(), path)
}

/// [`metrics_router`], for any metrics that can be written in that format.
pub fn exposition_router(encode: impl Fn() -> String + Clone + Send + Sync + 'static, path: &str) -> Router {
    let path: Arc<str> = path.into();
    let scrape = move |uri: Uri| async move {
        if uri.path() == &*path {
            ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], encode()).into_response()
        } else {
            nothing_at(&uri, &[&path])
        }
    };
    Router::new().fallback_service(get(scrape))
}

/// `/health`: whether the process should be left alive. `/ready`: whether it can do its work now, and what is missing.
/// `/startup`: whether its start is over.
pub fn health_router(readiness: Readiness) -> Router {
    let [health, ready, startup] = [readiness.clone(), readiness.clone(), readiness];
    Router::new()
        .route("/health", get(move || async move { alive(&health) }))
        .route("/ready", get(move || async move { able(&ready) }))
        .route("/startup", get(move || async move { begun(&startup) }))
        .fallback(|uri: Uri| async move { nothing_at(&uri, &["/health", "/ready", "/startup"]) })
}

/// What Kubernetes' own programs serve: `/healthz`, whether the process should be left alive, and `/readyz`, whether it
/// can do its work now, and what is missing.
pub fn probes_router(readiness: Readiness) -> Router {
    let [health, ready] = [readiness.clone(), readiness];
    Router::new()
        .route("/healthz", get(move || async move { alive(&health) }))
        .route("/readyz", get(move || async move { able(&ready) }))
        .fallback(|uri: Uri| async move { nothing_at(&uri, &["/healthz", "/readyz"]) })
}

fn alive(readiness: &Readiness) -> Response {
    match readiness.broken_reason() {
        None => answer(true, json!({ "status": "ok" })),
        Some(reason) => answer(false, json!({ "status": "broken", "reason": reason })),
    }
}

fn able(readiness: &Readiness) -> Response {
    // One look at the conditions: a status and a list that contradict each other would be of no use.
    let conditions = readiness.conditions();
    let mut gating = conditions.iter().filter(|condition| condition.gating).peekable();
    let ready = gating.peek().is_some() && gating.all(|condition| condition.ready);
    let status = if ready { "ready" } else { "not ready" };
    answer(ready, json!({ "status": status, "conditions": conditions }))
}

fn begun(readiness: &Readiness) -> Response {
    let started = readiness.is_started();
    let status = if started { "started" } else { "starting" };
    answer(started, json!({ "status": status, "conditions": readiness.conditions() }))
}

fn answer(good: bool, body: Value) -> Response {
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    with_json(status, &body)
}

fn nothing_at(uri: &Uri, paths: &[&str]) -> Response {
    with_json(StatusCode::NOT_FOUND, &json!({ "error": format!("nothing at {}", uri.path()), "paths": paths }))
}

fn with_json(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, format!("{body}\n")).into_response()
}
