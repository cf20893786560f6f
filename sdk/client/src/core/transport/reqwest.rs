//! The built-in transport: reqwest over HTTP/1.1, TLS by rustls.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;

use super::super::body::RequestBody;
use super::super::error::{BoxError, Error, Kind};
use super::{ResponseBody, Transport, TransportError};

#[derive(Debug)]
pub(crate) struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Builds the transport. `tls` says whether it will ever speak TLS.
    pub(crate) fn build(connect_timeout: Duration, tls: bool) -> Result<Self, Error> {
        require_tls_support(tls)?;
        let builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Another crate of the program may switch these on through reqwest's features.
            .no_proxy()
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            // There is one retry loop, the client's, which knows what is safe.
            .retry(reqwest::retry::never());
        let builder = without_trust_roots(builder, tls);
        let client = builder
            .build()
            .map_err(|error| Error::new(Kind::Config, "the HTTP client cannot be built").caused_by(error))?;
        Ok(Self { client })
    }
}

/// A client that will only speak plain HTTP need not read the platform's trust roots, which takes milliseconds and
/// fails where there are none.
#[cfg(any(feature = "rustls-aws-lc", feature = "rustls-no-provider"))]
fn without_trust_roots(builder: reqwest::ClientBuilder, tls: bool) -> reqwest::ClientBuilder {
    if tls { builder.https_only(true) } else { builder.tls_certs_only([]) }
}

#[cfg(not(any(feature = "rustls-aws-lc", feature = "rustls-no-provider")))]
fn without_trust_roots(builder: reqwest::ClientBuilder, _tls: bool) -> reqwest::ClientBuilder {
    builder
}

/// reqwest panics when it is built without a crypto provider and none is installed; say it in an error instead.
#[cfg(all(feature = "rustls-no-provider", not(feature = "rustls-aws-lc")))]
fn require_tls_support(_tls: bool) -> Result<(), Error> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(Error::new(
            Kind::Config,
            "no rustls crypto provider is installed; call CryptoProvider::install_default first",
        ));
    }
    Ok(())
}

#[cfg(feature = "rustls-aws-lc")]
fn require_tls_support(_tls: bool) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(any(feature = "rustls-aws-lc", feature = "rustls-no-provider")))]
fn require_tls_support(tls: bool) -> Result<(), Error> {
    if tls {
        return Err(Error::new(Kind::Config, "https needs the feature rustls-aws-lc or rustls-no-provider"));
    }
    Ok(())
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(
        &self,
        request: http::Request<RequestBody>,
    ) -> Result<http::Response<ResponseBody>, TransportError> {
        let request = request.map(|mut body| match body.take_bytes() {
            Some(bytes) => reqwest::Body::from(bytes),
            None => reqwest::Body::wrap(body),
        });
        let request = reqwest::Request::try_from(request).map_err(classify)?;
        let response = self.client.execute(request).await.map_err(classify)?;
        Ok(http::Response::from(response).map(ResponseBody::new))
    }
}

/// Says what is provable of a request that got no response.
///
/// Not sent, for sure: the request was never built; connecting failed, which covers name resolution, TCP and the TLS
/// handshake; or hyper gave the request back unwritten, which it does (and only then reports "canceled") when a
/// connection closes between being taken from the pool and being written to. Everything else may have been sent.
fn classify(error: reqwest::Error) -> TransportError {
    // The URL carries identifiers and cursors, and is in the span already.
    let error = error.without_url();
    let timed_out = error.is_timeout();
    let not_sent = error.is_builder() || error.is_connect() || was_given_back(&error);
    let error = if not_sent {
        TransportError::not_sent(Box::new(error) as BoxError)
    } else {
        TransportError::maybe_sent(Box::new(error) as BoxError)
    };
    if timed_out { error.timed_out() } else { error }
}

fn was_given_back(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return true;
        }
        source = error.source();
    }
    false
}
