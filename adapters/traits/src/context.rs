//! What every adapter call is made on behalf of.

use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Outcome, RetryClass};

/// Who an operation is for, where, until when, and under which key.
///
/// The tenant and the region are what policy is asked about and what receipts name. An adapter does not partition by
/// tenant on its own: it stores under the key it is given.
///
/// ```
/// use companyos_adapter_traits::Context;
///
/// let ctx = Context::builder("acme", "eu-central").idempotency_key("import-42").build();
/// assert_eq!(ctx.tenant, "acme");
/// assert_eq!(ctx.idempotency_key.as_deref(), Some("import-42"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// The tenant the operation is done for.
    pub tenant: String,
    /// The region the data must stay in.
    pub region: String,
    /// When the caller stops waiting. An operation that has not been sent by then is not sent any more.
    pub deadline: Option<Instant>,
    /// One key for all attempts of one operation; passed through to providers that know idempotency keys.
    pub idempotency_key: Option<String>,
    /// The W3C trace id of the request that led here, 32 lowercase hexadecimal digits.
    pub trace_id: Option<String>,
}

impl Context {
    /// Starts a context for `tenant` in `region`; everything else is optional.
    pub fn builder(tenant: impl Into<String>, region: impl Into<String>) -> ContextBuilder {
        ContextBuilder {
            context: Self {
                tenant: tenant.into(),
                region: region.into(),
                deadline: None,
                idempotency_key: None,
                trace_id: None,
            },
        }
    }

    /// The time left at `now`: `None` without a deadline, zero when it has passed.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(now))
    }

    /// Refuses an operation whose deadline has passed. Adapters call this before they send anything.
    ///
    /// # Errors
    /// [`ErrorKind::DeadlineExceeded`] with [`Outcome::NotSent`]; permanent, because the same deadline passes only
    /// once.
    pub fn check_deadline(&self, now: Instant) -> Result<(), Error> {
        match self.remaining(now) {
            Some(Duration::ZERO) => Err(Error::new(
                ErrorKind::DeadlineExceeded,
                "the deadline had passed before anything was sent",
            )
            .with_outcome(Outcome::NotSent)
            .with_retry(RetryClass::Permanent)),
            _ => Ok(()),
        }
    }
}

/// Builds a [`Context`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ContextBuilder {
    context: Context,
}

impl ContextBuilder {
    /// Sets when the caller stops waiting.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.context.deadline = Some(deadline);
        self
    }

    /// Sets the key that all attempts of this operation share.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.context.idempotency_key = Some(key.into());
        self
    }

    /// Sets the W3C trace id.
    pub fn trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.context.trace_id = Some(trace_id.into());
        self
    }

    /// The finished context.
    #[must_use]
    pub fn build(self) -> Context {
        self.context
    }
}
