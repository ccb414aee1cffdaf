//! What we make, as a real API server takes it: every field known, nothing refused in a namespace that enforces Pod Security
//! `restricted`, and found again as it was written.

mod disruptions;
mod kubelet;
mod pods;
mod services;
mod status;

use hourglass_cluster::{Namespace, shared};
use hourglass_core::hardware::HardwareTables;
use hourglass_core::lifecycle::StartInstance;
use hourglass_core::performer::{InstanceName, PerformerName, PerformerSpec};
use hourglass_kubernetes::build::{self, Site};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const AVS: &str = "0xabcdef0123456789abcdef0123456789abcdef01";
const UID: &str = "11111111-2222-3333-4444-555555555555";

fn spec() -> PerformerSpec {
    PerformerSpec::new(AVS.parse().unwrap(), "my-org/performer:v1".parse().unwrap())
}

fn name() -> PerformerName {
    "example".parse().unwrap()
}

fn in_site<T>(namespace: &Namespace, then: impl FnOnce(&Site<'_>) -> T) -> T {
    let (tables, name) = (HardwareTables::default(), name());
    let namespace = namespace.name();
    then(&Site {
        namespace,
        performer: &name,
        uid: UID,
        executor: Some("my-executor"),
        headless: false,
        tables: &tables,
    })
}

fn pod(namespace: &Namespace, spec: &PerformerSpec, suffix: u32) -> Value {
    let name = InstanceName { performer: name(), revision: spec.revision(), suffix };
    let start = StartInstance { name, spec: spec.clone() };
    in_site(namespace, |site| serde_json::to_value(build::pod(&start, site).unwrap()).unwrap())
}

/// With every field known to the server, and nothing kept of it.
fn accepted(namespace: &Namespace, object: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_string(object).unwrap();
    let arguments = ["create", "--dry-run=server", "--validate=strict", "--filename=-"];
    namespace.kubectl_with(&arguments, &text).map(|_| ()).map_err(|error| format!("{error:#}"))
}

fn create(namespace: &Namespace, object: &impl Serialize) {
    let text = serde_json::to_string(object).unwrap();
    namespace.kubectl_with(&["create", "--validate=strict", "--filename=-"], &text).unwrap();
}

fn apply(namespace: &Namespace, object: &impl Serialize) {
    let text = serde_json::to_string(object).unwrap();
    let manager = "--field-manager=hourglass-operator";
    namespace.kubectl_with(&["apply", "--server-side", manager, "--validate=strict", "--filename=-"], &text).unwrap();
}

fn patch(namespace: &Namespace, what: &str, patch: &Value, more: &[&str]) -> Result<(), String> {
    let text = format!("--patch={patch}");
    let arguments = [&["patch", what, "--type=merge", &text], more].concat();
    namespace.kubectl(&arguments).map(|_| ()).map_err(|error| format!("{error:#}"))
}

fn read<T: DeserializeOwned>(namespace: &Namespace, what: &str) -> T {
    serde_json::from_str(&namespace.kubectl(&["get", what, "--output=json"]).unwrap()).unwrap()
}

/// A namespace that enforces Pod Security `restricted`.
fn restricted() -> Namespace {
    let namespace = shared().unwrap().namespace("pods").unwrap();
    let label = "pod-security.kubernetes.io/enforce=restricted";
    namespace.kubectl(&["label", "namespace", namespace.name(), label]).unwrap();
    namespace
}

/// Plays scheduler and kubelet: the pod runs on this node and is ready since then.
fn serves(namespace: &Namespace, pod: &str, node: &str, since: &str) {
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": {"kind": "Node", "name": node}});
    let raw = format!("/api/v1/namespaces/{}/pods/{pod}/binding", namespace.name());
    namespace.kubectl_with(&["create", "--raw", &raw, "--filename=-"], &binding.to_string()).unwrap();
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": since});
    let kinds = ["PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"];
    let status = json!({"status": {
        "phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}], "startTime": since,
        "conditions": kinds.map(condition),
        "containerStatuses": [{
            "name": "performer", "image": "my-org/performer:v1", "imageID": "x", "ready": true, "started": true,
            "restartCount": 0, "state": {"running": {"startedAt": since}},
        }],
    }});
    patch(namespace, &format!("pod/{pod}"), &status, &["--subresource=status"]).unwrap();
}
