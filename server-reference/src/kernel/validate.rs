//! Requests against the contract: every finding, each with its place, in the words of the failed keyword.

use companyos_types::problems;
use companyos_types::shared::ProblemError;
use http::HeaderMap;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::contract::{Form, Parameter};
use super::json;
use super::page::push_segment;
use super::problem::{Problem, finding, parameter_finding};

/// Findings told at most; more help nobody.
const MOST_FINDINGS: usize = 100;

/// The query string, typed, with the contract's defaults.
pub(crate) fn query(rules: &[Parameter], raw: &str) -> Result<Map<String, Value>, Problem> {
    let mut values = Map::new();
    let mut unknown = Vec::new();
    let mut invalid = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
            return Err(Problem::new(&problems::MALFORMED_REQUEST)
                .detail("The query string is not percent-encoded UTF-8."));
        };
        match rules.iter().find(|rule| rule.name == name) {
            None => unknown.push(parameter_finding(
                &name,
                "unknown",
                "This operation has no such query parameter.",
            )),
            Some(_) if values.contains_key(&name) => {
                invalid.push(parameter_finding(&name, "duplicate", "The parameter is given more than once."));
            }
            Some(rule) => {
                let value = check_parameter(rule, &value, &mut invalid);
                values.insert(name, value);
            }
        }
    }
    let absent: Vec<&Parameter> = rules.iter().filter(|rule| !values.contains_key(&rule.name)).collect();
    for rule in absent {
        if rule.required {
            invalid.push(parameter_finding(&rule.name, "required", "The parameter is required."));
        } else if let Some(default) = &rule.default {
            values.insert(rule.name.clone(), default.clone());
        }
    }
    if !unknown.is_empty() {
        return Err(Problem::new(&problems::UNKNOWN_PARAMETER).errors(truncated(unknown)));
    }
    refuse_parameters(invalid).map(|()| values)
}

/// The path parameters, decoded.
pub(crate) fn path<'a>(
    rules: &[Parameter],
    raw: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<(String, String)>, Problem> {
    let mut values = Vec::new();
    let mut invalid = Vec::new();
    for (name, value) in raw {
        let Some(value) = decode(value, false) else {
            return Err(
                Problem::new(&problems::MALFORMED_REQUEST).detail("The path is not percent-encoded UTF-8.")
            );
        };
        if let Some(rule) = rules.iter().find(|rule| rule.name == name) {
            check_parameter(rule, &value, &mut invalid);
        }
        values.push((name.to_owned(), value));
    }
    refuse_parameters(invalid).map(|()| values)
}

/// The header parameters that the contract has for the operation.
pub(crate) fn headers(rules: &[Parameter], headers: &HeaderMap) -> Result<(), Problem> {
    let mut invalid = Vec::new();
    for rule in rules {
        let mut values = headers.get_all(&rule.name).iter();
        match (values.next(), values.next()) {
            (None, _) if rule.required => {
                invalid.push(parameter_finding(&rule.name, "required", "The header field is required."));
            }
            (None, _) => {}
            (Some(_), Some(_)) => {
                let detail = "The header field is given more than once.";
                invalid.push(parameter_finding(&rule.name, "duplicate", detail));
            }
            (Some(value), None) => match value.to_str() {
                Ok(text) => drop(check_parameter(rule, text, &mut invalid)),
                Err(_) => {
                    let detail = "The header field is not visible ASCII.";
                    invalid.push(parameter_finding(&rule.name, "encoding", detail));
                }
            },
        }
    }
    refuse_parameters(invalid)
}

/// A JSON body: 400 when it is no JSON, 422 with every finding when it breaks its schema.
pub(crate) fn body(validator: &Validator, text: &[u8]) -> Result<Value, Problem> {
    let value = json::parse(text).map_err(|error| {
        Problem::new(&problems::MALFORMED_REQUEST)
            .detail(format!("The body cannot be read as JSON: {error}."))
    })?;
    if validator.is_valid(&value) {
        return Ok(value);
    }
    let mut errors = Vec::new();
    for error in validator.iter_errors(&value).take(MOST_FINDINGS) {
        describe(&error, &mut errors);
    }
    Err(Problem::validation(truncated(errors)))
}

fn refuse_parameters(invalid: Vec<ProblemError>) -> Result<(), Problem> {
    if invalid.is_empty() {
        return Ok(());
    }
    Err(Problem::new(&problems::INVALID_PARAMETER).errors(truncated(invalid)))
}

fn truncated(mut errors: Vec<ProblemError>) -> Vec<ProblemError> {
    errors.truncate(MOST_FINDINGS);
    errors
}

fn check_parameter(rule: &Parameter, text: &str, invalid: &mut Vec<ProblemError>) -> Value {
    let value = match rule.form {
        Form::Text => Value::from(text),
        // What is no integer stays text, so that the schema finds the fault.
        Form::Integer => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Form::Boolean => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => Value::from(other),
        },
        Form::Json => match json::parse(text.as_bytes()) {
            Ok(value) => value,
            Err(error) => {
                invalid.push(parameter_finding(
                    &rule.name,
                    "syntax",
                    format!("The value is not JSON: {error}."),
                ));
                return Value::Null;
            }
        },
    };
    if !rule.validator.is_valid(&value) {
        for error in rule.validator.iter_errors(&value).take(MOST_FINDINGS) {
            invalid.push(parameter_finding(&rule.name, error.kind().keyword(), sentence(&error)));
        }
    }
    value
}

/// Turns one error of the schema into findings: one per member where the schema reports several at once.
fn describe(error: &ValidationError<'_>, findings: &mut Vec<ProblemError>) {
    let at = pointer(error);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                let mut at = at.clone();
                push_segment(&mut at, name);
                findings.push(finding(&at, error.kind().keyword(), "There is no such member."));
            }
        }
        ValidationErrorKind::Required { property } => {
            let mut at = at;
            push_segment(&mut at, property.as_str().unwrap_or_default());
            findings.push(finding(&at, error.kind().keyword(), "The member is required."));
        }
        ValidationErrorKind::PropertyNames { error: inner } => {
            findings.push(finding(
                &at,
                error.kind().keyword(),
                format!("A member's name is not allowed: {}", sentence(inner)),
            ));
        }
        _ => findings.push(finding(&at, error.kind().keyword(), sentence(error))),
    }
}

fn pointer(error: &ValidationError<'_>) -> String {
    let mut pointer = String::from("#");
    for token in error.instance_path().as_str().split('/').skip(1) {
        push_segment(&mut pointer, &token.replace("~1", "/").replace("~0", "~"));
    }
    pointer
}

/// What is wrong, without showing the value: it may be a secret, or very long.
fn sentence(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Pattern { pattern } => {
            format!("The value does not match the pattern {pattern}.")
        }
        ValidationErrorKind::MinLength { limit: 1 } => "The value must not be empty.".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("The value is shorter than {limit} characters."),
        ValidationErrorKind::MaxLength { limit } => format!("The value is longer than {limit} characters."),
        ValidationErrorKind::Minimum { limit } => format!("The value is less than {limit}."),
        ValidationErrorKind::Maximum { limit } => format!("The value is greater than {limit}."),
        ValidationErrorKind::MinItems { limit } => format!("There must be at least {limit} items."),
        ValidationErrorKind::MaxItems { limit } => format!("There must be at most {limit} items."),
        ValidationErrorKind::MinProperties { limit } => format!("There must be at least {limit} members."),
        ValidationErrorKind::MaxProperties { limit } => format!("There must be at most {limit} members."),
        ValidationErrorKind::UniqueItems => "The same item is given more than once.".to_owned(),
        ValidationErrorKind::Enum { options } => format!("The value is none of {options}."),
        ValidationErrorKind::Format { format } => format!("The value is not a {format}."),
        _ => {
            let mut text = error.masked_with("the value").to_string();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text.push('.');
            text
        }
    }
}

/// Percent-decodes; `None` when an escape is broken or the result is not UTF-8. In a query, `+` is a space.
fn decode(text: &str, form: bool) -> Option<String> {
    if !text.bytes().any(|b| b == b'%' || (form && b == b'+')) {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits =
                    std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            b'+' if form => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use companyos_types::ops;
    use serde_json::json;

    use super::*;
    use crate::kernel::contract::Contract;

    fn list(raw: &str) -> Result<Map<String, Value>, Problem> {
        query(&Contract::load().unwrap().rules(&ops::LIST_TENANTS).unwrap().query, raw)
    }

    fn create(text: &str) -> Result<Value, Problem> {
        let rules = Contract::load().unwrap().rules(&ops::CREATE_TENANT).unwrap();
        body(rules.bodies[0].validator.as_ref().unwrap(), text.as_bytes())
    }

    fn findings(problem: Problem) -> Vec<(String, String)> {
        let errors = problem.to_wire("req_1", None).errors.unwrap_or_default();
        errors.into_iter().map(|e| (e.pointer.or(e.parameter).unwrap_or_default(), e.code)).collect()
    }

    fn pair(place: &str, code: &str) -> (String, String) {
        (place.to_owned(), code.to_owned())
    }

    #[test]
    fn query_parameters_are_typed_and_defaulted() {
        let values = list("external_id=a%20b+c%2B&limit=7").unwrap();
        assert_eq!(Value::Object(values), json!({ "external_id": "a b c+", "limit": 7 }));
        assert_eq!(Value::Object(list("").unwrap()), json!({ "limit": 50 }));
    }

    #[test]
    fn every_fault_of_the_query_is_told() {
        let problem = list("limit=0&status=gone&external_id=").unwrap_err();
        assert_eq!(problem.code(), "invalid-parameter");
        let expected = [pair("limit", "minimum"), pair("status", "enum"), pair("external_id", "minLength")];
        assert!(
            expected
                .iter()
                .all(|one| findings(list("limit=0&status=gone&external_id=").unwrap_err()).contains(one))
        );
        assert_eq!(findings(list("limit=ten").unwrap_err()), [pair("limit", "type")]);
        assert_eq!(findings(list("limit=1&limit=1").unwrap_err()), [pair("limit", "duplicate")]);
        assert_eq!(list("nope=1&limit=0").unwrap_err().code(), "unknown-parameter");
        for raw in ["limit=%", "limit=%4", "limit=%zz", "external_id=%ff", "%+1=2"] {
            assert_eq!(list(raw).unwrap_err().code(), "malformed-request", "{raw}");
        }
    }

    #[test]
    fn every_fault_of_the_header_is_told() {
        let rule = |name: &str, required, form, schema: Value| Parameter {
            name: name.to_owned(),
            required,
            default: None,
            form,
            validator: std::sync::Arc::new(jsonschema::validator_for(&schema).unwrap()),
        };
        let rules = [
            rule("Sample-Rate", true, Form::Integer, json!({ "type": "integer", "maximum": 100 })),
            rule("Region-Hint", false, Form::Text, json!({ "type": "string", "pattern": "^[a-z]+$" })),
        ];
        let check = |fields: &[(&'static str, &[u8])]| {
            let mut map = HeaderMap::new();
            for (name, value) in fields {
                map.append(*name, http::HeaderValue::from_bytes(value).unwrap());
            }
            headers(&rules, &map).map_err(|problem| (problem.code(), findings(problem)))
        };
        assert_eq!(check(&[("sample-rate", b"100"), ("region-hint", b"eu"), ("other", b"\xff")]), Ok(()));
        assert_eq!(check(&[("sample-rate", b"7")]), Ok(()));
        for (fields, found) in [
            (&[][..], vec![pair("Sample-Rate", "required")]),
            (
                &[("sample-rate", &b"101"[..]), ("region-hint", b"EU")],
                vec![pair("Sample-Rate", "maximum"), pair("Region-Hint", "pattern")],
            ),
            (&[("sample-rate", b"many")], vec![pair("Sample-Rate", "type")]),
            (&[("sample-rate", b"1"), ("sample-rate", b"2")], vec![pair("Sample-Rate", "duplicate")]),
            (&[("sample-rate", b"1"), ("region-hint", b"\xff")], vec![pair("Region-Hint", "encoding")]),
        ] {
            assert_eq!(check(fields), Err(("invalid-parameter", found)), "{fields:?}");
        }
    }

    #[test]
    fn every_fault_of_the_body_is_told_with_its_place() {
        let problem =
            create(r#"{"name":"","labels":{"Ä b":1,"ok":"x"},"extra/member":1,"region":5}"#).unwrap_err();
        assert_eq!(problem.code(), "validation-failed");
        let found = findings(problem);
        for expected in [
            pair("#/external_id", "required"),
            pair("#/name", "minLength"),
            pair("#/extra~1member", "additionalProperties"),
            pair("#/region", "type"),
            pair("#/labels/%C3%84%20b", "type"),
            pair("#/labels", "propertyNames"),
        ] {
            assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
        }
    }

    #[test]
    fn a_finding_never_shows_the_value() {
        let problem = create(r#"{"external_id":"a","name":["hunter2"]}"#).unwrap_err();
        let shown = serde_json::to_string(&problem.to_wire("req_1", None)).unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_is_not_json_is_malformed_rather_than_invalid() {
        for text in ["", "{", "{\"name\":1,\"name\":1}", "\u{1}"] {
            assert_eq!(create(text).unwrap_err().code(), "malformed-request", "{text:?}");
        }
    }
}
