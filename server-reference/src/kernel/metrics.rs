//! What the server counts, in OpenMetrics text form.
//!
//! Counters are registered without their `_total`: OpenMetrics adds it.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use companyos_receipt::receipt::Outcome;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::store::{CommittedReceipt, StoreObserver};

/// The media type of `GET /metrics`.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the latency histogram, in milliseconds.
const LATENCY_MS: [f64; 16] = [
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 15_000.0,
    60_000.0,
];
/// Bounds of the group-size histogram.
const GROUP_SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlowLabel {
    flow: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReceiptLabels {
    action: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    action: &'static str,
    decision: &'static str,
}

/// Every metric of the server.
pub struct Metrics {
    registry: Registry,
    latency: Family<FlowLabel, Histogram, fn() -> Histogram>,
    receipts: Family<ReceiptLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    replays: Counter,
    imports_ok: Counter,
    imports_failed: Counter,
    group_size: Histogram,
    group_ms: Histogram,
    build: Gauge<f64, AtomicU64>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let latency: fn() -> Histogram = || Histogram::new(LATENCY_MS);
        let mut metrics = Self {
            registry: Registry::default(),
            latency: Family::new_with_constructor(latency),
            receipts: Family::default(),
            requests: Family::default(),
            decisions: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            replays: Counter::default(),
            imports_ok: Counter::default(),
            imports_failed: Counter::default(),
            group_size: Histogram::new(GROUP_SIZES),
            group_ms: Histogram::new(LATENCY_MS),
            build: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "flow_latency_ms",
            "Time to answer, by flow, in milliseconds",
            self.latency.clone(),
        );
        registry.register("provenance_receipts", "Receipts committed to a log", self.receipts.clone());
        registry.register(
            "http_requests",
            "Requests answered, by operation and status",
            self.requests.clone(),
        );
        registry.register("policy_decisions", "Answers of the policy, by action", self.decisions.clone());
        registry.register("http_requests_in_flight", "Requests being answered", self.in_flight.clone());
        registry.register("http_connections", "Connections open", self.connections.clone());
        registry.register("idempotent_replays", "Stored outcomes replayed", self.replays.clone());
        registry.register("tenants_bulk_import_success", "Bulk imports applied", self.imports_ok.clone());
        registry.register(
            "tenants_bulk_import_failed",
            "Bulk imports refused or failed",
            self.imports_failed.clone(),
        );
        registry.register("store_group_size", "Writes committed by one transaction", self.group_size.clone());
        registry.register(
            "store_group_ms",
            "Time one transaction took, in milliseconds",
            self.group_ms.clone(),
        );
        registry.register("companyos_up", "1 while the server runs", self.build.clone());
        self.build.set(1.0);
    }

    /// Everything, as `GET /metrics` shows it.
    ///
    /// # Errors
    /// When the encoder fails, which writing to a string does not.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// A bulk import was applied.
    pub fn import_succeeded(&self) {
        self.imports_ok.inc();
    }

    /// A bulk import was refused or failed.
    pub fn import_failed(&self) {
        self.imports_failed.inc();
    }

    pub(crate) fn request_started(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn request_ended(
        &self,
        operation: &'static str,
        flow: &'static str,
        status: u16,
        took: Duration,
    ) {
        self.in_flight.dec();
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
        self.latency.get_or_create(&FlowLabel { flow }).observe(took.as_secs_f64() * 1_000.0);
    }

    pub(crate) fn decided(&self, action: &'static str, allow: bool) {
        let decision = if allow { "allow" } else { "deny" };
        self.decisions.get_or_create(&DecisionLabels { action, decision }).inc();
    }

    pub(crate) fn replayed(&self) {
        self.replays.inc();
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.inc();
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.dec();
    }
}

impl StoreObserver for Metrics {
    fn receipts_committed(&self, receipts: &[CommittedReceipt]) {
        for receipt in receipts {
            let labels =
                ReceiptLabels { action: receipt.action.clone(), outcome: outcome_label(receipt.outcome) };
            self.receipts.get_or_create(&labels).inc();
        }
    }

    fn group_committed(&self, writes: usize, took: Duration) {
        self.group_size.observe(writes as f64);
        self.group_ms.observe(took.as_secs_f64() * 1_000.0);
    }
}

fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Deny => "deny",
        Outcome::Ok => "ok",
        Outcome::Error => "error",
        Outcome::Unknown => "unknown",
    }
}
