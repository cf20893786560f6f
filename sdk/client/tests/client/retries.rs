//! What is tried again, how often, and with what.

use companyos_sdk::types::retry_tests::RetryTestCreate;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{CallOptions, GaveUp, Outcome};
use std::time::Duration;

use crate::support::*;

fn acme() -> TenantCreate {
    TenantCreate::new("acme", "Acme")
}

#[tokio::test]
async fn a_503_and_then_a_200_is_a_success_with_a_history() {
    let server = script([status(503), tenant()]).await;
    let (client, timer) = client(&server);
    let tenant = client.tenants().get(TENANT).send().await.expect("a tenant");
    assert_eq!(tenant.name, "Acme");
    let [attempt] = tenant.attempts() else { panic!("one attempt failed: {:?}", tenant.attempts()) };
    assert_eq!(attempt.status().map(|status| status.as_u16()), Some(503));
    assert_eq!((attempt.outcome(), attempt.code()), (Outcome::Answered, "unexpected-status"));
    assert_eq!(attempt.pause(), timer.pauses().first().copied());
    assert!(timer.pauses()[0] < Duration::from_millis(100), "{:?}", timer.pauses());
}

#[tokio::test]
async fn three_attempts_fail_and_the_error_tells_of_each() {
    let server = always(problem(503, "unavailable", true)).await;
    let (client, timer) = client(&server);
    let error = client.tenants().get(TENANT).send().await.expect_err("unavailable");
    assert_eq!(seen(&server).await.len(), 3);
    assert_eq!(error.gave_up(), Some(GaveUp::Attempts));
    assert!(error.is_retryable() && error.is_problem("unavailable"));
    assert_eq!(error.attempts().len(), 3);
    assert!(error.attempts().iter().all(|attempt| attempt.request_id() == Some("req_1")));
    assert_eq!(error.attempts()[2].pause(), None);
    assert!(timer.pauses()[1] < Duration::from_millis(200), "{:?}", timer.pauses());
    assert_eq!(
        error.to_string(),
        "getTenant: unavailable: A title: A detail (status 503) (request req_1) (after 3 attempts)"
    );
}

#[tokio::test]
async fn the_key_is_one_for_all_attempts_and_another_for_the_next_call() {
    let server = script([status(503), status(502), created(), created()]).await;
    let (client, _timer) = client(&server);
    client.tenants().create(&acme()).send().await.expect("created");
    client.tenants().create(&acme()).send().await.expect("created");
    let requests = seen(&server).await;
    let keys: Vec<_> =
        requests.iter().map(|request| header(request, "idempotency-key").expect("a key")).collect();
    assert_eq!(keys.len(), 4);
    assert!(keys[0] == keys[1] && keys[1] == keys[2], "{keys:?}");
    assert_ne!(keys[2], keys[3]);
    assert!(requests.iter().all(|request| request.body == requests[0].body));
}

#[tokio::test]
async fn a_request_in_progress_is_asked_for_again_with_its_key_and_replayed() {
    let in_progress = problem(409, "idempotency-in-progress", true).insert_header("retry-after", "2");
    let server = script([in_progress, created().insert_header("idempotent-replayed", "true")]).await;
    let (client, timer) = client(&server);
    let tenant = client.tenants().create(&acme()).idempotency_key("mine").send().await.expect("created");
    assert!(tenant.replayed());
    assert_eq!(timer.pauses(), [Duration::from_secs(2)]);
    assert!(seen(&server).await.iter().all(|request| header(request, "idempotency-key") == Some("mine")));
}

#[tokio::test]
async fn a_422_is_not_tried_again() {
    let mut body = problem_json(422, "validation-failed", true);
    body["errors"] = serde_json::json!([{ "pointer": "#/name", "code": "too-long", "detail": "Too long." }]);
    let answer = status(422).set_body_raw(body.to_string(), "application/problem+json");
    let server = script([answer]).await;
    let (client, timer) = client(&server);
    let error = client.tenants().create(&acme()).send().await.expect_err("refused");
    assert_eq!(error.gave_up(), Some(GaveUp::Permanent));
    assert!(!error.is_retryable() && timer.pauses().is_empty());
    let findings = error.problem().and_then(|problem| problem.errors.as_ref()).expect("findings");
    assert_eq!(findings[0].pointer.as_deref(), Some("#/name"));
}

#[tokio::test]
async fn a_500_is_a_defect_and_not_tried_again() {
    let server = script([problem(500, "internal", false)]).await;
    let error = client(&server).0.tenants().get(TENANT).send().await.expect_err("internal");
    assert_eq!((error.code(), error.gave_up()), ("internal", Some(GaveUp::Permanent)));
}

#[tokio::test]
async fn what_is_neither_idempotent_nor_keyed_is_repeated_only_on_the_servers_word() {
    let plan = RetryTestCreate::new(Vec::new());
    let server = script([status(503)]).await;
    let error = client(&server).0.retry_tests().create(&plan).send().await.expect_err("503");
    assert_eq!(error.gave_up(), Some(GaveUp::Unsafe));
    assert!(!error.is_retryable());
    assert_eq!(header(&seen(&server).await[0], "idempotency-key"), None);

    let done = status(201).set_body_json(serde_json::json!({
        "id": "rtt_1", "instructions": [], "completed": false, "attempts": [],
    }));
    let server = script([problem(503, "unavailable", true), done]).await;
    client(&server).0.retry_tests().create(&plan).send().await.expect("the server said retryable");
}

#[tokio::test]
async fn the_attempts_of_one_call_can_be_limited() {
    let server = always(status(503)).await;
    let options = CallOptions::new().max_attempts(1);
    let error = client(&server).0.tenants().get(TENANT).options(options).send().await.expect_err("503");
    assert_eq!((error.attempts().len(), error.gave_up()), (1, Some(GaveUp::Attempts)));
}

#[tokio::test]
async fn the_budget_ends_retries_and_successes_fill_it_again() {
    let server = always(status(503)).await;
    let (client, _timer) = client(&server);
    let clone = client.clone();
    for _ in 0..50 {
        let error = clone.tenants().get(TENANT).send().await.expect_err("503");
        assert_eq!(error.gave_up(), Some(GaveUp::Attempts));
    }
    assert_eq!(client.retry_tokens(), 0, "clones share the budget");
    let error = client.tenants().get(TENANT).send().await.expect_err("503");
    assert_eq!((error.attempts().len(), error.gave_up()), (1, Some(GaveUp::Budget)));
    assert!(error.is_retryable(), "it may succeed later, only not now");

    server.reset().await;
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(tenant()).mount(&server).await;
    for _ in 0..5 {
        client.tenants().get(TENANT).send().await.expect("a tenant");
    }
    assert_eq!(client.retry_tokens(), 5);
}

#[tokio::test]
async fn a_success_after_a_retry_earns_nothing() {
    let server = script([status(503), tenant()]).await;
    let (client, _timer) = client(&server);
    client.tenants().get(TENANT).send().await.expect("a tenant");
    assert_eq!(client.retry_tokens(), 495);
}
