//! A transport without a network.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;

use super::super::body::RequestBody;
use super::super::error::BoxError;
use super::{ResponseBody, Transport, TransportError};

/// A [`Transport`] that calls a function of this process, such as a server's router, with no network between.
///
/// The function takes an [`http::Request`] and returns an [`http::Response`]; the request's body and the response's are
/// [`http_body::Body`]s, so anything of the `http` ecosystem fits. With the reference server's router (its feature
/// `testing`), or any Tower service, it is one line:
///
/// ```text
/// let transport = InProcess::new(move |request| tower::ServiceExt::oneshot(router.clone(), request));
/// ```
///
/// A function written by hand serves as well:
///
/// ```
/// use bytes::Bytes;
/// use companyos_sdk::{Client, InProcess};
/// use http_body_util::Full;
///
/// # fn main() -> Result<(), companyos_sdk::Error> {
/// let client = Client::builder()
///     .base_url("http://in-process.test")
///     .transport(InProcess::new(|request| async move {
///         assert_eq!(request.uri().host(), Some("in-process.test"));
///         Ok::<_, std::io::Error>(http::Response::new(Full::new(Bytes::from_static(b"{}"))))
///     }))
///     .build()?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
///
/// An error of the function counts as [`Outcome::MaybeSent`](crate::Outcome::MaybeSent).
pub struct InProcess<F> {
    call: F,
}

impl<F, Fut, B, E> InProcess<F>
where
    F: Fn(http::Request<RequestBody>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<http::Response<B>, E>> + Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Into<BoxError>,
{
    /// Makes a transport of a function.
    #[must_use]
    pub fn new(call: F) -> Self {
        Self { call }
    }
}

impl<F> fmt::Debug for InProcess<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

#[async_trait]
impl<F, Fut, B, E> Transport for InProcess<F>
where
    F: Fn(http::Request<RequestBody>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<http::Response<B>, E>> + Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    E: Into<BoxError>,
{
    async fn send(
        &self,
        request: http::Request<RequestBody>,
    ) -> Result<http::Response<ResponseBody>, TransportError> {
        let response = (self.call)(request).await.map_err(TransportError::maybe_sent)?;
        Ok(response.map(ResponseBody::new))
    }
}
