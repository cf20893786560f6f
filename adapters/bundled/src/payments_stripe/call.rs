//! One request to Stripe and its answer.

use bytes::Bytes;
use companyos_adapter_traits::payment::rules;
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use url::Url;

use super::error::{self, Doing};
use super::form::Form;
use super::{API_VERSION, StripePayments, unexpected};
use crate::http::request_id;

impl StripePayments {
    /// Reads an object, or what expands from it.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        ctx: &Context,
        path: &[&str],
        form: &Form,
    ) -> Result<T, Error> {
        let mut url = self.url(path)?;
        let query = form.encode();
        url.set_query((!query.is_empty()).then_some(&query));
        let request = self.request(Method::GET, &url)?;
        self.exchange(ctx, Doing::Read, request.body(Bytes::new())).await
    }

    /// Reads what an effect depends on. Whatever fails, the effect has not been asked for.
    pub(super) async fn read_before<T: DeserializeOwned>(
        &self,
        ctx: &Context,
        path: &[&str],
        form: &Form,
    ) -> Result<T, Error> {
        self.read(ctx, path, form).await.map_err(|error| match error.outcome() {
            Outcome::MaybeSent => error.with_outcome(Outcome::NotSent),
            _ => error,
        })
    }

    /// Asks for an effect, once per `key`.
    pub(super) async fn effect<T: DeserializeOwned>(
        &self,
        ctx: &Context,
        key: &str,
        doing: Doing,
        path: &[&str],
        form: &Form,
    ) -> Result<T, Error> {
        let request = self
            .request(Method::POST, &self.url(path)?)?
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("idempotency-key", key);
        self.exchange(ctx, doing, request.body(Bytes::from(form.encode()))).await
    }

    fn request(&self, method: Method, url: &Url) -> Result<http::request::Builder, Error> {
        let bearer = format!("Bearer {}", self.shared.api_key.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "the API key does not fit into a header field")
        })?;
        bearer.set_sensitive(true);
        Ok(Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, bearer)
            .header("stripe-version", API_VERSION))
    }

    /// The URL of `/v1/…`.
    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        // An id comes from the caller, and a path would be what it makes of it.
        let plain = |segment: &&str| segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if path.iter().any(|segment| segment.is_empty() || segment.len() > 255 || !plain(segment)) {
            return Err(Error::new(ErrorKind::NotFound, "Stripe has no object with such an id")
                .with_outcome(Outcome::NotSent));
        }
        let mut url = self.shared.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorKind::InvalidInput, "the base URL takes no path"))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(url)
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        ctx: &Context,
        doing: Doing,
        request: http::Result<Request<Bytes>>,
    ) -> Result<T, Error> {
        let request = request.map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the request cannot be built").with_source(cause)
        })?;
        let response = self.shared.http.send(ctx, request).await?;
        if !response.status().is_success() {
            return Err(error::read(doing, &response, self.shared.clock.wall()));
        }
        serde_json::from_slice(response.body()).map_err(|cause| unreadable(&response).with_source(cause))
    }
}

/// Stripe has done what was asked, and what it said of it is not understood.
fn unreadable(response: &Response<Bytes>) -> Error {
    let error = unexpected("Stripe answered with something other than the object that was asked for");
    match request_id(response.headers()) {
        Some(id) => error.with_provider_request_id(id),
        None => error,
    }
}

/// The key that Stripe gets: the caller's, and a digest of the tenant of a fixed length, so that no two pairs of tenant
/// and key meet. At most 193 of the 255 characters that Stripe takes.
pub(super) fn key(ctx: &Context) -> Result<String, Error> {
    let key = rules::idempotency_key(ctx)?;
    let tenant: String = Sha256::digest(&ctx.tenant).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{key}@{tenant}"))
}
