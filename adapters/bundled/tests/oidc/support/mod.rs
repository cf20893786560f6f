//! What the tests share.

mod browser;
pub(crate) mod forge;
pub(crate) mod keys;
mod realm;

pub(crate) use browser::Browser;
pub(crate) use realm::{Realm, plain, realm};

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use companyos_adapters::oidc::{ClientAuthentication, ClientKey, OidcProvider, SignatureAlgorithm};
use companyos_adapters::traits::clock::{Clock, ManualClock, SystemClock};
use companyos_adapters::traits::identity::{
    AuthorizationOptions, ExchangeOptions, IdentityProvider, PendingAuthorization, TokenSet,
};
use companyos_adapters::traits::{Context, Error, Secret};

/// What `contract-tests/peers/oidc/peer.mjs` knows.
pub(crate) const CALLBACK: &str = "http://127.0.0.1:9/callback";
pub(crate) const MFA: &str = "urn:example:mfa";
pub(crate) const API: &str = "https://api.example.test";
/// Full of characters that must be encoded on the way.
pub(crate) const WEB_SECRET: &str = "hush: 50% + more/than=that?";

pub(crate) fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}

pub(crate) fn basic(secret: &str) -> ClientAuthentication {
    ClientAuthentication::SecretBasic(Secret::new(secret))
}

/// A new key of a client, and its public half as a JWK.
pub(crate) fn client_key(algorithm: SignatureAlgorithm) -> (ClientKey, serde_json::Value) {
    let key = keys::KeyPair::generate(algorithm, "client-key");
    (ClientKey::from_pem(&key.pem(), algorithm).unwrap().kid("client-key"), key.jwk())
}

/// A clock that is wrong by so many seconds.
pub(crate) fn skewed(seconds: i64) -> Arc<dyn Clock> {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemClock.wall();
    Arc::new(ManualClock::starting_at(if seconds < 0 { now - by } else { now + by }))
}

/// Signs somebody in: through the browser and back.
pub(crate) async fn sign_in(provider: &OidcProvider, options: AuthorizationOptions) -> TokenSet {
    let (code, pending) = authorize(provider, options).await;
    provider.exchange(&ctx(), &code, &pending, &ExchangeOptions::default()).await.unwrap()
}

/// Lets the browser go to the issuer and come back with a code.
pub(crate) async fn authorize(
    provider: &OidcProvider,
    options: AuthorizationOptions,
) -> (Secret, PendingAuthorization) {
    let request = provider.authorization_url(&ctx(), &options).await.unwrap();
    let back = Browser::new().visit(request.url.expose()).await.redirected();
    let query =
        |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    request.pending.check_state(&query("state").unwrap()).unwrap();
    (Secret::new(query("code").unwrap_or_else(|| panic!("no code in {back}"))), request.pending)
}

/// Everything that an error would show to somebody who prints it, causes included.
pub(crate) fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}
