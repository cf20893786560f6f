//! Changes of operations: existence, credentials, parameters, bodies, responses.

use super::{
    Changes,
    schemas::{self, Direction},
};
use crate::{
    error::push_pointer,
    model::{Operation, members},
};
use serde_json::Value;

pub(super) fn compare(changes: &mut Changes<'_>) {
    for old in changes.old.operations() {
        let pointer = old.pointer();
        let operations = changes.new.operations();
        let Some(new) = operations.iter().find(|new| new.path == old.path && new.method == old.method) else {
            let what = format!("{} {} is removed", old.method.to_uppercase(), old.path);
            changes.breaks(true, &pointer, what);
            continue;
        };
        rules(changes, old, *new, &pointer);
        parameters(changes, old, *new, &pointer);
        request(changes, old, *new, &pointer);
        responses(changes, old, *new, &pointer);
    }
}

fn rules(changes: &mut Changes<'_>, old: Operation<'_>, new: Operation<'_>, pointer: &str) {
    changes.breaks(
        old.id() != new.id(),
        pointer,
        format!("the operationId {} changes to {}", old.id(), new.id()),
    );
    changes.breaks(old.is_public() && !new.is_public(), pointer, "the operation now needs a credential");
    for scope in new.list("x-companyos-scopes") {
        let added = !old.is_public() && !old.list("x-companyos-scopes").contains(&scope);
        changes.breaks(added, pointer, format!("the operation now needs the scope {scope}"));
    }
    let rule = |operation: Operation<'_>| operation.text("x-companyos-idempotency").to_owned();
    changes.breaks(
        rule(old) != rule(new) && (rule(old) == "required" || rule(new) == "required" || rule(new) == "none"),
        pointer,
        format!("the idempotency rule changes from {} to {}", rule(old), rule(new)),
    );
    let dropped = old.action().is_some() && new.action().is_none();
    changes.breaks(dropped, pointer, "the operation leaves no receipt any more");
    let renamed = matches!((old.action(), new.action()), (Some(old), Some(new)) if old != new);
    changes.breaks(renamed, pointer, "the action in the receipt changes");
    for flag in ["x-companyos-dual-control", "x-companyos-receipt-only"] {
        changes.breaks(!old.flag(flag) && new.flag(flag), pointer, format!("the operation is now {flag}"));
    }
    let hidden = old.text("x-companyos-mode").is_empty() && !new.text("x-companyos-mode").is_empty();
    changes.breaks(hidden, pointer, "the operation exists in development mode only");
    let smaller = old.text("x-companyos-body") == "import" && new.text("x-companyos-body") == "normal";
    changes.breaks(smaller, pointer, "the limit of the request body shrinks");
}

fn parameters(changes: &mut Changes<'_>, old: Operation<'_>, new: Operation<'_>, pointer: &str) {
    let (before, after) = (old.parameters(), new.parameters());
    for (index, parameter) in before.iter().enumerate() {
        let place = format!("{pointer}/parameters/{index}");
        let name = parameter.name;
        match after.iter().find(|p| p.name == name && p.location == parameter.location) {
            // Unknown query parameters are refused, so a removed one breaks whoever sends it.
            None => changes.breaks(true, &place, format!("the parameter {name} is removed")),
            Some(now) => {
                let stricter = !parameter.required && now.required;
                changes.breaks(stricter, &place, format!("the parameter {name} becomes required"));
                changes.breaks(
                    parameter.is_json() != now.is_json(),
                    &place,
                    format!("{name} is written differently"),
                );
                schemas::compare(changes, Direction::Sent, parameter.schema(), now.schema(), &place);
            }
        }
    }
    for parameter in after.iter().filter(|parameter| parameter.required) {
        let added = !before.iter().any(|p| p.name == parameter.name && p.location == parameter.location);
        changes.breaks(added, pointer, format!("the new parameter {} is required", parameter.name));
    }
}

fn request(changes: &mut Changes<'_>, old: Operation<'_>, new: Operation<'_>, pointer: &str) {
    let required = |operation: Operation<'_>| {
        operation.value.pointer("/requestBody/required") == Some(&Value::Bool(true))
    };
    changes.breaks(!required(old) && required(new), pointer, "a request body becomes required");
    let after = new.request_content();
    for (media, schema) in old.request_content() {
        let place = format!("{pointer}/requestBody{}", push_pointer("/content", media));
        match after.iter().find(|(name, _)| *name == media) {
            None => changes.breaks(true, &place, format!("{media} is no longer read")),
            Some((_, now)) => schemas::compare(changes, Direction::Sent, schema, now, &place),
        }
    }
}

fn responses(changes: &mut Changes<'_>, old: Operation<'_>, new: Operation<'_>, pointer: &str) {
    let (before, after) = (old.responses(), new.responses());
    for (status, response) in &before {
        let place = format!("{pointer}/responses/{status}");
        match after.iter().find(|(other, _)| other == status) {
            // Statuses of problems come and go with their codes; the codes themselves are compared as a registry.
            None => changes.breaks(*status < 400, &place, format!("the response {status} is removed")),
            Some((_, now)) => response_parts(changes, response, now, &place),
        }
    }
    for (status, _) in after.iter().filter(|(status, _)| *status < 400) {
        let added = !before.iter().any(|(other, _)| other == status);
        changes.breaks(added, pointer, format!("the response {status} is new, and no client expects it"));
    }
}

fn response_parts(changes: &mut Changes<'_>, old: &Value, new: &Value, place: &str) {
    for (name, _) in members(old.get("headers")) {
        let removed = new["headers"].get(name).is_none();
        changes.breaks(
            removed,
            &push_pointer(&format!("{place}/headers"), name),
            format!("the header {name} is removed"),
        );
    }
    for (media, content) in members(old.get("content")) {
        let place = format!("{place}{}", push_pointer("/content", media));
        match new["content"].get(media) {
            None => changes.breaks(true, &place, format!("the answer is no longer given as {media}")),
            Some(now) => {
                schemas::compare(changes, Direction::Answered, &content["schema"], &now["schema"], &place)
            }
        }
    }
}
