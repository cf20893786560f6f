//! Asking the certified provider about people and tokens, and ending tokens.

use companyos_adapters::oidc::OidcProvider;
use companyos_adapters::traits::identity::{
    AuthorizationOptions, IdentityProvider, IntrospectOptions, RefreshOptions, RevokeOptions, TokenSet,
    UserinfoOptions, VerifyOptions,
};
use companyos_adapters::traits::{ErrorKind, Secret, TokenFault};
use serde_json::json;

use crate::support::{API, basic, ctx, plain, realm, shown, sign_in};

async fn ada(provider: &OidcProvider) -> TokenSet {
    let options = AuthorizationOptions::default()
        .scopes(["offline_access", "email", "profile"].map(str::to_owned))
        .prompt(["consent".to_owned()])
        .login_hint("ada");
    sign_in(provider, options).await
}

#[tokio::test]
async fn the_issuer_tells_about_the_person_signed_or_not() {
    let Some(realm) = realm(plain()).await else { return };
    for config in [realm.web(), realm.config("signed", basic("hush"))] {
        let provider = realm.connect(config).await;
        let tokens = ada(&provider).await;
        let options = UserinfoOptions::default().subject("ada");
        let person = provider.userinfo(&ctx(), &tokens.access_token, &options).await.unwrap();
        assert_eq!((person.sub.as_str(), &person.claims["email"]), ("ada", &json!("ada@example.test")));

        let somebody = UserinfoOptions::default().subject("bob");
        let error = provider.userinfo(&ctx(), &tokens.access_token, &somebody).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongSubject));
        let error = provider.userinfo(&ctx(), &Secret::new("invented"), &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::Inactive));
        let error = provider.userinfo(&ctx(), &Secret::new("a\r\nb: c"), &options).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "no header can be smuggled in");
    }
}

#[tokio::test]
async fn the_issuer_tells_whether_a_token_is_good_and_ends_it() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web()).await;
    let tokens = ada(&provider).await;
    let state = |token: Secret| {
        let provider = provider.clone();
        async move { provider.introspect(&ctx(), &token, &IntrospectOptions::default()).await.unwrap() }
    };
    let refresh_token = tokens.refresh_token.unwrap();
    for token in [&tokens.access_token, &refresh_token] {
        let found = state(token.clone()).await;
        assert!(found.active);
        assert_eq!((found.sub.as_deref(), found.client_id.as_deref()), (Some("ada"), Some("web")));
        assert!(found.exp.is_some() && found.scope.contains(&"email".to_owned()), "{found:?}");
    }
    let unknown = state(Secret::new("invented")).await;
    assert!(!unknown.active && unknown.sub.is_none());

    let revoke = async |token: &Secret| provider.revoke(&ctx(), token, &RevokeOptions::default()).await;
    revoke(&tokens.access_token).await.unwrap();
    assert!(!state(tokens.access_token.clone()).await.active);
    let options = UserinfoOptions::default();
    let error = provider.userinfo(&ctx(), &tokens.access_token, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::Inactive));

    revoke(&refresh_token).await.unwrap();
    revoke(&refresh_token).await.unwrap();
    revoke(&Secret::new("invented")).await.unwrap();
    let error = provider.refresh(&ctx(), &refresh_token, &RefreshOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);
    assert!(!shown(&error).contains(refresh_token.expose()));
}

#[tokio::test]
async fn an_opaque_access_token_is_not_verified_but_introspected() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = realm.connect(realm.web().access_token_audience(API)).await;
    let tokens = ada(&provider).await;
    let options = VerifyOptions::access_token();
    let error = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::Malformed));

    let provider = realm.connect(realm.web()).await;
    let error = provider.verify_token(&ctx(), &tokens.access_token, &options).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "no audience, no claim: {error}");
}
