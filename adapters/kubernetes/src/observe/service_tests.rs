use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::build;
use crate::build::samples::{UID, avs, performer_spec, pretty, with_site};
use crate::observe::samples::{merge, ready, record};

fn wanted(headless: bool, port: u16) -> Service {
    with_site(|site| build::service(&build::Site { headless, ..*site }, &avs(), &performer_spec().revision(), port))
}

/// What the API server keeps of what we apply.
fn stored(change: Value) -> ServiceRecord {
    let mut stored = serde_json::to_value(wanted(false, 9090)).unwrap();
    merge(
        &mut stored,
        json!({
            "metadata": {"uid": "service-uid", "resourceVersion": "7"},
            "spec": {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "sessionAffinity": "None"},
        }),
    );
    merge(&mut stored, change);
    serde_json::from_value(stored).unwrap()
}

/// As the earlier operator made it.
fn earlier() -> ServiceRecord {
    serde_json::from_value(json!({
        "metadata": {
            "name": "performer-example", "namespace": "avs-ns", "uid": "service-uid", "resourceVersion": "7",
            "ownerReferences": [{"apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "uid": UID, "controller": true}],
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": {"app": "hourglass-performer", "hourglass.eigenlayer.io/performer": "example"},
            "ports": [{"name": "grpc", "port": 8080, "targetPort": "grpc", "protocol": "TCP"}],
        },
    }))
    .unwrap()
}

#[test]
fn what_differs() {
    let of = |record: &ServiceRecord| record.difference(UID, &wanted(false, 9090));
    assert_eq!(of(&stored(json!({}))), Difference::Nothing);
    assert_eq!(stored(json!({})).difference("another", &wanted(false, 9090)), Difference::Foreign);
    assert_eq!(stored(json!({})).difference(UID, &wanted(true, 9090)), Difference::Replace);
    assert_eq!(
        stored(json!({"spec": {"clusterIP": "None"}})).difference(UID, &wanted(true, 9090)),
        Difference::Nothing
    );
    for change in [
        json!({"spec": {"selector": {"hourglass.eigenlayer.io/revision": "aaaaaaaaaa"}}}),
        json!({"spec": {"selector": {"more": "x"}}}),
        json!({"spec": {"ports": [{"name": "grpc", "port": 9091, "targetPort": "grpc", "appProtocol": "grpc"}]}}),
        json!({"spec": {"ports": [{"name": "grpc", "port": 9090, "targetPort": 9090, "appProtocol": "grpc"}]}}),
        json!({"spec": {"ports": [{"name": "grpc", "port": 9090, "targetPort": "grpc"}]}}),
        json!({"spec": {"ports": []}}),
        json!({"spec": {"type": "NodePort"}}),
    ] {
        assert_eq!(of(&stored(change.clone())), Difference::Apply, "{change}");
    }
}

#[test]
fn the_earlier_operators_is_taken_over_and_stays_so() {
    let record = earlier();
    assert_eq!((record.maker, record.revision()), (Maker::Another, None));
    let Difference::Patch(patch) = record.difference(UID, &wanted(false, 9090)) else { panic!() };
    insta::assert_snapshot!(pretty(&patch).replace(performer_spec().revision().as_str(), "[revision]"));
    let taken = |change| {
        let label = json!({"metadata": {"labels": {"hourglass.eigenlayer.io/taken-over": "true"}}});
        let mut record = stored(label);
        merge_ports(&mut record, change);
        record
    };
    assert_eq!(taken(9090).maker, Maker::TakenOver);
    assert_eq!(taken(9090).difference(UID, &wanted(false, 9090)), Difference::Nothing);
    assert!(matches!(taken(8080).difference(UID, &wanted(false, 9090)), Difference::Patch(_)));
}

fn merge_ports(record: &mut ServiceRecord, port: i32) {
    record.ports[0].port = port;
}

#[test]
fn which_pods_get_tasks() {
    let pod = record(ready());
    let selecting = |selector: Value| {
        let mut service = earlier();
        let pairs: BTreeMap<Text, Text> = serde_json::from_value(selector).unwrap();
        service.selector = pairs.into_iter().collect();
        service.selects(&pod)
    };
    assert!(earlier().selects(&pod), "by name alone");
    let ours = |revision: &str, serving: &str| json!({"hourglass.eigenlayer.io/performer": "example", "hourglass.eigenlayer.io/revision": revision, "hourglass.eigenlayer.io/serving": serving});
    assert!(selecting(ours("0123456789", "true")));
    assert!(!selecting(ours("aaaaaaaaaa", "true")));
    assert!(!selecting(ours("0123456789", "false")));
    assert!(!selecting(json!({"hourglass.eigenlayer.io/performer": "other"})));
    assert!(!selecting(json!({"hourglass.eigenlayer.io/performer": "example", "somebodys": "own"})));
    assert!(!selecting(json!({})), "an empty selector selects nothing");
    let mut leaving = earlier();
    leaving.leaving = true;
    assert!(!leaving.selects(&pod));
}
