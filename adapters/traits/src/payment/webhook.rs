//! What a provider tells on its own.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;

use super::{DisputeId, EventId, Money, PaymentId, PayoutId, RefundId};

/// A webhook request as it came in.
///
/// `Debug` prints neither body nor header values: they are unverified, and signatures are among them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookDelivery {
    /// The raw body, to the byte: the signature covers it.
    pub body: Bytes,
    /// The header fields, in order.
    pub headers: Vec<(String, String)>,
}

impl WebhookDelivery {
    /// Puts the two together.
    pub fn new(body: impl Into<Bytes>, headers: Vec<(String, String)>) -> Self {
        Self { body: body.into(), headers }
    }

    /// The values of the field with this name, in any case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for WebhookDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("WebhookDelivery").field("bytes", &self.body.len()).field("headers", &names).finish()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The customer must authenticate.
    PaymentRequiresAction,
    /// The provider is at work.
    PaymentProcessing,
    /// The amount is authorised and waits to be captured.
    PaymentRequiresCapture,
    /// The money is taken.
    PaymentSucceeded,
    /// An attempt to authorise failed.
    PaymentFailed,
    /// It was given up.
    PaymentCanceled,
    /// Money was given back, or a refund has come further.
    RefundUpdated,
    /// The customer's bank disputes the payment.
    DisputeOpened,
    /// The dispute is decided.
    DisputeClosed,
    /// A payout has come further.
    PayoutUpdated,
    /// Something this version has no word for, in the provider's.
    Other(String),
}

impl EventKind {
    /// The stable name; the provider's own for [`Other`](Self::Other).
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::PaymentRequiresAction => "payment.requires_action",
            Self::PaymentProcessing => "payment.processing",
            Self::PaymentRequiresCapture => "payment.requires_capture",
            Self::PaymentSucceeded => "payment.succeeded",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentCanceled => "payment.canceled",
            Self::RefundUpdated => "refund.updated",
            Self::DisputeOpened => "dispute.opened",
            Self::DisputeClosed => "dispute.closed",
            Self::PayoutUpdated => "payout.updated",
            Self::Other(name) => name,
        }
    }
}

/// A verified event.
///
/// Events may arrive late, out of order and more than once. They say that something changed; what is true now is what
/// a read answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The same for all deliveries of this event: handle each once.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When, by the provider's clock.
    pub created: SystemTime,
    /// The payment it is about.
    pub payment: Option<PaymentId>,
    /// The refund it is about.
    pub refund: Option<RefundId>,
    /// The payout it is about.
    pub payout: Option<PayoutId>,
    /// The dispute it is about.
    pub dispute: Option<DisputeId>,
    /// The amount it is about: of the payment, the refund, the payout or the dispute.
    pub amount: Option<Money>,
}

impl Event {
    /// An event that is about nothing in particular.
    #[must_use]
    pub fn new(id: EventId, kind: EventKind, created: SystemTime) -> Self {
        Self { id, kind, created, payment: None, refund: None, payout: None, dispute: None, amount: None }
    }
}
