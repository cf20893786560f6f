//! A request whose variables are still names: `{{tenant_id}}`.

use super::overlay::Step;
use crate::{error::Error, model::Operation};

/// A request before its variables are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The method in upper case.
    pub method: String,
    /// The path's segments.
    pub path: Vec<String>,
    /// The query parameters.
    pub query: Vec<(String, String)>,
    /// The headers, without the credential.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// The bearer token; `None` for no credential.
    pub token: Option<String>,
}

impl Draft {
    /// The request of a step.
    ///
    /// # Errors
    /// When the step sets a path parameter that the operation does not have.
    pub fn new(operation: Operation<'_>, step: &Step) -> Result<Self, Error> {
        let token = match step.token.as_deref() {
            Some("") => None,
            Some(token) => Some(token.to_owned()),
            None if operation.is_public() => None,
            None => Some("{{api_key}}".to_owned()),
        };
        let query = step.query.iter().map(|(name, value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        Ok(Self {
            method: operation.method.to_uppercase(),
            path: path(operation, step)?,
            query: query.collect(),
            headers: headers(operation, step),
            body: step.body.as_ref().map(|body| format!("{body:#}")).or_else(|| step.text.clone()),
            token,
        })
    }
}

fn path(operation: Operation<'_>, step: &Step) -> Result<Vec<String>, Error> {
    for name in step.path.keys() {
        if !operation.path.contains(&format!("{{{name}}}")) {
            return Err(Error::new(
                format!("the step {:?} of {} sets the path parameter {name}", step.name, operation.id()),
                "remove it, the path has none of this name",
            ));
        }
    }
    let mut path = Vec::new();
    for segment in operation.path.trim_start_matches('/').split('/') {
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => match step.path.get(name) {
                Some(value) => path.extend(value.split('/').map(str::to_owned)),
                None => path.push(format!("{{{{{name}}}}}")),
            },
            None => path.push(segment.to_owned()),
        }
    }
    Ok(path)
}

fn headers(operation: Operation<'_>, step: &Step) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    if step.body.is_some() || step.text.is_some() {
        let first = operation.request_content().first().map_or("application/json", |(media, _)| *media);
        add("Content-Type", step.media.as_deref().unwrap_or(first));
    }
    if operation.text("x-companyos-idempotency") == "required" {
        match step.key.as_deref() {
            Some("") => {}
            Some(key) => add("Idempotency-Key", key),
            None => add("Idempotency-Key", "{{$guid}}"),
        }
    }
    for (name, value) in &step.headers {
        add(name, value);
    }
    headers
}
