//! What the generated types promise on the wire.

use companyos_types::{
    CONTRACT_JSON, Operation, ProblemType, Secret,
    identity::{ApiKeyCreate, ApiKeyStatus},
    ops, problems,
    receipts::ReceiptOutcome,
    tenants::{Delimiter, TenantCreate, TenantPage, TenantUpdate},
};
use serde_json::{Value, json};

#[test]
fn a_request_writes_only_the_members_that_were_set() {
    let body = TenantCreate::new("MMM", "3M").with_region("us-east-1");
    assert_eq!(
        serde_json::to_value(&body).unwrap(),
        json!({"external_id": "MMM", "name": "3M", "region": "us-east-1"})
    );
}

#[test]
fn a_request_with_an_unknown_member_is_refused_by_name() {
    let text = r#"{"external_id": "a", "name": "b", "nmae": "c"}"#;
    let error = serde_json::from_str::<TenantCreate>(text).unwrap_err().to_string();
    assert!(error.contains("nmae"), "{error}");
}

#[test]
fn a_request_with_null_for_an_optional_member_is_refused() {
    let text = r#"{"external_id": "a", "name": "b", "region": null}"#;
    assert!(serde_json::from_str::<TenantCreate>(text).is_err());
}

#[test]
fn a_response_with_an_unknown_member_is_read() {
    let page: TenantPage = serde_json::from_str(r#"{"items": [], "next_cursor": null, "new": 1}"#).unwrap();
    assert!(page.items.is_empty() && page.next_cursor.is_none());
}

#[test]
fn a_page_writes_its_null_cursor_because_the_contract_requires_the_member() {
    let page = TenantPage { items: Vec::new(), next_cursor: None };
    assert_eq!(serde_json::to_value(&page).unwrap(), json!({"items": [], "next_cursor": null}));
}

#[test]
fn a_merge_patch_tells_absent_from_null_from_a_value() {
    for (text, expected) in [
        ("{}", None),
        (r#"{"contact_email":null}"#, Some(None)),
        (r#"{"contact_email":"a@b"}"#, Some(Some("a@b".to_owned()))),
    ] {
        let patch: TenantUpdate = serde_json::from_str(text).unwrap();
        assert_eq!(patch.contact_email, expected);
        assert_eq!(serde_json::to_string(&patch).unwrap(), text);
    }
}

#[test]
fn an_open_enumeration_keeps_a_value_it_does_not_know() {
    let status: ApiKeyStatus = serde_json::from_str("\"frozen\"").unwrap();
    assert_eq!(status, ApiKeyStatus::Unknown("frozen".into()));
    assert_eq!(serde_json::to_string(&status).unwrap(), "\"frozen\"");
    assert_eq!(ApiKeyStatus::from("active"), ApiKeyStatus::Active);
    assert_eq!(ReceiptOutcome::from("unknown"), ReceiptOutcome::UnknownOutcome);
    assert_eq!(ApiKeyStatus::KNOWN, ["active", "expired", "revoked"]);
}

#[test]
fn a_closed_enumeration_refuses_what_it_does_not_know_and_says_what_it_does() {
    let error = serde_json::from_str::<Delimiter>("\"dot\"").unwrap_err().to_string();
    assert!(error.contains("dot") && error.contains("semicolon"), "{error}");
    assert_eq!(Delimiter::try_from("tab"), Ok(Delimiter::Tab));
}

#[test]
fn debug_never_shows_a_secret() {
    let secret = Secret::new("cos_live_0123456789");
    assert_eq!(format!("{secret:?}"), "Secret(***)");
    assert_eq!(secret.expose(), "cos_live_0123456789");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"cos_live_0123456789\"");
}

#[test]
fn lists_in_requests_are_given_whole() {
    let body = ApiKeyCreate::new("ci", vec!["tenants:read".into()]).with_tenant_id("tnt_x");
    assert_eq!(body.tenant_id.as_deref(), Some("tnt_x"));
}

#[test]
fn every_operation_of_the_contract_has_its_constant() {
    let contract: Value = serde_json::from_str(CONTRACT_JSON).unwrap();
    let mut count = 0;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let constant = Operation::by_id(operation["operationId"].as_str().unwrap()).unwrap();
            assert_eq!(constant.path, path);
            assert_eq!(constant.method.as_str(), method.to_uppercase());
            assert_eq!(constant.is_privileged(), operation.get("x-companyos-action").is_some());
            count += 1;
        }
    }
    assert_eq!(count, ops::ALL.len());
}

#[test]
fn problem_types_are_found_by_code_and_name_their_uri() {
    let problem = ProblemType::by_code("not-found").unwrap();
    assert_eq!(*problem, problems::NOT_FOUND);
    assert_eq!(problem.uri(), "https://docs.companyos.dev/problems/not-found");
    assert!(ProblemType::by_code("no-such").is_none());
}
