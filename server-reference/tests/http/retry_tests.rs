//! Faults on purpose.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::support::Api;

async fn plan(api: &Api, operation: &str, faults: &[&str]) -> String {
    let plan = json!({ "instructions": [{ "operation_id": operation, "faults": faults }] });
    let made = api.operator("POST", "/retry-tests").json(&plan).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/retry-tests/{id}"));
    id
}

async fn account(api: &Api, id: &str) -> Value {
    api.operator("GET", &format!("/retry-tests/{id}")).send().await.json()
}

#[tokio::test]
async fn planned_answers_come_in_order_and_are_accounted_for() {
    let api = Api::start().await;
    let faults =
        ["return-503", "return-429", "return-429-retry-after-2", "return-418", "return-500-after-1", "pass"];
    let id = plan(&api, "getMeta", &faults).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let request = Request::get("/meta").header("retry-test-id", &id).body(Bytes::new()).unwrap();
        let answer = api.call(request).await.unwrap();
        let wait = answer.headers().get("retry-after").map_or("", |value| value.to_str().unwrap()).to_owned();
        statuses.push((answer.status().as_u16(), wait));
    }
    let expected =
        [(503, "0"), (429, "0"), (429, "2"), (418, ""), (200, ""), (500, ""), (200, ""), (200, "")];
    assert_eq!(statuses, expected.map(|(status, wait)| (status, wait.to_owned())));
    let account = account(&api, &id).await;
    assert_eq!((&account["completed"], &account["instructions"]), (&true.into(), &json!([])));
    assert_eq!(account["attempts"].as_array().unwrap().len(), 8);
    assert_eq!(
        api.anonymous("GET", "/meta").send().await.status,
        200,
        "only requests that name the test are hit"
    );
}

#[tokio::test]
async fn a_reset_before_does_nothing_and_a_reset_after_has_done_it() {
    let api = Api::start().await;
    let id = plan(&api, "issueApiKey", &["reset-connection", "reset-after-commit"]).await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] }).to_string();
    let request = || {
        Request::post("/api-keys")
            .header("authorization", format!("Bearer {}", api.operator_key()))
            .header("content-type", "application/json")
            .header("idempotency-key", "k1")
            .header("retry-test-id", &id)
            .body(Bytes::from(body.clone()))
            .unwrap()
    };
    let before = api.receipts().await.len();
    assert!(api.handle(request()).await.is_err());
    assert_eq!(api.receipts().await.len(), before);
    assert!(api.handle(request()).await.is_err());
    assert_eq!(api.receipts().await.len(), before + 1);
    let answer = api.call(request()).await.unwrap();
    assert_eq!(answer.headers()["idempotent-replayed"], "true");
    let keys: Vec<Value> = account(&api, &id).await["attempts"].as_array().unwrap().clone();
    assert!(keys.iter().all(|attempt| attempt["idempotency_key"] == "k1"));
}

#[tokio::test]
async fn a_broken_body_is_an_error_after_half_of_it() {
    let api = Api::start().await;
    let id = plan(&api, "getMeta", &["broken-body"]).await;
    let request = Request::get("/meta").header("retry-test-id", &id).body(Bytes::new()).unwrap();
    assert!(api.call(request).await.is_err());
}

#[tokio::test]
async fn unknown_operations_tests_and_faults_are_refused() {
    let api = Api::start().await;
    let instructions = json!([{ "operation_id": "getMeta", "faults": ["pass"] },
                              { "operation_id": "flyToMars", "faults": ["pass"] }]);
    let call = api.operator("POST", "/retry-tests").json(&json!({ "instructions": instructions }));
    let answer = call.send().await;
    assert_eq!(answer.findings(), [("#/instructions/1/operation_id".to_owned(), "unknown".to_owned())]);
    let plan = json!({ "instructions": [{ "operation_id": "getMeta", "faults": ["explode"] }] });
    let answer = api.operator("POST", "/retry-tests").json(&plan).send().await;
    assert_eq!(answer.findings(), [("#/instructions/0/faults/0".to_owned(), "pattern".to_owned())]);
    let answer = api.anonymous("GET", "/meta").header("retry-test-id", "rtt_1").send().await;
    assert_eq!(
        (answer.status, answer.findings()),
        (400, vec![("retry-test-id".to_owned(), "unknown".to_owned())])
    );
}

#[tokio::test]
async fn a_test_is_forgotten_when_told_and_after_ten_minutes() {
    let api = Api::start().await;
    let (told, timed) = (plan(&api, "getMeta", &["pass"]).await, plan(&api, "getMeta", &["pass"]).await);
    let delete = async || api.operator("DELETE", &format!("/retry-tests/{told}")).send().await.status;
    assert_eq!((delete().await, delete().await), (204, 404));
    let read = async || api.operator("GET", &format!("/retry-tests/{timed}")).send().await.status;
    api.clock().advance(Duration::from_secs(599));
    assert_eq!(read().await, 200);
    api.clock().advance(Duration::from_secs(1));
    assert_eq!(read().await, 404);
}
