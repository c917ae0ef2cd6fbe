//! Counters and gauges for Prometheus. Labels are few and bounded: never a tenant's names.

use std::{fmt, sync::atomic::AtomicU64};

use hanse_store::Store;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Method.
    pub method: String,
    /// Status code.
    pub status: u16,
}

/// Labels of the engine's work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WorkLabels {
    /// `apply`, `delete`, `release`, `skip`.
    pub action: &'static str,
    /// `ok` or `failed`.
    pub result: &'static str,
}

/// Everything that is measured.
pub struct Metrics {
    /// The registry that `/metrics` prints.
    pub registry: Registry,
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Time to answer, in seconds.
    pub request_seconds: Histogram,
    /// Work of the engine, per (object, cluster).
    pub work: Family<WorkLabels, Counter>,
    /// Time from a change being accepted to its last cluster having it, in seconds.
    pub propagation_seconds: Histogram,
    /// Live connections.
    pub live_connections: Gauge<f64, AtomicU64>,
    /// Refused attempts that did not get into the audit trail.
    pub refusals_unwritten: Counter,
}

impl Metrics {
    /// Everything, with what the store counts by itself.
    #[must_use]
    pub fn with_store(store: Store) -> Self {
        let mut metrics = Self::default();
        metrics.registry.register_collector(Box::new(Written(store)));
        metrics
    }
}

#[derive(Debug)]
struct Written(Store);

impl Collector for Written {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let written = self.0.written();
        for (name, help, count) in [
            ("store_transactions", "Transactions that last", written.transactions),
            (
                "store_commits",
                "Commits that made them last; on SQLite transactions share them",
                written.commits,
            ),
        ] {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hanse");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let request_seconds = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        registry.register("http_request_seconds", "Time to answer", request_seconds.clone());
        let work = Family::default();
        registry.register("federation_work", "Units of work done, one per object and cluster", work.clone());
        let propagation_seconds = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        registry.register(
            "federation_propagation_seconds",
            "Time from a change being accepted to its last cluster having it",
            propagation_seconds.clone(),
        );
        let live_connections = Gauge::default();
        registry.register("live_connections", "Open live connections", live_connections.clone());
        let refusals_unwritten = Counter::default();
        registry.register(
            "audit_refusals_unwritten",
            "Refused attempts that did not get into the audit trail, because too many came at once",
            refusals_unwritten.clone(),
        );
        Self {
            registry,
            requests,
            request_seconds,
            work,
            propagation_seconds,
            live_connections,
            refusals_unwritten,
        }
    }
}
