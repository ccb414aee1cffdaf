use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

use super::conditions::Conditions;
use super::durations::Durations;
use super::series::{Labels, SampleKind, Sampled, Series, encode_plain, named};
use super::{BuildInfo, LABEL_SETS, counter, gauge};
use crate::readiness::Readiness;

/// A reconcile is some microseconds of thought and, seldom, some calls.
const RECONCILE_BUCKETS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// A write is one call, or some where the API server has much to do.
const WRITE_BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Values that are read when somebody scrapes, each with the values of its labels.
pub type ReadSamples = Box<dyn Fn() -> Vec<(Vec<&'static str>, f64)> + Send + Sync>;

/// Every metric of an operator. Clones share them.
#[derive(Clone)]
pub struct OperatorMetrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: RwLock<Registry>,
    reconciles: Arc<Durations>,
    errors: Arc<Series>,
    writes: Arc<Series>,
    write_seconds: Arc<Durations>,
    events: Arc<Series>,
}

impl OperatorMetrics {
    /// The metrics of a process that starts now and is ready when `readiness` says so.
    pub fn new(build: BuildInfo, readiness: &Readiness) -> Self {
        let mut registry = Registry::default();
        let reconciles = Arc::new(Durations::new(
            "hourglass_operator_reconcile_seconds",
            "Looks after one resource, in seconds",
            &["controller", "outcome"],
            LABEL_SETS,
            RECONCILE_BUCKETS,
        ));
        let errors = counter(
            "hourglass_operator_reconcile_errors_total",
            "Looks after one resource that failed, by reason",
            &["controller", "reason"],
        );
        let writes =
            counter("hourglass_operator_api_writes_total", "Writes to the API server", &["kind", "verb", "outcome"]);
        let write_seconds = Arc::new(Durations::new(
            "hourglass_operator_api_write_seconds",
            "Writes to the API server with their repetitions, in seconds",
            &["kind", "verb"],
            LABEL_SETS,
            WRITE_BUCKETS,
        ));
        let events = counter("hourglass_events_total", "Events of resources", &["severity", "reason"]);
        let info =
            gauge("hourglass_build_info", "Always 1; its labels say which program runs", &["version", "revision"]);
        info.set(vec![build.version.into(), build.revision.into()], 1.0);
        let started = Instant::now();
        registry.register_collector(Box::new(reconciles.clone()));
        registry.register_collector(Box::new(errors.clone()));
        registry.register_collector(Box::new(writes.clone()));
        registry.register_collector(Box::new(write_seconds.clone()));
        registry.register_collector(Box::new(events.clone()));
        registry.register_collector(Box::new(Conditions(readiness.clone())));
        registry.register_collector(Box::new(info));
        registry.register_collector(Box::new(Sampled {
            name: "hourglass_uptime_seconds",
            help: "Time since the process started",
            kind: SampleKind::Gauge,
            read: move || started.elapsed().as_millis() as f64 / 1000.0,
        }));
        let registry = RwLock::new(registry);
        Self { shared: Arc::new(Shared { registry, reconciles, errors, writes, write_seconds, events }) }
    }

    /// Everything, in the Prometheus text format 0.0.4.
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        if encode_registry(&mut text, &self.shared.registry.read().unwrap_or_else(PoisonError::into_inner)).is_err() {
            tracing::error!("a metric could not be written");
        }
        text
    }

    /// Takes one look after a resource: how long it took, and why it failed, if so.
    pub fn reconciled(&self, controller: &'static str, took: Duration, failure: Option<&'static str>) {
        let outcome = if failure.is_some() { "failed" } else { "ok" };
        self.shared.reconciles.observe(vec![controller.into(), outcome.into()], took);
        if let Some(reason) = failure {
            self.shared.errors.add(vec![controller.into(), reason.into()], 1.0);
        }
    }

    /// Takes one write.
    pub fn written(&self, kind: &'static str, verb: &'static str, outcome: &'static str, took: Duration) {
        self.shared.writes.add(vec![kind.into(), verb.into(), outcome.into()], 1.0);
        self.shared.write_seconds.observe(vec![kind.into(), verb.into()], took);
    }

    /// Takes one event.
    pub fn event(&self, warning: bool, reason: &str) {
        let severity = if warning { "warning" } else { "normal" };
        self.shared.events.add(vec![severity.into(), reason.to_owned().into()], 1.0);
    }

    /// Adds a metric that is read at every scrape, with one sample for each set of labels that `read` gives.
    pub fn sampled(
        &self,
        name: &'static str,
        help: &'static str,
        kind: SampleKind,
        label_names: &'static [&'static str],
        read: ReadSamples,
    ) {
        let sampled = Box::new(SampledSeries { name, help, kind, label_names, read });
        self.shared.registry.write().unwrap_or_else(PoisonError::into_inner).register_collector(sampled);
    }
}

impl fmt::Debug for OperatorMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorMetrics").finish_non_exhaustive()
    }
}

struct SampledSeries {
    name: &'static str,
    help: &'static str,
    kind: SampleKind,
    label_names: &'static [&'static str],
    read: ReadSamples,
}

impl fmt::Debug for SampledSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampledSeries").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for SampledSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, self.kind.metric_type())?;
        for (values, value) in (self.read)() {
            let labels: Labels = values.into_iter().map(Into::into).collect();
            if labels.is_empty() {
                encode_plain(&mut encoder, value)?;
            } else {
                encode_plain(&mut encoder.encode_family(&named(self.label_names, &labels))?, value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_tells() {
        let metrics = OperatorMetrics::new(BuildInfo { version: "1.2.3", revision: "abc" }, &Readiness::new());
        metrics.reconciled("performer", Duration::from_millis(1), None);
        metrics.reconciled("performer", Duration::from_millis(2), Some("ApiUnavailable"));
        metrics.written("Pod", "create", "ok", Duration::from_millis(5));
        metrics.event(true, "InstanceFailed");
        metrics.sampled(
            "hourglass_operator_performers",
            "Performers by phase",
            SampleKind::Gauge,
            &["phase"],
            Box::new(|| vec![(vec!["Running"], 3.0), (vec!["Failed"], 0.0)]),
        );
        metrics.sampled(
            "hourglass_operator_leader",
            "1 where it leads",
            SampleKind::Gauge,
            &[],
            Box::new(|| vec![(vec![], 1.0)]),
        );
        let text = metrics.encode();
        for line in [
            "hourglass_operator_reconcile_seconds_count{controller=\"performer\",outcome=\"ok\"} 1",
            "hourglass_operator_reconcile_errors_total{controller=\"performer\",reason=\"ApiUnavailable\"} 1",
            "hourglass_operator_api_writes_total{kind=\"Pod\",verb=\"create\",outcome=\"ok\"} 1",
            "hourglass_operator_api_write_seconds_count{kind=\"Pod\",verb=\"create\"} 1",
            "hourglass_events_total{severity=\"warning\",reason=\"InstanceFailed\"} 1",
            "hourglass_operator_performers{phase=\"Running\"} 3",
            "hourglass_operator_performers{phase=\"Failed\"} 0",
            "hourglass_operator_leader 1",
            "hourglass_build_info{version=\"1.2.3\",revision=\"abc\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line} in\n{text}");
        }
    }
}
