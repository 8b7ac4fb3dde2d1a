//! Writing metrics in the text format of OpenMetrics.
//!
//! `prometheus-client` writes the format. Its counters are not used: what the programs count is in
//! [`crate::counters`], and is read when the metrics are asked for.

use std::fmt::{self, Formatter};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use crate::counters::{LATENCY_BOUNDS, Latency};

/// Labels of one value: names and values.
type Labels<const COUNT: usize> = [(&'static str, &'static str); COUNT];

type NoExemplar<'a> = Option<&'a Exemplar<Labels<0>, f64>>;

/// Writes metrics, one family after the other.
#[derive(Debug)]
pub struct Exposition<'a>(DescriptorEncoder<'a>);

impl Exposition<'_> {
    /// Writes a value that goes up and down.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// Writes values that go up and down.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn gauges<const COUNT: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<COUNT>, f64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Writes a value that only grows. `_total` is appended to the name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let none: NoExemplar<'_> = None;
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter(&value, none)
    }

    /// Writes values that only grow. `_total` is appended to the name.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn counters<const COUNT: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<COUNT>, u64)>,
    ) -> fmt::Result {
        let none: NoExemplar<'_> = None;
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_counter(&value, none)?;
        }
        Ok(())
    }

    /// Writes distributions of times.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn latencies<const COUNT: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<COUNT>, Latency)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, latency) in values {
            let bounds = LATENCY_BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(latency.buckets).collect();
            let (sum, count) = (latency.sum.as_secs_f64(), latency.buckets.iter().sum());
            encoder
                .encode_family(&labels)?
                .encode_histogram::<Labels<0>>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    /// Writes constant properties as labels. `_info` is appended to the name.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn info<const COUNT: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: Labels<COUNT>,
    ) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }
}

type Write = Box<dyn FnOnce(&mut Exposition<'_>) -> fmt::Result + Send>;

/// Metrics that are written once.
struct Once(Mutex<Option<Write>>);

impl Collector for Once {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let write = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        write.map_or(Ok(()), |write| write(&mut Exposition(encoder)))
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// The text that `write` writes, with its end.
pub(super) fn exposed(
    write: impl FnOnce(&mut Exposition<'_>) -> fmt::Result + Send + 'static,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Once(Mutex::new(Some(Box::new(write))))));
    let mut written = String::new();
    text::encode(&mut written, &registry)?;
    Ok(written)
}

/// A number as metrics have it: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
pub(super) fn number(value: impl TryInto<u64>) -> f64 {
    value.try_into().unwrap_or(u64::MAX) as f64
}
