use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;

use super::series::{Labels, bounded, named};

/// Histograms of durations in seconds, of one name, told apart by labels; bounded and ordered as
/// [`Series`](super::series::Series) are.
#[derive(Debug)]
pub(super) struct Durations {
    name: &'static str,
    help: &'static str,
    label_names: &'static [&'static str],
    limit: usize,
    buckets: &'static [f64],
    histograms: RwLock<BTreeMap<Labels, Histogram>>,
}

impl Durations {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        label_names: &'static [&'static str],
        limit: usize,
        buckets: &'static [f64],
    ) -> Self {
        Self { name, help, label_names, limit, buckets, histograms: RwLock::new(BTreeMap::new()) }
    }

    pub(super) fn observe(&self, labels: Labels, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(histogram) = self.histograms.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return histogram.observe(seconds);
        }
        let mut histograms = self.histograms.write().unwrap_or_else(PoisonError::into_inner);
        let key = bounded(labels, histograms.len(), self.limit, |labels| histograms.contains_key(labels));
        histograms.entry(key).or_insert_with(|| Histogram::new(self.buckets.iter().copied())).observe(seconds);
    }
}

impl Collector for Durations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, MetricType::Histogram)?;
        for (labels, histogram) in &*self.histograms.read().unwrap_or_else(PoisonError::into_inner) {
            let labels = named(self.label_names, labels);
            histogram.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
