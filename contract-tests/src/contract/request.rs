//! Is a request what the contract asks for?

use super::{
    Body, Contract, ParameterRule, Rules,
    values::{decode, header, media_type, read},
};
use crate::{error::Finding, schema::violations};
use serde_json::Value;

/// A request as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The headers; names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl Contract {
    /// What is wrong with a request: operation, parameters, media type, body.
    #[must_use]
    pub fn validate_request(&self, request: &Request<'_>) -> Vec<Finding> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
        let Some((id, rules, in_path)) = self.route(request.method, path) else {
            return Self::unknown(&format!("for {} {path}", request.method));
        };
        let mut found = Found { id, findings: Vec::new() };
        for (name, text) in &in_path {
            if let Some(rule) =
                rules.parameters.iter().find(|rule| rule.location == "path" && rule.name == *name)
            {
                found.parameter(rule, text);
            }
        }
        query_parameters(&mut found, rules, query);
        for rule in rules.parameters.iter().filter(|rule| rule.location == "header") {
            match header(request.headers, &rule.name) {
                Some(value) => found.parameter(rule, value),
                None => found.expect(!rule.required, &format!("the header {} is missing", rule.name)),
            }
        }
        body(&mut found, rules, request);
        found.findings
    }
}

struct Found<'a> {
    id: &'a str,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn expect(&mut self, holds: bool, problem: &str) {
        if !holds {
            self.findings.push(Finding::new(self.id, "request", problem, "send what the contract says"));
        }
    }

    fn parameter(&mut self, rule: &ParameterRule, text: &str) {
        let value = if rule.json {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        } else {
            read(&rule.schema, text)
        };
        for (_, message) in violations(&rule.validator, &value) {
            self.expect(false, &format!("the {} parameter {}: {message}", rule.location, rule.name));
        }
    }
}

fn query_parameters(found: &mut Found<'_>, rules: &Rules, query: &str) {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect();
    for (name, value) in &pairs {
        match rules.parameters.iter().find(|rule| rule.location == "query" && rule.name == *name) {
            Some(rule) => found.parameter(rule, value),
            None => found.expect(false, &format!("the operation has no query parameter {name}")),
        }
    }
    for rule in rules.parameters.iter().filter(|rule| rule.location == "query") {
        let times = pairs.iter().filter(|(name, _)| *name == rule.name).count();
        found.expect(times > 0 || !rule.required, &format!("the query parameter {} is missing", rule.name));
        found.expect(times < 2, &format!("the query parameter {} is given {times} times", rule.name));
    }
}

fn body(found: &mut Found<'_>, rules: &Rules, request: &Request<'_>) {
    if request.body.is_empty() {
        return found.expect(!rules.body_required, "the body is missing");
    }
    let media = media_type(header(request.headers, "content-type").unwrap_or_default());
    match rules.bodies.get(&media) {
        None => found.expect(false, &format!("the operation reads no body of the media type {media:?}")),
        Some(Body::Json(validator)) => match serde_json::from_slice(request.body) {
            Ok(value) => {
                for (place, message) in violations(validator, &value) {
                    found.expect(false, &format!("the body at {place}: {message}"));
                }
            }
            Err(error) => found.expect(false, &format!("the body is not JSON: {error}")),
        },
        Some(Body::Text) => found.expect(std::str::from_utf8(request.body).is_ok(), "the body is not UTF-8"),
        Some(Body::Binary) => {}
    }
}
