use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hourglass_cluster::{Cluster, ClusterOptions};
use hourglass_kubernetes::connection::resources::{PERFORMERS, PODS};
use hourglass_kubernetes::writer::{NoHook, Write, WriteFailure, WriteHook};
use serde_json::json;
use tokio::sync::Semaphore;

use super::world::{World, is_ready, told};

/// Holds one sort of write back, before it is sent, until it is let go.
struct Held {
    verb: &'static str,
    let_go: Semaphore,
    arrived: Semaphore,
}

impl Held {
    fn new(verb: &'static str) -> Arc<Self> {
        Arc::new(Self { verb, let_go: Semaphore::new(0), arrived: Semaphore::new(0) })
    }

    async fn arrived(&self) {
        tokio::time::timeout(Duration::from_secs(30), self.arrived.acquire()).await.unwrap().unwrap().forget();
    }
}

#[async_trait]
impl WriteHook for Held {
    async fn before(&self, write: &Write) {
        if write.verb() == self.verb {
            self.arrived.add_permits(1);
            self.let_go.acquire().await.unwrap().forget();
        }
    }

    async fn after(&self, _: &Write, _: Result<(), &WriteFailure>) {}
}

async fn cluster(options: ClusterOptions) -> Arc<Cluster> {
    Arc::new(tokio::task::spawn_blocking(move || Cluster::start(&options).unwrap()).await.unwrap())
}

async fn blocking<T: Send + 'static>(cluster: &Arc<Cluster>, act: fn(&Cluster) -> T) -> T {
    let cluster = cluster.clone();
    tokio::task::spawn_blocking(move || act(&cluster)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_server_goes_and_comes_back_with_another_history() {
    let cluster = cluster(ClusterOptions { second_apiserver: true, ..ClusterOptions::bare() }).await;
    let world = World::on(&cluster, "gone").await;
    let _operator = world.operator().await;
    let quick = || json!({ "upgradeStrategy": { "drainDeadlineSeconds": 1 } });
    world.create("p", "ready:1", quick()).await;
    world.until_ready("p").await;

    // Everything that a watch could be resumed from is forgotten, and something is missed.
    blocking(&cluster, |cluster| cluster.apiserver().kill().unwrap()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    blocking(&cluster, |cluster| cluster.etcd().kill().unwrap()).await;
    blocking(&cluster, |cluster| cluster.etcd().start().unwrap()).await;
    blocking(&cluster, |cluster| cluster.apiserver().start().unwrap()).await;
    blocking(&cluster, |cluster| cluster.compact().unwrap()).await;
    world.patch("p", json!({ "spec": { "image": "ready:2" } })).await;
    world.create("q", "ready:1", quick()).await;
    world.until_ready("q").await;
    let second = world.until_ready("p").await;
    world.until("p", "settled", |p| p["status"]["drainingPods"].is_null() && is_ready(p)).await;
    world.until_pods(2).await;
    let pods = world.list(PODS).await;
    assert!(pods.iter().any(|pod| pod["metadata"]["name"] == second["status"]["podName"]));

    // And then nothing more is written.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = world.writes().unwrap().len();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(told(&world.writes().unwrap()[before..]), Vec::<String>::new());

    // A second API server that lags behind: nothing is done twice, and what it comes to know is done.
    let stale = cluster.second_kubeconfig();
    drop(_operator);
    let _second = world.operator_at(&stale, "second", Arc::new(NoHook), |_| {}).await;
    world.patch("p", json!({ "spec": { "image": "ready:3" } })).await;
    world.until_ready("p").await;
    world.until_pods(2).await;
    blocking(&cluster, |cluster| cluster.hold_second_apiserver().unwrap()).await;
    world.patch("p", json!({ "spec": { "image": "ready:4" } })).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    blocking(&cluster, |cluster| cluster.release_second_apiserver().unwrap()).await;
    let last = world.until_ready("p").await;
    world.until_pods(2).await;
    assert_eq!(last["spec"]["image"], "ready:4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_the_lease_sends_nothing_more() {
    let world = World::new("frozen").await;
    let held = Held::new("status");
    let first = world.operator_with("first", held.clone()).await;
    world.create("p", "ready:1", json!({})).await;
    held.arrived().await;
    let term = first.leadership.term().unwrap();
    // It loses the lease while its write is on the way: as if it were frozen there.
    first.freeze();
    let second = world.operator_with("second", Arc::new(NoHook)).await;
    let _ = second.leadership.leads().await;
    let ready = world.until_ready("p").await;
    assert!(term.check().is_err());
    held.let_go.add_permits(100);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let Some(requests) = world.requests() else { return };
    let late: Vec<_> =
        requests.iter().filter(|r| r.user_agent.ends_with("first") && r.object_ref.subresource == "status").collect();
    assert!(late.is_empty(), "{late:?}");
    assert_eq!(
        world.get(PERFORMERS, "p").await.unwrap()["metadata"]["resourceVersion"],
        ready["metadata"]["resourceVersion"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_comes_too_late_is_refused_by_the_api_server() {
    let world = World::new("late").await;
    let held = Held::new("status");
    // Both believe that they lead.
    let _first = world.operator_at(world.kubeconfig(), "first", held.clone(), |options| options.lease = None).await;
    world.create("p", "ready:1", json!({})).await;
    held.arrived().await;
    let _second =
        world.operator_at(world.kubeconfig(), "second", Arc::new(NoHook), |options| options.lease = None).await;
    let ready = world.until_ready("p").await;
    held.let_go.add_permits(100);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let now = world.get(PERFORMERS, "p").await.unwrap();
    assert_eq!(now["status"]["history"], ready["status"]["history"]);
    let Some(requests) = world.requests() else { return };
    let late =
        requests.iter().find(|r| r.user_agent.ends_with("first") && r.object_ref.subresource == "status").unwrap();
    assert_eq!(late.response_status.code, 409, "{late:?}");
}
