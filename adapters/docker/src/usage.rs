//! What a container uses: read from its cgroup, else asked of the engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;

use crate::engine::Engine;

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerUsage {
    /// CPU time of all its processes since it was started.
    pub cpu: Duration,
    /// Memory that cannot be taken back at once, in bytes: without clean pages of files.
    pub memory_bytes: u64,
}

/// From the cgroup of the container's first process, if that is seen from here and certainly this container's.
pub(crate) fn from_cgroup(host_root: &Path, id: &str, pid: u32) -> Option<ContainerUsage> {
    let membership = fs::read_to_string(host_root.join(format!("proc/{pid}/cgroup"))).ok()?;
    let controllers = host_root.join("sys/fs/cgroup");
    let of = |controller: &str| -> Option<PathBuf> {
        membership.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next()?, parts.next()?);
            // A process id may have been given to another since, or be one of another host.
            let ours = path.contains(id) && names.split(',').any(|name| name == controller);
            let path = path.trim_start_matches('/');
            ours.then(
                || if names.is_empty() { controllers.join(path) } else { controllers.join(controller).join(path) },
            )
        })
    };
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    // Where both versions are mounted, the second has a group for each container too, and none of these controllers.
    if let (Some(cpu), Some(memory)) = (of("cpuacct"), of("memory")) {
        let idle = field(&memory.join("memory.stat"), "total_inactive_file").unwrap_or_default();
        return Some(ContainerUsage {
            cpu: Duration::from_nanos(number(cpu.join("cpuacct.usage"))?),
            memory_bytes: number(memory.join("memory.usage_in_bytes"))?.saturating_sub(idle),
        });
    }
    let unified = of("")?;
    let cpu = Duration::from_micros(field(&unified.join("cpu.stat"), "usage_usec")?);
    let idle = field(&unified.join("memory.stat"), "inactive_file").unwrap_or_default();
    let memory = number(unified.join("memory.current"))?;
    Some(ContainerUsage { cpu, memory_bytes: memory.saturating_sub(idle) })
}

fn field(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// As the engine tells it.
pub(crate) async fn from_engine(engine: &Engine, id: &str) -> Option<ContainerUsage> {
    let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
    let asked = async {
        let mut answers = std::pin::pin!(engine.docker().stats(id, Some(options)));
        answers.next().await.unwrap_or(Err(bollard::errors::Error::RequestTimeoutError))
    };
    let stats = engine.call(asked).await.ok()?;
    let memory = stats.memory_stats?;
    let counted = memory.stats.unwrap_or_default();
    let idle = ["total_inactive_file", "inactive_file"].iter().find_map(|name| counted.get(*name)).copied();
    Some(ContainerUsage {
        cpu: Duration::from_nanos(stats.cpu_stats?.cpu_usage?.total_usage?),
        memory_bytes: memory.usage?.saturating_sub(idle.unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn both_versions_of_cgroups() {
        let expected = ContainerUsage { cpu: Duration::from_millis(1500), memory_bytes: 900 };
        let two = host(&[
            ("proc/7/cgroup", "0::/system.slice/docker-abc.scope\n"),
            ("sys/fs/cgroup/system.slice/docker-abc.scope/cpu.stat", "usage_usec 1500000\nuser_usec 1\n"),
            ("sys/fs/cgroup/system.slice/docker-abc.scope/memory.current", "1000\n"),
            ("sys/fs/cgroup/system.slice/docker-abc.scope/memory.stat", "anon 1\ninactive_file 100\n"),
        ]);
        assert_eq!(from_cgroup(two.path(), "abc", 7), Some(expected));
        let one = host(&[
            ("proc/7/cgroup", "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n0::/\n"),
            ("sys/fs/cgroup/cpuacct/docker/abc/cpuacct.usage", "1500000000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.stat", "total_inactive_file 100\n"),
        ]);
        assert_eq!(from_cgroup(one.path(), "abc", 7), Some(expected));
        assert_eq!(from_cgroup(one.path(), "abd", 7), None, "another container's process");
        assert_eq!(from_cgroup(one.path(), "abc", 8), None);
        let both = host(&[
            ("proc/7/cgroup", "3:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n0::/docker/abc\n"),
            ("sys/fs/cgroup/cpuacct/docker/abc/cpuacct.usage", "1500000000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/docker/abc/memory.stat", "total_inactive_file 100\n"),
            ("sys/fs/cgroup/unified/docker/abc/cpu.stat", "usage_usec 1\n"),
        ]);
        assert_eq!(from_cgroup(both.path(), "abc", 7), Some(expected));
    }
}
