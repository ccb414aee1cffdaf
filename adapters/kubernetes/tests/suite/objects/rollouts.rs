//! What is told of an executor while Kubernetes' own controller of StatefulSets starts and replaces its replicas.

use std::time::Duration;

use hourglass_cluster::Namespace;
use hourglass_core::Timestamp;
use hourglass_environment::waiting::until;
use hourglass_kubernetes::api::{ExecutorPhase, HourglassExecutor, HourglassExecutorStatus};
use hourglass_kubernetes::executor::{View, status};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use super::executors::{little, made};
use super::{apply, read, restricted, serves};

const SOON: Duration = Duration::from_secs(60);
const SINCE: &str = "2026-11-23T10:00:05Z";

fn see(namespace: &Namespace, executor: &HourglassExecutor) -> HourglassExecutorStatus {
    let set: StatefulSet = read(namespace, "statefulset/example");
    let children = made(executor, Some(&set));
    let now = Timestamp::from_secs(1_800_000_000);
    status(&View { executor, children: Ok(&children), workload: Some(&set), trouble: None, now })
}

fn reason(status: &HourglassExecutorStatus) -> (&str, &str) {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    (&ready.status, &ready.reason)
}

/// Looks until Ready is so for this reason, and never True before.
fn becomes(namespace: &Namespace, executor: &HourglassExecutor, wanted: &str) -> HourglassExecutorStatus {
    let found = until(wanted, SOON, || {
        let seen = see(namespace, executor);
        let (ready, reason) = reason(&seen);
        assert!(ready == "False" || wanted == reason, "ready too early: {seen:?}");
        if reason == wanted { Ok(seen) } else { Err(std::io::Error::other(reason.to_owned()).into()) }
    });
    found.unwrap()
}

/// The uid of the replica, once it is another one than `before`.
fn replica(namespace: &Namespace, before: Option<&Value>) -> Value {
    let found = until("a replica", SOON, || {
        let text = namespace.kubectl(&["get", "pod", "example-0", "--output=json"])?;
        let pod: Value = serde_json::from_str(&text)?;
        let uid = &pod["metadata"]["uid"];
        let new = Some(uid) != before && pod["metadata"]["deletionTimestamp"].is_null();
        if new { Ok(uid.clone()) } else { Err(std::io::Error::other("the one before").into()) }
    });
    found.unwrap()
}

#[test]
fn a_start_and_a_change_of_the_configuration() {
    let namespace = restricted();
    let mut executor = little(&namespace);
    executor.metadata.generation = Some(1);
    for object in made(&executor, None).objects() {
        apply(&namespace, &object);
    }
    becomes(&namespace, &executor, "AwaitingReady");
    let first = replica(&namespace, None);
    serves(&namespace, "example-0", "n1", SINCE);
    let running = becomes(&namespace, &executor, "Serving");
    assert_eq!(
        (running.phase, running.replicas, running.ready_replicas),
        (Some(ExecutorPhase::Running), Some(1), Some(1))
    );

    executor.metadata.generation = Some(2);
    executor.status = Some(running.clone());
    executor.spec.config.as_mut().unwrap().log_level = Some("debug".into());
    assert_eq!(reason(&see(&namespace, &executor)), ("False", "RollingOut"), "not applied yet");
    let set: StatefulSet = read(&namespace, "statefulset/example");
    for object in made(&executor, Some(&set)).objects() {
        apply(&namespace, &object);
    }
    // Its kubelet would end it.
    until("the replica to be told to go", SOON, || {
        let pod: Value = serde_json::from_str(&namespace.kubectl(&["get", "pod", "example-0", "--output=json"])?)?;
        let told = !pod["metadata"]["deletionTimestamp"].is_null();
        if told { Ok(()) } else { Err(std::io::Error::other("it stays").into()) }
    })
    .unwrap();
    assert_eq!(reason(&see(&namespace, &executor)), ("False", "RollingOut"));
    namespace.kubectl(&["delete", "pod", "example-0", "--force", "--grace-period=0"]).unwrap();
    replica(&namespace, Some(&first));
    assert_eq!(reason(&see(&namespace, &executor)).0, "False");
    serves(&namespace, "example-0", "n1", SINCE);
    let again = becomes(&namespace, &executor, "Serving");
    assert_ne!(again.config_revision, running.config_revision);
    assert_eq!(again.phase, Some(ExecutorPhase::Running));
}
