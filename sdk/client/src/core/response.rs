//! A successful answer.

use std::ops::Deref;

use bytes::Bytes;
use companyos_types::ops::Operation;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::attempt::{Attempt, Outcome};
use super::client::Client;
use super::error::{BoxError, Error, Kind};
use super::exchange::{Answer, RECEIPT_ID, REQUEST_ID};
use super::idempotency::IdempotencyKey;
use super::rate_limit::RateLimit;
use super::send::Answered;

/// A successful answer: its value, to which it dereferences, and what its headers say.
#[derive(Debug)]
pub struct Response<T> {
    value: T,
    head: Box<Head>,
}

/// All but the value, in one place so that converting the value moves a pointer.
#[derive(Debug)]
struct Head {
    status: StatusCode,
    headers: HeaderMap,
    attempts: Vec<Attempt>,
    receipt_id: Option<String>,
    key: Option<IdempotencyKey>,
    operation: &'static Operation,
    client: Client,
}

impl<T> Response<T> {
    /// Returns the value alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the id that names this request in the server's logs.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.text(&REQUEST_ID)
    }

    /// Returns the id of the receipt this action left. Every privileged action has one.
    #[must_use]
    pub fn receipt_id(&self) -> Option<&str> {
        self.head.receipt_id.as_deref().or_else(|| self.text(&RECEIPT_ID))
    }

    /// Returns the entity tag of this version, for `if_match` and `if_none_match`.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.text(&header::ETAG)
    }

    /// Returns where the created object or the operation can be read.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.text(&header::LOCATION)
    }

    /// Returns whether this is the stored outcome of an earlier request with the same idempotency key.
    #[must_use]
    pub fn replayed(&self) -> bool {
        self.head.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }

    /// Returns what is left of the credential's quota, if the server said so.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        RateLimit::of(&self.head.headers)
    }

    /// Returns the failed attempts before this answer, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.head.attempts
    }

    pub(crate) fn client(&self) -> &Client {
        &self.head.client
    }

    pub(crate) fn contract(&self) -> &'static Operation {
        self.head.operation
    }

    /// The key the call was sent with.
    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        self.head.key.as_ref()
    }

    pub(crate) fn set_receipt_id(&mut self, receipt_id: Option<String>) {
        self.head.receipt_id = receipt_id;
    }

    /// Converts the value; a failure is an answer that was not understood, and keeps what the headers said.
    pub(crate) fn try_map<U>(
        self,
        convert: impl FnOnce(T) -> Result<U, BoxError>,
    ) -> Result<Response<U>, Error> {
        match convert(self.value) {
            Ok(value) => Ok(Response { value, head: self.head }),
            Err(error) => {
                let head = *self.head;
                let text = |name: &HeaderName| text(&head.headers, name).map(str::to_owned);
                Err(Error::new(Kind::Decode, "the answer does not have the form the contract gives it")
                    .caused_by(error)
                    .with(|call| {
                        call.operation = Some(head.operation.id);
                        call.outcome = Some(Outcome::Answered);
                        call.status = Some(head.status);
                        call.request_id = text(&REQUEST_ID);
                        call.receipt_id = text(&RECEIPT_ID);
                        call.attempts = head.attempts;
                    }))
            }
        }
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        text(&self.head.headers, name)
    }
}

impl Response<Bytes> {
    pub(crate) fn new(
        client: Client,
        operation: &'static Operation,
        key: Option<IdempotencyKey>,
        answered: Answered,
    ) -> Self {
        let (Answer { status, headers, body }, attempts) = (answered.answer, answered.attempts);
        let head = Head { status, headers, attempts, receipt_id: None, key, operation, client };
        Self { value: body, head: Box::new(head) }
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
