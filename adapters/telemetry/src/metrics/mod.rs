mod conditions;
mod durations;
mod operator;
mod performers;
mod series;
mod tasks;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hourglass_core::performer::PerformerName;
use hourglass_core::ports::{PerformerView, Severity};
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

use self::durations::Durations;
use self::performers::PerformerMetrics;
use self::series::{Sampled, Series};
use self::tasks::Tasks;
use crate::readiness::Readiness;

pub use self::operator::{OperatorMetrics, ReadSamples};
pub use self::performers::Usage;
pub use self::series::SampleKind;

/// No series has more label sets than this; strangers cannot make up labels anyhow, this bounds our own mistakes.
const LABEL_SETS: usize = 1000;

/// A journal commit is one durable write: from a fast disk's fraction of a millisecond to a failing one's seconds.
const COMMIT_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Every metric of the process. Clones share them.
///
/// Implements [`hourglass_core::ports::TaskMetrics`]; [`crate::EventLog`] counts events here.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    registry: RwLock<Registry>,
    tasks: Arc<Tasks>,
    performers: Arc<PerformerMetrics>,
    events: Arc<Series>,
    commits: Arc<Durations>,
    committed: Arc<Series>,
    engine: Engine,
}

/// The container engine, where there is one.
struct Engine {
    up: Arc<Series>,
    info: Arc<Series>,
}

impl Engine {
    fn register(registry: &mut Registry) -> Self {
        let engine = Self {
            up: gauge("hourglass_engine_up", "1 where the container engine answers", &[]),
            info: gauge(
                "hourglass_engine_info",
                "Always 1; its labels say which container engine answers",
                &["version", "api_version"],
            ),
        };
        registry.register_collector(Box::new(engine.up.clone()));
        registry.register_collector(Box::new(engine.info.clone()));
        engine
    }
}

/// Which program this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    /// Of the release.
    pub version: &'static str,
    /// Of the source; empty where it is not known.
    pub revision: &'static str,
}

impl Metrics {
    /// The metrics of a process that starts now and is ready when `readiness` says so.
    pub fn new(build: BuildInfo, readiness: &Readiness) -> Self {
        let mut registry = Registry::default();
        let tasks = Arc::new(Tasks::register(&mut registry));
        let performers = Arc::new(PerformerMetrics::register(&mut registry));

        let commits = Durations::new(
            "hourglass_journal_commit_seconds",
            "Durable commits of the task journal, in seconds",
            &["outcome"],
            LABEL_SETS,
            COMMIT_BUCKETS,
        );
        let commits = Arc::new(commits);
        registry.register_collector(Box::new(commits.clone()));

        let committed = counter("hourglass_journal_records_total", "Records made durable by the task journal", &[]);
        committed.add(Vec::new(), 0.0);
        registry.register_collector(Box::new(committed.clone()));

        let events = counter("hourglass_events_total", "Events of performers", &["severity", "reason"]);
        registry.register_collector(Box::new(events.clone()));

        registry.register_collector(Box::new(conditions::Conditions(readiness.clone())));

        let info =
            gauge("hourglass_build_info", "Always 1; its labels say which program runs", &["version", "revision"]);
        info.set(vec![build.version.into(), build.revision.into()], 1.0);
        registry.register_collector(Box::new(info));

        let engine = Engine::register(&mut registry);

        let started = Instant::now();
        registry.register_collector(Box::new(Sampled {
            name: "hourglass_uptime_seconds",
            help: "Time since the process started",
            kind: SampleKind::Gauge,
            // Whole milliseconds: nobody needs more, and they read well.
            read: move || started.elapsed().as_millis() as f64 / 1000.0,
        }));

        let registry = RwLock::new(registry);
        Self { shared: Arc::new(Shared { registry, tasks, performers, events, commits, committed, engine }) }
    }

    /// Everything, in the Prometheus text format 0.0.4 ([`crate::http::METRICS_CONTENT_TYPE`]).
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a string fails only where a collector of ours does, and none can.
        if encode_registry(&mut text, &self.shared.registry.read().unwrap_or_else(PoisonError::into_inner)).is_err() {
            tracing::error!("a metric could not be written");
        }
        text
    }

    /// Takes the performers as they are now, in place of what was known of them.
    pub fn set_performers(&self, performers: &[PerformerView]) {
        self.shared.performers.set(performers);
    }

    /// Takes what every running instance uses now, in place of the last sample (`resource_monitoring_*`).
    pub fn set_usage(&self, usage: &[Usage]) {
        self.shared.performers.set_usage(usage);
    }

    /// Counts a connection to a performer that could not be made or broke.
    pub fn connection_error(&self, performer: &PerformerName) {
        self.shared.performers.connection_error(performer);
    }

    /// Takes one commit of the journal: how long it took, and how many records it made durable, or that it failed.
    pub fn journal_commit(&self, took: Duration, records: Option<usize>) {
        let outcome = if records.is_some() { "committed" } else { "failed" };
        self.shared.commits.observe(vec![outcome.into()], took);
        self.shared.committed.add(Vec::new(), records.unwrap_or(0) as f64);
    }

    /// Takes which container engine answers, by version and API version, or that none does. Before the first call there
    /// is no sample: this process has no engine.
    pub fn set_engine(&self, answers: Option<(&str, &str)>) {
        let engine = &self.shared.engine;
        engine.up.set(Vec::new(), f64::from(u8::from(answers.is_some())));
        let labels = |(version, api): (&str, &str)| (vec![version.to_owned().into(), api.to_owned().into()], 1.0);
        engine.info.replace(answers.map(labels));
    }

    /// Adds a metric without labels that is read at every scrape. The name is used exactly as it is.
    pub fn sampled(
        &self,
        name: &'static str,
        help: &'static str,
        kind: SampleKind,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let sampled = Box::new(Sampled { name, help, kind, read });
        self.shared.registry.write().unwrap_or_else(PoisonError::into_inner).register_collector(sampled);
    }

    pub(crate) fn event(&self, severity: Severity, reason: &'static str) {
        let severity = match severity {
            Severity::Normal => "normal",
            Severity::Warning => "warning",
        };
        self.shared.events.add(vec![severity.into(), reason.into()], 1.0);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Arc<Series> {
    Arc::new(Series::new(name, help, SampleKind::Counter, labels, LABEL_SETS))
}

fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Arc<Series> {
    Arc::new(Series::new(name, help, SampleKind::Gauge, labels, LABEL_SETS))
}

#[cfg(test)]
mod tests;
