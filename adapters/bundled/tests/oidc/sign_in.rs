//! The authorization code flow, with a browser, against the certified provider.

use std::time::Duration;

use companyos_adapters::oidc::{ClientAuthentication, SignatureAlgorithm};
use companyos_adapters::traits::identity::{
    AuthenticationRequirement, AuthorizationOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions,
    IdentityProvider, RefreshOptions, VerifyOptions,
};
use companyos_adapters::traits::{Capability, ErrorKind, Outcome, Secret, TokenFault};
use serde_json::json;

use crate::support::{
    API, Browser, CALLBACK, MFA, WEB_SECRET, authorize, client_key, ctx, plain, realm, shown, sign_in,
};

fn offline() -> AuthorizationOptions {
    AuthorizationOptions::default()
        .scopes(["offline_access", "email", "api:read"].map(str::to_owned))
        .prompt(["consent".to_owned()])
        .login_hint("ada")
}

#[tokio::test]
async fn discovery_says_what_the_issuer_offers_and_the_adapter_claims_it() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let metadata = provider.discover(&ctx(), &DiscoverOptions::default()).await.unwrap();
    assert_eq!(metadata.issuer, realm.issuer);
    assert_eq!(metadata.token_endpoint, Some(format!("{}/token", realm.issuer)));
    assert_eq!(metadata.code_challenge_methods, ["S256"]);
    assert!(metadata.id_token_algorithms.contains(&"RS256".to_owned()));
    assert!(metadata.acr_values.contains(&MFA.to_owned()));
    assert!(metadata.grant_types.contains(&"client_credentials".to_owned()));
    for capability in [
        Capability::Userinfo,
        Capability::Introspect,
        Capability::Revoke,
        Capability::EndSession,
        Capability::ClientCredentials,
        Capability::DeviceFlow,
    ] {
        assert!(provider.descriptor().has(capability), "{capability}");
    }
    provider.descriptor().check().unwrap();
    assert_eq!(realm.requests("/.well-known/openid-configuration").await, 1);
    provider.discover(&ctx(), &DiscoverOptions::default().refresh()).await.unwrap();
    assert_eq!(realm.requests("/.well-known/openid-configuration").await, 2);
}

#[tokio::test]
async fn somebody_signs_in_and_the_id_token_says_who() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().resource(API)).await;
    let tokens = sign_in(&provider, offline()).await;

    let claims = tokens.claims.unwrap();
    assert_eq!((claims.sub.as_str(), claims.iss.as_str()), ("ada", realm.issuer.as_str()));
    assert_eq!(claims.aud, ["web"]);
    assert!(claims.iat.is_some() && claims.auth_time.is_some());
    assert!(tokens.refresh_token.is_some());
    assert_eq!(tokens.token_type, "Bearer");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(300)));

    let options = VerifyOptions::access_token().scopes(["api:read".to_owned()]);
    let access = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap();
    assert_eq!((access.sub.as_str(), access.client_id.as_deref()), ("ada", Some("web")));
    assert_eq!(access.aud, [API]);
}

#[tokio::test]
async fn every_way_for_a_client_to_show_who_it_is_is_accepted() {
    let algorithms = [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa]
        .into_iter()
        .chain([SignatureAlgorithm::Rs256, SignatureAlgorithm::Ps256, SignatureAlgorithm::Ps512]);
    let mut ways = vec![
        ("web", ClientAuthentication::SecretBasic(Secret::new(WEB_SECRET)), json!({})),
        ("web-post", ClientAuthentication::SecretPost(Secret::new("hush")), json!({})),
        ("app", ClientAuthentication::Public, json!({})),
    ];
    for algorithm in algorithms {
        let (key, jwk) = client_key(algorithm);
        ways.push((
            "web-key",
            ClientAuthentication::PrivateKeyJwt(key),
            json!({ "clientKeys": { "keys": [jwk] } }),
        ));
    }
    for (client, authentication, parts) in ways {
        let name = format!("{client} {authentication:?}");
        let Some(realm) = realm(parts).await else { return };
        let provider = realm.connect(realm.config(client, authentication)).await;
        let claims = sign_in(&provider, AuthorizationOptions::default()).await.claims.unwrap();
        assert_eq!((claims.sub.as_str(), claims.aud), ("alice", vec![client.to_owned()]), "{name}");
    }
}

#[tokio::test]
async fn every_algorithm_is_verified() {
    for algorithm in SignatureAlgorithm::ALL {
        let Some(realm) = realm(json!({ "keys": [algorithm.as_str()] })).await else { return };
        let provider = realm.connect(realm.web().resource(API).algorithms([algorithm])).await;
        let tokens = sign_in(&provider, offline()).await;
        assert_eq!(tokens.claims.unwrap().sub, "ada", "{algorithm:?}");
        provider.verify_token(&ctx(), &tokens.access_token, &VerifyOptions::access_token()).await.unwrap();

        let others = SignatureAlgorithm::ALL.into_iter().filter(|other| *other != algorithm);
        let provider = realm.connect(realm.web().algorithms(others)).await;
        let error = provider
            .verify_token(&ctx(), &tokens.id_token.unwrap(), &VerifyOptions::id_token())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::AlgorithmRefused), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_not_accepted_and_not_shown() {
    let Some(realm) = realm(plain()).await else { return };
    let good = realm.connect(realm.web()).await;
    let (code, pending) = authorize(&good, AuthorizationOptions::default()).await;
    let config = realm.config("web", ClientAuthentication::SecretBasic(Secret::new("open sesame")));
    let bad = realm.connect(config).await;
    let error = bad.exchange(&ctx(), &code, &pending, &ExchangeOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::Unauthenticated, Outcome::Answered));
    assert_eq!(error.provider_code(), Some("invalid_client"));
    for secret in ["open sesame", code.expose(), pending.verifier.expose()] {
        assert!(!shown(&error).contains(secret), "{}", shown(&error));
        assert!(!format!("{bad:?}").contains(secret));
    }
}

#[tokio::test]
async fn a_code_is_good_once_with_its_own_verifier_and_redirect() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let begin = || authorize(&provider, AuthorizationOptions::default());
    let options = ExchangeOptions::default();

    let (code, mut pending) = begin().await;
    pending.verifier = Secret::new("x".repeat(43));
    let error = provider.exchange(&ctx(), &code, &pending, &options).await.unwrap_err();
    assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::GrantRefused, Some("invalid_grant")));

    let (code, mut pending) = begin().await;
    pending.redirect_uri = format!("{CALLBACK}/elsewhere");
    let error = provider.exchange(&ctx(), &code, &pending, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);

    let (code, mut pending) = begin().await;
    pending.nonce = Secret::new("of another flow");
    let error = provider.exchange(&ctx(), &code, &pending, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongNonce));

    let (code, pending) = begin().await;
    provider.exchange(&ctx(), &code, &pending, &options).await.unwrap();
    let error = provider.exchange(&ctx(), &code, &pending, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);
}

#[tokio::test]
async fn a_redirect_with_another_state_is_refused() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let first = provider.authorization_url(&ctx(), &AuthorizationOptions::default()).await.unwrap();
    let second = provider.authorization_url(&ctx(), &AuthorizationOptions::default()).await.unwrap();
    let error = first.pending.check_state(second.pending.state.expose()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);
    assert!(!first.pending.nonce.matches(second.pending.nonce.expose()));
    assert!(!first.pending.verifier.matches(second.pending.verifier.expose()));
}

#[tokio::test]
async fn who_declines_comes_back_without_a_code() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let options = AuthorizationOptions::default().login_hint("nobody");
    let request = provider.authorization_url(&ctx(), &options).await.unwrap();
    let back = Browser::new().visit(request.url.expose()).await.redirected();
    assert!(back.query().unwrap().contains("error=access_denied"), "{back}");
    assert!(!back.query().unwrap().contains("code="));
}

#[tokio::test]
async fn more_than_one_factor_can_be_asked_for_and_insisted_on() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().resource(API)).await;
    let insist = ExchangeOptions::default().authentication(AuthenticationRequirement::multi_factor([]));

    let (code, pending) = authorize(&provider, AuthorizationOptions::default()).await;
    let error = provider.exchange(&ctx(), &code, &pending, &insist).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::InsufficientAuthentication));

    let strong = offline().acr([MFA.to_owned()]);
    let (code, pending) = authorize(&provider, strong).await;
    let tokens = provider.exchange(&ctx(), &code, &pending, &insist).await.unwrap();
    let claims = tokens.claims.unwrap();
    assert_eq!(claims.acr.as_deref(), Some(MFA));
    assert!(claims.amr.contains(&"otp".to_owned()), "{:?}", claims.amr);

    // The access token says so, too, and a resource server can insist on it.
    let required = AuthenticationRequirement::default().acr([MFA.to_owned()]);
    let options = VerifyOptions::access_token().authentication(required);
    provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap();
}

#[tokio::test]
async fn an_authentication_that_is_too_old_is_refused() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().clock_tolerance(Duration::ZERO)).await;
    let options = AuthorizationOptions::default().max_age(Duration::from_secs(1));
    let (code, pending) = authorize(&provider, options).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let error = provider.exchange(&ctx(), &code, &pending, &ExchangeOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::InsufficientAuthentication), "{error}");
}

#[tokio::test]
async fn a_refresh_rotates_and_a_reuse_ends_the_family() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().resource(API).capabilities([Capability::RefreshRotation])).await;
    let first = sign_in(&provider, offline()).await.refresh_token.unwrap();
    let options = RefreshOptions::default().subject("ada");

    let second = provider.refresh(&ctx(), &first, &options).await.unwrap();
    assert_eq!(second.claims.as_ref().unwrap().sub, "ada");
    let newer = second.refresh_token.unwrap();
    assert!(!newer.matches(first.expose()));
    provider.verify_token(&ctx(), &second.access_token, &VerifyOptions::access_token()).await.unwrap();

    let error = provider.refresh(&ctx(), &first, &options).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::RefreshReused, Outcome::Answered));
    assert!(!shown(&error).contains(first.expose()));
    let error = provider.refresh(&ctx(), &newer, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused, "the family has ended");
}

#[tokio::test]
async fn a_refresh_can_ask_for_less_and_is_about_the_same_person() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().resource(API)).await;
    let token = sign_in(&provider, offline()).await.refresh_token.unwrap();
    let options = RefreshOptions::default().scopes(["openid", "api:read"].map(str::to_owned));
    let tokens = provider.refresh(&ctx(), &token, &options).await.unwrap();
    assert!(!tokens.scope.contains(&"email".to_owned()), "{:?}", tokens.scope);

    let somebody = RefreshOptions::default().subject("bob");
    let error = provider.refresh(&ctx(), &tokens.refresh_token.unwrap(), &somebody).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongSubject));
    let error = provider.refresh(&ctx(), &Secret::new("invented"), &somebody).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_comes_back() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let mut browser = Browser::new();
    let request = provider.authorization_url(&ctx(), &AuthorizationOptions::default()).await.unwrap();
    let back = browser.visit(request.url.expose()).await.redirected();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let options = ExchangeOptions::default();
    let tokens = provider.exchange(&ctx(), &Secret::new(code), &request.pending, &options).await.unwrap();

    let silent = AuthorizationOptions::default().prompt(["none".to_owned()]);
    let request = provider.authorization_url(&ctx(), &silent).await.unwrap();
    let back = browser.visit(request.url.expose()).await.redirected();
    assert!(back.query().unwrap().contains("code="), "the session lives: {back}");

    let options = EndSessionOptions::default()
        .id_token_hint(tokens.id_token.unwrap())
        .post_logout_redirect_uri("http://127.0.0.1:9/bye")
        .state(Secret::new("so long"));
    let url = provider.end_session_url(&ctx(), &options).await.unwrap();
    let page = browser.visit(url.expose()).await.page();
    let back = browser.submit(&page, &[("logout", "yes")]).await.redirected();
    assert_eq!(back.path(), "/bye");
    assert!(back.query_pairs().any(|pair| pair == ("state".into(), "so long".into())), "{back}");

    let request = provider.authorization_url(&ctx(), &silent).await.unwrap();
    let back = browser.visit(request.url.expose()).await.redirected();
    assert!(back.query().unwrap().contains("error=login_required"), "the session has ended: {back}");
}
