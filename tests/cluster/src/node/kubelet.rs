//! The kubelet and kube-proxy.

use anyhow::Result;
use serde_json::json;

use super::{DNS, NAME, runtime, write_file};
use crate::launch::{Launch, Ready};
use crate::site::{OWN_ADDRESS, Port, Site};
use crate::tools::{self, Tool};

/// Where kube-proxy says that the rules of Services are in place.
const PROXY_HEALTH: &str = "127.0.0.1:10256";

pub(crate) fn kubelet(site: &Site) -> Result<Launch> {
    let file = |name: &str| site.file(name).display().to_string();
    let flags = [
        ("config", file("kubelet.json")),
        ("kubeconfig", site.kubeconfig("system-node-node").display().to_string()),
        ("root-dir", file("kubelet")),
        ("cert-dir", file("kubelet/pki")),
        ("hostname-override", NAME.to_owned()),
        ("node-ip", OWN_ADDRESS.to_string()),
    ];
    let ready = vec![Ready::Node(site.at(Port::Apiserver), NAME)];
    Ok(Launch::new(tools::path(Tool::Kubelet)?, flags, ready))
}

pub(crate) fn proxy(site: &Site) -> Result<Launch> {
    let flags = [("config", site.file("kube-proxy.json").display().to_string())];
    let ready = vec![Ready::Http(PROXY_HEALTH.parse()?, "/healthz")];
    Ok(Launch::new(tools::path(Tool::KubeProxy)?, flags, ready))
}

pub(super) fn write(site: &Site) -> Result<()> {
    // Nothing outside is to be found.
    write_file(&site.file("resolv.conf"), "# no name server: nothing outside of the cluster has a name in it\n")?;
    let kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": site.pki("ca.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "tlsCertFile": site.pki("kubelet.crt"),
        "tlsPrivateKeyFile": site.pki("kubelet.key"),
        "containerRuntimeEndpoint": format!("unix://{}", runtime::socket(site).display()),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", site.cgroup()),
        "failSwapOn": false,
        "clusterDNS": [DNS],
        "clusterDomain": "cluster.local",
        "resolvConf": site.file("resolv.conf"),
        "podLogsDir": site.file("pod-logs"),
        "volumePluginDir": site.file("volume-plugins"),
        // The disk is the machine's, and not ours to be evicted for.
        "evictionHard": {
            "memory.available": "50Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": false,
        // A node that is gone is noticed in seconds and not in a minute: tests wait for it.
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 16,
    });
    write_file(&site.file("kubelet.json"), &serde_json::to_string_pretty(&kubelet)?)?;
    let proxy = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": { "kubeconfig": site.kubeconfig("system-kube-proxy") },
        "hostnameOverride": NAME,
        "mode": "iptables",
        "healthzBindAddress": PROXY_HEALTH,
        "metricsBindAddress": "127.0.0.1:10249",
        // The machine's limits stay as they are.
        "conntrack": {
            "maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s", "udpTimeout": "0s",
            "udpStreamTimeout": "0s",
        },
    });
    write_file(&site.file("kube-proxy.json"), &serde_json::to_string_pretty(&proxy)?)
}
