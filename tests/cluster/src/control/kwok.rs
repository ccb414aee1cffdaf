//! kwok, and the nodes that it simulates.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;
use crate::launch::{Launch, Ready};
use crate::site::{Port, Site};
use crate::tools::{self, Tool};

/// What says that a node is one of kwok's.
const MARK: (&str, &str) = ("kwok.x-k8s.io/node", "fake");

pub(super) fn launch(site: &Site) -> Result<Launch> {
    let server = site.at(Port::Kwok);
    let flags = [
        ("kubeconfig", site.kubeconfig("system-kwok").display().to_string()),
        ("config", tools::kwok_stages()?.display().to_string()),
        ("manage-all-nodes", "false".to_owned()),
        ("manage-nodes-with-annotation-selector", format!("{}={}", MARK.0, MARK.1)),
        ("node-lease-duration-seconds", "40".to_owned()),
        ("cidr", "10.244.0.0/16".to_owned()),
        ("node-ip", "10.90.0.2".to_owned()),
        ("server-address", server.to_string()),
    ];
    Ok(Launch::new(tools::path(Tool::Kwok)?, flags, vec![Ready::Http(server, "/healthz")]))
}

/// Registers so many nodes. Those that are there already stay as they are.
pub(crate) fn nodes(api: &Api, number: u32) -> Result<()> {
    for index in 0..number {
        let node = node(&format!("kwok-{index}"));
        let path = format!("/api/v1/nodes/kwok-{index}");
        if api.get(&path).is_err() {
            api.create("/api/v1/nodes", &node)?;
        }
    }
    Ok(())
}

fn node(name: &str) -> Value {
    let room = json!({ "cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "20000" });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": { MARK.0: MARK.1 },
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "type": "kwok",
            },
        },
        "status": { "capacity": room, "allocatable": room },
    })
}
