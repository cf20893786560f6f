//! One tenant at a time.

use serde_json::json;

use super::on_every_engine;

#[tokio::test]
async fn a_tenant_is_created_read_changed_and_deleted() {
    on_every_engine(async |api| {
        let body = json!({
            "external_id": "acme", "name": "Acme", "contact_email": "it@acme.test", "labels": { "tier": "gold" },
        });
        let created = api.post("/tenants", body).await.expect(201);
        let id = created.json["id"].as_str().unwrap();
        let path = format!("/tenants/{id}");
        assert_eq!(created.header("location"), path);
        assert_eq!(created.header("etag"), "\"1\"");
        assert!(created.header("receipt-id").starts_with("rcp_"));
        assert_eq!(created.json["region"], "eu-west-1");
        assert_eq!(created.json["status"], "active");
        assert_eq!(created.json["version"], 1);

        let read = api.get(&path).await.expect(200);
        assert_eq!(read.json, created.json);
        api.send("GET", &path, &[("if-none-match", "\"1\"")], "").await.expect(304);

        let change = json!({ "name": "Acme Ltd", "contact_email": null, "labels": { "tier": null, "kind": "a" } });
        api.patch(&path, "\"7\"", change.clone()).await.expect(412);
        let unconditional = [("content-type", "application/merge-patch+json")];
        api.send("PATCH", &path, &unconditional, change.to_string()).await.expect(428);
        let changed = api.patch(&path, "\"1\"", change.clone()).await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        assert_eq!(changed.json["labels"], json!({ "kind": "a" }));
        assert!(changed.json.get("contact_email").is_none());
        let again = api.patch(&path, "\"2\"", change).await.expect(200);
        assert_eq!(again.json["version"], 2, "what changes nothing makes no version");

        api.delete(&path, "\"1\"").await.expect(412);
        let deleted = api.delete(&path, "\"2\"").await.expect(204);
        assert!(deleted.header("receipt-id").starts_with("rcp_"));
        let gone = api.get(&path).await.expect(404);
        assert_eq!(gone.json["code"], "not-found");
        assert!(api.delete(&path, "\"2\"").await.expect(404).header("receipt-id").starts_with("rcp_"));
    })
    .await;
}

#[tokio::test]
async fn an_external_id_is_unique_for_its_owner_only() {
    on_every_engine(async |api| {
        let (customer, _) = api.customer("acme").await;
        customer.tenant("branch").await;
        api.tenant("branch").await;
        let body = json!({ "external_id": "branch", "name": "B" });
        let refused = customer.post("/tenants", body).await.expect(409);
        assert_eq!(refused.json["code"], "conflict");
        assert!(refused.header("receipt-id").starts_with("rcp_"));
    })
    .await;
}

#[tokio::test]
async fn a_customer_sees_itself_and_what_it_owns_and_nothing_else() {
    on_every_engine(async |api| {
        let (acme, acme_id) = api.customer("acme").await;
        let (other, other_id) = api.customer("other").await;
        let branch = acme.tenant("branch").await;
        let sight = |items: Vec<serde_json::Value>| {
            items.into_iter().map(|item| item["external_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(sight(acme.all("/tenants?limit=1").await), ["acme", "branch"]);
        assert_eq!(sight(other.all("/tenants?limit=1").await), ["other"]);
        assert_eq!(sight(api.all("/tenants?limit=1").await), ["platform", "acme", "other", "branch"]);
        acme.get(&format!("/tenants/{acme_id}")).await.expect(200);
        acme.get(&format!("/tenants/{branch}")).await.expect(200);
        for foreign in [&other_id, &api.server.app().deployment().platform_tenant_id] {
            let path = format!("/tenants/{foreign}");
            acme.get(&path).await.expect(404);
            acme.patch(&path, "\"1\"", json!({ "name": "mine" })).await.expect(404);
            acme.delete(&path, "\"1\"").await.expect(404);
        }
    })
    .await;
}

#[tokio::test]
async fn lists_are_filtered_and_their_cursors_bound() {
    on_every_engine(async |api| {
        for name in ["a", "b", "c"] {
            api.tenant(name).await;
        }
        let id = api.get("/tenants?external_id=b").await.expect(200).json["items"][0]["id"].clone();
        let path = format!("/tenants/{}", id.as_str().unwrap());
        api.patch(&path, "\"1\"", json!({ "status": "suspended" })).await.expect(200);
        let suspended = api.get("/tenants?status=suspended").await.expect(200);
        assert_eq!(suspended.json["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(suspended.json["items"][0]["external_id"], "b");
        assert_eq!(suspended.json["next_cursor"], json!(null));
        let page = api.get("/tenants?limit=2").await.expect(200);
        let cursor = page.json["next_cursor"].as_str().unwrap();
        api.get(&format!("/tenants?limit=1&cursor={cursor}")).await.expect(200);
        let other = api.get(&format!("/tenants?status=active&cursor={cursor}")).await.expect(400);
        assert_eq!(other.json["code"], "invalid-cursor");
    })
    .await;
}

#[tokio::test]
async fn what_breaks_a_rule_beyond_the_schema_is_refused_with_every_finding() {
    on_every_engine(async |api| {
        let body = json!({
            "external_id": "a", "name": "A", "region": "us-east-1", "labels": { "a": "nul\u{0}" },
        });
        let refused = api.post("/tenants", body).await.expect(422);
        let findings = refused.findings();
        assert!(findings.contains(&("#/region".to_owned(), "region-not-served")), "{findings:?}");
        assert!(findings.contains(&("#/labels/a".to_owned(), "control-character")), "{findings:?}");
        assert!(refused.header("receipt-id").starts_with("rcp_"));
        assert_eq!(api.tenants().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_owns_others_or_is_the_platform_or_oneself_is_not_deleted() {
    on_every_engine(async |api| {
        let (acme, acme_id) = api.customer("acme").await;
        let branch = acme.tenant("branch").await;
        let refused = api.delete(&format!("/tenants/{acme_id}"), "\"1\"").await.expect(409);
        assert!(refused.json["detail"].as_str().unwrap().contains("owns other tenants"));
        acme.delete(&format!("/tenants/{acme_id}"), "*").await.expect(409);
        let platform = &api.server.app().deployment().platform_tenant_id;
        api.delete(&format!("/tenants/{platform}"), "*").await.expect(409);
        acme.delete(&format!("/tenants/{branch}"), "*").await.expect(204);
        acme.get("/tenants").await.expect(200);
        api.delete(&format!("/tenants/{acme_id}"), "*").await.expect(204);
        acme.get("/tenants").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_create_has_one_effect() {
    on_every_engine(async |api| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
        let body = json!({ "external_id": "a", "name": "A" }).to_string();
        let first = api.send("POST", "/tenants", &headers, body.clone()).await.expect(201);
        let second = api.send("POST", "/tenants", &headers, body).await.expect(201);
        assert_eq!(first.text, second.text);
        assert_eq!(first.header("receipt-id"), second.header("receipt-id"));
        assert_eq!(second.header("idempotent-replayed"), "true");
        assert_eq!(api.tenants().await, 1);
    })
    .await;
}
