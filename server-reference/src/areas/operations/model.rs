//! What a long operation is.

use companyos_types::{operations as wire, shared};
use serde_json::{Map, Value};

use crate::kernel::clock::Timestamp;
use crate::kernel::privileged::Mandate;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Accepted; nobody has begun.
    Queued,
    /// Being worked on.
    Running,
    /// Done.
    Succeeded,
    /// Given up; nothing was applied.
    Failed,
    /// Withdrawn before it began.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The wire and database form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the wire or database form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// An operation about to be accepted.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// `opn_` and a UUIDv7.
    pub id: String,
    /// The tenant acted for.
    pub tenant_id: String,
    /// What is done; a [`Handler`](super::jobs::Handler) of this kind does it.
    pub kind: &'static str,
    /// What it is done to, such as the id of an import.
    pub subject: String,
    /// How many units of work there are.
    pub total: u64,
    /// What is counted, such as `rows`.
    pub unit: &'static str,
    /// The request that was accepted.
    pub request_id: String,
    /// Its W3C trace id.
    pub trace_id: String,
    /// What the outcome receipt needs of it.
    pub mandate: Mandate,
    /// When it was accepted.
    pub at: Timestamp,
}

/// A long operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `opn_` and a UUIDv7.
    pub id: String,
    /// The tenant acted for.
    pub tenant_id: String,
    /// What is done.
    pub kind: String,
    /// What it is done to.
    pub subject: String,
    /// How far it is.
    pub status: Status,
    /// Units of work done.
    pub done: u64,
    /// Units of work in all.
    pub total: u64,
    /// What is counted.
    pub unit: String,
    /// The request that was accepted.
    pub request_id: String,
    /// Its W3C trace id.
    pub trace_id: String,
    /// What the outcome receipt needs of that request.
    pub mandate: Mandate,
    /// How often it has been begun.
    pub attempts: i64,
    /// What it produced.
    pub result: Option<Map<String, Value>>,
    /// Why it failed.
    pub problem: Option<shared::Problem>,
    /// The outcome receipt once it exists, before that the receipt of the request.
    pub receipt_id: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl From<NewOperation> for Operation {
    fn from(new: NewOperation) -> Self {
        Self {
            id: new.id,
            tenant_id: new.tenant_id,
            kind: new.kind.to_owned(),
            subject: new.subject,
            status: Status::Queued,
            done: 0,
            total: new.total,
            unit: new.unit.to_owned(),
            request_id: new.request_id,
            trace_id: new.trace_id,
            receipt_id: new.mandate.receipt_id.clone(),
            mandate: new.mandate,
            attempts: 0,
            result: None,
            problem: None,
            created_at: new.at,
            updated_at: new.at,
        }
    }
}

impl From<Operation> for wire::Operation {
    fn from(operation: Operation) -> Self {
        let Operation { done, total, unit, .. } = operation;
        Self {
            id: operation.id,
            kind: operation.kind,
            status: operation.status.as_str().into(),
            progress: wire::OperationProgress { done, total, unit },
            result: operation.result,
            problem: operation.problem,
            receipt_id: Some(operation.receipt_id),
            created_at: operation.created_at.to_rfc3339(),
            updated_at: operation.updated_at.to_rfc3339(),
        }
    }
}
