//! Each operation: identity, texts, credentials, receipts, idempotency, responses.

use super::{Report, is_name, is_snake};
use crate::{
    deprecation::Deprecation,
    error::push_pointer,
    model::{Operation, reference_name, strings},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn check(report: &mut Report<'_>) {
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for operation in report.model.operations() {
        let place = operation.pointer();
        if let Some(other) = seen.insert(operation.id(), place.clone()) {
            let problem = format!("the operationId {:?} is also that of {other}", operation.id());
            report.expect(false, operation.area(), &place, &problem, "give each operation its own id");
        }
        identity(report, operation, &place);
        credentials(report, operation, &place);
        idempotency(report, operation, &place);
        deprecation(report, operation, &place);
        pages(report, operation, &place);
        responses(report, operation, &place);
    }
}

fn identity(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let area = operation.area();
    let id = operation.id();
    let camel =
        is_name(id, |c| c.is_ascii_alphanumeric()) && id.starts_with(|c: char| c.is_ascii_lowercase());
    report.expect(camel, area, place, "the operationId is missing or not camelCase", "name it verbNoun");
    report.expect_text(operation.value, "summary", area, place);
    if operation.value.get("description").is_some() {
        report.expect_text(operation.value, "description", area, place);
    }
    let tag = operation.list("tags") == [area];
    report.expect(tag, area, place, "the only tag is not the area", &format!("write `tags: [{area}]`"));
    let flow = is_snake(operation.text("x-companyos-flow"));
    report.expect(
        flow,
        area,
        place,
        "x-companyos-flow is missing or not snake_case",
        "name the latency flow",
    );
    for segment in operation.path.split('/').skip(1).filter(|segment| !segment.starts_with('{')) {
        let kebab = super::is_kebab(segment.trim_start_matches('.').trim_end_matches(".json"));
        report.expect(kebab, area, place, "a path segment is not kebab-case", "rename the segment");
    }
    for flag in [
        "x-companyos-dual-control",
        "x-companyos-receipt-only",
        "x-companyos-pagination",
        "x-companyos-async",
    ] {
        let boolean = operation.value.get(flag).is_none_or(Value::is_boolean);
        report.expect(
            boolean,
            area,
            place,
            &format!("{flag} is not a boolean"),
            "write true, or leave it out",
        );
    }
}

fn deprecation(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let remedy = "write `x-companyos-deprecation: { since: 'YYYY-MM-DD', sunset: 'YYYY-MM-DD' }`; the bundle adds `deprecated`";
    let read = Deprecation::of(operation);
    let problem = format!("x-companyos-deprecation: {}", read.err().unwrap_or_default());
    report.expect(read.is_ok(), operation.area(), place, &problem, remedy);
    let together = operation.flag("deprecated") == operation.value.get(Deprecation::EXTENSION).is_some();
    let problem = "deprecated and x-companyos-deprecation do not come together";
    report.expect(together, operation.area(), place, problem, remedy);
}

fn credentials(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let area = operation.area();
    let scopes = operation.list("x-companyos-scopes");
    let named = operation.is_public() == scopes.is_empty();
    let remedy = "list x-companyos-scopes, or write `security: []` for a public operation";
    report.expect(named, area, place, "the operation is neither public nor does it name scopes", remedy);
    for scope in scopes {
        let known = scope.split_once(':').is_some_and(|(noun, verb)| is_snake(noun) && is_snake(verb));
        report.expect(known, area, place, &format!("the scope {scope} is not noun:verb"), "rename the scope");
    }
    let Some(action) = operation.action() else {
        let plain =
            !operation.flag("x-companyos-dual-control") && !operation.flag("x-companyos-receipt-only");
        let remedy = "add x-companyos-action";
        report.expect(
            plain,
            area,
            place,
            "dual control and receipts belong to privileged operations",
            remedy,
        );
        return;
    };
    let named = action.split_once('.').is_some_and(|(noun, verb)| is_snake(noun) && is_snake(verb));
    report.expect(named, area, place, "x-companyos-action is not noun.verb", "rename the action");
    let problem = "a privileged operation is public";
    report.expect(!operation.is_public(), area, place, problem, "remove `security: []`");
}

fn idempotency(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let area = operation.area();
    let rule = operation.text("x-companyos-idempotency");
    let known = matches!(rule, "required" | "natural" | "none");
    let remedy = "write x-companyos-idempotency: required, natural or none";
    report.expect(known, area, place, "the idempotency rule is missing or unknown", remedy);
    let privileged = operation.action().is_some();
    let problem = "a privileged POST can be retried without a key";
    let holds = operation.method != "post" || !privileged || rule == "required";
    report.expect(holds, area, place, problem, "write x-companyos-idempotency: required");
    let holds = operation.method == "post" || rule != "required";
    let problem = "only POST takes an Idempotency-Key";
    report.expect(holds, area, place, problem, "write x-companyos-idempotency: natural");
    let body = matches!(operation.text("x-companyos-body"), "normal" | "import")
        != operation.request_content().is_empty();
    report.expect(
        body,
        area,
        place,
        "x-companyos-body does not fit the request body",
        "write normal or import",
    );
    let holds =
        operation.request_content().is_empty() || operation.value.pointer("/requestBody/required").is_some();
    report.expect(
        holds,
        area,
        place,
        "the request body does not say whether it is required",
        "write `required`",
    );
    let mode = matches!(operation.text("x-companyos-mode"), "" | "development");
    report.expect(
        mode,
        area,
        place,
        "x-companyos-mode is not development",
        "write development, or leave it out",
    );
}

fn pages(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let parameters = operation.parameters();
    let has = |name: &str| parameters.iter().any(|p| p.location == "query" && p.name == name);
    let paginated = operation.flag("x-companyos-pagination");
    let holds = has("limit") == paginated && has("cursor") == paginated;
    let problem = "limit, cursor and x-companyos-pagination do not come together";
    report.expect(holds, operation.area(), place, problem, "add what is missing");
    if paginated {
        let schema = operation
            .value
            .pointer("/responses/200/content/application~1json/schema")
            .unwrap_or(&Value::Null);
        let required = strings(report.model.resolve(schema).get("required"));
        let page = required.contains(&"items") && required.contains(&"next_cursor");
        let problem = "the 200 response is not a page";
        report.expect(page, operation.area(), place, problem, "require `items` and a nullable `next_cursor`");
    }
}

fn responses(report: &mut Report<'_>, operation: Operation<'_>, place: &str) {
    let area = operation.area();
    let responses = operation.responses();
    let done: Vec<u16> =
        responses.iter().map(|(status, _)| *status).filter(|s| (200..300).contains(s)).collect();
    report.expect(!done.is_empty(), area, place, "no response with a status 2xx is declared", "declare one");
    let asynchronous = operation.flag("x-companyos-async") == done.contains(&202);
    let problem = "x-companyos-async and a response 202 do not come together";
    report.expect(asynchronous, area, place, problem, "declare both or neither");
    for (status, response) in responses {
        let pointer = push_pointer(&push_pointer(place, "responses"), &status.to_string());
        report.expect_text(response, "description", area, &pointer);
        let content = response["content"].as_object().is_some_and(|content| !content.is_empty());
        let bodiless = matches!(status, 204 | 304);
        let remedy = "declare content, or answer 204";
        report.expect(content != bodiless, area, &pointer, "the content does not fit the status", remedy);
        let header = |name: &str| response.pointer(&format!("/headers/{name}")).is_some();
        let located = !matches!(status, 201 | 202) || header("Location");
        report.expect(
            located,
            area,
            &pointer,
            "201 and 202 say where in Location",
            "declare the header Location",
        );
        if status == 202 {
            let schema = response.pointer("/content/application~1json/schema").unwrap_or(&Value::Null);
            let long = reference_name(schema) == Some("Operation");
            report.expect(
                long,
                area,
                &pointer,
                "202 does not answer with an Operation",
                "refer to Operation",
            );
        }
        if status >= 400 {
            let problem =
                json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
            let holds = response["content"] == problem;
            let remedy = "list the code in x-companyos-problems instead of writing the response";
            report.expect(holds, area, &pointer, "an error is not a problem document", remedy);
        }
    }
}
