//! What a tenant's own issuer lets its tokens do, against the certified OpenID provider.

mod provider;
mod reports;
mod tokens;

use std::sync::Arc;

use companyos_server::kernel::clock::{Clock, SystemClock};
use companyos_server::testing::{ManualClock, TestServer};
use serde_json::{Value, json};

use self::provider::Realm;
use crate::support::{Answer, Api};

/// A server in development mode, and an issuer that it can reach.
struct Stage {
    api: Api,
    realm: Realm,
}

/// A tenant, and a key that may bring its adapters.
struct Tenant {
    id: String,
    etag: String,
    key: String,
}

/// Access tokens that act for a tenant have this audience.
fn audience_of(tenant: &Tenant) -> String {
    format!("urn:companyos:tenant:{}", tenant.id)
}

impl Stage {
    /// `None` when there is no provider to test against.
    async fn start() -> Option<Self> {
        let realm = Realm::make().await?;
        // The provider's tokens live by the time of day, and so does whoever waits for it.
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        Some(Self { api: Api::from(TestServer::builder().clock(clock)).await, realm })
    }

    async fn tenant(&self, name: &str) -> Tenant {
        let body = json!({ "external_id": name, "name": name });
        let created = self.api.operator("POST", "/tenants").unique().json(&body).send().await;
        assert_eq!(created.status, 201, "{}", created.text());
        let id = created.json()["id"].as_str().unwrap().to_owned();
        let (key, _) = self.api.key(Some(&id), &["adapters:read", "adapters:write"]).await;
        Tenant { etag: created.header("etag").to_owned(), id, key }
    }

    /// Registers an issuer for `tenant`; returns the path of its adapter.
    async fn register(&self, tenant: &Tenant, name: &str, settings: Value) -> String {
        let body = json!({ "name": name, "kind": "oidc", "settings": settings });
        let call = self.api.anonymous("POST", "/adapters").bearer(&tenant.key);
        let registered = call.unique().json(&body).send().await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        format!("/adapters/{}", registered.json()["id"].as_str().unwrap())
    }

    /// A tenant that trusts the issuer with the tokens that name it, and the path of that adapter.
    async fn trusting_tenant(&self, name: &str) -> (Tenant, String) {
        let tenant = self.tenant(name).await;
        let path = self.register(&tenant, "sign-in", self.settings(&audience_of(&tenant))).await;
        (tenant, path)
    }

    fn settings(&self, audience: &str) -> Value {
        json!({ "issuer": self.realm.issuer, "client_id": "companyos", "audience": audience })
    }

    /// The tenants that a token gets to see.
    async fn list(&self, token: &str) -> Answer {
        self.keep_time();
        self.api.anonymous("GET", "/tenants").bearer(token).send().await
    }

    /// Lets the server's clock catch up with the provider's.
    fn keep_time(&self) {
        self.api.clock().advance(SystemClock.now().since(self.api.clock().now()));
    }
}

/// That a token is refused, and in words that tell nobody why.
fn assert_unknown(answer: &Answer, what: &str) {
    assert_eq!((answer.status, &*answer.code()), (401, "unauthenticated"), "{what}: {}", answer.text());
    assert!(answer.header("www-authenticate").contains("invalid_token"), "{what}");
    let detail = "The API key or access token is unknown, expired or revoked.";
    assert_eq!(answer.json()["detail"], detail, "{what}");
}
