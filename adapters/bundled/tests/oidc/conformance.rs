//! The conformance suite for identity providers, against the certified provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_adapters::oidc::{OidcProvider, SignatureAlgorithm};
use companyos_adapters::traits::clock::{Clock, SystemClock};
use companyos_adapters::traits::conformance::identity::{self, Driver, Flaw, Settings};
use companyos_adapters::traits::conformance::{self, Verdict};
use companyos_adapters::traits::identity::{
    AuthorizationOptions, AuthorizationRequest, AuthorizationResponse, ClientCredentialsOptions,
    DeviceAuthorization,
};
use companyos_adapters::traits::{Capability, Error, Secret};
use serde_json::{Value, json};

use crate::support::keys::KeyPair;
use crate::support::{API, Browser, Realm, basic, realm};

/// How long the adapter holds keys here, so that they can be taken away within the life of a token.
const HOLD: Duration = Duration::from_secs(60);

/// The machine's clock, ahead by so many seconds.
#[derive(Debug, Default)]
struct Ahead(AtomicU64);

impl Ahead {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    fn by(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl Clock for Ahead {
    fn now(&self) -> Instant {
        SystemClock.now() + self.by()
    }

    fn wall(&self) -> SystemTime {
        SystemClock.wall() + self.by()
    }
}

/// What access tokens are good for. Those for an API are JWTs, which anybody can verify and this issuer does not take
/// back; the others are opaque, and only the issuer reads them.
#[derive(Clone, Copy)]
enum Tokens {
    ForAnApi,
    ForTheIssuer,
}

/// Somebody who signs in and confirms with a browser, at an issuer of their own.
struct Person {
    realm: Realm,
    clock: Arc<Ahead>,
}

impl Person {
    async fn new() -> Option<Self> {
        // Keys of this kind are made fast, and there is an issuer per check.
        Some(Self { realm: realm(json!({ "keys": ["ES256"] })).await?, clock: Arc::default() })
    }

    async fn provider(&self, tokens: Tokens) -> OidcProvider {
        let config = self.realm.config("everything", basic("hush"));
        let config = match tokens {
            Tokens::ForAnApi => config.resource(API).without([Capability::Userinfo, Capability::Introspect]),
            Tokens::ForTheIssuer => config,
        };
        let config = config
            .capabilities([Capability::RefreshRotation])
            .keys_lifetime(HOLD, Duration::ZERO)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>);
        self.realm.connect(config).await
    }

    fn seconds(&self, from_now: i64) -> Value {
        let now = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        json!(i64::try_from(now).unwrap() + from_now)
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.realm.issuer,
            "sub": "alice",
            "aud": "everything",
            "iat": self.seconds(0),
            "exp": self.seconds(300),
        })
    }

    async fn symmetric(&self) -> Secret {
        let jwks = reqwest::get(format!("{}/jwks", self.realm.issuer)).await.unwrap().text().await.unwrap();
        let jwks: Value = serde_json::from_str(&jwks).unwrap();
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = json!({ "alg": "HS256", "kid": jwks["keys"][0]["kid"], "typ": "JWT" });
        let signed = format!("{}.{}", encode(&header), encode(&self.claims()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, jwks["keys"][0].to_string().as_bytes());
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))))
    }
}

#[async_trait]
impl Driver for Person {
    async fn sign_in(&self, request: &AuthorizationRequest) -> Result<AuthorizationResponse, Error> {
        let back = Browser::new().visit(request.url.expose()).await.redirected();
        let query = |name: &str| {
            let pair = back.query_pairs().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.into_owned()).unwrap_or_else(|| panic!("no {name} in {back}"))
        };
        Ok(AuthorizationResponse::new(Secret::new(query("code")), query("state")).with_issuer(query("iss")))
    }

    async fn wait(&self, _: Duration) {
        // This issuer does not mind being asked at once.
    }

    fn authorization_options(&self) -> AuthorizationOptions {
        AuthorizationOptions::default()
            .scopes(["offline_access", "email", "api:read"].map(str::to_owned))
            .prompt(["consent".to_owned()])
    }

    fn client_credentials(&self) -> ClientCredentialsOptions {
        ClientCredentialsOptions::default().scopes(["api:read".to_owned()])
    }

    async fn answer_device(&self, flow: &DeviceAuthorization, confirm: bool) -> Result<bool, Error> {
        let answer = if confirm { ("confirm", "yes") } else { ("abort", "yes") };
        crate::device::answer(flow, answer).await;
        Ok(true)
    }

    async fn flawed_token(&self, flaw: Flaw) -> Result<Option<Secret>, Error> {
        let mut claims = self.claims();
        match flaw {
            Flaw::Expired => claims["exp"] = self.seconds(-3600),
            Flaw::NotYetValid => claims["nbf"] = self.seconds(3600),
            Flaw::OtherIssuer => claims["iss"] = json!("https://elsewhere.example.test"),
            Flaw::OtherAudience => claims["aud"] = json!("elsewhere"),
            Flaw::OtherAuthorizedParty => {
                claims["aud"] = json!(["everything", "elsewhere"]);
                claims["azp"] = json!("elsewhere");
            }
            Flaw::NoExpiry => drop(claims.as_object_mut().unwrap().remove("exp")),
            Flaw::UnknownKey => {
                let stranger = KeyPair::generate(SignatureAlgorithm::Es256, "unknown");
                return Ok(Some(Secret::new(stranger.sign(&claims))));
            }
            Flaw::SymmetricAlgorithm => return Ok(Some(self.symmetric().await)),
            _ => return Ok(None),
        }
        Ok(Some(Secret::new(self.realm.sign(&claims).await)))
    }

    async fn set_keys_available(&self, available: bool) -> Result<bool, Error> {
        self.realm.down((!available).then_some("/jwks")).await;
        // Past what is held; or past the pause after a failure.
        self.clock.advance(if available { Duration::from_secs(1) } else { HOLD });
        Ok(true)
    }
}

/// Makes every check at an issuer of its own, and returns those that were skipped. `None` without a provider.
async fn check(tokens: Tokens) -> Option<Vec<&'static str>> {
    let mut skipped = Vec::new();
    for name in identity::names() {
        let person = Person::new().await?;
        let result =
            identity::check(&(person.provider(tokens).await, person), &Settings::default(), name).await;
        conformance::conclude(&result);
        if let Verdict::Skipped(_) = result.verdict {
            skipped.push(name);
        }
    }
    Some(skipped)
}

/// This issuer sends no `at_hash` with a code; `tokens.rs` has one that does.
const NO_HASH: &str = "an_id_token_of_another_access_token_is_refused";

#[tokio::test]
async fn the_adapter_passes_the_suite_with_access_tokens_for_an_api() {
    let Some(skipped) = check(Tokens::ForAnApi).await else { return };
    assert_eq!(skipped, [NO_HASH]);
}

#[tokio::test]
async fn the_adapter_passes_the_suite_with_access_tokens_for_the_issuer() {
    let Some(skipped) = check(Tokens::ForTheIssuer).await else { return };
    let of_access_tokens = ["an_access_token_for_another_audience_is_refused", "a_scope_can_be_required"];
    assert_eq!(skipped, [[NO_HASH].as_slice(), &of_access_tokens].concat());
}
