//! What the service's refusals and the official client's failures mean.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::{Conflict, Error, ErrorKind, Outcome, RetryClass};
use google_cloud_gax::error::Error as ClientError;
use google_cloud_gax::error::rpc::StatusDetails;
use google_cloud_storage::error::{ReadError, WriteError};
use http::HeaderMap;
use http::header::DATE;
use serde::Deserialize;

use crate::http::retry_after;

/// How far the clocks may differ before a refused token is blamed on that. Google's own tolerance is of this order.
const TOLERATED_SKEW: Duration = Duration::from_secs(300);

/// What is known of the tokens that requests carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// There are none.
    None,
    /// The client renews them before they expire.
    Renewed,
    /// Somebody else does, and has not said until when this one is good.
    Given,
    /// Somebody else does; this one is good until then.
    GivenUntil(SystemTime),
}

/// Turns what went wrong into what it means to a caller.
#[derive(Debug, Clone)]
pub(super) struct Diagnosis {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) token: Token,
}

/// An answer that is not a success.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The service's own code, as in `conditionNotMet`.
    pub(super) reason: Option<String>,
    /// The service's words. They name objects and accounts, so they decide and are not passed on.
    pub(super) message: String,
}

impl Refusal {
    /// Reads the body of an answer of the JSON API.
    pub(super) fn parse(status: u16, body: &[u8]) -> Self {
        let Answer { error } = serde_json::from_slice(body).unwrap_or_default();
        let reason = error.errors.into_iter().find_map(|item| item.reason);
        Self { status, reason, message: error.message }
    }

    fn kind(&self) -> ErrorKind {
        let reason = self.reason.as_deref().unwrap_or_default();
        match (self.status, reason) {
            (400, _) if self.message.contains("doesn't match calculated") => ErrorKind::Corrupt,
            (403 | 412, "retentionPolicyNotMet" | "objectUnderActiveHold") => ErrorKind::Locked,
            (403, "rateLimitExceeded" | "userRateLimitExceeded") | (429, _) => ErrorKind::RateLimited,
            (401, _) => ErrorKind::Unauthenticated,
            (403, _) => ErrorKind::PermissionDenied,
            (404, _) => ErrorKind::NotFound,
            // Another write of the same object is under way.
            (409, _) => ErrorKind::Conflict(Conflict::InFlight),
            (412, _) => ErrorKind::Conflict(Conflict::Settled),
            (413, _) => ErrorKind::LimitExceeded,
            (416, _) => ErrorKind::RangeNotSatisfiable,
            // 410: the session of a rewrite or an upload is over, and a new one may go better.
            (408 | 410 | 500..=599, _) => ErrorKind::Unavailable,
            (400..=499, _) => ErrorKind::InvalidInput,
            _ => ErrorKind::Internal,
        }
    }
}

impl Diagnosis {
    /// An answer that is not a success. `doing` says what was tried, as in "reading an object".
    pub(super) fn refused(&self, doing: &str, refusal: Refusal, headers: &HeaderMap) -> Error {
        let now = self.clock.wall();
        let kind = match refusal.kind() {
            ErrorKind::Unauthenticated => self.unauthenticated(headers, now),
            other => other,
        };
        // A 5xx or a 408 says that something broke, not where; and what is no status of a refusal says nothing at all.
        let open = !matches!(refusal.status, 400..=407 | 409..=499);
        let code = refusal.reason.filter(|reason| is_word(reason));
        let mut error = Error::new(kind, format!("{doing} failed"))
            .with_outcome(if open { Outcome::MaybeSent } else { Outcome::Answered })
            .with_provider_code(code.unwrap_or_else(|| refusal.status.to_string()));
        if let Some(pause) = retry_after(headers, now) {
            error = error.with_retry_after(pause);
        }
        let id = headers.get("x-guploader-uploadid").and_then(|id| id.to_str().ok());
        match id.filter(|id| is_word(id)) {
            Some(id) => error.with_provider_request_id(id),
            None => error,
        }
    }

    /// Why a token is not accepted. The service calls all of these invalid.
    fn unauthenticated(&self, headers: &HeaderMap, now: SystemTime) -> ErrorKind {
        let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let skew = date.map(|theirs| theirs.duration_since(now).unwrap_or_else(|earlier| earlier.duration()));
        match self.token {
            Token::None | Token::Given => ErrorKind::Unauthenticated,
            Token::GivenUntil(end) if end <= now => ErrorKind::CredentialsExpired,
            // Tokens that are made here begin and end by the clock of this machine.
            Token::Renewed if skew.is_some_and(|skew| skew > TOLERATED_SKEW) => ErrorKind::ClockSkew,
            Token::GivenUntil(_) | Token::Renewed => ErrorKind::CredentialsRevoked,
        }
    }

    /// A failure of the official client.
    pub(super) fn of_client(&self, doing: &str, error: ClientError) -> Error {
        if let Some(status) = error.http_status_code() {
            let headers = error.http_headers().cloned().unwrap_or_default();
            return self.refused(doing, refusal(status, &error), &headers).with_source(Cause(error));
        }
        let (kind, outcome) = classify(&error);
        let mut result = Error::new(kind, format!("{doing} failed")).with_outcome(outcome);
        if error.is_authentication() && error.is_transient_and_before_rpc() {
            result = result.with_retry(RetryClass::Temporary);
        }
        result.with_source(Cause(error))
    }
}

/// What may go into a log: one word of a sane length.
fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    error: AnswerError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerError {
    message: String,
    errors: Vec<AnswerItem>,
}

#[derive(Deserialize)]
struct AnswerItem {
    reason: Option<String>,
}

fn refusal(status: u16, error: &ClientError) -> Refusal {
    if let Some(body) = error.http_payload() {
        return Refusal::parse(status, body);
    }
    let Some(answer) = error.status() else { return Refusal { status, ..Refusal::default() } };
    let reason = answer.details.iter().find_map(|detail| match detail {
        StatusDetails::ErrorInfo(info) => Some(info.reason.clone()),
        _ => None,
    });
    Refusal { status, reason, message: answer.message.clone() }
}

/// A failure without an answer, or with one that made no sense.
fn classify(error: &ClientError) -> (ErrorKind, Outcome) {
    // The start of an upload session wraps what it failed of in another error.
    if let Some(inner) = error.source().and_then(|source| source.downcast_ref::<ClientError>()) {
        return classify(inner);
    }
    let source = error.source();
    let read = source.and_then(|source| source.downcast_ref::<ReadError>());
    let write = source.and_then(|source| source.downcast_ref::<WriteError>());
    match (read, write) {
        (Some(ReadError::ChecksumMismatch(_)), _) => return (ErrorKind::Corrupt, Outcome::Answered),
        // What was written is not what was sent, and it is written.
        (_, Some(WriteError::ChecksumMismatch { .. })) => return (ErrorKind::Corrupt, Outcome::MaybeSent),
        (Some(ReadError::ShortRead(_)), _) => return (ErrorKind::Unavailable, Outcome::MaybeSent),
        _ => {}
    }
    if error.is_connect() {
        (ErrorKind::Unavailable, Outcome::NotSent)
    } else if error.is_authentication() {
        (ErrorKind::Unauthenticated, Outcome::NotSent)
    } else if error.is_binding() || (error.is_serialization() && write.is_none()) {
        (ErrorKind::Internal, Outcome::NotSent)
    } else if error.is_io() || error.is_timeout() || error.is_transport() {
        (ErrorKind::Unavailable, Outcome::MaybeSent)
    } else {
        (ErrorKind::Internal, Outcome::MaybeSent)
    }
}

/// The client's error as a source. Its own words hold URLs, and the URL of an upload session is a credential, so it
/// shows only what lies beneath the HTTP client: the refused connection, the broken stream.
struct Cause(ClientError);

impl Cause {
    fn beneath(&self) -> Option<&(dyn StdError + 'static)> {
        let mut found = self.0.source();
        while let Some(error) =
            found.filter(|error| error.is::<ClientError>() || error.is::<reqwest::Error>())
        {
            found = error.source();
        }
        found
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.http_status_code() {
            Some(status) => write!(f, "Cloud Storage answered {status}"),
            None => f.write_str("the Cloud Storage client failed"),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cause").field(&self.to_string()).field(&self.beneath()).finish()
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.beneath()
    }
}
