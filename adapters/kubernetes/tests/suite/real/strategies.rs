use std::time::Duration;

use hourglass_kubernetes::connection::resources::{PERFORMERS, PODS, SERVICES};
use serde_json::{Value, json};

use super::world::{World, condition};

fn revision(performer: &Value) -> &str {
    performer["status"]["revision"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blue_green_waits_to_be_promoted_and_can_be_called_off() {
    let world = World::new("bluegreen").await;
    let _operator = world.operator().await;
    let upgrade = json!({ "upgradeStrategy": { "type": "BlueGreen", "drainDeadlineSeconds": 1 } });
    world.create("p", "ready:1", upgrade).await;
    let blue = world.until_ready("p").await;
    world.patch("p", json!({ "spec": { "image": "ready:2" } })).await;
    let waiting = |p: &Value| condition(p, "Ready")["reason"] == "AwaitingPromotion";
    let both = world.until("p", "waits to be promoted", waiting).await;
    world.until_pods(2).await;
    assert_eq!(revision(&both), revision(&blue));
    assert_eq!(both["status"]["phase"], "Upgrading");

    // Called off: the new one goes, the old one stays, and nobody says that all is as wanted.
    let green = both["status"]["desiredRevision"].as_str().unwrap().to_owned();
    let note = |abort: Value, promote: Value| {
        json!({ "metadata": { "annotations": {
            "hourglass.eigenlayer.io/abort": abort, "hourglass.eigenlayer.io/promote": promote,
        }}})
    };
    world.patch("p", note(json!(green), Value::Null)).await;
    let off = world.until("p", "called off", |p| condition(p, "Stalled")["reason"] == "UpgradeAborted").await;
    assert_eq!(condition(&off, "Available")["status"], "True");
    world.until_pods(1).await;

    world.patch("p", note(Value::Null, json!(green))).await;
    let promoted = world.until_ready("p").await;
    assert_eq!(revision(&promoted), green);
    world.until_pods(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recreate_never_runs_two() {
    let world = World::new("recreate").await;
    let _operator = world.operator().await;
    world.create("p", "ready:1", json!({ "upgradeStrategy": { "type": "Recreate", "drainDeadlineSeconds": 1 } })).await;
    let first = world.until_ready("p").await;
    world.patch("p", json!({ "spec": { "image": "ready:2" } })).await;
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        let mut most = 0;
        loop {
            most = most.max(world.list(PODS).await.len());
            let now = world.get(PERFORMERS, "p").await.unwrap();
            if super::world::is_ready(&now) && revision(&now) != revision(&first) {
                return most;
            }
        }
    });
    assert_eq!(seen.await.unwrap(), 1, "never two at a time");
}

/// Its container has ended, and its kubelet would start it once more: it must be gone before another one is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recreate_never_starts_beside_one_that_crashes_again_and_again() {
    let world = World::new("recreate-crash").await;
    let _operator = world.operator().await;
    world.create("p", "crashing:1", json!({ "upgradeStrategy": { "type": "Recreate" } })).await;
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        let (mut most, mut names) = (0, std::collections::BTreeSet::new());
        while names.len() < 3 {
            let pods = world.pod_names().await;
            most = most.max(pods.len());
            names.extend(pods);
        }
        most
    });
    assert_eq!(seen.await.unwrap(), 1, "never two at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_come_and_go_with_their_budget() {
    let world = World::new("scale").await;
    let _operator = world.operator().await;
    let quick = json!({ "replicas": 3, "upgradeStrategy": { "drainDeadlineSeconds": 1 } });
    world.create("p", "ready:1", quick).await;
    let three = world.until_ready("p").await;
    assert_eq!((&three["status"]["replicas"], &three["status"]["readyReplicas"]), (&json!(3), &json!(3)));
    let budget = world.until_budget("performer-p", true).await;
    assert_eq!(budget["spec"]["minAvailable"], 2);
    world.patch("p", json!({ "spec": { "image": "ready:2" } })).await;
    world.until_ready("p").await;
    world.until_pods(3).await;
    world.patch("p", json!({ "spec": { "replicas": 1 } })).await;
    world.until_ready("p").await;
    world.until_pods(1).await;
    world.until_budget("performer-p", false).await;
    world.patch("p", json!({ "spec": { "replicas": 0 } })).await;
    world.until_pods(0).await;
    let none = world.until("p", "none", |p| condition(p, "Ready")["reason"] == "ScaledToZero").await;
    assert_eq!(none["status"]["phase"], "Running");
    world.patch("p", json!({ "spec": { "replicas": 1 } })).await;
    world.until_ready("p").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_specification_that_cannot_be_run_leaves_what_runs_alone() {
    let world = World::new("invalid").await;
    let _operator = world.operator().await;
    world.create("p", "ready:1", json!({ "upgradeStrategy": { "drainDeadlineSeconds": 1 } })).await;
    let good = world.until_ready("p").await;
    // What the API server lets pass and no pod can be made of.
    let both = json!({ "hardwareRequirements": { "gpuType": "nvidia-nothing-known", "gpuCount": 1 } });
    world.patch("p", json!({ "spec": both })).await;
    let bad = world.until("p", "stalled", |p| condition(p, "Stalled")["status"] == "True").await;
    assert_eq!(condition(&bad, "Available")["status"], "True", "{bad:#}");
    assert_eq!(condition(&bad, "Ready")["status"], "False");
    assert_eq!(bad["status"]["podName"], good["status"]["podName"]);
    // What serves is still looked after.
    let pod = good["status"]["podName"].as_str().unwrap();
    world.remove(PODS, pod).await;
    world
        .until("p", "healed", |p| p["status"]["podName"] != pod && condition(p, "Available")["status"] == "True")
        .await;
    world.delete("p").await;
    world.until_gone("p").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_somebody_elses_is_left_alone() {
    let world = World::new("foreign").await;
    let _operator = world.operator().await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "performer-p" },
        "spec": { "ports": [{ "port": 80 }], "selector": { "app": "other" } },
    });
    world.post(SERVICES, service).await;
    world.create("p", "ready:1", json!({})).await;
    let told = |p: &Value| condition(p, "Degraded")["status"] == "True";
    let taken = world.until("p", "said", told).await;
    assert!(condition(&taken, "Ready")["message"].as_str().unwrap().contains("performer-p"), "{taken:#}");
    let left = world.get(SERVICES, "performer-p").await.unwrap();
    assert_eq!(left["spec"]["selector"], json!({ "app": "other" }));
    world.remove(SERVICES, "performer-p").await;
    world.until_ready("p").await;
}
