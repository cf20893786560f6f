//! The spans of a call. In a program of its own: another thread that makes the first call of a program while this one
//! installs its subscriber would make `tracing` remember that nobody listens.

#![expect(clippy::expect_used, reason = "a test whose preparation fails has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use companyos_sdk::Client;
use companyos_sdk::testing::ManualTimer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

type Fields = BTreeMap<String, String>;

/// Collects the fields of the client's spans.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(u64, Fields)>>>);

struct Collect<'a>(&'a mut Fields);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _cx: Context<'_, S>) {
        if attributes.metadata().name() == "companyos.http" {
            let mut fields = Fields::new();
            attributes.record(&mut Collect(&mut fields));
            self.0.lock().expect("not poisoned").push((id.into_u64(), fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _cx: Context<'_, S>) {
        let mut spans = self.0.lock().expect("not poisoned");
        if let Some((_, fields)) = spans.iter_mut().rev().find(|(span, _)| *span == id.into_u64()) {
            values.record(&mut Collect(fields));
        }
    }
}

#[tokio::test]
async fn spans_have_the_names_of_the_semantic_conventions() {
    let server = MockServer::start().await;
    let answer = |status: u16, body: serde_json::Value, media_type| {
        let answer = ResponseTemplate::new(status).insert_header("request-id", "req_1");
        Mock::given(any()).respond_with(answer.set_body_raw(body.to_string(), media_type)).up_to_n_times(1)
    };
    let problem = serde_json::json!({
        "type": "https://docs.companyos.dev/problems/unavailable", "title": "Unavailable", "status": 503,
        "code": "unavailable", "request_id": "req_1", "retryable": true,
    });
    answer(503, problem, "application/problem+json").mount(&server).await;
    let page = serde_json::json!({ "items": [], "next_cursor": null });
    answer(200, page, "application/json").mount(&server).await;
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let client =
        Client::builder().base_url(server.uri()).timer(ManualTimer::new()).build().expect("a client");
    client.tenants().list().cursor("private").send().await.expect("a page");
    let spans = spans.0.lock().expect("not poisoned").clone();
    let [(_, first), (_, second)] = &spans[..] else { panic!("two attempts, two spans: {spans:?}") };
    let port = server.address().port().to_string();
    for (name, value) in [
        ("otel.name", "GET /tenants"),
        ("otel.kind", "\"client\""),
        ("companyos.operation", "\"listTenants\""),
        ("http.request.method", "\"GET\""),
        ("url.template", "\"/tenants\""),
        ("server.address", "\"127.0.0.1\""),
        ("server.port", port.as_str()),
        ("http.response.status_code", "503"),
        ("error.type", "\"unavailable\""),
        ("companyos.request_id", "\"req_1\""),
    ] {
        assert_eq!(first.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(first.get("url.full"), Some(&format!("http://127.0.0.1:{port}/tenants")), "without the query");
    assert_eq!(first.get("http.request.resend_count"), None);
    assert_eq!(second.get("http.request.resend_count").map(String::as_str), Some("1"));
    assert_eq!(second.get("http.response.status_code").map(String::as_str), Some("200"));
    assert_eq!(second.get("error.type"), None);
    let requests = server.received_requests().await.expect("requests are recorded");
    let parent =
        requests[0].headers.get("traceparent").and_then(|value| value.to_str().ok()).expect("a traceparent");
    assert!(parent.ends_with("-01"), "somebody records, so the trace is sampled: {parent}");
}
