//! Keys that change, and an issuer that is down, at the certified provider.

use std::time::Duration;

use companyos_adapters::oidc::OidcProvider;
use companyos_adapters::traits::identity::{ClientCredentialsOptions, IdentityProvider, VerifyOptions};
use companyos_adapters::traits::{ErrorKind, Secret, TokenFault};

use crate::support::{API, Realm, basic, ctx, plain, realm};

async fn connect(realm: &Realm) -> OidcProvider {
    realm.connect(realm.config("service", basic("hush")).resource(API)).await
}

async fn token(provider: &OidcProvider) -> Secret {
    let options = ClientCredentialsOptions::default().scopes(["api:read".to_owned()]);
    provider.client_credentials(&ctx(), &options).await.unwrap().access_token
}

async fn verify(provider: &OidcProvider, token: &Secret) -> Result<(), ErrorKind> {
    let result = provider.verify_token(&ctx(), token, &VerifyOptions::access_token()).await;
    result.map(drop).map_err(|error| error.kind().clone())
}

#[tokio::test]
async fn a_token_of_a_new_key_is_accepted_and_one_of_a_withdrawn_key_no_longer() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = connect(&realm).await;
    let old = token(&provider).await;
    assert_eq!(verify(&provider, &old).await, Ok(()));
    assert_eq!(realm.requests("/jwks").await, 1);

    realm.rotate(true).await;
    let new = token(&provider).await;
    assert_eq!(verify(&provider, &new).await, Ok(()));
    assert_eq!(verify(&provider, &old).await, Ok(()), "the old key is still published");
    assert_eq!(realm.requests("/jwks").await, 2);

    realm.rotate(false).await;
    let provider = connect(&realm).await;
    assert_eq!(verify(&provider, &old).await, Err(ErrorKind::Token(TokenFault::UnknownKey)));
}

#[tokio::test]
async fn an_outage_of_the_keys_is_survived_with_those_that_are_held_and_named_without() {
    let Some(realm) = realm(plain()).await else { return };
    let provider = connect(&realm).await;
    let good = token(&provider).await;
    assert_eq!(verify(&provider, &good).await, Ok(()));
    realm.down(Some("/jwks")).await;
    assert_eq!(verify(&provider, &good).await, Ok(()));

    let cold = connect(&realm).await;
    assert_eq!(verify(&cold, &good).await, Err(ErrorKind::KeysUnavailable));
    realm.down(None).await;
    // A failure is not repeated within a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(verify(&cold, &good).await, Ok(()));
}
