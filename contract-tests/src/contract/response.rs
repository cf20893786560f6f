//! Is a response what the contract promises?

use super::{
    Body, Contract, ResponseRule,
    values::{header, media_type, read},
};
use crate::{error::Finding, schema::violations};
use serde_json::Value;

/// A response as it comes over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// The headers; names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl Contract {
    /// What is wrong with an operation's response: status, headers, media type, body, and for errors the problem.
    #[must_use]
    pub fn validate_response(&self, operation_id: &str, response: &Response<'_>) -> Vec<Finding> {
        let Some(rules) = self.operations.get(operation_id) else { return Self::unknown(operation_id) };
        let mut found = Found { id: operation_id, status: response.status, findings: Vec::new() };
        let Some(rule) = rules.responses.get(&response.status) else {
            let body = String::from_utf8_lossy(response.body);
            found.expect(false, &format!("the status is not declared; the body is {body}"));
            return found.findings;
        };
        headers(&mut found, rule, response);
        // Headers that only some statuses promise although all may carry them.
        let promised = match response.status {
            200..=299 | 403 if rules.privileged => Some("receipt-id"),
            429 | 503 => Some("retry-after"),
            _ => None,
        };
        if let Some(name) = promised {
            found.expect(header(response.headers, name).is_some(), &format!("the header {name} is missing"));
        }
        let body = read_body(&mut found, &rule.bodies, response);
        if let (400.., Some(problem)) = (response.status, &body) {
            self.problem(&mut found, problem, Some(rule), response);
        }
        found.findings
    }

    /// What is wrong with an error that belongs to no operation: an unknown path or method.
    #[must_use]
    pub fn validate_problem(&self, response: &Response<'_>) -> Vec<Finding> {
        let mut found = Found { id: "(no operation)", status: response.status, findings: Vec::new() };
        let media = media_type(header(response.headers, "content-type").unwrap_or_default());
        found.expect(media == "application/problem+json", "an error is not a problem document");
        for name in ["request-id", if response.status == 405 { "allow" } else { "request-id" }] {
            found.expect(header(response.headers, name).is_some(), &format!("the header {name} is missing"));
        }
        match serde_json::from_slice(response.body) {
            Ok(problem) => self.problem(&mut found, &problem, None, response),
            Err(error) => found.expect(false, &format!("the body is not JSON: {error}")),
        }
        found.findings
    }

    /// Checks a problem's members against each other, the registry and the headers.
    fn problem(
        &self,
        found: &mut Found<'_>,
        problem: &Value,
        rule: Option<&ResponseRule>,
        response: &Response<'_>,
    ) {
        let registry = &self.document["x-companyos-problems"];
        let code = problem["code"].as_str().unwrap_or_default();
        let known = &registry["types"][code];
        found.expect(known.is_object(), &format!("the problem code {code} is not registered"));
        let declared = rule.is_none_or(|rule| rule.codes.contains(code));
        found.expect(declared, &format!("the operation does not declare the problem {code}"));
        let base = registry["type_base"].as_str().unwrap_or_default();
        found.expect(problem["type"] == format!("{base}{code}"), "the problem's type is not its code's");
        found.expect(problem["status"] == response.status, "the problem's status is not the response's");
        found.expect(problem["title"] == known["title"], "the problem's title is not its type's");
        let retryable = known["retryable"].as_bool().unwrap_or_default();
        found.expect(problem["retryable"] == retryable, "the problem's retryable is not its type's");
        // A replay is the first answer byte for byte, so it names the request that was refused first.
        let replayed = header(response.headers, "idempotent-replayed").is_some();
        for (member, name) in [("request_id", "request-id"), ("receipt_id", "receipt-id")] {
            let free = replayed && member == "request_id";
            let same = free || header(response.headers, name).is_none_or(|value| problem[member] == value);
            found.expect(same, &format!("the problem's {member} is not that of the header {name}"));
        }
    }
}

struct Found<'a> {
    id: &'a str,
    status: u16,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn expect(&mut self, holds: bool, problem: &str) {
        if !holds {
            let place = format!("response {}", self.status);
            self.findings.push(Finding::new(
                self.id,
                place,
                problem,
                "answer what the contract says, or declare this",
            ));
        }
    }
}

fn headers(found: &mut Found<'_>, rule: &ResponseRule, response: &Response<'_>) {
    for declared in &rule.headers {
        match header(response.headers, &declared.name) {
            Some(value) => {
                for (_, message) in violations(&declared.validator, &read(&declared.schema, value)) {
                    found.expect(false, &format!("the header {}: {message}", declared.name));
                }
            }
            None => found.expect(!declared.required, &format!("the header {} is missing", declared.name)),
        }
    }
    // A receipt that the contract does not promise is either a mistake of the server or of the contract.
    for name in ["receipt-id", "location", "etag", "idempotent-replayed"] {
        let declared = rule.headers.iter().any(|declared| declared.name == name);
        let surplus = !declared && header(response.headers, name).is_some();
        found.expect(!surplus, &format!("the header {name} is sent but not declared"));
    }
}

/// Reads the body as its media type says. JSON comes back for further checks.
fn read_body(
    found: &mut Found<'_>,
    bodies: &std::collections::BTreeMap<String, Body>,
    response: &Response<'_>,
) -> Option<Value> {
    let content_type = header(response.headers, "content-type");
    if bodies.is_empty() {
        found.expect(response.body.is_empty(), "a body is sent where none is declared");
        found.expect(
            content_type.is_none() || response.status == 304,
            "a Content-Type is sent without a body",
        );
        return None;
    }
    let media = media_type(content_type.unwrap_or_default());
    match bodies.get(&media) {
        None => found.expect(false, &format!("the media type {media:?} is not declared")),
        Some(Body::Json(validator)) => match serde_json::from_slice::<Value>(response.body) {
            Ok(value) => {
                for (place, message) in violations(validator, &value) {
                    found.expect(false, &format!("the body at {place}: {message}"));
                }
                return Some(value);
            }
            Err(error) => found.expect(false, &format!("the body is not JSON: {error}")),
        },
        Some(Body::Text) => found.expect(std::str::from_utf8(response.body).is_ok(), "the body is not UTF-8"),
        Some(Body::Binary) => {}
    }
    None
}
