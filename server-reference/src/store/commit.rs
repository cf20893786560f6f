//! What a write hands to the store: its value, its receipt, its idempotency record.

use companyos_receipt::receipt::{Outcome, Phase, Private};

use crate::kernel::clock::Timestamp;

/// The result of a write's work, to be made durable as one: the statements it ran, its receipt and its idempotency
/// record are committed together or not at all.
#[must_use = "work that is not handed to the store is not committed"]
#[derive(Debug)]
pub struct Commit<T> {
    /// What `Store::write` returns once everything is durable.
    pub value: T,
    /// The receipt this write leaves.
    pub effect: Effect,
    /// The idempotency record this write leaves.
    pub remember: Option<Remember>,
}

impl<T> Commit<T> {
    /// A write that leaves a receipt.
    pub fn with_receipt(value: T, receipt: ReceiptDraft) -> Self {
        Self { value, effect: Effect::Receipt(Box::new(receipt)), remember: None }
    }

    /// A write that leaves no receipt, and why it needs none.
    pub fn without_receipt(value: T, reason: &'static str) -> Self {
        Self { value, effect: Effect::None(reason), remember: None }
    }

    /// Leaves an idempotency record too.
    pub fn remembering(mut self, remember: Option<Remember>) -> Self {
        self.remember = remember;
        self
    }
}

/// The receipt decision every write has to take: there is no privileged completion without a receipt.
#[must_use = "a write says whether it leaves a receipt"]
#[derive(Debug)]
pub enum Effect {
    /// Leave this receipt.
    Receipt(Box<ReceiptDraft>),
    /// Leave none, for this reason.
    None(&'static str),
}

/// A receipt before the store signs it and appends it to the log of its tenant.
#[derive(Debug, Clone)]
pub struct ReceiptDraft {
    /// `rcp_…`, the receipt's `jti`; chosen by the caller so that a reply can name it.
    pub id: String,
    /// The tenant acted for. Its log in this region takes the receipt; the receipt itself names only the log.
    pub tenant_id: String,
    /// The registered verb, such as `tenant.create`.
    pub action: String,
    /// Before or after an effect outside the database.
    pub phase: Phase,
    /// What happened.
    pub outcome: Outcome,
    /// The id of the intent receipt this one concludes.
    pub reference: Option<String>,
    /// Digest of the policy that was asked.
    pub policy: String,
    /// When it happened.
    pub at: Timestamp,
    /// The claims that can be disclosed one by one.
    pub private: Private,
}

/// An idempotency record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remember {
    /// SHA-256 over tenant, operation and idempotency key.
    pub key: [u8; 32],
    /// SHA-256 over the request.
    pub fingerprint: [u8; 32],
    /// The reply to replay, already sealed: it may hold a secret.
    pub response: Vec<u8>,
    /// From then on the key may be used anew.
    pub expires_at: Timestamp,
}
