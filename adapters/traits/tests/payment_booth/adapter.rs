//! The adapter: right in every way but one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::conformance::payment::Fault as LinkFault;
use companyos_adapter_traits::payment::memory::{BankAnswer, Ledger, Request, check_capabilities};
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event,
    EventId, EventKind, FindOptions, GetCustomerOptions, GetPaymentOptions, GetPayoutOptions,
    GetRefundOptions, Made, Money, Payment, PaymentId, PaymentOptions, PaymentProvider, PaymentStatus,
    Payout, PayoutId, Refund, RefundId, RefundOptions, ReplayGuard, WebhookDelivery, WebhookOptions,
    operations, rules,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ErrorKind, Outcome};

use super::{Booth, Fault};

/// FNV-1a over secret, time and body: no security, but it tells a genuine delivery from an altered one.
pub(super) fn toy_mac(secret: &str, seconds: u64, body: &[u8]) -> u64 {
    let time = seconds.to_be_bytes();
    [secret.as_bytes(), &time, body].concat().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A key that nobody else has.
fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("fresh-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Booth {
    fn deadline(&self, ctx: &Context) -> Result<(), Error> {
        if self.is(Fault::DeadlineIsIgnored) { Ok(()) } else { ctx.check_deadline(SystemClock.now()) }
    }

    fn tenant<'c>(&self, ctx: &'c Context) -> &'c str {
        if self.is(Fault::TenantsShareKeys) { "everybody" } else { &ctx.tenant }
    }

    async fn effect(&self, ctx: &Context, mut request: Request) -> Result<Made, Error> {
        self.deadline(ctx)?;
        let mut key = match rules::idempotency_key(ctx) {
            Err(_) if self.is(Fault::MissingKeyIsAccepted) => fresh_key(),
            key => key?.to_owned(),
        };
        let tenant = self.tenant(ctx);
        self.spoil(&mut request)?;
        self.books.with_ledger(|books| check_capabilities(&self.descriptor, books, &request))?;
        let charge = matches!(request, Request::CreatePayment(..));
        match self.fault {
            Some(Fault::RefundsAreRepeated) if matches!(request, Request::Refund(..)) => {
                let known = self.books.with_ledger(|books| books.find(tenant, &key))?;
                if matches!(known, Some(Made::Refund(_))) {
                    key = fresh_key();
                }
            }
            Some(Fault::RacersAllCharge) if charge => {
                let known = self.books.with_ledger(|books| books.find(tenant, &key))?;
                tokio::task::yield_now().await;
                if known.is_none() && self.books.with_ledger(|books| books.find(tenant, &key))?.is_some() {
                    key = fresh_key();
                }
            }
            _ => {}
        }
        let link = self.take_link_fault();
        if link == Some(LinkFault::RequestLost) {
            return Err(Error::new(ErrorKind::Unavailable, "no connection").with_outcome(Outcome::NotSent));
        }
        let answer = self.provider(tenant, &key, &request);
        match link {
            Some(LinkFault::RequestDuplicated) => self.provider(tenant, &key, &request),
            Some(LinkFault::AnswerLost) => {
                let error = Error::new(ErrorKind::Unavailable, "the connection broke");
                let known =
                    if self.is(Fault::LostAnswerIsNotSent) { Outcome::NotSent } else { Outcome::MaybeSent };
                Err(error.with_outcome(known))
            }
            _ => answer,
        }
    }

    /// Makes the request another one than the caller's.
    fn spoil(&self, request: &mut Request) -> Result<(), Error> {
        let payment = |id: &PaymentId| self.books.with_ledger(|books| books.payment(id).cloned());
        match (self.fault, request) {
            (Some(Fault::CaptureIsCapped), Request::Capture(id, options)) => {
                let most = payment(id)?.authorised;
                options.amount = options.amount.filter(|asked| !asked.compare(most).is_ok_and(|o| o.is_gt()));
            }
            (Some(Fault::PartialCaptureTakesAll), Request::Capture(id, options)) => {
                let all = payment(id)?.authorised;
                let part = |asked: &Money| asked.is_positive() && asked.compare(all).is_ok_and(|o| o.is_lt());
                options.amount = options.amount.filter(|asked| !part(asked));
            }
            (Some(Fault::RefundIsCapped), Request::Refund(id, options)) => {
                let payment = payment(id)?;
                let left = payment.captured.minus(payment.refunded)?;
                if options.amount.is_some_and(|asked| asked.compare(left).is_ok_and(|o| o.is_gt())) {
                    options.amount = None;
                }
            }
            (
                Some(Fault::SignsAreIgnored),
                Request::Refund(_, RefundOptions { amount: Some(amount), .. }),
            ) => {
                *amount = Money::new(amount.minor().abs(), amount.currency());
            }
            (Some(Fault::UnclaimedManualCaptureTakes), Request::CreatePayment(_, options)) => {
                options.capture = CaptureMode::Automatic;
            }
            (Some(Fault::AbsentCustomerIsAsked), Request::Confirm(_, options)) => options.off_session = false,
            (Some(Fault::NamesAreForgotten), Request::CreateCustomer(options)) => options.name = None,
            _ => {}
        }
        Ok(())
    }

    /// The provider does what it is asked, and the adapter reads the answer.
    fn provider(&self, tenant: &str, key: &str, request: &Request) -> Result<Made, Error> {
        let mut bank = request.method().map(BankAnswer::of).transpose()?.unwrap_or(BankAnswer::Approved);
        let at_once = matches!(request, Request::CreatePayment(..));
        if self.is(Fault::AuthenticationIsSkipped) && bank == BankAnswer::AuthenticationRequired && at_once {
            bank = BankAnswer::Approved;
        }
        let call = |books: &mut Ledger, key: &str, bank: &BankAnswer| {
            books.call(tenant, key, request, bank, SystemClock.wall())
        };
        let known = self.books.with_ledger(|books| books.find(tenant, key))?;
        let answer = self.books.with_ledger(|books| call(books, key, &bank));
        let Err(error) = answer else { return answer };
        match (self.fault, error.kind(), known) {
            (Some(Fault::MismatchIsReplayed), ErrorKind::IdempotencyMismatch, Some(known)) => Ok(known),
            (Some(Fault::DeclinesAreForgotten), ErrorKind::Declined { .. }, Some(_)) => {
                self.books.with_ledger(|books| call(books, &fresh_key(), &BankAnswer::Approved))
            }
            (Some(Fault::DeclineIsNoError), ErrorKind::Declined { .. }, _)
                if matches!(request, Request::CreatePayment(..)) =>
            {
                let left = self.books.with_ledger(|books| books.find(tenant, key))?;
                left.ok_or(error)
            }
            (Some(Fault::DeclineCodeIsLost), ErrorKind::Declined { .. }, _)
                if matches!(request, Request::Confirm(..)) =>
            {
                Err(Error::new(ErrorKind::Declined { code: "declined".to_owned() }, "no"))
            }
            (Some(Fault::CancelOfTakenSucceeds), ErrorKind::InvalidState, _) => match request {
                Request::Cancel(id, _) => {
                    let payment = self.books.with_ledger(|books| books.payment(id).cloned())?;
                    let taken = payment.status == PaymentStatus::Succeeded;
                    if taken { Ok(Made::Payment(payment)) } else { Err(error) }
                }
                _ => Err(error),
            },
            _ => Err(error),
        }
    }

    fn read<T>(&self, ctx: &Context, read: impl FnOnce(&Ledger) -> Result<T, Error>) -> Result<T, Error> {
        self.deadline(ctx)?;
        self.books.with_ledger(|books| read(books))
    }

    fn shown(&self, mut payment: Payment) -> Payment {
        match self.fault {
            Some(Fault::RefundsAreNotCounted) => payment.refunded = Money::zero(payment.amount.currency()),
            Some(Fault::ProcessingIsSuccess) if payment.status == PaymentStatus::Processing => {
                payment.status = PaymentStatus::Succeeded;
                payment.authorised = payment.amount;
                payment.captured = payment.amount;
            }
            _ => {}
        }
        payment
    }
}

#[async_trait]
impl PaymentProvider for Booth {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn create_customer(&self, ctx: &Context, options: &CustomerOptions) -> Result<Customer, Error> {
        self.effect(ctx, Request::CreateCustomer(options.clone())).await?.into_customer()
    }

    async fn get_customer(
        &self,
        ctx: &Context,
        id: &CustomerId,
        _: &GetCustomerOptions,
    ) -> Result<Customer, Error> {
        self.read(ctx, |books| books.customer(id).cloned())
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        let request = Request::CreatePayment(amount, options.clone());
        self.effect(ctx, request).await?.into_payment().map(|payment| self.shown(payment))
    }

    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        _: &GetPaymentOptions,
    ) -> Result<Payment, Error> {
        self.read(ctx, |books| books.payment(id).cloned()).map(|payment| self.shown(payment))
    }

    async fn confirm_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &ConfirmOptions,
    ) -> Result<Payment, Error> {
        self.effect(ctx, Request::Confirm(id.clone(), options.clone())).await?.into_payment()
    }

    async fn capture_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CaptureOptions,
    ) -> Result<Payment, Error> {
        self.effect(ctx, Request::Capture(id.clone(), options.clone())).await?.into_payment()
    }

    async fn cancel_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CancelOptions,
    ) -> Result<Payment, Error> {
        self.effect(ctx, Request::Cancel(id.clone(), options.clone())).await?.into_payment()
    }

    async fn refund_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &RefundOptions,
    ) -> Result<Refund, Error> {
        self.effect(ctx, Request::Refund(id.clone(), options.clone())).await?.into_refund()
    }

    async fn get_refund(&self, ctx: &Context, id: &RefundId, _: &GetRefundOptions) -> Result<Refund, Error> {
        self.read(ctx, |books| books.refund(id).cloned()).map_err(|error| match error.kind() {
            ErrorKind::NotFound if self.is(Fault::AbsentRefundIsInternal) => {
                Error::new(ErrorKind::Internal, "the provider answered 404")
            }
            _ => error,
        })
    }

    async fn get_payout(&self, ctx: &Context, id: &PayoutId, _: &GetPayoutOptions) -> Result<Payout, Error> {
        self.read(ctx, |books| books.payout(id).cloned())
    }

    async fn find_by_key(&self, ctx: &Context, key: &str, _: &FindOptions) -> Result<Option<Made>, Error> {
        if self.is(Fault::KeysAreNotFound) {
            return Ok(None);
        }
        self.read(ctx, |books| books.find(self.tenant(ctx), key))
    }

    async fn verify_webhook(
        &self,
        ctx: &Context,
        delivery: &WebhookDelivery,
        options: &WebhookOptions,
    ) -> Result<Event, Error> {
        self.deadline(ctx)?;
        if !self.descriptor.has(Capability::Webhooks) {
            return Err(Error::unsupported(operations::VERIFY_WEBHOOK, &self.descriptor.name));
        }
        let forged = || Error::new(ErrorKind::WebhookForged, "the signature does not fit");
        let signature = delivery.header("booth-signature").next().ok_or_else(forged)?;
        let (seconds, mac) = signature.split_once(' ').ok_or_else(forged)?;
        let seconds: u64 = seconds.parse().map_err(|_| forged())?;
        let covered = if self.is(Fault::BodyIsTrimmed) { delivery.body.trim_ascii() } else { &delivery.body };
        if format!("{:x}", toy_mac("the secret", seconds, covered)) != mac {
            return Err(forged());
        }
        let signed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = SystemClock.wall();
        let apart = now.duration_since(signed).unwrap_or_else(|ahead| ahead.duration());
        if apart > options.tolerance && !self.is(Fault::ToleranceIsIgnored) {
            return Err(Error::new(ErrorKind::WebhookOutsideTolerance, "signed long ago"));
        }
        let id = String::from_utf8_lossy(&delivery.body).into_owned();
        let delivery = if self.is(Fault::RedeliveryIsRefused) { &id } else { signature };
        let new = self.guard.remember(ctx, delivery, signed + options.tolerance).await?;
        if !new && !self.is(Fault::ReplaysAreAccepted) {
            return Err(Error::new(ErrorKind::WebhookReplayed, "seen before"));
        }
        Ok(Event::new(EventId::new(id), EventKind::PaymentSucceeded, signed))
    }
}
