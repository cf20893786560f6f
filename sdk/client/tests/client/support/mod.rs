//! Servers that answer from a script.

pub(crate) mod log;
pub(crate) mod raw;

use std::collections::VecDeque;
use std::sync::Mutex;

use companyos_sdk::testing::ManualTimer;
use companyos_sdk::{Client, ClientBuilder};
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(crate) const RECEIPT: &str = "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab";
pub(crate) const TENANT: &str = "tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";

/// Answers one request after the other; a request too many is answered 599, which no test expects.
struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Script {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        self.0.lock().expect("not poisoned").pop_front().unwrap_or_else(|| ResponseTemplate::new(599))
    }
}

/// Starts a server that answers with these responses, in order.
pub(crate) async fn script(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let script = Script(Mutex::new(answers.into_iter().collect()));
    Mock::given(any()).respond_with(script).mount(&server).await;
    server
}

/// Starts a server that answers every request alike.
pub(crate) async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// What a server has been asked.
pub(crate) async fn seen(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.expect("requests are recorded")
}

/// A header of a request.
pub(crate) fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.get(name).and_then(|value| value.to_str().ok())
}

/// A builder for a server, with a clock that the test moves.
pub(crate) fn builder(base_url: &str) -> (ClientBuilder, ManualTimer) {
    let timer = ManualTimer::new();
    (
        Client::builder().base_url(base_url).api_key("cos_dev_secretpart".to_owned()).timer(timer.clone()),
        timer,
    )
}

/// A client for a server, with a clock that the test moves.
pub(crate) fn client(server: &MockServer) -> (Client, ManualTimer) {
    let (builder, timer) = builder(&server.uri());
    (builder.build().expect("a client"), timer)
}

pub(crate) fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

pub(crate) fn problem_json(status: u16, code: &str, retryable: bool) -> Value {
    json!({
        "type": format!("https://docs.companyos.dev/problems/{code}"),
        "title": "A title", "detail": "A detail", "status": status, "code": code,
        "request_id": "req_1", "retryable": retryable,
    })
}

pub(crate) fn problem(status: u16, code: &str, retryable: bool) -> ResponseTemplate {
    let body = problem_json(status, code, retryable).to_string();
    ResponseTemplate::new(status)
        .insert_header("request-id", "req_1")
        .set_body_raw(body, "application/problem+json")
}

pub(crate) fn tenant_json(name: &str) -> Value {
    json!({
        "id": TENANT, "external_id": "x", "name": name, "region": "eu-west-1", "status": "active",
        "owner_id": TENANT, "labels": {}, "version": 1,
        "created_at": "2026-01-16T09:30:00.000000Z", "updated_at": "2026-01-16T09:30:00.000000Z",
    })
}

/// A tenant read: 200.
pub(crate) fn tenant() -> ResponseTemplate {
    ResponseTemplate::new(200).insert_header("request-id", "req_ok").set_body_json(tenant_json("Acme"))
}

/// A tenant created: 201 with its receipt.
pub(crate) fn created() -> ResponseTemplate {
    ResponseTemplate::new(201)
        .insert_header("request-id", "req_ok")
        .insert_header("receipt-id", RECEIPT)
        .set_body_json(tenant_json("Acme"))
}
