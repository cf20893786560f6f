//! What an attempt came to, and the history of the attempts of a call.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// What is known of a failed attempt: whether the server may have acted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request provably never left: the connection failed, or it broke before the first byte was written.
    ///
    /// Sending it again is always safe.
    NotSent,
    /// The request may have been carried out, but no complete answer came back.
    ///
    /// Sending it again is safe only when the operation is idempotent or carries the same idempotency key.
    MaybeSent,
    /// A complete answer came back.
    Answered,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::NotSent => "not sent",
            Outcome::MaybeSent => "maybe sent",
            Outcome::Answered => "answered",
        })
    }
}

/// A failed attempt in the history of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub(crate) code: String,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<StatusCode>,
    pub(crate) request_id: Option<String>,
    pub(crate) elapsed: Duration,
    pub(crate) pause: Option<Duration>,
}

impl Attempt {
    /// Returns why it failed: a problem's code, or one of this crate's (see [`Error::code`](crate::Error::code)).
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns whether the server may have acted on it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the status, if a response began.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the `Request-Id`, if a response began.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns how long it took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the pause that followed it, or `None` for the last attempt.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.pause
    }
}

/// Why a call that failed was not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GaveUp {
    /// Trying again cannot help.
    Permanent,
    /// The request may have been carried out, and the operation is neither idempotent nor keyed.
    Unsafe,
    /// Every attempt was used.
    Attempts,
    /// The delay source ended.
    Delays,
    /// Too many calls of this client failed lately.
    Budget,
    /// The pause before the next attempt would not have ended before the deadline.
    Deadline,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GaveUp::Permanent => "trying again cannot help",
            GaveUp::Unsafe => "the request may have been carried out and must not be repeated without a key",
            GaveUp::Attempts => "every attempt was used",
            GaveUp::Delays => "the delay source ended",
            GaveUp::Budget => "the retry budget is used up",
            GaveUp::Deadline => "the next attempt would come after the deadline",
        })
    }
}
