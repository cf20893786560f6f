//! Stripe's test mode as a stage of the suite.

use std::time::Duration;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::payment::{Behaviour, Signed, Stage};
use companyos_adapter_traits::payment::{PaymentMethod, PaymentProvider, WebhookDelivery};
use companyos_adapter_traits::{Error, ErrorKind};

use super::{SIGNATURE_HEADER, StripePayments};
use crate::webhook::WebhookSecret;

/// An account in Stripe's test mode, and its test methods: what
/// [`conformance::payment`](companyos_adapter_traits::conformance::payment) tries the adapter on.
///
/// Skipped is what needs somebody else: a customer who authenticates, a bank that takes its time, a payout, a network that
/// fails. Webhooks are signed here with the first secret of the adapter, and do not come from Stripe.
#[derive(Debug)]
pub struct TestMode(StripePayments);

impl TestMode {
    /// Takes an adapter to the suite.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when its key is not one of the test mode: the suite charges, and charges again.
    pub fn new(stripe: StripePayments) -> Result<Self, Error> {
        let key = stripe.shared.api_key.expose();
        if key.starts_with("sk_test_") || key.starts_with("rk_test_") {
            return Ok(Self(stripe));
        }
        Err(Error::new(ErrorKind::InvalidInput, "the suite runs with a key of Stripe's test mode only"))
    }
}

#[async_trait]
impl Stage for TestMode {
    fn provider(&self) -> &dyn PaymentProvider {
        &self.0
    }

    /// Stripe takes half a euro and more.
    fn scale(&self) -> i64 {
        10
    }

    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
        let token = match behaviour {
            Behaviour::Approved => "pm_card_visa",
            Behaviour::Declined => "pm_card_visa_chargeDeclinedInsufficientFunds",
            Behaviour::AuthenticationRequired => "pm_card_authenticationRequired",
            _ => return None,
        };
        PaymentMethod::new(token).ok()
    }

    fn delivery(&self, event: &str, signed: Signed) -> Option<WebhookDelivery> {
        let stranger = WebhookSecret::new("whsec_of-somebody-else").ok()?;
        let (seconds, secret) = match signed {
            Signed::At(seconds) => (seconds, self.0.shared.webhook_secrets.first()?),
            Signed::ByAStranger => (0, &stranger),
            _ => return None,
        };
        let (now, apart) = (self.0.shared.clock.wall(), Duration::from_secs(seconds.unsigned_abs()));
        let time = if seconds < 0 { now.checked_sub(apart)? } else { now.checked_add(apart)? };
        let body = format!(r#"{{"id":"evt_{event}","type":"payment_intent.succeeded","created":0}}"#);
        let signature = secret.sign(time, body.as_bytes()).ok()?;
        Some(WebhookDelivery::new(body, vec![(SIGNATURE_HEADER.to_owned(), signature)]))
    }
}
