//! Requests to the issuer's endpoints.

use bytes::Bytes;
use companyos_adapter_traits::{Error, ErrorKind, Outcome};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use url::Url;
use url::form_urlencoded::Serializer;

/// A form on its way to an endpoint. It carries secrets and does not print.
pub(super) struct Form {
    body: String,
    authorization: Option<HeaderValue>,
}

impl Form {
    pub(super) fn new() -> Self {
        Self { body: String::new(), authorization: None }
    }

    pub(super) fn add(&mut self, name: &str, value: &str) {
        Serializer::new(&mut self.body).append_pair(name, value);
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.add(name, value);
        self
    }

    /// Leaves the member out when there is nothing to say.
    pub(super) fn with_words(self, name: &str, words: &[String]) -> Self {
        if words.is_empty() { self } else { self.with(name, &words.join(" ")) }
    }

    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn authorize(&mut self, scheme: &str, credentials: &str) -> Result<(), Error> {
        self.authorization = Some(authorization(scheme, credentials)?);
        Ok(())
    }

    pub(super) fn post(self, endpoint: &Url) -> Result<Request<Bytes>, Error> {
        let mut request = Request::post(endpoint.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Bytes::from(self.body)).map_err(unbuildable)
    }
}

/// A request for a document, with a bearer token if there is one.
pub(super) fn get(endpoint: &Url, accept: &str, bearer: Option<&str>) -> Result<Request<Bytes>, Error> {
    let mut request = Request::get(endpoint.as_str()).header(ACCEPT, accept);
    if let Some(token) = bearer {
        request = request.header(AUTHORIZATION, authorization("Bearer", token)?);
    }
    request.body(Bytes::new()).map_err(unbuildable)
}

fn authorization(scheme: &str, credentials: &str) -> Result<HeaderValue, Error> {
    // A token with a line break in it would otherwise become a header of its own.
    let mut value = HeaderValue::from_str(&format!("{scheme} {credentials}"))
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "the credentials do not fit into a header field"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn unbuildable(cause: http::Error) -> Error {
    Error::new(ErrorKind::Internal, "a request to the issuer cannot be built")
        .with_outcome(Outcome::NotSent)
        .with_source(cause)
}
