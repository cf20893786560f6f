//! A provider in memory, for unit tests.

mod bank;
mod effects;
mod ledger;
mod outside;
mod request;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

pub use bank::BankAnswer;
pub use ledger::Ledger;
pub use request::Request;

use super::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event,
    FindOptions, GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money,
    Payment, PaymentId, PaymentOptions, PaymentProvider, Payout, PayoutId, Refund, RefundId, RefundOptions,
    WebhookDelivery, WebhookOptions, operations, rules,
};
use crate::clock::{Clock, SystemClock};
use crate::{Capability, Context, Descriptor, Error};

/// A [`PaymentProvider`] that keeps its books in memory and forgets them when dropped.
///
/// It behaves as a real one does: idempotency keys, 3-D Secure, declines, partial captures and refunds, deadlines.
/// How the customer's bank answers depends on the method of payment alone: see [`BankAnswer::method`]. What happens
/// elsewhere is told to its [`Ledger`]. It sends no webhooks. What the unit under test must not rely on can be taken
/// away with [`with_capabilities`](Self::with_capabilities). Clones share their books.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use companyos_adapter_traits::payment::memory::{BankAnswer, MemoryPayments};
/// use companyos_adapter_traits::payment::{Currency, Money, PaymentOptions, PaymentStatus};
/// use companyos_adapter_traits::{Context, ErrorKind, PaymentProvider};
///
/// let payments = MemoryPayments::new();
/// let order = |key: &str| Context::builder("acme", "eu-central").idempotency_key(key).build();
/// let price = Money::new(12_34, Currency::EUR);
///
/// let options = PaymentOptions::default().method(BankAnswer::Approved.method()?);
/// let paid = payments.create_payment(&order("order-1"), price, &options).await?;
/// assert_eq!((paid.status, paid.captured), (PaymentStatus::Succeeded, price));
/// assert_eq!(payments.create_payment(&order("order-1"), price, &options).await?, paid, "not charged twice");
///
/// let options = PaymentOptions::default().method(BankAnswer::declined("insufficient_funds").method()?);
/// let error = payments.create_payment(&order("order-2"), price, &options).await.unwrap_err();
/// assert_eq!(*error.kind(), ErrorKind::Declined { code: "insufficient_funds".to_owned() });
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryPayments {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    ledger: Arc<Mutex<Ledger>>,
}

impl MemoryPayments {
    /// Empty books that serve any region and claim all they can do.
    #[must_use]
    pub fn new() -> Self {
        let descriptor = Descriptor::new("memory", env!("CARGO_PKG_VERSION")).with_capabilities([
            Capability::ManualCapture,
            Capability::PartialCapture,
            Capability::PartialRefund,
            Capability::FindByKey,
            Capability::Payouts,
        ]);
        Self { descriptor, clock: Arc::new(SystemClock), ledger: Arc::default() }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Pins the provider to a region, which its descriptor then names.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.descriptor = self.descriptor.with_region(region);
        self
    }

    /// Offers only these of its capabilities, and answers `Unsupported` to the rest.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let offered = capabilities.into_iter().filter(|capability| self.descriptor.has(*capability));
        let offered: Vec<_> = offered.collect();
        self.descriptor = self.descriptor.with_capabilities(offered);
        self
    }

    /// Looks at the books, or tells them what happened elsewhere.
    ///
    /// `visit` runs under their lock: it must not call the provider.
    pub fn with_ledger<T>(&self, visit: impl FnOnce(&mut Ledger) -> T) -> T {
        // Whatever panics in there, every change to the books is a whole one.
        visit(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn call(&self, ctx: &Context, request: &Request) -> Result<Made, Error> {
        ctx.check_deadline(self.clock.now())?;
        let key = rules::idempotency_key(ctx)?;
        let bank = request.method().map(BankAnswer::of).transpose()?.unwrap_or(BankAnswer::Approved);
        self.with_ledger(|ledger| {
            check_capabilities(&self.descriptor, ledger, request)?;
            ledger.call(&ctx.tenant, key, request, &bank, self.clock.wall())
        })
    }

    fn read<T>(&self, ctx: &Context, read: impl FnOnce(&Ledger) -> Result<T, Error>) -> Result<T, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.with_ledger(|ledger| read(ledger))
    }
}

/// Refuses what the descriptor does not claim. Decided by amounts that do not change any more, so that a repetition is
/// refused if and only if the first call was.
///
/// # Errors
/// [`Unsupported`](crate::ErrorKind::Unsupported), and [`NotFound`](crate::ErrorKind::NotFound) for an unknown payment.
pub fn check_capabilities(descriptor: &Descriptor, ledger: &Ledger, request: &Request) -> Result<(), Error> {
    // What is no amount at all is for the ledger to refuse.
    let part = |asked: Money, whole: Money| {
        asked.is_positive() && asked.compare(whole).is_ok_and(std::cmp::Ordering::is_lt)
    };
    let (needed, operation) = match request {
        Request::CreatePayment(_, options) if options.capture == CaptureMode::Manual => {
            (Capability::ManualCapture, operations::MANUAL_CAPTURE)
        }
        Request::Capture(id, CaptureOptions { amount: Some(asked) })
            if part(*asked, ledger.payment(id)?.authorised) =>
        {
            (Capability::PartialCapture, operations::PARTIAL_CAPTURE)
        }
        Request::Refund(id, RefundOptions { amount: Some(asked), .. })
            if part(*asked, ledger.payment(id)?.captured) =>
        {
            (Capability::PartialRefund, operations::PARTIAL_REFUND)
        }
        _ => return Ok(()),
    };
    if descriptor.has(needed) { Ok(()) } else { Err(Error::unsupported(operation, &descriptor.name)) }
}

impl Default for MemoryPayments {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryPayments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPayments").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentProvider for MemoryPayments {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn create_customer(&self, ctx: &Context, options: &CustomerOptions) -> Result<Customer, Error> {
        self.call(ctx, &Request::CreateCustomer(options.clone()))?.into_customer()
    }

    async fn get_customer(
        &self,
        ctx: &Context,
        id: &CustomerId,
        _: &GetCustomerOptions,
    ) -> Result<Customer, Error> {
        self.read(ctx, |ledger| ledger.customer(id).cloned())
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        self.call(ctx, &Request::CreatePayment(amount, options.clone()))?.into_payment()
    }

    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        _: &GetPaymentOptions,
    ) -> Result<Payment, Error> {
        self.read(ctx, |ledger| ledger.payment(id).cloned())
    }

    async fn confirm_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &ConfirmOptions,
    ) -> Result<Payment, Error> {
        self.call(ctx, &Request::Confirm(id.clone(), options.clone()))?.into_payment()
    }

    async fn capture_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CaptureOptions,
    ) -> Result<Payment, Error> {
        self.call(ctx, &Request::Capture(id.clone(), options.clone()))?.into_payment()
    }

    async fn cancel_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CancelOptions,
    ) -> Result<Payment, Error> {
        self.call(ctx, &Request::Cancel(id.clone(), options.clone()))?.into_payment()
    }

    async fn refund_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &RefundOptions,
    ) -> Result<Refund, Error> {
        self.call(ctx, &Request::Refund(id.clone(), options.clone()))?.into_refund()
    }

    async fn get_refund(&self, ctx: &Context, id: &RefundId, _: &GetRefundOptions) -> Result<Refund, Error> {
        self.read(ctx, |ledger| ledger.refund(id).cloned())
    }

    async fn get_payout(&self, ctx: &Context, id: &PayoutId, _: &GetPayoutOptions) -> Result<Payout, Error> {
        if !self.descriptor.has(Capability::Payouts) {
            return Err(Error::unsupported(operations::GET_PAYOUT, &self.descriptor.name));
        }
        self.read(ctx, |ledger| ledger.payout(id).cloned())
    }

    async fn find_by_key(&self, ctx: &Context, key: &str, _: &FindOptions) -> Result<Option<Made>, Error> {
        if !self.descriptor.has(Capability::FindByKey) {
            return Err(Error::unsupported(operations::FIND_BY_KEY, &self.descriptor.name));
        }
        self.read(ctx, |ledger| ledger.find(&ctx.tenant, key))
    }

    async fn verify_webhook(
        &self,
        _: &Context,
        _: &WebhookDelivery,
        _: &WebhookOptions,
    ) -> Result<Event, Error> {
        // Nobody sends any.
        Err(Error::unsupported(operations::VERIFY_WEBHOOK, &self.descriptor.name))
    }
}
