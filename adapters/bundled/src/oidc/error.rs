//! What a refusal of the issuer means to the caller.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use companyos_adapter_traits::{Error, ErrorKind, Outcome, TokenFault};
use http::Response;
use http::header::DATE;
use serde::Deserialize;

use super::jws::Defect;
use crate::http::HttpClient;

/// Section 5.2 of RFC 6749.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The error code of a refusal (RFC 6749 section 5.2). The description beside it is left out: issuers quote the
/// request in it.
pub(super) fn code(response: &Response<Bytes>) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(response.body()).ok()?;
    let sane = refusal.error.len() <= 64 && refusal.error.bytes().all(|b| b.is_ascii_graphic());
    sane.then_some(refusal.error)
}

/// Reads an answer that is not a success as an error of what was tried. `doing` is that, as in "refreshing the
/// token".
pub(super) fn refused(http: &HttpClient, doing: &str, response: &Response<Bytes>) -> Error {
    let plain = http.failed(doing, response);
    // An overloaded or broken issuer says nothing about the grant, whatever its body looks like.
    if response.status().is_server_error() || response.status().as_u16() == 429 {
        return plain;
    }
    let Some(code) = code(response) else { return plain };
    let (kind, why) = match code.as_str() {
        "invalid_client" => {
            (ErrorKind::Unauthenticated, "the issuer does not accept the client's credentials")
        }
        "unauthorized_client" => (ErrorKind::PermissionDenied, "the client may not do this"),
        "access_denied" => (ErrorKind::PermissionDenied, "the person or the issuer said no"),
        "invalid_grant" | "expired_token" => {
            (ErrorKind::GrantRefused, "the issuer does not accept the grant, or no longer")
        }
        "temporarily_unavailable" | "server_error" => (ErrorKind::Unavailable, "the issuer failed"),
        "slow_down" => (ErrorKind::RateLimited, "the issuer wants fewer requests"),
        _ => (ErrorKind::InvalidInput, "the issuer does not accept the request"),
    };
    let mut error = Error::new(kind, format!("{doing} failed: {why}"))
        .with_outcome(Outcome::Answered)
        .with_provider_code(code);
    if let Some(id) = plain.provider_request_id() {
        error = error.with_provider_request_id(id);
    }
    if let Some(pause) = plain.retry_after() {
        error = error.with_retry_after(pause);
    }
    error
}

/// How far the issuer's clock is from ours, by the `Date` of its answer.
pub(super) fn clock_difference(response: &Response<Bytes>, now: SystemTime) -> Option<Duration> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    now.duration_since(date).or_else(|_| date.duration_since(now)).ok()
}

/// The issuer answered with something that the standard does not allow. Its cause is left out, because parsers quote
/// what they read, and what they read holds tokens.
pub(super) fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("{what} cannot be read")).with_outcome(Outcome::MaybeSent)
}

/// The keys are needed and are not to be had.
pub(super) fn no_keys(cause: Error) -> Error {
    if matches!(cause.kind(), ErrorKind::DeadlineExceeded) {
        return cause;
    }
    Error::new(ErrorKind::KeysUnavailable, "the issuer's keys cannot be fetched").with_source(cause)
}

impl From<Defect> for Error {
    fn from(defect: Defect) -> Self {
        match defect {
            Defect::Malformed(why) => Self::token(TokenFault::Malformed, format!("no usable token: {why}")),
            Defect::Type => Self::token(TokenFault::Malformed, "the token is not of the type expected here"),
            Defect::Algorithm => {
                Self::token(TokenFault::AlgorithmRefused, "the token's algorithm is not one that is allowed")
            }
        }
    }
}
