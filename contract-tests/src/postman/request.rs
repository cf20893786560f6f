//! One Postman item from an operation and a step.

use super::{bearer, overlay::Step, script};
use crate::{error::Error, model::Operation};
use serde_json::{Value, json};

/// The item.
pub(super) fn item(operation: Operation<'_>, step: &Step) -> Result<Value, Error> {
    let mut request = json!({
        "method": operation.method.to_uppercase(),
        "header": headers(operation, step),
        "url": url(operation, step)?,
        "description": operation.text("summary"),
    });
    if let Some(token) = &step.token {
        request["auth"] = bearer(token);
    } else if operation.is_public() {
        request["auth"] = bearer("");
    }
    if let Some(body) = &step.body {
        request["body"] =
            json!({"mode": "raw", "raw": format!("{body:#}"), "options": {"raw": {"language": "json"}}});
    } else if let Some(text) = &step.text {
        request["body"] = json!({"mode": "raw", "raw": text, "options": {"raw": {"language": "text"}}});
    }
    let mut events = Vec::new();
    if !step.set.is_empty() {
        events.push(event("prerequest", script::before(step)));
    }
    events.push(event("test", script::after(operation, step)?));
    Ok(json!({"name": format!("{}: {}", operation.id(), step.name), "event": events, "request": request}))
}

fn event(listen: &str, lines: Vec<String>) -> Value {
    json!({"listen": listen, "script": {"type": "text/javascript", "exec": lines}})
}

fn headers(operation: Operation<'_>, step: &Step) -> Vec<Value> {
    let mut headers = Vec::new();
    let mut add = |key: &str, value: &str| headers.push(json!({"key": key, "value": value}));
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

fn url(operation: Operation<'_>, step: &Step) -> Result<Value, Error> {
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
    for name in step.path.keys() {
        if !operation.path.contains(&format!("{{{name}}}")) {
            return Err(Error::new(
                format!("the step {:?} of {} sets the path parameter {name}", step.name, operation.id()),
                "remove it, the path has none of this name",
            ));
        }
    }
    let query: Vec<Value> = step
        .query
        .iter()
        .map(|(key, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            json!({"key": key, "value": text})
        })
        .collect();
    let search: Vec<String> = query
        .iter()
        .map(|pair| {
            format!(
                "{}={}",
                pair["key"].as_str().unwrap_or_default(),
                pair["value"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let question = if search.is_empty() { String::new() } else { format!("?{}", search.join("&")) };
    let mut url = json!({
        "raw": format!("{{{{base_url}}}}/{}{question}", path.join("/")),
        "host": ["{{base_url}}"],
        "path": path,
    });
    if !query.is_empty() {
        url["query"] = Value::Array(query);
    }
    Ok(url)
}
