//! Engines that restart, freeze and are cut off.

use std::time::Duration;

use hourglass_core::lifecycle::InstanceState;
use hourglass_core::ports::InstanceRuntime;
use hourglass_docker::{EngineState, ExecutorId, Options};
use hourglass_environment::api::Api;
use hourglass_environment::engine::Engine;

use crate::fixture::*;
use crate::wire::Proxy;

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn own_engine() -> std::sync::Arc<Engine> {
    blocking(|| {
        let engine = Engine::start().unwrap();
        load(engine.host());
        std::sync::Arc::new(engine)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_outlive_their_engine() {
    let engine = own_engine().await;
    let executor = Executor::at(&owner(), engine.host()).await;
    let started = request("outlives", 1, spec(OBEYS, &[]));
    let before = executor.run(&started).await;

    let stopped = std::sync::Arc::clone(&engine);
    blocking(move || stopped.stop().unwrap()).await;
    executor.until_engine("unavailable", |state| matches!(state, EngineState::Unavailable { .. })).await;
    assert!(executor.runtime.observe(&started.name.performer).await.is_err());
    assert!(executor.runtime.start(&request("outlives", 2, spec(OBEYS, &[]))).await.is_err());
    assert_eq!(ask(&before.endpoint.clone().unwrap(), "hello").await, "guest", "it serves without its engine");

    let resumed = std::sync::Arc::clone(&engine);
    blocking(move || resumed.resume().unwrap()).await;
    executor.until_connected().await;
    let after = executor.until_running(&started.name).await;
    assert_eq!((&after.platform_id, &after.endpoint), (&before.platform_id, &before.endpoint));
    assert_eq!(after.started_at, before.started_at);
    executor.remove(&started.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_engine_takes_nothing_away() {
    let engine = own_engine().await;
    let executor =
        Executor::open(&owner(), Options { call_timeout: Duration::from_secs(2), ..options(engine.host()) }).await;
    executor.until_connected().await;
    let started = request("frozen", 1, spec(OBEYS, &[]));
    executor.run(&started).await;
    engine.freeze().unwrap();
    let observed = executor.observe("frozen").await;
    assert_eq!(observed.first().map(|instance| instance.state.clone()), Some(InstanceState::Running));
    // Taken, and carried out when the engine goes on.
    let second = request("frozen", 2, spec(OBEYS, &[]));
    executor.start(&second).await;
    executor.runtime.stop(&started.name, Duration::ZERO).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let starting = executor.observe("frozen").await;
    assert!(starting.iter().any(|instance| matches!(instance.state, InstanceState::Starting { .. })), "{starting:?}");
    assert!(starting.iter().any(|instance| instance.state == InstanceState::Stopping), "{starting:?}");
    engine.thaw().unwrap();
    executor.until_gone(&started.name).await;
    executor.until_running(&second.name).await;
    executor.remove(&second.name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_events_are_cut_is_learnt_and_idleness_asks_nothing() {
    let proxy = Proxy::new(host());
    let executor = Executor::at(&owner(), &proxy.host).await;
    let started = request("cut", 1, spec(OBEYS, &[]));
    let id = executor.run(&started).await.platform_id.unwrap();

    // Until the events of the start are dealt with.
    let mut count = proxy.count();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if std::mem::replace(&mut count, proxy.count()) == proxy.count() {
            break;
        }
    }
    for _ in 0..1000 {
        assert_eq!(executor.observe("cut").await.len(), 1);
    }
    assert_eq!(proxy.count(), count, "looking asks the engine nothing");

    proxy.cut();
    api(host(), "POST", format!("/containers/{id}/kill"), serde_json::Value::Null).await;
    executor.until_ended(&started.name).await;
    executor.remove(&started.name).await;
}

/// Makes the network of an executor twice, as an engine does for one that was killed and its successor.
async fn make_twice(owner: &ExecutorId) -> String {
    let name = format!("hourglass-{}", owner.short());
    let labels = serde_json::json!({ "hourglass.eigenlayer.io/executor": owner.as_str() });
    let network = serde_json::json!({ "Name": name, "Driver": "bridge", "Labels": labels });
    let make = blocking(move || {
        let (api, body) = (Api::at(host()).unwrap(), network.to_string());
        let json = [("Content-Type", "application/json")];
        [(); 2].map(|()| api.request("POST", "/networks/create", &json, body.as_bytes()).unwrap().status)
    });
    // Engines since 25 refuse the second.
    assert!(matches!(make.await, [201, 201 | 409]));
    name
}

async fn runs_in_the_only_one(executor: &Executor, name: &str) {
    let started = request("doubles", 1, spec(OBEYS, &[]));
    let instance = executor.run(&started).await;
    assert_eq!(ask(&instance.endpoint.unwrap(), "hello").await, "guest");
    let networks = api(host(), "GET", "/networks".to_owned(), serde_json::Value::Null).await;
    let left = networks.as_array().unwrap().iter().filter(|each| each["Name"] == name).count();
    assert_eq!(left, 1);
    executor.remove(&started.name).await;
    let _left = api(host(), "DELETE", format!("/networks/{name}"), serde_json::Value::Null).await;
}

/// What an executor leaves that is killed while the engine makes its network, and its successor makes it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_network_of_the_same_name_is_removed() {
    let owner = owner();
    let name = make_twice(&owner).await;
    runs_in_the_only_one(&Executor::at(&owner, host()).await, &name).await;
}

/// The same where the engine comes to it after the successor has listed what there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_network_that_comes_later_is_removed_too() {
    let owner = owner();
    let executor = Executor::at(&owner, host()).await;
    let name = make_twice(&owner).await;
    runs_in_the_only_one(&executor, &name).await;
}
