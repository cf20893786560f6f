//! API keys: issue, list, get, rotate, revoke.

use std::time::Duration;

use companyos_server::testing::TestServer;
use serde_json::{Value, json};

use crate::support::Api;

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_its_secret_is_shown_once() {
    let api = Api::start().await;
    let (key, id) = api.key(None, &["api_keys:read"]).await;
    let read = api.anonymous("GET", &format!("/api-keys/{id}")).bearer(&key).send().await;
    assert_eq!(read.status, 200);
    assert!(!read.text().contains(&key), "the secret is shown again");
    let shown = read.json();
    assert!(key.starts_with(shown["key_prefix"].as_str().unwrap()));
    assert_eq!((&shown["status"], &shown["scopes"]), (&"active".into(), &json!(["api_keys:read"])));

    let revoke = async || {
        let call = api.operator("POST", &format!("/api-keys/{id}/revoke")).unique();
        call.json(&json!({ "reason": "left the company" })).send().await
    };
    let revoked = revoke().await;
    assert_eq!((revoked.status, &revoked.json()["status"]), (200, &"revoked".into()));
    assert_eq!(api.anonymous("GET", "/api-keys").bearer(&key).send().await.status, 401);
    let again = revoke().await;
    assert_eq!((again.status, &again.json()["revoked_at"]), (200, &revoked.json()["revoked_at"]));
}

#[tokio::test]
async fn a_key_expires_on_time() {
    let api = Api::start().await;
    let body = json!({ "name": "short", "scopes": ["tenants:read", "api_keys:read"],
                       "expires_at": "2026-01-16T09:31:00Z" });
    let issued = api.operator("POST", "/api-keys").unique().json(&body).send().await.json();
    let key = issued["secret"].as_str().unwrap();
    let call = async || api.anonymous("GET", "/api-keys").bearer(key).send().await.status;
    assert_eq!(call().await, 200);
    api.clock().advance(Duration::from_secs(59));
    assert_eq!(call().await, 200);
    api.clock().advance(Duration::from_secs(1));
    assert_eq!(call().await, 401);
    let expired = api.operator("GET", "/api-keys?status=expired").send().await.json();
    assert_eq!(expired["items"][0]["id"], issued["api_key"]["id"]);
}

#[tokio::test]
async fn nobody_gives_away_a_scope_they_do_not_have() {
    let api = Api::start().await;
    let (weak, _) = api.key(None, &["api_keys:write", "tenants:read"]).await;
    let (_, strong_id) = api.key(None, &["tenants:write"]).await;
    let body = json!({ "name": "more", "scopes": ["tenants:read", "tenants:write"] });
    let issue = api.anonymous("POST", "/api-keys").bearer(&weak).unique().json(&body).send().await;
    let rotate = api.anonymous("POST", &format!("/api-keys/{strong_id}/rotate")).bearer(&weak).unique();
    let rotate = rotate.json(&json!({})).send().await;
    for answer in [issue, rotate] {
        assert_eq!((answer.status, &*answer.code()), (403, "policy-denied"));
        assert_eq!(answer.json()["rule"], "scope.exceeds:tenants:write");
        assert_eq!(answer.json()["receipt_id"], answer.header("receipt-id"));
    }
    let denied = api.operator("GET", "/receipts?outcome=deny").send().await.json();
    assert_eq!(denied["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_rotated_key_works_through_the_overlap_and_not_after() {
    let api = Api::start().await;
    let (old, id) = api.key(None, &["api_keys:read"]).await;
    let rotate = async || {
        let call = api.operator("POST", &format!("/api-keys/{id}/rotate")).unique();
        call.json(&json!({ "overlap_seconds": 60 })).send().await
    };
    let rotated = rotate().await;
    assert_eq!(rotated.status, 201);
    let new = rotated.json();
    assert_eq!(rotated.header("location"), format!("/api-keys/{}", new["api_key"]["id"].as_str().unwrap()));
    assert_eq!(new["api_key"]["scopes"], json!(["api_keys:read"]));
    let status = async |key: &str| api.anonymous("GET", "/api-keys").bearer(key).send().await.status;
    assert_eq!((status(&old).await, status(new["secret"].as_str().unwrap()).await), (200, 200));
    let again = rotate().await;
    assert_eq!((again.status, &*again.code()), (409, "conflict"));
    api.clock().advance(Duration::from_secs(60));
    assert_eq!((status(&old).await, status(new["secret"].as_str().unwrap()).await), (401, 200));
}

#[tokio::test]
async fn a_key_revoked_through_another_server_stops_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shared.db").display());
    let api = Api::from(TestServer::builder().database_url(url)).await;
    let (key, id) = api.key(None, &["api_keys:read"]).await;
    let status = async || api.anonymous("GET", "/api-keys").bearer(&key).send().await.status;
    assert_eq!(status().await, 200);
    // Another server's revocation is a row that changes under this one.
    let kernel = api.app().dispatcher().kernel();
    let changed: u64 = kernel
        .store
        .write(move |tx| {
            let id = id.clone();
            Box::pin(async move {
                let sql = sqlx::query("UPDATE api_keys SET revoked_at = 1 WHERE id = $1").bind(id);
                let changed = tx.execute(sql).await?;
                Ok::<_, companyos_server::store::StoreError>(
                    companyos_server::store::Commit::without_receipt(changed, "a test"),
                )
            })
        })
        .await
        .unwrap();
    assert_eq!(changed, 1);
    api.clock().advance(Duration::from_secs(2));
    assert_eq!(status().await, 401);
}

#[tokio::test]
async fn lists_are_paged_newest_first_without_gaps() {
    let api = Api::start().await;
    let mut issued = Vec::new();
    for _ in 0..7 {
        api.clock().advance(Duration::from_millis(1));
        issued.push(api.key(None, &["tenants:read"]).await.1);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page: Value = api.operator("GET", &format!("/api-keys{query}")).send().await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|key| key["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => query = format!("?limit=3&cursor={next}"),
            None => break,
        }
    }
    issued.reverse();
    assert_eq!(seen.len(), 8, "the seven and the operator's own");
    assert_eq!(seen[..7], issued);
}
