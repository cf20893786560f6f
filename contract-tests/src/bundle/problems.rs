//! Which problems an operation can answer with: the ones it lists and the ones its shape implies.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What decides which problems an operation implies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    /// A credential is needed.
    pub(super) secured: bool,
    /// One of its successes has a body, and so a media type.
    pub(super) answers: bool,
    /// It has a request body.
    pub(super) body: bool,
    /// One of the body's media types is JSON.
    pub(super) json_body: bool,
    /// It answers with pages.
    pub(super) paginated: bool,
    /// It needs an Idempotency-Key.
    pub(super) idempotency_key: bool,
    /// It needs If-Match.
    pub(super) if_match: bool,
}

/// The codes that the shape implies.
pub(super) fn implied(shape: Shape) -> Vec<&'static str> {
    let rules: [(bool, &[&str]); 8] = [
        (
            true,
            &[
                "unknown-parameter",
                "invalid-parameter",
                "uri-too-long",
                "header-fields-too-large",
                "internal",
                "unavailable",
            ],
        ),
        // Quotas are kept per credential.
        (shape.secured, &["unauthenticated", "policy-denied", "rate-limited"]),
        (shape.answers, &["not-acceptable"]),
        (
            shape.body,
            &["malformed-request", "request-timeout", "content-too-large", "unsupported-media-type"],
        ),
        (shape.json_body, &["validation-failed"]),
        (shape.paginated, &["invalid-cursor"]),
        (
            shape.idempotency_key,
            &[
                "idempotency-key-missing",
                "idempotency-key-invalid",
                "idempotency-in-progress",
                "idempotency-key-reused",
            ],
        ),
        (shape.if_match, &["precondition-failed", "precondition-required"]),
    ];
    rules.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, codes)| codes.iter().copied()).collect()
}

/// Groups codes by their status. Codes that the registry does not have come back as the second value.
pub(super) fn by_status<'a>(
    registry: &Value,
    codes: impl IntoIterator<Item = &'a str>,
) -> (BTreeMap<u64, BTreeSet<String>>, Vec<String>) {
    let mut statuses: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for code in codes {
        match registry["types"][code]["status"].as_u64() {
            Some(status) => {
                statuses.entry(status).or_default().insert(code.to_owned());
            }
            None => unknown.push(code.to_owned()),
        }
    }
    (statuses, unknown)
}
