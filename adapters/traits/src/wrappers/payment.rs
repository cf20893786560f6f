//! Payment providers, retried and limited.
//!
//! What moves money is repeated only under an idempotency key, by which the provider knows the repetition. A webhook is
//! never verified twice: the second time it would be a replay.

use async_trait::async_trait;

use super::{Limited, Repeat, Retrying};
use crate::payment::{
    CancelOptions, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event, FindOptions,
    GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money, Payment,
    PaymentId, PaymentOptions, PaymentProvider, Payout, PayoutId, Refund, RefundId, RefundOptions,
    WebhookDelivery, WebhookOptions,
};
use crate::{Context, Descriptor, Error};

macro_rules! wrap {
    ($wrapper:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: PaymentProvider> PaymentProvider for $wrapper<A> {
            fn descriptor(&self) -> &Descriptor {
                self.adapter().descriptor()
            }

            async fn create_customer(
                &self,
                ctx: &Context,
                options: &CustomerOptions,
            ) -> Result<Customer, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().create_customer(ctx, options)).await
            }

            async fn get_customer(
                &self,
                ctx: &Context,
                id: &CustomerId,
                options: &GetCustomerOptions,
            ) -> Result<Customer, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().get_customer(ctx, id, options)).await
            }

            async fn create_payment(
                &self,
                ctx: &Context,
                amount: Money,
                options: &PaymentOptions,
            ) -> Result<Payment, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().create_payment(ctx, amount, options)).await
            }

            async fn get_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &GetPaymentOptions,
            ) -> Result<Payment, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().get_payment(ctx, id, options)).await
            }

            async fn confirm_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &ConfirmOptions,
            ) -> Result<Payment, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().confirm_payment(ctx, id, options)).await
            }

            async fn capture_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &CaptureOptions,
            ) -> Result<Payment, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().capture_payment(ctx, id, options)).await
            }

            async fn cancel_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &CancelOptions,
            ) -> Result<Payment, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().cancel_payment(ctx, id, options)).await
            }

            async fn refund_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &RefundOptions,
            ) -> Result<Refund, Error> {
                self.run(ctx, Repeat::WithKey, || self.adapter().refund_payment(ctx, id, options)).await
            }

            async fn get_refund(
                &self,
                ctx: &Context,
                id: &RefundId,
                options: &GetRefundOptions,
            ) -> Result<Refund, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().get_refund(ctx, id, options)).await
            }

            async fn get_payout(
                &self,
                ctx: &Context,
                id: &PayoutId,
                options: &GetPayoutOptions,
            ) -> Result<Payout, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().get_payout(ctx, id, options)).await
            }

            async fn find_by_key(
                &self,
                ctx: &Context,
                key: &str,
                options: &FindOptions,
            ) -> Result<Option<Made>, Error> {
                self.run(ctx, Repeat::Always, || self.adapter().find_by_key(ctx, key, options)).await
            }

            async fn verify_webhook(
                &self,
                ctx: &Context,
                delivery: &WebhookDelivery,
                options: &WebhookOptions,
            ) -> Result<Event, Error> {
                self.run(ctx, Repeat::Never, || self.adapter().verify_webhook(ctx, delivery, options)).await
            }
        }
    };
}

wrap!(Retrying);
wrap!(Limited);
