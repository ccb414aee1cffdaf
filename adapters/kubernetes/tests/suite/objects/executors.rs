use hourglass_cluster::Namespace;
use hourglass_kubernetes::api::HourglassExecutor;
use hourglass_kubernetes::executor::{Children, children};
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use super::{UID, accepted, apply, create, read, restricted};

fn executor(namespace: &Namespace, more: Value) -> HourglassExecutor {
    let mut spec = json!({ "image": "hourglass/executor:v1.0.0" });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "HourglassExecutor",
        "metadata": { "name": "example", "namespace": namespace.name(), "uid": UID },
        "spec": spec,
    }))
    .unwrap()
}

pub(super) fn little(namespace: &Namespace) -> HourglassExecutor {
    let key = json!({ "ecdsa": { "name": "operator", "key": "ecdsa.pem" } });
    executor(namespace, json!({ "config": { "operatorKeyRefs": key } }))
}

fn much(namespace: &Namespace) -> HourglassExecutor {
    executor(
        namespace,
        json!({
            "imagePullPolicy": "Always",
            "config": {
                "operatorKeys": { "ecdsa": "0x01", "blsKeystore": "{}", "blsPassword": "x" },
                "chains": [{ "name": "ethereum", "rpc": "https://eth.example.com", "chainId": 1 }],
                "additionalConfig": { "management": { "listen": "0.0.0.0:9097" } },
            },
            "resources": { "requests": { "cpu": "500m" }, "limits": { "cpu": "2", "memory": "4Gi" } },
            "nodeSelector": { "pool": "executors" },
            "tolerations": [{ "key": "executors", "operator": "Exists", "effect": "NoSchedule" }],
            "imagePullSecrets": [{ "name": "registry" }],
            "persistence": { "size": "2048Mi", "storageClassName": "fast" },
        }),
    )
}

pub(super) fn made(executor: &HourglassExecutor, existing: Option<&StatefulSet>) -> Children {
    children(executor, existing).unwrap()
}

/// Such as `statefulset/example`.
fn what(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap().to_lowercase(), object["metadata"]["name"].as_str().unwrap())
}

#[test]
fn every_child_is_accepted_and_applying_it_again_writes_nothing() {
    let namespace = restricted();
    for executor in [little(&namespace), much(&namespace)] {
        let first = made(&executor, None);
        for object in first.objects() {
            accepted(&namespace, &object).unwrap_or_else(|error| panic!("{}: {error}", what(&object)));
        }
        for object in first.objects() {
            apply(&namespace, &object);
        }
        let found: StatefulSet = read(&namespace, "statefulset/example");
        let again = made(&executor, Some(&found));
        assert!(again.warnings.iter().all(|warning| warning.reason() != "VolumeFixed"), "{:?}", again.warnings);
        let state = |object: &Value| {
            let mut found: Value = read(&namespace, &what(object));
            let metadata = found["metadata"].as_object_mut().unwrap();
            metadata
                .retain(|key, _| ["labels", "annotations", "generation", "ownerReferences"].contains(&key.as_str()));
            found.as_object_mut().unwrap().remove("status");
            found
        };
        for object in again.objects() {
            let before = state(&object);
            apply(&namespace, &object);
            assert_eq!(before, state(&object));
        }
        for object in first.objects() {
            namespace.kubectl(&["delete", &what(&object), "--cascade=background"]).unwrap();
        }
    }
}

/// What controllers make of a template is checked only when they do.
#[test]
fn replicas_may_run_where_pod_security_is_restricted() {
    let namespace = restricted();
    for (executor, name) in [(little(&namespace), "little"), (much(&namespace), "much")] {
        let made = made(&executor, None);
        let account = &made.service_account;
        if name == "little" {
            create(&namespace, account);
        }
        let mut template = serde_json::to_value(&made.stateful_set).unwrap()["spec"]["template"].take();
        template["apiVersion"] = "v1".into();
        template["kind"] = "Pod".into();
        template["metadata"]["name"] = name.into();
        let volumes = template["spec"]["volumes"].as_array_mut().unwrap();
        volumes.push(json!({ "name": "journal", "emptyDir": {} }));
        accepted(&namespace, &template).unwrap();
    }
}

/// What is asked for later, and cannot be had, keeps nothing else from being rolled out.
#[test]
fn a_workload_whose_volume_should_be_another_is_still_rolled_out() {
    let namespace = restricted();
    let mut executor = little(&namespace);
    apply(&namespace, &made(&executor, None).stateful_set);
    executor.spec.image = "hourglass/executor:v2.0.0".into();
    executor.spec.persistence = serde_json::from_value(json!({ "size": "9Gi" })).unwrap();
    let found: StatefulSet = read(&namespace, "statefulset/example");
    apply(&namespace, &made(&executor, Some(&found)).stateful_set);
    let found: Value = read(&namespace, "statefulset/example");
    assert_eq!(found["spec"]["template"]["spec"]["containers"][0]["image"], "hourglass/executor:v2.0.0");
    let claim = &found["spec"]["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["resources"]["requests"]["storage"], "1Gi");
}
