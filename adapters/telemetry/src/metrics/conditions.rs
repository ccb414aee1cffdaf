use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use crate::readiness::Readiness;

/// Readiness as metrics: read at every scrape, so that `/metrics` and `/ready` never disagree.
#[derive(Debug)]
pub(super) struct Conditions(pub(super) Readiness);

impl Collector for Conditions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "1 where a condition of readiness holds";
        let mut conditions = encoder.encode_descriptor("hourglass_condition", help, None, MetricType::Gauge)?;
        for state in self.0.conditions() {
            conditions.encode_family(&[("condition", state.name)])?.encode_gauge(&u32::from(state.ready))?;
        }
        let help = "1 where the executor is ready";
        let mut ready = encoder.encode_descriptor("hourglass_ready", help, None, MetricType::Gauge)?;
        ready.encode_gauge(&u32::from(self.0.is_ready()))
    }
}
