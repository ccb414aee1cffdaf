//! containerd and the network of pods.

use std::path::PathBuf;

use anyhow::{Context, Result};
use hourglass_environment::commands;
use serde_json::json;

use super::{PODS, images, write_file};
use crate::launch::{Launch, Ready};
use crate::site::Site;

/// Where Debian has the plugins.
const PLUGINS: &str = "/usr/lib/cni";

pub(super) fn socket(site: &Site) -> PathBuf {
    site.run().join("containerd.sock")
}

/// What containerd keeps while it runs: mounts of running containers, sockets.
pub(super) fn state(site: &Site) -> PathBuf {
    site.run().join("containerd")
}

/// The name of the pods' network, which is in the names of files that plugins write elsewhere.
pub(super) fn network(site: &Site) -> String {
    format!("hourglass-cluster-{}", site.number)
}

pub(crate) fn containerd(site: &Site) -> Result<Launch> {
    let program = commands::find("containerd").context("there is no command containerd")?;
    let flags = [("config", site.file("containerd.toml").display().to_string())];
    Ok(Launch::new(program, flags, vec![Ready::Socket(socket(site))]))
}

pub(super) fn write(site: &Site) -> Result<()> {
    write_file(&site.file("containerd.toml"), &configuration(site))?;
    // A pair of interfaces for each pod and a route to it: everything between pods passes the node, where the rules of Services are.
    let network = json!({
        "cniVersion": "0.4.0",
        "name": network(site),
        "plugins": [
            { "type": "ptp", "ipam": {
                "type": "host-local",
                "dataDir": site.file("cni-addresses"),
                "ranges": [[{ "subnet": PODS }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    });
    write_file(&site.file("cni/10-pods.conflist"), &serde_json::to_string_pretty(&network)?)
}

fn configuration(site: &Site) -> String {
    let path = |path: PathBuf| path.display().to_string();
    format!(
        r#"version = 2
root = "{root}"
state = "{state}"
# The first makes folders outside of ours; the others want disks of their own.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = true
  # Not every machine grants root CAP_SYS_RESOURCE, and without it no pod could have the score that the kubelet asks for.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"#,
        root = path(site.file("containerd")),
        state = path(state(site)),
        socket = path(socket(site)),
        pause = images::PAUSE,
        networks = path(site.file("cni")),
    )
}
