//! What a provider answers.
//!
//! The structs are `non_exhaustive`: an adapter starts from `new` and sets the public fields it knows more about.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use super::{CaptureMode, CustomerId, Money, PaymentId, PayoutId, RefundId};

/// Whom payments are attributed to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Customer {
    /// The provider's name for them.
    pub id: CustomerId,
    /// Where the provider sends mail to them.
    pub email: Option<String>,
    /// What the provider calls them.
    pub name: Option<String>,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// When they were created, by the provider's clock.
    pub created: SystemTime,
}

impl Customer {
    /// A customer of whom nothing else is known.
    #[must_use]
    pub fn new(id: CustomerId, created: SystemTime) -> Self {
        Self { id, email: None, name: None, metadata: BTreeMap::new(), created }
    }
}

/// How far a payment has come. [`may_become`](Self::may_become) draws the arrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentStatus {
    /// Nothing pays yet, or what should have paid was declined.
    RequiresPaymentMethod,
    /// The customer must authenticate, or has and waits for a confirmation.
    RequiresAction,
    /// The provider is at work; a webhook or a read will tell.
    Processing,
    /// The amount is authorised and waits to be captured.
    RequiresCapture,
    /// The money is taken, if not all of it given back since.
    Succeeded,
    /// It was given up. Nothing was or will be taken.
    Canceled,
}

impl PaymentStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::RequiresPaymentMethod,
        Self::RequiresAction,
        Self::Processing,
        Self::RequiresCapture,
        Self::Succeeded,
        Self::Canceled,
    ];

    /// The stable name, as in `requires_capture`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the customer must do.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextAction {
    /// Open this page of the provider or the bank, and come back. `Debug` does not print the URL: whoever has it can
    /// act on the payment.
    Redirect {
        /// Where to send the customer's browser.
        url: String,
    },
}

impl fmt::Debug for NextAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redirect { .. } => f.debug_struct("Redirect").field("url", &"***").finish(),
        }
    }
}

/// A payment, from the first attempt to the last refund.
///
/// `authorised ≥ captured ≥ refunded ≥ 0` and `amount ≥ authorised`, all in one currency:
/// [`rules::check_conservation`](super::rules::check_conservation).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payment {
    /// The provider's name for it.
    pub id: PaymentId,
    /// How far it has come.
    pub status: PaymentStatus,
    /// What is to be paid.
    pub amount: Money,
    /// What the customer's bank has promised, whether or not it was released since. Nothing until the payment comes
    /// to `RequiresCapture` or `Succeeded`.
    pub authorised: Money,
    /// What was taken.
    pub captured: Money,
    /// What was given back of what was taken, refunds under way included. Releasing an authorisation is no refund.
    pub refunded: Money,
    /// When what is authorised is taken.
    pub capture: CaptureMode,
    /// Whom it is attributed to.
    pub customer: Option<CustomerId>,
    /// What the customer must do, in `RequiresAction`.
    pub next_action: Option<NextAction>,
    /// The decline code of the last attempt to authorise, if that was declined.
    pub last_decline: Option<String>,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// When it was created, by the provider's clock.
    pub created: SystemTime,
}

impl Payment {
    /// A payment that nothing pays yet.
    #[must_use]
    pub fn new(id: PaymentId, amount: Money, created: SystemTime) -> Self {
        let zero = Money::zero(amount.currency());
        Self {
            id,
            status: PaymentStatus::RequiresPaymentMethod,
            amount,
            authorised: zero,
            captured: zero,
            refunded: zero,
            capture: CaptureMode::Automatic,
            customer: None,
            next_action: None,
            last_decline: None,
            metadata: BTreeMap::new(),
            created,
        }
    }
}

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundStatus {
    /// The provider has accepted it.
    Pending,
    /// The money is on its way to the customer.
    Succeeded,
    /// The customer's bank did not take it; the money is back on the account.
    Failed,
    /// It was given up before it was sent.
    Canceled,
}

impl RefundStatus {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refund {
    /// The provider's name for it.
    pub id: RefundId,
    /// The payment it gives back.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub status: RefundStatus,
    /// When it was created, by the provider's clock.
    pub created: SystemTime,
}

impl Refund {
    /// Puts the five together.
    #[must_use]
    pub fn new(
        id: RefundId,
        payment: PaymentId,
        amount: Money,
        status: RefundStatus,
        created: SystemTime,
    ) -> Self {
        Self { id, payment, amount, status, created }
    }
}

/// How far a payout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayoutStatus {
    /// It has not been sent to the bank yet.
    Pending,
    /// The bank has it.
    InTransit,
    /// It should have arrived.
    Paid,
    /// The bank refused it.
    Failed,
    /// It was given up before it was sent.
    Canceled,
}

impl PayoutStatus {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InTransit => "in_transit",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// Money on its way from the provider to the account's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payout {
    /// The provider's name for it.
    pub id: PayoutId,
    /// How much.
    pub amount: Money,
    /// How far it has come.
    pub status: PayoutStatus,
    /// When it should arrive, or has.
    pub arrives: Option<SystemTime>,
    /// Why the bank refused it, in the provider's words for it.
    pub failure_code: Option<String>,
}

impl Payout {
    /// A payout of which nothing else is known.
    #[must_use]
    pub fn new(id: PayoutId, amount: Money, status: PayoutStatus) -> Self {
        Self { id, amount, status, arrives: None, failure_code: None }
    }
}

/// What an effect made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Made {
    /// A customer was created.
    Customer(Customer),
    /// A payment was created, confirmed, captured or cancelled.
    Payment(Payment),
    /// Money was given back.
    Refund(Refund),
}

impl From<Customer> for Made {
    fn from(customer: Customer) -> Self {
        Self::Customer(customer)
    }
}

impl From<Payment> for Made {
    fn from(payment: Payment) -> Self {
        Self::Payment(payment)
    }
}

impl From<Refund> for Made {
    fn from(refund: Refund) -> Self {
        Self::Refund(refund)
    }
}
