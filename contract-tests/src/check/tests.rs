//! The contract as it stands is clean; spoil one thing at a time and see it named.

use super::{conventions, drift};
use crate::{bundle, repo::Repo};
use serde_json::{Value, json};

fn contract() -> Value {
    bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap()
}

/// Sets the member at a pointer, or removes it when the value is null.
fn spoil(document: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} leads nowhere"));
    match (parent, value) {
        (Value::Object(map), Value::Null) => {
            map.shift_remove(&name).unwrap_or_else(|| panic!("{pointer} was not there"));
        }
        (Value::Object(map), value) => {
            map.insert(name, value);
        }
        (Value::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{pointer} is inside {other}"),
    }
}

#[test]
fn the_contract_keeps_its_conventions() {
    let findings = conventions(&contract());
    assert!(
        findings.is_empty(),
        "if you are here because this failed: each line says what to change\n{findings:#?}"
    );
}

#[test]
fn committed_files_are_what_the_contract_generates() {
    let repo = Repo::of_this_crate().unwrap();
    let findings = drift(&repo, &contract()).unwrap();
    assert!(
        findings.is_empty(),
        "if you are here because this failed: run `cargo contract generate`\n{findings:#?}"
    );
}

#[test]
fn every_broken_convention_is_found_where_it_is() {
    let text = |text: &str| Value::String(text.into());
    let create = "/paths/~1tenants/post";
    let list = "/paths/~1tenants/get";
    let schemas = "/components/schemas";
    let cases: Vec<(String, Value, &str)> = vec![
        ("/openapi".into(), text("3.0.3"), "not OpenAPI 3.1"),
        ("/tags/0/name".into(), text("other"), "tags are not the areas"),
        ("/tags/0/description".into(), Value::Null, "no description"),
        ("/x-companyos-problems/types/conflict/title".into(), text("Conflict."), "heading does not end"),
        ("/x-companyos-problems/types/conflict/status".into(), json!(200), "not 400 to 599"),
        ("/x-companyos-problems/types/NotKebab".into(), json!({}), "not kebab-case"),
        (
            "/x-companyos-problems/types/unused".into(),
            json!({"status": 400, "title": "T", "detail": "D."}),
            "no operation answers",
        ),
        (format!("{schemas}/Unused"), json!({"type": "string", "description": "D."}), "nothing refers"),
        (format!("{create}/operationId"), text("listTenants"), "also that of"),
        (format!("{create}/operationId"), text("CreateTenant"), "not camelCase"),
        (format!("{create}/summary"), Value::Null, "no summary"),
        (format!("{create}/summary"), text("Create a tenant."), "heading does not end"),
        (format!("{list}/description"), text("Oldest first"), "sentence ends"),
        (format!("{create}/tags"), json!(["receipts"]), "tag is not the area"),
        (format!("{create}/x-companyos-flow"), Value::Null, "x-companyos-flow is missing"),
        (format!("{create}/x-companyos-scopes"), Value::Null, "nor does it name scopes"),
        (format!("{create}/x-companyos-scopes"), json!(["tenants"]), "not noun:verb"),
        (format!("{create}/x-companyos-action"), text("create"), "not noun.verb"),
        (format!("{create}/security"), json!([]), "privileged operation is public"),
        (format!("{create}/x-companyos-idempotency"), text("none"), "retried without a key"),
        (format!("{create}/x-companyos-idempotency"), Value::Null, "rule is missing"),
        (format!("{list}/x-companyos-idempotency"), text("required"), "only POST takes"),
        (format!("{create}/x-companyos-body"), text("huge"), "does not fit the request body"),
        (format!("{create}/requestBody/required"), Value::Null, "whether it is required"),
        (format!("{create}/x-companyos-mode"), text("debug"), "is not development"),
        (format!("{create}/deprecated"), json!(true), "do not come together"),
        (format!("{create}/x-companyos-deprecation"), json!({"since": "2026-01-16"}), "do not come together"),
        (format!("{create}/x-companyos-deprecation"), json!({"since": "soon"}), "not written YYYY-MM-DD"),
        (format!("{create}/x-companyos-pagination"), json!("yes"), "is not a boolean"),
        (format!("{list}/x-companyos-dual-control"), json!(true), "belong to privileged"),
        (format!("{list}/x-companyos-pagination"), Value::Null, "do not come together"),
        (format!("{schemas}/TenantPage/required"), json!(["items"]), "not a page"),
        (format!("{create}/responses/201"), Value::Null, "no response with a status 2xx"),
        (format!("{create}/responses/201/description"), Value::Null, "no description"),
        (format!("{create}/responses/201/headers/Location"), Value::Null, "in Location"),
        (format!("{create}/responses/201/content"), json!({}), "content does not fit"),
        (
            format!("{create}/responses/404"),
            json!({"description": "D.", "content": {"text/plain": {}}}),
            "not a problem",
        ),
        ("/paths/~1tenants~1bulk-import/post/x-companyos-async".into(), Value::Null, "do not come together"),
        (
            "/paths/~1tenants~1bulk-import/post/responses/202/content/application~1json/schema/$ref".into(),
            text("#/components/schemas/Tenant"),
            "not answer with an Operation",
        ),
        ("/paths/~1tenants~1{tenant_id}/get/parameters".into(), json!([]), "the template has"),
        (format!("{list}/parameters/0/name"), text("externalId"), "not named like the others"),
        (format!("{list}/parameters/0/description"), Value::Null, "no description"),
        (format!("{list}/parameters/0/in"), text("cookie"), "none of path, query, header"),
        (format!("{list}/parameters/0/schema"), json!({"type": "string"}), "no limit"),
        (format!("{list}/parameters/0/schema"), json!({}), "no typed schema"),
        ("/components/parameters/TenantIdPath/required".into(), Value::Null, "not required"),
        (format!("{schemas}/Tenant/description"), Value::Null, "no description"),
        (format!("{schemas}/Tenant/properties/version/description"), Value::Null, "no description"),
        (format!("{schemas}/Tenant/properties/version/minimum"), Value::Null, "can be negative"),
        (
            format!("{schemas}/Tenant/properties/created_at"),
            json!({"type": "string", "description": "D."}),
            "Timestamp",
        ),
        (
            format!("{schemas}/Tenant/properties/id"),
            json!({"type": "string", "description": "D."}),
            "schema of its own",
        ),
        (
            format!("{schemas}/Tenant/properties/camelCase"),
            json!({"type": "string", "description": "D."}),
            "snake_case",
        ),
        (format!("{schemas}/Tenant/required/0"), text("absent"), "absent is not declared"),
        (format!("{schemas}/Tenant/additionalProperties"), json!(false), "later versions add"),
        (format!("{schemas}/TenantCreate/additionalProperties"), Value::Null, "accepts unknown"),
        (
            format!("{schemas}/TenantStatus/x-companyos-open"),
            Value::Null,
            "enumeration in a response is closed",
        ),
        (format!("{schemas}/TenantId/pattern"), text("^tnt_.*$"), "prefix and a UUIDv7"),
        (format!("{schemas}/ApiKeyRevoke/properties/reason/maxLength"), Value::Null, "no limit"),
        (format!("{schemas}/ApiKeyCreate/properties/scopes/maxItems"), Value::Null, "no limit"),
        (format!("{schemas}/ApiKeyRotate/properties/overlap_seconds/maximum"), Value::Null, "no limit"),
        (format!("{schemas}/Labels/maxProperties"), Value::Null, "no limit"),
        (format!("{schemas}/TenantCreate/examples"), Value::Null, "nothing shows"),
        (format!("{schemas}/TenantId/examples/0"), text("tnt_1"), "example is not valid"),
        (format!("{schemas}/TenantName/pattern"), text("["), "cannot be compiled"),
        (format!("{schemas}/Tenant/x-companyos-colour"), text("red"), "no reader of the contract"),
        (
            format!("{schemas}/Tenant/properties/region/$ref"),
            text("#/components/schemas/Gone"),
            "leads nowhere",
        ),
    ];
    let clean = contract();
    for (pointer, value, expected) in cases {
        let mut document = clean.clone();
        spoil(&mut document, &pointer, value);
        let findings = conventions(&document);
        assert!(
            findings.iter().any(|finding| finding.problem.contains(expected)),
            "spoiling {pointer} should be reported as {expected:?}, but was {findings:#?}"
        );
    }
}

#[test]
fn a_finding_names_the_file_to_change() {
    let mut document = contract();
    spoil(&mut document, "/paths/~1tenants/post/summary", Value::Null);
    let finding = conventions(&document).remove(0);
    assert_eq!(finding.file, "openapi/areas/tenants.yaml");
    assert_eq!(finding.pointer, "/paths/~1tenants/post/summary");
}

#[test]
fn a_stale_bundle_is_found() {
    let mut document = contract();
    spoil(&mut document, "/info/title", Value::String("Other".into()));
    let findings = drift(&Repo::of_this_crate().unwrap(), &document).unwrap();
    assert_eq!(findings[0].file, "openapi/companyos.json");
    assert!(findings[0].remedy.contains("cargo contract generate"));
}
