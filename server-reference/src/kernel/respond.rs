//! Responses on their way out: what every one of them carries, and bodies that may break off on purpose.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use companyos_types::Deprecation;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::reply::{ByteStream, Reply, ReplyBody};

/// Names a request in logs and problems.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Since when the operation is deprecated (RFC 9745).
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// From when on the operation may not answer any more (RFC 8594).
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// What browsers may read of a response when CORS is configured.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Receipt-Id, Request-Id, Link, Location, ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, \
     Deprecation, Sunset",
);

/// The body of a response.
pub struct ResponseBody(Inner);

enum Inner {
    Whole(Bytes),
    Stream(ByteStream),
    /// Half of what was promised, a pause in which that is sent, then an error, which closes the connection.
    Broken {
        half: Option<Bytes>,
        paused: bool,
        promised: SizeHint,
    },
}

impl ResponseBody {
    fn new(body: ReplyBody) -> Self {
        Self(match body {
            ReplyBody::Bytes(bytes) => Inner::Whole(bytes),
            ReplyBody::Stream(stream) => Inner::Stream(stream),
        })
    }

    /// The same body, breaking off half way.
    fn broken(self) -> Self {
        let (half, promised) = match self.0 {
            Inner::Whole(bytes) => {
                (Some(bytes.slice(..bytes.len() / 2)), SizeHint::with_exact(bytes.len() as u64))
            }
            Inner::Stream(_) | Inner::Broken { .. } => (None, SizeHint::default()),
        };
        Self(Inner::Broken { half, paused: false, promised })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Stream(stream) => {
                stream.as_mut().poll_next(cx).map(|next| next.map(|data| data.map(Frame::data)))
            }
            Inner::Broken { half, paused, .. } => {
                if let Some(half) = half.take().filter(|half| !half.is_empty()) {
                    return Poll::Ready(Some(Ok(Frame::data(half))));
                }
                if !std::mem::replace(paused, true) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let broken =
                    io::Error::new(io::ErrorKind::ConnectionAborted, "the body breaks off on purpose");
                Poll::Ready(Some(Err(broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Inner::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(_) => SizeHint::default(),
            Inner::Broken { promised, .. } => *promised,
        }
    }
}

/// What the response is made for.
pub(crate) struct Outgoing<'a> {
    pub(crate) request_id: &'a str,
    /// HEAD: everything but the body.
    pub(crate) head_only: bool,
    /// A fault on purpose.
    pub(crate) break_body: bool,
    /// Since when the operation is deprecated, when it is.
    pub(crate) deprecation: Option<&'static Deprecation>,
    /// The origin to allow, when CORS is configured for it.
    pub(crate) origin: Option<HeaderValue>,
}

/// Puts on what every response carries.
pub(crate) fn finish(reply: Reply, outgoing: &Outgoing<'_>) -> Response<ResponseBody> {
    let Reply { status, headers, body } = reply;
    let mut body = ResponseBody::new(body);
    if outgoing.break_body {
        body = body.broken();
    }
    let length = body.size_hint().exact();
    if outgoing.head_only {
        body = ResponseBody(Inner::Whole(Bytes::new()));
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let map = response.headers_mut();
    map.reserve(headers.len() + 6);
    for (name, value) in headers {
        map.append(name, value);
    }
    map.insert(
        REQUEST_ID,
        HeaderValue::from_str(outgoing.request_id).unwrap_or(HeaderValue::from_static("req_0")),
    );
    if let Some(Deprecation { since, sunset }) = outgoing.deprecation {
        map.insert(DEPRECATION, HeaderValue::from_static(since));
        if let Some(sunset) = sunset {
            map.insert(SUNSET, HeaderValue::from_static(sunset));
        }
    }
    map.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    map.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    map.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if let Some(length) = length.filter(|_| outgoing.head_only && !bodiless) {
        map.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(origin) = &outgoing.origin {
        map.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        map.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        map.append(VARY, HeaderValue::from_static("Origin"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_operation_says_so_and_no_other_does() {
        let headers = |deprecation| {
            let outgoing = Outgoing {
                request_id: "req_1",
                head_only: false,
                break_body: false,
                deprecation,
                origin: None,
            };
            let response = finish(Reply::empty(StatusCode::NO_CONTENT), &outgoing);
            [DEPRECATION, SUNSET].map(|name| {
                response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned())
            })
        };
        static GOING: Deprecation =
            Deprecation { since: "@1768521600", sunset: Some("Thu, 16 Jul 2026 00:00:00 GMT") };
        static OLD: Deprecation = Deprecation { since: "@0", sunset: None };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(headers(Some(&GOING)), [text("@1768521600"), text("Thu, 16 Jul 2026 00:00:00 GMT")]);
        assert_eq!(headers(Some(&OLD)), [text("@0"), None]);
        assert_eq!(headers(None), [None, None]);
    }
}
