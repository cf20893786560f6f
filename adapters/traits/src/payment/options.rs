//! What a caller can ask for. Structs are `non_exhaustive`, so that an option can be added without breaking an adapter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CustomerId, Money, PaymentMethod};

/// Who a customer is. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CustomerOptions {
    /// Where the provider sends mail to them.
    pub email: Option<String>,
    /// What the provider's pages and invoices call them.
    pub name: Option<String>,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
}

impl CustomerOptions {
    /// Sets where the provider sends mail to them.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Sets what the provider calls them.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds one of the caller's own pairs.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

/// When what is authorised is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CaptureMode {
    /// At once.
    #[default]
    Automatic,
    /// When [`capture_payment`](super::PaymentProvider::capture_payment) says so.
    Manual,
}

/// How [`create_payment`](super::PaymentProvider::create_payment) charges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PaymentOptions {
    /// When what is authorised is taken.
    pub capture: CaptureMode,
    /// Whom the payment is attributed to.
    pub customer: Option<CustomerId>,
    /// What pays. With it the payment is confirmed at once.
    pub method: Option<PaymentMethod>,
    /// Whether the customer is away and cannot authenticate.
    pub off_session: bool,
    /// Where the customer comes back to after authenticating on the provider's page.
    pub return_url: Option<String>,
    /// What the payment is for, for people who read the provider's dashboard.
    pub description: Option<String>,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
}

impl PaymentOptions {
    /// Captures when told to.
    #[must_use]
    pub fn manual_capture(mut self) -> Self {
        self.capture = CaptureMode::Manual;
        self
    }

    /// Attributes the payment to a customer.
    #[must_use]
    pub fn customer(mut self, customer: CustomerId) -> Self {
        self.customer = Some(customer);
        self
    }

    /// Confirms the payment at once with this method.
    #[must_use]
    pub fn method(mut self, method: PaymentMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// Says that the customer is away and cannot authenticate.
    #[must_use]
    pub fn off_session(mut self) -> Self {
        self.off_session = true;
        self
    }

    /// Sets where the customer comes back to after authenticating.
    #[must_use]
    pub fn return_url(mut self, url: impl Into<String>) -> Self {
        self.return_url = Some(url.into());
        self
    }

    /// Says what the payment is for.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds one of the caller's own pairs.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

/// How [`confirm_payment`](super::PaymentProvider::confirm_payment) goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConfirmOptions {
    /// What pays. Required when the payment waits for a method; none when it waits for the customer.
    pub method: Option<PaymentMethod>,
    /// Whether the customer is away and cannot authenticate.
    pub off_session: bool,
    /// Where the customer comes back to after authenticating on the provider's page.
    pub return_url: Option<String>,
}

impl ConfirmOptions {
    /// Authorises with this method.
    #[must_use]
    pub fn method(method: PaymentMethod) -> Self {
        Self { method: Some(method), ..Self::default() }
    }

    /// Goes on after the customer has authenticated.
    #[must_use]
    pub fn authenticated() -> Self {
        Self::default()
    }

    /// Says that the customer is away and cannot authenticate.
    #[must_use]
    pub fn off_session(mut self) -> Self {
        self.off_session = true;
        self
    }

    /// Sets where the customer comes back to after authenticating.
    #[must_use]
    pub fn return_url(mut self, url: impl Into<String>) -> Self {
        self.return_url = Some(url.into());
        self
    }
}

/// What [`capture_payment`](super::PaymentProvider::capture_payment) takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CaptureOptions {
    /// How much; all that was authorised when `None`.
    pub amount: Option<Money>,
}

impl CaptureOptions {
    /// Takes this much and releases the rest.
    #[must_use]
    pub fn amount(amount: Money) -> Self {
        Self { amount: Some(amount) }
    }
}

/// How [`cancel_payment`](super::PaymentProvider::cancel_payment) cancels. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CancelOptions {}

/// Why money is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundReason {
    /// The customer asked for it.
    RequestedByCustomer,
    /// The same was paid twice.
    Duplicate,
    /// The payment was fraudulent.
    Fraudulent,
}

/// What [`refund_payment`](super::PaymentProvider::refund_payment) gives back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RefundOptions {
    /// How much; all that is left when `None`.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<RefundReason>,
}

impl RefundOptions {
    /// Gives back this much.
    #[must_use]
    pub fn amount(amount: Money) -> Self {
        Self { amount: Some(amount), reason: None }
    }

    /// Says why.
    #[must_use]
    pub fn reason(mut self, reason: RefundReason) -> Self {
        self.reason = Some(reason);
        self
    }
}

/// How [`get_customer`](super::PaymentProvider::get_customer) reads. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetCustomerOptions {}

/// How [`get_payment`](super::PaymentProvider::get_payment) reads. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetPaymentOptions {}

/// How [`get_refund`](super::PaymentProvider::get_refund) reads. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetRefundOptions {}

/// How [`get_payout`](super::PaymentProvider::get_payout) reads. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetPayoutOptions {}

/// How [`find_by_key`](super::PaymentProvider::find_by_key) looks. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FindOptions {}

/// What [`verify_webhook`](super::PaymentProvider::verify_webhook) accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookOptions {
    /// How far the time of the signature may be from now, in either direction.
    pub tolerance: Duration,
}

impl WebhookOptions {
    /// Five minutes, which is what most providers recommend.
    pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

    /// Sets how far the time of the signature may be from now.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self { tolerance: Self::DEFAULT_TOLERANCE }
    }
}
