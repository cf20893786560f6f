//! Answers that are not what the contract promises, and those that are.

use std::error::Error as _;
use std::time::Duration;

use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{Error, GaveUp, Outcome, ResponseLimits};
use wiremock::ResponseTemplate;

use crate::support::raw::{Act, RawServer};
use crate::support::*;

/// The error of reading a tenant that is answered like this, which must not be tried again.
async fn read_error(answer: ResponseTemplate) -> Error {
    let server = script([answer]).await;
    let (client, timer) = client(&server);
    let error = client.tenants().get(TENANT).send().await.expect_err("an error");
    assert!(timer.pauses().is_empty() && seen(&server).await.len() == 1, "{error}");
    assert_eq!(error.outcome(), Outcome::Answered);
    error
}

#[tokio::test]
async fn a_page_of_a_proxy_is_no_answer() {
    let error = read_error(status(200).set_body_raw("<html>Welcome</html>", "text/html")).await;
    assert!(error.is_unexpected_answer() && error.to_string().contains("text/html"), "{error}");
    assert_eq!(error.code(), "unexpected-media-type");
    let error = read_error(status(500).set_body_raw("<html>", "text/html")).await;
    assert!(error.is_unexpected_answer() && error.problem().is_none());
}

#[tokio::test]
async fn json_of_another_form_is_not_understood() {
    let answer =
        status(200).insert_header("request-id", "req_odd").set_body_json(serde_json::json!({ "id": 7 }));
    let error = read_error(answer).await;
    assert_eq!((error.code(), error.request_id()), ("response-not-understood", Some("req_odd")));
    assert_eq!(error.operation(), Some("getTenant"));
    let source = error.source().expect("serde's error");
    assert!(source.is::<serde_json::Error>());
    assert!(!error.to_string().contains(&source.to_string()), "the text repeats its source: {error}");
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_not_read() {
    let server = script([tenant()]).await;
    let (builder, _timer) = builder(&server.uri());
    let mut limits = ResponseLimits::default();
    limits.text = 100;
    let client = builder.response_limits(limits).build().expect("a client");
    let error = client.tenants().get(TENANT).send().await.expect_err("too large");
    assert_eq!((error.code(), error.gave_up()), ("response-too-large", Some(GaveUp::Permanent)));
}

#[tokio::test]
async fn a_body_without_length_is_given_up_at_the_limit() {
    // It goes on for ever: only the limit can end it.
    let mut endless =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    endless.extend_from_slice(format!("{:x}\r\n{}\r\n", 2000, " ".repeat(2000)).as_bytes());
    let server = RawServer::start(vec![Act::Hang(endless)]).await;
    let (builder, _timer) = builder(server.url());
    let mut limits = ResponseLimits::default();
    limits.text = 1000;
    let client = builder.response_limits(limits).build().expect("a client");
    let call = client.tenants().get(TENANT).send();
    let error =
        tokio::time::timeout(Duration::from_secs(10), call).await.expect("given up").expect_err("too large");
    assert_eq!(error.code(), "response-too-large");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = always(tenant()).await;
    let location = format!("{}/tenants/{TENANT}", elsewhere.uri());
    for code in [301, 302, 303, 307, 308] {
        let error = read_error(status(code).insert_header("location", location.as_str())).await;
        assert_eq!(error.code(), "redirect-refused");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(code));
    }
    assert!(seen(&elsewhere).await.is_empty(), "the credential must not travel");
}

#[tokio::test]
async fn a_privileged_answer_without_a_receipt_is_an_error() {
    let without = status(201).set_body_json(tenant_json("Acme"));
    let server = script([without, created().insert_header("receipt-id", "")]).await;
    let (client, timer) = client(&server);
    for _ in 0..2 {
        let error =
            client.tenants().create(&TenantCreate::new("a", "A")).send().await.expect_err("no receipt");
        assert!(error.is_receipt() && !error.is_retryable());
        assert_eq!((error.code(), error.status().map(|s| s.as_u16())), ("receipt-missing", Some(201)));
    }
    assert!(timer.pauses().is_empty());
}

#[tokio::test]
async fn problem_details_that_cannot_be_read_leave_the_status() {
    let error = read_error(status(404).set_body_raw("{\"type\": ", "application/problem+json")).await;
    assert!(error.is_not_found() && error.problem().is_none());
    assert!(error.source().is_some_and(|source| source.is::<serde_json::Error>()));
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let answer = tenant().insert_header("content-encoding", "gzip");
    assert_eq!(read_error(answer).await.code(), "unexpected-media-type");
}

#[tokio::test]
async fn a_version_that_is_still_current_is_told() {
    let server = script([status(304).insert_header("etag", "\"1\"")]).await;
    let (client, _timer) = client(&server);
    let error = client.tenants().get(TENANT).if_none_match("\"1\"").send().await.expect_err("304");
    assert!(error.is_not_modified());
    assert_eq!(header(&seen(&server).await[0], "if-none-match"), Some("\"1\""));
}

#[tokio::test]
async fn a_refusal_carries_rule_and_receipt() {
    let mut body = problem_json(403, "policy-denied", false);
    body["rule"] = "scope-required".into();
    let answer = status(403)
        .insert_header("receipt-id", RECEIPT)
        .set_body_raw(body.to_string(), "application/problem+json");
    let error = read_error(answer).await;
    assert!(error.is_denied());
    assert_eq!(error.receipt_id(), Some(RECEIPT));
    assert_eq!(error.problem().and_then(|problem| problem.rule.as_deref()), Some("scope-required"));
}

#[tokio::test]
async fn each_status_has_its_predicate() {
    assert!(read_error(problem(401, "unauthenticated", false)).await.is_unauthenticated());
    assert!(read_error(problem(404, "not-found", false)).await.is_not_found());
    assert!(read_error(problem(409, "conflict", false)).await.is_conflict());
    assert!(read_error(problem(412, "precondition-failed", false)).await.is_conflict());
    assert!(read_error(problem(429, "rate-limited", false)).await.is_rate_limited());
}

#[tokio::test]
async fn an_answer_knows_what_its_headers_say() {
    let answer = created()
        .insert_header("etag", "\"1\"")
        .insert_header("location", "/tenants/tnt_1")
        .insert_header("ratelimit", "\"default\";r=9;t=3")
        .insert_header("ratelimit-policy", "\"default\";q=10;w=60");
    let server = script([answer]).await;
    let (client, _timer) = client(&server);
    let tenant = client.tenants().create(&TenantCreate::new("a", "A")).send().await.expect("created");
    assert_eq!(tenant.status().as_u16(), 201);
    assert_eq!(tenant.request_id(), Some("req_ok"));
    assert_eq!(tenant.receipt_id(), Some(RECEIPT));
    assert_eq!(tenant.etag(), Some("\"1\""));
    assert_eq!(tenant.location(), Some("/tenants/tnt_1"));
    assert!(!tenant.replayed() && tenant.attempts().is_empty());
    let limit = tenant.rate_limit().expect("a limit");
    assert_eq!((limit.remaining, limit.quota, limit.resets_in), (9, Some(10), Some(Duration::from_secs(3))));
    assert_eq!(tenant.into_inner().name, "Acme");
}
