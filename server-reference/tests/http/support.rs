//! A server to talk to, and answers that were looked at.

use std::ops::Deref;

use bytes::Bytes;
use companyos_server::testing::{TestServer, TestServerBuilder};
use companyos_types::ProblemType;
use http::{HeaderMap, Request};
use serde_json::{Value, json};

/// A test server and the operator's key.
pub(crate) struct Api(pub(crate) TestServer);

impl Deref for Api {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.0
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::from(TestServer::builder()).await
    }

    pub(crate) async fn from(builder: TestServerBuilder) -> Self {
        Self(builder.start().await.unwrap())
    }

    /// A request with the operator's key.
    pub(crate) fn operator(&self, method: &str, path: &str) -> Call<'_> {
        self.anonymous(method, path).bearer(self.operator_key())
    }

    /// A request with no credential.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Call<'_> {
        Call { api: self, request: Request::builder().method(method).uri(path), body: Bytes::new() }
    }

    /// Issues a key with these scopes, for `tenant` when it is named, and returns its text and id.
    pub(crate) async fn key(&self, tenant: Option<&str>, scopes: &[&str]) -> (String, String) {
        let mut body = json!({ "name": "test", "scopes": scopes });
        if let Some(tenant) = tenant {
            body["tenant_id"] = tenant.into();
        }
        let issued = self.operator("POST", "/api-keys").unique().json(&body).send().await;
        assert_eq!(issued.status, 201, "{}", issued.text());
        let issued = issued.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&issued["secret"]), text(&issued["api_key"]["id"]))
    }

    /// Every receipt of the operator's tenant, oldest first.
    pub(crate) async fn receipts(&self) -> Vec<Value> {
        let mut receipts = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.operator("GET", &format!("/receipts?limit=200{cursor}")).send().await;
            assert_eq!(page.status, 200, "{}", page.text());
            let page = page.json();
            receipts.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return receipts,
            }
        }
    }
}

/// A request in the making.
pub(crate) struct Call<'a> {
    api: &'a Api,
    request: http::request::Builder,
    body: Bytes,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name, value.as_ref());
        self
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("authorization", format!("Bearer {key}"))
    }

    pub(crate) fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// An idempotency key nobody else uses.
    pub(crate) fn unique(self) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = format!("unique-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.idempotency_key(&key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", media_type)
    }

    pub(crate) async fn send(self) -> Answer {
        let head_only = self.request.method_ref() == Some(&http::Method::HEAD);
        let (parts, body) = self.api.call(self.request.body(self.body).unwrap()).await.unwrap().into_parts();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, body };
        answer.look(head_only);
        answer
    }
}

/// An answer that has what every answer has.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The places and codes of the findings.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let place =
            |error: &Value| error["pointer"].as_str().or(error["parameter"].as_str()).unwrap().to_owned();
        errors.iter().map(|error| (place(error), error["code"].as_str().unwrap().to_owned())).collect()
    }

    /// What is true of every answer.
    fn look(&self, head_only: bool) {
        assert!(self.header("request-id").starts_with("req_"), "{self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(self.header("server"), "");
        assert_eq!(self.header("access-control-allow-origin"), "");
        if self.status < 400 || head_only {
            return;
        }
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        let kind = ProblemType::by_code(problem["code"].as_str().unwrap()).unwrap();
        assert_eq!(problem["type"], kind.uri());
        assert_eq!(problem["title"], kind.title);
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["retryable"], kind.retryable);
        assert_eq!(problem["trace_id"].as_str().unwrap().len(), 32);
        if self.header("idempotent-replayed").is_empty() {
            assert_eq!(problem["request_id"], self.header("request-id"));
        }
        if kind.code == "internal" {
            panic!("a defect: {}", self.text());
        }
    }
}
