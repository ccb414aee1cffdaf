//! What a node writes outside of its folders, where nothing can tell it otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::runtime;
use crate::site::Site;

/// Links that a kubelet makes to the logs of containers.
const LINKS: &str = "/var/log/containers";
/// What plugins remember of networks that they made.
const RESULTS: &str = "/var/lib/cni/results";
/// Folders that are made where they are not there yet; nothing of ours is in them.
const FOLDERS: [&str; 6] =
    [LINKS, RESULTS, "/var/lib/cni", "/var/lib/kubelet/device-plugins", "/var/lib/kubelet", "/run/containerd/s"];

/// The sockets of the containers' shims, which lie in a folder that all of a machine share. Known only while the state is there.
pub(crate) fn shim_sockets(site: &Site) -> Vec<PathBuf> {
    let tasks = runtime::state(site).join("io.containerd.runtime.v2.task/k8s.io");
    let entries = fs::read_dir(tasks).into_iter().flatten().flatten();
    let address = |folder: PathBuf| fs::read_to_string(folder.join("address")).ok();
    let sockets = entries.filter_map(|entry| address(entry.path()));
    sockets.filter_map(|address| Some(PathBuf::from(address.trim().strip_prefix("unix://")?))).collect()
}

/// Removes what is this cluster's there.
pub(crate) fn remove(site: &Site) -> Result<()> {
    let network = format!("{}-", runtime::network(site));
    remove_where(RESULTS, |file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&network)))?;
    remove_where(LINKS, |file| fs::read_link(file).is_ok_and(|target| target.starts_with(&site.data)))?;
    // Only where they are empty.
    let device = Path::new("/var/lib/kubelet/device-plugins/kubelet.sock");
    if std::os::unix::net::UnixStream::connect(device).is_err() {
        let _absent = fs::remove_file(device);
    }
    for folder in FOLDERS {
        let _in_use = fs::remove_dir(folder);
    }
    Ok(())
}

fn remove_where(folder: &str, ours: impl Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if ours(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
