//! A request under construction: what every generated operation is built on.
//!
//! The generated modules in `areas/` hold one builder per operation around a [`Call`]: arguments and setters become
//! [`path`](Call::path), [`query`](Call::query), [`header`](Call::header), [`json`](Call::json) and
//! [`body`](Call::body); the ways to send become one of the `send_…` methods, [`by_page`](Call::by_page) or
//! [`poller`](Call::poller). What is wrong with an argument is kept until the call is sent, so that building reads as one
//! sentence.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use companyos_types::ops::{BodyClass, Idempotency, Operation};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::Body;
use super::client::Client;
use super::error::{Error, Kind};
use super::exchange::Expect;
use super::idempotency::{IdempotencyKey, KeyRequest};
use super::intercept::AttemptContext;
use super::options::CallOptions;
use super::page::{ItemStream, Page, PageStream};
use super::poll::{Accepted, Poller};
use super::response::Response;
use super::send::{Prepared, send};
use super::target::Target;
use super::trace::TraceContext;

/// A request under construction.
#[derive(Debug, Clone)]
pub(crate) struct Call<'c> {
    client: &'c Client,
    operation: &'static Operation,
    target: Target,
    headers: HeaderMap,
    body: Body,
    key: Option<IdempotencyKey>,
    options: CallOptions,
    defect: Option<String>,
}

/// Building: arguments and setters.
impl<'c> Call<'c> {
    /// Starts a request for the operation.
    pub(crate) fn new(client: &'c Client, operation: &'static Operation) -> Self {
        Self {
            client,
            operation,
            target: Target::new(operation.path),
            headers: HeaderMap::new(),
            body: Body::empty(),
            key: None,
            options: CallOptions::default(),
            defect: None,
        }
    }

    /// Fills the path parameter `name` with one segment, percent-encoded.
    pub(crate) fn path(mut self, name: &str, value: impl Display) -> Self {
        if self.target.segment(name, &value.to_string()).is_err() {
            self.defect(|| format!("the path parameter {name} is empty or a dot segment"));
        }
        self
    }

    /// Fills the path parameter `name` that is a rest of the path (`x-companyos-rest`): slashes stay.
    pub(crate) fn path_rest(mut self, name: &str, value: impl Display) -> Self {
        if self.target.rest(name, &value.to_string()).is_err() {
            self.defect(|| format!("the path parameter {name} holds an empty or a dot segment"));
        }
        self
    }

    /// Sets a query parameter, over any earlier value.
    pub(crate) fn query(mut self, name: &str, value: impl Display) -> Self {
        self.target.query(name, value);
        self
    }

    /// Sets a query parameter whose value is JSON (`content: application/json`).
    pub(crate) fn query_json(mut self, name: &str, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(json) => self.target.query(name, json),
            Err(error) => {
                self.defect(|| format!("the query parameter {name} cannot be written as JSON: {error}"))
            }
        }
        self
    }

    /// Sets a header of the contract, such as `If-Match`.
    pub(crate) fn header(mut self, name: &'static str, value: impl Display) -> Self {
        match HeaderValue::try_from(value.to_string()) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.defect(|| format!("{name} holds characters that a header cannot")),
        }
        self
    }

    /// Sets the body to `value` as `application/json`.
    pub(crate) fn json(self, value: &impl Serialize) -> Self {
        self.json_as("application/json", value)
    }

    /// Sets the body to `value` as JSON of another media type, such as `application/merge-patch+json`.
    pub(crate) fn json_as(mut self, content_type: &'static str, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => return self.body(content_type, Body::from_bytes(json)),
            Err(error) => self.defect(|| format!("the body cannot be written as JSON: {error}")),
        }
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, content_type: &'static str, body: Body) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body;
        self
    }

    /// Sets the idempotency key. Only operations whose contract requires one have this setter.
    pub(crate) fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets the options of this call.
    pub(crate) fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    fn defect(&mut self, describe: impl FnOnce() -> String) {
        self.defect.get_or_insert_with(describe);
    }
}

/// Sending.
impl<'c> Call<'c> {
    /// Sends the request and reads JSON.
    pub(crate) async fn send_json<T: DeserializeOwned>(self) -> Result<Response<T>, Error> {
        self.send(Expect::Json).await?.try_map(|body| Ok(serde_json::from_slice(&body)?))
    }

    /// Sends the request and reads text, which is UTF-8.
    pub(crate) async fn send_text(self) -> Result<Response<String>, Error> {
        self.send(Expect::Text).await?.try_map(|body| Ok(String::from_utf8(body.into())?))
    }

    /// Sends the request and reads bytes.
    pub(crate) async fn send_bytes(self) -> Result<Response<Bytes>, Error> {
        self.send(Expect::Binary).await
    }

    /// Sends the request and expects no content.
    pub(crate) async fn send_unit(self) -> Result<Response<()>, Error> {
        self.send(Expect::Nothing).await?.try_map(|_| Ok(()))
    }

    /// Sends a request that may be answered at once (200, a `T`) or go on as a long operation (202).
    pub(crate) async fn send_accepted<T: DeserializeOwned>(self) -> Result<Response<Accepted<T>>, Error> {
        let response = self.send(Expect::Json).await?;
        let accepted = response.status() == http::StatusCode::ACCEPTED;
        response.try_map(|body| {
            Ok(if accepted {
                Accepted::Operation(serde_json::from_slice(&body)?)
            } else {
                Accepted::Done(serde_json::from_slice(&body)?)
            })
        })
    }

    /// Sends such a request and follows the operation.
    pub(crate) async fn poller<T: DeserializeOwned>(self) -> Result<Poller<T>, Error> {
        self.send_accepted().await.map(Poller::new)
    }

    /// Lists page by page.
    pub(crate) fn by_page<P: Page>(self) -> PageStream<'c, P> {
        PageStream::new(self)
    }

    /// Lists item by item.
    pub(crate) fn by_item<P: Page>(self) -> ItemStream<'c, P::Item> {
        ItemStream::new(PageStream::<P>::new(self))
    }

    async fn send(self, expect: Expect) -> Result<Response<Bytes>, Error> {
        let (client, operation) = (self.client, self.operation);
        let inner = client.inner();
        let from_store = self.key.is_none();
        let cx = AttemptContext { operation, attempt: 0 };
        let prepared = self
            .prepare(expect, &cx)
            .await
            .map_err(|error| error.with(|call| call.operation = Some(operation.id)))?;
        let result = send(inner, &prepared).await.map_err(|error| {
            error.with(|call| {
                call.operation = Some(operation.id);
                call.key = prepared.key.as_ref().map(|(key, _)| key.clone());
            })
        });
        for interceptor in inner.interceptors.iter().rev() {
            interceptor.read_operation(&cx, result.as_ref().map(|answered| answered.answer.status));
        }
        if let (true, Some((key, _))) = (from_store, &prepared.key)
            && result.as_ref().map_or_else(Error::is_settled, |_| true)
        {
            inner.keys.settled(key).await;
        }
        let key = prepared.key.map(|(key, _)| key);
        result.map(|answered| Response::new(client.clone(), operation, key, answered))
    }

    async fn prepare(mut self, expect: Expect, cx: &AttemptContext) -> Result<Prepared, Error> {
        let inner = self.client.inner();
        if let Some(defect) = self.defect {
            return Err(Error::new(Kind::Request, defect));
        }
        self.options.check()?;
        let target =
            self.target.finish().map_err(|name| Error::new(Kind::Request, format!("{name} is not given")))?;
        let uri = Uri::try_from(format!("{}{target}", inner.base_url))
            .map_err(|error| Error::new(Kind::Request, "the address is too long").caused_by(error))?;
        let key = self.key(&target).await?;
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(header::ACCEPT, expect.accept());
        headers.insert(header::USER_AGENT, inner.user_agent.clone());
        headers.extend(self.headers);
        headers.extend(self.options.headers);
        for interceptor in &inner.interceptors {
            interceptor.modify_operation(cx, &mut headers).map_err(|error| {
                Error::new(Kind::Interceptor, "an interceptor refused the call").caused_by(error)
            })?;
        }
        let recorded = tracing::enabled!(tracing::Level::INFO);
        let trace = TraceContext::of(headers.get(super::exchange::TRACEPARENT), recorded);
        let (attempt_limit, operation_limit) = limits(inner.timeouts, self.operation, self.options.timeout);
        Ok(Prepared {
            operation: self.operation,
            method: method(self.operation),
            uri,
            headers,
            body: self.body,
            key,
            trace,
            expect,
            attempt_limit,
            operation_limit,
            max_attempts: self.options.max_attempts.unwrap_or(inner.max_attempts),
        })
    }

    /// The key the request carries: given, or from the store; none when the contract has none.
    async fn key(&mut self, target: &str) -> Result<Option<(IdempotencyKey, HeaderValue)>, Error> {
        if self.operation.idempotency != Idempotency::Required {
            return Ok(None);
        }
        let inner = self.client.inner();
        let key =
            match self.key.take() {
                Some(key) => key,
                None => {
                    let body = self.body.bytes();
                    let request = KeyRequest {
                        operation: self.operation,
                        target,
                        content_type: self
                            .headers
                            .get(header::CONTENT_TYPE)
                            .and_then(|value| value.to_str().ok()),
                        body: body.as_ref(),
                        at: inner.timer.wall(),
                    };
                    inner.keys.key(&request).await.map_err(|error| {
                        Error::new(Kind::KeyStore, "the key store failed").caused_by(error)
                    })?
                }
            };
        match key.header() {
            Some(value) => Ok(Some((key, value))),
            None => {
                Err(Error::new(Kind::Request, "an idempotency key is 1 to 255 characters of A-Z a-z 0-9 _ -"))
            }
        }
    }
}

/// The limits of an attempt and of the call.
fn limits(
    timeouts: super::options::Timeouts,
    operation: &Operation,
    chosen: Option<Duration>,
) -> (Duration, Duration) {
    match (chosen, operation.body) {
        (Some(chosen), BodyClass::Import) => (chosen, chosen),
        (Some(chosen), _) => (timeouts.attempt.min(chosen), chosen),
        (None, BodyClass::Import) => (timeouts.import, timeouts.import),
        (None, _) => (timeouts.attempt, timeouts.operation),
    }
}

fn method(operation: &Operation) -> Method {
    use companyos_types::ops::Method as M;
    match operation.method {
        M::Get => Method::GET,
        M::Post => Method::POST,
        M::Put => Method::PUT,
        M::Patch => Method::PATCH,
        M::Delete => Method::DELETE,
    }
}
