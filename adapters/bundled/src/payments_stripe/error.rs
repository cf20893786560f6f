//! What Stripe's refusals mean.

use std::time::SystemTime;

use bytes::Bytes;
use companyos_adapter_traits::{Conflict, Error, ErrorKind, Outcome, RetryClass};
use http::{HeaderMap, Response};
use serde::Deserialize;

use crate::http::{request_id, retry_after};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    CreateCustomer,
    CreatePayment,
    Confirm,
    Capture,
    Cancel,
    Refund,
}

impl Doing {
    fn phrase(self) -> &'static str {
        match self {
            Self::Read => "reading from Stripe",
            Self::CreateCustomer => "creating the customer",
            Self::CreatePayment => "creating the payment",
            Self::Confirm => "confirming the payment",
            Self::Capture => "capturing the payment",
            Self::Cancel => "cancelling the payment",
            Self::Refund => "refunding the payment",
        }
    }

    /// Whether an amount is measured against what a payment has.
    fn has_bounds(self) -> bool {
        matches!(self, Self::Capture | Self::Refund)
    }
}

/// The member `error` of an answer, and `last_payment_error` of a payment. Stripe's `message` is left out: it quotes
/// tokens.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Fault,
}

/// Codes that say that the object's state does not allow it.
const STATE: [&str; 9] = [
    "capture_charge_authorization_expired",
    "charge_already_captured",
    "charge_already_refunded",
    "charge_disputed",
    "charge_expired_for_capture",
    "charge_not_refundable",
    "intent_invalid_state",
    "payment_intent_unexpected_state",
    "refund_disputed_payment",
];

impl Fault {
    /// Why the bank, or Stripe on its behalf, said no.
    pub(super) fn decline(&self) -> Option<&str> {
        [&self.decline_code, &self.code, &self.kind]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|code| is_code(code))
    }

    fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether it is about the amount that was asked for.
    fn is_about_amount(&self) -> bool {
        matches!(self.param.as_deref(), Some("amount" | "amount_to_capture"))
    }
}

/// The error that an answer other than a success is.
pub(super) fn read(doing: Doing, response: &Response<Bytes>, now: SystemTime) -> Error {
    let (status, headers) = (response.status(), response.headers());
    let fault = serde_json::from_slice(response.body()).map(|body: Body| body.error).unwrap_or_default();
    let kind = kind(doing, status.as_u16(), &fault);
    let outcome = match status.as_u16() {
        // A proxy that gave up waiting does not know either.
        408 | 500..=599 => Outcome::MaybeSent,
        _ => Outcome::Answered,
    };
    let replayed = says(headers, "idempotent-replayed") == Some(true);
    let mut message = format!("{} failed", doing.phrase());
    if let Some(param) = fault.param.as_deref().filter(|param| is_parameter(param)) {
        message = format!("{message} because of the parameter {param}");
    }
    if replayed && outcome == Outcome::MaybeSent {
        message = format!("{message} inside Stripe, which answers every repetition with that");
    }
    let code = fault.code.as_deref().or(fault.kind.as_deref()).filter(|code| is_code(code));
    let mut error = Error::new(kind, message)
        .with_outcome(outcome)
        .with_provider_code(code.map_or_else(|| status.as_u16().to_string(), str::to_owned));
    if error.retry() == RetryClass::Temporary {
        let hopeless = says(headers, "stripe-should-retry") == Some(false);
        if hopeless || (replayed && outcome == Outcome::MaybeSent) {
            error = error.with_retry(RetryClass::Permanent);
        }
    }
    if let Some(pause) = retry_after(headers, now) {
        error = error.with_retry_after(pause);
    }
    match request_id(headers) {
        Some(id) => error.with_provider_request_id(id),
        None => error,
    }
}

fn kind(doing: Doing, status: u16, fault: &Fault) -> ErrorKind {
    let code = fault.code();
    match status {
        409 => return ErrorKind::Conflict(Conflict::InFlight),
        401 if matches!(code, "api_key_expired" | "platform_api_key_expired") => {
            return ErrorKind::CredentialsExpired;
        }
        // We always send a key, so Stripe itself says this of one that it does not know, or no longer.
        401 if fault.is("invalid_request_error") || fault.is("authentication_error") => {
            return ErrorKind::CredentialsRevoked;
        }
        401 => return ErrorKind::Unauthenticated,
        403 => return ErrorKind::PermissionDenied,
        429 => return ErrorKind::RateLimited,
        408 | 500..=599 => return ErrorKind::Unavailable,
        _ => {}
    }
    if fault.is("idempotency_error") {
        return match code {
            "idempotency_key_in_use" => ErrorKind::Conflict(Conflict::InFlight),
            _ => ErrorKind::IdempotencyMismatch,
        };
    }
    if STATE.contains(&code) {
        return ErrorKind::InvalidState;
    }
    if code == "authentication_required" || fault.decline_code.as_deref() == Some("authentication_required") {
        return ErrorKind::AuthenticationRequired;
    }
    if fault.is("card_error") {
        return ErrorKind::Declined { code: fault.decline().unwrap_or("card_error").to_owned() };
    }
    if status == 402 {
        // The parameters were good, and it did not work: as with a refund that the account's balance does not cover.
        return ErrorKind::InvalidState;
    }
    if code == "resource_missing" || status == 404 {
        return ErrorKind::NotFound;
    }
    // The amount itself was checked before, so it is the payment that has not got so much.
    if doing.has_bounds() && (fault.is_about_amount() || code == "amount_too_large") {
        return ErrorKind::InvalidState;
    }
    match code {
        "amount_too_large" | "amount_too_small" => ErrorKind::LimitExceeded,
        _ if (400..500).contains(&status) => ErrorKind::InvalidInput,
        _ => ErrorKind::Internal,
    }
}

/// A header field that is true or false.
fn says(headers: &HeaderMap, name: &str) -> Option<bool> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// A code goes into logs and receipts: one word, of a sane length.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_parameter(text: &str) -> bool {
    text.split(['[', ']']).filter(|part| !part.is_empty()).all(is_code) && (1..=64).contains(&text.len())
}
