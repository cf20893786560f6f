//! An issuer made to misbehave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapters::oidc::{OidcConfig, OidcProvider, SignatureAlgorithm};
use companyos_adapters::traits::clock::{Clock, ManualClock, SystemClock};
use companyos_adapters::traits::identity::{Claims, IdentityProvider, VerifyOptions};
use companyos_adapters::traits::{Capability, Error, Secret};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockGuard, MockServer, ResponseTemplate};

use super::keys::KeyPair;
use super::{API, CALLBACK, basic, ctx};

/// An issuer whose every answer a test decides, at a time that a test decides.
pub(crate) struct Forge {
    server: MockServer,
    answers: HashMap<&'static str, MockGuard>,
    pub(crate) key: KeyPair,
    pub(crate) clock: Arc<ManualClock>,
}

impl Forge {
    pub(crate) async fn start() -> Self {
        Self::signing(SignatureAlgorithm::Es256).await
    }

    /// A well-behaved issuer with one key.
    pub(crate) async fn signing(algorithm: SignatureAlgorithm) -> Self {
        let mut forge = Self {
            server: MockServer::start().await,
            answers: HashMap::new(),
            key: KeyPair::generate(algorithm, "first"),
            // A whole second, so that the edges of times are exact.
            clock: Arc::new(ManualClock::starting_at(
                SystemTime::UNIX_EPOCH + Duration::from_secs(seconds()),
            )),
        };
        let metadata = forge.metadata();
        forge.answer_json("/.well-known/openid-configuration", 200, &metadata).await;
        forge.publish(&[forge.key.jwk()]).await;
        forge
    }

    pub(crate) fn issuer(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer());
        json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("/auth"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/me"),
            "introspection_endpoint": at("/introspect"),
            "revocation_endpoint": at("/revoke"),
            "end_session_endpoint": at("/end"),
            "device_authorization_endpoint": at("/device"),
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// From now on, `path` answers like this.
    pub(crate) async fn answer(&mut self, at: &'static str, answer: ResponseTemplate) {
        self.answers.remove(at);
        let guard = Mock::given(path(at)).respond_with(answer).mount_as_scoped(&self.server).await;
        self.answers.insert(at, guard);
    }

    pub(crate) async fn answer_json(&mut self, at: &'static str, status: u16, body: &Value) {
        self.answer(at, ResponseTemplate::new(status).set_body_json(body)).await;
    }

    pub(crate) async fn publish(&mut self, keys: &[Value]) {
        self.answer_json("/jwks", 200, &json!({ "keys": keys })).await;
    }

    /// How often `path` was asked for.
    pub(crate) async fn requests(&self, path: &str) -> usize {
        let seen = self.server.received_requests().await.unwrap();
        seen.iter().filter(|request| request.url.path() == path).count()
    }

    pub(crate) fn config(&self) -> OidcConfig {
        OidcConfig::new(self.issuer(), "web", basic("hush-client-secret"))
            .redirect_uri(CALLBACK)
            .resource(API)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .capabilities([
                Capability::Userinfo,
                Capability::Introspect,
                Capability::Revoke,
                Capability::EndSession,
                Capability::ClientCredentials,
                Capability::DeviceFlow,
            ])
    }

    pub(crate) fn provider(&self) -> OidcProvider {
        OidcProvider::new(self.config()).unwrap()
    }

    /// Seconds since 1970 at the issuer, so far from now.
    pub(crate) fn time(&self, from_now: i64) -> i64 {
        let now = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        i64::try_from(now).unwrap() + from_now
    }

    /// The claims of a good ID token, and on top of them `more`; null takes a claim away.
    pub(crate) fn claims(&self, more: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer(),
            "sub": "ada",
            "aud": "web",
            "iat": self.time(0),
            "exp": self.time(300),
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        claims
    }

    pub(crate) fn id_token(&self, more: Value) -> Secret {
        Secret::new(self.key.sign(&self.claims(more)))
    }
}

/// Verifies an ID token.
pub(crate) async fn verify(provider: &OidcProvider, token: &Secret) -> Result<Claims, Error> {
    provider.verify_token(&ctx(), token, &VerifyOptions::id_token()).await
}

fn seconds() -> u64 {
    SystemClock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
