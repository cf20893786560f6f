//! Tenants and imports, through the whole server and on every engine.

mod bulk;
mod crowd;
mod crud;
mod delivery;
mod imports;
mod rules;
mod steps;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::store::Store;
use crate::store::testing::Schema;
use crate::testing::TestServer;

/// Runs a test on an empty server on SQLite and, where there is one, on PostgreSQL.
async fn on_every_engine(test: impl AsyncFn(Api)) {
    test(Api::start("sqlite::memory:").await).await;
    if let Some(schema) = Schema::create().await {
        let api = Api::start(&schema.url).await;
        test(api.clone()).await;
        api.server.app().shutdown().await;
        schema.drop().await;
    }
}

/// A caller of a server.
#[derive(Clone)]
struct Api {
    server: TestServer,
    key: String,
    requests: Arc<AtomicUsize>,
}

/// What a request was answered with.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts the status and gives the answer back, for chains.
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Pointer, row or column, and code of every finding of a problem.
    fn findings(&self) -> Vec<(String, &str)> {
        let errors = self.json["errors"].as_array();
        let place = |error: &Value| {
            let place = ["pointer", "column", "parameter", "row"].iter().find_map(|name| error.get(*name));
            place
                .map(|place| place.as_str().map_or_else(|| place.to_string(), str::to_owned))
                .unwrap_or_default()
        };
        errors.into_iter().flatten().map(|e| (place(e), e["code"].as_str().unwrap_or_default())).collect()
    }
}

impl Api {
    async fn start(url: &str) -> Self {
        let server = TestServer::builder().database_url(url).start().await.unwrap();
        let key = server.operator_key().to_owned();
        Self { server, key, requests: Arc::default() }
    }

    fn kernel(&self) -> &Arc<Kernel> {
        self.server.app().dispatcher().kernel()
    }

    fn store(&self) -> &Store {
        &self.kernel().store
    }

    /// A caller with another key.
    fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "POST" && !headers.iter().any(|(name, _)| *name == "idempotency-key") {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            request = request.header("idempotency-key", format!("test-{number}"));
        }
        let response = self.server.call(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn patch(&self, path: &str, etag: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", etag)];
        self.send("PATCH", path, &headers, body.to_string()).await
    }

    async fn delete(&self, path: &str, etag: &str) -> Answer {
        self.send("DELETE", path, &[("if-match", etag)], "").await
    }

    /// Cancels the operation at `path`.
    async fn cancel(&self, path: &str) -> Answer {
        self.send("POST", &format!("{path}/cancel"), &[], "").await
    }

    /// Creates a tenant and gives its id.
    async fn tenant(&self, external_id: &str) -> String {
        // Ids of one instant are in no order.
        self.server.clock().advance(Duration::from_millis(1));
        let body = json!({ "external_id": external_id, "name": external_id.to_uppercase() });
        let answer = self.post("/tenants", body).await.expect(201);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// A caller that belongs to a new tenant of this one.
    async fn customer(&self, external_id: &str) -> (Self, String) {
        let id = self.tenant(external_id).await;
        let scopes = ["tenants:read", "tenants:write", "operations:read", "operations:write"];
        let body = json!({ "name": "k", "tenant_id": id, "scopes": scopes });
        let issued = self.post("/api-keys", body).await.expect(201);
        let key = issued.json["secret"].as_str().or(issued.json["key"].as_str()).unwrap();
        (self.with_key(key), id)
    }

    async fn upload(&self, query: &str, media_type: &str, file: impl Into<Bytes>) -> Answer {
        let path = format!("/tenants/bulk-import{query}");
        self.send("POST", &path, &[("content-type", media_type)], file).await
    }

    async fn csv(&self, query: &str, file: impl Into<Bytes>) -> Answer {
        self.upload(query, "text/csv", file).await
    }

    /// Waits until the operation of an accepted request is over and gives it.
    async fn outcome(&self, accepted: &Answer) -> Value {
        let location = accepted.header("location").to_owned();
        assert!(location.starts_with("/operations/opn_"), "{}", accepted.text);
        for _ in 0..3_000 {
            let answer = self.get(&location).await.expect(200);
            if !matches!(answer.json["status"].as_str(), Some("queued" | "running")) {
                return answer.json;
            }
            assert_eq!(answer.header("retry-after"), "1");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{location} does not end");
    }

    /// Waits until the operation at `path` is as it should be.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..3_000 {
            let operation = self.get(path).await.expect(200).json;
            if is_so(&operation) {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{path} does not get there");
    }

    /// The members of every item of a list, all pages of it.
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.expect(200);
            items.extend(page.json["items"].as_array().unwrap().iter().cloned());
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("{}cursor={next}", if path.contains('?') { '&' } else { '?' }),
                None => return items,
            }
        }
    }

    /// How many tenants there are, the platform's own left out.
    async fn tenants(&self) -> usize {
        self.all("/tenants?limit=200").await.len() - 1
    }
}
