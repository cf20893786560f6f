//! Cross-origin requests from browsers (Fetch standard). Off unless origins are configured.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD,
};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use super::reply::Reply;

/// The answer to a preflight of an allowed origin; `None` for any other request.
pub(crate) fn preflight(parts: &Parts, allowed: Option<HeaderValue>) -> Option<Reply> {
    allowed?;
    if parts.method != Method::OPTIONS || !parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let methods = HeaderValue::from_static("GET, HEAD, POST, PATCH, PUT, DELETE");
    let headers = HeaderValue::from_static(
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent, tracestate",
    );
    Some(
        Reply::empty(StatusCode::NO_CONTENT)
            .header(ACCESS_CONTROL_ALLOW_METHODS, methods)
            .header(ACCESS_CONTROL_ALLOW_HEADERS, headers)
            .header(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    )
}
