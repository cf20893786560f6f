//! The one error of this crate.

use std::fmt;
use std::time::Duration;

use companyos_types::shared::Problem;
use http::StatusCode;

use super::attempt::{Attempt, GaveUp, Outcome};
use super::idempotency::IdempotencyKey;

/// An error of some other crate.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A call that did not succeed.
///
/// Ask it with the predicates, and print it: the text carries the operation, the code, a sentence and the request id.
/// The cause, where there is one, is its [`source`](std::error::Error::source) and is not repeated in the text.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    message: String,
    source: Option<BoxError>,
    call: CallFacts,
}

/// What is known of the call; the retry loop fills it in.
#[derive(Debug, Default)]
pub(crate) struct CallFacts {
    pub(crate) operation: Option<&'static str>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) request_id: Option<String>,
    pub(crate) receipt_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) problem: Option<Problem>,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) gave_up: Option<GaveUp>,
    pub(crate) retryable: bool,
}

/// Where a time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Connect,
    Read,
    Attempt,
    Operation,
    Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Config,
    Request,
    Credentials,
    Interceptor,
    KeyStore,
    Connect,
    Timeout(Limit),
    Transport,
    RequestBody,
    Truncated,
    TooLarge,
    MediaType,
    Decode,
    Redirect,
    NotModified,
    Status,
    Problem,
    ReceiptMissing,
    ReceiptInvalid,
    OperationFailed,
    OperationCancelled,
    Page,
    Webhook,
}

impl Kind {
    fn code(self) -> &'static str {
        match self {
            Kind::Config => "invalid-configuration",
            Kind::Request => "invalid-request",
            Kind::Credentials => "credentials-unavailable",
            Kind::Interceptor => "interceptor-failed",
            Kind::KeyStore => "key-store-failed",
            Kind::Connect => "connect-failed",
            Kind::Timeout(Limit::Connect) => "connect-timeout",
            Kind::Timeout(Limit::Read) => "read-timeout",
            Kind::Timeout(Limit::Attempt) => "attempt-timeout",
            Kind::Timeout(Limit::Operation) => "operation-timeout",
            Kind::Timeout(Limit::Wait) => "wait-timeout",
            Kind::Transport => "connection-lost",
            Kind::RequestBody => "request-body-unreadable",
            Kind::Truncated => "response-truncated",
            Kind::TooLarge => "response-too-large",
            Kind::MediaType => "unexpected-media-type",
            Kind::Decode => "response-not-understood",
            Kind::Redirect => "redirect-refused",
            Kind::NotModified => "not-modified",
            Kind::Status | Kind::Problem => "unexpected-status",
            Kind::ReceiptMissing => "receipt-missing",
            Kind::ReceiptInvalid => "receipt-invalid",
            Kind::OperationFailed => "operation-failed",
            Kind::OperationCancelled => "operation-cancelled",
            Kind::Page => "cursor-repeated",
            Kind::Webhook => "webhook-refused",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                source: None,
                call: CallFacts::default(),
            }),
        }
    }

    pub(crate) fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut CallFacts)) -> Self {
        change(&mut self.inner.call);
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Whether the server has said its last word on the request, so that its key is of no more use.
    pub(crate) fn is_settled(&self) -> bool {
        let final_answer = self.outcome() == Outcome::Answered && self.gave_up() == Some(GaveUp::Permanent);
        final_answer && self.status().is_some_and(|status| !status.is_server_error())
    }

    pub(crate) fn call(&self) -> &CallFacts {
        &self.inner.call
    }

    /// Returns a stable name of what went wrong, for programs.
    ///
    /// For an answer with problem details it is the problem's code, such as `not-found`; otherwise one of this crate's:
    /// `connect-failed`, `read-timeout`, `receipt-missing` and so on.
    #[must_use]
    pub fn code(&self) -> &str {
        self.problem().map_or(self.inner.kind.code(), |problem| &problem.code)
    }

    /// Returns the operationId of the call that failed.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.inner.call.operation
    }

    /// Returns the problem details (RFC 9457) of the answer, or of the long operation that failed.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.inner.call.problem.as_ref()
    }

    /// Returns the status of the last response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.call.status
    }

    /// Returns the id that names the last request in the server's logs. Quote it when you ask for help.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.call.request_id.as_deref()
    }

    /// Returns the receipt of the refusal or of the failed action, if it left one.
    #[must_use]
    pub fn receipt_id(&self) -> Option<&str> {
        self.inner.call.receipt_id.as_deref()
    }

    /// Returns what is known of the last attempt: whether the server may have acted on it.
    ///
    /// Failures before any attempt are [`Outcome::NotSent`].
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.inner.call.outcome.unwrap_or(Outcome::NotSent)
    }

    /// Returns how long the server asked to wait, unclamped.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.call.retry_after
    }

    /// Returns the failed attempts, the last included, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.inner.call.attempts
    }

    /// Returns why the client did not try again, once it tried at all.
    #[must_use]
    pub fn gave_up(&self) -> Option<GaveUp> {
        self.inner.call.gave_up
    }

    /// Returns the key the request carried. Repeat the call with it when the outcome is [`Outcome::MaybeSent`].
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.inner.call.key.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.operation() {
            write!(f, "{operation}: ")?;
        }
        write!(f, "{}: {}", self.code(), self.inner.message)?;
        if let Some(status) = self.status() {
            write!(f, " (status {})", status.as_u16())?;
        }
        if let Some(request_id) = self.request_id() {
            write!(f, " (request {request_id})")?;
        }
        if self.attempts().len() > 1 {
            write!(f, " (after {} attempts)", self.attempts().len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.inner.kind)
            .field("code", &self.code())
            .field("message", &self.inner.message)
            .field("source", &self.inner.source)
            .field("call", &self.inner.call)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|source| &**source as _)
    }
}
