use hourglass_core::performer::PerformerName;

/// Takes measurements of the connections to performers. Cheap, never blocks, never fails.
pub trait ConnectionMetrics: Send + Sync + 'static {
    /// A connection could not be made, or broke under a call: the metric `performer_connection_errors`.
    fn connection_error(&self, performer: &PerformerName);
}

/// Measures nothing.
pub struct NoConnectionMetrics;

impl ConnectionMetrics for NoConnectionMetrics {
    fn connection_error(&self, _: &PerformerName) {}
}
