//! The account as a provider.

use async_trait::async_trait;
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, Customer, CustomerId, CustomerOptions, Event,
    FindOptions, GetCustomerOptions, GetPaymentOptions, GetPayoutOptions, GetRefundOptions, Made, Money,
    Payment, PaymentId, PaymentMethod, PaymentOptions, PaymentProvider, PaymentStatus, Payout, PayoutId,
    Refund, RefundId, RefundOptions, RefundReason, WebhookDelivery, WebhookOptions, operations, rules,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ErrorKind, Outcome};

use super::amount::to_stripe;
use super::call::key;
use super::error::Doing;
use super::form::Form;
use super::wire::{Intent, WireCustomer, WirePayout, WireRefund};
use super::{SIGNATURE_HEADER, StripePayments, event};
use crate::webhook;

const INTENTS: &str = "payment_intents";

/// What every request about a payment asks for: the charge tells what was authorised and given back.
fn intent_form() -> Form {
    Form::default().push("expand", "latest_charge")
}

/// The token, if it is one.
fn token(method: &PaymentMethod) -> Result<&str, Error> {
    let token = method.as_str();
    if ["pm_", "card_", "src_"].iter().any(|prefix| token.starts_with(prefix)) {
        return Ok(token);
    }
    let why = "the payment method is not a token of Stripe (pm_, card_ or src_)";
    Err(Error::new(ErrorKind::InvalidInput, why))
}

/// The parameters of a payment that is confirmed.
fn paying(
    form: Form,
    method: &PaymentMethod,
    off_session: bool,
    return_url: Option<&String>,
) -> Result<Form, Error> {
    let form = form.set("payment_method", token(method)?).set_some("return_url", return_url);
    Ok(if off_session { form.set("off_session", "true") } else { form })
}

impl StripePayments {
    /// Asks for an effect on a payment.
    async fn change(
        &self,
        ctx: &Context,
        key: &str,
        doing: Doing,
        path: &[&str],
        form: &Form,
    ) -> Result<Payment, Error> {
        let intent: Intent = self.effect(ctx, key, doing, path, form).await?;
        // It was done, whatever is wrong with what was said about it.
        intent.into_payment().map_err(|error| error.with_outcome(Outcome::MaybeSent))
    }

    /// Uses the key up at Stripe with a request that changes nothing, so that a refund which was refused here stays
    /// refused once the payment is captured.
    ///
    /// # Errors
    /// [`ErrorKind::IdempotencyMismatch`] when the key was used for anything else.
    async fn keep_refusal(&self, ctx: &Context, key: &str, id: &PaymentId) -> Result<(), Error> {
        let path = [INTENTS, id.as_str()];
        let kept: Result<Intent, Error> = self.effect(ctx, key, Doing::Refund, &path, &intent_form()).await;
        kept.map(drop).map_err(|error| match error.outcome() {
            // No refund was asked for.
            Outcome::MaybeSent => error.with_outcome(Outcome::NotSent),
            _ => error,
        })
    }

    async fn intent_before(&self, ctx: &Context, id: &PaymentId) -> Result<Intent, Error> {
        self.read_before(ctx, &[INTENTS, id.as_str()], &intent_form()).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentProvider for StripePayments {
    fn descriptor(&self) -> &Descriptor {
        &self.shared.descriptor
    }

    async fn create_customer(&self, ctx: &Context, options: &CustomerOptions) -> Result<Customer, Error> {
        let key = key(ctx)?;
        let form = Form::default()
            .set_some("email", options.email.as_ref())
            .set_some("name", options.name.as_ref())
            .metadata(&options.metadata)?;
        let made: WireCustomer = self.effect(ctx, &key, Doing::CreateCustomer, &["customers"], &form).await?;
        made.into_customer()
    }

    async fn get_customer(
        &self,
        ctx: &Context,
        id: &CustomerId,
        _: &GetCustomerOptions,
    ) -> Result<Customer, Error> {
        let read: WireCustomer = self.read(ctx, &["customers", id.as_str()], &Form::default()).await?;
        read.into_customer()
    }

    async fn create_payment(
        &self,
        ctx: &Context,
        amount: Money,
        options: &PaymentOptions,
    ) -> Result<Payment, Error> {
        let key = key(ctx)?;
        rules::positive(amount)?;
        let capture = match options.capture {
            CaptureMode::Automatic => "automatic",
            CaptureMode::Manual => "manual",
        };
        let mut form = intent_form()
            .set("amount", to_stripe(amount)?.to_string())
            .set("currency", amount.currency().code().to_ascii_lowercase())
            .set("capture_method", capture)
            .set_some("customer", options.customer.as_ref().map(CustomerId::as_str))
            .set_some("description", options.description.as_ref())
            .metadata(&options.metadata)?;
        for accepted in &self.shared.method_types {
            form = form.push("payment_method_types", accepted);
        }
        if let Some(method) = &options.method {
            let return_url = options.return_url.as_ref();
            form = paying(form.set("confirm", "true"), method, options.off_session, return_url)?;
        }
        self.change(ctx, &key, Doing::CreatePayment, &[INTENTS], &form).await
    }

    async fn get_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        _: &GetPaymentOptions,
    ) -> Result<Payment, Error> {
        let intent: Intent = self.read(ctx, &[INTENTS, id.as_str()], &intent_form()).await?;
        intent.into_payment()
    }

    async fn confirm_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &ConfirmOptions,
    ) -> Result<Payment, Error> {
        let key = key(ctx)?;
        let path = [INTENTS, id.as_str(), "confirm"];
        if let Some(method) = &options.method {
            let form = paying(intent_form(), method, options.off_session, options.return_url.as_ref())?;
            return self.change(ctx, &key, Doing::Confirm, &path, &form).await;
        }
        // Confirming again while the customer is at the bank would send them there a second time.
        let intent = self.intent_before(ctx, id).await?;
        if !intent.waits_for_confirmation() {
            return intent.into_payment();
        }
        // Nothing may pay; that is for Stripe to say, which remembers what it said under this key.
        let form = intent_form().set_some("return_url", options.return_url.as_ref());
        self.change(ctx, &key, Doing::Confirm, &path, &form).await
    }

    async fn capture_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &CaptureOptions,
    ) -> Result<Payment, Error> {
        let key = key(ctx)?;
        let mut form = intent_form();
        if let Some(amount) = options.amount {
            rules::positive(amount)?;
            self.intent_before(ctx, id).await?.amount()?.compare(amount)?;
            form = form.set("amount_to_capture", to_stripe(amount)?.to_string());
        }
        self.change(ctx, &key, Doing::Capture, &[INTENTS, id.as_str(), "capture"], &form).await
    }

    async fn cancel_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        _: &CancelOptions,
    ) -> Result<Payment, Error> {
        let key = key(ctx)?;
        self.change(ctx, &key, Doing::Cancel, &[INTENTS, id.as_str(), "cancel"], &intent_form()).await
    }

    async fn refund_payment(
        &self,
        ctx: &Context,
        id: &PaymentId,
        options: &RefundOptions,
    ) -> Result<Refund, Error> {
        let key = key(ctx)?;
        let mut form = Form::default().set("payment_intent", id.as_str());
        if let Some(amount) = options.amount {
            rules::positive(amount)?;
            form = form.set("amount", to_stripe(amount)?.to_string());
        }
        let payment = self.intent_before(ctx, id).await?;
        if let Some(amount) = options.amount {
            payment.amount()?.compare(amount)?;
        }
        // Refunding what is only authorised would release it, which is a cancellation and not what was asked for.
        if payment.status()? != PaymentStatus::Succeeded {
            self.keep_refusal(ctx, &key, id).await?;
            return Err(rules::invalid_state(&payment.into_payment()?, "refunded"));
        }
        form = form.set_some("reason", options.reason.and_then(reason));
        let made = self.effect(ctx, &key, Doing::Refund, &["refunds"], &form).await;
        let made: WireRefund = match made {
            Err(mismatch) if *mismatch.kind() == ErrorKind::IdempotencyMismatch => {
                // Used for something else, unless it is for the refusal that was kept.
                self.keep_refusal(ctx, &key, id).await?;
                let why = "the refund was refused under this key before the payment had succeeded";
                return Err(Error::new(ErrorKind::InvalidState, why));
            }
            made => made?,
        };
        made.into_refund().map_err(|error| error.with_outcome(Outcome::MaybeSent))
    }

    async fn get_refund(&self, ctx: &Context, id: &RefundId, _: &GetRefundOptions) -> Result<Refund, Error> {
        let read: WireRefund = self.read(ctx, &["refunds", id.as_str()], &Form::default()).await?;
        read.into_refund()
    }

    async fn get_payout(&self, ctx: &Context, id: &PayoutId, _: &GetPayoutOptions) -> Result<Payout, Error> {
        let read: WirePayout = self.read(ctx, &["payouts", id.as_str()], &Form::default()).await?;
        read.into_payout()
    }

    async fn find_by_key(&self, _: &Context, _: &str, _: &FindOptions) -> Result<Option<Made>, Error> {
        Err(Error::unsupported(operations::FIND_BY_KEY, &self.shared.descriptor.name))
    }

    async fn verify_webhook(
        &self,
        ctx: &Context,
        delivery: &WebhookDelivery,
        options: &WebhookOptions,
    ) -> Result<Event, Error> {
        let shared = &*self.shared;
        shared.descriptor.require(Capability::Webhooks, operations::VERIFY_WEBHOOK)?;
        ctx.check_deadline(shared.clock.now())?;
        let (secrets, now) = (&shared.webhook_secrets, shared.clock.wall());
        webhook::verify(ctx, delivery, SIGNATURE_HEADER, secrets, now, options, &*shared.guard).await?;
        event::read(&delivery.body)
    }
}

/// Stripe's word for a reason. One that it has no word for is not passed on.
fn reason(reason: RefundReason) -> Option<&'static str> {
    match reason {
        RefundReason::RequestedByCustomer => Some("requested_by_customer"),
        RefundReason::Duplicate => Some("duplicate"),
        RefundReason::Fraudulent => Some("fraudulent"),
        _ => None,
    }
}
