//! Control groups, in whichever hierarchies the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// How long the kernel may take to let go of a group.
const DEADLINE: Duration = Duration::from_secs(30);

/// The group of this name where it is, in each hierarchy that the machine has mounted.
pub fn named(name: &str) -> Vec<PathBuf> {
    hierarchies().into_iter().map(|root| root.join(name)).filter(|group| group.is_dir()).collect()
}

/// Makes the group of this name in each hierarchy that has none yet.
///
/// # Errors
/// Where one cannot be made.
pub fn create(name: &str) -> Result<()> {
    for root in hierarchies() {
        let group = root.join(name);
        fs::create_dir_all(&group).with_context(|| group.display().to_string())?;
    }
    Ok(())
}

/// Where the hierarchies are.
fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        let (place, kind) = (columns.next()?, columns.next()?);
        matches!(kind, "cgroup" | "cgroup2").then(|| PathBuf::from(place))
    };
    mounts.lines().filter_map(place).collect()
}

/// Lets all processes of a group and of those below it run: a paused container is deaf even to SIGKILL where cgroups are of version 1.
pub fn thaw(group: &Path) {
    for (file, word) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let _elsewhere = fs::write(group.join(file), word);
    }
    for below in subgroups(group) {
        thaw(&below);
    }
}

/// The processes of a group and of those below it.
pub fn members(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let own = text.lines().filter_map(|line| line.parse().ok());
    own.chain(subgroups(group).iter().flat_map(|below| members(below))).collect()
}

fn subgroups(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Removes a group without processes, and those below it.
///
/// # Errors
/// Where it is still there after half a minute.
pub fn remove(group: &Path) -> Result<()> {
    for below in subgroups(group) {
        remove(&below)?;
    }
    // The kernel lets go of a group a moment after its last process.
    crate::waiting::until("removing a cgroup", DEADLINE, || match fs::remove_dir(group) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| group.display().to_string())
        }
        _ => Ok(()),
    })
}
