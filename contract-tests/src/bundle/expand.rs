//! Expands the `x-companyos-*` shorthands of each operation into plain OpenAPI.

use super::{
    object,
    problems::{self, Shape},
    sources::Sources,
};
use crate::error::{Finding, push_pointer};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The order of an operation's members in the bundle.
const MEMBERS: [&str; 23] = [
    "tags",
    "operationId",
    "summary",
    "description",
    "deprecated",
    "x-companyos-deprecation",
    "x-companyos-area",
    "x-companyos-method",
    "x-companyos-action",
    "x-companyos-dual-control",
    "x-companyos-receipt-only",
    "x-companyos-scopes",
    "x-companyos-idempotency",
    "x-companyos-flow",
    "x-companyos-pagination",
    "x-companyos-async",
    "x-companyos-body",
    "x-companyos-mode",
    "x-companyos-problems",
    "security",
    "parameters",
    "requestBody",
    "responses",
];

/// Expands every operation in place.
pub(super) fn expand(
    sources: &Sources,
    components: &Map<String, Value>,
    paths: &mut Map<String, Value>,
    findings: &mut Vec<Finding>,
) {
    for (path, item) in paths.iter_mut() {
        let Value::Object(item) = item else { continue };
        item.sort_keys();
        for (method, operation) in item.iter_mut() {
            let pointer = push_pointer(&push_pointer("/paths", path), method);
            let Value::Object(operation) = operation else { continue };
            let mut expansion = Expansion { sources, components, method, pointer, operation, findings };
            expansion.run();
        }
    }
}

struct Expansion<'a> {
    sources: &'a Sources,
    components: &'a Map<String, Value>,
    method: &'a str,
    pointer: String,
    operation: &'a mut Map<String, Value>,
    findings: &'a mut Vec<Finding>,
}

impl Expansion<'_> {
    fn run(&mut self) {
        self.defaults();
        let shape = self.shape();
        if shape.idempotency_key
            && let Some(Value::Array(parameters)) = self.operation.get_mut("parameters")
        {
            parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
        }
        self.problem_responses(shape);
        self.headers(shape);
        self.order();
    }

    /// Writes out what the files may leave unsaid, so that readers of the bundle need no defaults.
    fn defaults(&mut self) {
        if !self.operation.contains_key("security") {
            let security = self.sources.root.get("security").cloned().unwrap_or_else(|| json!([]));
            self.operation.insert("security".into(), security);
        }
        if matches!(self.method, "get" | "head") {
            self.operation.entry("x-companyos-idempotency").or_insert(json!("natural"));
        }
        if self.operation.contains_key("x-companyos-deprecation") {
            self.operation.insert("deprecated".into(), json!(true));
        }
        if self.operation.contains_key("requestBody") {
            self.operation.entry("x-companyos-body").or_insert(json!("normal"));
        }
    }

    fn shape(&self) -> Shape {
        let content = object(self.operation.get("requestBody").and_then(|body| body.get("content")));
        let is_true = |name: &str| self.operation.get(name) == Some(&Value::Bool(true));
        Shape {
            secured: self.operation.get("security") != Some(&json!([])),
            answers: object(self.operation.get("responses"))
                .iter()
                .any(|(status, response)| status.starts_with('2') && response.get("content").is_some()),
            body: !content.is_empty(),
            json_body: content.keys().any(|name| name == "application/json" || name.ends_with("+json")),
            paginated: is_true("x-companyos-pagination"),
            idempotency_key: self.operation.get("x-companyos-idempotency") == Some(&json!("required")),
            if_match: self.parameters().any(|p| p.get("name") == Some(&json!("If-Match"))),
        }
    }

    /// The operation's parameters with references followed.
    fn parameters(&self) -> impl Iterator<Item = &Value> {
        let own = self.operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        own.iter().map(|parameter| {
            let name = parameter.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
            name.and_then(|name| self.components.get("parameters")?.get(name)).unwrap_or(parameter)
        })
    }

    fn problem_responses(&mut self, shape: Shape) {
        let listed: Vec<String> = self
            .operation
            .get("x-companyos-problems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|code| code.as_str().map(str::to_owned))
            .collect();
        let implied = problems::implied(shape);
        let codes: BTreeSet<&str> = listed.iter().map(String::as_str).chain(implied).collect();
        let (statuses, unknown) = problems::by_status(&self.sources.problems, codes.iter().copied());
        for code in unknown {
            self.findings.push(Finding::new(
                "openapi (operation)",
                &self.pointer,
                format!("the problem code {code} is not registered"),
                "add it to openapi/problems.yaml, or correct x-companyos-problems",
            ));
        }
        self.operation.insert("x-companyos-problems".into(), json!(codes));
        let responses = self.operation.entry("responses").or_insert_with(|| json!({}));
        let Value::Object(responses) = responses else { return };
        for (status, codes) in statuses {
            let titles: Vec<String> = codes
                .iter()
                .map(|code| {
                    let title = self.sources.problems["types"][code]["title"].as_str().unwrap_or_default();
                    format!("`{code}`: {title}.")
                })
                .collect();
            let response = json!({
                "description": titles.join(" "),
                "x-companyos-codes": codes,
                "headers": {},
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
            if responses.insert(status.to_string(), response).is_some() {
                self.findings.push(Finding::new(
                    "openapi (operation)",
                    format!("{}/responses/{status}", self.pointer),
                    "the response is written by hand and also implied by a problem code",
                    "remove the hand-written response",
                ));
            }
        }
        responses.sort_keys();
    }

    fn headers(&mut self, shape: Shape) {
        let privileged = self.operation.contains_key("x-companyos-action");
        let deprecation = self.operation.get("x-companyos-deprecation");
        let deprecated = deprecation.is_some();
        let sunset = deprecation.is_some_and(|deprecation| deprecation.get("sunset").is_some());
        let Some(Value::Object(responses)) = self.operation.get_mut("responses") else { return };
        for (status, response) in responses.iter_mut() {
            let Value::Object(response) = response else { continue };
            let status: u16 = status.parse().unwrap_or_default();
            let done = matches!(status, 200..=399);
            // Outcomes that are stored and replayed; 400, 401 and 403 come before the key is looked at.
            let stored = matches!(status, 200..=299 | 402 | 404 | 409 | 412 | 422);
            // A body that arrives while the action is under way can spoil it late, with a receipt of the attempt.
            let receipt = privileged
                && matches!(status, 200..=299 | 400 | 402 | 403 | 404 | 408 | 409 | 412 | 413 | 422);
            let rules: [(bool, &str, &str); 8] = [
                (true, "Request-Id", "RequestId"),
                (receipt, "Receipt-Id", "ReceiptId"),
                (receipt, "Link", "ReceiptLink"),
                (shape.idempotency_key && stored, "Idempotent-Replayed", "IdempotentReplayed"),
                (status == 401, "WWW-Authenticate", "WWWAuthenticate"),
                (
                    status == 429 || status == 503 || (shape.idempotency_key && status == 409),
                    "Retry-After",
                    "RetryAfter",
                ),
                (status == 429 || (done && shape.secured), "RateLimit", "RateLimit"),
                (status == 429 || (done && shape.secured), "RateLimit-Policy", "RateLimitPolicy"),
            ];
            let Value::Object(headers) = response.entry("headers").or_insert_with(|| json!({})) else {
                continue;
            };
            for (applies, name, component) in rules {
                if applies {
                    headers
                        .entry(name)
                        .or_insert_with(|| json!({"$ref": format!("#/components/headers/{component}")}));
                }
            }
            // Written out here: a component that no operation refers to would have no place in the contract.
            if deprecated {
                headers.insert("Deprecation".into(), json!({"required": true, "description": "Since when the operation is deprecated (RFC 9745).", "schema": {"type": "string", "pattern": "^@[0-9]+$"}}));
            }
            if sunset {
                headers.insert("Sunset".into(), json!({"required": true, "description": "From when on the operation may not answer any more (RFC 8594).", "schema": {"type": "string"}}));
            }
            let content = response.shift_remove("content");
            if let Some(content) = content {
                response.insert("content".into(), content);
            }
        }
    }

    /// Puts the members in the order of [`MEMBERS`] and refuses the ones it does not name.
    fn order(&mut self) {
        for name in self.operation.keys() {
            if !MEMBERS.contains(&name.as_str()) {
                self.findings.push(Finding::new(
                    "openapi (operation)",
                    push_pointer(&self.pointer, name),
                    format!("operations have no member {name} here"),
                    "correct its spelling, or teach contract-tests/src/bundle/expand.rs the new member",
                ));
            }
        }
        let mut ordered = Map::new();
        for name in MEMBERS {
            match self.operation.shift_remove(name) {
                Some(Value::Array(items)) if items.is_empty() && name == "parameters" => {}
                Some(value) => {
                    ordered.insert(name.into(), value);
                }
                None => {}
            }
        }
        *self.operation = ordered;
    }
}
