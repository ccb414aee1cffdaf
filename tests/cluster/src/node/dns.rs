//! CoreDNS, as a pod behind the Service that every other pod asks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hourglass_environment::waiting;
use serde_json::{Value, json};

use super::{DNS, images};
use crate::api::Api;

/// How long it may take until it answers, on a busy machine.
const START: Duration = Duration::from_secs(120);

/// Names of Services alone, fresh within a second: tests make and remove them all the time.
const CONFIGURATION: &str = ".:5353 {
    errors
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ttl 1
    }
    cache 1
}
";

/// Starts it and returns when it is ready.
pub(crate) fn start(admin: &Api) -> Result<()> {
    for (path, object) in objects() {
        admin.apply(path, &object)?;
    }
    waiting::until("CoreDNS is ready", START, || {
        let found = admin.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")?;
        let ready = found.pointer("/status/readyReplicas").and_then(Value::as_u64);
        ensure!(ready == Some(1), "its Deployment: {}", found["status"]);
        Ok(())
    })
    .context("pods of the real node would find no Service by its name")
}

fn objects() -> [(&'static str, Value); 6] {
    let name = |name: &str| json!({ "name": name, "namespace": "kube-system", "labels": { "k8s-app": "kube-dns" } });
    let labels = json!({ "k8s-app": "kube-dns" });
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": name("coredns") });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "system:coredns" },
        "rules": [
            { "apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"] },
            { "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"] },
        ],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "system:coredns" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns" },
        "subjects": [{ "kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system" }],
    });
    let configuration = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": name("coredns"), "data": { "Corefile": CONFIGURATION },
    });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": name("kube-dns"),
        "spec": {
            "clusterIP": DNS,
            "selector": labels,
            "ports": [
                { "name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP" },
                { "name": "dns-tcp", "port": 53, "targetPort": 5353, "protocol": "TCP" },
            ],
        },
    });
    [
        ("/api/v1/namespaces/kube-system/serviceaccounts/coredns", account),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns", role),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/system:coredns", binding),
        ("/api/v1/namespaces/kube-system/configmaps/coredns", configuration),
        ("/api/v1/namespaces/kube-system/services/kube-dns", service),
        ("/apis/apps/v1/namespaces/kube-system/deployments/coredns", deployment(&name("coredns"), &labels)),
    ]
}

fn deployment(metadata: &Value, labels: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "serviceAccountName": "coredns",
                    "priorityClassName": "system-cluster-critical",
                    "dnsPolicy": "Default",
                    // A test that deletes the pod waits for the next one.
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "coredns",
                        "image": images::COREDNS,
                        "imagePullPolicy": "Never",
                        "args": ["-conf", "/etc/coredns/Corefile"],
                        "ports": [
                            { "name": "dns", "containerPort": 5353, "protocol": "UDP" },
                            { "name": "dns-tcp", "containerPort": 5353, "protocol": "TCP" },
                        ],
                        "readinessProbe": { "httpGet": { "path": "/ready", "port": 8181 }, "periodSeconds": 1 },
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": { "drop": ["ALL"] },
                            "readOnlyRootFilesystem": true,
                            "runAsNonRoot": true,
                        },
                        "volumeMounts": [{ "name": "configuration", "mountPath": "/etc/coredns", "readOnly": true }],
                    }],
                    "volumes": [{ "name": "configuration", "configMap": { "name": "coredns" } }],
                },
            },
        },
    })
}
