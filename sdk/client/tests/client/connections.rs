//! Connections that fail, break and hang.

use std::time::Duration;

use companyos_sdk::types::retry_tests::RetryTestCreate;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{Client, Error, GaveUp, Outcome, Timeouts};
use tokio::task::JoinHandle;

use crate::support::raw::{Act, RawServer, response};
use crate::support::*;

fn ok() -> Act {
    Act::Write(response("200 OK", &["content-type: application/json"], &tenant_json("Acme").to_string()))
}

fn get(client: &Client) -> JoinHandle<Result<String, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.tenants().get(TENANT).send().await.map(|tenant| tenant.name.clone()) })
}

async fn joined<T>(call: JoinHandle<T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), call)
        .await
        .expect("the call ends")
        .expect("it does not panic")
}

#[tokio::test]
async fn no_connection_means_not_sent_and_any_call_is_tried_again() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", unused.local_addr().expect("an address"));
    drop(unused);
    let (builder, _timer) = builder(&url);
    let client = builder.build().expect("a client");
    let error =
        client.retry_tests().create(&RetryTestCreate::new(Vec::new())).send().await.expect_err("refused");
    assert!(error.is_connect() && error.is_retryable() && !error.is_timeout());
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 3));
    assert_eq!(error.gave_up(), Some(GaveUp::Attempts));
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(!error.to_string().contains(&source), "the text repeats its source: {error}");
}

#[tokio::test]
async fn a_reset_connection_may_have_been_served() {
    let server = RawServer::start(vec![Act::Reset, ok()]).await;
    let (builder, _timer) = builder(server.url());
    let client = builder.build().expect("a client");
    let tenant = client.tenants().get(TENANT).send().await.expect("a read is repeated");
    assert_eq!(tenant.attempts()[0].outcome(), Outcome::MaybeSent);
}

#[tokio::test]
async fn after_a_reset_a_keyed_request_is_repeated_with_its_key() {
    let receipt = format!("receipt-id: {RECEIPT}");
    let headers = ["content-type: application/json", receipt.as_str()];
    let created = Act::Write(response("201 Created", &headers, &tenant_json("Acme").to_string()));
    let server = RawServer::start(vec![Act::Reset, created]).await;
    let (builder, _timer) = builder(server.url());
    let client = builder.build().expect("a client");
    client
        .tenants()
        .create(&TenantCreate::new("a", "A"))
        .idempotency_key("k1")
        .send()
        .await
        .expect("created");
    assert!(server.requests().iter().all(|request| request.contains("idempotency-key: k1\r\n")));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn after_a_reset_an_unkeyed_request_is_not_repeated() {
    let server = RawServer::start(vec![Act::Reset, ok()]).await;
    let (builder, timer) = builder(server.url());
    let client = builder.build().expect("a client");
    let error =
        client.retry_tests().create(&RetryTestCreate::new(Vec::new())).send().await.expect_err("reset");
    assert_eq!((error.outcome(), error.gave_up()), (Outcome::MaybeSent, Some(GaveUp::Unsafe)));
    assert_eq!(error.code(), "connection-lost");
    assert!(!error.is_retryable() && timer.pauses().is_empty());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_body_cut_short_is_not_an_answer() {
    let mut cut =
        response("200 OK", &["content-type: application/json", "request-id: req_cut"], "{\"id\": \"tnt_1\"}");
    cut.truncate(cut.len() - 5);
    let server = RawServer::start(vec![Act::Write(cut.clone()), ok()]).await;
    let (builder, _timer) = builder(server.url());
    let client = builder.max_attempts(2).build().expect("a client");
    let tenant = client.tenants().get(TENANT).send().await.expect("a read is repeated");
    let attempt = &tenant.attempts()[0];
    assert_eq!((attempt.code(), attempt.outcome()), ("response-truncated", Outcome::MaybeSent));
    assert_eq!((attempt.status().map(|s| s.as_u16()), attempt.request_id()), (Some(200), Some("req_cut")));

    let server = RawServer::start(vec![Act::Write(cut)]).await;
    let (builder, _timer) = crate::support::builder(server.url());
    let client = builder.max_attempts(1).build().expect("a client");
    let error = client.tenants().get(TENANT).send().await.expect_err("cut");
    assert!(error.is_unexpected_answer() && error.is_retryable());
}

#[tokio::test]
async fn stalled_headers_end_the_attempt_after_thirty_seconds_and_cost_twice() {
    let server = RawServer::start(vec![Act::Hang(Vec::new()), ok()]).await;
    let (builder, timer) = builder(server.url());
    let client = builder.build().expect("a client");
    let call = get(&client);
    server.acted(1).await;
    timer.advance(Duration::from_millis(29_999));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!call.is_finished() && server.requests().len() == 1, "the limit is not reached yet");
    timer.advance(Duration::from_millis(1));
    assert_eq!(joined(call).await.expect("the second attempt"), "Acme");
    assert_eq!(client.retry_tokens(), 490);
}

#[tokio::test]
async fn a_body_that_stops_ends_the_attempt_after_the_read_limit() {
    let mut part =
        response("200 OK", &["content-type: application/json", "request-id: req_slow"], "0123456789");
    part.truncate(part.len() - 4);
    let server = RawServer::start(vec![Act::Hang(part)]).await;
    let (builder, timer) = builder(server.url());
    let mut timeouts = Timeouts::default();
    timeouts.read = Duration::from_secs(10);
    let client = builder.timeouts(timeouts).max_attempts(1).build().expect("a client");
    let call = get(&client);
    server.acted(1).await;
    // The client must have read the part before the clock moves, else the limit for the head is what is reached.
    tokio::time::sleep(Duration::from_millis(50)).await;
    timer.advance(Duration::from_secs(10));
    let error = joined(call).await.expect_err("too slow");
    assert!(error.is_timeout(), "{error}");
    assert_eq!((error.code(), error.outcome()), ("read-timeout", Outcome::MaybeSent));
    assert_eq!((error.status().map(|s| s.as_u16()), error.request_id()), (Some(200), Some("req_slow")));
}

#[tokio::test]
async fn the_call_ends_at_its_own_limit_within_an_attempt() {
    let server = RawServer::start(vec![Act::Hang(Vec::new()), Act::Hang(Vec::new())]).await;
    let (builder, timer) = builder(server.url());
    let mut timeouts = Timeouts::default();
    timeouts.operation = Duration::from_secs(40);
    let client = builder.timeouts(timeouts).build().expect("a client");
    let call = get(&client);
    server.acted(1).await;
    timer.advance(Duration::from_secs(30));
    server.acted(2).await;
    timer.advance(Duration::from_secs(10));
    let error = joined(call).await.expect_err("too late");
    let codes: Vec<_> = error.attempts().iter().map(|attempt| attempt.code()).collect();
    assert_eq!(codes, ["attempt-timeout", "operation-timeout"]);
    assert_eq!(error.gave_up(), Some(GaveUp::Deadline));
    assert!(error.is_retryable(), "a read can be repeated by the caller");
}

#[tokio::test]
async fn a_call_that_is_dropped_makes_no_more_attempts() {
    let server = RawServer::start(vec![Act::Hang(Vec::new()), ok()]).await;
    let (builder, timer) = builder(server.url());
    let client = builder.build().expect("a client");
    let call = get(&client);
    server.acted(1).await;
    call.abort();
    assert!(call.await.expect_err("aborted").is_cancelled());
    timer.advance(Duration::from_secs(120));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.requests().len(), 1);
    assert_eq!(client.retry_tokens(), 500);
}

/// A client for `https` at a server that does not speak it, with a real clock: the transport keeps the connect timeout.
fn tls_client(server: &RawServer, connect: Duration) -> Client {
    let mut timeouts = Timeouts::default();
    timeouts.connect = connect;
    let (builder, _timer) = builder(&server.url().replace("http:", "https:"));
    builder.timeouts(timeouts).max_attempts(2).build().expect("the platform has trust roots")
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_is_a_connect_timeout_with_nothing_sent() {
    let server = RawServer::silent().await;
    let client = tls_client(&server, Duration::from_millis(50));
    let plan = RetryTestCreate::new(Vec::new());
    let error = client.retry_tests().create(&plan).send().await.expect_err("no handshake");
    assert!(error.is_timeout() && error.is_connect(), "{error}");
    assert_eq!(
        (error.code(), error.outcome(), error.attempts().len()),
        ("connect-timeout", Outcome::NotSent, 2)
    );
    assert_eq!(client.retry_tokens(), 490);
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_a_connection_that_was_not_made() {
    let server = RawServer::garbled(2).await;
    let client = tls_client(&server, Duration::from_secs(3));
    let plan = RetryTestCreate::new(Vec::new());
    let error = client.retry_tests().create(&plan).send().await.expect_err("no TLS");
    assert!(error.is_connect() && !error.is_timeout(), "{error}");
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 2));
}
