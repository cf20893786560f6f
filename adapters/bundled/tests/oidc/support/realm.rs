//! The certified provider, one issuer per test.

use std::sync::atomic::{AtomicU32, Ordering};

use companyos_adapters::oidc::{ClientAuthentication, OidcConfig, OidcProvider};
use serde_json::{Value, json};

const VARIABLE: &str = "COMPANYOS_TEST_OIDC";

/// An issuer that no other test uses.
pub(crate) struct Realm {
    pub(crate) issuer: String,
    client: reqwest::Client,
}

/// A realm made by `parts` (see the peer's header), or `None` when there is no provider to test against.
pub(crate) async fn realm(parts: Value) -> Option<Realm> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests are configured")]
    let Ok(peer) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} names no provider; `cargo contract test --only test` starts one");
        return None;
    };
    let name = format!("r{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let realm = Realm { issuer: format!("{peer}/{name}"), client: reqwest::Client::new() };
    let request = realm.client.put(format!("{}/-/realm", realm.issuer)).body(parts.to_string());
    assert_eq!(request.send().await.unwrap().status(), 201);
    Some(realm)
}

impl Realm {
    pub(crate) fn config(&self, client: &str, authentication: ClientAuthentication) -> OidcConfig {
        OidcConfig::new(&self.issuer, client, authentication).redirect_uri(super::CALLBACK)
    }

    /// The client `web`, which has a secret and may do everything.
    pub(crate) fn web(&self) -> OidcConfig {
        self.config("web", super::basic(super::WEB_SECRET))
    }

    pub(crate) async fn connect(&self, config: OidcConfig) -> OidcProvider {
        OidcProvider::connect(&super::ctx(), config).await.unwrap()
    }

    async fn steer(&self, what: &str) {
        let answer = self.client.post(format!("{}/-/{what}", self.issuer)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// Signs with new keys; `keep` publishes the old ones, too.
    pub(crate) async fn rotate(&self, keep: bool) {
        self.steer(&format!("rotate?keep={keep}")).await;
    }

    /// Answers 503 at `path` until the next call; everywhere again without one.
    pub(crate) async fn down(&self, path: Option<&str>) {
        self.steer(&path.map_or_else(|| "down".to_owned(), |path| format!("down?path={path}"))).await;
    }

    /// A token of the issuer's own key that claims whatever it is told to.
    pub(crate) async fn sign(&self, claims: &Value) -> String {
        let body = json!({ "claims": claims }).to_string();
        let answer = self.client.post(format!("{}/-/sign", self.issuer)).body(body).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// How often `path` was asked for.
    pub(crate) async fn requests(&self, path: &str) -> u64 {
        let answer = self.client.get(format!("{}/-/requests", self.issuer)).send().await.unwrap();
        let counts: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        counts[path].as_u64().unwrap_or(0)
    }
}

/// A realm as it comes.
pub(crate) fn plain() -> Value {
    json!({})
}
