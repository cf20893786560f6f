//! Runs the requests against a server and holds every response against the contract and the overlay.

use super::{
    Planned,
    draft::Draft,
    overlay::{Overlay, Step},
    plan,
};
use crate::{
    contract::{Contract, Request, Response},
    coverage::Coverage,
    error::{Error, Finding},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// How often a request is repeated at most while it waits for a value.
const REPEATS: usize = 200;

/// A request as it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation it belongs to.
    pub operation_id: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn view<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> Response<'a> {
        Response { status: self.status, headers, body: &self.body }
    }
}

/// A way to a server.
pub trait Wire {
    /// Sends a request and waits for the whole response.
    ///
    /// # Errors
    /// When no response comes, in words.
    fn send(&mut self, call: &Call) -> Result<Answer, String>;

    /// Waits a moment before a request is sent again.
    fn pause(&mut self);
}

/// Runs every request of the contract and the overlay. The findings name request and response.
///
/// # Errors
/// When the overlay does not fit the contract.
pub fn run(
    contract: &Contract,
    overlay: &Overlay,
    coverage: &Coverage,
    api_key: &str,
    wire: &mut dyn Wire,
) -> Result<Vec<Finding>, Error> {
    let variables = BTreeMap::from([("api_key".to_owned(), api_key.to_owned())]);
    let mut run = Run { contract, coverage, wire, variables, ids: 0, findings: Vec::new() };
    for planned in plan(contract.model(), overlay)? {
        run.step(&planned)?;
    }
    Ok(run.findings)
}

struct Run<'a> {
    contract: &'a Contract,
    coverage: &'a Coverage,
    wire: &'a mut dyn Wire,
    variables: BTreeMap<String, String>,
    ids: u64,
    findings: Vec<Finding>,
}

impl Run<'_> {
    fn step(&mut self, planned: &Planned<'_>) -> Result<(), Error> {
        let (operation, step) = (planned.operation, &planned.step);
        let name = format!("{}: {}", operation.id(), step.name);
        for (variable, value) in &step.set {
            let value = self.fill(value);
            self.variables.insert(variable.clone(), value);
        }
        let draft = Draft::new(operation, step)?;
        let call = self.call(operation.id(), &draft);
        let mut answer = self.send(&name, &call);
        if let Some((pointer, values)) = &step.until {
            let mut rounds = 0;
            while !answer.json().pointer(pointer).is_some_and(|value| values.contains(value))
                && rounds < REPEATS
            {
                rounds += 1;
                self.wire.pause();
                answer = self.send(&name, &call);
            }
        }
        let statuses = self.contract.statuses(operation.id());
        let status =
            step.expect.status.or_else(|| statuses.into_iter().find(|status| (200..300).contains(status)));
        if status.is_some_and(|status| status < 400) {
            let headers = borrowed(&call.headers);
            let request =
                Request { method: &call.method, target: &call.target, headers: &headers, body: &call.body };
            self.report(&name, self.contract.validate_request(&request));
        }
        self.expectations(&name, step, status, &answer);
        self.captures(&name, step, &answer);
        Ok(())
    }

    fn send(&mut self, name: &str, call: &Call) -> Answer {
        match self.wire.send(call) {
            Ok(answer) => {
                self.coverage.record(&call.operation_id, answer.status);
                let findings = self
                    .contract
                    .validate_response(&call.operation_id, &answer.view(&borrowed(&answer.headers)));
                self.report(name, findings);
                answer
            }
            Err(error) => {
                self.found(name, format!("no response came: {error}"));
                Answer::default()
            }
        }
    }

    fn expectations(&mut self, name: &str, step: &Step, status: Option<u16>, answer: &Answer) {
        let body = answer.json();
        if status != Some(answer.status) {
            let text = String::from_utf8_lossy(&answer.body);
            self.found(name, format!("{status:?} was expected, {} came: {text}", answer.status));
            return;
        }
        let code = body["code"].as_str().map(str::to_owned);
        if let Some(expected) = step.expect.code.as_ref().filter(|expected| code.as_ref() != Some(expected)) {
            self.found(name, format!("the problem {expected} was expected, {code:?} came"));
        }
        for (pointer, expected) in &step.expect.json {
            let expected: Value =
                serde_json::from_str(&self.fill_json(&expected.to_string())).unwrap_or_default();
            let found = body.pointer(pointer);
            if found != Some(&expected) {
                self.found(name, format!("{pointer} is {found:?} instead of {expected}"));
            }
        }
        for (header, expected) in &step.expect.headers {
            let expected = expected.as_ref().map(|expected| self.fill(expected));
            let found = answer.header(header);
            if found.is_none() || (expected.is_some() && found != expected.as_deref()) {
                self.found(name, format!("the header {header} is {found:?} instead of {expected:?}"));
            }
        }
        if let Some(text) = &step.expect.contains {
            let text = self.fill(text);
            if !String::from_utf8_lossy(&answer.body).contains(&text) {
                self.found(name, format!("the body does not contain {text:?}"));
            }
        }
    }

    fn captures(&mut self, name: &str, step: &Step, answer: &Answer) {
        let body = answer.json();
        for (variable, source) in &step.capture {
            let value = match source.strip_prefix("header:") {
                Some(header) => answer.header(header).map(str::to_owned),
                None if source == "text" => Some(String::from_utf8_lossy(&answer.body).into_owned()),
                None => body
                    .pointer(source)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            };
            match value {
                Some(value) => {
                    self.variables.insert(variable.clone(), value);
                }
                None => self.found(name, format!("there is no {source} to remember as {variable}")),
            }
        }
    }

    fn call(&mut self, operation_id: &str, draft: &Draft) -> Call {
        let mut target = String::new();
        for segment in &draft.path {
            target.push('/');
            target.push_str(&encode(&self.fill(segment), "/"));
        }
        for (index, (name, value)) in draft.query.iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(&format!("{name}={}", encode(&self.fill(value), "")));
        }
        let mut headers: Vec<(String, String)> =
            draft.headers.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect();
        if let Some(token) = &draft.token {
            headers.push(("Authorization".into(), format!("Bearer {}", self.fill(token))));
        }
        let json = draft.headers.iter().any(|(_, value)| value.contains("json"));
        let body = draft.body.as_ref().map(|body| if json { self.fill_json(body) } else { self.fill(body) });
        Call {
            operation_id: operation_id.to_owned(),
            method: draft.method.clone(),
            target,
            headers,
            body: body.unwrap_or_default().into_bytes(),
        }
    }

    /// Fills in variables; an unknown one stays as it is written.
    fn fill(&mut self, text: &str) -> String {
        self.fill_with(text, |value| value.to_owned())
    }

    /// Fills in variables inside JSON strings.
    fn fill_json(&mut self, text: &str) -> String {
        self.fill_with(text, |value| Value::from(value).to_string().trim_matches('"').to_owned())
    }

    fn fill_with(&mut self, text: &str, write: impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let Some((name, after)) = after.split_once("}}") else {
                out.push_str("{{");
                rest = after;
                continue;
            };
            if name == "$guid" {
                self.ids += 1;
                out.push_str(&format!("00000000-0000-4000-8000-{:012}", self.ids));
            } else {
                out.push_str(
                    &self.variables.get(name).map_or_else(|| format!("{{{{{name}}}}}"), |value| write(value)),
                );
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn report(&mut self, name: &str, findings: Vec<Finding>) {
        for finding in findings {
            self.findings.push(Finding { file: name.to_owned(), ..finding });
        }
    }

    fn found(&mut self, name: &str, problem: String) {
        self.findings.push(Finding::new(name, "answer", problem, "correct the server, or the overlay"));
    }
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3) and those to `keep`.
fn encode(text: &str, keep: &str) -> String {
    text.bytes()
        .map(|byte| match char::from(byte) {
            c if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) => c.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
