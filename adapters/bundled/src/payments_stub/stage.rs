//! The stub on the stage of its own suite.

use std::time::Duration;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::payment::{Behaviour, Fault, Signed, Stage};
use companyos_adapter_traits::payment::memory::BankAnswer;
use companyos_adapter_traits::payment::{
    Event, EventId, EventKind, Money, PaymentId, PaymentMethod, PaymentProvider, PayoutId, WebhookDelivery,
};
use companyos_adapter_traits::{Context, Error};

use super::{SIGNATURE_HEADER, StubPayments, Then, When, event};
use crate::webhook::WebhookSecret;

/// The stub, the account it keeps and the people around it: what
/// [`conformance::payment`](companyos_adapter_traits::conformance::payment) tries it on. Nothing is skipped if the stub
/// has a webhook secret.
#[async_trait]
impl Stage for StubPayments {
    fn provider(&self) -> &dyn PaymentProvider {
        self
    }

    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
        let answer = match behaviour {
            Behaviour::Approved => BankAnswer::Approved,
            Behaviour::Declined => BankAnswer::declined(self.decline_code()),
            Behaviour::AuthenticationRequired => BankAnswer::AuthenticationRequired,
            Behaviour::Delayed => BankAnswer::Delayed,
            _ => return None,
        };
        answer.method().ok()
    }

    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) -> Result<bool, Error> {
        StubPayments::authenticate(self, payment, succeeds).map(|()| true)
    }

    async fn settle(&self, payment: &PaymentId) -> Result<bool, Error> {
        StubPayments::settle(self, payment, &BankAnswer::Approved).map(|()| true)
    }

    async fn payout(&self, _: &Context) -> Result<Option<(PayoutId, Money)>, Error> {
        let amount = Money::new(500 * self.scale(), self.currency());
        Ok(Some((self.pay_out(amount)?, amount)))
    }

    fn delivery(&self, event: &str, signed: Signed) -> Option<WebhookDelivery> {
        let stranger = WebhookSecret::new("whsec_of-somebody-else").ok()?;
        let (seconds, secret) = match signed {
            Signed::At(seconds) => (seconds, self.shared.secret().ok()?),
            Signed::ByAStranger => (0, &stranger),
            _ => return None,
        };
        let (now, apart) = (self.shared.clock.wall(), Duration::from_secs(seconds.unsigned_abs()));
        let time = if seconds < 0 { now.checked_sub(apart)? } else { now.checked_add(apart)? };
        let body = Event::new(EventId::new(format!("evt_{event}")), EventKind::PaymentSucceeded, now);
        let body = event::write(&body).ok()?;
        let signature = secret.sign(time, &body).ok()?;
        Some(WebhookDelivery::new(body, vec![(SIGNATURE_HEADER.to_owned(), signature)]))
    }

    async fn taken(&self) -> Result<Option<Money>, Error> {
        let mut sum = Money::zero(self.currency());
        for payment in self.payments()? {
            sum = sum.plus(payment.captured)?.minus(payment.refunded)?;
        }
        Ok(Some(sum))
    }

    fn fault(&self, fault: Fault) -> bool {
        let then = match fault {
            Fault::RequestLost => Then::LoseRequest,
            Fault::AnswerLost => Then::LoseAnswer,
            Fault::RequestDuplicated => Then::DuplicateRequest,
            _ => return false,
        };
        self.interject(When::any(), then, 1).is_ok()
    }
}
