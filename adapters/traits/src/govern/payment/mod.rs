//! A payment provider, governed.

mod reconcile;

use async_trait::async_trait;

pub use reconcile::OpenIntent;

use super::{Call, Facts, Governed};
use crate::payment::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event,
    FindOptions, GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money,
    Payment, PaymentId, PaymentOptions, PaymentProvider, Payout, PayoutId, Refund, RefundId, RefundOptions,
    WebhookDelivery, WebhookOptions, operations, rules,
};
use crate::{Context, Descriptor, Error};

/// What the creation of a payment is asked about when it is attributed to nobody.
const PAYMENTS: &str = "payments";
/// What the creation of a customer is asked about.
const CUSTOMERS: &str = "customers";
/// What the verification of a webhook is asked about: until it is verified, nothing in it is known.
const WEBHOOKS: &str = "webhooks";
/// The fact that names the idempotency key of an effect.
const KEY: &str = "idempotency_key";

// The facts hold amounts, ids and states. No token of a payment method, no name or address of a customer, no metadata,
// no URL and nothing of a webhook before it is verified goes into a receipt.
#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: PaymentProvider> PaymentProvider for Governed<A> {
    fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    async fn create_customer(&self, ctx: &Context, options: &CustomerOptions) -> Result<Customer, Error> {
        let call = self.effect(ctx, operations::CREATE_CUSTOMER, CUSTOMERS, Facts::new())?;
        let effect = || self.adapter.create_customer(ctx, options);
        self.run(ctx, call, effect, customer_facts).await
    }

    async fn get_customer(
        &self,
        ctx: &Context,
        id: &CustomerId,
        options: &GetCustomerOptions,
    ) -> Result<Customer, Error> {
        let effect = || self.adapter.get_customer(ctx, id, options);
        self.run(ctx, self.look(operations::GET_CUSTOMER, id.as_str()), effect, customer_facts).await
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        let mut facts = amount_facts(amount);
        let capture = match options.capture {
            CaptureMode::Automatic => "automatic",
            CaptureMode::Manual => "manual",
        };
        facts.push(("capture", capture.to_owned()));
        facts.push(("confirm", options.method.is_some().to_string()));
        let resource = options.customer.as_ref().map_or(PAYMENTS, CustomerId::as_str);
        let call = self.effect(ctx, operations::CREATE, resource, facts)?;
        let effect = || self.adapter.create_payment(ctx, amount, options);
        self.run(ctx, call, effect, payment_facts).await
    }

    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &GetPaymentOptions,
    ) -> Result<Payment, Error> {
        let effect = || self.adapter.get_payment(ctx, id, options);
        self.run(ctx, self.look(operations::GET, id.as_str()), effect, payment_facts).await
    }

    async fn confirm_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &ConfirmOptions,
    ) -> Result<Payment, Error> {
        let facts = vec![("method", options.method.is_some().to_string())];
        let call = self.effect(ctx, operations::CONFIRM, id.as_str(), facts)?;
        let effect = || self.adapter.confirm_payment(ctx, id, options);
        self.run(ctx, call, effect, payment_facts).await
    }

    async fn capture_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CaptureOptions,
    ) -> Result<Payment, Error> {
        let facts = options.amount.map_or_else(whole_facts, amount_facts);
        let call = self.effect(ctx, operations::CAPTURE, id.as_str(), facts)?;
        let effect = || self.adapter.capture_payment(ctx, id, options);
        self.run(ctx, call, effect, payment_facts).await
    }

    async fn cancel_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CancelOptions,
    ) -> Result<Payment, Error> {
        let call = self.effect(ctx, operations::CANCEL, id.as_str(), Facts::new())?;
        let effect = || self.adapter.cancel_payment(ctx, id, options);
        self.run(ctx, call, effect, payment_facts).await
    }

    async fn refund_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &RefundOptions,
    ) -> Result<Refund, Error> {
        let facts = options.amount.map_or_else(whole_facts, amount_facts);
        let call = self.effect(ctx, operations::REFUND, id.as_str(), facts)?;
        let effect = || self.adapter.refund_payment(ctx, id, options);
        self.run(ctx, call, effect, refund_facts).await
    }

    async fn get_refund(
        &self,
        ctx: &Context,
        id: &RefundId,
        options: &GetRefundOptions,
    ) -> Result<Refund, Error> {
        let effect = || self.adapter.get_refund(ctx, id, options);
        self.run(ctx, self.look(operations::GET_REFUND, id.as_str()), effect, refund_facts).await
    }

    async fn get_payout(
        &self,
        ctx: &Context,
        id: &PayoutId,
        options: &GetPayoutOptions,
    ) -> Result<Payout, Error> {
        let effect = || self.adapter.get_payout(ctx, id, options);
        let found = |payout: &Payout| {
            let mut facts = amount_facts(payout.amount);
            facts.push(("status", payout.status.as_str().to_owned()));
            facts
        };
        self.run(ctx, self.look(operations::GET_PAYOUT, id.as_str()), effect, found).await
    }

    async fn find_by_key(
        &self,
        ctx: &Context,
        key: &str,
        options: &FindOptions,
    ) -> Result<Option<Made>, Error> {
        let effect = || self.adapter.find_by_key(ctx, key, options);
        let found = |made: &Option<Made>| made.as_ref().map_or_else(nothing_facts, made_facts);
        self.run(ctx, self.look(operations::FIND_BY_KEY, key), effect, found).await
    }

    async fn verify_webhook(
        &self,
        ctx: &Context,
        delivery: &WebhookDelivery,
        options: &WebhookOptions,
    ) -> Result<Event, Error> {
        let effect = || self.adapter.verify_webhook(ctx, delivery, options);
        self.run(ctx, self.look(operations::VERIFY_WEBHOOK, WEBHOOKS), effect, event_facts).await
    }
}

impl<A: PaymentProvider> Governed<A> {
    fn look<'a>(&'a self, action: &'static str, resource: &'a str) -> Call<'a> {
        Call { descriptor: self.adapter.descriptor(), action, resource, facts: Facts::new() }
    }

    /// A call whose intent names its idempotency key, by which its outcome can be found. One without a key is refused
    /// here: its intent could never be reconciled.
    fn effect<'a>(
        &'a self,
        ctx: &Context,
        action: &'static str,
        resource: &'a str,
        mut facts: Facts,
    ) -> Result<Call<'a>, Error> {
        facts.push((KEY, rules::idempotency_key(ctx)?.to_owned()));
        Ok(Call { facts, ..self.look(action, resource) })
    }
}

/// An amount in minor units and its currency, whose exponent is that of ISO 4217.
fn amount_facts(amount: Money) -> Facts {
    vec![("amount_minor", amount.minor().to_string()), ("currency", amount.currency().code().to_owned())]
}

fn whole_facts() -> Facts {
    vec![("amount", "all that is left".to_owned())]
}

fn nothing_facts() -> Facts {
    vec![("found", "nothing".to_owned())]
}

fn customer_facts(customer: &Customer) -> Facts {
    vec![("customer", customer.id.to_string())]
}

fn payment_facts(payment: &Payment) -> Facts {
    let mut facts = vec![("payment", payment.id.to_string()), ("status", payment.status.to_string())];
    facts.extend(amount_facts(payment.amount));
    facts.push(("authorised_minor", payment.authorised.minor().to_string()));
    facts.push(("captured_minor", payment.captured.minor().to_string()));
    facts.push(("refunded_minor", payment.refunded.minor().to_string()));
    facts
}

fn refund_facts(refund: &Refund) -> Facts {
    let mut facts = vec![
        ("refund", refund.id.to_string()),
        ("payment", refund.payment.to_string()),
        ("status", refund.status.as_str().to_owned()),
    ];
    facts.extend(amount_facts(refund.amount));
    facts
}

fn made_facts(made: &Made) -> Facts {
    match made {
        Made::Customer(customer) => customer_facts(customer),
        Made::Payment(payment) => payment_facts(payment),
        Made::Refund(refund) => refund_facts(refund),
    }
}

fn event_facts(event: &Event) -> Facts {
    let mut facts = vec![("event", event.id.to_string()), ("kind", event.kind.as_str().to_owned())];
    facts.extend(event.payment.as_ref().map(|id| ("payment", id.to_string())));
    facts.extend(event.refund.as_ref().map(|id| ("refund", id.to_string())));
    facts.extend(event.payout.as_ref().map(|id| ("payout", id.to_string())));
    facts.extend(event.dispute.as_ref().map(|id| ("dispute", id.to_string())));
    facts.extend(event.amount.map(amount_facts).unwrap_or_default());
    facts
}
