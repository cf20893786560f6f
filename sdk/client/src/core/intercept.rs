//! Hooks around calls and attempts.

use std::fmt;
use std::time::Duration;

use companyos_types::ops::Operation;
use http::{HeaderMap, StatusCode};

use super::attempt::Outcome;
use super::error::{BoxError, Error};

/// Looks at calls, or changes what they send.
///
/// There are two pairs of hooks: one around a call with all its attempts, one around each attempt. `modify_…` hooks may
/// change the headers, `read_…` hooks only look. Several interceptors run in the order they were added; on the way back
/// in the opposite order. Every hook does nothing unless overridden.
///
/// The client writes `Authorization` and `Idempotency-Key` after the hooks ran: an interceptor never sees a credential
/// and cannot change the key between two attempts.
///
/// ```
/// use companyos_sdk::{AttemptContext, BoxError, Client, Interceptor};
/// use http::{HeaderMap, HeaderValue};
///
/// #[derive(Debug)]
/// struct Team;
///
/// impl Interceptor for Team {
///     fn modify_operation(&self, _cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
///         headers.insert("x-team", HeaderValue::from_static("billing"));
///         Ok(())
///     }
/// }
///
/// let builder = Client::builder().interceptor(Team);
/// # drop(builder);
/// ```
pub trait Interceptor: Send + Sync + fmt::Debug {
    /// Changes the headers of a call before its first attempt; every attempt starts from them.
    ///
    /// # Errors
    ///
    /// The call then fails with nothing sent.
    fn modify_operation(&self, cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
        let _ = (cx, headers);
        Ok(())
    }

    /// Changes the headers of one attempt.
    ///
    /// # Errors
    ///
    /// The call then fails with nothing more sent.
    fn modify_attempt(&self, cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
        let _ = (cx, headers);
        Ok(())
    }

    /// Looks at what an attempt came to.
    fn read_attempt(&self, cx: &AttemptContext, result: &AttemptResult<'_>) {
        let _ = (cx, result);
    }

    /// Looks at what a call came to, after its last attempt.
    fn read_operation(&self, cx: &AttemptContext, result: Result<StatusCode, &Error>) {
        let _ = (cx, result);
    }
}

/// The call and the attempt an [`Interceptor`] is asked about.
#[derive(Debug, Clone, Copy)]
pub struct AttemptContext {
    pub(crate) operation: &'static Operation,
    pub(crate) attempt: u32,
}

impl AttemptContext {
    /// Returns the operation's constant.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Returns the number of the attempt: 1 for the first, 0 before it.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy)]
pub struct AttemptResult<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: Option<&'a HeaderMap>,
    pub(crate) error: Option<&'a Error>,
    pub(crate) elapsed: Duration,
}

impl AttemptResult<'_> {
    /// Returns whether a complete answer came, and if not, whether the server may have acted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the status, if a response began.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the response's headers, when the attempt succeeded.
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.headers
    }

    /// Returns why the attempt failed. Whether it is tried again is not yet decided.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error
    }

    /// Returns how long the attempt took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}
