//! What Kubernetes' own controllers make of pods that are taken away, and whose node falls silent.

use std::collections::BTreeSet;
use std::time::Duration;

use hourglass_cluster::{Cluster, ClusterOptions, Namespace};
use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Health, Instance, InstanceState};
use hourglass_environment::waiting::until;
use hourglass_kubernetes::observe::{self, PodRecord, Viewer};
use serde_json::json;

use super::{UID, create, name, pod, read, serves, spec};

const SOON: Duration = Duration::from_secs(120);
const SINCE: &str = "2026-11-23T10:00:05Z";

fn seen(namespace: &Namespace, pod: &str) -> (PodRecord, Instance) {
    let record: PodRecord = read(namespace, &format!("pod/{pod}"));
    let (name, drained) = (name(), BTreeSet::new());
    let viewer = Viewer { performer: &name, uid: UID, service: None, drained: &drained };
    let instance = observe::instance(&record, &viewer).unwrap();
    (record, instance)
}

/// What is told of a pod at some instant.
fn told(pod: &PodRecord, at: Timestamp) -> Vec<&'static str> {
    pod.notices(at).iter().map(|notice| notice.reason).collect()
}

#[test]
fn evictions_and_a_node_that_falls_silent_are_recognised() {
    // So that a node is missed soon. Nobody writes its lease or its heartbeat here.
    let controller_arguments =
        ["--node-monitor-grace-period=10s", "--node-monitor-period=1s"].map(str::to_owned).into();
    let cluster = Cluster::start(&ClusterOptions { controller_arguments, ..ClusterOptions::default() }).unwrap();
    let namespace = cluster.namespace("disruptions").unwrap();
    create(&namespace, &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    let pods = [0, 1].map(|suffix| {
        let made = pod(&namespace, &spec(), suffix);
        create(&namespace, &made);
        let pod = made["metadata"]["name"].as_str().unwrap().to_owned();
        serves(&namespace, &pod, "n1", SINCE);
        pod
    });
    let [left, evicted] = &pods;
    for pod in &pods {
        assert!(seen(&namespace, pod).1.is_ready());
    }

    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": evicted}});
    let raw = format!("/api/v1/namespaces/{}/pods/{evicted}/eviction", namespace.name());
    namespace.kubectl_with(&["create", "--raw", &raw, "--filename=-"], &eviction.to_string()).unwrap();
    let (record, instance) = seen(&namespace, evicted);
    assert_eq!((instance.state, told(&record, record.created_at)), (InstanceState::Stopping, vec!["Evicted"]));
    assert!(record.may_run());

    let heartbeat = json!({"status": {"conditions": [{
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "", "lastHeartbeatTime": SINCE, "lastTransitionTime": SINCE,
    }]}});
    super::patch(&namespace, "node/n1", &heartbeat, &["--subresource=status"]).unwrap();
    let silent = until("the node is missed", SOON, || {
        let (record, instance) = seen(&namespace, left);
        anyhow::ensure!(!instance.is_ready(), "{record:?}");
        Ok((record, instance))
    });
    let (record, instance) = silent.unwrap();
    let Health::NotReady { reason, .. } = &instance.health else { panic!("{instance:?}") };
    assert_eq!(
        (instance.state, reason.as_str()),
        (InstanceState::Running, "node n1 does not answer (NodeLost)"),
        "{record:?}"
    );
    assert_eq!(told(&record, record.created_at), ["NodeLost"]);

    // As the node controller would after five minutes, were this not the only node.
    cluster.kubectl(&["taint", "node", "n1", "example.com/silent:NoExecute"]).unwrap();
    let deleted = until("it is deleted", SOON, || {
        let (record, instance) = seen(&namespace, left);
        anyhow::ensure!(instance.state == InstanceState::Stopping, "{record:?}");
        Ok(record)
    });
    let record = deleted.unwrap();
    assert_eq!(record.disruption.as_ref().map(|disruption| disruption.kind.reason()), Some("NodeLost"), "{record:?}");
    let later = record.gone_by.unwrap() + Duration::from_secs(60);
    assert!(told(&record, later).contains(&"StuckTerminating"));
    assert!(!told(&record, record.created_at).contains(&"StuckTerminating"));
}
