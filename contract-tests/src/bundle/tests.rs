use super::{Sources, from_sources, to_text};
use crate::error::Error;
use serde_json::{Value, json};

const ROOT: &str = "
openapi: 3.1.1
info: { title: T, version: 1.0.0 }
security: [{ apiKey: [] }]
x-companyos-areas: [things]
";
const SHARED: &str = "
components:
  parameters:
    IfMatch: { name: If-Match, in: header, required: true, schema: { type: string } }
  schemas:
    Id: { type: string }
";
const PROBLEMS: &str = "
x-companyos-problems:
  type_base: https://example.test/
  types:
    unknown-parameter: { status: 400, title: A }
    invalid-parameter: { status: 400, title: B }
    malformed-request: { status: 400, title: B }
    invalid-cursor: { status: 400, title: B }
    idempotency-key-missing: { status: 400, title: B }
    idempotency-key-invalid: { status: 400, title: B }
    unauthenticated: { status: 401, title: C }
    policy-denied: { status: 403, title: C }
    not-found: { status: 404, title: C }
    not-acceptable: { status: 406, title: C }
    request-timeout: { status: 408, title: C }
    conflict: { status: 409, title: C }
    idempotency-in-progress: { status: 409, title: C }
    precondition-failed: { status: 412, title: C }
    content-too-large: { status: 413, title: C }
    uri-too-long: { status: 414, title: C }
    unsupported-media-type: { status: 415, title: C }
    validation-failed: { status: 422, title: C }
    idempotency-key-reused: { status: 422, title: C }
    precondition-required: { status: 428, title: C }
    rate-limited: { status: 429, title: C }
    header-fields-too-large: { status: 431, title: C }
    internal: { status: 500, title: C }
    unavailable: { status: 503, title: C }
";

fn bundle(area: &str) -> Result<Value, Error> {
    from_sources(Sources::read(|name| {
        Ok(match name {
            "companyos.yaml" => ROOT,
            "shared.yaml" => SHARED,
            "problems.yaml" => PROBLEMS,
            _ => area,
        }
        .to_owned())
    })?)
}

fn operation(members: &str) -> Value {
    let bundled = bundle(&format!("paths:\n  /things:\n    post:\n      operationId: x\n{members}")).unwrap();
    bundled["paths"]["/things"]["post"].clone()
}

fn codes(operation: &Value, status: &str) -> Value {
    operation["responses"][status]["x-companyos-codes"].clone()
}

#[test]
fn an_operation_gets_one_response_per_status_of_its_problems() {
    let operation = operation(
        "      x-companyos-idempotency: required
      x-companyos-problems: [conflict, not-found]
      requestBody: { content: { application/json: { schema: { type: object } } } }
      responses: { '201': { description: d } }",
    );
    assert_eq!(
        codes(&operation, "400"),
        json!([
            "idempotency-key-invalid",
            "idempotency-key-missing",
            "invalid-parameter",
            "malformed-request",
            "unknown-parameter"
        ])
    );
    assert_eq!(codes(&operation, "409"), json!(["conflict", "idempotency-in-progress"]));
    assert_eq!(codes(&operation, "422"), json!(["idempotency-key-reused", "validation-failed"]));
    assert_eq!(codes(&operation, "404"), json!(["not-found"]));
    assert_eq!(
        operation["responses"]["404"]["content"],
        json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
    );
    assert_eq!(operation["parameters"], json!([{"$ref": "#/components/parameters/IdempotencyKey"}]));
    let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
    assert!(statuses.is_sorted(), "{statuses:?}");
}

#[test]
fn an_operation_without_body_key_or_pages_implies_none_of_their_problems() {
    let operation =
        operation("      x-companyos-idempotency: none\n      responses: { '200': { description: d } }");
    assert_eq!(codes(&operation, "400"), json!(["invalid-parameter", "unknown-parameter"]));
    for status in ["408", "409", "413", "415", "422", "412", "428", "404"] {
        assert!(operation["responses"].get(status).is_none(), "{status}");
    }
}

#[test]
fn if_match_implies_its_problems_even_through_a_reference() {
    let operation = operation(
        "      x-companyos-idempotency: natural
      parameters: [{ $ref: '../shared.yaml#/components/parameters/IfMatch' }]
      responses: { '200': { description: d } }",
    );
    assert_eq!(codes(&operation, "412"), json!(["precondition-failed"]));
    assert_eq!(codes(&operation, "428"), json!(["precondition-required"]));
}

#[test]
fn a_deprecated_operation_says_so_on_every_response() {
    let operation = operation(
        "      x-companyos-deprecation: { since: '2026-01-16', sunset: '2026-07-16' }
      responses: { '200': { description: d } }",
    );
    assert_eq!(operation["deprecated"], true);
    for (status, response) in operation["responses"].as_object().unwrap() {
        for name in ["Deprecation", "Sunset"] {
            assert_eq!(response["headers"][name]["required"], true, "{name} of {status}");
        }
    }
    let open = self::operation(
        "      x-companyos-deprecation: { since: '2026-01-16' }\n      responses: { '200': { description: d } }",
    );
    let headers = &open["responses"]["200"]["headers"];
    assert!(headers.get("Deprecation").is_some() && headers.get("Sunset").is_none());
    let current = self::operation("      responses: { '200': { description: d } }");
    assert!(current.get("deprecated").is_none());
    assert!(current["responses"]["200"]["headers"].get("Deprecation").is_none());
}

#[test]
fn a_public_operation_has_neither_401_nor_403() {
    let open = operation("      security: []\n      responses: { '200': { description: d } }");
    assert!(open["responses"].get("401").is_none() && open["responses"].get("403").is_none());
    let secured = operation("      responses: { '200': { description: d } }");
    assert_eq!(codes(&secured, "401"), json!(["unauthenticated"]));
    assert!(secured["responses"]["401"]["headers"].get("WWW-Authenticate").is_some());
    assert_eq!(secured["security"], json!([{"apiKey": []}]));
}

#[test]
fn quotas_concern_credentials_and_media_types_concern_bodies() {
    let open = operation("      security: []\n      responses: { '204': { description: d } }");
    assert!(open["responses"].get("429").is_none() && open["responses"].get("406").is_none());
    let secured = operation(
        "      responses: { '200': { description: d, content: { text/plain: { schema: { type: string } } } } }",
    );
    assert_eq!(codes(&secured, "429"), json!(["rate-limited"]));
    assert_eq!(codes(&secured, "406"), json!(["not-acceptable"]));
}

#[test]
fn only_privileged_operations_promise_a_receipt() {
    let privileged =
        operation("      x-companyos-action: a.b\n      responses: { '200': { description: d } }");
    assert!(privileged["responses"]["200"]["headers"].get("Receipt-Id").is_some());
    assert!(privileged["responses"]["403"]["headers"].get("Receipt-Id").is_some());
    assert!(privileged["responses"]["401"]["headers"].get("Receipt-Id").is_none());
    let plain = operation("      responses: { '200': { description: d } }");
    assert!(plain["responses"]["200"]["headers"].get("Receipt-Id").is_none());
    assert!(plain["responses"]["200"]["headers"].get("Request-Id").is_some());
}

#[test]
fn parameters_of_a_path_move_into_its_operations() {
    let bundled = bundle(
        "paths:
  /things/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { $ref: '../shared.yaml#/components/schemas/Id' } }]
    get: { operationId: g, responses: { '200': { description: d } } }",
    )
    .unwrap();
    let item = &bundled["paths"]["/things/{id}"];
    assert!(item.get("parameters").is_none());
    assert_eq!(item["get"]["parameters"][0]["schema"], json!({"$ref": "#/components/schemas/Id"}));
}

#[test]
fn a_reference_that_leads_nowhere_is_named_with_its_place() {
    let error =
        bundle("components:\n  schemas:\n    A: { $ref: '../shared.yaml#/components/schemas/Missing' }")
            .unwrap_err()
            .to_string();
    assert!(error.contains("openapi/areas/things.yaml at /components/schemas/A"), "{error}");
    assert!(error.contains("Missing"), "{error}");
}

#[test]
fn two_components_of_one_name_are_refused() {
    let error = bundle("components:\n  schemas:\n    Id: { type: string }").unwrap_err().to_string();
    assert!(error.contains("/components/schemas/Id") && error.contains("another file"), "{error}");
}

#[test]
fn an_unregistered_problem_and_a_misspelt_member_are_refused() {
    let error = bundle(
        "paths:
  /things:
    get:
      operationId: g
      x-companyos-flwo: x
      x-companyos-problems: [no-such]
      responses: { '200': { description: d } }",
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("no-such") && error.contains("x-companyos-flwo"), "{error}");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let area = "components:\n  schemas:\n    B: { type: string }\n    A: { type: string }";
    let text = to_text(&bundle(area).unwrap());
    assert_eq!(text, to_text(&bundle(area).unwrap()));
    assert!(text.find("\"A\"") < text.find("\"B\""), "components are sorted");
    assert!(text.ends_with("}\n"));
}
