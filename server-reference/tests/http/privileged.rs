//! A privileged request asks the policy first and leaves a receipt that verifies offline.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use companyos_receipt::key::KeySet;
use companyos_receipt::verify::Verifier;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Api};

/// The disclosed members of a receipt.
fn disclosed(receipt: &Value) -> Map<String, Value> {
    let sd_jwt = receipt["sd_jwt"].as_str().unwrap();
    let parts = sd_jwt.split('~').skip(1).filter(|part| !part.is_empty());
    let decode = |part: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let triple: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        (triple[1].as_str().unwrap().to_owned(), triple[2].clone())
    };
    parts.map(decode).collect()
}

async fn receipt_of(api: &Api, answer: &Answer) -> Value {
    let id = answer.header("receipt-id");
    assert_eq!(answer.header("link"), format!("</receipts/{id}>; rel=\"receipt\""));
    let receipt = api.operator("GET", &format!("/receipts/{id}")).send().await;
    assert_eq!(receipt.status, 200, "{}", receipt.text());
    receipt.json()
}

#[tokio::test]
async fn an_effect_leaves_a_receipt_that_verifies_and_tells_who_what_and_which_request() {
    let api = Api::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let body = json!({ "name": "ci", "scopes": ["tenants:read"] });
    let call = api.operator("POST", "/api-keys").idempotency_key("key-1").json(&body);
    let answer = call.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01")).send().await;
    assert_eq!(answer.status, 201);
    let receipt = receipt_of(&api, &answer).await;
    assert_eq!((&receipt["action"], &receipt["outcome"]), (&"api_key.issue".into(), &"ok".into()));

    let members = disclosed(&receipt);
    let issued = answer.json();
    assert!(members["actor"].as_str().unwrap().starts_with("key_"));
    assert_eq!(members["resource"], json!({ "kind": "api_key", "id": issued["api_key"]["id"] }));
    assert_eq!((&members["idempotency_key"], &members["trace_id"]), (&"key-1".into(), &trace.into()));
    assert!(members["request"].as_str().unwrap().starts_with("sha256:"));
    assert!(
        !receipt.to_string().contains(issued["secret"].as_str().unwrap()),
        "the receipt holds the secret"
    );

    let keys = api.anonymous("GET", "/.well-known/jwks.json").send().await;
    let verifier = Verifier::new(KeySet::from_jwks(&keys.body).unwrap());
    let id = answer.header("receipt-id");
    let proof = api.operator("GET", &format!("/receipts/{id}/proof")).send().await;
    let sd_jwt = receipt["sd_jwt"].as_str().unwrap();
    verifier.verify_receipt(sd_jwt, Some(proof.text())).unwrap();
}

#[tokio::test]
async fn a_refusal_of_the_policy_leaves_a_receipt_and_names_the_rule() {
    let api = Api::start().await;
    let (weak, _) = api.key(None, &["tenants:read"]).await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    let answer = api.anonymous("POST", "/api-keys").bearer(&weak).unique().json(&body).send().await;
    assert_eq!((answer.status, &*answer.code()), (403, "policy-denied"));
    assert_eq!(answer.json()["rule"], "scope.missing:api_keys:write");
    assert_eq!(answer.json()["receipt_id"], answer.header("receipt-id"));
    let receipt = receipt_of(&api, &answer).await;
    assert_eq!(receipt["outcome"], "deny");
    assert_eq!(disclosed(&receipt)["detail"], json!({ "rule": "scope.missing:api_keys:write" }));
}

#[tokio::test]
async fn acting_for_a_stranger_is_refused_with_a_receipt_in_ones_own_log() {
    let api = Api::start().await;
    let stranger = "tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
    let body = json!({ "external_id": "own", "name": "The caller's own" });
    let own = api.operator("POST", "/tenants").unique().json(&body).send().await.json();
    let (key, _) = api.key(own["id"].as_str(), &["receipts:read"]).await;
    let path = format!("/receipts/export?tenant_id={stranger}");
    let answer = api.anonymous("GET", &path).bearer(&key).send().await;
    assert_eq!((answer.status, &answer.json()["rule"]), (403, &"tenant.operator_only".into()));
    let id = answer.header("receipt-id");
    let receipt = api.anonymous("GET", &format!("/receipts/{id}")).bearer(&key).send().await;
    assert_eq!(receipt.json()["outcome"], "deny", "the refused one reads the receipt");
    let logs = api.operator("GET", &format!("/logs?tenant_id={stranger}")).send().await;
    assert_eq!(logs.json()["items"], json!([]), "the stranger has no log");
}

#[tokio::test]
async fn a_refusal_of_a_rule_undoes_the_effect_and_leaves_a_receipt() {
    let api = Api::start().await;
    let missing = "/api-keys/key_0193e2a1-7b2c-7d10-8a3f-0123456789ab/revoke";
    let answer = api.operator("POST", missing).unique().json(&json!({})).send().await;
    assert_eq!((answer.status, &*answer.code()), (404, "not-found"));
    let receipt = receipt_of(&api, &answer).await;
    assert_eq!(receipt["outcome"], "error");
    assert_eq!(disclosed(&receipt)["detail"], json!({ "problem": "not-found" }));
}

#[tokio::test]
async fn what_fails_before_the_policy_is_asked_leaves_no_receipt() {
    let api = Api::start().await;
    let before = api.receipts().await.len();
    let invalid = api.operator("POST", "/api-keys").unique().json(&json!({ "name": 1 })).send().await;
    let unauthenticated = api.anonymous("POST", "/api-keys").unique().json(&json!({})).send().await;
    for answer in [invalid, unauthenticated] {
        assert_eq!(answer.header("receipt-id"), "", "{}", answer.text());
    }
    assert_eq!(api.receipts().await.len(), before);
}

#[tokio::test]
async fn the_first_start_leaves_the_receipt_of_the_first_key() {
    let api = Api::start().await;
    let receipts = api.receipts().await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(disclosed(&receipts[0])["actor"], "system:bootstrap");
}

#[tokio::test]
async fn a_reading_operation_without_its_scope_is_refused_with_no_receipt() {
    let api = Api::start().await;
    let (weak, _) = api.key(None, &["tenants:read"]).await;
    let before = api.receipts().await.len();
    let answer = api.anonymous("GET", "/api-keys").bearer(&weak).send().await;
    assert_eq!((answer.status, &answer.json()["rule"]), (403, &"scope.missing:api_keys:read".into()));
    assert_eq!(answer.header("receipt-id"), "");
    assert_eq!(api.receipts().await.len(), before);
}
