//! The real node: containerd, a kubelet, kube-proxy, CoreDNS, in a network of the cluster's own.

mod dns;
mod images;
mod kubelet;
mod runtime;
mod traces;

pub(crate) use dns::start as start_dns;
pub(crate) use images::{load, load_images};
pub(crate) use kubelet::{kubelet, proxy};
pub(crate) use runtime::containerd;
pub(crate) use traces::{remove as remove_traces, shim_sockets};

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use hourglass_environment::cgroups;

use crate::site::Site;

/// The node's name.
pub(crate) const NAME: &str = "node";
/// The addresses of pods.
const PODS: &str = "10.244.0.0/24";
/// The address of the cluster's DNS.
const DNS: &str = "10.96.0.10";

/// Writes the configuration of everything on the node.
pub(crate) fn prepare(site: &Site) -> Result<()> {
    // A kubelet takes only a parent of cgroups that is there.
    cgroups::create(&site.cgroup())?;
    runtime::write(site)?;
    kubelet::write(site)
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(path, text).with_context(|| path.display().to_string())
}
