//! etcd and kube-apiserver.

use hourglass_cluster::{Cluster, ClusterOptions};

#[test]
fn a_control_plane_is_of_the_pinned_version_and_knows_who_asks() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    assert_eq!(cluster.api().get("/version").unwrap()["gitVersion"], "v1.34.4");
}
