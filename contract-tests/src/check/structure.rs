//! The document as a whole: references, components nobody uses, extensions nobody reads, tags, the problem registry.

use super::{Report, is_kebab};
use crate::{
    error::push_pointer,
    model::{members, strings},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every extension a reader of the contract knows.
const EXTENSIONS: [&str; 19] = [
    "x-companyos-action",
    "x-companyos-area",
    "x-companyos-areas",
    "x-companyos-async",
    "x-companyos-body",
    "x-companyos-codes",
    "x-companyos-deprecation",
    "x-companyos-dual-control",
    "x-companyos-flow",
    "x-companyos-idempotency",
    "x-companyos-method",
    "x-companyos-mode",
    "x-companyos-open",
    "x-companyos-pagination",
    "x-companyos-problems",
    "x-companyos-receipt-only",
    "x-companyos-rest",
    "x-companyos-scopes",
    "x-companyos-secret",
];

/// Problems the server answers outside any operation.
const GLOBAL_PROBLEMS: [&str; 1] = ["method-not-allowed"];

pub(super) fn check(report: &mut Report<'_>) {
    let document = report.model.document();
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    report.expect(
        version.starts_with("3.1."),
        "",
        "/openapi",
        "it is not OpenAPI 3.1",
        "set openapi to 3.1.1",
    );
    let mut walk = Walk { references: BTreeSet::new(), report, path: Vec::new() };
    walk.visit(document, "");
    let references = walk.references;
    unused_components(report, &references);
    tags(report);
    problem_registry(report);
}

struct Walk<'r, 'a> {
    report: &'r mut Report<'a>,
    references: BTreeSet<String>,
    path: Vec<String>,
}

impl<'a> Walk<'_, 'a> {
    fn visit(&mut self, value: &'a Value, pointer: &str) {
        match value {
            Value::Object(map) => {
                for (name, member) in map {
                    let place = push_pointer(pointer, name);
                    if name.starts_with("x-") && !self.inside_names() {
                        self.report.expect(
                            EXTENSIONS.contains(&name.as_str()),
                            "",
                            &place,
                            &format!("no reader of the contract knows the extension {name}"),
                            "correct its spelling, or list it in contract-tests/src/check/structure.rs with its reader",
                        );
                    }
                    if let (true, Some(reference)) = (name == "$ref", member.as_str()) {
                        let found =
                            reference.strip_prefix('#').and_then(|p| self.report.model.document().pointer(p));
                        let problem = format!("the reference {reference} leads nowhere");
                        self.report.expect(found.is_some(), "", &place, &problem, "correct the reference");
                        self.references.insert(reference.to_owned());
                    }
                    self.path.push(name.clone());
                    self.visit(member, &place);
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, &push_pointer(pointer, &index.to_string()));
                }
            }
            _ => {}
        }
    }

    /// Whether the members here are names of the API, not of OpenAPI.
    fn inside_names(&self) -> bool {
        matches!(
            self.path.last().map(String::as_str),
            Some("properties" | "headers" | "content" | "examples")
        )
    }
}

fn unused_components(report: &mut Report<'_>, references: &BTreeSet<String>) {
    for (kind, components) in members(report.model.document().get("components")) {
        for (name, component) in members(Some(components)) {
            let used =
                kind == "securitySchemes" || references.contains(&format!("#/components/{kind}/{name}"));
            let area = component["x-companyos-area"].as_str().unwrap_or("shared");
            let place = format!("/components/{kind}/{name}");
            report.expect(
                used,
                area,
                &place,
                "nothing refers to this component",
                "remove it, or refer to it",
            );
            report.expect(
                super::is_name(name, |c| c.is_ascii_alphanumeric()),
                area,
                &place,
                "a component's name is not letters and digits",
                "rename it in PascalCase",
            );
        }
    }
}

fn tags(report: &mut Report<'_>) {
    let document = report.model.document();
    let declared: Vec<&str> =
        document["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    report.expect(
        declared == report.model.areas(),
        "",
        "/tags",
        "the tags are not the areas in their order",
        "declare one tag with a description per entry of x-companyos-areas",
    );
    for (index, tag) in document["tags"].as_array().into_iter().flatten().enumerate() {
        report.expect_text(tag, "description", "", &format!("/tags/{index}"));
    }
    for area in report.model.areas() {
        let used = report.model.operations().iter().any(|operation| operation.area() == area);
        report.expect(used, area, "/paths", "the area has no operation", "add one, or remove the area");
    }
}

fn problem_registry(report: &mut Report<'_>) {
    let registry = &report.model.document()["x-companyos-problems"];
    let used: BTreeSet<&str> = report
        .model
        .operations()
        .iter()
        .flat_map(|operation| strings(operation.value.get("x-companyos-problems")))
        .collect();
    for (code, problem) in members(registry.get("types")) {
        let place = format!("/x-companyos-problems/types/{code}");
        report.expect(is_kebab(code), "problems", &place, "the code is not kebab-case", "rename it");
        report.expect_text(problem, "title", "problems", &place);
        report.expect_text(problem, "detail", "problems", &place);
        let status = problem["status"].as_u64().is_some_and(|status| (400..600).contains(&status));
        report.expect(status, "problems", &place, "the status is not 400 to 599", "set the status");
        report.expect(
            used.contains(code) || GLOBAL_PROBLEMS.contains(&code),
            "problems",
            &place,
            "no operation answers with this problem",
            "name it in an operation's x-companyos-problems, or remove it",
        );
    }
}
