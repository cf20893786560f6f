//! Walks through the API. Each brings its own server.

pub(crate) mod adapters;
pub(crate) mod identity;
pub(crate) mod imports;
pub(crate) mod limits;
pub(crate) mod meta;
pub(crate) mod receipts;
pub(crate) mod refusals;
pub(crate) mod retry_tests;
pub(crate) mod tenants;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

/// The body of an answer.
fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).expect("JSON")
}

/// Fails unless the answer has this status.
#[track_caller]
fn expect_status(about: &str, response: &Response<Bytes>, status: u16) {
    let body = String::from_utf8_lossy(response.body());
    assert_eq!(response.status().as_u16(), status, "{about}: {body}");
}
