use serde_json::{Value, json};

use super::*;
use crate::build::samples::{UID, performer_spec, pretty, variable};
use crate::observe::samples::*;

/// As the earlier operator made it: of [`asked_for`].
fn earlier() -> Value {
    json!({
        "metadata": {
            "name": "performer-example", "namespace": "avs-ns", "uid": "earlier-uid", "resourceVersion": "5",
            "labels": {
                "app": "hourglass-performer", "hourglass.eigenlayer.io/performer": "example",
                "hourglass.eigenlayer.io/avs": "0xabcdef0123456789abcdef0123456789abcdef01",
            },
            "ownerReferences": [{
                "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": "Performer", "name": "example", "uid": UID,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": "n1", "serviceAccountName": "default", "nodeSelector": {"disk": "ssd"},
            "tolerations": [
                {"key": "dedicated", "value": "avs", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            ],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
            ]}}},
            "containers": [{
                "name": "performer", "image": "my-org/performer:v1", "args": ["--verbose"],
                "ports": [{"name": "grpc", "containerPort": 9090, "protocol": "TCP"}],
                "env": [
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "b"}}},
                    {"name": "A", "value": "1"},
                ],
                "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "ephemeral-storage": "1Gi"}},
            }],
        },
        "status": {"phase": "Running"},
    })
}

fn asked_for() -> PerformerSpec {
    let mut spec = performer_spec();
    spec.args = vec!["--verbose".into()];
    let secret = EnvSource::SecretKey { secret: "keys".into(), key: "b".into() };
    let shadowed = variable("A", "0");
    spec.env =
        vec![shadowed, variable("A", "1"), hourglass_core::performer::EnvVar { name: "B".into(), source: secret }];
    spec.resources.requests =
        [("cpu".to_owned(), "1000m".parse().unwrap()), ("memory".to_owned(), "1Gi".parse().unwrap())].into();
    spec.resources.limits = [("cpu".to_owned(), "2".parse().unwrap())].into();
    spec.scheduling.node_selector = [("disk".to_owned(), "ssd".to_owned())].into();
    spec.scheduling.tolerations = vec![hourglass_core::scheduling::Toleration {
        key: Some("dedicated".into()),
        value: Some("avs".into()),
        effect: Some(hourglass_core::scheduling::TaintEffect::NoSchedule),
        ..Default::default()
    }];
    let zone = hourglass_core::scheduling::NodeExpression::is_in("zone", ["a"]);
    spec.scheduling.required_nodes =
        vec![hourglass_core::scheduling::NodeTerm { labels: vec![zone], fields: Vec::new() }];
    spec
}

#[test]
fn what_runs_what_is_asked_for_is_an_instance_of_today() {
    let spec = asked_for();
    let adoption = record(earlier()).adoption(UID, &spec).unwrap();
    assert_eq!(adoption, Adoption { revision: spec.revision(), is_current: true });
}

#[test]
fn anything_else_serves_until_it_is_replaced() {
    let mut ways: Vec<PerformerSpec> = vec![asked_for(); 14];
    let w = ways.as_mut_slice();
    w[0].image = "my-org/performer:v2".parse().unwrap();
    w[1].args.clear();
    w[2].command = vec!["/other".into()];
    w[3].port = Some(8080.try_into().unwrap());
    w[4].env.push(variable("C", ""));
    w[5].env.pop();
    w[6].resources.limits.insert("memory".into(), "1Gi".parse().unwrap());
    w[7].resources.requests.insert("cpu".into(), "2".parse().unwrap());
    w[8].scheduling.node_selector.clear();
    w[9].scheduling.required_nodes.clear();
    w[10].scheduling.tolerations[0].key = Some("other".into());
    w[11].scheduling.runtime_class = Some("gvisor".into());
    w[12].service_account = Some("avs".into());
    w[13].hardware.gpu_count = 1;
    let mut revisions = std::collections::BTreeSet::new();
    for (at, spec) in ways.iter().enumerate() {
        let adoption = record(earlier()).adoption(UID, spec).unwrap();
        assert!(!adoption.is_current, "{at}");
        assert_ne!(adoption.revision, spec.revision(), "{at}");
        revisions.insert(adoption.revision);
    }
    assert_eq!(revisions.len(), 1, "one pod is one revision, whatever is asked for meanwhile");
    let mut security = asked_for();
    security.security.run_as_user = Some(0);
    assert!(!record(earlier()).adoption(UID, &security).unwrap().is_current);
}

#[test]
fn a_pod_that_was_taken_over_is_one_of_ours() {
    let spec = asked_for();
    let pod = record(earlier());
    let adoption = pod.adoption(UID, &spec).unwrap();
    let mut patched = earlier();
    let patch = adoption.patch(&pod, Some("my-executor"));
    insta::assert_snapshot!(pretty(&patch).replace(spec.revision().as_str(), "[revision]"));
    merge(&mut patched, patch);
    let taken = record(patched);
    assert_eq!((taken.adoption(UID, &spec), taken.earlier.is_none()), (None, true));
    let (name, drained) = (crate::build::samples::performer(), Default::default());
    let viewer = crate::observe::Viewer { performer: &name, uid: UID, service: None, drained: &drained };
    let instance = crate::observe::instance(&taken, &viewer).unwrap();
    assert_eq!(instance.name.to_string(), format!("example-{}-4294967295", spec.revision()));
    assert_eq!(crate::observe::instance(&pod, &viewer), None, "not before it was taken over");
}

#[test]
fn others_pods_are_left_alone() {
    let spec = asked_for();
    assert_eq!(record(earlier()).adoption("another Performer's uid", &spec), None);
    assert_eq!(record(ready()).adoption(UID, &spec), None);
    let mut orphan = earlier();
    orphan["metadata"]["ownerReferences"] = json!([]);
    assert_eq!(record(orphan).adoption(UID, &spec), None);
    let mut other = earlier();
    other["metadata"]["name"] = json!("performer-other");
    assert_eq!(record(other).adoption(UID, &spec), None);
}
