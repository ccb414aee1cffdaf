//! What a cluster has on the machine, looked for by other means than it is removed by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::Value;

/// What was there of one cluster.
pub(crate) struct Traces {
    data: String,
    run: String,
    /// The name of its network and of its cgroup.
    name: String,
    processes: BTreeSet<u32>,
}

impl Traces {
    /// Of the cluster with this kubeconfig.
    pub(crate) fn of(kubeconfig: &Path) -> Self {
        let data = kubeconfig.ancestors().nth(2).unwrap().to_str().unwrap().to_owned();
        let locks = std::fs::read_dir("/run/hourglass-cluster").unwrap().flatten().map(|entry| entry.path());
        let number = locks
            .filter_map(|file| serde_json::from_str::<Value>(&std::fs::read_to_string(file).ok()?).ok())
            .find(|site| site["data"] == data.as_str())
            .and_then(|site| site["number"].as_u64())
            .unwrap();
        let run = format!("/run/hourglass-cluster/{number}");
        let mut traces = Self { data, run, name: format!("hourglass-cluster-{number}"), processes: BTreeSet::new() };
        traces.processes = traces.living();
        assert!(traces.processes.len() >= 3, "supervisor, etcd, kube-apiserver: {:?}", traces.processes);
        traces
    }

    /// What there is besides processes and the two folders.
    pub(crate) fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let below = |line: &&str| [&self.data, &self.run].iter().any(|folder| line.contains(&format!("{folder}/")));
        found.extend(mounts.lines().filter(below).map(|line| format!("mount {line}")));
        let network = PathBuf::from("/run/netns").join(&self.name);
        found.extend(network.exists().then(|| format!("network {}", network.display())));
        for hierarchy in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
            let group = hierarchy.path().join(&self.name);
            found.extend(group.exists().then(|| format!("cgroup {}", group.display())));
        }
        let results = std::fs::read_dir("/var/lib/cni/results").into_iter().flatten().flatten();
        let ours = results.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{}-", self.name)));
        found.extend(ours.map(|entry| format!("result {}", entry.path().display())));
        let links = std::fs::read_dir("/var/log/containers").into_iter().flatten().flatten();
        let ours = links.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to.starts_with(&self.data)));
        found.extend(ours.map(|entry| format!("link {}", entry.path().display())));
        found
    }

    pub(crate) fn are_gone(&self) -> Result<()> {
        let living: Vec<_> = self.processes.iter().filter(|pid| alive(**pid)).collect();
        ensure!(living.is_empty(), "left: processes {living:?}");
        ensure!(!Path::new(&self.data).exists(), "left: {}", self.data);
        // A number that somebody else has taken meanwhile shows only what is that one's.
        let taken = std::fs::read_to_string(format!("{}.lock", self.run));
        if !taken.is_ok_and(|text| !text.is_empty() && !text.contains(&self.data)) {
            let found = self.found();
            ensure!(found.is_empty(), "left: {found:?}");
            ensure!(!Path::new(&self.run).exists(), "left: {}", self.run);
        }
        Ok(())
    }

    /// Processes that name the cluster's folders or are in its cgroups, and the supervisor, which holds its lock.
    fn living(&self) -> BTreeSet<u32> {
        let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
        let (run, group) = (format!("{}/", self.run), format!("/{}/", self.name));
        let ours = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
            line.contains(&self.data) || line.contains(&run) || groups.contains(&group) || holds(*pid, &self.run)
        };
        all.filter(ours).collect()
    }
}

fn holds(pid: u32, run: &str) -> bool {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let lock = PathBuf::from(format!("{run}.lock"));
    open.into_iter().any(|each| std::fs::read_link(each.path()).is_ok_and(|file| file == lock))
}

/// The process that supervises the cluster.
pub(crate) fn supervisor(kubeconfig: &Path) -> u32 {
    let traces = Traces::of(kubeconfig);
    traces.processes.iter().copied().find(|pid| holds(*pid, &traces.run)).unwrap()
}

/// Whether a process runs. A zombie that nobody takes note of is none.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !matches!(rest.trim_start().chars().next(), Some('Z' | 'X') | None))
}
