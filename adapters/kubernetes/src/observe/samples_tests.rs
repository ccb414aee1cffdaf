//! Pods as kubelets, schedulers and controllers leave them, for the tests of this crate.

use serde_json::{Value, json};

use super::{PodRecord, ServiceRecord};
use crate::build::samples::UID;

pub(crate) const REVISION: &str = "0123456789";
pub(crate) const POD: &str = "performer-example-0123456789-0";

/// A pod of ours that was just created.
pub(crate) fn fresh() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": POD, "namespace": "avs-ns", "uid": "pod-uid", "resourceVersion": "41",
            "creationTimestamp": "2026-11-23T10:00:00Z",
            "labels": {
                "app": "hourglass-performer",
                "hourglass.eigenlayer.io/performer": "example",
                "hourglass.eigenlayer.io/revision": REVISION,
                "hourglass.eigenlayer.io/serving": "true",
                "hourglass.eigenlayer.io/executor-ref": "my-executor",
            },
            "ownerReferences": [{
                "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "name": "example",
                "uid": UID, "controller": true,
            }],
        },
        "spec": {"containers": [{
            "name": "performer", "image": "my-org/performer:v1",
            "ports": [{"name": "grpc", "containerPort": 9090, "protocol": "TCP"}],
        }]},
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    })
}

/// With more of its status, and a node.
pub(crate) fn with_status(status: Value) -> Value {
    let mut pod = fresh();
    pod["spec"]["nodeName"] = json!("n1");
    merge(&mut pod["status"], status);
    pod
}

/// A pod whose container has this status.
pub(crate) fn with_container(state: Value, more: Value) -> Value {
    let mut status =
        json!({"name": "performer", "image": "my-org/performer:v1", "ready": false, "restartCount": 0, "state": state});
    merge(&mut status, more);
    with_status(json!({
        "startTime": "2026-11-23T10:00:01Z",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T10:00:01Z"},
            {"type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": "2026-11-23T10:00:02Z"},
            {"type": "ContainersReady", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2026-11-23T10:00:01Z"},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2026-11-23T10:00:01Z"},
        ],
        "containerStatuses": [status],
    }))
}

pub(crate) fn stuck_in(reason: &str, message: &str) -> Value {
    with_container(json!({"waiting": {"reason": reason, "message": message}}), json!({}))
}

/// A pod that serves since 10:00:05.
pub(crate) fn ready() -> Value {
    let mut pod = with_container(
        json!({"running": {"startedAt": "2026-11-23T10:00:03Z"}}),
        json!({"ready": true, "started": true}),
    );
    pod["status"]["phase"] = json!("Running");
    pod["status"]["podIP"] = json!("10.0.0.7");
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        condition["status"] = json!("True");
        condition["reason"] = Value::Null;
        condition["lastTransitionTime"] = json!("2026-11-23T10:00:05Z");
    }
    pod
}

pub(crate) fn condition<'a>(pod: &'a mut Value, kind: &str) -> &'a mut Value {
    let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
    conditions.iter_mut().find(|condition| condition["type"] == kind).unwrap()
}

pub(crate) fn record(pod: Value) -> PodRecord {
    serde_json::from_value(pod).unwrap()
}

pub(crate) fn service(selector: Value) -> ServiceRecord {
    serde_json::from_value(json!({
        "metadata": {
            "name": "performer-example", "namespace": "avs-ns", "uid": "service-uid", "resourceVersion": "7",
            "labels": {"app.kubernetes.io/managed-by": "hourglass-operator", "hourglass.eigenlayer.io/performer": "example"},
            "ownerReferences": [{"apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "name": "example", "uid": UID, "controller": true}],
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": selector,
            "ports": [{"name": "grpc", "port": 9090, "targetPort": "grpc", "protocol": "TCP", "appProtocol": "grpc"}],
        },
    }))
    .unwrap()
}

pub(crate) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
