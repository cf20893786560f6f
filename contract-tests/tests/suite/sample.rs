//! A well-formed request for every operation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use companyos_server::kernel::body::RequestBody;
use companyos_types::ops::{Idempotency, Operation};
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, StreamBody};

/// The values of path parameters, by name.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// Ids in the right form that name nothing.
pub(crate) fn nothing() -> Ids {
    let id = |prefix: &str| format!("{prefix}_0193e2a1-7b2c-7d10-8a3f-0123456789ab");
    BTreeMap::from([
        ("tenant_id", id("tnt")),
        ("api_key_id", id("key")),
        ("import_id", id("imp")),
        ("operation_id", id("opn")),
        ("receipt_id", id("rcp")),
        ("log_id", id("log")),
        ("retry_test_id", id("rtt")),
        ("adapter_id", id("adp")),
        ("level", "0".to_owned()),
        ("index", "000.p/1".to_owned()),
    ])
}

/// A text that no other call has returned.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("u{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A request that the contract has nothing against. An operation that is new to the contract needs its body added here.
pub(crate) fn request(operation: &Operation, ids: &Ids, api_key: Option<&str>) -> Request<Bytes> {
    let (media_type, body) = match body(operation.id) {
        Some((media_type, body)) => (Some(media_type), body),
        None => (None, String::new()),
    };
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = operation.method.as_str().parse().expect("a method");
    let query = if operation.id == "getLogConsistency" { "?from=1&to=1" } else { "" };
    *request.uri_mut() = format!("{}{query}", path(operation, ids)).parse().expect("an address");
    let headers = request.headers_mut();
    if let Some(key) = api_key {
        headers.insert(AUTHORIZATION, text(&format!("Bearer {key}")));
    }
    if let Some(media_type) = media_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    if operation.idempotency == Idempotency::Required {
        headers.insert("idempotency-key", text(&unique()));
    }
    if operation.if_match {
        headers.insert(IF_MATCH, HeaderValue::from_static("\"1\""));
    }
    request
}

/// Adds something to the query.
pub(crate) fn with_query(mut request: Request<Bytes>, query: &str) -> Request<Bytes> {
    let target = request.uri().to_string();
    let separator = if target.contains('?') { '&' } else { '?' };
    *request.uri_mut() = format!("{target}{separator}{query}").parse().expect("an address");
    request
}

/// Sets a header.
pub(crate) fn with_header(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().insert(name, text(value));
    request
}

/// Replaces the body.
pub(crate) fn with_body(request: Request<Bytes>, body: impl Into<Bytes>) -> Request<Bytes> {
    request.map(|_| body.into())
}

/// A body of which nothing ever arrives.
pub(crate) fn never() -> RequestBody {
    RequestBody::Stream(StreamBody::new(stream::pending()).boxed_unsync())
}

fn text(value: &str) -> HeaderValue {
    value.parse().expect("a header's value")
}

fn path(operation: &Operation, ids: &Ids) -> String {
    let mut path = operation.path.to_owned();
    for (name, value) in ids {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    assert!(
        !path.contains('{'),
        "{} has a path parameter this suite does not know: add it to `Ids`",
        operation.id
    );
    path
}

fn body(operation_id: &str) -> Option<(&'static str, String)> {
    const JSON: &str = "application/json";
    let external_id = unique();
    Some(match operation_id {
        "createTenant" => (JSON, format!(r#"{{"external_id": "{external_id}", "name": "A sample"}}"#)),
        "updateTenant" => ("application/merge-patch+json", r#"{"name": "A changed sample"}"#.to_owned()),
        "bulkImportTenants" => ("text/csv", format!("external_id,name\n{external_id},A sample\n")),
        "verifyReceipts" => (JSON, r#"{"receipts": [{"sd_jwt": "not a receipt"}]}"#.to_owned()),
        "issueApiKey" => (JSON, r#"{"name": "a sample", "scopes": ["tenants:read"]}"#.to_owned()),
        "revokeApiKey" | "rotateApiKey" => (JSON, "{}".to_owned()),
        "registerAdapter" => {
            let secrets = r#""secrets": {"webhook_secret": "sixteen bytes or more"}"#;
            (JSON, format!(r#"{{"name": "{external_id}", "kind": "payments-stub", {secrets}}}"#))
        }
        "configureAdapter" => {
            let patch = r#"{"secrets": {"webhook_secret": "sixteen other bytes"}}"#;
            ("application/merge-patch+json", patch.to_owned())
        }
        "createRetryTest" => {
            (JSON, r#"{"instructions": [{"operation_id": "getMeta", "faults": ["pass"]}]}"#.to_owned())
        }
        _ => return None,
    })
}
