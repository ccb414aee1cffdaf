use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hourglass_kubernetes::operator::Operator;
use hourglass_kubernetes::reconcile::{ReconcileMetrics, Stores};
use hourglass_kubernetes::writer::{WriteMetrics, WriteOutcome};
use hourglass_telemetry::{OperatorMetrics, SampleKind};

/// What the adapter measures, into metrics.
#[derive(Clone)]
pub(crate) struct Measured(pub(crate) OperatorMetrics);

impl WriteMetrics for Measured {
    fn written(&self, outcome: WriteOutcome) {
        self.0.written(outcome.kind, outcome.verb, outcome.outcome, outcome.took);
    }
}

impl ReconcileMetrics for Measured {
    fn reconciled(&self, controller: &'static str, took: Duration, failure: Option<&'static str>) {
        self.0.reconciled(controller, took, failure);
    }

    fn event(&self, warning: bool, reason: &str) {
        self.0.event(warning, reason);
    }
}

/// The phases of the specification, so that each has a sample also where no Performer is in it.
const PHASES: [&str; 5] = ["Pending", "Running", "Upgrading", "Terminating", "Failed"];

/// Adds what is read from an operator at every scrape.
pub(crate) fn register(metrics: &OperatorMetrics, operator: &Operator) {
    let gauge = SampleKind::Gauge;
    let queue = operator.queue.clone();
    metrics.sampled(
        "hourglass_operator_queue_depth",
        "Resources that wait to be looked after",
        gauge,
        &["controller"],
        Box::new(move || vec![(vec!["performer"], queue.depth() as f64)]),
    );
    let queue = operator.queue.clone();
    metrics.sampled(
        "hourglass_operator_queue_age_seconds",
        "How long the first of them has waited",
        gauge,
        &["controller"],
        Box::new(move || vec![(vec!["performer"], queue.age().as_secs_f64())]),
    );
    let queue = operator.queue.clone();
    metrics.sampled(
        "hourglass_operator_failing",
        "Resources that could not be looked after when that was last tried",
        gauge,
        &["controller"],
        Box::new(move || vec![(vec!["performer"], queue.failing() as f64)]),
    );
    let leadership = operator.leadership.clone();
    metrics.sampled(
        "hourglass_operator_leader",
        "1 where this operator leads",
        gauge,
        &[],
        Box::new(move || vec![(vec![], f64::from(u8::from(leadership.is_leading())))]),
    );
    let stores = operator.stores.clone();
    metrics.sampled(
        "hourglass_operator_performers",
        "Performers by phase",
        gauge,
        &["phase"],
        Box::new(move || phases(&stores)),
    );
    let events = operator.events.clone();
    metrics.sampled(
        "hourglass_operator_events_dropped_total",
        "Events that were not written",
        SampleKind::Counter,
        &[],
        Box::new(move || vec![(vec![], events.dropped() as f64)]),
    );
    watches(metrics, operator);
}

fn watches(metrics: &OperatorMetrics, operator: &Operator) {
    type Read = fn(&hourglass_kubernetes::watch::WatchHealth) -> f64;
    let counters: [(&'static str, &'static str, SampleKind, Read); 4] = [
        (
            "hourglass_operator_watch_up",
            "1 while a watch is connected, as far as is known",
            SampleKind::Gauge,
            |watch| f64::from(u8::from(watch.is_following())),
        ),
        ("hourglass_operator_lists_total", "Complete lists", SampleKind::Counter, |watch| watch.lists() as f64),
        ("hourglass_operator_watch_failures_total", "Lists and watches that failed", SampleKind::Counter, |watch| {
            watch.failures() as f64
        }),
        ("hourglass_operator_invalid_objects_total", "Objects that could not be read", SampleKind::Counter, |watch| {
            watch.invalid_objects() as f64
        }),
    ];
    for (name, help, kind, read) in counters {
        let watches = operator.watches.clone();
        let sample = move || watches.iter().map(|(of, health)| (vec![*of], read(health))).collect();
        metrics.sampled(name, help, kind, &["watch"], Box::new(sample));
    }
}

fn phases(stores: &Arc<Stores>) -> Vec<(Vec<&'static str>, f64)> {
    let mut counts: BTreeMap<&'static str, u32> = PHASES.iter().map(|phase| (*phase, 0)).collect();
    stores.performers.each(|performer| {
        let phase = PHASES.iter().find(|phase| **phase == &*performer.phase).unwrap_or(&"Pending");
        *counts.entry(phase).or_default() += 1;
    });
    counts.into_iter().map(|(phase, count)| (vec![phase], f64::from(count))).collect()
}
