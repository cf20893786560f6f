//! Schemas: texts, names, limits of what is sent, openness of what is answered.

use super::{Report, is_snake};
use crate::{
    error::push_pointer,
    model::{members, reference_name, strings},
};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn check(report: &mut Report<'_>) {
    let sent = reachable(report, true);
    let answered = reachable(report, false);
    for (name, schema) in report.model.schemas() {
        let area = schema["x-companyos-area"].as_str().unwrap_or("shared");
        let place = format!("/components/schemas/{name}");
        report.expect_text(schema, "description", area, &place);
        component(report, name, schema, area, &place, (sent.contains(name), answered.contains(name)));
        if sent.contains(name) {
            limits(report, schema, area, &place);
        }
        examples(report, name, schema, area, &place);
    }
}

/// What a request or a response carries as a whole is shown by an example, pages aside.
fn examples(report: &mut Report<'_>, name: &str, schema: &Value, area: &str, place: &str) {
    let whole = report.model.operations().iter().any(|operation| {
        let answered = operation.responses().into_iter().flat_map(|(_, response)| {
            members(response.get("content")).map(|(_, content)| &content["schema"]).collect::<Vec<_>>()
        });
        let sent = operation.request_content().into_iter().map(|(_, schema)| schema);
        sent.chain(answered).any(|schema| reference_name(schema) == Some(name))
    });
    let shown = schema["examples"].as_array().is_some_and(|examples| !examples.is_empty());
    // A secret's example would be taken for one.
    let secret = members(schema.get("properties")).any(|(_, member)| member["x-companyos-secret"] == true);
    let holds = shown || !whole || secret || schema["properties"].get("next_cursor").is_some();
    report.expect(holds, area, place, "nothing shows what it looks like", "add `examples`");
}

/// The names of the schema components reachable from request bodies, or else from responses.
fn reachable(report: &Report<'_>, sent: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operation in report.model.operations() {
        if sent {
            for (_, schema) in operation.request_content() {
                collect(report, schema, &mut found);
            }
        } else {
            for (_, response) in operation.responses() {
                collect(report, &response["content"], &mut found);
            }
        }
    }
    found
}

fn collect(report: &Report<'_>, value: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = reference_name(value)
        && found.insert(name.to_owned())
        && let Some(schema) = report.model.schema(name)
    {
        collect(report, schema, found);
    }
    match value {
        Value::Object(map) => map.values().for_each(|member| collect(report, member, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(report, item, found)),
        _ => {}
    }
}

fn component<'a>(
    report: &mut Report<'a>,
    name: &str,
    schema: &'a Value,
    area: &str,
    place: &str,
    (sent, answered): (bool, bool),
) {
    if name.ends_with("Id") && name != "ExternalId" {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let uuid = pattern.starts_with('^') && pattern.contains("_[0-9a-f]{8}-[0-9a-f]{4}-7");
        report.expect(
            uuid,
            area,
            place,
            "an id is not a prefix and a UUIDv7",
            "write the pattern as the others do",
        );
    }
    enumeration(report, schema, area, place, answered);
    let required = strings(schema.get("required"));
    for (property, value) in members(schema.get("properties")) {
        let place = push_pointer(&push_pointer(place, "properties"), property);
        report.expect(is_snake(property), area, &place, "a member is not snake_case", "rename it");
        if reference_name(value).is_none() {
            report.expect_text(value, "description", area, &place);
        }
        if property.ends_with("_at") || property == "at" {
            let time = reference_name(value) == Some("Timestamp");
            report.expect(time, area, &place, "a time is not a Timestamp", "refer to Timestamp");
        }
        if property == "id" {
            let id = reference_name(value).is_some_and(|name| name.ends_with("Id"));
            report.expect(
                id,
                area,
                &place,
                "an id has no schema of its own",
                "refer to a schema named <Thing>Id",
            );
        }
        if value["type"] == "integer" {
            let signed = value.get("minimum").is_some();
            let remedy = "write `minimum: 0`, or the least value that occurs";
            report.expect(signed, area, &place, "nothing says whether the number can be negative", remedy);
        }
        enumeration(report, value, area, &place, answered);
    }
    for name in required {
        let declared = schema["properties"].get(name).is_some();
        report.expect(
            declared,
            area,
            place,
            &format!("the required member {name} is not declared"),
            "declare it",
        );
    }
    if schema.get("properties").is_some() {
        let closed = schema["additionalProperties"] == Value::Bool(false);
        let (problem, remedy) = if sent && !answered {
            ("a request accepts unknown members", "write `additionalProperties: false`")
        } else {
            ("a response refuses members that later versions add", "remove `additionalProperties: false`")
        };
        // A schema both sent and answered, such as a list of instructions that is echoed, is held to the request's rule.
        report.expect(closed == sent, area, place, problem, remedy);
    }
}

fn enumeration(report: &mut Report<'_>, schema: &Value, area: &str, place: &str, answered: bool) {
    if schema.get("enum").is_some() {
        let open = schema["x-companyos-open"] == Value::Bool(true);
        let remedy = "write `x-companyos-open: true`: clients must keep values that later versions add";
        report.expect(open || !answered, area, place, "an enumeration in a response is closed", remedy);
    }
}

/// What is sent to the server has limits.
fn limits(report: &mut Report<'_>, schema: &Value, area: &str, place: &str) {
    let has = |names: &[&str]| names.iter().any(|name| schema.get(*name).is_some());
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(_) => strings(schema.get("type")),
        other => other.as_str().into_iter().collect(),
    };
    if kinds.contains(&"string") {
        let bounded = has(&["maxLength", "pattern", "enum", "format"]);
        report.expect(
            bounded,
            area,
            place,
            "a text that is sent has no limit",
            "add maxLength or a bounded pattern",
        );
    }
    if kinds.contains(&"array") {
        report.expect(has(&["maxItems"]), area, place, "a list that is sent has no limit", "add maxItems");
    }
    if kinds.contains(&"integer") {
        report.expect(has(&["maximum"]), area, place, "a number that is sent has no limit", "add maximum");
    }
    if schema["additionalProperties"].is_object() {
        report.expect(
            has(&["maxProperties"]),
            area,
            place,
            "a map that is sent has no limit",
            "add maxProperties",
        );
    }
    for (name, value) in members(schema.get("properties")) {
        limits(report, value, area, &push_pointer(&push_pointer(place, "properties"), name));
    }
    for name in ["items", "additionalProperties"] {
        if schema[name].is_object() {
            limits(report, &schema[name], area, &push_pointer(place, name));
        }
    }
}
