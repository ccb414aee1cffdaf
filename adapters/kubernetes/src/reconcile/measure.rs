use std::time::Duration;

/// Takes measurements of looks after resources.
pub trait ReconcileMetrics: Send + Sync + 'static {
    /// One look of a controller: how long it took, and why it failed, if so.
    fn reconciled(&self, controller: &'static str, took: Duration, failure: Option<&'static str>);

    /// An event that was told.
    fn event(&self, warning: bool, reason: &str);
}

/// Takes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMeasure;

impl ReconcileMetrics for NoMeasure {
    fn reconciled(&self, _: &'static str, _: Duration, _: Option<&'static str>) {}

    fn event(&self, _: bool, _: &str) {}
}
