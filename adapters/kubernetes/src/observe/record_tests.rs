use serde_json::json;

use super::*;
use crate::build::samples::UID;
use crate::observe::samples::*;

/// What a record holds beside itself, in bytes of text.
fn held(record: &PodRecord) -> usize {
    format!("{record:?}").len()
}

#[test]
fn a_record_is_small() {
    let mut pod = ready();
    pod["metadata"]["managedFields"] = json!([{"manager": "x".repeat(4000)}]);
    pod["metadata"]["annotations"] = json!({"a": "x".repeat(4000)});
    pod["spec"]["volumes"] = json!([{"name": "x".repeat(4000)}]);
    pod["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "x".repeat(4000)}]);
    let record = record(pod);
    let inline = std::mem::size_of::<PodRecord>();
    // Debug names every field, so this is an upper bound.
    assert!(inline + held(&record) < 2048, "{inline} and {}", held(&record));
    assert!(inline <= 640, "{inline}");
}

#[test]
fn nothing_of_the_environment_is_kept() {
    let mut pod = ready();
    pod["metadata"]["name"] = json!("performer-example");
    pod["metadata"]["labels"] = json!({"hourglass.eigenlayer.io/performer": "example"});
    pod["spec"]["containers"][0]["env"] = json!([{"name": "TOKEN", "value": "topsecret"}]);
    let record = record(pod);
    assert!(record.earlier.is_some());
    assert!(!format!("{record:?}").contains("topsecret"));
}

#[test]
fn what_is_kept() {
    let record = record(ready());
    assert_eq!(
        (&*record.name, &*record.namespace, &*record.uid, &*record.resource_version),
        (POD, "avs-ns", "pod-uid", "41")
    );
    assert_eq!(record.owner.as_deref(), Some(UID));
    assert_eq!(record.performer.as_ref().map(PerformerName::as_str), Some("example"));
    assert_eq!(record.revision.as_ref().map(Revision::as_str), Some(REVISION));
    assert_eq!((record.serving, record.executor.as_deref(), record.port), (true, Some("my-executor"), Some(9090)));
    assert_eq!(record.created_at.to_rfc3339(), "2026-11-23T10:00:00.000Z");
    assert_eq!(
        (record.node.as_deref(), record.address.as_deref(), record.phase),
        (Some("n1"), Some("10.0.0.7"), Phase::Running)
    );
    assert_eq!((record.has_sandbox, record.containers_ready, record.is_leaving()), (true, true, false));
    assert_eq!(record.earlier, None);
}

#[test]
fn beside_other_containers() {
    let mut pod = ready();
    let sidecar = json!({"name": "sidecar", "image": "s"});
    pod["spec"]["containers"].as_array_mut().unwrap().insert(0, sidecar);
    let status = json!({"name": "sidecar", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 9});
    pod["status"]["containerStatuses"].as_array_mut().unwrap().insert(0, status);
    let container = record(pod).container.unwrap();
    assert_eq!((&*container.image, container.restarts), ("my-org/performer:v1", 0));
}

#[test]
fn notices() {
    let at = |text: &str| crate::observe::instant::parse(text).unwrap();
    let now = at("2026-11-23T10:20:00Z");
    let told = |pod: serde_json::Value| -> Vec<String> {
        let notices = record(pod).notices(now);
        notices.iter().map(|notice| format!("[{}] {}", notice.reason, notice.message)).collect()
    };
    assert!(told(ready()).is_empty());
    let mut leaving = ready();
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:19:40Z");
    assert!(told(leaving.clone()).is_empty(), "not late yet");
    let mut stuck = leaving.clone();
    stuck["metadata"]["deletionTimestamp"] = json!("2026-11-23T10:10:00Z");
    let mut held = stuck.clone();
    held["metadata"]["finalizers"] = json!(["example.com/keep"]);
    let mut lost = ready();
    condition(&mut lost, "Ready")["status"] = json!("False");
    let mut preempted = leaving;
    preempted["status"]["conditions"].as_array_mut().unwrap().push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "default-scheduler: preempting",
    }));
    let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "message": "no key"}});
    let restarted = with_container(json!({"running": {}}), json!({"restartCount": 3, "lastState": last}));
    let all: Vec<String> = [stuck, held, lost, preempted, restarted].into_iter().flat_map(told).collect();
    insta::assert_snapshot!(all.join("\n"));
    assert_eq!(record(ready()).overdue_at(), None);
}

#[test]
fn instants_of_every_form() {
    let created = |text: &str| {
        let mut pod = fresh();
        pod["metadata"]["creationTimestamp"] = json!(text);
        record(pod).created_at.to_rfc3339()
    };
    assert_eq!(created("2026-11-23T10:00:00.123456Z"), "2026-11-23T10:00:00.123Z");
    assert_eq!(created("2026-11-23T11:00:00+01:00"), "2026-11-23T10:00:00.000Z");
    assert_eq!(created("0001-01-01T00:00:00Z"), Timestamp::EPOCH.to_rfc3339());
    assert_eq!(created("yesterday"), Timestamp::EPOCH.to_rfc3339());
}

#[test]
fn what_may_still_run() {
    let of = |phase: &str| record(with_status(json!({"phase": phase}))).may_run();
    assert!(["Pending", "Running", "Unknown", ""].into_iter().all(of));
    assert!(!["Succeeded", "Failed"].into_iter().any(of));
}

#[test]
fn let_in_by_another_executor() {
    let pod = record(ready());
    let label =
        |executor| Some(pod.admitting(executor)?["metadata"]["labels"]["hourglass.eigenlayer.io/executor-ref"].take());
    assert_eq!(label(Some("my-executor")), None);
    assert_eq!(label(Some("another")), Some(json!("another")));
    assert_eq!(label(None), Some(json!(null)), "a merge patch removes it");
    assert_eq!(label(Some(&"e".repeat(64))), Some(json!(null)));
    assert_eq!(pod.admitting(None).unwrap()["metadata"]["resourceVersion"], "41");
}
