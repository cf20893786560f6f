//! Stripe, over its REST API.
//!
//! # What it relies on
//!
//! - **Effects happen once** because Stripe keeps the answer to the first request under an `Idempotency-Key` for at
//!   least 24 hours. The key that is sent is the caller's, an `@` and the SHA-256 of the tenant's name, so that the keys
//!   of two tenants on one account differ and Stripe's dashboard still shows the caller's.
//! - **Doubt is resolved by repeating**, with one exception that is Stripe's: when a request failed inside Stripe, the
//!   5xx it was answered with is kept as well, and every repetition is answered with it. Such an error is
//!   [`Unavailable`](ErrorKind::Unavailable), [`MaybeSent`](companyos_adapter_traits::Outcome::MaybeSent) and permanent;
//!   the payment, if there is one, is to be found by its metadata or by its webhook.
//! - **There is no finding by key.** Stripe cannot be asked what was done under a key, and its search lags behind by
//!   about a minute, so "nothing found" would not mean that nothing was done. The adapter does not claim
//!   [`FindByKey`](companyos_adapter_traits::Capability::FindByKey); whoever wants to know repeats the call.
//! - A confirmation without a method reads first, and leaves the key unused when there is nothing to do. A refund, and a
//!   capture of a part, read the payment first too: Stripe takes no currency there, and an amount in another one must
//!   not be taken for one in this. A refund that is refused because the payment has not succeeded uses its key up with an
//!   update that changes nothing, so that it stays refused; other parameters under that key are told the same.
//!
//! # What the statuses mean
//!
//! Stripe's are the trait's, and `requires_confirmation` is
//! [`RequiresAction`](companyos_adapter_traits::payment::PaymentStatus::RequiresAction): a confirmation goes on. Where the
//! customer has to go is known when the call names a `return_url`; without one Stripe expects its own script in the
//! browser to take over, and [`Payment::next_action`](companyos_adapter_traits::payment::Payment::next_action) is `None`.
//! What is captured of a payment in parts, and what is released, Stripe counts as refunded; here it is not.
//!
//! # What it never does
//!
//! It takes no card data, only tokens (`pm_…`, and the older `card_…` and `src_…`). Stripe's own words about an error
//! are dropped, because they quote tokens and parts of keys; its code, the name of the parameter and the request id are
//! kept.

mod adapter;
pub mod amount;
mod builder;
mod call;
mod error;
mod event;
mod form;
#[cfg(feature = "conformance")]
mod stage;
mod wire;

use std::fmt;
use std::sync::Arc;

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::payment::ReplayGuard;
use companyos_adapter_traits::{Descriptor, Error, ErrorKind, Secret};

pub use builder::StripePaymentsBuilder;
#[cfg(feature = "conformance")]
pub use stage::TestMode;

use crate::http::HttpClient;
use crate::webhook::WebhookSecret;

/// The version of Stripe's API that every request names, whatever the account's own.
pub const API_VERSION: &str = "2025-03-31.basil";

/// The header field that holds the signature of a webhook; [`webhook`](crate::webhook) describes it.
pub const SIGNATURE_HEADER: &str = "Stripe-Signature";

/// An account with Stripe, as a [`PaymentProvider`](companyos_adapter_traits::PaymentProvider).
///
/// Clones share the connections. Must be used within a Tokio runtime. `Debug` prints no secret.
///
/// ```no_run
/// # async fn example() -> Result<(), companyos_adapters::traits::Error> {
/// use companyos_adapters::payments_stripe::StripePayments;
/// use companyos_adapters::traits::payment::{Currency, Money, PaymentMethod, PaymentOptions};
/// use companyos_adapters::traits::{Context, PaymentProvider, Secret};
/// use companyos_adapters::webhook::WebhookSecret;
///
/// let stripe = StripePayments::builder(Secret::new("sk_live_…"))
///     .webhook_secret(WebhookSecret::new("whsec_…")?)
///     .build()?;
/// let ctx = Context::builder("acme", "eu-central").idempotency_key("order-4711").build();
/// let options = PaymentOptions::default()
///     .method(PaymentMethod::new("pm_1MqLiJLkdIwHu7ix")?)
///     .return_url("https://shop.example.com/back");
/// let payment = stripe.create_payment(&ctx, Money::new(12_34, Currency::EUR), &options).await?;
/// println!("{}", payment.status);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StripePayments {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: Descriptor,
    clock: Arc<dyn Clock>,
    http: HttpClient,
    base_url: url::Url,
    api_key: Secret,
    method_types: Vec<String>,
    webhook_secrets: Vec<WebhookSecret>,
    guard: Arc<dyn ReplayGuard>,
}

impl StripePayments {
    /// Talks to Stripe with this secret or restricted key (`sk_…`, `rk_…`).
    pub fn builder(api_key: Secret) -> StripePaymentsBuilder {
        StripePaymentsBuilder::new(api_key)
    }
}

impl fmt::Debug for StripePayments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripePayments")
            .field("descriptor", &self.shared.descriptor)
            .field("base_url", &self.shared.base_url.as_str())
            .field("webhook_secrets", &self.shared.webhook_secrets.len())
            .finish_non_exhaustive()
    }
}

/// An answer that Stripe should not have given.
fn unexpected(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, why)
}
