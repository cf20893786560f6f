//! The life of an API key.

use companyos_types::identity::{ApiKeyCreate, ApiKeyRevoke, ApiKeyRotate, ApiKeyStatus};
use futures_util::TryStreamExt as _;

use crate::sample::nothing;
use crate::watch::Watched;

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let keys = operator.identity();
    let scopes = vec!["tenants:read".to_owned(), "receipts:read".to_owned()];
    let wanted = ApiKeyCreate::new("reader", scopes.clone());
    let issued = keys.issue(&wanted).idempotency_key("first").send().await.unwrap();
    let again = keys.issue(&wanted).idempotency_key("first").send().await.unwrap();
    assert!(!issued.replayed() && again.replayed());
    assert_eq!(*issued, *again, "a replay shows the same key");
    assert_eq!(issued.receipt().await.unwrap().verified.claims.act, "api_key.issue");
    let id = issued.api_key.id.clone();
    assert_eq!(issued.location(), Some(format!("/api-keys/{id}").as_str()));
    let client = watched.client(issued.secret.expose());
    client.tenants().list().send().await.expect("the key works");

    let read = keys.get(&id).send().await.unwrap();
    assert_eq!((&read.scopes, &read.status), (&scopes, &ApiKeyStatus::Active));
    let reused = keys.issue(&ApiKeyCreate::new("other", scopes)).idempotency_key("first").send().await;
    assert!(reused.unwrap_err().is_problem("idempotency-key-reused"));

    let rotated = keys.rotate(&id, &ApiKeyRotate::default()).send().await.unwrap();
    assert_ne!(rotated.secret.expose(), issued.secret.expose());
    assert!(client.tenants().list().send().await.unwrap_err().is_unauthenticated(), "a rotated key works on");
    let client = watched.client(rotated.secret.expose());
    client.tenants().list().send().await.expect("the new key works");
    assert!(keys.rotate(&id, &ApiKeyRotate::default()).send().await.unwrap_err().is_conflict());

    let reason = ApiKeyRevoke::default().with_reason("it was printed");
    let revoked = keys.revoke(&rotated.api_key.id, &reason).send().await.unwrap();
    assert_eq!(revoked.status, ApiKeyStatus::Revoked);
    assert!(client.tenants().list().send().await.unwrap_err().is_unauthenticated(), "a revoked key works on");
    let receipt = revoked.receipt().await.unwrap();
    assert_eq!(receipt.verified.disclosed["reason"], "it was printed");

    let all: Vec<_> = keys.list().limit(1).by_item().try_collect().await.unwrap();
    assert_eq!(all.len(), 3, "the operator's, the issued and the rotated key");
    let active: Vec<_> = keys.list().status(ApiKeyStatus::Active).by_item().try_collect().await.unwrap();
    assert_eq!(active.len(), 1);

    let nobody =
        ApiKeyCreate::new("lost", vec!["tenants:read".to_owned()]).with_tenant_id(&nothing()["tenant_id"]);
    assert!(keys.issue(&nobody).send().await.unwrap_err().is_not_found());
    let past = ApiKeyCreate::new("late", vec!["tenants:read".to_owned()])
        .with_expires_at("2020-01-01T00:00:00.000000Z");
    assert!(keys.issue(&past).send().await.unwrap_err().is_problem("validation-failed"));
}
