//! A server that answers as it is told, and remembers what it was asked.

use companyos_adapters::payments_stripe::{StripePayments, StripePaymentsBuilder};
use companyos_adapters::traits::payment::{Currency, Money, PaymentMethod, PaymentOptions};
use companyos_adapters::traits::{Context, Secret};
use serde_json::json;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const KEY: &str = "sk_test_0123456789";

pub(crate) struct Double {
    server: MockServer,
}

impl Double {
    pub(crate) async fn new() -> Self {
        Self { server: MockServer::start().await }
    }

    pub(crate) async fn answering(answer: ResponseTemplate) -> Self {
        let double = Self::new().await;
        double.otherwise(answer).await;
        double
    }

    /// Answers everything that nothing else fits.
    pub(crate) async fn otherwise(&self, answer: ResponseTemplate) {
        Mock::given(any()).respond_with(answer).with_priority(9).mount(&self.server).await;
    }

    pub(crate) async fn on(&self, verb: &str, to: &str, answer: impl Respond + 'static) {
        Mock::given(method(verb)).and(path(to)).respond_with(answer).mount(&self.server).await;
    }

    pub(crate) fn builder(&self) -> StripePaymentsBuilder {
        StripePayments::builder(Secret::new(KEY)).base_url(self.server.uri())
    }

    pub(crate) fn stripe(&self) -> StripePayments {
        self.builder().build().unwrap()
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }
}

pub(crate) fn order(key: &str) -> Context {
    Context::builder("acme", "local").idempotency_key(key).build()
}

pub(crate) fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

pub(crate) fn card() -> PaymentOptions {
    PaymentOptions::default().method(PaymentMethod::new("pm_card_visa").unwrap())
}

/// A payment intent over so many cents, with its charge if it has succeeded.
pub(crate) fn intent(status: &str, amount: i64) -> ResponseTemplate {
    let taken = status == "succeeded";
    let charge = json!({ "status": "succeeded", "amount": amount, "amount_refunded": 0 });
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "pi_1", "object": "payment_intent", "amount": amount, "currency": "eur", "status": status,
        "amount_received": if taken { amount } else { 0 },
        "latest_charge": if taken { charge } else { json!(null) },
        "created": 1_700_000_000,
    }))
}
