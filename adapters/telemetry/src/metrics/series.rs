use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// The values of a series' labels, in the order of their names.
pub(super) type Labels = Vec<Cow<'static, str>>;

/// What stands in for every label of a series that has reached its limit.
pub(super) const OTHER: &str = "other";

/// Whether a value only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// It only grows, and begins at zero with the process.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl SampleKind {
    pub(super) const fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
        }
    }
}

/// Counters or gauges of one name, told apart by labels.
///
/// It differs from the library's families in what the contract and a hostile world need: a counter's samples have
/// exactly the name given (the library appends `_total`), they stand in a stable order, `HELP` and `TYPE` are there
/// also before the first sample, and no more than `limit` label sets ever exist: what comes later is counted
/// as `other`.
#[derive(Debug)]
pub(super) struct Series {
    name: &'static str,
    help: &'static str,
    kind: SampleKind,
    label_names: &'static [&'static str],
    limit: usize,
    /// `f64` bits, so that a count and a measurement are kept alike.
    values: RwLock<BTreeMap<Labels, AtomicU64>>,
}

impl Series {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        kind: SampleKind,
        label_names: &'static [&'static str],
        limit: usize,
    ) -> Self {
        Self { name, help, kind, label_names, limit, values: RwLock::new(BTreeMap::new()) }
    }

    /// Adds to a value, which begins at zero.
    pub(super) fn add(&self, labels: Labels, amount: f64) {
        self.with(labels, |value| {
            let sum = |bits| Some((f64::from_bits(bits) + amount).to_bits());
            // The closure never declines, so the update never fails.
            let _ = value.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
        });
    }

    /// Sets a value.
    pub(super) fn set(&self, labels: Labels, to: f64) {
        self.with(labels, |value| value.store(to.to_bits(), Ordering::Relaxed));
    }

    /// Puts these values in place of all there were.
    pub(super) fn replace(&self, values: impl IntoIterator<Item = (Labels, f64)>) {
        let fresh =
            values.into_iter().take(self.limit).map(|(labels, value)| (labels, AtomicU64::new(value.to_bits())));
        let fresh = fresh.collect();
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn with(&self, labels: Labels, act: impl FnOnce(&AtomicU64)) {
        debug_assert_eq!(labels.len(), self.label_names.len(), "{}", self.name);
        if let Some(value) = self.values.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return act(value);
        }
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let key = bounded(labels, values.len(), self.limit, |labels| values.contains_key(labels));
        act(values.entry(key).or_default());
    }
}

/// The label set under which a sample is kept: its own, or `other` where there are already `limit` of them.
pub(super) fn bounded(labels: Labels, known: usize, limit: usize, contains: impl Fn(&Labels) -> bool) -> Labels {
    if known < limit || contains(&labels) { labels } else { vec![Cow::Borrowed(OTHER); labels.len()] }
}

/// Pairs the names of labels with their values, as the encoder takes them.
pub(super) fn named<'a>(names: &[&'static str], values: &'a Labels) -> Vec<(&'static str, &'a str)> {
    names.iter().copied().zip(values.iter().map(|value| &**value)).collect()
}

/// Writes one value without a suffix to its name: the encoder adds one to whatever it knows to be a counter.
pub(super) fn encode_plain(encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        encoder.encode_gauge(&(value as i64))
    } else {
        encoder.encode_gauge(&value)
    }
}

impl Collector for Series {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, self.kind.metric_type())?;
        for (labels, value) in &*self.values.read().unwrap_or_else(PoisonError::into_inner) {
            let value = f64::from_bits(value.load(Ordering::Relaxed));
            if labels.is_empty() {
                encode_plain(&mut encoder, value)?;
            } else {
                let labels = named(self.label_names, labels);
                encode_plain(&mut encoder.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }
}

/// A value that is read when somebody scrapes.
pub(super) struct Sampled<F> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: SampleKind,
    pub(super) read: F,
}

impl<F> fmt::Debug for Sampled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampled").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<F: Fn() -> f64 + Send + Sync + 'static> Collector for Sampled<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, self.kind.metric_type())?;
        encode_plain(&mut encoder, (self.read)())
    }
}
