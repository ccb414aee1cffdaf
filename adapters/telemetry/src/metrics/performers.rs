use std::sync::Arc;

use hourglass_core::lifecycle::Phase;
use hourglass_core::performer::{InstanceName, PerformerName};
use hourglass_core::ports::PerformerView;
use prometheus_client::registry::Registry;

use super::series::Series;
use super::{counter, gauge};

const PHASES: [Phase; 5] = [Phase::Pending, Phase::Running, Phase::Upgrading, Phase::Terminating, Phase::Failed];

/// What one instance uses, as its platform measures it.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Which instance.
    pub instance: InstanceName,
    /// CPU time that it has used since it started.
    pub cpu_seconds: f64,
    /// Memory that it holds now.
    pub memory_bytes: u64,
}

/// What is measured of performers.
pub(super) struct PerformerMetrics {
    count: Arc<Series>,
    phases: Arc<Series>,
    ready: Arc<Series>,
    connection_errors: Arc<Series>,
    cpu: Arc<Series>,
    memory: Arc<Series>,
}

impl PerformerMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let of_instance = &["performer", "instance"];
        let metrics = Self {
            count: gauge("performer_count", "Number of active performers", &[]),
            phases: gauge("hourglass_performers", "Performers by phase", &["phase"]),
            ready: gauge("hourglass_performer_ready_replicas", "Instances that serve", &["performer", "avs"]),
            connection_errors: counter(
                "performer_connection_errors",
                "Number of performer connection errors",
                &["performer"],
            ),
            cpu: counter("hourglass_performer_cpu_seconds_total", "CPU time used by an instance", of_instance),
            memory: gauge("hourglass_performer_memory_bytes", "Memory held by an instance", of_instance),
        };
        metrics.set(&[]);
        for series in
            [&metrics.count, &metrics.phases, &metrics.ready, &metrics.connection_errors, &metrics.cpu, &metrics.memory]
        {
            registry.register_collector(Box::new(series.clone()));
        }
        metrics
    }

    pub(super) fn set(&self, performers: &[PerformerView]) {
        let of_phase = |phase| performers.iter().filter(|view| view.status.phase == phase).count() as f64;
        // Active is what serves: also while another revision takes over.
        self.count.set(Vec::new(), of_phase(Phase::Running) + of_phase(Phase::Upgrading));
        self.phases.replace(PHASES.map(|phase| (vec![format!("{phase:?}").into()], of_phase(phase))));
        self.ready.replace(performers.iter().map(|view| {
            let labels = vec![view.intent.name.to_string().into(), view.intent.spec.avs.to_string().into()];
            (labels, f64::from(view.status.ready_replicas))
        }));
        // A counter that is there from the beginning lets an alert see its first increase.
        for view in performers {
            self.connection_errors.add(vec![view.intent.name.to_string().into()], 0.0);
        }
    }

    pub(super) fn connection_error(&self, performer: &PerformerName) {
        self.connection_errors.add(vec![performer.to_string().into()], 1.0);
    }

    pub(super) fn set_usage(&self, usage: &[Usage]) {
        let labels = |of: &Usage| vec![of.instance.performer.to_string().into(), of.instance.to_string().into()];
        self.cpu.replace(usage.iter().map(|of| (labels(of), of.cpu_seconds)));
        self.memory.replace(usage.iter().map(|of| (labels(of), of.memory_bytes as f64)));
    }
}
