//! What the suite needs and only the adapter's author can give.

use async_trait::async_trait;

use crate::payment::{Currency, Money, PaymentId, PaymentMethod, PaymentProvider, PayoutId, WebhookDelivery};
use crate::{Context, Error};

/// How a method of payment behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// It pays.
    Approved,
    /// It is declined with [`Stage::decline_code`].
    Declined,
    /// It pays once the customer has authenticated.
    AuthenticationRequired,
    /// It pays, but the bank's answer takes until [`Stage::settle`].
    Delayed,
}

/// How a webhook delivery is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signed {
    /// By the provider, this many seconds from now; negative is in the past.
    At(i64),
    /// Now, by somebody who has not got the secret.
    ByAStranger,
}

/// What goes wrong between the adapter and its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request does not get there.
    RequestLost,
    /// The request is done, but its answer does not come back.
    AnswerLost,
    /// The request gets there twice.
    RequestDuplicated,
}

/// An adapter, the account it is tried on, and the people around it.
///
/// Nobody else uses the account during a run. What a stage cannot do it leaves out, and the checks that need it are
/// reported as skipped.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The adapter.
    fn provider(&self) -> &dyn PaymentProvider;

    /// A currency in which the account takes amounts of 10 to 10,000 minor units times [`Stage::scale`].
    fn currency(&self) -> Currency {
        Currency::EUR
    }

    /// What amounts are multiplied with, where the provider's least amount would refuse them.
    fn scale(&self) -> i64 {
        1
    }

    /// A fresh token that behaves like this.
    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod>;

    /// The code with which [`Behaviour::Declined`] is declined.
    fn decline_code(&self) -> &str {
        "insufficient_funds"
    }

    /// Plays the customer who tries to authenticate. `false` when the stage cannot.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) -> Result<bool, Error> {
        let _ = (payment, succeeds);
        Ok(false)
    }

    /// Plays the bank whose answer has taken its time. `false` when the stage cannot.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn settle(&self, payment: &PaymentId) -> Result<bool, Error> {
        let _ = payment;
        Ok(false)
    }

    /// A payout that the account has made.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn payout(&self, ctx: &Context) -> Result<Option<(PayoutId, Money)>, Error> {
        let _ = ctx;
        Ok(None)
    }

    /// A delivery of an event whose id is made from `event` and from nothing else.
    fn delivery(&self, event: &str, signed: Signed) -> Option<WebhookDelivery> {
        let _ = (event, signed);
        None
    }

    /// What the account has taken from customers so far, less what it has given back: as the provider knows it, not
    /// the adapter. With it the suite sees a charge that the adapter does not tell of.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn taken(&self) -> Result<Option<Money>, Error> {
        Ok(None)
    }

    /// Lets the next effect meet with a fault below the adapter. `false` when the stage cannot; the suite then plays
    /// the fault above the adapter, where it can.
    fn fault(&self, fault: Fault) -> bool {
        let _ = fault;
        false
    }
}
