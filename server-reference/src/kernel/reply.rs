//! Responses as handlers make them.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use serde::Serialize;

use super::conditional::Version;
use super::problem::Problem;

/// A body produced piece by piece.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A response before the kernel adds what every response carries.
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: ReplyBody,
}

/// What a [`Reply`] carries.
pub(crate) enum ReplyBody {
    /// Everything at once. Only such a reply can be kept for replay.
    Bytes(Bytes),
    /// Piece by piece.
    Stream(ByteStream),
}

impl Reply {
    /// A response with no body, such as 204 or 304.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: ReplyBody::Bytes(Bytes::new()) }
    }

    /// A JSON document.
    ///
    /// # Errors
    /// An internal problem when the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(Problem::internal)?;
        Ok(Self::bytes(status, "application/json", body))
    }

    /// A text or binary document of the given media type.
    #[must_use]
    pub fn bytes(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            body: ReplyBody::Bytes(body.into()),
        }
    }

    /// A document sent piece by piece. An error in the stream closes the connection, so that nobody takes part for whole.
    #[must_use]
    pub fn stream(
        status: StatusCode,
        media_type: &'static str,
        body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            body: ReplyBody::Stream(Box::pin(body)),
        }
    }

    /// Adds `ETag`.
    #[must_use]
    pub fn etag(self, version: Version) -> Self {
        self.header(ETAG, version.to_header())
    }

    /// Adds `Location`: a path of this server.
    ///
    /// Ids are ASCII, so a value that is no header value is a defect of the caller; it is left out.
    #[must_use]
    pub fn location(self, path: &str) -> Self {
        match HeaderValue::from_str(path) {
            Ok(value) => self.header(LOCATION, value),
            Err(_) => self,
        }
    }

    /// Adds `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header_value(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value)
    }

    /// The body, unless it is a stream.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        match &self.body {
            ReplyBody::Bytes(bytes) => Some(bytes),
            ReplyBody::Stream(_) => None,
        }
    }
}
