//! How much may be asked, by one and by all.

use std::sync::Arc;
use std::time::Duration;

use companyos_server::kernel::settings::Limits;
use companyos_server::testing::TestServer;
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let limits = Limits { requests_per_second: 3, ..Limits::default() };
    let api = Api::from(TestServer::builder().limits(limits)).await;
    for left in [2, 1, 0] {
        let answer = api.operator("GET", "/api-keys").send().await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=3;w=1");
        assert_eq!(answer.header("ratelimit"), format!("\"default\";r={left};t=1"));
    }
    let refused = api.operator("GET", "/api-keys").send().await;
    assert_eq!((refused.status, &*refused.code()), (429, "rate-limited"));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"default\";r=0;t=1"));
    assert_eq!(api.anonymous("GET", "/meta").send().await.status, 200, "what needs no key has no quota");
    api.clock().advance(Duration::from_secs(1));
    assert_eq!(api.operator("GET", "/api-keys").send().await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_full_says_so_and_stays_alive() {
    let limits = Limits { concurrency: 1, ..Limits::default() };
    let api = Arc::new(Api::from(TestServer::builder().limits(limits)).await);
    let plan = json!({ "instructions": [{ "operation_id": "getMeta", "faults": ["stall-1s"] }] });
    let test = api.operator("POST", "/retry-tests").json(&plan).send().await.json();
    let id = test["id"].as_str().unwrap().to_owned();
    let stalled = {
        let api = Arc::clone(&api);
        tokio::spawn(
            async move { api.anonymous("GET", "/meta").header("retry-test-id", id).send().await.status },
        )
    };
    while api.app().dispatcher().kernel().requests_running() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = api.anonymous("GET", "/meta").send().await;
    assert_eq!((refused.status, &*refused.code(), refused.header("retry-after")), (503, "unavailable", "1"));
    assert_eq!(api.anonymous("GET", "/livez").send().await.status, 200);
    assert_eq!(stalled.await.unwrap(), 200);
    assert_eq!(api.anonymous("GET", "/meta").send().await.status, 200);
}
