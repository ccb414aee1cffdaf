//! Samples what performers use (`performer_config.resource_monitoring_*`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use hourglass_core::lifecycle::{Instance, InstanceState};
use hourglass_core::performer::InstanceName;
use hourglass_core::ports::PerformerManager;
use hourglass_core::service::manager::LoopingManager;
use hourglass_docker::DockerRuntime;
use hourglass_telemetry::{Metrics, Usage};

/// `USER_HZ`, fixed at 100 for user space on every Linux architecture that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Containers that are asked about at once.
const AT_ONCE: usize = 8;

/// Samples every running instance until the end: containers by what accounts for them, else processes.
pub(super) async fn sample(
    manager: Arc<LoopingManager>,
    containers: Option<DockerRuntime>,
    metrics: Metrics,
    interval: Duration,
) {
    loop {
        if let Ok(views) = manager.list().await {
            let mut running: Vec<Instance> = views.into_iter().flat_map(|view| view.instances).collect();
            running.retain(|instance| instance.state == InstanceState::Running);
            let usage: Vec<Usage> = match &containers {
                None => running.iter().filter_map(of_process).collect(),
                Some(containers) => {
                    let usage = running.into_iter().map(|instance| of_container(containers.clone(), instance.name));
                    let usage = futures_util::stream::iter(usage).buffer_unordered(AT_ONCE);
                    usage.filter_map(std::future::ready).collect().await
                }
            };
            metrics.set_usage(&usage);
        }
        tokio::time::sleep(interval).await;
    }
}

async fn of_container(containers: DockerRuntime, instance: InstanceName) -> Option<Usage> {
    let usage = containers.usage(&instance).await?;
    Some(Usage { instance, cpu_seconds: usage.cpu.as_secs_f64(), memory_bytes: usage.memory_bytes })
}

fn of_process(instance: &Instance) -> Option<Usage> {
    let pid: u32 = instance.platform_id.as_ref()?.parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage { instance: instance.name.clone(), cpu_seconds: cpu(&stat)?, memory_bytes: resident(&status)? })
}

/// User and system time, fields 14 and 15 of `proc_pid_stat(5)`; the name in field 2 may contain anything but `)` last.
fn cpu(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 9 1 1";
        assert_eq!(cpu(stat), Some(2.0));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    12 kB\n"), Some(12 << 10));
        assert_eq!((cpu(""), resident("")), (None, None));
    }
}
