//! What goes out, and what does not even leave.

use std::time::Duration;

use companyos_sdk::types::tenants::{TenantCreate, TenantUpdate};
use companyos_sdk::{Bearer, BoxError, CONTRACT_VERSION, CallOptions, CredentialSource, Secret};

use crate::support::*;

#[tokio::test]
async fn a_request_says_who_sends_it_and_what_it_takes() {
    let server = script([created()]).await;
    let (builder, _timer) = builder(&server.uri());
    let client = builder.user_agent("billing/2.1").build().expect("a client");
    client
        .tenants()
        .create(&TenantCreate::new("a", "A").with_region("eu-west-1"))
        .send()
        .await
        .expect("created");
    let requests = seen(&server).await;
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.url.path()), ("POST", "/tenants"));
    assert_eq!(header(request, "authorization"), Some("Bearer cos_dev_secretpart"));
    assert_eq!(header(request, "content-type"), Some("application/json"));
    assert!(
        header(request, "user-agent").is_some_and(|agent| agent.starts_with("billing/2.1 companyos-sdk/0."))
    );
    assert!(header(request, "accept").is_some_and(|accept| accept.starts_with("application/json")));
    assert_eq!(header(request, "accept-encoding"), None, "no body is decompressed");
    assert_eq!(request.body, br#"{"external_id":"a","name":"A","region":"eu-west-1"}"#);
}

#[tokio::test]
async fn a_merge_patch_has_its_own_media_type_and_names_the_version() {
    let updated = status(200).insert_header("receipt-id", RECEIPT).set_body_json(tenant_json("B"));
    let server = script([updated]).await;
    let (client, _timer) = client(&server);
    let update = TenantUpdate::default().with_name("B");
    client.tenants().update(TENANT, "\"1\"", &update).send().await.expect("updated");
    let requests = seen(&server).await;
    assert_eq!(requests[0].method.as_str(), "PATCH");
    assert_eq!(header(&requests[0], "content-type"), Some("application/merge-patch+json"));
    assert_eq!(header(&requests[0], "if-match"), Some("\"1\""));
}

#[tokio::test]
async fn a_public_operation_shows_no_credential() {
    let server = script([status(200).set_body_json(serde_json::json!({ "status": "ok" }))]).await;
    client(&server).0.meta().livez().send().await.expect("alive");
    assert_eq!(header(&seen(&server).await[0], "authorization"), None);
}

#[tokio::test]
async fn options_add_headers_to_one_call() {
    let server = script([tenant(), tenant()]).await;
    let (client, _timer) = client(&server);
    let options = CallOptions::new().header("Retry-Test-Id", "rtt_1");
    client.tenants().get(TENANT).options(options).send().await.expect("a tenant");
    client.tenants().get(TENANT).send().await.expect("a tenant");
    let requests = seen(&server).await;
    assert_eq!(header(&requests[0], "retry-test-id"), Some("rtt_1"));
    assert_eq!(header(&requests[1], "retry-test-id"), None);
}

#[tokio::test]
async fn a_malformed_call_is_not_sent() {
    let server = always(tenant()).await;
    let (client, _timer) = client(&server);
    let create = |key: &str| client.tenants().create(&TenantCreate::new("a", "A")).idempotency_key(key);
    let errors = [
        client.tenants().get("").send().await.expect_err("no id"),
        client.tenants().get("..").send().await.expect_err("another resource"),
        client.tenants().get(TENANT).if_none_match("a\nb").send().await.expect_err("two headers"),
        client
            .tenants()
            .get(TENANT)
            .options(CallOptions::new().header("host", "x"))
            .send()
            .await
            .expect_err("host"),
        create("").send().await.expect_err("no key"),
        create("a key").send().await.expect_err("no key"),
    ];
    for error in errors {
        assert!(error.is_invalid_request() && !error.is_retryable(), "{error}");
        assert!(error.operation().is_some() && error.attempts().is_empty(), "{error}");
    }
    assert!(seen(&server).await.is_empty());
}

#[tokio::test]
async fn every_path_parameter_is_one_segment() {
    let server = script([tenant()]).await;
    client(&server).0.tenants().get("a/b?c#d e").send().await.expect("a tenant");
    assert_eq!(seen(&server).await[0].url.path(), "/tenants/a%2Fb%3Fc%23d%20e");
}

/// Gives a new token each time, and fails at the third.
#[derive(Debug, Default)]
struct Renewed(std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl CredentialSource for Renewed {
    async fn bearer(&self) -> Result<Bearer, BoxError> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            2.. => Err("the token service is away".into()),
            number => Ok(Bearer::new(&Secret::new(format!("token-{number}")))?),
        }
    }
}

#[tokio::test]
async fn a_credential_source_is_asked_before_every_attempt() {
    let server = always(status(503)).await;
    let timer = companyos_sdk::testing::ManualTimer::new();
    let client = companyos_sdk::Client::builder()
        .base_url(server.uri())
        .credentials(Renewed::default())
        .timer(timer)
        .build()
        .expect("a client");
    let error = client.tenants().get(TENANT).send().await.expect_err("no third token");
    assert_eq!(error.code(), "credentials-unavailable");
    assert_eq!(
        std::error::Error::source(&error).map(ToString::to_string).as_deref(),
        Some("the token service is away")
    );
    let requests = seen(&server).await;
    let tokens: Vec<_> = requests.iter().filter_map(|request| header(request, "authorization")).collect();
    assert_eq!(tokens, ["Bearer token-0", "Bearer token-1"]);
}

/// Never gives a token.
#[derive(Debug)]
struct Stuck;

#[async_trait::async_trait]
impl CredentialSource for Stuck {
    async fn bearer(&self) -> Result<Bearer, BoxError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_credential_source_that_hangs_ends_the_attempt_with_nothing_sent() {
    let server = always(tenant()).await;
    let timer = companyos_sdk::testing::ManualTimer::new();
    let builder = companyos_sdk::Client::builder().base_url(server.uri()).credentials(Stuck).max_attempts(1);
    let client = builder.timer(timer.clone()).build().expect("a client");
    let call =
        tokio::spawn(
            async move { client.tenants().get(TENANT).send().await.map(|tenant| tenant.id.clone()) },
        );
    tokio::time::sleep(Duration::from_millis(20)).await;
    timer.advance(Duration::from_secs(30));
    let error = call.await.expect("no panic").expect_err("no token");
    assert_eq!((error.code(), error.outcome()), ("attempt-timeout", companyos_sdk::Outcome::NotSent));
    assert!(seen(&server).await.is_empty());
}

#[test]
fn the_contract_version_is_that_of_the_embedded_contract() {
    let contract: serde_json::Value =
        serde_json::from_str(companyos_sdk::types::CONTRACT_JSON).expect("the contract is JSON");
    assert_eq!(contract["info"]["version"], CONTRACT_VERSION);
}
