//! What a failed call means to the caller.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::{Error, ErrorKind, Outcome, RetryClass};
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

/// An error for an answer that is not a success, from its status alone. `doing` says what was tried, as in
/// "refreshing the token". An adapter that understands the body refines it.
///
/// 408, 5xx and 429 are temporary. A 5xx leaves it open whether the effect happened; any other status says that it
/// has not.
#[must_use]
pub fn answered(doing: &str, status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Error {
    let kind = match status.as_u16() {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        408 | 500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::InvalidInput,
        _ => ErrorKind::Internal,
    };
    let outcome = if status.is_server_error() { Outcome::MaybeSent } else { Outcome::Answered };
    let mut error = Error::new(kind, format!("{doing} failed"))
        .with_provider_code(status.as_u16().to_string())
        .with_outcome(outcome);
    if let Some(pause) = retry_after(headers, now) {
        error = error.with_retry_after(pause);
    }
    if let Some(id) = request_id(headers) {
        error = error.with_provider_request_id(id);
    }
    error
}

/// The `Retry-After` of an answer (RFC 9110 section 10.2.3) as a pause from `now`; a date that has passed is zero.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim_matches([' ', '\t']);
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are still a number, and a very long time.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The id under which the provider's support finds the request, from the header fields in use for it.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    const NAMES: [&str; 3] = ["request-id", "x-request-id", "x-correlation-id"];
    let value = NAMES.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
    // It goes into logs: a sane length, and one word of visible characters.
    (value.len() <= 128 && value.bytes().all(|b| b.is_ascii_graphic())).then(|| value.to_owned())
}

/// A request that got no answer.
///
/// Not sent, for sure: the request was never built; connecting failed, which covers name resolution, TCP and the TLS
/// handshake; or hyper gave the request back unwritten, which it does (and only then reports "canceled") when a
/// connection closes between being taken from the pool and being written to. Everything else may have been sent.
pub(super) fn unanswered(error: reqwest::Error) -> Error {
    // The URL carries identifiers and, in a query, secrets.
    let error = error.without_url();
    let (kind, message) = if error.is_builder() {
        (ErrorKind::InvalidInput, "the request cannot be built")
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "the provider cannot be connected to")
    } else if error.is_timeout() {
        (ErrorKind::Unavailable, "the provider did not answer in time")
    } else {
        (ErrorKind::Unavailable, "the connection to the provider broke")
    };
    let not_sent = error.is_builder() || error.is_connect() || was_given_back(&error);
    let outcome = if not_sent { Outcome::NotSent } else { Outcome::MaybeSent };
    Error::new(kind, message).with_outcome(outcome).with_source(error)
}

fn was_given_back(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        source = error.source();
    }
    false
}

/// An answer whose head has arrived and whose body has not.
pub(super) fn broken_off(error: reqwest::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the provider's answer broke off").with_source(error.without_url())
}

/// The answer is larger than we read. The provider has acted; what it said is not known.
pub(super) fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::Internal, format!("the provider's answer exceeds {limit} bytes"))
        .with_outcome(Outcome::MaybeSent)
}

/// The time ran out after the request may have been sent.
pub(super) fn timed_out(by_deadline: bool) -> Error {
    if by_deadline {
        // Permanent, because the same deadline passes only once.
        Error::new(ErrorKind::DeadlineExceeded, "the deadline passed while waiting for the provider")
            .with_retry(RetryClass::Permanent)
    } else {
        Error::new(ErrorKind::Unavailable, "the provider did not answer in time")
    }
}
