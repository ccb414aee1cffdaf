mod configuration;
mod objects;
mod statuses;
mod warnings;

use serde_json::{Value, json};

use super::{Children, children};
use crate::api::HourglassExecutor;
use crate::translate::Problem;

/// An executor whose spec is `spec` besides an image and a key.
fn executor(spec: Value) -> HourglassExecutor {
    let mut object = json!({
        "apiVersion": "hourglass.eigenlayer.io/v1alpha1",
        "kind": "HourglassExecutor",
        "metadata": { "name": "example", "namespace": "avs-ns", "uid": crate::build::samples::UID, "generation": 3 },
        "spec": { "image": "hourglass/executor:v1.0.0", "config": { "operatorKeyRefs": {
            "ecdsa": { "name": "operator", "key": "ecdsa.pem" },
        } } },
    });
    merge(&mut object["spec"], &spec);
    serde_json::from_value(object).unwrap()
}

/// RFC 7386.
fn merge(target: &mut Value, more: &Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                if value.is_null() {
                    target.remove(name);
                } else {
                    merge(target.entry(name.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (target, more) => *target = more.clone(),
    }
}

/// Everything that can be asked for.
fn everything() -> HourglassExecutor {
    executor(json!({
        "imagePullPolicy": "Always",
        "replicas": 1,
        "config": {
            "aggregatorEndpoint": "aggregator.hourglass.io:9090",
            "performerMode": "kubernetes",
            "logLevel": "debug",
            "operatorKeys": { "blsPassword": "correct horse", "blsKeystore": "{\"version\": 4}" },
            "chains": [
                { "name": "ethereum", "rpc": "https://eth.example.com/v2/KEY", "chainId": 1,
                  "taskMailboxAddress": "0x132b466d9d5723531F68797519DfED701aC2C749" },
                { "name": "base", "rpc": "http://base.example.com", "chainId": 8453, "taskMailboxAddress": "" },
            ],
            "kubernetes": { "defaultScheduling": {
                "nodeSelector": { "disk": "ssd", "yes": "on" },
                "tolerations": [
                    { "key": "dedicated", "operator": "Equal", "value": "avs", "effect": "NoSchedule" },
                    { "key": "gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30 },
                    { "operator": "Exists", "effect": "" },
                ],
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                        { "matchExpressions": [
                            { "key": "zone", "operator": "In", "values": ["a", "b"] },
                            { "key": "cores", "operator": "Gt", "values": ["8"] },
                        ] },
                        { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["n1"] }] },
                    ] },
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        { "weight": 50, "preference": { "matchExpressions": [{ "key": "fast", "operator": "Exists" }] } },
                    ],
                },
                "runtimeClass": "gvisor",
            } },
            "additionalConfig": {
                "operator": { "address": "0x90F79bf6EB2c4f870365E785982E1f101E93b906" },
                "storage": { "retention": "7d" },
                "kubernetes": { "cleanup_on_shutdown": true, "cleanup_timeout": "20s" },
                "server": { "drain_timeout": "40s" },
                "management": { "listen": "0.0.0.0:9097" },
                "avs_config": { "supported_avs": [{
                    "address": "0x1234567890abcdef1234567890abcdef12345678", "name": "square",
                    "performer_image": "my-org/performer:v1", "default_resources": { "limits": { "cpu": "2" } },
                    "operator_sets": [{ "id": 1, "curve": "ecdsa", "domain_version": "1",
                        "verifier_address": "0xd0930ee96D07de4F9d493c259232222e46B6EC25" }],
                }] },
            },
        },
        "resources": { "requests": { "cpu": "500m", "memory": "1Gi" }, "limits": { "cpu": "2", "memory": "4Gi" } },
        "nodeSelector": { "pool": "executors" },
        "tolerations": [{ "key": "executors", "operator": "Exists", "effect": "NoSchedule" }],
        "imagePullSecrets": [{ "name": "registry" }],
        "persistence": { "size": "5Gi", "storageClassName": "fast" },
    }))
}

fn made(executor: &HourglassExecutor) -> Children {
    children(executor, None).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn refused(executor: &HourglassExecutor) -> Vec<Problem> {
    children(executor, None).unwrap_err()
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}
