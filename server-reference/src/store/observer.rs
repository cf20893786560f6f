//! What the store tells the metrics.

use std::fmt;
use std::time::Duration;

use companyos_receipt::receipt::Outcome;

/// A receipt that has become durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedReceipt {
    /// The registered verb, such as `tenant.create`.
    pub action: String,
    /// What happened.
    pub outcome: Outcome,
}

/// Is told what was committed, after it became durable. Called on the writer's task: count and return.
pub trait StoreObserver: Send + Sync + fmt::Debug {
    /// These receipts are durable now.
    fn receipts_committed(&self, receipts: &[CommittedReceipt]);

    /// A group of that many writes became durable; the transaction took so long.
    fn group_committed(&self, writes: usize, took: Duration);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl StoreObserver for Unobserved {
    fn receipts_committed(&self, _receipts: &[CommittedReceipt]) {}

    fn group_committed(&self, _writes: usize, _took: Duration) {}
}
