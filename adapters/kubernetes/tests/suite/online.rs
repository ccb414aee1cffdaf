//! The same resources at the real API server: it is what all of this is for.

use std::sync::OnceLock;
use std::time::Duration;

use hourglass_cluster::{Cluster, ClusterOptions};
use hourglass_core::hardware::HardwareTables;
use hourglass_environment::waiting::until;
use hourglass_kubernetes::crd::{self, to_yaml};
use hourglass_kubernetes::validate::{Severity, Validator, check};
use serde_json::{Value, json};

use super::generated::root;
use super::old_objects::{OLD, documents};
use super::resources::{cases, everything};

const GROUP: &str = "/apis/hourglass.eigenlayer.io/v1alpha1/namespaces/default";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// One with the definitions as users apply them. Nothing that a test makes here stays.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
        let files = root().join("deploy/config/crd/bases");
        cluster.kubectl(&["apply", "-f", files.to_str().unwrap()]).unwrap();
        served(&cluster);
        cluster
    })
}

/// Waits until both kinds are served as they are defined now.
fn served(cluster: &Cluster) {
    for definition in [crd::performers(), crd::executors()] {
        let name = definition["metadata"]["name"].as_str().unwrap();
        until("the definition is served", Duration::from_secs(30), || {
            let found = cluster.api().get(&format!("{DEFINITIONS}/{name}"))?;
            let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is = |name: &str| conditions.iter().any(|c| c["type"] == name && c["status"] == "True");
            anyhow::ensure!(!is("NonStructuralSchema"), "{conditions:?}");
            anyhow::ensure!(is("Established") && is("NamesAccepted"), "{conditions:?}");
            cluster.api().get(&format!("{GROUP}/{}", name.split('.').next().unwrap_or_default())).map(drop)
        })
        .unwrap();
    }
}

fn collection(object: &Value) -> String {
    format!("{GROUP}/{}s", object["kind"].as_str().unwrap_or_default().to_lowercase())
}

fn said(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

#[test]
fn offline_and_online_judge_alike() {
    let validator = Validator::new(HardwareTables::default()).unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        let offline = check(&validator, "x", &to_yaml(&case.object));
        let refused = offline.findings.iter().any(|finding| finding.severity == Severity::Refused);
        let path = format!("{}?dryRun=All&fieldValidation=Strict", collection(&case.object));
        let online = cluster().api().create(&path, &case.object);
        if refused != online.is_err() || refused != case.refused.is_some() {
            let online = online.map(|_| "accepted").map_err(|error| said(&error));
            wrong.push(format!("{}: offline {:?}, online {online:?}", case.name, offline.findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Rules say the same at both places, word for word.
#[test]
fn rules_say_what_to_write_instead() {
    for case in cases() {
        let Some(words) = case.refused.filter(|words| words.contains(' ')) else { continue };
        let error = cluster().api().create(&format!("{}?dryRun=All", collection(&case.object)), &case.object);
        let error = said(&error.unwrap_err());
        assert!(error.contains(words), "{}: {error}", case.name);
    }
}

#[test]
fn examples_and_the_specification_are_accepted() {
    let mut count = 0;
    for folder in ["deploy/examples", "deploy/templates/examples", "adapters/kubernetes/tests/spec"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let ours = documents(&std::fs::read_to_string(&path).unwrap());
            let ours = ours.iter().filter(|object| object["apiVersion"] == "hourglass.eigenlayer.io/v1alpha1");
            if ours.clone().count() == 0 || path.ends_with("old-objects.yaml") {
                continue;
            }
            for object in ours {
                let mut object = object.clone();
                // Others apply them under their own names.
                object["metadata"] =
                    json!({ "name": format!("tried-{}", object["metadata"]["name"].as_str().unwrap()) });
                let path = format!("{}?dryRun=All&fieldValidation=Strict", collection(&object));
                cluster().api().create(&path, &object).unwrap();
                count += 1;
            }
        }
    }
    assert!(count >= 16, "{count}");
}

/// As the documents say, file by file.
#[test]
fn kubectl_applies_every_example() {
    let mut files = Vec::new();
    for folder in ["deploy/examples", "deploy/templates/examples"] {
        files.extend(std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    files
        .retain(|path| std::fs::read_to_string(path).unwrap().contains("apiVersion: hourglass.eigenlayer.io/v1alpha1"));
    files.sort();
    assert!(files.len() >= 11, "{files:?}");
    for file in files {
        let applied = cluster().kubectl(&["apply", "-f", file.to_str().unwrap()]).unwrap();
        assert!(applied.contains("hourglass.eigenlayer.io/"), "{applied}");
    }
    let listed = cluster().kubectl(&["get", "avs", "--all-namespaces", "--output=name"]).unwrap();
    for name in [
        "performer.hourglass.eigenlayer.io/example-performer",
        "hourglassexecutor.hourglass.eigenlayer.io/my-avs-executor",
    ] {
        assert!(listed.lines().any(|line| line == name), "{listed}");
    }
}

/// kubectl and tools that judge by conditions take nothing for done that nobody has looked at.
#[test]
fn a_new_resource_waits_for_its_operator() {
    let api = cluster().api();
    for (kind, plural) in [("Performer", "performers"), ("HourglassExecutor", "hourglassexecutors")] {
        let name = format!("new-{plural}");
        let spec = json!({ "avsAddress": "0x1234567890abcdef1234567890abcdef12345678", "image": "p:v1" });
        let spec = if kind == "Performer" { spec } else { json!({ "image": "e:v1" }) };
        let object = json!({ "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": kind, "metadata": { "name": name },
            "spec": spec, "status": { "phase": "Running" } });
        let created = api.create(&format!("{GROUP}/{plural}"), &object).unwrap();
        let found = api.get(&format!("{GROUP}/{plural}/{name}")).unwrap();
        for object in [created, found] {
            let status = &object["status"];
            assert_eq!(status["phase"], "Pending", "{object}");
            let is = |name: &str| {
                let conditions = status["conditions"].as_array().unwrap();
                conditions.iter().find(|condition| condition["type"] == name).unwrap()["status"].clone()
            };
            assert_eq!(
                (is("Ready"), is("Available"), is("Reconciling")),
                (json!("False"), json!("False"), json!("True"))
            );
            assert!(status["observedGeneration"].is_null());
            assert_eq!(object["spec"]["replicas"], 1);
        }
        let scale = api.get(&format!("{GROUP}/{plural}/{name}/scale")).unwrap();
        assert_eq!((scale["spec"]["replicas"].clone(), scale["status"]["replicas"].clone()), (json!(1), json!(0)));
        api.merge(&format!("{GROUP}/{plural}/{name}/scale"), &json!({ "spec": { "replicas": 3 } })).unwrap();
        api.delete(&format!("{GROUP}/{plural}/{name}")).unwrap();
    }
}

#[test]
fn what_never_changes_does_not() {
    let api = cluster().api();
    let object = json!({ "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "metadata": { "name": "fixed" },
        "spec": { "avsAddress": "0xabcdefabcdefabcdefabcdefabcdefabcdefabcd", "image": "p:v1" } });
    let path = format!("{GROUP}/performers/fixed");
    api.create(&format!("{GROUP}/performers"), &object).unwrap();
    let change = |spec: Value| api.merge(&path, &json!({ "spec": spec }));
    let other = change(json!({ "avsAddress": "0x1111111111111111111111111111111111111111" })).unwrap_err();
    assert!(said(&other).contains("cannot be changed: create another Performer"), "{}", said(&other));
    change(json!({ "avsAddress": "0xABCDEFabcdefabcdefabcdefabcdefabcdefabcd" })).unwrap();
    let headless = change(json!({ "service": { "headless": true } })).unwrap_err();
    assert!(said(&headless).contains("service.headless cannot be changed"), "{}", said(&headless));
    change(json!({ "service": {} })).unwrap();
    change(json!({ "image": "p:v2", "version": "v2" })).unwrap();
    api.delete(&path).unwrap();
}

/// A cluster of its own, where the definitions of the earlier implementation accepted nearly anything.
#[test]
fn old_objects_are_reconciled_and_deleted() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    let api = cluster.api();
    for mut definition in [crd::performers(), crd::executors()] {
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
            json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        definition["spec"]["versions"][0].as_object_mut().unwrap().remove("selectableFields");
        api.create(DEFINITIONS, &definition).unwrap();
    }
    served(&cluster);
    let objects = documents(OLD);
    for object in &objects {
        let created = api.create(&format!("{GROUP}/performers"), object).unwrap();
        if let Some(status) = object.get("status") {
            let path = format!("{GROUP}/performers/{}/status", created["metadata"]["name"].as_str().unwrap());
            api.merge(&path, &json!({ "status": status })).unwrap();
        }
    }

    let files = root().join("deploy/config/crd/bases");
    cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", files.to_str().unwrap()]).unwrap();
    // From now on today's rules hold: what is new is refused.
    until("the rules hold", Duration::from_secs(30), || {
        let mut object = objects[2].clone();
        object["metadata"]["name"] = json!("probe");
        match api.create(&format!("{GROUP}/performers?dryRun=All"), &object) {
            Ok(_) => anyhow::bail!("still accepted"),
            Err(error) if said(&error).contains("must not be empty") => Ok(()),
            Err(error) => Err(error),
        }
    })
    .unwrap();

    for object in &objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        let path = format!("{GROUP}/performers/{name}");
        let status = json!({ "status": { "phase": "Failed", "ready": false, "observedGeneration": 1, "lastUpgrade": null, "conditions": [
            { "type": "Ready", "status": "False", "reason": "InvalidSpec", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1 }] } });
        // What the operator does with them: an annotation, a status, a change that has nothing to do with what is wrong.
        api.merge(&path, &json!({ "metadata": { "annotations": { "a": "b" } } }))
            .unwrap_or_else(|e| panic!("{name}: {e:#}"));
        api.merge(&format!("{path}/status"), &status).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        api.merge(&path, &json!({ "spec": { "replicas": 2 } })).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        api.delete(&path).unwrap();
        let waiting = api.get(&path).unwrap();
        assert!(waiting["metadata"]["deletionTimestamp"].is_string(), "{name} waits for its finalizer");
        api.merge(&path, &json!({ "metadata": { "finalizers": null } })).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        assert!(said(&api.get(&path).unwrap_err()).contains("404"), "{name} is gone");
    }
}

/// Rules hold for changes as they do for what is new.
#[test]
fn what_is_right_is_not_broken_by_a_change() {
    let api = cluster().api();
    let mut object = json!({ "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "metadata": { "name": "whole" },
        "spec": { "avsAddress": "0xabcdefabcdefabcdefabcdefabcdefabcdefabcd", "image": "p:v1" } });
    for (name, value) in everything().as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    let created = api.create(&format!("{GROUP}/performers?fieldValidation=Strict"), &object).unwrap();
    // Nothing that was written is lost: every field is one that the schema has.
    for (name, value) in everything().as_object().unwrap() {
        assert_eq!(&created["spec"][name], value, "{name}");
    }
    let path = format!("{GROUP}/performers/whole");
    let refused = api.merge(&path, &json!({ "spec": { "hardwareRequirements": { "teeType": null } } })).unwrap_err();
    assert!(said(&refused).contains("teeRequired needs a teeType"), "{}", said(&refused));
    let two = json!({ "spec": { "resources": { "limits": { "nvidia.com/gpu": 2 } } } });
    let refused = api.merge(&path, &two).unwrap_err();
    assert!(said(&refused).contains("must agree"), "{}", said(&refused));
    api.merge(&path, &json!({ "spec": { "hardwareRequirements": { "gpuCount": 2 }, "resources": { "limits": { "nvidia.com/gpu": "2" } } } }))
        .unwrap();
    api.delete(&path).unwrap();
}

#[test]
fn kubectl_explains_and_lists() {
    let explained = cluster().kubectl(&["explain", "performer.spec.hardwareRequirements.teeType"]).unwrap();
    assert!(explained.contains("confidential virtual machines"), "{explained}");
    let explained = cluster().kubectl(&["explain", "hgx.spec.config.operatorKeyRefs"]).unwrap();
    assert!(explained.contains("keystores"), "{explained}");
    let spec = r#"{"apiVersion":"hourglass.eigenlayer.io/v1alpha1","kind":"Performer","metadata":{"name":"listed"},
        "spec":{"avsAddress":"0x1234567890abcdef1234567890abcdef12345678","image":"p:v1","executorRef":"mine"}}"#;
    cluster().api().create(&format!("{GROUP}/performers"), &serde_json::from_str(spec).unwrap()).unwrap();
    let listed = cluster().kubectl(&["get", "perf", "listed"]).unwrap();
    let columns: Vec<&str> = listed.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "AVS", "IMAGE", "VERSION", "PHASE", "READY", "REASON", "ENDPOINT", "AGE"]);
    assert!(listed.contains("Pending") && listed.contains("false"), "{listed}");
    let of_category = cluster().kubectl(&["get", "avs", "--output=name"]).unwrap();
    assert!(of_category.contains("performer.hourglass.eigenlayer.io/listed"), "{of_category}");
    let selected = cluster().kubectl(&["get", "performers", "--field-selector=spec.executorRef=mine", "--output=name"]);
    assert!(selected.unwrap().contains("/listed"));
    let waited = cluster().kubectl(&["wait", "--for=condition=Ready", "performer/listed", "--timeout=1s"]);
    assert!(said(&waited.unwrap_err()).contains("timed out"));
    cluster().api().delete(&format!("{GROUP}/performers/listed")).unwrap();
}
