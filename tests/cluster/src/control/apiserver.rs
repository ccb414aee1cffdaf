//! kube-apiserver.

use std::fs;

use anyhow::{Context, Result};
use serde_json::json;

use crate::component::Component;
use crate::launch::{Launch, Ready};
use crate::site::{Port, Site};
use crate::tools::{self, Tool};

/// The name of the audit policy among a cluster's files.
const POLICY: &str = "audit-policy.json";

pub(super) fn launch(site: &Site, component: Component) -> Result<Launch> {
    let second = component == Component::SecondApiserver;
    let port = if second { Port::SecondApiserver } else { Port::Apiserver };
    let etcd = site.at(if second { Port::SlowEtcd } else { Port::EtcdClients });
    let pki = |name: &str| site.pki(name).display().to_string();
    let mut flags = vec![
        ("etcd-servers", format!("http://{etcd}")),
        ("bind-address", site.listen_address().to_string()),
        ("secure-port", site.port(port).to_string()),
        ("advertise-address", site.address().to_string()),
        ("cert-dir", site.file("pki").display().to_string()),
        ("tls-cert-file", pki("apiserver.crt")),
        ("tls-private-key-file", pki("apiserver.key")),
        ("client-ca-file", pki("ca.crt")),
        ("authorization-mode", "Node,RBAC".to_owned()),
        ("allow-privileged", "true".to_owned()),
        ("service-cluster-ip-range", "10.96.0.0/16".to_owned()),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local".to_owned()),
        ("service-account-key-file", pki("accounts.pub")),
        ("service-account-signing-key-file", pki("accounts.key")),
        ("requestheader-client-ca-file", pki("front-ca.crt")),
        ("requestheader-allowed-names", "front-proxy".to_owned()),
        ("requestheader-username-headers", "X-Remote-User".to_owned()),
        ("requestheader-group-headers", "X-Remote-Group".to_owned()),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-".to_owned()),
        ("proxy-client-cert-file", pki("front.crt")),
        ("proxy-client-key-file", pki("front.key")),
        ("kubelet-certificate-authority", pki("ca.crt")),
        ("kubelet-client-certificate", pki("apiserver-kubelet.crt")),
        ("kubelet-client-key", pki("apiserver-kubelet.key")),
        // Else `kubectl logs` looks the name of the node up.
        ("kubelet-preferred-address-types", "InternalIP".to_owned()),
    ];
    if second || site.namespace().is_none() {
        // An address of loopback can be no endpoint of the Service `kubernetes`, and nobody would reach it there.
        flags.push(("endpoint-reconciler-type", "none".to_owned()));
    }
    if !site.options.controllers {
        // Nobody makes the service accounts that it wants every pod to have.
        flags.push(("disable-admission-plugins", "ServiceAccount".to_owned()));
    }
    if site.options.audit {
        flags.push(("audit-policy-file", site.file(POLICY).display().to_string()));
        flags.push(("audit-log-path", site.audit_log(component).display().to_string()));
        // In megabytes: a log that begins anew in the middle of a test has lost what was counted.
        flags.push(("audit-log-maxsize", "100000".to_owned()));
    }
    let mut launch = Launch::new(
        tools::path(Tool::KubeApiserver)?,
        flags,
        vec![Ready::Api(site.at(port), "/readyz".to_owned()), Ready::Api(site.at(port), default_namespace())],
    );
    launch.arguments.extend(site.options.apiserver_arguments.iter().cloned());
    Ok(launch)
}

/// It is ready before it has made what it makes itself.
fn default_namespace() -> String {
    "/api/v1/namespaces/default".to_owned()
}

/// Requests of clients are all written down, those of the cluster's own parts where they write.
pub(super) fn write_audit_policy(site: &Site) -> Result<()> {
    let parts = [
        "system:apiserver",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:kube-proxy",
        "system:node:node",
        "system:kwok",
    ];
    let policy = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/openapi*"] },
            { "level": "None", "users": parts, "verbs": ["get", "list", "watch"] },
            { "level": "None", "userGroups": ["system:serviceaccounts:kube-system"], "verbs": ["get", "list", "watch"] },
            // Leases of nodes and of the API server itself, which count for nothing that a test counts.
            { "level": "None", "users": parts, "resources": [{ "group": "coordination.k8s.io" }] },
            { "level": "Metadata" },
        ],
    });
    let file = site.file(POLICY);
    fs::write(&file, serde_json::to_vec_pretty(&policy)?).with_context(|| file.display().to_string())
}
