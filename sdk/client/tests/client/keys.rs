//! Key stores: asked once, told how it ended.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{BoxError, IdempotencyKey, KeyRequest, KeyStore};

use crate::support::*;

/// Derives the key from the request, as a program that must survive a crash does, and remembers what is settled.
#[derive(Debug, Clone, Default)]
struct Journal {
    asked: Arc<Mutex<Vec<String>>>,
    settled: Arc<Mutex<Vec<String>>>,
    broken: bool,
}

#[async_trait]
impl KeyStore for Journal {
    async fn key(&self, request: &KeyRequest<'_>) -> Result<IdempotencyKey, BoxError> {
        if self.broken {
            return Err("the journal cannot be written".into());
        }
        let fingerprint = request.fingerprint().ok_or("a streamed body")?;
        let key = IdempotencyKey::derived([fingerprint]);
        self.asked.lock().expect("not poisoned").push(format!("{} {key}", request.operation().id));
        Ok(key)
    }

    async fn settled(&self, key: &IdempotencyKey) {
        self.settled.lock().expect("not poisoned").push(key.to_string());
    }
}

impl Journal {
    fn settled(&self) -> usize {
        self.settled.lock().expect("not poisoned").len()
    }
}

async fn create(answers: Vec<wiremock::ResponseTemplate>, journal: &Journal, name: &str) -> Vec<String> {
    let server = script(answers).await;
    let (builder, _timer) = builder(&server.uri());
    let client = builder.key_store(journal.clone()).build().expect("a client");
    let _ = client.tenants().create(&TenantCreate::new("a", name)).send().await;
    seen(&server).await.iter().filter_map(|r| header(r, "idempotency-key")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_store_is_asked_once_per_call_and_equal_requests_get_equal_keys() {
    let journal = Journal::default();
    let first = create(vec![status(503), created()], &journal, "A").await;
    let after_a_crash = create(vec![created()], &journal, "A").await;
    let other = create(vec![created()], &journal, "B").await;
    assert_eq!(journal.asked.lock().expect("not poisoned").len(), 3);
    assert!(first.len() == 2 && first[0] == first[1] && first[0] == after_a_crash[0]);
    assert_ne!(first[0], other[0]);
}

#[tokio::test]
async fn a_store_learns_of_outcomes_that_are_known_and_of_no_others() {
    let journal = Journal::default();
    create(vec![created()], &journal, "A").await;
    assert_eq!(journal.settled(), 1, "success");
    create(vec![problem(422, "validation-failed", false)], &journal, "A").await;
    assert_eq!(journal.settled(), 2, "refused for good");
    create(vec![status(503); 3], &journal, "A").await;
    create(vec![problem(500, "internal", false)], &journal, "A").await;
    assert_eq!(journal.settled(), 2, "nobody knows whether it happened");
}

#[tokio::test]
async fn nothing_is_sent_without_a_key() {
    let journal = Journal { broken: true, ..Journal::default() };
    let server = always(created()).await;
    let (builder, _timer) = builder(&server.uri());
    let client = builder.key_store(journal).build().expect("a client");
    let error = client.tenants().create(&TenantCreate::new("a", "A")).send().await.expect_err("no key");
    assert_eq!(error.code(), "key-store-failed");
    assert!(seen(&server).await.is_empty());
}

#[tokio::test]
async fn a_key_of_the_callers_is_not_the_stores_affair() {
    let journal = Journal::default();
    let server = script([created()]).await;
    let (builder, _timer) = builder(&server.uri());
    let client = builder.key_store(journal.clone()).build().expect("a client");
    client
        .tenants()
        .create(&TenantCreate::new("a", "A"))
        .idempotency_key("mine")
        .send()
        .await
        .expect("created");
    assert!(journal.asked.lock().expect("not poisoned").is_empty() && journal.settled() == 0);
}

#[tokio::test]
async fn the_error_of_an_open_outcome_carries_the_key_to_repeat_it_with() {
    let server = always(status(503)).await;
    let (client, _timer) = client(&server);
    let error = client.tenants().create(&TenantCreate::new("a", "A")).send().await.expect_err("503");
    let key = error.idempotency_key().expect("a key").as_str().to_owned();
    assert_eq!(header(&seen(&server).await[0], "idempotency-key"), Some(key.as_str()));
}
