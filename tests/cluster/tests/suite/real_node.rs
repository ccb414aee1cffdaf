//! The real node: images that hold one program, names of Services, limits, Pod Security, faults.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use hourglass_cluster::{Cluster, ClusterOptions, Component, Namespace};
use hourglass_environment::image::Image;
use hourglass_environment::waiting::until;
use hourglass_environment::{program, statics};
use serde_json::{Value, json};

use crate::remains::owner;
use crate::traces::Traces;

const IMAGE: &str = "hourglass.local/echo:1";
const SOON: Duration = Duration::from_secs(120);

/// One cluster for all of it, since its parts are no secret to each other and it takes its time to start.
#[test]
fn pods_run_answer_by_name_have_their_limits_and_outlive_their_kubelet() {
    let cluster = Cluster::start(&ClusterOptions::real()).unwrap();
    cluster.load(&image()).unwrap();
    let namespace = cluster.namespace("echo").unwrap();
    // What the node runs is accepted where the strictest rules hold.
    cluster
        .kubectl(&["label", "namespace", namespace.name(), "pod-security.kubernetes.io/enforce=restricted"])
        .unwrap();
    apply(&namespace, &pod("server", &["serve"]));
    apply(&namespace, &service());
    namespace.kubectl(&["wait", "--for=condition=Ready", "pod/server", "--timeout=120s"]).unwrap();

    by_name_from_another_pod(&namespace);
    from_this_process(&cluster, &namespace);
    limits_are_in_its_cgroup(&namespace);
    said_and_seen_through_the_kubelet(&namespace);
    a_stopped_kubelet_is_noticed_and_its_pods_run_on(&cluster, &namespace);
}

fn by_name_from_another_pod(namespace: &Namespace) {
    let name = format!("echo.{}.svc.cluster.local:80", namespace.name());
    apply(namespace, &pod("asker", &["ask", &name]));
    namespace.kubectl(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asker", "--timeout=120s"]).unwrap();
    assert_eq!(namespace.kubectl(&["logs", "asker"]).unwrap().trim(), "echo");
}

fn from_this_process(cluster: &Cluster, namespace: &Namespace) {
    let address = |kind: &str, path: &str| -> String {
        namespace.kubectl(&["get", kind, &format!("--output=jsonpath={path}")]).unwrap()
    };
    let pod: SocketAddr = format!("{}:8080", address("pod/server", "{.status.podIP}")).parse().unwrap();
    let service: SocketAddr = format!("{}:80", address("service/echo", "{.spec.clusterIP}")).parse().unwrap();
    assert_eq!(cluster.inside(|| ask(pod)).unwrap().unwrap(), "echo");
    let relay = cluster.relay(service).unwrap();
    until("the Service answers", SOON, || ask(relay.address())).unwrap();
}

fn limits_are_in_its_cgroup(namespace: &Namespace) {
    let uid = namespace.kubectl(&["get", "pod/server", "--output=jsonpath={.metadata.uid}"]).unwrap();
    let found =
        Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", &format!("pod{uid}")]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let read = |file: &str| found.lines().find_map(|group| std::fs::read_to_string(Path::new(group).join(file)).ok());
    let memory = read("memory.limit_in_bytes").or_else(|| read("memory.max")).unwrap();
    assert_eq!(memory.trim(), (64 << 20).to_string());
    // Half a core: version 1 has the quota in a file of its own, version 2 before the period.
    let quota = read("cpu.cfs_quota_us").or_else(|| read("cpu.max")).unwrap();
    assert_eq!(quota.split_whitespace().next(), Some("50000"));
}

fn said_and_seen_through_the_kubelet(namespace: &Namespace) {
    assert_eq!(namespace.kubectl(&["logs", "server"]).unwrap().trim(), "serving");
    let events = namespace.kubectl(&["get", "events", "--output=jsonpath={.items[*].reason}"]).unwrap();
    assert!(events.contains("Started"), "{events}");
}

fn a_stopped_kubelet_is_noticed_and_its_pods_run_on(cluster: &Cluster, namespace: &Namespace) {
    let pod = namespace.kubectl(&["get", "pod/server", "--output=jsonpath={.status.podIP}"]).unwrap();
    let pod: SocketAddr = format!("{pod}:8080").parse().unwrap();
    cluster.part(Component::Kubelet).stop().unwrap();
    cluster.kubectl(&["wait", "--for=condition=Ready=Unknown", "node/node", "--timeout=120s"]).unwrap();
    assert_eq!(cluster.inside(|| ask(pod)).unwrap().unwrap(), "echo");
    cluster.part(Component::Kubelet).start().unwrap();
    cluster.kubectl(&["wait", "--for=condition=Ready", "node/node", "--timeout=120s"]).unwrap();
}

#[test]
fn nothing_is_left_of_a_real_node_whose_owner_is_killed() {
    let (mut owner, kubeconfig) = owner("real");
    let left = Traces::of(&kubeconfig);
    let found = left.found();
    for kind in ["mount", "network", "cgroup"] {
        assert!(found.iter().any(|each| each.starts_with(kind)), "{kind}: {found:?}");
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("everything is removed", SOON, || left.are_gone()).unwrap();
}

fn image() -> Image {
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("echo");
    statics::compile(&source(), &built).unwrap();
    Image::new(IMAGE).file("/echo", std::fs::read(built).unwrap(), 0o755).entrypoint(["/echo"]).user("65532:65532")
}

fn source() -> PathBuf {
    program::checkout().join("tests/cluster/guests/echo.rs")
}

fn apply(namespace: &Namespace, object: &Value) {
    namespace.kubectl_with(&["apply", "-f", "-"], &object.to_string()).unwrap();
}

fn pod(name: &str, arguments: &[&str]) -> Value {
    let mut container = json!({
        "name": "echo",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": arguments,
        "resources": { "limits": { "memory": "64Mi", "cpu": "500m" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
    });
    if name == "server" {
        container["readinessProbe"] = json!({ "tcpSocket": { "port": 8080 }, "periodSeconds": 1 });
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": { "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container] },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "echo" },
        "spec": { "selector": { "app": "server" }, "ports": [{ "port": 80, "targetPort": 8080 }] },
    })
}

fn ask(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.ends_with("echo"), "{answer:?}");
    Ok("echo".to_owned())
}
