//! Which failed attempts are worth another, and which of those are safe to repeat.
//!
//! The rules follow AIP-194 and the conventions of keyed payment APIs:
//!
//! | what happened | tried again |
//! |---|---|
//! | not sent: no connection, or it broke before the first byte | always |
//! | maybe sent: connection lost, timeout, response cut short | if idempotent by contract, or keyed |
//! | 408, 429, 502, 503, 504 | if idempotent by contract, or keyed, or the problem says `retryable` |
//! | 500 and other 5xx | only if the problem says `retryable`: a defect repeats itself |
//! | 409 `idempotency-in-progress` | if keyed, with the same key |
//! | 422 and every other answer | never |
//!
//! A problem that says `retryable: false` ends the matter for any status: the server knows best. An unkeyed request that
//! is answered 503 without problem details is not repeated, because then something in front of the server answered, and
//! what stands behind it may have acted.

use http::StatusCode;

use super::attempt::{GaveUp, Outcome};
use super::budget::Price;
use super::error::{Error, Kind};
use super::idempotency::Replayable;

/// The code of a 409 that asks to come back with the same key.
const IN_PROGRESS: &str = "idempotency-in-progress";

/// Says what a retry of this failure costs, or why there must be none.
pub(crate) fn verdict(error: &Error, replayable: Option<Replayable>) -> Result<Price, GaveUp> {
    match error.kind() {
        Kind::Connect | Kind::Timeout(_) | Kind::Transport | Kind::Truncated => {
            let price = if error.is_timeout() { Price::Timeout } else { Price::Retry };
            match (error.outcome(), replayable) {
                (Outcome::NotSent, _) => Ok(price),
                (_, Some(proof)) => Ok(resend(proof, price)),
                (_, None) => Err(GaveUp::Unsafe),
            }
        }
        Kind::Problem | Kind::Status => answered(error, replayable),
        _ => Err(GaveUp::Permanent),
    }
}

fn answered(error: &Error, replayable: Option<Replayable>) -> Result<Price, GaveUp> {
    let status = error.status().unwrap_or_default();
    let says = error.problem().map(|problem| problem.retryable);
    let in_progress = status == StatusCode::CONFLICT && error.is_problem(IN_PROGRESS);
    match (says, replayable) {
        (_, Some(proof)) if in_progress && proof.is_keyed() => Ok(resend(proof, Price::Retry)),
        _ if !may_be_transient(status) => Err(GaveUp::Permanent),
        (Some(false), _) => Err(GaveUp::Permanent),
        // The server's own word that this request had no effect and may be sent again.
        (Some(true), _) => Ok(Price::Retry),
        (None, _) if !is_transient(status) => Err(GaveUp::Permanent),
        (None, Some(proof)) => Ok(resend(proof, Price::Retry)),
        (None, None) => Err(GaveUp::Unsafe),
    }
}

/// Allows a request that may have been carried out to be sent again. There is no other way, and this one takes a proof.
fn resend(_proof: Replayable, price: Price) -> Price {
    price
}

fn may_be_transient(status: StatusCode) -> bool {
    status.is_server_error() || is_transient(status)
}

/// Transient by the status alone, when no problem says more.
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use companyos_types::ops::{self, Operation};
    use companyos_types::shared::Problem;

    use super::super::error::Limit;
    use super::super::idempotency::IdempotencyKey;
    use super::*;

    fn problem(status: u16, code: &str, retryable: bool) -> Problem {
        let json = serde_json::json!({
            "type": format!("https://docs.companyos.dev/problems/{code}"),
            "title": "t", "status": status, "code": code, "request_id": "req_1", "retryable": retryable,
        });
        serde_json::from_value(json).expect("a problem")
    }

    fn answer(status: u16, said: Option<(&str, bool)>) -> Error {
        Error::new(if said.is_some() { Kind::Problem } else { Kind::Status }, "").with(|call| {
            call.outcome = Some(Outcome::Answered);
            call.status = StatusCode::from_u16(status).ok();
            call.problem = said.map(|(code, retryable)| problem(status, code, retryable));
        })
    }

    fn broken(kind: Kind, outcome: Outcome) -> Error {
        Error::new(kind, "").with(|call| call.outcome = Some(outcome))
    }

    const RETRY: Result<Price, GaveUp> = Ok(Price::Retry);
    const TIMEOUT: Result<Price, GaveUp> = Ok(Price::Timeout);
    const PERMANENT: Result<Price, GaveUp> = Err(GaveUp::Permanent);
    const UNSAFE: Result<Price, GaveUp> = Err(GaveUp::Unsafe);

    /// What each kind of operation does with a failure: natural, keyed, neither.
    #[track_caller]
    fn rule(
        error: &Error,
        natural: Result<Price, GaveUp>,
        keyed: Result<Price, GaveUp>,
        neither: Result<Price, GaveUp>,
    ) {
        let key = IdempotencyKey::from("k");
        let of = |operation: &Operation, key| verdict(error, Replayable::of(operation, key));
        assert_eq!(of(&ops::GET_TENANT, None), natural, "natural: {error:?}");
        assert_eq!(of(&ops::CREATE_TENANT, Some(&key)), keyed, "keyed: {error:?}");
        assert_eq!(of(&ops::CREATE_RETRY_TEST, None), neither, "neither: {error:?}");
    }

    #[test]
    fn what_was_not_sent_is_always_tried_again() {
        rule(&broken(Kind::Connect, Outcome::NotSent), RETRY, RETRY, RETRY);
        rule(&broken(Kind::Transport, Outcome::NotSent), RETRY, RETRY, RETRY);
        rule(&broken(Kind::Timeout(Limit::Connect), Outcome::NotSent), TIMEOUT, TIMEOUT, TIMEOUT);
    }

    #[test]
    fn what_may_have_been_sent_needs_the_contract_or_a_key() {
        rule(&broken(Kind::Transport, Outcome::MaybeSent), RETRY, RETRY, UNSAFE);
        rule(&broken(Kind::Truncated, Outcome::MaybeSent), RETRY, RETRY, UNSAFE);
        rule(&broken(Kind::Timeout(Limit::Attempt), Outcome::MaybeSent), TIMEOUT, TIMEOUT, UNSAFE);
        rule(&broken(Kind::Timeout(Limit::Read), Outcome::MaybeSent), TIMEOUT, TIMEOUT, UNSAFE);
    }

    #[test]
    fn an_operation_that_needs_a_key_is_not_safe_without() {
        assert!(Replayable::of(&ops::CREATE_TENANT, None).is_none());
    }

    #[test]
    fn transient_statuses_need_safety_or_the_servers_word() {
        for status in [408, 429, 502, 503, 504] {
            rule(&answer(status, None), RETRY, RETRY, UNSAFE);
            rule(&answer(status, Some(("unavailable", true))), RETRY, RETRY, RETRY);
            rule(&answer(status, Some(("unavailable", false))), PERMANENT, PERMANENT, PERMANENT);
        }
    }

    #[test]
    fn a_500_repeats_itself_unless_the_server_says_otherwise() {
        for status in [500, 501, 505] {
            rule(&answer(status, None), PERMANENT, PERMANENT, PERMANENT);
            rule(&answer(status, Some(("internal", false))), PERMANENT, PERMANENT, PERMANENT);
            rule(&answer(status, Some(("internal", true))), RETRY, RETRY, RETRY);
        }
    }

    #[test]
    fn a_key_in_progress_is_asked_for_again_only_with_a_key() {
        rule(&answer(409, Some((IN_PROGRESS, true))), PERMANENT, RETRY, PERMANENT);
        rule(&answer(409, Some(("conflict", true))), PERMANENT, PERMANENT, PERMANENT);
        rule(&answer(409, None), PERMANENT, PERMANENT, PERMANENT);
    }

    #[test]
    fn other_answers_are_final_whatever_the_problem_says() {
        for status in [400, 401, 403, 404, 412, 413, 422, 428] {
            rule(&answer(status, Some(("some-code", true))), PERMANENT, PERMANENT, PERMANENT);
            rule(&answer(status, None), PERMANENT, PERMANENT, PERMANENT);
        }
    }

    #[test]
    fn failures_of_the_caller_or_the_answer_are_final() {
        for kind in [
            Kind::Request,
            Kind::Credentials,
            Kind::Interceptor,
            Kind::KeyStore,
            Kind::RequestBody,
            Kind::TooLarge,
            Kind::MediaType,
            Kind::Decode,
            Kind::Redirect,
            Kind::NotModified,
            Kind::ReceiptMissing,
            Kind::ReceiptInvalid,
        ] {
            rule(&broken(kind, Outcome::Answered), PERMANENT, PERMANENT, PERMANENT);
        }
    }
}
