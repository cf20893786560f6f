//! The client: configuration and what all calls share.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::budget::Budget;
use super::builder::ClientBuilder;
use super::credentials::Credentials;
use super::delay::DelaySource;
use super::error::Error;
use super::idempotency::KeyStore;
use super::intercept::Interceptor;
use super::options::{ResponseLimits, Timeouts};
use super::poll::{Poller, follow};
use super::receipt::Trust;
use super::timer::Timer;
use super::transport::Transport;

/// A CompanyOS client. Cheap to clone; clones share connections, credentials and the retry budget.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) base_url: String,
    pub(crate) region: Option<String>,
    pub(crate) user_agent: HeaderValue,
    pub(crate) credentials: Credentials,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: ResponseLimits,
    pub(crate) max_attempts: u32,
    pub(crate) delays: Box<dyn DelaySource>,
    pub(crate) budget: Budget,
    pub(crate) keys: Box<dyn KeyStore>,
    pub(crate) interceptors: Vec<Box<dyn Interceptor>>,
    pub(crate) timer: Box<dyn Timer>,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) trust: Trust,
}

impl Client {
    /// Starts building a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Returns the address that every path is appended to.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Returns the region the client was built for.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.inner.region.as_deref()
    }

    /// Returns the tokens left in the retry budget, out of 500.
    ///
    /// A retry takes 5, after a timeout 10; a call that succeeds at its first try gives 1 back. At zero nothing is
    /// retried.
    #[must_use]
    pub fn retry_tokens(&self) -> u32 {
        self.inner.budget.tokens()
    }

    /// Follows a long operation whose id is known, after a restart for example.
    ///
    /// # Errors
    ///
    /// When the operation cannot be read.
    pub async fn follow(&self, operation_id: &str) -> Result<Poller<Infallible>, Error> {
        follow(self, operation_id).await
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.inner.base_url)
            .field("region", &self.inner.region)
            .field("credentials", &self.inner.credentials)
            .field("transport", &self.inner.transport)
            .finish_non_exhaustive()
    }
}
