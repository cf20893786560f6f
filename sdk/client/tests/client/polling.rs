//! Long operations.

use std::time::Duration;

use companyos_sdk::types::operations::OperationStatus;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{Accepted, PollPolicy};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::*;

const OPERATION: &str = "opn_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
const LAST_RECEIPT: &str = "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ff";

fn operation(state: &str, done: u64) -> Value {
    json!({
        "id": OPERATION, "kind": "tenant.import", "status": state,
        "progress": { "done": done, "total": 3, "unit": "rows" },
        "created_at": "2026-01-16T09:30:00.000000Z", "updated_at": "2026-01-16T09:30:00.000000Z",
    })
}

fn accepted() -> ResponseTemplate {
    status(202)
        .insert_header("receipt-id", RECEIPT)
        .insert_header("location", format!("/operations/{OPERATION}"))
        .set_body_json(operation("queued", 0))
}

fn state(state: &str, done: u64) -> ResponseTemplate {
    status(200).set_body_json(operation(state, done))
}

fn plan() -> Value {
    json!({
        "id": "imp_1", "status": "planned", "dry_run": true, "format": "json", "content_digest": "sha256:00",
        "rows_total": 1, "rows_create": 1, "rows_unchanged": 0, "rows_error": 0,
        "created_at": "2026-01-16T09:30:00.000000Z",
    })
}

fn rows() -> Vec<TenantCreate> {
    vec![TenantCreate::new("a", "A")]
}

#[tokio::test]
async fn waiting_ends_with_the_operation_and_its_receipt() {
    let mut last = operation("succeeded", 3);
    last["receipt_id"] = LAST_RECEIPT.into();
    last["result"] = plan();
    let server = script([accepted(), state("running", 1), status(200).set_body_json(last)]).await;
    let (client, timer) = client(&server);
    let done = client.tenants().bulk_import(rows()).wait().await.expect("it succeeded");
    let operation = done.operation().expect("a long operation");
    assert_eq!(operation.status, OperationStatus::Succeeded);
    assert_eq!(done.receipt_id(), Some(LAST_RECEIPT));
    assert_eq!(timer.pauses(), [Duration::from_millis(100), Duration::from_millis(150)]);
    assert_eq!(seen(&server).await[2].url.path(), format!("/operations/{OPERATION}"));
    let result = done.into_inner().into_result().expect("an import").expect("a result");
    assert_eq!(result.id, "imp_1");
}

#[tokio::test]
async fn progress_is_a_stream_that_ends_with_the_operation() {
    let server = script([accepted(), state("running", 1), state("running", 2), state("failed", 2)]).await;
    let (client, _timer) = client(&server);
    let poller = client.tenants().bulk_import(rows()).poller().await.expect("accepted");
    let states: Vec<_> = poller.progress().try_collect().await.expect("every look succeeds");
    let seen: Vec<_> =
        states.iter().map(|operation| (operation.status.as_str(), operation.progress.done)).collect();
    assert_eq!(seen, [("queued", 0), ("running", 1), ("running", 2), ("failed", 2)]);
}

#[tokio::test]
async fn the_servers_hint_is_the_pause() {
    let wait = |answer: ResponseTemplate, seconds: &str| answer.insert_header("retry-after", seconds);
    let server =
        script([wait(accepted(), "2"), wait(state("running", 1), "600"), state("succeeded", 3)]).await;
    let (client, timer) = client(&server);
    client.tenants().bulk_import(rows()).wait().await.expect("it succeeded");
    assert_eq!(timer.pauses(), [Duration::from_secs(2), Duration::from_secs(60)]);
}

#[tokio::test]
async fn a_failed_operation_is_an_error_with_its_problem_and_receipt() {
    let mut last = operation("failed", 1);
    last["problem"] = problem_json(409, "plan-changed", false);
    last["receipt_id"] = LAST_RECEIPT.into();
    let server = script([accepted(), status(200).set_body_json(last)]).await;
    let (client, _timer) = client(&server);
    let error = client.tenants().bulk_import(rows()).wait().await.expect_err("it failed");
    assert!(error.is_operation_failed() && error.is_problem("plan-changed"));
    assert_eq!((error.operation(), error.receipt_id()), (Some("bulkImportTenants"), Some(LAST_RECEIPT)));
}

#[tokio::test]
async fn a_cancelled_operation_is_an_error_of_its_own() {
    let server = script([accepted(), state("cancelled", 0)]).await;
    let (client, _timer) = client(&server);
    let error = client.tenants().bulk_import(rows()).wait().await.expect_err("cancelled");
    assert!(error.is_operation_failed());
    assert_eq!(error.code(), "operation-cancelled");
}

#[tokio::test]
async fn waiting_is_bounded_when_asked_and_the_operation_can_be_followed_again() {
    let running = std::iter::repeat_with(|| state("running", 1)).take(20);
    let server = script(std::iter::once(accepted()).chain(running)).await;
    let (client, timer) = client(&server);
    let mut policy = PollPolicy::default();
    policy.wait = Some(Duration::from_secs(1));
    let poller = client.tenants().bulk_import(rows()).poller().await.expect("accepted");
    let error = poller.policy(policy).wait().await.expect_err("too long");
    assert!(error.is_timeout() && error.is_retryable() && error.to_string().contains(OPERATION), "{error}");
    assert_eq!(error.code(), "wait-timeout");
    assert!(timer.passed() <= Duration::from_secs(1));

    let server = script([state("running", 2), state("succeeded", 3)]).await;
    let (client, _timer) = crate::support::client(&server);
    let done = client.follow(OPERATION).await.expect("found").wait().await.expect("it succeeded");
    assert_eq!(done.operation().map(|operation| operation.progress.done), Some(3));
}

#[tokio::test]
async fn a_look_that_fails_is_retried_like_any_read() {
    let server = script([accepted(), status(503), state("succeeded", 3)]).await;
    let (client, _timer) = client(&server);
    client.tenants().bulk_import(rows()).wait().await.expect("it succeeded");
}

#[tokio::test]
async fn what_is_answered_at_once_is_not_followed() {
    let answer = status(200).insert_header("receipt-id", RECEIPT).set_body_json(plan());
    let server = script([answer]).await;
    let (client, timer) = client(&server);
    let done = client.tenants().bulk_import(rows()).dry_run(true).wait().await.expect("a plan");
    assert!(matches!(&*done, Accepted::Done(plan) if plan.id == "imp_1"), "{done:?}");
    assert_eq!((done.receipt_id(), timer.pauses().len()), (Some(RECEIPT), 0));
    assert_eq!(done.into_inner().into_result().expect("a plan").map(|plan| plan.dry_run), Some(true));
    assert_eq!(seen(&server).await[0].url.query(), Some("dry_run=true"));
}
