//! No secret is shown by accident.

use std::sync::{Arc, Mutex};

use companyos_sdk::types::identity::ApiKeyCreate;
use companyos_sdk::{AttemptContext, BoxError, Interceptor};
use http::HeaderMap;

use crate::support::*;

/// Keeps what its hooks are shown.
#[derive(Debug, Clone, Default)]
struct Shown(Arc<Mutex<String>>);

impl Interceptor for Shown {
    fn modify_attempt(&self, _cx: &AttemptContext, headers: &mut HeaderMap) -> Result<(), BoxError> {
        self.0.lock().expect("not poisoned").push_str(&format!("{headers:?}"));
        Ok(())
    }
}

#[tokio::test]
async fn neither_client_nor_call_nor_error_nor_hook_shows_the_credential() {
    let server = always(problem(401, "unauthenticated", false)).await;
    let shown = Shown::default();
    let (builder, _timer) = builder(&server.uri());
    let mut text = format!("{builder:?}");
    let client = builder.interceptor(shown.clone()).build().expect("a client");
    let call = client.identity().issue(&ApiKeyCreate::new("ci", vec!["tenants:read".to_owned()]));
    text.push_str(&format!("{client:?} {call:?}"));
    let error = call.send().await.expect_err("refused");
    text.push_str(&format!("{error:?} {error}"));
    text.push_str(&shown.0.lock().expect("not poisoned"));
    assert!(!text.contains("secretpart"), "{text}");
    assert_eq!(
        header(&seen(&server).await[0], "authorization"),
        Some("Bearer cos_dev_secretpart"),
        "it was sent"
    );
}

#[tokio::test]
async fn an_issued_secret_is_shown_only_when_it_is_exposed() {
    let issued = serde_json::json!({
        "secret": "cos_dev_issuedpart",
        "api_key": {
            "id": "key_1", "tenant_id": TENANT, "name": "ci", "key_prefix": "cos_dev_1234", "scopes": [],
            "status": "active", "created_at": "2026-01-16T09:30:00.000000Z",
        },
    });
    let server = script([status(201).insert_header("receipt-id", RECEIPT).set_body_json(issued)]).await;
    let (client, _timer) = client(&server);
    let issued = client.identity().issue(&ApiKeyCreate::new("ci", Vec::new())).send().await.expect("issued");
    assert!(!format!("{issued:?}").contains("issuedpart"));
    assert_eq!(issued.secret.expose(), "cos_dev_issuedpart");
}
