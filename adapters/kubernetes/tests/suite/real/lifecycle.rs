use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hourglass_kubernetes::connection::resources::{PERFORMERS, PODS, SERVICES};
use serde_json::{Value, json};

use super::world::{World, condition, is_ready, told};

fn labels(object: &Value) -> Value {
    object["metadata"]["labels"].clone()
}

fn is_pod_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    pod["metadata"]["deletionTimestamp"].is_null()
        && conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Ready pods that the Service selects.
async fn served_by(world: &World, service: &str) -> Vec<String> {
    let Some(service) = world.get(SERVICES, service).await else { return Vec::new() };
    let selector = service["spec"]["selector"].as_object().unwrap().clone();
    let selects = |pod: &Value| selector.iter().all(|(key, value)| labels(pod)[key] == *value);
    let pods = world.list(PODS).await;
    let pods = pods.iter().filter(|pod| is_pod_ready(pod) && selects(pod));
    pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_performer_becomes_ready_with_five_writes_and_then_nothing_is_written() {
    let world = World::new("create").await;
    let _operator = world.operator().await;
    world.create("p", "ready:1", json!({})).await;
    let ready = world.until_ready("p").await;
    let status = &ready["status"];
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["ready"], true);
    assert_eq!(status["serviceName"], "performer-p");
    assert_eq!(status["grpcEndpoint"], format!("performer-p.{}.svc.cluster.local:9090", world.name()));
    assert_eq!((&status["replicas"], &status["readyReplicas"]), (&json!(1), &json!(1)));
    assert_eq!(served_by(&world, "performer-p").await, [status["podName"].as_str().unwrap()]);
    // An Event is written in its own time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let Some(writes) = world.writes() else { return };
    assert!(writes.len() <= 5, "{:#?}", told(&writes));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let later = world.writes().unwrap();
    assert_eq!(told(&later[writes.len()..]), Vec::<String>::new(), "nothing happens, so nothing is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_leaves_no_gap() {
    let world = Arc::new(World::new("upgrade").await);
    let _operator = world.operator().await;
    let quick = json!({ "upgradeStrategy": { "drainDeadlineSeconds": 1 } });
    world.create("p", "ready:1", quick).await;
    let first = world.until_ready("p").await;
    let (watching, over) = (world.clone(), Arc::new(AtomicBool::new(false)));
    let ends = over.clone();
    let gaps = tokio::spawn(async move {
        let mut looks = 0;
        while !ends.load(Ordering::Relaxed) {
            assert!(!served_by(&watching, "performer-p").await.is_empty(), "nothing serves");
            looks += 1;
        }
        looks
    });
    world.patch("p", json!({ "spec": { "image": "ready:2" } })).await;
    let second = world.until_ready("p").await;
    assert_ne!(first["status"]["revision"], second["status"]["revision"]);
    let old_pod = first["status"]["podName"].as_str().unwrap();
    world.until("p", "nothing drains", |p| p["status"]["drainingPods"].as_array().is_none_or(Vec::is_empty)).await;
    for _ in 0..600 {
        if world.get(PODS, old_pod).await.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(world.get(PODS, old_pod).await.is_none(), "the old pod is stopped");
    over.store(true, Ordering::Relaxed);
    assert!(gaps.await.unwrap() > 3, "looked often enough");
    assert!(second["status"]["lastUpgrade"].is_string());
    assert_eq!(served_by(&world, "performer-p").await, [second["status"]["podName"].as_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_does_not_become_ready_is_withdrawn_and_the_old_one_serves() {
    let world = World::new("withdrawn").await;
    let _operator = world.operator().await;
    let quick = json!({ "upgradeStrategy": { "readyDeadlineSeconds": 3, "drainDeadlineSeconds": 1 } });
    world.create("p", "ready:1", quick).await;
    let first = world.until_ready("p").await;
    world.patch("p", json!({ "spec": { "image": "unready:2" } })).await;
    let failed = world.until("p", "withdrawn", |p| condition(p, "Stalled")["status"] == "True").await;
    assert_eq!(condition(&failed, "Ready")["status"], "False");
    assert_eq!(condition(&failed, "Available")["status"], "True");
    assert_eq!(condition(&failed, "Degraded")["status"], "True");
    assert_eq!(failed["status"]["revision"], first["status"]["revision"]);
    assert_eq!(failed["status"]["withdrawn"]["revision"], failed["status"]["desiredRevision"]);
    assert_eq!(served_by(&world, "performer-p").await, [first["status"]["podName"].as_str().unwrap()]);
    // What it was is wanted again.
    world.patch("p", json!({ "spec": { "image": "ready:1" } })).await;
    let back = world.until_ready("p").await;
    assert_eq!(back["status"]["podName"], first["status"]["podName"], "nothing was restarted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_drains_first() {
    let world = World::new("delete").await;
    let _operator = world.operator().await;
    world.create("p", "ready:1", json!({ "upgradeStrategy": { "drainDeadlineSeconds": 3 } })).await;
    let ready = world.until_ready("p").await;
    let pod = ready["status"]["podName"].as_str().unwrap();
    world.delete("p").await;
    let draining =
        world.until("p", "draining", |p| p["status"]["drainingPods"].as_array().is_some_and(|d| !d.is_empty())).await;
    assert_eq!(draining["status"]["phase"], "Terminating");
    assert_eq!(draining["status"]["drainingPods"], json!([pod]));
    assert!(world.get(PODS, pod).await.is_some(), "it finishes what it has");
    assert_eq!(served_by(&world, "performer-p").await, Vec::<String>::new(), "and gets nothing new");
    world.until_gone("p").await;
    assert_eq!(world.get(PODS, pod).await.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_has_nothing_left_ends_the_drain() {
    let world = World::new("acknowledged").await;
    let _operator = world.operator().await;
    world
        .create("p", "ready:1", json!({ "executorRef": "e", "upgradeStrategy": { "drainDeadlineSeconds": 600 } }))
        .await;
    let replica = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "e-0", "labels": { "app": "hourglass-executor", "hourglass.eigenlayer.io/name": "e" } },
        "spec": { "containers": [{ "name": "performer", "image": "ready:0" }] },
    });
    world.post(PODS, replica).await;
    let ready = world.until_ready("p").await;
    let pod = ready["status"]["podName"].as_str().unwrap();
    world.delete("p").await;
    world.until("p", "draining", |p| p["status"]["drainingPods"] == json!([pod])).await;
    let key = "drained.hourglass.eigenlayer.io/e-0";
    world.patch("p", json!({ "metadata": { "annotations": { key: pod } } })).await;
    world.until_gone("p").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_run_says_why_and_can_be_deleted() {
    let world = World::new("refused").await;
    let _operator = world.operator().await;
    let forbidden = json!({ "config": { "serviceAccountName": "nobody-made-this" } });
    world.create("p", "ready:1", forbidden).await;
    let refused = world.until("p", "said", |p| condition(p, "Degraded")["status"] == "True").await;
    let why = condition(&refused, "Ready");
    assert_eq!(why["reason"], "ServiceAccountNotFound", "{refused:#}");
    assert!(why["message"].as_str().unwrap().contains("nobody-made-this"), "{why}");
    // Another one is not held up by it.
    world.create("q", "ready:1", json!({})).await;
    world.until_ready("q").await;
    world.delete("p").await;
    world.until_gone("p").await;
    assert!(is_ready(&world.get(PERFORMERS, "q").await.unwrap()));
}
