//! Tokens for the client itself.

use companyos_adapters::oidc::{ClientAuthentication, ClientKey, SignatureAlgorithm};
use companyos_adapters::traits::identity::{ClientCredentialsOptions, IdentityProvider, VerifyOptions};
use companyos_adapters::traits::{Capability, ErrorKind, Secret, TokenFault};
use serde_json::json;

use crate::support::keys::KeyPair;
use crate::support::{API, basic, client_key, ctx, plain, realm, skewed};

fn read_api() -> ClientCredentialsOptions {
    ClientCredentialsOptions::default().scopes(["api:read".to_owned()])
}

#[tokio::test]
async fn a_client_obtains_a_token_for_itself() {
    let (key, jwk) = client_key(SignatureAlgorithm::Es256);
    let Some(realm) = realm(json!({ "clientKeys": { "keys": [jwk] } })).await else { return };
    for (client, authentication) in
        [("service", basic("hush")), ("service-key", ClientAuthentication::PrivateKeyJwt(key))]
    {
        let provider = realm.connect(realm.config(client, authentication).resource(API)).await;
        let tokens = provider.client_credentials(&ctx(), &read_api()).await.unwrap();
        assert!(tokens.refresh_token.is_none() && tokens.claims.is_none());
        let options = VerifyOptions::access_token().scopes(["api:read".to_owned()]);
        let claims = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap();
        assert_eq!((claims.sub.as_str(), claims.client_id.as_deref()), (client, Some(client)));

        let options = VerifyOptions::access_token().scopes(["api:write".to_owned()]);
        let error = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::InsufficientScope));
        let options = VerifyOptions::access_token().audience("https://elsewhere.example.test");
        let error = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongAudience));
        // An access token is not an ID token, whoever it is for.
        let error = provider.verify_token(&ctx(), &tokens.access_token, &VerifyOptions::id_token()).await;
        assert_eq!(error.unwrap_err().kind(), &ErrorKind::Token(TokenFault::Malformed));
    }
}

#[tokio::test]
async fn a_scope_the_client_may_not_have_is_refused() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.config("service", basic("hush"))).await;
    let options = ClientCredentialsOptions::default().scopes(["api:write".to_owned()]).resource(API);
    let error = provider.client_credentials(&ctx(), &options).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::InvalidInput, Some("invalid_scope")));
}

#[tokio::test]
async fn a_client_that_may_not_do_this_is_told_so() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let error = provider.client_credentials(&ctx(), &read_api()).await.unwrap_err();
    // The provider answers `invalid_request` where RFC 6749 has `unauthorized_client`.
    assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn what_a_client_may_not_do_need_not_be_claimed() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().without([Capability::ClientCredentials])).await;
    assert!(provider.descriptor().has(Capability::Userinfo));
    assert!(!provider.descriptor().has(Capability::ClientCredentials));
    let error = provider.client_credentials(&ctx(), &read_api()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
}

#[tokio::test]
async fn a_public_client_claims_no_client_credentials() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.config("app", ClientAuthentication::Public)).await;
    assert!(!provider.descriptor().has(Capability::ClientCredentials));
    let error = provider.client_credentials(&ctx(), &read_api()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
}

#[tokio::test]
async fn a_key_that_is_not_registered_is_not_accepted() {
    let (_, jwk) = client_key(SignatureAlgorithm::Es256);
    let (other, _) = client_key(SignatureAlgorithm::Es256);
    let Some(realm) = realm(json!({ "clientKeys": { "keys": [jwk] } })).await else { return };
    let config = realm.config("service-key", ClientAuthentication::PrivateKeyJwt(other));
    let error = realm.connect(config).await.client_credentials(&ctx(), &read_api()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn an_assertion_from_a_wrong_clock_is_told_from_a_wrong_key() {
    let (key, jwk) = client_key(SignatureAlgorithm::EdDsa);
    let Some(realm) = realm(json!({ "clientKeys": { "keys": [jwk] } })).await else { return };
    let config = realm.config("service-key", ClientAuthentication::PrivateKeyJwt(key));
    let provider = realm.connect(config.clock(skewed(-600))).await;
    let error = provider.client_credentials(&ctx(), &read_api()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::ClockSkew, "{error}");
    // A header field knows whole seconds, and some time passes on the way.
    let apart = ["599 s apart", "600 s apart", "601 s apart", "602 s apart"];
    assert!(apart.iter().any(|apart| error.message().ends_with(apart)), "{error}");
}

#[test]
fn a_key_must_be_one_for_its_algorithm() {
    let es256 = KeyPair::generate(SignatureAlgorithm::Es256, "k").pem();
    for algorithm in SignatureAlgorithm::ALL {
        let key = ClientKey::from_pem(&es256, algorithm);
        assert_eq!(key.is_ok(), algorithm == SignatureAlgorithm::Es256, "{algorithm:?}");
    }
    let error = ClientKey::from_pem(&Secret::new("no key"), SignatureAlgorithm::Es256);
    assert_eq!(error.unwrap_err().kind(), &ErrorKind::InvalidInput);
}
