//! The endpoints over real HTTP on loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hourglass_telemetry::http::{Limits, bind, health_router, metrics_router, serve, serve_except};
use hourglass_telemetry::{BuildInfo, Metrics, Readiness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(20);

async fn start(router: Router, limits: Limits) -> SocketAddr {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, router, limits));
    address
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses a request may close before all of it is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer));
    let _ = read.await.expect("the server never closed");
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

async fn get_json(address: SocketAddr, path: &str) -> (u16, serde_json::Value) {
    let (status, head, body) = get(address, path).await;
    assert!(head.contains("content-type: application/json"), "{head}");
    (status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn readiness_names_each_condition_and_its_reason() {
    let readiness = Readiness::new();
    let address = start(health_router(readiness.clone()), Limits::default()).await;
    assert_eq!(get_json(address, "/ready").await.0, 503);
    let journal = readiness.condition("journal");
    let draining = readiness.condition("draining");
    let aggregator = readiness.informational("aggregator");
    aggregator.not_ready("no connection");
    journal.ready("writable");
    draining.not_ready("since 12:00");
    let (status, body) = get_json(address, "/ready").await;
    assert_eq!(status, 503);
    assert_eq!(
        body,
        serde_json::json!({
            "status": "not ready",
            "conditions": [
                { "name": "aggregator", "ready": false, "gating": false, "reason": "no connection" },
                { "name": "draining", "ready": false, "gating": true, "reason": "since 12:00" },
                { "name": "journal", "ready": true, "gating": true, "reason": "writable" },
            ],
        })
    );
    draining.ready("accepting tasks");
    let (status, body) = get_json(address, "/ready").await;
    assert_eq!((status, &body["status"]), (200, &"ready".into()));
    assert_eq!(readiness.is_ready(), status == 200);
    drop(journal);
    assert_eq!(get_json(address, "/ready").await.0, 503);
}

#[tokio::test]
async fn health_and_startup() {
    let readiness = Readiness::new();
    let address = start(health_router(readiness.clone()), Limits::default()).await;
    assert_eq!(get_json(address, "/startup").await.0, 503);
    readiness.started();
    assert_eq!(get_json(address, "/startup").await.0, 200);
    assert_eq!(get_json(address, "/health").await.0, 200);
    readiness.broken("the journal's thread ended");
    let (status, body) = get_json(address, "/health").await;
    assert_eq!((status, &body["reason"]), (503, &"the journal's thread ended".into()));
    let (status, body) = get_json(address, "/metrics").await;
    assert_eq!((status, &body["paths"][0]), (404, &"/health".into()));
}

#[tokio::test]
async fn metrics_are_served_as_prometheus_text() {
    let readiness = Readiness::new();
    let metrics = Metrics::new(BuildInfo { version: "1", revision: "" }, &readiness);
    let _journal = readiness.condition("journal");
    let address = start(metrics_router(metrics, "/metrics"), Limits::default()).await;
    let (status, head, body) = get(address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.contains("\nperformer_count 0\n"), "{body}");
    assert!(body.contains("\nhourglass_condition{condition=\"journal\"} 0\n"), "{body}");
    assert!(body.contains("\nhourglass_ready 0\n"), "{body}");
}

#[tokio::test]
async fn requests_are_bounded() {
    let address = start(health_router(Readiness::new()), Limits::default()).await;
    let long = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(64 << 10));
    let answer = exchange(address, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // A body that never ends is not read: the answer comes, and the connection goes.
    let endless = b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc";
    assert!(exchange(address, endless).await.starts_with("HTTP/1.1 200"));
    let nonsense = exchange(address, b"\0\0\0\0 nonsense\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
    assert_eq!(get_json(address, "/health").await.0, 200);
}

#[tokio::test]
async fn slow_clients_cannot_hold_every_connection() {
    let limits = Limits { connections: 2, header_time: Duration::from_millis(300), ..Limits::default() };
    let address = start(health_router(Readiness::new()), limits).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /health HT").await.unwrap();
        slow.push(stream);
    }
    let (status, _) = tokio::time::timeout(DEADLINE, get_json(address, "/health")).await.unwrap();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn connections_have_an_age_limit() {
    let limits = Limits { connection_time: Duration::from_millis(300), ..Limits::default() };
    let address = start(health_router(Readiness::new()), limits).await;
    let answer = exchange(address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}

#[tokio::test]
async fn peers_without_business_here_are_not_heard() {
    let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let closed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (judge, router) = (closed.clone(), health_router(Readiness::new()));
    // Mapped into IPv6 by the listener, and judged as what it is.
    let refuses = move |peer: std::net::IpAddr| peer.is_ipv4() && judge.load(std::sync::atomic::Ordering::SeqCst);
    tokio::spawn(serve_except(
        listener,
        router,
        Limits { connections: 1, ..Limits::default() },
        std::sync::Arc::new(refuses),
    ));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        // A reset is as closed as an end.
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("never closed");
        assert_eq!(answer, b"");
    }
    closed.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(get(address, "/health").await.0, 200);
}
