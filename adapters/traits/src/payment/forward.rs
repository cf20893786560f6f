//! A pointer to a provider is a provider.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    CancelOptions, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event, FindOptions,
    GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money, Payment,
    PaymentId, PaymentOptions, PaymentProvider, Payout, PayoutId, Refund, RefundId, RefundOptions,
    WebhookDelivery, WebhookOptions,
};
use crate::{Context, Descriptor, Error};

macro_rules! forward {
    ($pointer:ty) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<A: PaymentProvider + ?Sized> PaymentProvider for $pointer {
            fn descriptor(&self) -> &Descriptor {
                (**self).descriptor()
            }

            async fn create_customer(
                &self,
                ctx: &Context,
                options: &CustomerOptions,
            ) -> Result<Customer, Error> {
                (**self).create_customer(ctx, options).await
            }

            async fn get_customer(
                &self,
                ctx: &Context,
                id: &CustomerId,
                options: &GetCustomerOptions,
            ) -> Result<Customer, Error> {
                (**self).get_customer(ctx, id, options).await
            }

            async fn create_payment(
                &self,
                ctx: &Context,
                amount: Money,
                options: &PaymentOptions,
            ) -> Result<Payment, Error> {
                (**self).create_payment(ctx, amount, options).await
            }

            async fn get_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &GetPaymentOptions,
            ) -> Result<Payment, Error> {
                (**self).get_payment(ctx, id, options).await
            }

            async fn confirm_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &ConfirmOptions,
            ) -> Result<Payment, Error> {
                (**self).confirm_payment(ctx, id, options).await
            }

            async fn capture_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &CaptureOptions,
            ) -> Result<Payment, Error> {
                (**self).capture_payment(ctx, id, options).await
            }

            async fn cancel_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &CancelOptions,
            ) -> Result<Payment, Error> {
                (**self).cancel_payment(ctx, id, options).await
            }

            async fn refund_payment(
                &self,
                ctx: &Context,
                id: &PaymentId,
                options: &RefundOptions,
            ) -> Result<Refund, Error> {
                (**self).refund_payment(ctx, id, options).await
            }

            async fn get_refund(
                &self,
                ctx: &Context,
                id: &RefundId,
                options: &GetRefundOptions,
            ) -> Result<Refund, Error> {
                (**self).get_refund(ctx, id, options).await
            }

            async fn get_payout(
                &self,
                ctx: &Context,
                id: &PayoutId,
                options: &GetPayoutOptions,
            ) -> Result<Payout, Error> {
                (**self).get_payout(ctx, id, options).await
            }

            async fn find_by_key(
                &self,
                ctx: &Context,
                key: &str,
                options: &FindOptions,
            ) -> Result<Option<Made>, Error> {
                (**self).find_by_key(ctx, key, options).await
            }

            async fn verify_webhook(
                &self,
                ctx: &Context,
                delivery: &WebhookDelivery,
                options: &WebhookOptions,
            ) -> Result<Event, Error> {
                (**self).verify_webhook(ctx, delivery, options).await
            }
        }
    };
}

forward!(Arc<A>);
forward!(Box<A>);
