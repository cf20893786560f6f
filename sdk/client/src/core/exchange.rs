//! One attempt: a request out, a whole answer in.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;

use super::attempt::Outcome;
use super::body::UnreadableBody;
use super::client::Inner;
use super::error::{Error, Kind, Limit};
use super::intercept::AttemptContext;
use super::options::ResponseLimits;
use super::problem::{self, MOST_READ};
use super::retry_after;
use super::send::Prepared;
use super::timer::{Timer, within};
use super::transport::{ResponseBody, TransportError};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const RECEIPT_ID: HeaderName = HeaderName::from_static("receipt-id");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A complete, successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What the caller expects an answer to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Json,
    Text,
    Binary,
    Nothing,
}

impl Expect {
    pub(crate) fn accept(self) -> HeaderValue {
        match self {
            Expect::Json => HeaderValue::from_static("application/json, application/problem+json, */*;q=0.5"),
            Expect::Text | Expect::Binary | Expect::Nothing => HeaderValue::from_static("*/*"),
        }
    }

    fn limit(self, limits: &ResponseLimits) -> usize {
        match self {
            Expect::Json | Expect::Text | Expect::Nothing => limits.text,
            Expect::Binary => limits.binary,
        }
    }

    /// JSON is checked, because a page of a proxy is easily taken for an answer; text and binary have many types.
    fn check(self, headers: &HeaderMap) -> Result<(), Error> {
        if self != Expect::Json {
            return Ok(());
        }
        let found = problem::media_type(headers).unwrap_or("none");
        let json = found.eq_ignore_ascii_case("application/json")
            || (found.len() > 5 && found.to_ascii_lowercase().ends_with("+json"));
        if json {
            Ok(())
        } else {
            Err(Error::new(Kind::MediaType, format!("expected JSON, got the media type {found}")))
        }
    }
}

/// The limits of one attempt, as points in time.
pub(crate) struct Clock<'a> {
    pub(crate) timer: &'a dyn Timer,
    pub(crate) attempt_end: Instant,
    pub(crate) operation_end: Instant,
    pub(crate) read: Duration,
}

impl Clock<'_> {
    /// Runs `future` until the nearest limit.
    async fn limit<F: Future>(&self, read_limited: bool, future: F) -> Result<F::Output, Limit> {
        let now = self.timer.now();
        let attempt = (self.attempt_end.saturating_duration_since(now), Limit::Attempt);
        let operation = (self.operation_end.saturating_duration_since(now), Limit::Operation);
        let mut nearest = if operation.0 <= attempt.0 { operation } else { attempt };
        if read_limited && self.read < nearest.0 {
            nearest = (self.read, Limit::Read);
        }
        within(self.timer, nearest.0, future).await.map_err(|_| nearest.1)
    }
}

/// Makes one attempt.
pub(crate) async fn attempt(
    client: &Inner,
    prepared: &Prepared,
    cx: &AttemptContext,
    clock: &Clock<'_>,
) -> Result<Answer, Error> {
    let mut request = http::Request::new(());
    *request.method_mut() = prepared.method.clone();
    *request.uri_mut() = prepared.uri.clone();
    *request.headers_mut() = headers(client, prepared, cx, clock).await?;
    let body = prepared.body.open().await.map_err(|error| {
        Error::new(Kind::RequestBody, "the request body cannot be opened").caused_by(error)
    })?;
    let streamed = prepared.body.bytes().is_none();
    let sent = clock.limit(!streamed, client.transport.send(request.map(|()| body))).await;
    let response = match sent {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unsent(error)),
        Err(limit) => return Err(timeout(limit)),
    };
    let (head, body) = response.into_parts();
    answer(client, prepared, clock, head.status, head.headers, body).await
}

/// The headers of an attempt: the call's, then what interceptors change, then what only the client writes.
async fn headers(
    client: &Inner,
    prepared: &Prepared,
    cx: &AttemptContext,
    clock: &Clock<'_>,
) -> Result<HeaderMap, Error> {
    let mut headers = prepared.headers.clone();
    for interceptor in &client.interceptors {
        interceptor.modify_attempt(cx, &mut headers).map_err(|error| {
            Error::new(Kind::Interceptor, "an interceptor refused the attempt").caused_by(error)
        })?;
    }
    if !prepared.operation.public {
        let credential = clock
            .limit(false, client.credentials.header())
            .await
            .map_err(|limit| timeout(limit).with(|call| call.outcome = Some(Outcome::NotSent)))??;
        if let Some(value) = credential {
            headers.insert(header::AUTHORIZATION, value);
        }
    }
    if let Some((_, value)) = &prepared.key {
        headers.insert(IDEMPOTENCY_KEY, value.clone());
    }
    if let Some(value) = prepared.trace.attempt(cx.attempt) {
        headers.insert(TRACEPARENT, value);
    }
    Ok(headers)
}

/// Turns a response into an answer or an error that knows all the response said.
async fn answer(
    client: &Inner,
    prepared: &Prepared,
    clock: &Clock<'_>,
    status: StatusCode,
    headers: HeaderMap,
    body: ResponseBody,
) -> Result<Answer, Error> {
    let result = if status.is_success() {
        success(client, prepared, clock, &headers, body).await
    } else if status == StatusCode::NOT_MODIFIED {
        Err(Error::new(Kind::NotModified, "the version held is current"))
    } else if status.as_u16() < 400 {
        Err(Error::new(Kind::Redirect, "the server points elsewhere, and redirects are not followed"))
    } else {
        Err(problem::refusal(status, &headers, read(clock, body, MOST_READ).await))
    };
    match result {
        Ok(body) => Ok(Answer { status, headers, body }),
        Err(error) => Err(error.with(|call| {
            call.outcome.get_or_insert(Outcome::Answered);
            call.status = Some(status);
            let text = |name: &HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            call.request_id = text(&REQUEST_ID).or(call.request_id.take());
            call.receipt_id = text(&RECEIPT_ID).or(call.receipt_id.take());
            call.retry_after =
                text(&header::RETRY_AFTER).and_then(|value| retry_after::parse(&value, clock.timer.wall()));
        })),
    }
}

async fn success(
    client: &Inner,
    prepared: &Prepared,
    clock: &Clock<'_>,
    headers: &HeaderMap,
    body: ResponseBody,
) -> Result<Bytes, Error> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Error::new(Kind::MediaType, "the body is compressed, which was not asked for"));
    }
    let body = read(clock, body, prepared.expect.limit(&client.limits)).await?;
    // After the body: a connection lost within it is what the caller should hear of, and it may be tried again.
    if prepared.operation.action.is_some() && headers.get(&RECEIPT_ID).is_none_or(HeaderValue::is_empty) {
        return Err(Error::new(Kind::ReceiptMissing, "a privileged action was answered without a receipt"));
    }
    prepared.expect.check(headers)?;
    Ok(body)
}

/// Reads a body up to `limit` bytes.
async fn read(clock: &Clock<'_>, body: ResponseBody, limit: usize) -> Result<Bytes, Error> {
    let too_large = || Error::new(Kind::TooLarge, format!("the body has more than {limit} bytes"));
    if http_body::Body::size_hint(&body).lower() > limit as u64 {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let frame = clock.limit(true, body.frame()).await.map_err(timeout)?;
        let data = match frame {
            None => break,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => {
                return Err(Error::new(Kind::Truncated, "the connection was lost within the answer")
                    .caused_by(error)
                    .with(|call| call.outcome = Some(Outcome::MaybeSent)));
            }
        };
        if first.len() + whole.len() + data.len() > limit {
            return Err(too_large());
        }
        // Most bodies are one piece, which needs no copy.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn timeout(limit: Limit) -> Error {
    let message = match limit {
        Limit::Connect => "no connection was made in time",
        Limit::Read => "the server sent nothing for too long",
        Limit::Attempt => "the attempt took too long",
        Limit::Operation => "the call took too long",
        Limit::Wait => "the operation did not end in time",
    };
    Error::new(Kind::Timeout(limit), message).with(|call| call.outcome = Some(Outcome::MaybeSent))
}

fn unsent(error: TransportError) -> Error {
    let outcome = error.outcome();
    let message = error.to_string();
    let kind = match (outcome, error.is_timeout()) {
        (Outcome::NotSent, true) => Kind::Timeout(Limit::Connect),
        (Outcome::NotSent, false) => Kind::Connect,
        (_, true) => Kind::Timeout(Limit::Attempt),
        (_, false) => Kind::Transport,
    };
    let source = error.into_source();
    if is_unreadable_body(&*source) {
        return Error::new(Kind::RequestBody, "the request body cannot be read")
            .caused_by(source)
            .with(|call| call.outcome = Some(Outcome::MaybeSent));
    }
    Error::new(kind, message).caused_by(source).with(|call| call.outcome = Some(outcome))
}

fn is_unreadable_body(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<UnreadableBody>)
}
