use serde_json::{Value, json};

use super::{executor, made};
use crate::executor::{Warning, children};

fn reasons(spec: Value) -> Vec<&'static str> {
    made(&executor(spec)).warnings.iter().map(Warning::reason).collect()
}

#[test]
fn each_thing_that_should_be_another_way() {
    let namespace = |name: &str| json!({ "config": { "kubernetes": { "namespace": name } } });
    assert_eq!(reasons(json!({})), [""; 0]);
    assert_eq!(reasons(json!({ "replicas": 1 })), [""; 0]);
    assert_eq!(reasons(json!({ "replicas": 2 })), ["JournalNotShared"]);
    assert_eq!(reasons(json!({ "config": { "operatorKeys": { "bls": "0x0b" } } })), ["LiteralKeys"]);
    assert_eq!(reasons(namespace("elsewhere")), ["RightsNeeded"]);
    assert_eq!(reasons(namespace("avs-ns")), [""; 0]);
}

/// Two journals could sign one task.
#[test]
fn a_second_replica_never_signs() {
    for (asked, runs) in [(0, 0), (1, 1), (2, 1), (100, 1)] {
        let made = made(&executor(json!({ "replicas": asked })));
        assert_eq!((made.replicas, made.stateful_set.spec.unwrap().replicas), (runs, Some(runs)));
    }
}

/// Whoever may create executors in one namespace gets no rights in another.
#[test]
fn rights_are_given_in_the_executors_namespace_only() {
    let made = made(&executor(json!({ "config": { "kubernetes": { "namespace": "elsewhere" } } })));
    assert!(made.objects().iter().all(|object| object["metadata"]["namespace"] == "avs-ns"));
    let message = made.warnings[0].to_string();
    let command = "kubectl create rolebinding avs-ns.example --namespace=elsewhere --clusterrole=hourglass-executor \
                   --serviceaccount=avs-ns:example";
    assert!(message.contains(command), "{message}");
}

#[test]
fn a_key_is_never_shown() {
    let made = made(&executor(json!({ "config": { "operatorKeys": { "bls": "0x0badcafe" } } })));
    let outside = made.objects().into_iter().filter(|object| object["kind"] != "Secret");
    let outside: String = outside.map(|object| object.to_string()).collect();
    assert!(!outside.contains("0badcafe") && !made.warnings[0].to_string().contains("0badcafe"));
}

/// A StatefulSet cannot change its volume: applying another would be refused, with everything else in it.
#[test]
fn the_volume_stays_as_it_is() {
    let first = made(&executor(json!({ "persistence": { "size": "1Gi" } }))).stateful_set;
    let of = |size: &str| {
        let executor = executor(json!({ "persistence": { "size": size } }));
        let made = children(&executor, Some(&first)).unwrap();
        assert_eq!(made.stateful_set, first);
        made.warnings.iter().map(Warning::reason).collect::<Vec<_>>()
    };
    assert_eq!(of("1Gi"), [""; 0]);
    assert_eq!(of("1024Mi"), [""; 0], "the same in another spelling");
    assert_eq!(of("2Gi"), ["VolumeFixed"]);
}
