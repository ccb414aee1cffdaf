use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hourglass_kubernetes::connection::resources::{PERFORMERS, PODS, SERVICES};
use hourglass_kubernetes::writer::{NoHook, Write, WriteFailure, WriteHook};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::world::World;

/// Kills the operator at one of its writes: from there on it does nothing more.
#[derive(Default)]
struct Killer {
    at: usize,
    after: bool,
    writes: AtomicUsize,
    killed: Notify,
}

impl Killer {
    async fn maybe(&self, number: usize, after: bool) {
        let dead = number > self.at || (number == self.at && (after || !self.after));
        if dead && (number != self.at || after == self.after) {
            self.killed.notify_one();
        }
        if dead && (number > self.at || after == self.after) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl WriteHook for Killer {
    async fn before(&self, _: &Write) {
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        self.maybe(number, false).await;
    }

    async fn after(&self, _: &Write, _: Result<(), &WriteFailure>) {
        let number = self.writes.load(Ordering::SeqCst).saturating_sub(1);
        self.maybe(number, true).await;
    }
}

/// What users see in the end, without what differs from run to run.
async fn state(world: &World, name: &str) -> Value {
    let performer = world.until_ready(name).await;
    let pods: Vec<Value> = world.list(PODS).await.iter().map(|pod| pod["metadata"]["name"].clone()).collect();
    let service = world.get(SERVICES, &format!("performer-{name}")).await.unwrap();
    let status = &performer["status"];
    json!({
        "finalizers": performer["metadata"]["finalizers"], "phase": status["phase"], "revision": status["revision"],
        "pods": pods, "selector": service["spec"]["selector"], "good": status["history"]["good"]["revision"],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_write_of_a_creation_another_operator_comes_to_the_same() {
    let undisturbed = {
        let world = World::new("whole").await;
        let _operator = world.operator().await;
        world.create("p", "ready:1", json!({})).await;
        state(&world, "p").await
    };
    for (at, after) in (0..4).flat_map(|at| [(at, false), (at, true)]) {
        let world = World::new("killed").await;
        let killer = Arc::new(Killer { at, after, ..Killer::default() });
        let first = world.operator_with("first", killer.clone()).await;
        world.create("p", "ready:1", json!({})).await;
        tokio::time::timeout(Duration::from_secs(30), killer.killed.notified()).await.expect("there are four writes");
        drop(first);
        let _second = world.operator_with("second", Arc::new(NoHook)).await;
        assert_eq!(
            state(&world, "p").await,
            undisturbed,
            "killed {} write {at}",
            if after { "after" } else { "before" }
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_well_gives_its_lease_back_and_another_takes_over() {
    let world = World::new("handover").await;
    let first = world.operator_with("first", Arc::new(NoHook)).await;
    let _ = first.leadership.leads().await;
    let second = world.operator_with("second", Arc::new(NoHook)).await;
    world.create("p", "ready:1", json!({})).await;
    world.until_ready("p").await;
    assert!(!second.leadership.is_leading());
    first.stop().await;
    let stopped = Instant::now();
    let _ = second.leadership.leads().await;
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
    world.create("q", "ready:1", json!({})).await;
    world.until_ready("q").await;
    assert_eq!(world.list(PERFORMERS).await.len(), 2);
}
