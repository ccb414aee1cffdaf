use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{everything, executor, made};
use crate::build::samples::pretty;
use crate::executor::KeySecret;

#[test]
fn nothing_asked_for() {
    insta::assert_snapshot!(pretty(&made(&executor(json!({}))).stateful_set));
}

#[test]
fn everything_asked_for() {
    let made = made(&everything());
    insta::assert_snapshot!(pretty(&made.stateful_set));
}

#[test]
fn around_the_workload() {
    let made = made(&everything());
    let workload = "StatefulSet";
    let others: Vec<Value> = made.objects().into_iter().filter(|object| object["kind"] != workload).collect();
    // The configuration has a test of its own.
    let shown = others.iter().filter(|object| object["kind"] != "ConfigMap");
    insta::assert_snapshot!(shown.map(pretty).collect::<Vec<_>>().join("\n"));
}

/// Whatever is asked for.
#[test]
fn every_child_belongs_to_its_executor() {
    for executor in [executor(json!({})), everything()] {
        let objects = made(&executor).objects();
        let mut names = BTreeSet::new();
        for object in &objects {
            let metadata = &object["metadata"];
            assert_eq!(metadata["namespace"], "avs-ns");
            assert_eq!(metadata["labels"]["hourglass.eigenlayer.io/name"], "example");
            assert_eq!(metadata["ownerReferences"][0]["uid"], crate::build::samples::UID);
            assert!(object["apiVersion"].is_string());
            assert!(names.insert((object["kind"].to_string(), metadata["name"].to_string())), "{names:?}");
        }
        assert_eq!(objects.last().unwrap()["kind"], "StatefulSet", "it needs all others");
    }
}

/// What the specification and every NetworkPolicy select replicas by.
#[test]
fn services_and_policy_select_the_replicas() {
    let made = made(&everything());
    let spec = made.stateful_set.spec.unwrap();
    let labels = spec.template.metadata.unwrap().labels.unwrap();
    for selector in [
        spec.selector.match_labels.unwrap(),
        made.service.spec.unwrap().selector.unwrap(),
        made.headless_service.spec.as_ref().unwrap().selector.clone().unwrap(),
    ] {
        assert_eq!(selector["app"], "hourglass-executor");
        assert!(selector.iter().all(|(key, value)| labels.get(key) == Some(value)) && !selector.is_empty());
    }
    assert_eq!(spec.service_name, made.headless_service.metadata.name);
}

/// Which keys are given, and whether another revision than the first comes of it.
#[test]
fn what_replicas_begin_with_decides_about_their_revision() {
    let of = |spec: Value| made(&executor(spec)).revision;
    let keys = |bls: &str, password: &str| {
        let operator = json!({ "operator": { "address": "0x90F79bf6EB2c4f870365E785982E1f101E93b906" } });
        of(json!({ "config": {
            "operatorKeys": { "blsKeystore": bls, "blsPassword": password }, "additionalConfig": operator,
        } }))
    };
    let first = keys("one", "x");
    assert_eq!(first, keys("one", "x"));
    assert_eq!(first, keys("one", "y"), "nothing about a password can be found out by a digest");
    assert_ne!(first, keys("two", "x"));
    let plain = of(json!({}));
    assert_eq!(plain, of(json!({ "image": "another", "resources": { "limits": { "cpu": "1" } } })));
    assert_ne!(plain, of(json!({ "config": { "logLevel": "debug" } })));
    let other = json!({ "config": { "operatorKeyRefs": { "ecdsa": { "name": "operator", "key": "other" } } } });
    assert_ne!(plain, of(other));
}

#[test]
fn probes_and_ports_follow_the_configuration() {
    let of = |more: Value| {
        let made = made(&executor(json!({ "config": { "additionalConfig": more } })));
        let pod = made.stateful_set.spec.unwrap().template.spec.unwrap();
        let container = pod.containers.into_iter().next().unwrap();
        let ports = container.ports.unwrap().into_iter();
        let ports: Vec<_> = ports.map(|port| (port.name.unwrap(), port.container_port)).collect();
        (ports, container.readiness_probe.is_some(), pod.termination_grace_period_seconds.unwrap())
    };
    let port = |name: &str, number: i32| (name.to_owned(), number);
    let (ports, probes, grace) = of(json!({}));
    assert_eq!(ports, [port("grpc", 9095), port("metrics", 8080), port("health", 8090)]);
    assert!(probes && grace >= 5 + 30, "{grace}");
    let (ports, probes, grace) = of(json!({
        "server": { "listen": "0.0.0.0:7000", "drain_timeout": "2m" },
        "health": { "address": "127.0.0.1" }, "metrics": { "enabled": false },
    }));
    assert_eq!(ports, [port("grpc", 7000)]);
    assert!(!probes && grace >= 5 + 120, "{grace}");
}

/// Somebody's own Secret is not taken for ours.
#[test]
fn the_secret_of_keys() {
    let of = |config: Value| made(&executor(json!({ "config": config }))).key_secret;
    assert_eq!(of(json!({})), KeySecret::Unused);
    let ours = json!({ "operatorKeyRefs": { "ecdsa": { "name": "example-keys", "key": "ecdsa" } } });
    assert_eq!(of(ours), KeySecret::Referred);
    let KeySecret::Wanted(secret) = of(json!({ "operatorKeys": { "bls": "0x0b" } })) else { panic!("no Secret") };
    assert_eq!(secret.metadata.name.as_deref(), Some("example-keys"));
    assert_eq!(secret.data.unwrap()["bls"].0, b"0x0b");
}

/// Each key is one file, from the Secret where it stands, and nothing else of that Secret is mounted.
#[test]
fn keys_are_mounted_from_where_they_stand() {
    let executor = executor(json!({ "config": {
        "operatorKeys": { "bls": "0x0b" },
        "operatorKeyRefs": { "ecdsaPassword": { "name": "operator", "key": "p" } },
    } }));
    let pod = made(&executor).stateful_set.spec.unwrap().template.spec.unwrap();
    let volumes = serde_json::to_value(pod.volumes).unwrap();
    let keys = volumes.as_array().unwrap().iter().find(|volume| volume["name"] == "keys").unwrap();
    let file = |key: &str, path: &str| json!({ "key": key, "path": path });
    let sources = json!([
        { "secret": { "name": "example-keys", "items": [file("bls", "bls")] } },
        { "secret": { "name": "operator", "items": [file("ecdsa.pem", "ecdsa"), file("p", "ecdsaPassword")] } },
    ]);
    assert_eq!(keys["projected"]["sources"], sources);
}

#[test]
fn an_executor_without_the_cluster_has_no_performers_to_close() {
    let docker = made(&executor(json!({ "config": { "performerMode": "docker" } })));
    assert_eq!((docker.network_policy, docker.warnings), (None, Vec::new()));
    let text = &docker.config_map.data.unwrap()["config.yaml"];
    assert!(text.contains("deployment_mode: docker") && !text.contains("namespace"), "{text}");
}
