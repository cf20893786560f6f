//! Health, metrics, discovery, and what every response carries.

use std::time::Duration;

use companyos_server::kernel::settings::Mode;
use companyos_server::testing::TestServer;

use crate::support::Api;

#[tokio::test]
async fn health_follows_the_server_from_start_to_drain() {
    let api = Api::start().await;
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = api.anonymous("GET", path).send().await;
        assert_eq!((answer.status, answer.text()), (200, "{\"status\":\"ok\"}"), "{path}");
    }
    api.app().dispatcher().kernel().health.drain();
    let answer = api.anonymous("GET", "/readyz").send().await;
    assert_eq!((answer.status, &*answer.code(), answer.header("retry-after")), (503, "unavailable", "1"));
    assert_eq!(api.anonymous("GET", "/livez").send().await.status, 200);
}

#[tokio::test]
async fn metrics_take_a_scope_and_have_the_documented_names() {
    let api = Api::start().await;
    assert_eq!(api.anonymous("GET", "/metrics").send().await.status, 401);
    let (key, _) = api.key(None, &["tenants:read"]).await;
    let answer = api.anonymous("GET", "/metrics").bearer(&key).send().await;
    assert_eq!((answer.status, &*answer.code()), (403, "policy-denied"));
    let answer = api.operator("GET", "/metrics").send().await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        "flow_latency_ms_bucket{le=\"+Inf\",flow=\"identity\"} 1",
        "provenance_receipts_total{action=\"api_key.issue\",outcome=\"ok\"} 2",
        "tenants_bulk_import_success_total 0",
        "tenants_bulk_import_failed_total 0",
        "http_requests_total{operation=\"getMetrics\",status=\"403\"} 1",
        "policy_decisions_total{action=\"getMetrics\",decision=\"deny\"} 1",
        "http_requests_in_flight 1",
        "# EOF",
    ] {
        assert!(answer.text().contains(line), "{line} is not in\n{}", answer.text());
    }
}

#[tokio::test]
async fn discovery_leads_to_the_contract_and_the_keys() {
    let api = Api::start().await;
    let found = api.anonymous("GET", "/.well-known/companyos").send().await.json();
    let contract = api.anonymous("GET", found["openapi_uri"].as_str().unwrap()).send().await;
    assert_eq!(contract.json()["openapi"], "3.1.1");
    let keys = api.anonymous("GET", found["jwks_uri"].as_str().unwrap()).send().await;
    assert_eq!(keys.header("content-type"), "application/jwk-set+json");
    assert_eq!(keys.json()["keys"][0]["alg"], "Ed25519");
    let meta = api.anonymous("GET", "/meta").send().await.json();
    assert_eq!(meta["idempotency_key_ttl_seconds"], 86_400);
    assert_eq!((&meta["mode"], &meta["issuer"]), (&"development".into(), &found["issuer"]));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = Api::start().await;
    let get = api.anonymous("GET", "/meta").send().await;
    let head = api.anonymous("HEAD", "/meta").send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(api.anonymous("HEAD", "/nope").send().await.status, 404);
}

#[tokio::test]
async fn the_callers_trace_is_kept() {
    let api = Api::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let call = api.anonymous("GET", "/nope").header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(call.send().await.json()["trace_id"], trace);
    let broken = api.anonymous("GET", "/nope").header("traceparent", "00-nonsense").send().await;
    assert_ne!(broken.json()["trace_id"], trace);
}

#[tokio::test]
async fn browsers_may_call_only_from_origins_that_are_configured() {
    let origin = "https://app.example";
    let server = TestServer::builder().cors_origins(vec![origin.to_owned()]).start().await.unwrap();
    let ask = async |method: &str, origin: &str| {
        let request = http::Request::builder().method(method).uri("/meta").header("origin", origin);
        let request = request.header("access-control-request-method", "GET");
        server.call(request.body(bytes::Bytes::new()).unwrap()).await.unwrap()
    };
    let answer = ask("GET", origin).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    assert!(answer.headers()["access-control-expose-headers"].to_str().unwrap().contains("Receipt-Id"));
    assert_eq!(ask("OPTIONS", origin).await.status(), 204);
    let answer = ask("GET", "https://evil.example").await;
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(ask("OPTIONS", "https://evil.example").await.status(), 405);
}

#[tokio::test]
async fn production_has_no_retry_tests() {
    let api = Api::from(TestServer::builder().mode(Mode::Production)).await;
    assert_eq!(api.operator("POST", "/retry-tests").send().await.status, 404);
    let answer = api.anonymous("GET", "/meta").header("retry-test-id", "rtt_1").send().await;
    assert_eq!((answer.status, &answer.json()["mode"]), (200, &"production".into()));
    assert!(api.operator_key().starts_with("cos_live_"));
}

#[tokio::test]
async fn stored_times_come_from_the_clock_the_test_moves() {
    let api = Api::start().await;
    let (_, first) = api.key(None, &["tenants:read"]).await;
    api.clock().advance(Duration::from_secs(3_600));
    let (_, second) = api.key(None, &["tenants:read"]).await;
    let created = async |id: &str| {
        let key = api.operator("GET", &format!("/api-keys/{id}")).send().await.json();
        key["created_at"].as_str().unwrap().to_owned()
    };
    assert_eq!(created(&first).await, "2026-01-16T09:30:00.000000Z");
    assert_eq!(created(&second).await, "2026-01-16T10:30:00.000000Z");
}
