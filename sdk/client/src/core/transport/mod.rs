//! What carries one request and one response.

mod in_process;
mod reqwest;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt as _;

use super::attempt::Outcome;
use super::body::RequestBody;
use super::error::BoxError;

pub use self::in_process::InProcess;
pub(crate) use self::reqwest::ReqwestTransport;

/// Carries one request to the server and brings its response.
///
/// A transport does not retry, follow redirects, decompress or authenticate; the client has done or will do all that.
/// Time limits are the client's too: it drops the future, and the transport must then abandon the request. What only the
/// transport can know, and must say truthfully, is whether a request that failed
/// [may have been sent](TransportError::maybe_sent).
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request whose URI is absolute and returns the response once its head has arrived.
    ///
    /// # Errors
    ///
    /// Only when no response head arrived. A failure within the body is an error of the body.
    async fn send(
        &self,
        request: http::Request<RequestBody>,
    ) -> Result<http::Response<ResponseBody>, TransportError>;
}

/// A request that got no response.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    message: &'static str,
    outcome: Outcome,
    timed_out: bool,
    #[source]
    source: BoxError,
}

impl TransportError {
    /// No byte of the request can have reached the server: it could not be connected to.
    #[must_use]
    pub fn not_sent(source: impl Into<BoxError>) -> Self {
        Self {
            message: "no connection could be made",
            outcome: Outcome::NotSent,
            timed_out: false,
            source: source.into(),
        }
    }

    /// The request may have reached the server. Use this whenever there is doubt.
    #[must_use]
    pub fn maybe_sent(source: impl Into<BoxError>) -> Self {
        Self {
            message: "the connection was lost before the answer came",
            outcome: Outcome::MaybeSent,
            timed_out: false,
            source: source.into(),
        }
    }

    /// Marks the failure as one of a time limit that the transport itself keeps.
    #[must_use]
    pub fn timed_out(mut self) -> Self {
        self.timed_out = true;
        self
    }

    /// Returns whether the server may have acted on the request.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns whether a time limit of the transport was reached.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.timed_out
    }

    pub(crate) fn into_source(self) -> BoxError {
        self.source
    }
}

/// The body of a response, as a [`Transport`] brings it.
pub struct ResponseBody {
    inner: Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>,
}

impl ResponseBody {
    /// Wraps any body.
    #[must_use]
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self { inner: Box::pin(body.map_err(Into::into)) }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.inner.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
