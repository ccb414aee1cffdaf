//! Removing everything that an engine made, whoever is left to do it.
//!
//! The engine itself is not asked: it may be dead, frozen or broken. What is its own is known by the number of its slot: its
//! processes by their cgroup or by the path in their command line, mounts and files by their place, the rest by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::cgroups;
use crate::commands;
use crate::engine::firewall;
use crate::engine::slot::{Network, Slot};
use crate::mounts;
use crate::processes;

/// How long processes may take to die and mounts to go.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who removes an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The process to which everything that the engine started falls: all its descendants are the engine's.
    Supervisor,
    /// Another, with children of its own.
    Anyone,
}

/// Removes all of it: processes, mounts, bridges, firewall rules, cgroups, files. May be repeated.
///
/// # Errors
/// Where something is still there after half a minute: what.
pub(crate) fn remove(slot: &Slot, caller: Caller) -> Result<()> {
    let sockets = shim_sockets(slot);
    kill(slot, caller)?;
    for socket in sockets {
        let _gone = fs::remove_file(socket);
    }
    mounts::unmount_below(&[slot.run(), slot.data.clone()])?;
    // Without the commands there never was an engine.
    if commands::find("ip").is_some() && commands::find("iptables-save").is_some() {
        let mut bridges = firewall::remove(slot)?;
        bridges.extend(bridges_in(slot)?);
        for bridge in bridges.iter().filter(|bridge| Path::new("/sys/class/net").join(bridge).exists()) {
            commands::run("ip", ["link", "delete", bridge])?;
        }
    }
    for group in cgroups::named(&slot.cgroup()) {
        cgroups::remove(&group)?;
    }
    for folder in [slot.run(), slot.data.clone()] {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", folder.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Kills every process of the engine, and what these start meanwhile, until there is none.
fn kill(slot: &Slot, caller: Caller) -> Result<()> {
    let began = Instant::now();
    let myself = std::process::id().cast_signed();
    loop {
        let adopted = match caller {
            Caller::Supervisor => processes::descendants(myself),
            Caller::Anyone => Vec::new(),
        };
        let mut ours: BTreeSet<i32> = processes::mentioning(&slot.run()).into_iter().chain(adopted).collect();
        for group in cgroups::named(&slot.cgroup()) {
            cgroups::thaw(&group);
            ours.extend(cgroups::members(&group));
        }
        ours.remove(&myself);
        for pid in &ours {
            processes::signal(*pid, Signal::KILL);
        }
        if caller == Caller::Supervisor {
            processes::reap();
        }
        if ours.is_empty() {
            return Ok(());
        }
        if began.elapsed() > DEADLINE {
            bail!("processes of engine {} do not die: {ours:?}", slot.number);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The sockets of the containers' shims, which lie in a folder that all engines share.
fn shim_sockets(slot: &Slot) -> Vec<PathBuf> {
    let tasks = slot.exec_root().join("containerd/daemon/io.containerd.runtime.v2.task/moby");
    let entries = fs::read_dir(tasks).into_iter().flatten().flatten();
    let address = |folder: PathBuf| fs::read_to_string(folder.join("address")).ok();
    let sockets = entries.filter_map(|entry| address(entry.path()));
    sockets.filter_map(|address| Some(PathBuf::from(address.trim().strip_prefix("unix://")?))).collect()
}

/// Bridges whose address is in the engine's network.
fn bridges_in(slot: &Slot) -> Result<BTreeSet<String>> {
    let text = commands::run("ip", ["-4", "-o", "address", "show", "type", "bridge"])?;
    let bridge = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let name = words.next()?;
        let address = words.nth(1).and_then(Network::parse)?;
        address.overlaps(slot.network()).then(|| name.to_owned())
    };
    Ok(text.lines().filter_map(bridge).collect())
}
