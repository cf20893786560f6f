//! Events as the bodies of webhooks.

use companyos_adapter_traits::payment::{
    DisputeId, Event, EventId, EventKind, PaymentId, PayoutId, RefundId,
};
use companyos_adapter_traits::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::record::{micros, time};

/// An event on the wire. Unknown members are skipped, so that a body can say more one day.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    /// Microseconds since 1970.
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payout: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
}

const KINDS: [EventKind; 10] = [
    EventKind::PaymentRequiresAction,
    EventKind::PaymentProcessing,
    EventKind::PaymentRequiresCapture,
    EventKind::PaymentSucceeded,
    EventKind::PaymentFailed,
    EventKind::PaymentCanceled,
    EventKind::RefundUpdated,
    EventKind::DisputeOpened,
    EventKind::DisputeClosed,
    EventKind::PayoutUpdated,
];

/// The body that tells of an event.
pub(super) fn write(event: &Event) -> Result<Vec<u8>, Error> {
    let body = Body {
        id: event.id.to_string(),
        kind: event.kind.as_str().to_owned(),
        created: micros(event.created),
        payment: event.payment.as_ref().map(ToString::to_string),
        refund: event.refund.as_ref().map(ToString::to_string),
        payout: event.payout.as_ref().map(ToString::to_string),
        dispute: event.dispute.as_ref().map(ToString::to_string),
        amount: event.amount.map(|amount| amount.to_string()),
    };
    serde_json::to_vec(&body)
        .map_err(|cause| Error::new(ErrorKind::Internal, "the event does not write").with_source(cause))
}

/// The event that a body tells of.
pub(super) fn read(body: &[u8]) -> Result<Event, Error> {
    let body: Body = serde_json::from_slice(body).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, "the webhook holds no event").with_source(cause)
    })?;
    let kind = KINDS.iter().find(|kind| kind.as_str() == body.kind).cloned();
    let kind = kind.unwrap_or(EventKind::Other(body.kind));
    let mut event = Event::new(EventId::new(body.id), kind, time(body.created));
    event.payment = body.payment.map(PaymentId::new);
    event.refund = body.refund.map(RefundId::new);
    event.payout = body.payout.map(PayoutId::new);
    event.dispute = body.dispute.map(DisputeId::new);
    event.amount = body.amount.as_deref().map(str::parse).transpose()?;
    Ok(event)
}
