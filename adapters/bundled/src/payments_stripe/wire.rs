//! Stripe's objects, as far as they are read, and what they are in the trait's terms. Members that are not named here
//! are skipped.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use companyos_adapter_traits::payment::rules::check_conservation;
use companyos_adapter_traits::payment::{
    CaptureMode, Customer, CustomerId, Money, NextAction, Payment, PaymentId, PaymentStatus, Payout,
    PayoutId, PayoutStatus, Refund, RefundId, RefundStatus,
};
use companyos_adapter_traits::{Error, ErrorKind};
use serde::Deserialize;

use super::amount::from_stripe;
use super::error::Fault;
use super::unexpected;

/// Seconds since 1970. None that Stripe sends is before, or beyond what fits.
pub(super) fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// Another object: its id, or itself when the request asked for that.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Linked<T> {
    Id(String),
    Object(T),
}

/// An object of which only the id matters.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    id: String,
}

impl Linked<Named> {
    pub(super) fn into_id(self) -> String {
        match self {
            Self::Id(id) | Self::Object(Named { id }) => id,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireCustomer {
    id: String,
    #[serde(default)]
    deleted: bool,
    email: Option<String>,
    name: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    created: i64,
}

impl WireCustomer {
    pub(super) fn into_customer(self) -> Result<Customer, Error> {
        if self.deleted {
            return Err(Error::new(ErrorKind::NotFound, "the customer was deleted at Stripe"));
        }
        let mut customer = Customer::new(CustomerId::new(self.id), time(self.created));
        customer.email = self.email;
        customer.name = self.name;
        customer.metadata = self.metadata.unwrap_or_default();
        Ok(customer)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    id: String,
    amount: i64,
    #[serde(default)]
    amount_received: i64,
    currency: String,
    status: String,
    capture_method: Option<String>,
    customer: Option<Linked<Named>>,
    next_action: Option<Next>,
    last_payment_error: Option<Fault>,
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    created: i64,
    latest_charge: Option<Linked<Charge>>,
}

#[derive(Debug, Deserialize)]
struct Next {
    redirect_to_url: Option<RedirectTo>,
}

#[derive(Debug, Deserialize)]
struct RedirectTo {
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    status: String,
    amount: i64,
    amount_refunded: i64,
}

impl Intent {
    pub(super) fn status(&self) -> Result<PaymentStatus, Error> {
        match self.status.as_str() {
            "requires_payment_method" => Ok(PaymentStatus::RequiresPaymentMethod),
            "requires_action" | "requires_confirmation" => Ok(PaymentStatus::RequiresAction),
            "processing" => Ok(PaymentStatus::Processing),
            "requires_capture" => Ok(PaymentStatus::RequiresCapture),
            "succeeded" => Ok(PaymentStatus::Succeeded),
            "canceled" => Ok(PaymentStatus::Canceled),
            _ => {
                Err(unexpected("Stripe answered with a payment in a status that this version does not know"))
            }
        }
    }

    /// Whether Stripe waits for a confirmation, which it does not go on without.
    pub(super) fn waits_for_confirmation(&self) -> bool {
        matches!(self.status.as_str(), "requires_confirmation" | "requires_payment_method" | "canceled")
    }

    pub(super) fn amount(&self) -> Result<Money, Error> {
        from_stripe(self.amount, &self.currency)
    }

    pub(super) fn into_payment(self) -> Result<Payment, Error> {
        let status = self.status()?;
        let money = |amount| from_stripe(amount, &self.currency);
        let mut payment = Payment::new(PaymentId::new(&*self.id), self.amount()?, time(self.created));
        payment.status = status;
        if status == PaymentStatus::Succeeded {
            payment.captured = money(self.amount_received)?;
        }
        match &self.latest_charge {
            Some(Linked::Object(charge)) if charge.status == "succeeded" => {
                payment.authorised = money(charge.amount)?;
                payment.refunded =
                    money(charge.given_back(payment.captured.is_zero(), self.amount_received))?;
            }
            Some(Linked::Id(_)) => return Err(unexpected("Stripe did not expand the charge of a payment")),
            _ => {}
        }
        payment.capture = match self.capture_method.as_deref() {
            Some("manual") => CaptureMode::Manual,
            _ => CaptureMode::Automatic,
        };
        payment.customer = self.customer.map(|customer| CustomerId::new(customer.into_id()));
        if status == PaymentStatus::RequiresAction {
            let url = self.next_action.and_then(|next| next.redirect_to_url).and_then(|to| to.url);
            payment.next_action = url.map(|url| NextAction::Redirect { url });
        }
        payment.last_decline = self.last_payment_error.and_then(|fault| fault.decline().map(str::to_owned));
        payment.metadata = self.metadata.unwrap_or_default();
        check_conservation(&payment)?;
        Ok(payment)
    }
}

impl Charge {
    /// What customers got back of what was taken: less than `amount_refunded`, in which Stripe counts what a capture of
    /// a part, or a cancellation, has released.
    fn given_back(&self, nothing_taken: bool, taken: i64) -> i64 {
        let released = self.amount.saturating_sub(taken).max(0);
        if nothing_taken { 0 } else { self.amount_refunded.saturating_sub(released).max(0) }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WireRefund {
    id: String,
    amount: i64,
    currency: String,
    status: Option<String>,
    payment_intent: Option<Linked<Named>>,
    charge: Option<Linked<Named>>,
    #[serde(default)]
    created: i64,
}

impl WireRefund {
    pub(super) fn into_refund(self) -> Result<Refund, Error> {
        let status = match self.status.as_deref() {
            Some("succeeded") => RefundStatus::Succeeded,
            Some("failed") => RefundStatus::Failed,
            Some("canceled") => RefundStatus::Canceled,
            // `requires_action` is a customer who has yet to say where the money goes.
            Some("pending" | "requires_action") | None => RefundStatus::Pending,
            Some(_) => {
                return Err(unexpected(
                    "Stripe answered with a refund in a status that this version does not know",
                ));
            }
        };
        // A refund of a charge that somebody made without an intent.
        let of = self.payment_intent.or(self.charge).map(Linked::into_id);
        let of = of.ok_or_else(|| unexpected("Stripe answered with a refund of nothing"))?;
        let amount = from_stripe(self.amount, &self.currency)?;
        Ok(Refund::new(RefundId::new(self.id), PaymentId::new(of), amount, status, time(self.created)))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct WirePayout {
    id: String,
    amount: i64,
    currency: String,
    status: String,
    arrival_date: Option<i64>,
    failure_code: Option<String>,
}

impl WirePayout {
    pub(super) fn into_payout(self) -> Result<Payout, Error> {
        let status = match self.status.as_str() {
            "pending" => PayoutStatus::Pending,
            "in_transit" => PayoutStatus::InTransit,
            "paid" => PayoutStatus::Paid,
            "failed" => PayoutStatus::Failed,
            "canceled" => PayoutStatus::Canceled,
            _ => {
                return Err(unexpected(
                    "Stripe answered with a payout in a status that this version does not know",
                ));
            }
        };
        let amount = from_stripe(self.amount, &self.currency)?;
        let mut payout = Payout::new(PayoutId::new(self.id), amount, status);
        payout.arrives = self.arrival_date.map(time);
        payout.failure_code = self.failure_code;
        Ok(payout)
    }
}
