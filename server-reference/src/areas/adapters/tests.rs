//! Adapters, through the whole server and on every engine.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::service;
use super::store::{self, OpenCall};
use crate::kernel::clock::Timestamp;
use crate::kernel::settings::Mode;
use crate::store::testing::Schema;
use crate::store::{Commit, StoreError};
use crate::testing::TestServer;

/// A caller of a server.
struct Api {
    server: TestServer,
    key: String,
    number: std::sync::atomic::AtomicUsize,
    /// Goes when the caller does.
    _folder: tempfile::TempDir,
}

impl Api {
    async fn start(url: &str, mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = TestServer::builder().database_url(url).mode(mode).adapter_folder(folder.path());
        let server = builder.start().await.unwrap();
        let key = server.operator_key().to_owned();
        Self { server, key, number: Default::default(), _folder: folder }
    }

    async fn send(
        &self,
        key: &str,
        method: &str,
        path: &str,
        etag: Option<&str>,
        body: Value,
    ) -> (StatusCode, Value) {
        let number = self.number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("idempotency-key", format!("call-{number}"));
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        let body = match body {
            Value::Null => Bytes::new(),
            body => {
                let patch =
                    if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
                request = request.header("content-type", patch);
                Bytes::from(body.to_string())
            }
        };
        let response = self.server.call(request.body(body).unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(response.body()).into_owned();
        (response.status(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn register(&self, body: Value) -> Value {
        let (status, adapter) = self.send(&self.key, "POST", "/adapters", None, body).await;
        assert_eq!(status, 201, "{adapter}");
        adapter
    }

    /// Every receipt of this action: its outcome, id and what it refers to.
    async fn receipts(&self, action: &str) -> Vec<Value> {
        let path = format!("/receipts?action={action}&limit=100");
        let (status, page) = self.send(&self.key, "GET", &path, None, Value::Null).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().unwrap().clone()
    }
}

async fn on_every_engine(test: impl AsyncFn(Api)) {
    test(Api::start("sqlite::memory:", Mode::Development).await).await;
    if let Some(schema) = Schema::create().await {
        let api = Api::start(&schema.url, Mode::Development).await;
        let server = api.server.clone();
        test(api).await;
        server.app().shutdown().await;
        schema.drop().await;
    }
}

const SECRET: &str = "a secret of sixteen bytes and more";

fn stub(name: &str) -> Value {
    json!({ "name": name, "kind": "payments-stub", "secrets": { "webhook_secret": SECRET } })
}

#[tokio::test]
async fn a_test_runs_governed_checks_and_keeps_its_report() {
    on_every_engine(async |api| {
        let adapter = api.register(json!({ "name": "files", "kind": "fs" })).await;
        let path = format!("/adapters/{}", adapter["id"].as_str().unwrap());
        let (status, _) = api.send(&api.key, "GET", &format!("{path}/report"), None, Value::Null).await;
        assert_eq!(status, 404, "there is a report before there was a test");
        let (status, report) = api.send(&api.key, "POST", &format!("{path}/test"), None, Value::Null).await;
        assert_eq!((status.as_u16(), report["outcome"].as_str()), (200, Some("passed")), "{report}");
        let passed = report["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == "passed");
        assert!(passed.count() >= 8, "{report}");
        let (_, kept) = api.send(&api.key, "GET", &format!("{path}/report"), None, Value::Null).await;
        assert_eq!(kept, report);

        // Each intent is concluded by one outcome, and none is left open.
        let receipts = api.receipts("storage.put").await;
        let of =
            |phase: &str| receipts.iter().filter(|receipt| receipt["phase"] == phase).collect::<Vec<_>>();
        let mut intents: Vec<&str> =
            of("intent").iter().map(|receipt| receipt["id"].as_str().unwrap()).collect();
        let mut concluded: Vec<String> = of("outcome").iter().map(|receipt| reference(receipt)).collect();
        intents.sort_unstable();
        concluded.sort_unstable();
        assert!(intents.len() >= 4, "{receipts:?}");
        assert_eq!(intents, concluded);
        let mut reader = api.server.app().dispatcher().kernel().store.reader().await.unwrap();
        assert_eq!(store::calls_before(&mut reader, Timestamp::MAX, 10).await.unwrap(), []);
    })
    .await;
}

/// The `ref` claim of a receipt.
fn reference(receipt: &Value) -> String {
    let payload = receipt["sd_jwt"].as_str().unwrap().split('.').nth(1).unwrap();
    let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    payload["ref"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    on_every_engine(async |api| {
        let adapter = api.register(stub("till")).await;
        assert_eq!(adapter["secret_names"], json!(["webhook_secret"]));
        let path = format!("/adapters/{}", adapter["id"].as_str().unwrap());
        let (_, got) = api.send(&api.key, "GET", &path, None, Value::Null).await;
        let (_, listed) = api.send(&api.key, "GET", "/adapters", None, Value::Null).await;
        let receipts = api.receipts("adapter.register").await;
        for shown in [&adapter, &got, &listed, &json!(receipts)] {
            assert!(!shown.to_string().contains(SECRET), "{shown}");
        }
        let mut reader = api.server.app().dispatcher().kernel().store.reader().await.unwrap();
        let kept = store::get(&mut reader, adapter["id"].as_str().unwrap()).await.unwrap().unwrap();
        let sealed = String::from_utf8_lossy(&kept.secrets.sealed).into_owned();
        assert!(!sealed.contains(SECRET) && !format!("{kept:?}").contains(SECRET));
    })
    .await;
}

#[tokio::test]
async fn a_change_is_merged_checked_as_a_whole_and_forgets_the_report() {
    on_every_engine(async |api| {
        let adapter = api.register(stub("till")).await;
        let path = format!("/adapters/{}", adapter["id"].as_str().unwrap());
        let (status, report) = api.send(&api.key, "POST", &format!("{path}/test"), None, Value::Null).await;
        assert_eq!((status.as_u16(), report["outcome"].as_str()), (200, Some("passed")), "{report}");

        let removed = json!({ "secrets": { "webhook_secret": null } });
        let (status, problem) = api.send(&api.key, "PATCH", &path, Some("\"1\""), removed).await;
        assert_eq!(
            (status.as_u16(), problem["code"].as_str()),
            (422, Some("validation-failed")),
            "{problem}"
        );
        let change = json!({ "secrets": { "webhook_secret": "another one, no shorter" } });
        let (status, _) = api.send(&api.key, "PATCH", &path, Some("\"7\""), change.clone()).await;
        assert_eq!(status, 412);
        let (status, changed) = api.send(&api.key, "PATCH", &path, Some("\"1\""), change).await;
        assert_eq!((status.as_u16(), changed["version"].as_u64()), (200, Some(2)), "{changed}");
        assert_eq!(changed.get("last_test"), None);
        let (status, _) = api.send(&api.key, "GET", &format!("{path}/report"), None, Value::Null).await;
        assert_eq!(status, 404);

        let (status, _) = api.send(&api.key, "DELETE", &path, Some("\"2\""), Value::Null).await;
        assert_eq!(status, 204);
        let (status, _) = api.send(&api.key, "GET", &path, None, Value::Null).await;
        assert_eq!(status, 404);
    })
    .await;
}

#[tokio::test]
async fn adapters_of_others_are_out_of_sight() {
    on_every_engine(async |api| {
        let adapter = api.register(stub("till")).await;
        let path = format!("/adapters/{}", adapter["id"].as_str().unwrap());
        let tenant = json!({ "external_id": "stranger", "name": "A stranger" });
        let (_, tenant) = api.send(&api.key, "POST", "/tenants", None, tenant).await;
        let scopes = ["adapters:read", "adapters:write"];
        let key = json!({ "name": "k", "tenant_id": tenant["id"], "scopes": scopes });
        let (_, issued) = api.send(&api.key, "POST", "/api-keys", None, key).await;
        let stranger = issued["secret"].as_str().unwrap();
        for (method, path, etag) in [
            ("GET", path.clone(), None),
            ("GET", format!("{path}/report"), None),
            ("POST", format!("{path}/test"), None),
            ("DELETE", path.clone(), Some("\"1\"")),
        ] {
            let (status, problem) = api.send(stranger, method, &path, etag, Value::Null).await;
            assert_eq!(status, 404, "{method} {path}: {problem}");
        }
        let (_, listed) = api.send(stranger, "GET", "/adapters", None, Value::Null).await;
        assert_eq!(listed["items"], json!([]));
        // The name is taken in its tenant only.
        let (status, own) = api.send(stranger, "POST", "/adapters", None, stub("till")).await;
        assert_eq!((status.as_u16(), &own["tenant_id"]), (201, &tenant["id"]), "{own}");
    })
    .await;
}

#[tokio::test]
async fn in_production_a_tenant_reaches_neither_the_disk_nor_the_servers_own_network() {
    let api = Api::start("sqlite::memory:", Mode::Production).await;
    let oidc = |issuer: &str| json!({ "name": "id", "kind": "oidc", "settings": { "issuer": issuer, "client_id": "c" } });
    for (body, pointer) in [
        (stub("till"), "#/kind"),
        (json!({ "name": "files", "kind": "fs" }), "#/kind"),
        (oidc("http://127.0.0.1:9000"), "#/settings"),
        (oidc("https://10.0.0.7"), "#/settings"),
        (oidc("https://metadata.internal"), "#/settings"),
    ] {
        let (status, problem) = api.send(&api.key, "POST", "/adapters", None, body).await;
        assert_eq!(
            (status.as_u16(), problem["errors"][0]["pointer"].as_str()),
            (422, Some(pointer)),
            "{problem}"
        );
    }
    let (status, adapter) =
        api.send(&api.key, "POST", "/adapters", None, oidc("https://id.example.com")).await;
    assert_eq!(status, 201, "{adapter}");
}

#[tokio::test]
async fn a_call_that_was_never_closed_is_closed_as_unknown_once() {
    on_every_engine(async |api| {
        let kernel = api.server.app().dispatcher().kernel();
        let (_, made) = api.send(&api.key, "POST", "/adapters", None, stub("till")).await;
        let call = OpenCall {
            receipt_id: "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab".to_owned(),
            tenant_id: made["tenant_id"].as_str().unwrap().to_owned(),
            action: "payment.capture".to_owned(),
            resource: "pay_1".to_owned(),
            policy: "sha256:00".to_owned(),
            actor: "key_1".to_owned(),
            begun_at: kernel.clock.now(),
        };
        let (row, commit) = (store::call_row(&call), Commit::without_receipt((), "a crash, as left behind"));
        kernel.store.write_prepared(Some(row), commit, StoreError::Overloaded).await.unwrap();
        assert_eq!(service::close_orphans(kernel).await.unwrap(), 0, "it may still be under way");
        api.server.clock().advance(Duration::from_secs(2 * 60 * 60));
        assert_eq!(service::close_orphans(kernel).await.unwrap(), 1);
        assert_eq!(service::close_orphans(kernel).await.unwrap(), 0);
        let receipts = api.receipts("payment.capture").await;
        assert_eq!(receipts.len(), 1);
        assert_eq!(
            (receipts[0]["outcome"].as_str(), reference(&receipts[0])),
            (Some("unknown"), call.receipt_id)
        );
    })
    .await;
}

#[tokio::test]
async fn a_token_of_no_registered_issuer_is_refused() {
    let api = Api::start("sqlite::memory:", Mode::Development).await;
    let payload =
        URL_SAFE_NO_PAD.encode(r#"{"iss":"https://id.example.com","aud":"urn:companyos:tenant:tnt_1"}"#);
    for token in [format!("e30.{payload}.c2ln"), "a.b.c".to_owned(), "..".to_owned()] {
        let (status, problem) = api.send(&token, "GET", "/adapters", None, Value::Null).await;
        assert_eq!((status.as_u16(), problem["code"].as_str()), (401, Some("unauthenticated")), "{token}");
    }
}
