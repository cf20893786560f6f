//! One error for every adapter: what went wrong, what may have happened, and whether to try again.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such object.
    NotFound,
    /// A condition on the call did not hold: the object exists, or is not the version the caller named.
    Conflict(Conflict),
    /// A retention or a legal hold forbids it.
    Locked,
    /// The requested range lies outside the object.
    RangeNotSatisfiable,
    /// The input can never be accepted, by any adapter of this family.
    InvalidInput,
    /// The input exceeds a limit in this adapter's [`Descriptor`](crate::Descriptor).
    LimitExceeded,
    /// The adapter does not offer this operation.
    Unsupported {
        /// The operation, as in `storage.copy`.
        operation: &'static str,
        /// The adapter's name.
        adapter: String,
    },
    /// The provider does not accept the credentials.
    Unauthenticated,
    /// The credentials were good and have expired: get new ones, as one does regularly.
    CredentialsExpired,
    /// The provider does not know the credentials, or no longer: they were withdrawn, or never were.
    CredentialsRevoked,
    /// The clocks of this machine and of the provider differ by more than it tolerates. No credentials will help.
    ClockSkew,
    /// The provider accepts the credentials, but not for this.
    PermissionDenied,
    /// Policy said no.
    PolicyDenied {
        /// The rule that denied.
        rule: String,
    },
    /// Policy could not be asked, so nothing was done.
    PolicyUnavailable,
    /// The call is for another region than the adapter keeps its data in.
    WrongRegion,
    /// A receipt could not be recorded. [`Error::outcome`] says whether the effect may have happened nevertheless.
    ReceiptUnavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// The provider wants fewer requests.
    RateLimited,
    /// The provider, the network or the disk failed.
    Unavailable,
    /// What is stored, or what arrived, is not what was written.
    Corrupt,
    /// The customer's bank, or the provider on its behalf, refused the payment.
    Declined {
        /// The provider's reason, as in `insufficient_funds`.
        code: String,
    },
    /// The customer must authenticate, and is not there to do so.
    AuthenticationRequired,
    /// The state of the object does not allow this, or not that much of it.
    InvalidState,
    /// The idempotency key was used before, for another operation or with other parameters.
    IdempotencyMismatch,
    /// A webhook delivery does not come from the provider.
    WebhookForged,
    /// A genuine webhook delivery was seen before.
    WebhookReplayed,
    /// A genuine webhook delivery was signed too long ago, or too far ahead.
    WebhookOutsideTolerance,
    /// A token is not what it must be.
    Token(TokenFault),
    /// The issuer's keys are needed to verify a token and cannot be fetched.
    KeysUnavailable,
    /// The provider does not accept an authorization code, a refresh token or a device code, or no longer: somebody
    /// must sign in again.
    GrantRefused,
    /// A refresh token came again after it was traded for another. One of its two users should not have it, so what
    /// came of it is to be ended, and somebody must sign in again.
    RefreshReused,
    /// The adapter or the provider broke its own contract.
    Internal,
}

impl ErrorKind {
    /// A stable name for logs and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict(Conflict::Settled) => "conflict_settled",
            Self::Conflict(Conflict::InFlight) => "conflict_in_flight",
            Self::Locked => "locked",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::InvalidInput => "invalid_input",
            Self::LimitExceeded => "limit_exceeded",
            Self::Unsupported { .. } => "unsupported",
            Self::Unauthenticated => "unauthenticated",
            Self::CredentialsExpired => "credentials_expired",
            Self::CredentialsRevoked => "credentials_revoked",
            Self::ClockSkew => "clock_skew",
            Self::PermissionDenied => "permission_denied",
            Self::PolicyDenied { .. } => "policy_denied",
            Self::PolicyUnavailable => "policy_unavailable",
            Self::WrongRegion => "wrong_region",
            Self::ReceiptUnavailable => "receipt_unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::Declined { .. } => "declined",
            Self::AuthenticationRequired => "authentication_required",
            Self::InvalidState => "invalid_state",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::WebhookForged => "webhook_forged",
            Self::WebhookReplayed => "webhook_replayed",
            Self::WebhookOutsideTolerance => "webhook_outside_tolerance",
            Self::Token(fault) => fault.as_str(),
            Self::KeysUnavailable => "keys_unavailable",
            Self::GrantRefused => "grant_refused",
            Self::RefreshReused => "refresh_reused",
            Self::Internal => "internal",
        }
    }

    /// What is known about the effect when the adapter says nothing more precise. Where in doubt, doubt is what is
    /// reported.
    fn default_outcome(&self) -> Outcome {
        match self {
            Self::InvalidInput
            | Self::LimitExceeded
            | Self::Unsupported { .. }
            | Self::PolicyDenied { .. }
            | Self::PolicyUnavailable
            | Self::WrongRegion
            | Self::WebhookForged
            | Self::WebhookReplayed
            | Self::WebhookOutsideTolerance
            | Self::KeysUnavailable => Outcome::NotSent,
            Self::NotFound
            | Self::Conflict(_)
            | Self::Locked
            | Self::RangeNotSatisfiable
            | Self::Unauthenticated
            | Self::CredentialsExpired
            | Self::CredentialsRevoked
            | Self::ClockSkew
            | Self::PermissionDenied
            | Self::RateLimited
            | Self::Corrupt
            | Self::Declined { .. }
            | Self::AuthenticationRequired
            | Self::InvalidState
            | Self::IdempotencyMismatch
            | Self::Token(_)
            | Self::GrantRefused
            | Self::RefreshReused => Outcome::Answered,
            Self::ReceiptUnavailable | Self::DeadlineExceeded | Self::Unavailable | Self::Internal => {
                Outcome::MaybeSent
            }
        }
    }

    fn default_retry(&self) -> RetryClass {
        match self {
            Self::Conflict(Conflict::InFlight)
            | Self::PolicyUnavailable
            | Self::ReceiptUnavailable
            | Self::DeadlineExceeded
            | Self::RateLimited
            | Self::KeysUnavailable
            | Self::Unavailable => RetryClass::Temporary,
            _ => RetryClass::Permanent,
        }
    }
}

/// Whether the write that stood in the way has been decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The other write is done and visible: read it, then decide. Repeating the same call fails the same way.
    Settled,
    /// The other write is still under way and may yet fail: repeat the same call after a delay.
    InFlight,
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFault {
    /// It is no token of this kind at all, or lacks a claim it must have.
    Malformed,
    /// Its signature does not verify.
    BadSignature,
    /// It is signed with a key that the issuer does not publish.
    UnknownKey,
    /// It is signed with an algorithm that is not allowed, or not signed.
    AlgorithmRefused,
    /// It is of another issuer.
    WrongIssuer,
    /// It is for another audience, or another client.
    WrongAudience,
    /// It is about another subject.
    WrongSubject,
    /// It belongs to another flow.
    WrongNonce,
    /// It came with another access token.
    WrongAccessToken,
    /// It has expired.
    Expired,
    /// It is not good yet. If it was issued just now, the clocks are too far apart.
    NotYetValid,
    /// It does not grant a scope that is required.
    InsufficientScope,
    /// Its subject did not sign in recently enough, or not in the way that is required.
    InsufficientAuthentication,
    /// The issuer says that it is not good: unknown, ended or revoked.
    Inactive,
}

impl TokenFault {
    /// A stable name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::BadSignature => "token_bad_signature",
            Self::UnknownKey => "token_unknown_key",
            Self::AlgorithmRefused => "token_algorithm_refused",
            Self::WrongIssuer => "token_wrong_issuer",
            Self::WrongAudience => "token_wrong_audience",
            Self::WrongSubject => "token_wrong_subject",
            Self::WrongNonce => "token_wrong_nonce",
            Self::WrongAccessToken => "token_wrong_access_token",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::InsufficientScope => "token_insufficient_scope",
            Self::InsufficientAuthentication => "token_insufficient_authentication",
            Self::Inactive => "token_inactive",
        }
    }
}

/// What is known about the effect of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The effect has certainly not happened; repeating is always safe.
    NotSent,
    /// The effect may have happened; repeating is safe only if the operation is idempotent.
    MaybeSent,
    /// The provider has answered, and its answer is this error: the effect has not happened.
    Answered,
}

/// Whether a repetition can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryClass {
    /// The same call will fail in the same way.
    Permanent,
    /// The same call may succeed later.
    Temporary,
    /// It was temporary, has been retried below this layer, and still fails. Retrying again would multiply attempts.
    Persistent,
}

/// An adapter operation that failed.
///
/// `Display` prints the kind, the message and the provider's code and request id. It never prints the source, which
/// is for the error reporter to walk.
///
/// ```
/// use companyos_adapter_traits::{Error, ErrorKind, Outcome, RetryClass};
///
/// let error = Error::new(ErrorKind::Unavailable, "the bucket did not answer")
///     .with_provider_code("SlowDown")
///     .with_provider_request_id("4442587FB7D0A2F9");
/// assert_eq!(error.retry(), RetryClass::Temporary);
/// assert_eq!(error.outcome(), Outcome::MaybeSent);
/// assert_eq!(
///     error.to_string(),
///     "unavailable: the bucket did not answer (provider code SlowDown, provider request 4442587FB7D0A2F9)"
/// );
/// ```
#[derive(Debug)]
pub struct Error {
    // Boxed, so that a `Result` stays small on the path where nothing fails.
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    retry: RetryClass,
    message: String,
    provider_code: Option<String>,
    provider_request_id: Option<String>,
    receipt_id: Option<String>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`, with the outcome and the retry class that are right for most errors of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (outcome, retry) = (kind.default_outcome(), kind.default_retry());
        Self {
            inner: Box::new(Inner {
                kind,
                outcome,
                retry,
                message: message.into(),
                provider_code: None,
                provider_request_id: None,
                receipt_id: None,
                retry_after: None,
                source: None,
            }),
        }
    }

    /// The answer of an operation that `adapter` does not offer.
    pub fn unsupported(operation: &'static str, adapter: &str) -> Self {
        let message = format!("the adapter {adapter} does not offer {operation}");
        Self::new(ErrorKind::Unsupported { operation, adapter: adapter.to_owned() }, message)
    }

    /// The answer to a token that is not what it must be. The message must not quote it.
    pub fn token(fault: TokenFault, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Token(fault), message)
    }

    /// Says what is known about the effect.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.inner.outcome = outcome;
        self
    }

    /// Says whether a repetition can help.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryClass) -> Self {
        self.inner.retry = retry;
        self
    }

    /// Keeps the provider's own error code.
    #[must_use]
    pub fn with_provider_code(mut self, code: impl Into<String>) -> Self {
        self.inner.provider_code = Some(code.into());
        self
    }

    /// Keeps the id under which the provider's support finds the request.
    #[must_use]
    pub fn with_provider_request_id(mut self, id: impl Into<String>) -> Self {
        self.inner.provider_request_id = Some(id.into());
        self
    }

    /// Names the receipt that was left about this failure.
    #[must_use]
    pub fn with_receipt_id(mut self, id: impl Into<String>) -> Self {
        self.inner.receipt_id = Some(id.into());
        self
    }

    /// Keeps the pause the provider asked for before the next attempt.
    #[must_use]
    pub fn with_retry_after(mut self, pause: Duration) -> Self {
        self.inner.retry_after = Some(pause);
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Marks a temporary error as retried enough: what a retrying layer does before it gives up.
    #[must_use]
    pub fn into_persistent(mut self) -> Self {
        if self.inner.retry == RetryClass::Temporary {
            self.inner.retry = RetryClass::Persistent;
        }
        self
    }

    /// Why the operation failed.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// What is known about the effect.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.inner.outcome
    }

    /// Whether a repetition can help.
    #[must_use]
    pub fn retry(&self) -> RetryClass {
        self.inner.retry
    }

    /// What happened, in words, without the kind and the provider's identifiers.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The provider's own error code.
    #[must_use]
    pub fn provider_code(&self) -> Option<&str> {
        self.inner.provider_code.as_deref()
    }

    /// The id under which the provider's support finds the request.
    #[must_use]
    pub fn provider_request_id(&self) -> Option<&str> {
        self.inner.provider_request_id.as_deref()
    }

    /// The receipt about this failure: of the denial, or of the intent whose outcome is not recorded.
    #[must_use]
    pub fn receipt_id(&self) -> Option<&str> {
        self.inner.receipt_id.as_deref()
    }

    /// The pause the provider asked for before the next attempt, counted from its answer.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.kind.as_str(), self.inner.message)?;
        match (&self.inner.provider_code, &self.inner.provider_request_id) {
            (None, None) => Ok(()),
            (Some(code), None) => write!(f, " (provider code {code})"),
            (None, Some(id)) => write!(f, " (provider request {id})"),
            (Some(code), Some(id)) => write!(f, " (provider code {code}, provider request {id})"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
