//! Interceptors: their order, what they can change and what they cannot.

use std::sync::{Arc, Mutex};

use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{AttemptContext, AttemptResult, BoxError, Error, Interceptor};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::support::*;

#[derive(Debug, Clone)]
struct Diary {
    name: &'static str,
    entries: Arc<Mutex<Vec<String>>>,
}

impl Diary {
    fn write(&self, what: impl std::fmt::Display) {
        self.entries.lock().expect("not poisoned").push(format!("{} {what}", self.name));
    }
}

impl Interceptor for Diary {
    fn modify_operation(&self, cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
        self.write(format_args!("operation {}", cx.operation().id));
        headers.insert("x-operation", HeaderValue::from_static(self.name));
        Ok(())
    }

    fn modify_attempt(&self, cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
        self.write(format_args!("attempt {}", cx.attempt()));
        assert!(headers.values().all(|value| value != "mine"), "the key is not shown");
        assert!(!headers.contains_key("authorization"), "the credential is not shown");
        headers.insert("x-attempt", HeaderValue::from(cx.attempt()));
        headers.insert("idempotency-key", HeaderValue::from_static("stolen"));
        Ok(())
    }

    fn read_attempt(&self, cx: &AttemptContext, result: &AttemptResult<'_>) {
        let status = result.status().map_or(0, |status| status.as_u16());
        let code = result.error().map_or("ok", Error::code);
        self.write(format_args!("attempt {} {} {status} {code}", cx.attempt(), result.outcome()));
    }

    fn read_operation(&self, _cx: &AttemptContext, result: Result<StatusCode, &Error>) {
        self.write(match result {
            Ok(status) => format!("ended {status}"),
            Err(error) => format!("ended {}", error.code()),
        });
    }
}

#[tokio::test]
async fn hooks_run_in_order_and_back_and_cannot_change_the_key() {
    let entries = Arc::new(Mutex::new(Vec::new()));
    let diary = |name| Diary { name, entries: Arc::clone(&entries) };
    let server = script([status(503), created()]).await;
    let (builder, _timer) = builder(&server.uri());
    let client = builder.interceptor(diary("a")).interceptor(diary("b")).build().expect("a client");
    client
        .tenants()
        .create(&TenantCreate::new("x", "X"))
        .idempotency_key("mine")
        .send()
        .await
        .expect("created");
    let written = entries.lock().expect("not poisoned").clone();
    assert_eq!(
        written,
        [
            "a operation createTenant",
            "b operation createTenant",
            "a attempt 1",
            "b attempt 1",
            "b attempt 1 answered 503 unexpected-status",
            "a attempt 1 answered 503 unexpected-status",
            "a attempt 2",
            "b attempt 2",
            "b attempt 2 answered 201 ok",
            "a attempt 2 answered 201 ok",
            "b ended 201 Created",
            "a ended 201 Created",
        ]
    );
    let requests = seen(&server).await;
    for (request, attempt) in requests.iter().zip(["1", "2"]) {
        assert_eq!(header(request, "x-operation"), Some("b"), "the later interceptor has the last word");
        assert_eq!(header(request, "x-attempt"), Some(attempt));
        assert_eq!(header(request, "idempotency-key"), Some("mine"));
        assert_eq!(header(request, "authorization"), Some("Bearer cos_dev_secretpart"));
    }
}

#[derive(Debug)]
struct Refuses {
    attempt: u32,
}

impl Interceptor for Refuses {
    fn modify_operation(&self, cx: &AttemptContext, _headers: &mut HeaderMap) -> Result<(), BoxError> {
        self.check(cx)
    }

    fn modify_attempt(&self, cx: &AttemptContext, _headers: &mut HeaderMap) -> Result<(), BoxError> {
        self.check(cx)
    }
}

impl Refuses {
    fn check(&self, cx: &AttemptContext) -> Result<(), BoxError> {
        if cx.attempt() == self.attempt { Err("not today".into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_refusal_ends_the_call() {
    for (attempt, sent) in [(0, 0), (1, 0), (2, 1)] {
        let server = always(status(503)).await;
        let (builder, _timer) = builder(&server.uri());
        let client = builder.interceptor(Refuses { attempt }).build().expect("a client");
        let error = client.tenants().get(TENANT).send().await.expect_err("refused");
        assert_eq!(error.code(), "interceptor-failed");
        assert_eq!(seen(&server).await.len(), sent, "attempt {attempt}");
    }
}
