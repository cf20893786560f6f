//! The retry loop.

use std::time::Duration;

use companyos_types::ops::Operation;
use http::{HeaderMap, HeaderValue, Method, Uri};
use tracing::Instrument as _;

use super::attempt::{Attempt, GaveUp, Outcome};
use super::body::Body;
use super::client::Inner;
use super::delay::Delays;
use super::error::Error;
use super::exchange::{Answer, Clock, Expect, REQUEST_ID, attempt};
use super::idempotency::{IdempotencyKey, Replayable};
use super::intercept::{AttemptContext, AttemptResult};
use super::retry;
use super::retry_after;
use super::timer::Wait;
use super::trace::{TraceContext, attempt_span};

/// A call ready to be sent, as often as it takes.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) operation: &'static Operation,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) key: Option<(IdempotencyKey, HeaderValue)>,
    pub(crate) trace: TraceContext,
    pub(crate) expect: Expect,
    pub(crate) attempt_limit: Duration,
    pub(crate) operation_limit: Duration,
    pub(crate) max_attempts: u32,
}

/// An answer and what it took to get it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) attempts: Vec<Attempt>,
}

/// Sends a call until it is answered, or trying again would be useless, unsafe or too late.
pub(crate) async fn send(client: &Inner, prepared: &Prepared) -> Result<Answered, Error> {
    let timer = &*client.timer;
    let started = timer.now();
    let operation_end = started + prepared.operation_limit;
    let mut retries = Retries { client, prepared, delays: None, attempts: Vec::new() };
    let mut began = started;
    let mut number = 0;
    loop {
        // Bounded by max_attempts, itself a u32.
        number += 1;
        let clock = Clock {
            timer,
            attempt_end: began + prepared.attempt_limit,
            operation_end,
            read: client.timeouts.read,
        };
        let cx = AttemptContext { operation: prepared.operation, attempt: number };
        let span = attempt_span(prepared.operation, &prepared.uri, number - 1);
        let result = attempt(client, prepared, &cx, &clock).instrument(span.clone()).await;
        let ended = timer.now();
        report(client, &cx, &result, ended - began, &span);
        let error = match result {
            Ok(answer) => {
                if number == 1 {
                    client.budget.reward();
                }
                return Ok(Answered { answer, attempts: retries.attempts });
            }
            Err(error) => error,
        };
        let pause =
            retries.next(error, number, ended - began, operation_end.saturating_duration_since(ended))?;
        timer.sleep(pause, Wait::Backoff).await;
        began = timer.now();
    }
}

struct Retries<'a> {
    client: &'a Inner,
    prepared: &'a Prepared,
    delays: Option<Delays>,
    attempts: Vec<Attempt>,
}

impl Retries<'_> {
    /// Records a failed attempt and returns the pause before the next, or the error of the call.
    fn next(
        &mut self,
        error: Error,
        number: u32,
        elapsed: Duration,
        remaining: Duration,
    ) -> Result<Duration, Error> {
        let replayable =
            Replayable::of(self.prepared.operation, self.prepared.key.as_ref().map(|(key, _)| key));
        let verdict = retry::verdict(&error, replayable);
        let pause = verdict.and_then(|price| {
            if number >= self.prepared.max_attempts {
                return Err(GaveUp::Attempts);
            }
            let delay = self
                .delays
                .get_or_insert_with(|| self.client.delays.delays())
                .next()
                .ok_or(GaveUp::Delays)?;
            let pause =
                retry_after::pause(delay, error.retry_after(), remaining).map_err(|_| GaveUp::Deadline)?;
            // Last, so that a retry that does not happen is not paid for.
            if self.client.budget.pay(price) { Ok(pause) } else { Err(GaveUp::Budget) }
        });
        self.attempts.push(Attempt {
            code: error.code().to_owned(),
            outcome: error.outcome(),
            status: error.status(),
            request_id: error.request_id().map(str::to_owned),
            elapsed,
            pause: pause.ok(),
        });
        let gave_up = match pause {
            Ok(pause) => {
                tracing::debug!(
                    companyos.operation = self.prepared.operation.id,
                    code = error.code(),
                    attempt = number,
                    pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "trying again"
                );
                return Ok(pause);
            }
            Err(gave_up) => gave_up,
        };
        Err(error.with(|call| {
            call.retryable = verdict.is_ok();
            call.gave_up = Some(gave_up);
            call.attempts = std::mem::take(&mut self.attempts);
        }))
    }
}

/// Tells the span and the interceptors what an attempt came to.
fn report(
    client: &Inner,
    cx: &AttemptContext,
    result: &Result<Answer, Error>,
    elapsed: Duration,
    span: &tracing::Span,
) {
    if !span.is_disabled() {
        let (status, request_id) = match result {
            Ok(answer) => {
                (Some(answer.status), answer.headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()))
            }
            Err(error) => (error.status(), error.request_id()),
        };
        span.record("http.response.status_code", status.map(|status| status.as_u16()));
        span.record("companyos.request_id", request_id);
        span.record("error.type", result.as_ref().err().map(Error::code));
    }
    if client.interceptors.is_empty() {
        return;
    }
    let result = match result {
        Ok(answer) => AttemptResult {
            outcome: Outcome::Answered,
            status: Some(answer.status),
            headers: Some(&answer.headers),
            error: None,
            elapsed,
        },
        Err(error) => AttemptResult {
            outcome: error.outcome(),
            status: error.status(),
            headers: None,
            error: Some(error),
            elapsed,
        },
    };
    for interceptor in client.interceptors.iter().rev() {
        interceptor.read_attempt(cx, &result);
    }
}
