use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hourglass_core::Address;
use hourglass_core::ports::{TaskMetrics, TaskOutcome};
use prometheus_client::registry::Registry;

use super::durations::Durations;
use super::series::{Labels, Series};
use super::{LABEL_SETS, Metrics, counter, gauge};

/// From a performer that answers at once to one that computes for minutes.
const TASK_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What is measured of tasks.
pub(super) struct Tasks {
    durations: Arc<Durations>,
    outcomes: Arc<Series>,
    in_flight: Arc<Series>,
}

impl Tasks {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let tasks = Self {
            durations: Arc::new(Durations::new(
                "task_processing_duration",
                "Time taken to process tasks, in seconds",
                &["avs", "outcome"],
                LABEL_SETS,
                TASK_BUCKETS,
            )),
            outcomes: counter("hourglass_tasks_total", "Submissions by how they ended", &["avs", "outcome", "reason"]),
            in_flight: gauge("hourglass_tasks_in_flight", "Tasks that are running or queued", &["avs"]),
        };
        registry.register_collector(Box::new(tasks.durations.clone()));
        registry.register_collector(Box::new(tasks.outcomes.clone()));
        registry.register_collector(Box::new(tasks.in_flight.clone()));
        tasks
    }
}

const fn names(outcome: TaskOutcome) -> (&'static str, &'static str) {
    match outcome {
        TaskOutcome::Executed => ("executed", ""),
        TaskOutcome::Replayed => ("replayed", ""),
        TaskOutcome::Joined => ("joined", ""),
        TaskOutcome::Refused(reason) => ("refused", reason),
        TaskOutcome::Failed(reason) => ("failed", reason),
    }
}

impl TaskMetrics for Metrics {
    fn finished(&self, avs: Option<&Address>, outcome: TaskOutcome, took: Duration) {
        let tasks = &self.shared.tasks;
        let (outcome, reason) = names(outcome);
        let Some(avs) = avs.map(ToString::to_string) else {
            // How fast strangers are refused says nothing about processing tasks.
            let unknown: Labels = vec!["".into(), outcome.into(), reason.into()];
            return tasks.outcomes.add(unknown, 1.0);
        };
        tasks.durations.observe(vec![Cow::Owned(avs.clone()), outcome.into()], took);
        tasks.outcomes.add(vec![Cow::Owned(avs), outcome.into(), reason.into()], 1.0);
    }

    fn in_flight(&self, avs: &Address, count: usize) {
        self.shared.tasks.in_flight.set(vec![avs.to_string().into()], count as f64);
    }
}
