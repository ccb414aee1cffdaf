//! What the engine tells of itself, judged.

use std::time::{Duration, SystemTime};

use bollard::models::SystemInfo;

use super::Finding;
use crate::rfc3339;

/// A clock that differs by more makes logs misleading.
const SKEW_SEEN: Duration = Duration::from_secs(2);
/// By more than this, deadlines and certificates are in danger.
const SKEW_BAD: Duration = Duration::from_secs(30);

/// Whether limits of containers are enforced.
pub(super) fn limits(info: &SystemInfo) -> Vec<Finding> {
    let mut found = Vec::new();
    let remedy = "enable the controller in the kernel's command line (cgroup_enable=memory), or use a current \
                  distribution with cgroup v2";
    let mut missing = Vec::new();
    for (there, what) in
        [(info.memory_limit, "memory"), (info.cpu_cfs_quota, "cpu"), (info.pids_limit, "number of processes")]
    {
        if there == Some(false) {
            missing.push(what);
        }
    }
    if missing.is_empty() {
        let version = info.cgroup_version.as_ref().map_or_else(String::new, |version| format!(" (cgroup v{version})"));
        found.push(Finding::good("limits", format!("memory, cpu and processes are enforced{version}")));
    } else {
        let message = format!("this kernel does not limit: {}", missing.join(", "));
        found.push(Finding::bad("limits", message, remedy));
    }
    if info.memory_limit != Some(false) && info.swap_limit == Some(false) {
        let message = "swap is not limited: a performer beyond its memory slows the host instead of being ended";
        let remedy = "add swapaccount=1 to the kernel's command line, or turn swap off";
        found.push(Finding::doubtful("limits", message, remedy));
    }
    found
}

/// How the engine is set up.
pub(super) fn setup(info: &SystemInfo) -> Vec<Finding> {
    let mut found = Vec::new();
    if info.os_type.as_deref().is_some_and(|system| system != "linux") {
        let message = format!("the engine runs {} containers", info.os_type.as_deref().unwrap_or_default());
        found.push(Finding::bad("engine", message, "use an engine of Linux"));
    }
    if info.live_restore_enabled == Some(false) {
        let message = "live-restore is off: a restart of the engine stops every performer";
        let remedy = "write \"live-restore\": true into /etc/docker/daemon.json and reload the engine (SIGHUP)";
        found.push(Finding::doubtful("live-restore", message, remedy));
    } else {
        found.push(Finding::good("live-restore", "performers outlive a restart of the engine"));
    }
    let driver = info.driver.as_deref().unwrap_or("unknown");
    match driver {
        "vfs" | "devicemapper" | "aufs" | "overlay" => {
            let message = format!("the storage driver {driver} is slow, or no longer kept");
            let remedy = "use overlay2 (its data root on ext4 or xfs)";
            found.push(Finding::doubtful("storage driver", message, remedy));
        }
        _ => found.push(Finding::good("storage driver", driver)),
    }
    let options = info.security_options.as_deref().unwrap_or_default();
    if !options.iter().any(|option| option.starts_with("name=seccomp")) {
        let remedy = "use a kernel and an engine with seccomp";
        found.push(Finding::doubtful("seccomp", "system calls of containers are not filtered", remedy));
    }
    found
}

/// The engine's clock beside ours; it answered between `before` and `after`.
pub(super) fn clock(info: &SystemInfo, before: SystemTime, after: SystemTime) -> Option<Finding> {
    let theirs = rfc3339::parse(info.system_time.as_deref()?)?.as_millis();
    let millis = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let (earliest, latest) = (millis(before), millis(after));
    let theirs = u128::from(theirs);
    let apart = earliest.saturating_sub(theirs).max(theirs.saturating_sub(latest));
    let apart = Duration::from_millis(u64::try_from(apart).unwrap_or(u64::MAX));
    let message = || format!("the engine's clock is {apart:?} apart from ours");
    let remedy = "keep both hosts in time, with chrony or systemd-timesyncd";
    Some(match apart {
        apart if apart > SKEW_BAD => Finding::bad("engine clock", message(), remedy),
        apart if apart > SKEW_SEEN => Finding::doubtful("engine clock", message(), remedy),
        _ => Finding::good("engine clock", "the same as ours"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{self, Bad, Doubtful, Good};
    use super::*;

    fn healthy() -> SystemInfo {
        SystemInfo {
            memory_limit: Some(true),
            cpu_cfs_quota: Some(true),
            pids_limit: Some(true),
            swap_limit: Some(true),
            live_restore_enabled: Some(true),
            driver: Some("overlay2".into()),
            os_type: Some("linux".into()),
            security_options: Some(vec!["name=seccomp,profile=default".into()]),
            ..SystemInfo::default()
        }
    }

    fn outcomes(found: &[Finding]) -> Vec<(&str, Outcome)> {
        found.iter().map(|finding| (finding.check.as_str(), finding.outcome)).collect()
    }

    #[test]
    fn what_is_good_is_said_so() {
        assert_eq!(outcomes(&limits(&healthy())), [("limits", Good)]);
        assert_eq!(outcomes(&setup(&healthy())), [("live-restore", Good), ("storage driver", Good)]);
    }

    #[test]
    fn each_lack_is_found() {
        let with = |change: fn(&mut SystemInfo)| {
            let mut info = healthy();
            change(&mut info);
            let mut found = limits(&info);
            found.extend(setup(&info));
            found.retain(|finding| finding.outcome != Good);
            assert!(found.iter().all(|finding| finding.remedy.is_some()));
            found.into_iter().map(|finding| (finding.check, finding.outcome)).collect::<Vec<_>>()
        };
        let one = |check: &str, outcome| vec![(check.to_owned(), outcome)];
        assert_eq!(with(|info| info.memory_limit = Some(false)), one("limits", Bad));
        assert_eq!(with(|info| info.pids_limit = Some(false)), one("limits", Bad));
        assert_eq!(with(|info| info.cpu_cfs_quota = Some(false)), one("limits", Bad));
        assert_eq!(with(|info| info.swap_limit = Some(false)), one("limits", Doubtful));
        assert_eq!(with(|info| info.live_restore_enabled = Some(false)), one("live-restore", Doubtful));
        assert_eq!(with(|info| info.driver = Some("vfs".into())), one("storage driver", Doubtful));
        assert_eq!(with(|info| info.os_type = Some("windows".into())), one("engine", Bad));
        assert_eq!(with(|info| info.security_options = None), one("seccomp", Doubtful));
    }

    #[test]
    fn clocks() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let at = |text: &str| {
            let info = SystemInfo { system_time: Some(text.into()), ..SystemInfo::default() };
            clock(&info, now, now + Duration::from_secs(1)).map(|finding| finding.outcome)
        };
        // 1 700 000 000 is 2023-11-14T22:13:20Z.
        assert_eq!(at("2023-11-14T22:13:20.5Z"), Some(Good));
        assert_eq!(at("2023-11-14T22:13:16Z"), Some(Doubtful));
        assert_eq!(at("2023-11-14T22:13:26Z"), Some(Doubtful));
        assert_eq!(at("2023-11-14T22:14:20Z"), Some(Bad));
        assert_eq!(at("2023-11-15T00:13:20.1+02:00"), Some(Good));
        assert_eq!(at("yesterday"), None);
    }
}
