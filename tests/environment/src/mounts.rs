//! What is mounted where.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rustix::mount::{UnmountFlags, unmount};

/// How long mounts may take to go.
const DEADLINE: Duration = Duration::from_secs(30);

/// Unmounts whatever lies in these folders, the deepest first.
///
/// # Errors
/// Where something is still mounted after half a minute.
pub fn unmount_below(folders: &[PathBuf]) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut points = mount_points()?;
        points.retain(|point| folders.iter().any(|folder| point.starts_with(folder)));
        let Some(first) = points.last().cloned() else { return Ok(()) };
        for point in points.iter().rev() {
            let _tried_again = unmount(point, UnmountFlags::DETACH);
        }
        if began.elapsed() > DEADLINE {
            return Err(anyhow!("{} cannot be unmounted", first.display()));
        }
    }
}

/// Where something is mounted, in the order in which it was.
fn mount_points() -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    let point = |line: &str| line.split_whitespace().nth(4).map(|point| PathBuf::from(point.replace("\\040", " ")));
    Ok(text.lines().filter_map(point).collect())
}
