//! Room where the engine keeps images and containers.

use bollard::models::SystemInfo;

use super::Finding;
use crate::options::Options;

const GIB: u64 = 1 << 30;

/// The file system of the engine's data root; nothing where it cannot be seen from here.
pub(super) fn free(options: &Options, info: &SystemInfo) -> Option<Finding> {
    let root = info.docker_root_dir.as_deref()?;
    let seen = options.host_root.join(root.trim_start_matches('/'));
    let Ok(system) = rustix::fs::statvfs(&seen) else {
        let message = format!("the engine's data root {root} cannot be seen from here");
        let remedy = "look at its free space yourself: less than 1 GiB stops pulls";
        return Some(Finding::doubtful("engine disk", message, remedy));
    };
    let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
    let inodes = (system.f_favail, system.f_files);
    Some(judge(root, bytes(system.f_bavail), bytes(system.f_blocks), inodes))
}

fn judge(root: &str, free: u64, total: u64, (free_inodes, inodes): (u64, u64)) -> Finding {
    let (share, gib) = (total / 20, free as f64 / GIB as f64);
    let message = format!("{gib:.1} GiB free in {root}");
    let remedy = "make room, for instance with `docker image prune`, or move the engine's data root";
    if free < GIB {
        Finding::bad("engine disk", message, remedy)
    } else if inodes > 0 && free_inodes < inodes / 100 {
        Finding::bad("engine disk", format!("{message}, but hardly any inodes"), remedy)
    } else if free < share.min(10 * GIB) || free < 3 * GIB {
        Finding::doubtful("engine disk", message, remedy)
    } else {
        Finding::good("engine disk", message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Bad, Doubtful, Good};
    use super::*;

    #[test]
    fn room() {
        let of = |free: u64, total: u64, inodes| judge("/x", free * GIB, total * GIB, inodes).outcome;
        assert_eq!(of(100, 1000, (50, 100)), Good);
        assert_eq!(of(5, 20, (50, 100)), Good);
        assert_eq!(of(100, 1000, (0, 0)), Good, "a file system without a number of inodes");
        assert_eq!(of(9, 1000, (50, 100)), Doubtful);
        assert_eq!(of(2, 20, (50, 100)), Doubtful);
        assert_eq!(of(0, 20, (50, 100)), Bad);
        assert_eq!(of(100, 1000, (5, 1000)), Bad);
    }
}
