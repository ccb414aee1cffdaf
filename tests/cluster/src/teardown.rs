//! Removing everything that a cluster made, whoever is left to do it.
//!
//! Nothing of the cluster is asked: it may be dead, frozen or broken. Its processes are known by the paths in their command lines
//! and by their cgroups, mounts and files by their place, the rest by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hourglass_environment::{cgroups, mounts, processes};
use rustix::process::Signal;

use crate::network;
use crate::node;
use crate::site::Site;
use crate::supervisor::reap;

/// How long processes may take to die.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who removes a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The process to which everything that the cluster started falls: all its descendants are the cluster's.
    Supervisor,
    /// Another, with children of its own.
    Anyone,
}

/// Removes all of it: processes, mounts, cgroups, the network, files. May be repeated.
///
/// # Errors
/// Where something is still there after half a minute: what.
pub(crate) fn remove(site: &Site, caller: Caller) -> Result<()> {
    // One that never got as far as its folder has nothing else either.
    if site.data.as_os_str().is_empty() {
        return Ok(());
    }
    let sockets = node::shim_sockets(site);
    kill(site, caller)?;
    for socket in sockets {
        let _gone = fs::remove_file(socket);
    }
    mounts::unmount_below(&[site.run(), site.data.clone()])?;
    for group in cgroups::named(&site.cgroup()) {
        cgroups::remove(&group)?;
    }
    if let Some(name) = site.namespace() {
        network::remove(&name)?;
        node::remove_traces(site)?;
    }
    [site.run(), site.data.clone()].iter().try_for_each(|folder| remove_folder(folder))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Kills every process of the cluster, and what these start meanwhile, until there is none.
fn kill(site: &Site, caller: Caller) -> Result<()> {
    let began = Instant::now();
    let myself = std::process::id().cast_signed();
    loop {
        let mut ours: BTreeSet<i32> = match caller {
            Caller::Supervisor => processes::descendants(myself).into_iter().collect(),
            Caller::Anyone => BTreeSet::new(),
        };
        ours.extend(processes::mentioning(&site.data));
        // The number may be the beginning of another's.
        ours.extend(processes::mentioning(&site.run().join("")));
        for group in cgroups::named(&site.cgroup()) {
            cgroups::thaw(&group);
            ours.extend(cgroups::members(&group));
        }
        ours.remove(&myself);
        for pid in &ours {
            processes::signal(*pid, Signal::KILL);
        }
        if caller == Caller::Supervisor {
            reap();
        }
        if ours.is_empty() {
            return Ok(());
        }
        if began.elapsed() > DEADLINE {
            bail!("processes of cluster {} do not die: {ours:?}", site.number);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
