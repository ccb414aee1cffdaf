//! What every cluster has: an API server with its administrator, users, namespaces, an audit log.

use hourglass_cluster::{Cluster, ClusterOptions, Component, Node};
use serde_json::json;

#[test]
fn a_control_plane_is_of_the_pinned_version_and_says_so_to_kubectl() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    assert_eq!(cluster.api().get("/version").unwrap()["gitVersion"], "v1.34.4");
    let said = cluster.kubectl(&["version"]).unwrap();
    assert!(said.contains("Client Version: v1.34.4") && said.contains("Server Version: v1.34.4"), "{said}");
}

#[test]
fn two_clusters_side_by_side_know_nothing_of_each_other() {
    let options = ClusterOptions::bare();
    let (one, other) = (Cluster::start(&options).unwrap(), Cluster::start(&options).unwrap());
    assert_ne!(one.server(), other.server());
    one.api().create("/api/v1/namespaces", &json!({ "metadata": { "name": "only-here" } })).unwrap();
    one.api().get("/api/v1/namespaces/only-here").unwrap();
    let missing = other.api().get("/api/v1/namespaces/only-here").unwrap_err();
    assert!(format!("{missing:#}").contains("404"), "{missing:#}");
    // Each has an authority of its own: the other's administrator is nobody.
    let stranger = std::fs::read_to_string(other.kubeconfig()).unwrap().replace(&other.server(), &one.server());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), stranger).unwrap();
    let refused =
        std::process::Command::new(hourglass_cluster::tools::path(hourglass_cluster::tools::Tool::Kubectl).unwrap())
            .args(["get", "namespaces", "--kubeconfig"])
            .arg(file.path())
            .output()
            .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("certificate"), "{said}");
}

#[test]
fn a_write_is_in_the_audit_log_once_with_who_and_what() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    let user = cluster.kubeconfig_for("auditor", &["system:masters"]).unwrap();
    let before = cluster.audit().from_now();
    let user = user.to_str().unwrap();
    cluster.kubectl(&["--kubeconfig", user, "create", "configmap", "counted", "--from-literal=a=b"]).unwrap();
    cluster.kubectl(&["--kubeconfig", user, "get", "configmap", "counted"]).unwrap();
    // It is written when the answer is sent: a moment later at most.
    let find = || {
        let events = before.events()?;
        let ours: Vec<_> = events.into_iter().filter(|event| event.user.username == "auditor").collect();
        anyhow::ensure!(ours.iter().any(|event| event.verb == "get" && event.object_ref.name == "counted"), "not yet");
        Ok(ours)
    };
    let ours = hourglass_environment::waiting::until("the log", std::time::Duration::from_secs(20), find).unwrap();
    let writes: Vec<_> = ours.iter().filter(|event| event.is_write()).collect();
    let [write] = writes.as_slice() else { panic!("one write: {writes:?}") };
    assert_eq!((write.verb.as_str(), write.response_status.code), ("create", 201));
    assert_eq!((write.object_ref.resource.as_str(), write.object_ref.name.as_str()), ("configmaps", "counted"));
    assert_eq!(write.object_ref.namespace, "default");
    assert!(write.user_agent.starts_with("kubectl"), "{}", write.user_agent);
}

#[test]
fn a_user_may_do_what_roles_allow_and_nothing_else() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    let user = cluster.kubeconfig_for("reader", &[]).unwrap();
    let user = user.to_str().unwrap();
    let refused = cluster.kubectl(&["--kubeconfig", user, "get", "pods"]).unwrap_err();
    assert!(format!("{refused:#}").contains("forbidden"), "{refused:#}");
    // A role of our own: what `view` means is put together by a controller, and none runs here.
    cluster.kubectl(&["create", "clusterrole", "reader", "--verb=get,list", "--resource=pods"]).unwrap();
    cluster.kubectl(&["create", "clusterrolebinding", "reader", "--clusterrole=reader", "--user=reader"]).unwrap();
    let allowed = || cluster.kubectl(&["--kubeconfig", user, "get", "pods"]);
    hourglass_environment::waiting::until("the role", std::time::Duration::from_secs(20), allowed).unwrap();
    let refused = cluster.kubectl(&["--kubeconfig", user, "delete", "namespace", "default"]).unwrap_err();
    assert!(format!("{refused:#}").contains("forbidden"), "{refused:#}");
}

#[test]
fn the_namespace_of_a_test_has_its_account_and_goes_with_it() {
    let cluster = Cluster::start(&ClusterOptions::default()).unwrap();
    let path = {
        let namespace = cluster.namespace("test").unwrap();
        namespace.kubectl(&["get", "serviceaccount", "default"]).unwrap();
        namespace.kubectl(&["create", "configmap", "left", "--from-literal=a=b"]).unwrap();
        format!("/api/v1/namespaces/{}", namespace.name())
    };
    let gone = || match cluster.api().get(&path) {
        Ok(found) => anyhow::bail!("{}", found["status"]),
        Err(error) if format!("{error:#}").contains("404") => Ok(()),
        Err(error) => Err(error),
    };
    hourglass_environment::waiting::until("the namespace goes", std::time::Duration::from_secs(60), gone).unwrap();
}

#[test]
fn a_component_that_does_not_start_says_why() {
    let mut options = ClusterOptions::bare();
    options.apiserver_arguments.push("--no-such-flag".to_owned());
    let refused = format!("{:#}", Cluster::start(&options).unwrap_err());
    assert!(refused.contains("kube-apiserver ended at once") && refused.contains("no-such-flag"), "{refused}");
}

#[test]
fn a_real_node_without_controllers_is_refused() {
    let options = ClusterOptions { node: Node::Real, ..ClusterOptions::bare() };
    let refused = Cluster::start(&options).unwrap_err();
    assert!(format!("{refused:#}").contains("needs controllers"), "{refused:#}");
}

#[test]
fn a_program_that_is_not_there_has_no_process() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    assert!(cluster.apiserver().pid().unwrap().is_some());
    assert_eq!(cluster.part(Component::Scheduler).pid().unwrap(), None);
    let refused = cluster.part(Component::Scheduler).freeze().unwrap_err();
    assert!(format!("{refused:#}").contains("kube-scheduler does not run"), "{refused:#}");
}

#[test]
fn a_cluster_that_nobody_marked_is_not_used_by_tests() {
    let cluster = Cluster::start(&ClusterOptions::bare()).unwrap();
    let kubeconfig = cluster.kubeconfig();
    let refused = hourglass_cluster::check_allowed(&kubeconfig).unwrap_err();
    assert!(format!("{refused:#}").contains("not marked for tests"), "{refused:#}");
    hourglass_cluster::allow(&kubeconfig).unwrap();
    hourglass_cluster::check_allowed(&kubeconfig).unwrap();
    cluster.apiserver().kill().unwrap();
    let refused = hourglass_cluster::check_allowed(&kubeconfig).unwrap_err();
    assert!(format!("{refused:#}").contains("does not answer"), "{refused:#}");
}
