//! The stub as a provider.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::payment::memory::{Ledger, Request};
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event, FindOptions,
    GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money, Payment,
    PaymentId, PaymentOptions, PaymentProvider, Payout, PayoutId, Refund, RefundId, RefundOptions,
    WebhookDelivery, WebhookOptions,
};
use companyos_adapter_traits::{Context, Descriptor, Error, ErrorKind};

use super::{SIGNATURE_HEADER, Shared, StubPayments, event};
use crate::webhook;

impl StubPayments {
    /// Runs `work` where it may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.shared.on_disk {
            return work(&self.shared);
        }
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || work(&shared)).await.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the blocking pool dropped the work").with_source(cause))
        })
    }

    async fn effect(&self, ctx: &Context, request: Request) -> Result<Made, Error> {
        let ctx = ctx.clone();
        self.run(move |shared| shared.effect(&ctx, &request)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        ctx: &Context,
        read: impl FnOnce(&Ledger) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        ctx.check_deadline(self.shared.clock.now())?;
        self.run(move |shared| shared.read(read)).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentProvider for StubPayments {
    fn descriptor(&self) -> &Descriptor {
        &self.shared.descriptor
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
        let id = id.clone();
        self.read(ctx, move |ledger| ledger.customer(&id).cloned()).await
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        self.effect(ctx, Request::CreatePayment(amount, options.clone())).await?.into_payment()
    }

    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        _: &GetPaymentOptions,
    ) -> Result<Payment, Error> {
        let id = id.clone();
        self.read(ctx, move |ledger| ledger.payment(&id).cloned()).await
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
        let id = id.clone();
        self.read(ctx, move |ledger| ledger.refund(&id).cloned()).await
    }

    async fn get_payout(&self, ctx: &Context, id: &PayoutId, _: &GetPayoutOptions) -> Result<Payout, Error> {
        let id = id.clone();
        self.read(ctx, move |ledger| ledger.payout(&id).cloned()).await
    }

    async fn find_by_key(&self, ctx: &Context, key: &str, _: &FindOptions) -> Result<Option<Made>, Error> {
        let (tenant, key) = (ctx.tenant.clone(), key.to_owned());
        self.read(ctx, move |ledger| ledger.find(&tenant, &key)).await
    }

    async fn verify_webhook(
        &self,
        ctx: &Context,
        delivery: &WebhookDelivery,
        options: &WebhookOptions,
    ) -> Result<Event, Error> {
        ctx.check_deadline(self.shared.clock.now())?;
        let (secret, now) = (self.shared.secret()?, self.shared.clock.wall());
        let (secrets, guard) = (std::slice::from_ref(secret), &*self.shared.guard);
        webhook::verify(ctx, delivery, SIGNATURE_HEADER, secrets, now, options, guard).await?;
        event::read(&delivery.body)
    }
}
