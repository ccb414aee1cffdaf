use std::time::{Duration, Instant};

use hourglass_cluster::{Namespace, Shared, shared};
use hourglass_kubernetes::crd;

use crate::process::Process;

const LEASE: &str = "lease/b8e8a8a8.hourglass.eigenlayer.io";

fn installed(prefix: &str) -> (&'static Shared, Namespace) {
    let cluster = shared().unwrap();
    for manifest in crd::manifests() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), manifest.yaml).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        cluster.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &path]).unwrap();
    }
    let crd = "crd/performers.hourglass.eigenlayer.io";
    cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", crd]).unwrap();
    (cluster, cluster.namespace(prefix).unwrap())
}

fn start(cluster: &Shared, namespace: &Namespace) -> Process {
    let kubeconfig = cluster.kubeconfig().to_str().unwrap();
    let own = namespace.name();
    Process::start(&["--kubeconfig", kubeconfig, "--namespace", own, "--watch-namespace", own, "--log-level=debug"])
}

fn holder(namespace: &Namespace) -> String {
    namespace.kubectl(&["get", LEASE, "--output=jsonpath={.spec.holderIdentity}"]).unwrap_or_default()
}

const PERFORMER: &str = "
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performer
metadata:
  name: example
spec:
  avsAddress: '0x00000000000000000000000000000000000000aa'
  image: example/performer:v1
";

#[test]
fn it_becomes_ready_works_and_gives_the_lease_back() {
    let (cluster, namespace) = installed("binary");
    let operator = start(cluster, &namespace);
    operator.until("ready", || operator.readyz() == 200);
    assert_eq!(operator.healthz(), 200);
    operator.until("leads", || operator.metrics().contains("hourglass_operator_leader 1\n"));
    let leader = holder(&namespace);
    assert!(!leader.is_empty());

    namespace.kubectl_with(&["apply", "-f", "-"], PERFORMER).unwrap();
    let pods = || namespace.kubectl(&["get", "pods", "--output=name"]).unwrap();
    operator.until("its pod", || pods().starts_with("pod/performer-example-"));
    let metrics = operator.metrics();
    for line in [
        "hourglass_operator_api_writes_total{kind=\"Pod\",verb=\"create\",outcome=\"ok\"} 1",
        "hourglass_operator_performers{phase=\"Pending\"} 1",
        "hourglass_operator_queue_depth{controller=\"performer\"} 0",
        "hourglass_condition{condition=\"caches\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }

    // Another one waits, as ready as the first, and takes over without waiting for the lease to run out.
    let second = start(cluster, &namespace);
    second.until("ready", || second.readyz() == 200);
    assert!(second.metrics().contains("hourglass_operator_leader 0\n"));
    let (code, took) = operator.terminate();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let released = Instant::now();
    second.until("takes over", || second.metrics().contains("hourglass_operator_leader 1\n"));
    assert!(released.elapsed() < Duration::from_secs(5), "{:?}", released.elapsed());
    assert_ne!(holder(&namespace), leader);
    namespace.kubectl(&["delete", "performer", "example", "--timeout=90s"]).unwrap();
    drop(second);
    assert_eq!(pods(), "");
}

#[test]
fn missing_rights_are_named() {
    let (cluster, namespace) = installed("rights");
    let Some(own) = cluster.own() else { return };
    let kubeconfig = own.kubeconfig_for("nobody-in-particular", &[]).unwrap();
    let kubeconfig = kubeconfig.to_str().unwrap();
    let operator = Process::start(&["--kubeconfig", kubeconfig, "--namespace", namespace.name()]);
    operator.until("said", || operator.log().contains("RightsMissing"));
    let log = operator.log();
    for right in ["list pods", "patch performers/status.hourglass.eigenlayer.io", "create leases.coordination.k8s.io"] {
        assert!(log.contains(right), "no '{right}' in {log}");
    }
    assert_eq!(operator.readyz(), 503);
    assert_eq!(operator.healthz(), 200);
}

#[test]
fn without_a_cluster_it_says_what_to_do() {
    let output = crate::process::operator().args(["--kubeconfig", "/nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no configuration of a cluster") && text.contains("/nowhere"), "{text}");
}
