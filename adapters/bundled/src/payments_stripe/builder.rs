//! Setting the adapter up.

use std::fmt;
use std::sync::Arc;

use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::payment::{MemoryReplayGuard, ReplayGuard};
use companyos_adapter_traits::{Capability, Descriptor, Error, ErrorKind, Secret};
use url::Url;

use super::{Shared, StripePayments};
use crate::http::{HttpClient, HttpConfig};
use crate::webhook::WebhookSecret;

/// Chooses how a [`StripePayments`] talks to Stripe.
#[must_use]
pub struct StripePaymentsBuilder {
    api_key: Secret,
    base_url: String,
    region: Option<String>,
    method_types: Vec<String>,
    webhook_secrets: Vec<WebhookSecret>,
    guard: Option<Arc<dyn ReplayGuard>>,
    clock: Arc<dyn Clock>,
    http: HttpConfig,
}

impl StripePaymentsBuilder {
    pub(super) fn new(api_key: Secret) -> Self {
        Self {
            api_key,
            base_url: "https://api.stripe.com".to_owned(),
            region: None,
            method_types: vec!["card".to_owned()],
            webhook_secrets: Vec::new(),
            guard: None,
            clock: Arc::new(SystemClock),
            http: HttpConfig::default(),
        }
    }

    /// Talks to another server that speaks Stripe's API: an origin, and a path before `/v1` if it has one.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Pins the account to a region, which the descriptor then names. Stripe itself offers no choice of one.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets which types of payment method may pay, in Stripe's words; `card` unless set.
    pub fn method_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.method_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Accepts webhooks signed with this secret of an endpoint, and claims them. Call it again for the second secret
    /// while Stripe rotates one, and for every further endpoint.
    pub fn webhook_secret(mut self, secret: WebhookSecret) -> Self {
        self.webhook_secrets.push(secret);
        self
    }

    /// Remembers webhook deliveries here; in the memory of the process unless this is set.
    pub fn replay_guard(mut self, guard: Arc<dyn ReplayGuard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Reads the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the bounds of the HTTP client.
    pub fn http(mut self, config: HttpConfig) -> Self {
        self.http = config;
        self
    }

    /// Puts the adapter together. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a key that is no secret key, a URL that is none, no type of payment method, or
    /// trust roots that cannot be read.
    pub fn build(self) -> Result<StripePayments, Error> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why));
        let key = self.api_key.expose();
        if !(key.starts_with("sk_") || key.starts_with("rk_")) || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse("the API key is not a secret key (sk_) or a restricted key (rk_) of Stripe");
        }
        if self.method_types.is_empty() {
            return refuse("no type of payment method may pay");
        }
        let base_url = match Url::parse(&self.base_url) {
            Ok(url) if url.has_host() && url.query().is_none() && url.username().is_empty() => url,
            _ => return refuse("the base URL is not an absolute URL without a query and credentials"),
        };
        let mut claims = vec![
            Capability::ManualCapture,
            Capability::PartialCapture,
            Capability::PartialRefund,
            Capability::Payouts,
        ];
        if !self.webhook_secrets.is_empty() {
            claims.push(Capability::Webhooks);
        }
        let mut descriptor =
            Descriptor::new("payments-stripe", env!("CARGO_PKG_VERSION")).with_capabilities(claims);
        descriptor.region = self.region;
        descriptor.check()?;
        let http = HttpClient::new(&self.http, Arc::clone(&self.clock))?;
        let guard = self
            .guard
            .unwrap_or_else(|| Arc::new(MemoryReplayGuard::default().with_clock(Arc::clone(&self.clock))));
        Ok(StripePayments {
            shared: Arc::new(Shared {
                descriptor,
                clock: self.clock,
                http,
                base_url,
                api_key: self.api_key,
                method_types: self.method_types,
                webhook_secrets: self.webhook_secrets,
                guard,
            }),
        })
    }
}

impl fmt::Debug for StripePaymentsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripePaymentsBuilder")
            .field("base_url", &self.base_url)
            .field("region", &self.region)
            .field("method_types", &self.method_types)
            .field("webhook_secrets", &self.webhook_secrets.len())
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
