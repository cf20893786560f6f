//! Parameters: names, places, texts, and that the path template and its parameters agree.

use super::{Report, is_snake};
use crate::model::{Operation, Parameter};
use std::collections::BTreeSet;

pub(super) fn check(report: &mut Report<'_>) {
    for operation in report.model.operations() {
        let parameters = operation.parameters();
        template(report, operation, &parameters);
        let mut seen = BTreeSet::new();
        for (index, parameter) in parameters.iter().enumerate() {
            let place = format!("{}/parameters/{index}", operation.pointer());
            let first = seen.insert((parameter.location, parameter.name));
            let problem = format!("the parameter {} is declared twice", parameter.name);
            report.expect(first, operation.area(), &place, &problem, "remove one");
            one(report, operation.area(), parameter, &place);
        }
    }
}

fn template(report: &mut Report<'_>, operation: Operation<'_>, parameters: &[Parameter<'_>]) {
    let in_path: BTreeSet<&str> = operation
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    let declared: BTreeSet<&str> =
        parameters.iter().filter(|p| p.location == "path").map(|p| p.name).collect();
    report.expect(
        in_path == declared,
        operation.area(),
        &operation.pointer(),
        &format!("the template has the parameters {in_path:?} but {declared:?} are declared"),
        "declare every parameter of the template, and no other, with `in: path`",
    );
}

fn one(report: &mut Report<'_>, area: &str, parameter: &Parameter<'_>, place: &str) {
    report.expect_text(parameter.value, "description", area, place);
    let name = parameter.name;
    let named = match parameter.location {
        "header" => name.split('-').all(|word| word.starts_with(|c: char| c.is_ascii_uppercase())),
        _ => is_snake(name),
    };
    let remedy = "use snake_case in paths and queries and Train-Case in headers";
    report.expect(named, area, place, &format!("the parameter {name} is not named like the others"), remedy);
    let placed = matches!(parameter.location, "path" | "query" | "header");
    report.expect(placed, area, place, "the parameter is in none of path, query, header", "correct `in`");
    let required = parameter.location != "path" || parameter.required;
    report.expect(required, area, place, "a path parameter is not required", "write `required: true`");
    let schema = report.model.resolve(parameter.schema());
    let typed = schema.get("type").is_some();
    report.expect(typed, area, place, "the parameter has no typed schema", "give the schema a `type`");
    if schema["type"] == "string" {
        let bounded =
            ["maxLength", "pattern", "enum", "format"].iter().any(|name| schema.get(*name).is_some());
        report.expect(
            bounded,
            area,
            place,
            "the text has no limit",
            "add maxLength, pattern, enum or format",
        );
    }
}
