//! What `Retrying` repeats of money and of identity.

#[expect(dead_code, reason = "of the booth, only the link that loses answers is used here")]
mod payment_booth;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use companyos_adapter_traits::clock::ManualClock;
use companyos_adapter_traits::conformance::payment::{Behaviour, Fault, Stage};
use companyos_adapter_traits::identity::{
    AuthorizationOptions, AuthorizationRequest, Claims, DiscoverOptions, ExchangeOptions, IdentityProvider,
    IssuerMetadata, PendingAuthorization, RefreshOptions, TokenSet, VerifyOptions,
};
use companyos_adapter_traits::payment::{Currency, Money, PaymentOptions, PaymentProvider, RefundOptions};
use companyos_adapter_traits::wrappers::{LimitPolicy, Limited, RetryPolicy, Retrying};
use companyos_adapter_traits::{Context, Descriptor, Error, ErrorKind, Outcome, RetryClass, Secret};

use self::payment_booth::Booth;

type Test = Result<(), Box<dyn std::error::Error>>;

fn retrying<A>(adapter: A) -> Retrying<A> {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH));
    Retrying::new(adapter, RetryPolicy::default()).with_time(Arc::clone(&clock) as _, clock)
}

fn ctx(key: &str) -> Context {
    Context::builder("acme", "eu").idempotency_key(key).build()
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_repeated_under_its_key_and_charged_once() -> Test {
    let booth = Arc::new(Booth::new(None));
    let payments = retrying(Limited::new(Arc::clone(&booth), LimitPolicy::default().concurrency(1)));
    let amount = Money::new(1000, Currency::EUR);
    let method = booth.method(Behaviour::Approved).ok_or("no method")?;
    booth.fault(Fault::AnswerLost);
    let options = PaymentOptions::default().method(method);
    let payment = payments.create_payment(&ctx("order-1"), amount, &options).await?;
    assert_eq!(booth.taken().await?, Some(amount));
    booth.fault(Fault::AnswerLost);
    payments.refund_payment(&ctx("refund-1"), &payment.id, &RefundOptions::default()).await?;
    assert_eq!(booth.taken().await?, Some(Money::zero(Currency::EUR)), "given back once");
    Ok(())
}

/// A provider that never answers, and counts how often it was asked.
struct Mute {
    descriptor: Descriptor,
    asked: AtomicUsize,
    outcome: Mutex<Outcome>,
}

impl Mute {
    fn new() -> Arc<Self> {
        let (asked, outcome) = (AtomicUsize::new(0), Mutex::new(Outcome::MaybeSent));
        Arc::new(Self { descriptor: Descriptor::new("mute", "1"), asked, outcome })
    }

    fn fail<T>(&self) -> Result<T, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let outcome = *self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        Err(Error::new(ErrorKind::Unavailable, "no answer").with_outcome(outcome))
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl IdentityProvider for Mute {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn issuer(&self) -> &str {
        "https://issuer.example"
    }

    fn client_id(&self) -> &str {
        "client"
    }

    async fn discover(&self, _: &Context, _: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        self.fail()
    }

    async fn verify_token(&self, _: &Context, _: &Secret, _: &VerifyOptions) -> Result<Claims, Error> {
        self.fail()
    }

    async fn authorization_url(
        &self,
        _: &Context,
        _: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        self.fail()
    }

    async fn exchange(
        &self,
        _: &Context,
        _: &Secret,
        _: &PendingAuthorization,
        _: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        self.fail()
    }

    async fn refresh(&self, _: &Context, _: &Secret, _: &RefreshOptions) -> Result<TokenSet, Error> {
        self.fail()
    }
}

#[tokio::test]
async fn a_refresh_token_that_may_have_been_used_is_not_used_again() -> Test {
    let mute = Mute::new();
    let identity = retrying(Arc::clone(&mute));
    // A key does not make it safe: issuers do not know them.
    let (ctx, token) = (ctx("k-1"), Secret::new("token"));
    let refreshed = identity.refresh(&ctx, &token, &RefreshOptions::default()).await;
    let error = refreshed.err().ok_or("it was refreshed")?;
    assert_eq!((error.outcome(), error.retry()), (Outcome::MaybeSent, RetryClass::Temporary));
    assert_eq!(mute.asked(), 1);
    *mute.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Outcome::NotSent;
    identity.refresh(&ctx, &token, &RefreshOptions::default()).await.err().ok_or("it was refreshed")?;
    assert_eq!(mute.asked(), 3, "a token that was not sent is not used up");
    Ok(())
}

#[tokio::test]
async fn what_only_asks_is_repeated() -> Test {
    let mute = Mute::new();
    let identity = retrying(Arc::clone(&mute));
    identity.discover(&ctx("k-1"), &DiscoverOptions::default()).await.err().ok_or("it was discovered")?;
    assert_eq!(mute.asked(), 3);
    assert_eq!((identity.issuer(), identity.client_id()), ("https://issuer.example", "client"));
    Ok(())
}
