//! One Postman item from an operation and a step.

use super::{bearer, script};
use crate::{
    error::Error,
    model::Operation,
    scenario::{Draft, Step},
};
use serde_json::{Value, json};

/// The token of the collection, which its requests inherit.
const INHERITED: &str = "{{api_key}}";

/// The item.
pub(super) fn item(operation: Operation<'_>, step: &Step) -> Result<Value, Error> {
    let draft = Draft::new(operation, step)?;
    let pairs = |pairs: &[(String, String)]| -> Vec<Value> {
        pairs.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    };
    let search: Vec<String> = draft.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let question = if search.is_empty() { String::new() } else { format!("?{}", search.join("&")) };
    let mut url = json!({
        "raw": format!("{{{{base_url}}}}/{}{question}", draft.path.join("/")),
        "host": ["{{base_url}}"],
        "path": draft.path,
    });
    if !draft.query.is_empty() {
        url["query"] = Value::Array(pairs(&draft.query));
    }
    let mut request = json!({
        "method": draft.method,
        "header": pairs(&draft.headers),
        "url": url,
        "description": operation.text("summary"),
    });
    match draft.token.as_deref() {
        None => request["auth"] = json!({"type": "noauth"}),
        Some(INHERITED) => {}
        Some(token) => request["auth"] = bearer(token),
    }
    if let Some(body) = &draft.body {
        let language = if step.body.is_some() { "json" } else { "text" };
        request["body"] = json!({"mode": "raw", "raw": body, "options": {"raw": {"language": language}}});
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
