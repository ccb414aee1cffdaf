//! Nodes that kwok simulates.

use hourglass_cluster::{Cluster, ClusterOptions};

#[test]
fn a_hundred_pods_on_three_nodes_are_ready_and_gone_again() {
    let cluster = Cluster::start(&ClusterOptions::kwok(3)).unwrap();
    let namespace = cluster.namespace("hundred").unwrap();
    namespace.kubectl(&["create", "deployment", "box", "--image=example/box:1", "--replicas=100"]).unwrap();
    namespace.kubectl(&["wait", "--for=condition=Available", "deployment/box", "--timeout=120s"]).unwrap();
    let nodes = namespace.kubectl(&["get", "pods", "--output=jsonpath={.items[*].spec.nodeName}"]).unwrap();
    let mut nodes: Vec<_> = nodes.split_whitespace().collect();
    assert_eq!(nodes.len(), 100);
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes, ["kwok-0", "kwok-1", "kwok-2"]);
    namespace.kubectl(&["delete", "deployment", "box", "--cascade=foreground", "--timeout=120s"]).unwrap();
    assert_eq!(namespace.kubectl(&["get", "pods", "--output=name"]).unwrap(), "");
}
