//! Stripe's events.

use companyos_adapter_traits::payment::{
    DisputeId, Event, EventId, EventKind, PaymentId, PayoutId, RefundId,
};
use companyos_adapter_traits::{Error, ErrorKind};
use serde::Deserialize;

use super::amount::from_stripe;
use super::wire::{Linked, Named, time};

/// The body of a delivery. Which members the object has follows the version that the endpoint was registered with, not
/// ours; so everything about it is optional.
#[derive(Deserialize)]
struct Body {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Object,
}

#[derive(Default, Deserialize)]
struct Object {
    id: Option<String>,
    object: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    payment_intent: Option<Linked<Named>>,
}

fn kind(name: String) -> EventKind {
    match name.as_str() {
        "payment_intent.requires_action" => EventKind::PaymentRequiresAction,
        "payment_intent.processing" => EventKind::PaymentProcessing,
        "payment_intent.amount_capturable_updated" => EventKind::PaymentRequiresCapture,
        "payment_intent.succeeded" => EventKind::PaymentSucceeded,
        "payment_intent.payment_failed" => EventKind::PaymentFailed,
        "payment_intent.canceled" => EventKind::PaymentCanceled,
        // Not `charge.refunded`: it comes besides these, about the charge, and after a capture of a part as well.
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            EventKind::RefundUpdated
        }
        "charge.dispute.created" => EventKind::DisputeOpened,
        "charge.dispute.closed" => EventKind::DisputeClosed,
        "payout.created" | "payout.updated" | "payout.paid" | "payout.failed" | "payout.canceled" => {
            EventKind::PayoutUpdated
        }
        _ => EventKind::Other(name),
    }
}

/// The event that a verified body tells of.
pub(super) fn read(body: &[u8]) -> Result<Event, Error> {
    let body: Body = serde_json::from_slice(body).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "the webhook holds no event of Stripe").with_source(cause)
    })?;
    let mut event = Event::new(EventId::new(body.id), kind(body.kind), time(body.created));
    let Object { id, object, amount, currency, payment_intent } = body.data.object;
    event.payment = payment_intent.map(|intent| PaymentId::new(intent.into_id()));
    match (object.as_deref(), id) {
        (Some("payment_intent"), Some(id)) => event.payment = Some(PaymentId::new(id)),
        (Some("refund"), Some(id)) => event.refund = Some(RefundId::new(id)),
        (Some("payout"), Some(id)) => event.payout = Some(PayoutId::new(id)),
        (Some("dispute"), Some(id)) => event.dispute = Some(DisputeId::new(id)),
        // Of anything else the amount would mean something else.
        _ => return Ok(event),
    }
    // An amount that cannot be read does not make a genuine event a bad one.
    event.amount = amount.zip(currency).and_then(|(amount, currency)| from_stripe(amount, &currency).ok());
    Ok(event)
}
