//! What one tenant may know of another.

use serde_json::json;

use crate::support::Api;

const STRANGER: &str = "tnt_0193e2a1-7b2c-7d10-8a3f-0123456789ab";

#[tokio::test]
async fn keys_of_another_tenant_do_not_exist() {
    let api = Api::start().await;
    let (key, own) = api.key(None, &["api_keys:read", "api_keys:write"]).await;
    let foreign = tenant_key(&api).await;
    let path = format!("/api-keys/{own}");
    let answer = api.anonymous("GET", &path).bearer(&foreign).send().await;
    assert_eq!((answer.status, &*answer.code()), (404, "not-found"));
    for verb in ["revoke", "rotate"] {
        let call = api.anonymous("POST", &format!("{path}/{verb}")).bearer(&foreign).unique();
        let answer = call.json(&json!({})).send().await;
        assert_eq!((answer.status, &*answer.code()), (404, "not-found"), "{verb}");
    }
    let list = api.anonymous("GET", "/api-keys").bearer(&foreign).send().await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(api.anonymous("GET", &path).bearer(&key).send().await.status, 200);
}

#[tokio::test]
async fn only_operators_act_for_another_tenant() {
    let api = Api::start().await;
    let foreign = tenant_key(&api).await;
    let own = api.app().deployment().platform_tenant_id.clone();
    let path = format!("/api-keys?tenant_id={own}");
    let answer = api.anonymous("GET", &path).bearer(&foreign).send().await;
    assert_eq!((answer.status, &answer.json()["rule"]), (403, &"tenant.operator_only".into()));
    let body = json!({ "name": "a", "scopes": ["api_keys:read"], "tenant_id": own });
    let answer = api.anonymous("POST", "/api-keys").bearer(&foreign).unique().json(&body).send().await;
    assert_eq!((answer.status, &answer.json()["rule"]), (403, &"tenant.operator_only".into()));
    assert!(answer.header("receipt-id").starts_with("rcp_"));
    assert_eq!(api.operator("GET", &format!("/api-keys?tenant_id={STRANGER}")).send().await.status, 200);
}

/// A key of a tenant that is not the operator's.
async fn tenant_key(api: &Api) -> String {
    let body = json!({ "external_id": "acme", "name": "Acme" });
    let created = api.operator("POST", "/tenants").unique().json(&body).send().await;
    assert_eq!(created.status, 201, "{}", created.text());
    let tenant = created.json()["id"].as_str().unwrap().to_owned();
    api.key(Some(&tenant), &["api_keys:read", "api_keys:write"]).await.0
}

#[tokio::test]
async fn a_key_for_a_tenant_that_is_not_there_is_refused() {
    let api = Api::start().await;
    let body = json!({ "name": "a", "scopes": ["api_keys:read"], "tenant_id": STRANGER });
    let answer = api.operator("POST", "/api-keys").unique().json(&body).send().await;
    assert_eq!((answer.status, &*answer.code()), (404, "not-found"));
    assert!(
        answer.header("receipt-id").starts_with("rcp_"),
        "a refusal after the policy was asked has a receipt"
    );
}

#[tokio::test]
async fn keys_of_a_suspended_tenant_may_do_nothing_until_it_is_back_in_use() {
    let api = Api::start().await;
    let body = json!({ "external_id": "acme", "name": "Acme" });
    let created = api.operator("POST", "/tenants").unique().json(&body).send().await;
    let path = format!("/tenants/{}", created.json()["id"].as_str().unwrap());
    let (key, _) = api.key(created.json()["id"].as_str(), &["tenants:read", "tenants:write"]).await;
    let read = async || api.anonymous("GET", &path).bearer(&key).send().await;
    let set = async |status: &str, etag: &str| {
        let patch = json!({ "status": status }).to_string();
        let call = api.operator("PATCH", &path).header("if-match", etag);
        call.body("application/merge-patch+json", patch).send().await
    };
    assert_eq!(read().await.status, 200);

    let suspended = set("suspended", created.header("etag")).await;
    assert_eq!(suspended.status, 200, "{}", suspended.text());
    let refused = read().await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &"tenant.suspended".into()));
    let write = api.anonymous("POST", "/tenants").bearer(&key).unique();
    let refused = write.json(&json!({ "external_id": "sub", "name": "Sub" })).send().await;
    assert_eq!((refused.status, &refused.json()["rule"]), (403, &"tenant.suspended".into()));
    assert!(refused.header("receipt-id").starts_with("rcp_"), "the refusal has a receipt");

    assert_eq!(set("active", suspended.header("etag")).await.status, 200);
    assert_eq!(read().await.status, 200);
}
