//! One effect and one receipt per idempotency key, however often and however concurrently it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use companyos_server::kernel::settings::Limits;
use companyos_server::testing::TestServer;
use serde_json::json;

use crate::support::{Answer, Api};

async fn issue(api: &Api, key: &str, name: &str) -> Answer {
    let body = json!({ "name": name, "scopes": ["tenants:read"] });
    api.operator("POST", "/api-keys").idempotency_key(key).json(&body).send().await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_byte_for_byte() {
    let api = Api::start().await;
    let first = issue(&api, "k1", "a").await;
    let again = issue(&api, "\"k1\"", "a").await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    for header in ["location", "receipt-id", "link", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
    assert_ne!(first.header("request-id"), again.header("request-id"));
    assert_eq!(api.receipts().await.len(), 2, "the first key's and this one");
}

#[tokio::test]
async fn the_same_key_for_another_request_is_refused() {
    let api = Api::start().await;
    issue(&api, "k1", "a").await;
    let other = issue(&api, "k1", "b").await;
    assert_eq!((other.status, &*other.code()), (422, "idempotency-key-reused"));
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    let call = api.operator("POST", "/api-keys").idempotency_key("k1");
    let other_type = call.body("application/json; charset=utf-8", body.to_string()).send().await;
    assert_eq!(other_type.status, 422);
}

#[tokio::test]
async fn a_key_is_the_tenants_and_the_operations_own() {
    let api = Api::start().await;
    let first = issue(&api, "k1", "a").await.json();
    let id = first["api_key"]["id"].as_str().unwrap();
    let call = api.operator("POST", &format!("/api-keys/{id}/revoke")).idempotency_key("k1");
    assert_eq!(call.json(&json!({})).send().await.status, 200);
}

#[tokio::test]
async fn a_refusal_that_would_come_again_is_replayed_and_one_that_may_pass_is_not() {
    let api = Api::start().await;
    let missing = "/api-keys/key_0193e2a1-7b2c-7d10-8a3f-0123456789ab/revoke";
    let revoke = async || api.operator("POST", missing).idempotency_key("k1").json(&json!({})).send().await;
    let (first, again) = (revoke().await, revoke().await);
    assert_eq!((first.status, again.status), (404, 404));
    assert_eq!((first.body, again.header("idempotent-replayed")), (again.body.clone(), "true"));

    let (weak, _) = api.key(None, &["tenants:read"]).await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    for _ in 0..2 {
        let call = api.anonymous("POST", "/api-keys").bearer(&weak).idempotency_key("k2").json(&body);
        let denied = call.send().await;
        assert_eq!((denied.status, denied.header("idempotent-replayed")), (403, ""));
    }
}

#[tokio::test]
async fn a_secret_is_not_replayed_to_a_key_that_could_not_have_made_it() {
    let api = Api::start().await;
    let secret = issue(&api, "k1", "a").await.json()["secret"].as_str().unwrap().to_owned();
    let (weak, _) = api.key(None, &["tenants:read"]).await;
    let body = json!({ "name": "a", "scopes": ["tenants:read"] });
    let call = api.anonymous("POST", "/api-keys").bearer(&weak).idempotency_key("k1").json(&body);
    let answer = call.send().await;
    assert_eq!((answer.status, &*answer.code()), (403, "policy-denied"));
    assert!(!answer.text().contains(&secret));
}

#[tokio::test]
async fn an_outcome_is_forgotten_after_a_day() {
    let api = Api::start().await;
    let first = issue(&api, "k1", "a").await;
    api.clock().advance(Duration::from_secs(24 * 3_600 - 1));
    assert_eq!(issue(&api, "k1", "a").await.body, first.body);
    api.clock().advance(Duration::from_secs(1));
    let later = issue(&api, "k1", "b").await;
    assert_eq!((later.status, later.header("idempotent-replayed")), (201, ""));
    assert_eq!(issue(&api, "k1", "b").await.body, later.body);
}

/// 2,000 requests over 1,400 keys, 64 at a time, in an order that makes repetitions race with their first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_repetitions_have_one_effect_and_one_receipt_per_key() {
    const KEYS: usize = 1_400;
    const REQUESTS: usize = 2_000;
    // The clock stands still, so that the quota never renews; those who wait for a key ask often.
    let limits = Limits { requests_per_second: u32::MAX, ..Limits::default() };
    let api = Arc::new(Api::from(TestServer::builder().limits(limits)).await);
    let before = api.receipts().await.len();
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut workers = Vec::new();
    for _ in 0..64 {
        let (api, next) = (Arc::clone(&api), Arc::clone(&next));
        workers.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            loop {
                let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if n >= REQUESTS {
                    return answers;
                }
                // Neighbours share a key, so that they are under way together.
                let key = format!("race-{}", n * KEYS / REQUESTS);
                let answer = loop {
                    let answer = issue(&api, &key, &key).await;
                    if answer.status != 409 {
                        break answer;
                    }
                    assert_eq!(
                        (&*answer.code(), answer.header("retry-after")),
                        ("idempotency-in-progress", "1")
                    );
                    tokio::task::yield_now().await;
                };
                assert_eq!(answer.status, 201, "{}", answer.text());
                answers.push((key, answer));
            }
        }));
    }
    let mut bodies: BTreeMap<String, BTreeSet<bytes::Bytes>> = BTreeMap::new();
    let mut firsts = 0;
    for worker in workers {
        for (key, answer) in worker.await.unwrap() {
            firsts += usize::from(answer.header("idempotent-replayed").is_empty());
            bodies.entry(key).or_default().insert(answer.body);
        }
    }
    assert_eq!((bodies.len(), firsts), (KEYS, KEYS));
    assert!(bodies.values().all(|bodies| bodies.len() == 1), "a key had two answers");
    let receipts = api.receipts().await;
    let ids: BTreeSet<&str> = receipts.iter().map(|receipt| receipt["id"].as_str().unwrap()).collect();
    assert_eq!((receipts.len() - before, ids.len()), (KEYS, receipts.len()));
}
