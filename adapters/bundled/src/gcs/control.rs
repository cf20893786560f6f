//! Calls of the JSON API: everything but bodies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass};
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use url::form_urlencoded::Serializer;

use super::GcsStorageBuilder;
use super::error::{Diagnosis, Refusal};
use crate::http::{HttpClient, HttpConfig};

/// How long a renewed access token may take.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// What a page of a listing stays below: a thousand objects with names of a kilobyte.
const LARGEST_ANSWER: usize = 8 << 20;

/// The JSON API of one bucket.
#[derive(Debug)]
pub(super) struct Control {
    http: HttpClient,
    credentials: Credentials,
    diagnosis: Diagnosis,
    /// The address of the bucket's own resource.
    bucket: String,
}

/// One call. Paths are below the bucket; names in them are encoded by [`object`].
#[must_use]
pub(super) struct Call {
    doing: &'static str,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Call {
    /// `doing` says what is tried, as in "listing objects".
    pub(super) fn new(doing: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self { doing, method, path: path.into(), query: Vec::new(), body: None }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn query_some(self, name: &'static str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// The path of an object below its bucket. A name is one segment: its slashes are encoded too.
pub(super) fn object(name: &str) -> String {
    format!("/o/{}", encode(name))
}

/// Encodes everything but the unreserved characters of RFC 3986 section 2.3.
pub(super) fn encode(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

impl Control {
    pub(super) fn new(config: &GcsStorageBuilder, credentials: Credentials) -> Result<Self, Error> {
        let bounds = HttpConfig::default().read_timeout(config.timeout).max_response_bytes(LARGEST_ANSWER);
        Ok(Self {
            http: HttpClient::new(&bounds, Arc::clone(&config.clock))?,
            credentials,
            diagnosis: config.diagnosis(),
            bucket: format!("{}/storage/v1/b/{}", config.endpoint, config.bucket),
        })
    }

    /// Makes a call whose answer is a resource.
    pub(super) async fn call<T: DeserializeOwned>(&self, ctx: &Context, call: Call) -> Result<T, Error> {
        let doing = call.doing;
        let answer = self.send(ctx, call).await?;
        serde_json::from_slice(answer.body()).map_err(|cause| {
            let what = format!("{doing} failed: the answer is not what the API describes");
            Error::new(ErrorKind::Internal, what).with_outcome(Outcome::MaybeSent).with_source(cause)
        })
    }

    /// Makes a call whose answer says nothing but that it is done.
    pub(super) async fn done(&self, ctx: &Context, call: Call) -> Result<(), Error> {
        self.send(ctx, call).await.map(drop)
    }

    async fn send(&self, ctx: &Context, call: Call) -> Result<Response<Bytes>, Error> {
        let doing = call.doing;
        let request = self.request(ctx, call).await?;
        let answer = self.http.send(ctx, request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let refusal = Refusal::parse(answer.status().as_u16(), answer.body());
        Err(self.diagnosis.refused(doing, refusal, answer.headers()))
    }

    async fn request(&self, ctx: &Context, call: Call) -> Result<Request<Bytes>, Error> {
        let mut uri = format!("{}{}", self.bucket, call.path);
        if !call.query.is_empty() {
            uri.push('?');
            uri.push_str(&Serializer::new(String::new()).extend_pairs(&call.query).finish());
        }
        let mut headers = self.authenticate(ctx).await?;
        let body = match call.body {
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        if body.is_empty() && call.method != Method::GET {
            // The service answers 411 to a POST that does not say that it is empty.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let mut request = Request::new(body);
        *request.method_mut() = call.method;
        *request.headers_mut() = headers;
        *request.uri_mut() = uri.parse().map_err(|cause: http::uri::InvalidUri| {
            Error::new(ErrorKind::Internal, "the request has no valid address")
                .with_outcome(Outcome::NotSent)
                .with_source(cause)
        })?;
        Ok(request)
    }

    /// The header fields that say who asks. Renews the access token when it has expired.
    async fn authenticate(&self, ctx: &Context) -> Result<HeaderMap, Error> {
        ctx.check_deadline(self.diagnosis.clock.now())?;
        let limit =
            ctx.remaining(self.diagnosis.clock.now()).map_or(TOKEN_TIMEOUT, |left| left.min(TOKEN_TIMEOUT));
        let refused = |message: &str, retry| {
            Error::new(ErrorKind::Unauthenticated, message).with_outcome(Outcome::NotSent).with_retry(retry)
        };
        match timeout(limit, self.credentials.headers(Extensions::new())).await {
            Ok(Ok(CacheableResource::New { data, .. })) => Ok(data),
            // Only for those who say which version they have.
            Ok(Ok(CacheableResource::NotModified)) => Ok(HeaderMap::new()),
            Ok(Err(cause)) => {
                let retry = if cause.is_transient() { RetryClass::Temporary } else { RetryClass::Permanent };
                Err(refused("no access token is to be had", retry).with_source(cause))
            }
            Err(_) => Err(refused("no access token was to be had in time", RetryClass::Temporary)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn a_name_is_one_segment_of_the_path() {
        assert_eq!(object("a/b c%\u{e9}~.-_"), "/o/a%2Fb%20c%25%C3%A9~.-_");
    }
}
