//! Every schema compiles, and every example is valid against its schema.

use super::Report;
use crate::{
    error::push_pointer,
    model::members,
    schema::{Schemas, violations},
};
use serde_json::Value;

pub(super) fn check(report: &mut Report<'_>) {
    let schemas = match Schemas::new(report.model.document()) {
        Ok(schemas) => schemas,
        Err(error) => {
            return report.expect(false, "", "/components/schemas", &error.to_string(), "correct it");
        }
    };
    for (name, schema) in report.model.schemas() {
        let area = schema["x-companyos-area"].as_str().unwrap_or("shared");
        let place = format!("/components/schemas/{name}");
        against(report, &schemas, &place, area, schema["examples"].as_array().map_or(&[], Vec::as_slice));
        for (property, value) in members(schema.get("properties")) {
            let place = push_pointer(&push_pointer(&place, "properties"), property);
            against(report, &schemas, &place, area, value["examples"].as_array().map_or(&[], Vec::as_slice));
        }
    }
    for operation in report.model.operations() {
        let body = ("requestBody".to_owned(), operation.value.get("requestBody"));
        let responses = members(operation.value.get("responses"))
            .map(|(status, response)| (format!("responses/{status}"), Some(response)));
        for (name, holder) in std::iter::once(body).chain(responses) {
            for (media, content) in members(holder.and_then(|holder| holder.get("content"))) {
                let place =
                    format!("{}/{name}{}/schema", operation.pointer(), push_pointer("/content", media));
                let named = members(content.get("examples")).filter_map(|(_, example)| example.get("value"));
                let examples: Vec<Value> = content.get("example").into_iter().chain(named).cloned().collect();
                against(report, &schemas, &place, operation.area(), &examples);
            }
        }
    }
}

fn against(report: &mut Report<'_>, schemas: &Schemas, place: &str, area: &str, examples: &[Value]) {
    if report.model.document().pointer(place).is_none() {
        return;
    }
    match schemas.compile(place) {
        Ok(validator) => {
            for example in examples {
                for (pointer, message) in violations(&validator, example) {
                    let problem = format!("an example is not valid at {pointer}: {message}");
                    report.expect(false, area, place, &problem, "correct the example or the schema");
                }
            }
        }
        Err(error) => report.expect(false, area, place, &error.to_string(), "correct the schema"),
    }
}
