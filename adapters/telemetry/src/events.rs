use hourglass_core::ports::{Event, EventSink, Severity};

use crate::metrics::Metrics;

/// Writes every event to the log and counts it in `hourglass_events_total`.
#[derive(Debug, Clone)]
pub struct EventLog {
    metrics: Metrics,
}

impl EventLog {
    /// Counts in these metrics.
    pub const fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl EventSink for EventLog {
    fn emit(&self, event: Event) {
        self.metrics.event(event.severity, event.reason);
        let Event { performer, reason, message, .. } = event;
        match event.severity {
            Severity::Normal => tracing::info!(%performer, reason, "{message}"),
            Severity::Warning => tracing::warn!(%performer, reason, "{message}"),
        }
    }
}
