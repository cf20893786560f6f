//! Payments: money that is authorised, captured and given back.

mod currency;
mod currency_table;
mod forward;
mod id;
pub mod memory;
mod money;
mod objects;
mod options;
mod replay;
pub mod rules;
mod webhook;

use async_trait::async_trait;

pub use currency::Currency;
pub use id::{CustomerId, DisputeId, EventId, PaymentId, PaymentMethod, PayoutId, RefundId};
pub use memory::MemoryPayments;
pub use money::Money;
pub use objects::{
    Customer, Made, NextAction, Payment, PaymentStatus, Payout, PayoutStatus, Refund, RefundStatus,
};
pub use options::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, CustomerOptions, FindOptions,
    GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, PaymentOptions, RefundOptions,
    RefundReason, WebhookOptions,
};
pub use replay::{MemoryReplayGuard, ReplayGuard};
pub use webhook::{Event, EventKind, WebhookDelivery};

use crate::{Context, Descriptor, Error};

/// The operations, as errors, policy questions and receipts name them.
pub mod operations {
    /// [`PaymentProvider::create_customer`](super::PaymentProvider::create_customer)
    pub const CREATE_CUSTOMER: &str = "payment.create-customer";
    /// [`PaymentProvider::get_customer`](super::PaymentProvider::get_customer)
    pub const GET_CUSTOMER: &str = "payment.get-customer";
    /// [`PaymentProvider::create_payment`](super::PaymentProvider::create_payment)
    pub const CREATE: &str = "payment.create";
    /// [`PaymentProvider::create_payment`](super::PaymentProvider::create_payment) with
    /// [`CaptureMode::Manual`](super::CaptureMode::Manual), where it is a capability of its own
    pub const MANUAL_CAPTURE: &str = "payment.manual-capture";
    /// [`PaymentProvider::get_payment`](super::PaymentProvider::get_payment)
    pub const GET: &str = "payment.get";
    /// [`PaymentProvider::confirm_payment`](super::PaymentProvider::confirm_payment)
    pub const CONFIRM: &str = "payment.confirm";
    /// [`PaymentProvider::capture_payment`](super::PaymentProvider::capture_payment)
    pub const CAPTURE: &str = "payment.capture";
    /// [`PaymentProvider::capture_payment`](super::PaymentProvider::capture_payment) of a part, where it is a
    /// capability of its own
    pub const PARTIAL_CAPTURE: &str = "payment.partial-capture";
    /// [`PaymentProvider::cancel_payment`](super::PaymentProvider::cancel_payment)
    pub const CANCEL: &str = "payment.cancel";
    /// [`PaymentProvider::refund_payment`](super::PaymentProvider::refund_payment)
    pub const REFUND: &str = "payment.refund";
    /// [`PaymentProvider::refund_payment`](super::PaymentProvider::refund_payment) of a part, where it is a
    /// capability of its own
    pub const PARTIAL_REFUND: &str = "payment.partial-refund";
    /// [`PaymentProvider::get_refund`](super::PaymentProvider::get_refund)
    pub const GET_REFUND: &str = "payment.get-refund";
    /// [`PaymentProvider::get_payout`](super::PaymentProvider::get_payout)
    pub const GET_PAYOUT: &str = "payment.get-payout";
    /// [`PaymentProvider::find_by_key`](super::PaymentProvider::find_by_key)
    pub const FIND_BY_KEY: &str = "payment.find-by-key";
    /// [`PaymentProvider::verify_webhook`](super::PaymentProvider::verify_webhook)
    pub const VERIFY_WEBHOOK: &str = "payment.verify-webhook";
    /// Those that have effects and require an idempotency key
    pub const EFFECTS: [&str; 6] = [CREATE_CUSTOMER, CREATE, CONFIRM, CAPTURE, CANCEL, REFUND];
}

/// An account with a payment provider.
///
/// # Effects happen once
///
/// `create_customer`, `create_payment`, `confirm_payment`, `capture_payment`, `cancel_payment` and `refund_payment`
/// have effects. Each **requires** [`Context::idempotency_key`], one key for all attempts of one operation; without
/// one it answers [`InvalidInput`](crate::ErrorKind::InvalidInput) and does nothing (see
/// [`rules::idempotency_key`] for what a key may be). The adapter passes the key to the provider and promises, for at
/// least 24 hours after the first call:
///
/// - **Same key, same operation and parameters: the same result.** However often and however concurrently it is
///   called, the effect happens at most once, and every answer names the same object, in the state it had after the
///   first call or has come to since. That holds for refusals too: a call that was declined is declined again. A call
///   that overtakes the first may be answered [`Conflict`](crate::ErrorKind::Conflict) (in flight) instead; repeat it.
/// - **Same key, other operation or parameters: refused** with
///   [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch), and nothing is done.
/// - **Keys of different tenants are different keys**, also on one account.
/// - **Doubt is resolved by repeating.** After an error whose outcome is
///   [`MaybeSent`](crate::Outcome::MaybeSent) the same call with the same key finds out what happened, or does now
///   what had not been done. Nothing else does, so an adapter that cannot keep this promise is not conformant.
///
/// # Money is conserved
///
/// `authorised ≥ captured ≥ refunded` holds in every [`Payment`] an adapter answers with, in one currency.
/// [`PaymentStatus`] changes only as [`PaymentStatus::may_become`] says.
///
/// # No card data
///
/// Methods of payment come in as the provider's tokens, made by the customer's browser with the provider. A
/// [`PaymentMethod`] refuses what looks like a card number. Nothing here takes, returns or logs one.
///
/// Every operation refuses a [`Context`] whose deadline has passed with
/// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) and [`NotSent`](crate::Outcome::NotSent), and may be
/// cancelled by dropping the future, which leaves it open whether the effect happens. A read that starts after an
/// effect was acknowledged sees it. Implementors of a wrapper carry `#[deny(clippy::missing_trait_methods)]`, because
/// an optional method they forget would silently answer `Unsupported` for the adapter within.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// What this adapter is, claims and bounds. Constant for the life of the adapter.
    fn descriptor(&self) -> &Descriptor;

    /// Creates a customer, to whom payments can be attributed. An effect.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and
    /// [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn create_customer(&self, ctx: &Context, options: &CustomerOptions) -> Result<Customer, Error>;

    /// Reads a customer.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound)
    async fn get_customer(
        &self,
        ctx: &Context,
        id: &CustomerId,
        options: &GetCustomerOptions,
    ) -> Result<Customer, Error>;

    /// Creates a payment of `amount`. An effect.
    ///
    /// Without a method of payment in the options it comes to
    /// [`RequiresPaymentMethod`](PaymentStatus::RequiresPaymentMethod) and nothing is charged. With one it is
    /// confirmed at once, as by [`confirm_payment`](Self::confirm_payment), and charged unless captured manually.
    ///
    /// # Errors
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) for an amount that is not positive.
    /// - [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for an amount the provider never takes.
    /// - [`NotFound`](crate::ErrorKind::NotFound) for an unknown customer or method.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for manual capture, unless the descriptor claims
    ///   [`ManualCapture`](crate::Capability::ManualCapture).
    /// - Those of [`confirm_payment`](Self::confirm_payment). The payment they leave without a method never charges.
    /// - [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error>;

    /// Reads a payment.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound)
    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &GetPaymentOptions,
    ) -> Result<Payment, Error>;

    /// Takes the next step towards the customer's money. An effect.
    ///
    /// With a method in the options, on [`RequiresPaymentMethod`](PaymentStatus::RequiresPaymentMethod) or
    /// [`RequiresAction`](PaymentStatus::RequiresAction), it authorises with that method. The payment comes to
    /// `RequiresAction` when the customer must authenticate (3-D Secure), whose [`NextAction`] says where; to
    /// `Processing` when the answer takes time; else to `RequiresCapture` or `Succeeded`.
    ///
    /// Without a method it goes on after the customer has authenticated, where the provider does not go on by itself.
    /// If there is nothing to do, because the customer has not authenticated yet or the payment is already on its way
    /// or there, the answer is the payment as it is.
    ///
    /// # Errors
    /// - [`Declined`](crate::ErrorKind::Declined) with the reason; the payment is back at `RequiresPaymentMethod`. A
    ///   failed authentication is a decline too.
    /// - [`AuthenticationRequired`](crate::ErrorKind::AuthenticationRequired) when the customer would have to
    ///   authenticate but the options say that they are not present; the payment is back at `RequiresPaymentMethod`.
    /// - [`InvalidState`](crate::ErrorKind::InvalidState) for a cancelled payment, for a method once the payment is on
    ///   its way or there, and for no method when nothing pays yet.
    /// - [`NotFound`](crate::ErrorKind::NotFound) and
    ///   [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn confirm_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &ConfirmOptions,
    ) -> Result<Payment, Error>;

    /// Takes what was authorised, or a part of it, and releases the rest. An effect. A payment is captured once.
    ///
    /// # Errors
    /// - [`InvalidState`](crate::ErrorKind::InvalidState) unless the status is
    ///   [`RequiresCapture`](PaymentStatus::RequiresCapture), or for more than was authorised.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) for an amount that is not positive or of another currency.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for a part, unless the descriptor claims
    ///   [`PartialCapture`](crate::Capability::PartialCapture).
    /// - [`NotFound`](crate::ErrorKind::NotFound) and
    ///   [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn capture_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CaptureOptions,
    ) -> Result<Payment, Error>;

    /// Gives the payment up and releases what was authorised. An effect.
    ///
    /// # Errors
    /// - [`InvalidState`](crate::ErrorKind::InvalidState) once anything is captured, in processing, or if it was
    ///   cancelled under another key.
    /// - [`NotFound`](crate::ErrorKind::NotFound) and
    ///   [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn cancel_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CancelOptions,
    ) -> Result<Payment, Error>;

    /// Gives back what was captured and not yet refunded, or a part of it. An effect.
    ///
    /// A refund counts as refunded from the moment it is accepted; if it fails later it no longer does.
    ///
    /// # Errors
    /// - [`InvalidState`](crate::ErrorKind::InvalidState) when nothing is captured, or for more than is left.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) for an amount that is not positive or of another currency.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for a part, unless the descriptor claims
    ///   [`PartialRefund`](crate::Capability::PartialRefund).
    /// - [`NotFound`](crate::ErrorKind::NotFound) and
    ///   [`IdempotencyMismatch`](crate::ErrorKind::IdempotencyMismatch)
    async fn refund_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &RefundOptions,
    ) -> Result<Refund, Error>;

    /// Reads a refund.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound)
    async fn get_refund(
        &self,
        ctx: &Context,
        id: &RefundId,
        options: &GetRefundOptions,
    ) -> Result<Refund, Error>;

    /// Reads a payout: money on its way from the provider to the account's owner. A capability:
    /// [`Payouts`](crate::Capability::Payouts).
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and [`Unsupported`](crate::ErrorKind::Unsupported) unless the
    /// descriptor claims the capability.
    async fn get_payout(
        &self,
        ctx: &Context,
        id: &PayoutId,
        options: &GetPayoutOptions,
    ) -> Result<Payout, Error> {
        let _ = (ctx, id, options);
        Err(Error::unsupported(operations::GET_PAYOUT, &self.descriptor().name))
    }

    /// Finds what was done under the tenant's idempotency key `key`, without doing anything. A capability:
    /// [`FindByKey`](crate::Capability::FindByKey).
    ///
    /// It is claimed only where the answer is exact: `None` says that nothing was done under the key, not that nothing
    /// was found yet. A request still on its way may be done after that; who wants to conclude that it never will be
    /// asks after the deadline of every attempt, or repeats the call instead.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn find_by_key(
        &self,
        ctx: &Context,
        key: &str,
        options: &FindOptions,
    ) -> Result<Option<Made>, Error> {
        let _ = (ctx, key, options);
        Err(Error::unsupported(operations::FIND_BY_KEY, &self.descriptor().name))
    }

    /// Checks that a delivery comes from the provider, is fresh and is new, and reads the event in it. A capability:
    /// [`Webhooks`](crate::Capability::Webhooks).
    ///
    /// The signature covers the raw body, so pass the bytes as they came in. A *replay* is the same signed delivery
    /// once more; when the provider delivers an event again it signs again, and the event passes with the same
    /// [`Event::id`]. So verify, then handle each id once.
    ///
    /// # Errors
    /// - [`WebhookForged`](crate::ErrorKind::WebhookForged) when no signature fits, or there is none.
    /// - [`WebhookOutsideTolerance`](crate::ErrorKind::WebhookOutsideTolerance) when it was signed too long ago or too
    ///   far ahead. A delivery that is forged and late is forged.
    /// - [`WebhookReplayed`](crate::ErrorKind::WebhookReplayed) when this delivery was verified before.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) when the genuine body is not an event.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn verify_webhook(
        &self,
        ctx: &Context,
        delivery: &WebhookDelivery,
        options: &WebhookOptions,
    ) -> Result<Event, Error> {
        let _ = (ctx, delivery, options);
        Err(Error::unsupported(operations::VERIFY_WEBHOOK, &self.descriptor().name))
    }
}
