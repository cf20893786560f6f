//! The certified provider, one issuer per test; `contract-tests/peers/oidc/peer.mjs` says what it can be told to do.

use std::sync::atomic::{AtomicU32, Ordering};

use companyos_adapters::oidc::{ClientAuthentication, OidcConfig, OidcProvider};
use companyos_adapters::traits::identity::{
    AuthorizationOptions, ClientCredentialsOptions, ExchangeOptions, IdentityProvider,
};
use companyos_adapters::traits::{Context, Secret};
use serde_json::{Value, json};
use url::Url;

const VARIABLE: &str = "COMPANYOS_TEST_OIDC";

/// An issuer that no other test uses.
pub(super) struct Realm {
    pub(super) issuer: String,
    client: reqwest::Client,
}

impl Realm {
    /// `None` when there is no provider to test against.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(super) async fn make() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "the one place where these tests are configured")]
        let Ok(peer) = std::env::var(VARIABLE) else {
            eprintln!("skipped: {VARIABLE} names no provider; `cargo contract test --only test` starts one");
            return None;
        };
        let name = format!("server-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let realm = Self { issuer: format!("{peer}/{name}"), client: reqwest::Client::new() };
        let parts = json!({ "scopes": ["tenants:read", "tenants:write"] });
        let request = realm.client.put(format!("{}/-/realm", realm.issuer)).body(parts.to_string());
        assert_eq!(request.send().await.unwrap().status(), 201);
        Some(realm)
    }

    /// A token that a service obtained for itself, to use at `resource` within `scopes`.
    pub(super) async fn access_token(&self, resource: &str, scopes: &[&str]) -> String {
        let secret = ClientAuthentication::SecretBasic(Secret::new("hush"));
        let provider = self.connect("service", secret).await;
        let options = ClientCredentialsOptions::default()
            .scopes(scopes.iter().map(|scope| (*scope).to_owned()))
            .resource(resource);
        provider.client_credentials(&ctx(), &options).await.unwrap().access_token.expose().to_owned()
    }

    /// What says who signed in, and is for the application alone.
    pub(super) async fn id_token(&self) -> String {
        let provider = self.connect("app", ClientAuthentication::Public).await;
        let options = AuthorizationOptions::default();
        let request = provider.authorization_url(&ctx(), &options).await.unwrap();
        let walked = self.ask("sign-in", &json!({ "url": request.url.expose() })).await;
        let back = Url::parse(walked["location"].as_str().unwrap()).unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let options = ExchangeOptions::default();
        let tokens = provider.exchange(&ctx(), &Secret::new(code), &request.pending, &options).await.unwrap();
        tokens.id_token.unwrap().expose().to_owned()
    }

    /// A token of the issuer's own key that claims whatever it is told to.
    pub(super) async fn sign(&self, typ: &str, claims: &Value) -> String {
        let signed = self.ask("sign", &json!({ "typ": typ, "claims": claims })).await;
        signed["token"].as_str().unwrap().to_owned()
    }

    /// Answers 503 at `path`, and nowhere else.
    pub(super) async fn down(&self, path: &str) {
        self.ask(&format!("down?path={path}"), &json!({})).await;
    }

    async fn connect(&self, client: &str, authentication: ClientAuthentication) -> OidcProvider {
        let config = OidcConfig::new(&self.issuer, client, authentication);
        OidcProvider::connect(&ctx(), config.redirect_uri("http://127.0.0.1:9/callback")).await.unwrap()
    }

    async fn ask(&self, what: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}/-/{what}", self.issuer)).body(body.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

fn ctx() -> Context {
    Context::builder("acme", "eu-west-1").build()
}
