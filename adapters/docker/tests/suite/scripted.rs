//! What an engine, or a proxy before it, does once in a year.

use std::time::Duration;

use hourglass_core::ports::{InstanceRuntime, RuntimeError};
use hourglass_docker::{EngineState, Options};

use crate::fixture::*;
use crate::wire::{Peer, Reply};

const VERSION: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#;

fn short(host: &str) -> Options {
    Options { call_timeout: Duration::from_millis(500), ..options(host) }
}

/// What the first tries come to, in the words of the state; after them the engine answers as it should.
async fn first_says(what: &str, path: &str, reply: Reply) {
    let good = |each: &str| match each {
        "/version" => Reply::json(200, VERSION),
        "/events" => Reply::stream(""),
        _ => Reply::json(200, "[]"),
    };
    let paths = ["/version", "/events", "/networks", "/containers/json"];
    let replies: Vec<(&str, Vec<Reply>)> = paths
        .iter()
        .map(|each| if *each == path { (*each, vec![reply.clone(), good(each)]) } else { (*each, vec![good(each)]) })
        .collect();
    let script: Vec<(&str, &[Reply])> = replies.iter().map(|(path, replies)| (*path, replies.as_slice())).collect();
    let peer = Peer::new(&script);
    let executor = Executor::open(&owner(), short(&peer.host)).await;
    let mut states = executor.runtime.engine();
    let failed =
        |state: &EngineState| matches!(state, EngineState::Unavailable { message, .. } if message.contains(what));
    let seen = async {
        loop {
            if failed(&states.borrow_and_update()) {
                break;
            }
            states.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{path}: nothing says '{what}'"));
    executor.until_connected().await;
    assert_eq!(executor.observe("anybody").await, []);
}

#[tokio::test]
async fn what_is_no_answer_is_asked_again() {
    first_says("429", "/version", Reply::json(429, "slow down")).await;
    first_says("503", "/containers/json", Reply::json(503, r#"{"message":"no server"}"#)).await;
    first_says("500ms", "/version", Reply::Open(Vec::new())).await;
    first_says(
        "",
        "/containers/json",
        Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"Id\":".to_vec()),
    )
    .await;
    first_says("", "/version", Reply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec())).await;
    first_says("403", "/events", Reply::json(403, "forbidden")).await;
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_named() {
    first_says("1.40", "/version", Reply::json(200, r#"{"Version":"19.03.1","ApiVersion":"1.40"}"#)).await;
}

#[tokio::test]
async fn events_that_break_off_are_opened_again() {
    let half = Reply::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"Type\":\"\r\n".to_vec());
    first_says("events", "/events", half).await;
    first_says("events", "/events", Reply::stream("no event\n")).await;
}

#[tokio::test]
async fn nothing_is_known_of_an_engine_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none");
    let executor = Executor::open(&owner(), short(&format!("unix://{}", socket.display()))).await;
    let state = executor.until_engine("unavailable", |state| matches!(state, EngineState::Unavailable { .. })).await;
    let EngineState::Unavailable { message, .. } = state else { unreachable!() };
    assert!(message.contains("docker.host"), "{message}");
    let name = request("absent", 1, spec(OBEYS, &[]));
    let unavailable = |error: &RuntimeError| matches!(error, RuntimeError::Unavailable { .. });
    let runtime = &executor.runtime;
    assert!(runtime.observe(&name.name.performer).await.is_err_and(|error| unavailable(&error)));
    assert!(runtime.performers().await.is_err_and(|error| unavailable(&error)));
    assert!(runtime.start(&name).await.is_err_and(|error| unavailable(&error)));
    assert!(runtime.stop(&name.name, Duration::ZERO).await.is_err_and(|error| unavailable(&error)));
}
