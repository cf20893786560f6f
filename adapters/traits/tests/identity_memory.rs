//! The provider in memory behaves as a real one, by the clock it is given.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use companyos_adapter_traits::clock::{Clock, ManualClock};
use companyos_adapter_traits::identity::{
    AuthenticationRequirement, AuthorizationOptions, AuthorizationResponse, ClientCredentialsOptions,
    DevicePoll, DevicePollOptions, DeviceStartOptions, ExchangeOptions, IdentityProvider,
    IdentityProviderExt, IntrospectOptions, MemoryIdentity, RefreshOptions, RevokeOptions, TokenKind,
    TokenSet, User, UserinfoOptions, VerifyOptions, amr,
};
use companyos_adapter_traits::{Capability, Context, Error, ErrorKind, Secret, TokenFault};

type Test = Result<(), Box<dyn std::error::Error>>;

fn provider() -> (MemoryIdentity, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30)));
    let ada = User::new("ada").signing_in_with([amr::PWD, amr::HWK]).claim("email", "ada@example.test");
    let provider = MemoryIdentity::new().with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
    (provider.with_user(ada).with_user(User::new("bob")), clock)
}

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

fn offline() -> AuthorizationOptions {
    AuthorizationOptions::default().scopes(["offline_access".to_owned(), "read".to_owned()])
}

async fn sign_in(provider: &MemoryIdentity, sub: &str) -> Result<TokenSet, Error> {
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    let response = provider.sign_in(&request.url, sub)?;
    provider.complete(&ctx(), &request.pending, &response, &ExchangeOptions::default()).await
}

fn secret(token: &Option<Secret>) -> Result<&Secret, String> {
    token.as_ref().ok_or_else(|| "no such token was issued".to_owned())
}

fn kind<T>(result: Result<T, Error>) -> Result<ErrorKind, String> {
    result.err().map(|error| error.kind().clone()).ok_or_else(|| "the call succeeded".to_owned())
}

#[tokio::test]
async fn who_signed_in_is_told_everywhere() -> Test {
    let (provider, clock) = provider();
    let tokens = sign_in(&provider, "ada").await?;
    let claims = tokens.claims.ok_or("claims")?;
    assert_eq!(
        (claims.sub.as_str(), claims.amr.as_slice()),
        ("ada", ["pwd", "hwk"].map(String::from).as_slice())
    );
    assert_eq!(claims.auth_time, Some(clock.wall()));
    assert_eq!(claims.extra["email"], "ada@example.test");
    let access = provider.verify_token(&ctx(), &tokens.access_token, &VerifyOptions::access_token()).await?;
    assert_eq!((access.sub.as_str(), access.client_id.as_deref()), ("ada", Some("client")));
    assert_eq!(access.scope, ["openid", "offline_access", "read"]);
    let info = provider.userinfo(&ctx(), &tokens.access_token, &UserinfoOptions::default()).await?;
    assert_eq!(info.claims["email"], "ada@example.test");
    Ok(())
}

#[tokio::test]
async fn everything_ends_by_the_clock() -> Test {
    let (provider, clock) = provider();
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    let response = provider.sign_in(&request.url, "ada")?;
    let tokens = sign_in(&provider, "ada").await?;
    let refresh = secret(&tokens.refresh_token)?;

    clock.advance(Duration::from_secs(60));
    let late = provider.exchange(&ctx(), &response.code, &request.pending, &ExchangeOptions::default()).await;
    assert_eq!(kind(late)?, ErrorKind::GrantRefused);

    let (id, options) = (secret(&tokens.id_token)?, VerifyOptions::id_token());
    clock.advance(Duration::from_secs(239));
    provider.verify_token(&ctx(), id, &options).await?;
    clock.advance(Duration::from_secs(1));
    let expired = ErrorKind::Token(TokenFault::Expired);
    assert_eq!(kind(provider.verify_token(&ctx(), id, &options).await)?, expired);
    provider.clone().with_tolerance(Duration::from_secs(1)).verify_token(&ctx(), id, &options).await?;
    let info = provider.userinfo(&ctx(), &tokens.access_token, &UserinfoOptions::default()).await;
    assert_eq!(kind(info)?, ErrorKind::Token(TokenFault::Inactive));

    clock.advance(Duration::from_secs(3300));
    let refreshed = provider.refresh(&ctx(), refresh, &RefreshOptions::default()).await;
    assert_eq!(kind(refreshed)?, ErrorKind::GrantRefused);
    Ok(())
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_what_came_of_the_sign_in_and_nothing_else() -> Test {
    let (provider, _) = provider();
    let (first, other) = (sign_in(&provider, "ada").await?, sign_in(&provider, "ada").await?);
    let stolen = secret(&first.refresh_token)?;
    let second = provider.refresh(&ctx(), stolen, &RefreshOptions::default()).await?;
    let again = provider.refresh(&ctx(), stolen, &RefreshOptions::default()).await;
    assert_eq!(kind(again)?, ErrorKind::RefreshReused);
    let newest = provider.refresh(&ctx(), secret(&second.refresh_token)?, &RefreshOptions::default()).await;
    assert_eq!(kind(newest)?, ErrorKind::GrantRefused);
    let options = IntrospectOptions::default();
    assert!(!provider.introspect(&ctx(), &second.access_token, &options).await?.active);
    assert!(provider.introspect(&ctx(), &other.access_token, &options).await?.active);
    provider.refresh(&ctx(), secret(&other.refresh_token)?, &RefreshOptions::default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_brought() -> Test {
    let (provider, _) = provider();
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    let response = provider.sign_in(&request.url, "ada")?;
    let options = ExchangeOptions::default();
    let tokens = provider.exchange(&ctx(), &response.code, &request.pending, &options).await?;
    let again = provider.exchange(&ctx(), &response.code, &request.pending, &options).await;
    assert_eq!(kind(again)?, ErrorKind::GrantRefused);
    assert!(!provider.introspect(&ctx(), &tokens.access_token, &IntrospectOptions::default()).await?.active);
    Ok(())
}

#[tokio::test]
async fn a_thief_of_a_code_has_one_guess_at_the_verifier() -> Test {
    let (provider, _) = provider();
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    let response = provider.sign_in(&request.url, "ada")?;
    let mut guess = request.pending.clone();
    guess.verifier = Secret::new("g".repeat(43));
    let options = ExchangeOptions::default();
    for pending in [&guess, &request.pending] {
        let refused = provider.exchange(&ctx(), &response.code, pending, &options).await;
        assert_eq!(kind(refused)?, ErrorKind::GrantRefused);
    }
    Ok(())
}

#[tokio::test]
async fn a_refresh_keeps_who_signed_in_and_when_and_may_ask_for_less() -> Test {
    let (provider, clock) = provider();
    let tokens = sign_in(&provider, "ada").await?;
    let signed_in = clock.wall();
    clock.advance(Duration::from_secs(100));
    let less = RefreshOptions::default().scopes(["openid".to_owned()]).subject("ada");
    let refreshed = provider.refresh(&ctx(), secret(&tokens.refresh_token)?, &less).await?;
    let claims = refreshed.claims.ok_or("claims")?;
    assert_eq!((claims.auth_time, claims.iat), (Some(signed_in), Some(clock.wall())));
    assert_eq!((claims.nonce, refreshed.scope), (None, vec!["openid".to_owned()]));
    let refresh = secret(&refreshed.refresh_token)?;
    let more = RefreshOptions::default().scopes(["admin".to_owned()]);
    assert_eq!(kind(provider.refresh(&ctx(), refresh, &more).await)?, ErrorKind::PermissionDenied);
    // A refusal does not use the token up, and less is not less for ever.
    let whole = provider.refresh(&ctx(), refresh, &RefreshOptions::default()).await?;
    assert_eq!(whole.scope, ["openid", "offline_access", "read"]);
    Ok(())
}

#[tokio::test]
async fn a_requirement_is_met_or_no_tokens_come() -> Test {
    let (provider, clock) = provider();
    let required = ExchangeOptions::default().authentication(AuthenticationRequirement::multi_factor([]));
    for (sub, expected) in [("ada", true), ("bob", false)] {
        let request = provider.authorization_url(&ctx(), &offline()).await?;
        let response = provider.sign_in(&request.url, sub)?;
        let result = provider.complete(&ctx(), &request.pending, &response, &required).await;
        assert_eq!(result.is_ok(), expected, "{sub}");
    }
    // The age that was asked for is checked although nobody repeats it.
    let recent = AuthorizationOptions::default().max_age(Duration::from_secs(10));
    let request = provider.authorization_url(&ctx(), &recent).await?;
    let response = provider.sign_in(&request.url, "ada")?;
    clock.advance(Duration::from_secs(11));
    let stale = provider.complete(&ctx(), &request.pending, &response, &ExchangeOptions::default()).await;
    assert_eq!(kind(stale)?, ErrorKind::Token(TokenFault::InsufficientAuthentication));
    Ok(())
}

#[tokio::test]
async fn a_redirect_that_answers_another_request_brings_its_code_nowhere() -> Test {
    let (provider, _) = provider();
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    let response = provider.sign_in(&request.url, "ada")?;
    let options = ExchangeOptions::default();
    let forged = AuthorizationResponse::new(response.code.clone(), "another-state");
    let refused = provider.complete(&ctx(), &request.pending, &forged, &options).await;
    assert_eq!(kind(refused)?, ErrorKind::GrantRefused);
    let mixed = response.clone().with_issuer("https://another-issuer.test");
    let refused = provider.complete(&ctx(), &request.pending, &mixed, &options).await;
    assert_eq!(kind(refused)?, ErrorKind::GrantRefused);
    provider.complete(&ctx(), &request.pending, &response, &options).await?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_no_longer_published_is_unknown_and_keys_that_are_away_are_away() -> Test {
    let (provider, _) = provider();
    let tokens = sign_in(&provider, "ada").await?;
    let (id, options) = (secret(&tokens.id_token)?, VerifyOptions::id_token());
    provider.set_keys_available(false);
    assert_eq!(kind(provider.verify_token(&ctx(), id, &options).await)?, ErrorKind::KeysUnavailable);
    provider.set_keys_available(true);
    provider.verify_token(&ctx(), id, &options).await?;
    provider.rotate_key();
    let unknown = ErrorKind::Token(TokenFault::UnknownKey);
    assert_eq!(kind(provider.verify_token(&ctx(), id, &options).await)?, unknown);
    sign_in(&provider, "ada").await?;
    Ok(())
}

#[tokio::test]
async fn a_test_can_have_any_token_it_needs() -> Test {
    let (provider, clock) = provider();
    let tokens = sign_in(&provider, "ada").await?;
    let mut claims = tokens.claims.ok_or("claims")?;
    claims.nbf = Some(clock.wall() + Duration::from_secs(60));
    let early = provider.sign(TokenKind::Id, claims);
    let refused = provider.verify_token(&ctx(), &early, &VerifyOptions::id_token()).await;
    assert_eq!(kind(refused)?, ErrorKind::Token(TokenFault::NotYetValid));
    clock.advance(Duration::from_secs(60));
    provider.verify_token(&ctx(), &early, &VerifyOptions::id_token()).await?;
    Ok(())
}

#[tokio::test]
async fn a_device_is_told_to_slow_down_and_its_code_ends() -> Test {
    let (provider, clock) = provider();
    let flow = provider.device_start(&ctx(), &DeviceStartOptions::default()).await?;
    let options = DevicePollOptions::default();
    let mut told = Vec::new();
    for wait in [0, 4, 5] {
        clock.advance(Duration::from_secs(wait));
        let poll = provider.device_poll(&ctx(), &flow.device_code, &options).await?;
        told.push(matches!(poll, DevicePoll::Pending { slow_down: true }));
    }
    assert_eq!(told, [false, true, false]);
    clock.advance(flow.expires_in);
    let late = provider.device_poll(&ctx(), &flow.device_code, &options).await;
    let error = late.err().ok_or("the code has expired")?;
    assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::GrantRefused, Some("expired_token")));
    Ok(())
}

#[tokio::test]
async fn a_device_flow_is_confirmed_once_under_its_code() -> Test {
    let (provider, _) = provider();
    let flow = provider.device_start(&ctx(), &DeviceStartOptions::default()).await?;
    assert_eq!(kind(provider.approve_device(&Secret::new("BCDF-GHJK"), "ada"))?, ErrorKind::InvalidInput);
    assert_eq!(kind(provider.approve_device(&flow.user_code, "eve"))?, ErrorKind::InvalidInput);
    provider.approve_device(&flow.user_code, "ada")?;
    assert_eq!(kind(provider.deny_device(&flow.user_code))?, ErrorKind::InvalidInput);
    let required = AuthenticationRequirement::default().amr(["face".to_owned()]);
    let options = DevicePollOptions::default().authentication(required);
    let weak = provider.device_poll(&ctx(), &flow.device_code, &options).await;
    assert_eq!(kind(weak)?, ErrorKind::Token(TokenFault::InsufficientAuthentication));
    Ok(())
}

#[tokio::test]
async fn a_revoked_access_token_takes_nothing_else_with_it() -> Test {
    let (provider, _) = provider();
    let tokens = sign_in(&provider, "ada").await?;
    provider.revoke(&ctx(), &tokens.access_token, &RevokeOptions::default()).await?;
    let options = IntrospectOptions::default();
    assert!(!provider.introspect(&ctx(), &tokens.access_token, &options).await?.active);
    let refresh = secret(&tokens.refresh_token)?;
    assert!(provider.introspect(&ctx(), refresh, &options).await?.active);
    provider.refresh(&ctx(), refresh, &RefreshOptions::default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_client_has_a_token_for_the_resource_it_names() -> Test {
    let (provider, _) = provider();
    let options = ClientCredentialsOptions::default().scopes(["read".to_owned()]).resource("https://b.test");
    let tokens = provider.client_credentials(&ctx(), &options).await?;
    let own = VerifyOptions::access_token();
    let elsewhere = provider.verify_token(&ctx(), &tokens.access_token, &own).await;
    assert_eq!(kind(elsewhere)?, ErrorKind::Token(TokenFault::WrongAudience));
    let there = own.audience("https://b.test").scopes(["read".to_owned()]).subject("client");
    provider.verify_token(&ctx(), &tokens.access_token, &there).await?;
    Ok(())
}

#[tokio::test]
async fn the_authorization_endpoint_takes_only_what_is_registered() -> Test {
    let (provider, _) = provider();
    let elsewhere = AuthorizationOptions::default().redirect_uri("https://evil.example/callback");
    let request = provider.authorization_url(&ctx(), &elsewhere).await?;
    assert_eq!(kind(provider.sign_in(&request.url, "ada"))?, ErrorKind::InvalidInput);
    let request = provider.authorization_url(&ctx(), &offline()).await?;
    assert_eq!(kind(provider.sign_in(&request.url, "eve"))?, ErrorKind::InvalidInput);
    let other = provider.clone().with_client_id("other");
    assert_eq!(kind(other.sign_in(&request.url, "ada"))?, ErrorKind::InvalidInput);
    let plain = Secret::new(request.url.expose().replace("S256", "plain"));
    assert_eq!(kind(provider.sign_in(&plain, "ada"))?, ErrorKind::InvalidInput);
    Ok(())
}

#[tokio::test]
async fn without_rotation_a_refresh_token_stays_good() -> Test {
    let (provider, _) = provider();
    let provider = provider.with_capabilities([Capability::Introspect]);
    let tokens = sign_in(&provider, "ada").await?;
    let refresh = secret(&tokens.refresh_token)?;
    for _ in 0..3 {
        let again = provider.refresh(&ctx(), refresh, &RefreshOptions::default()).await?;
        assert!(again.refresh_token.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn a_run_repeats_and_seeds_differ() -> Test {
    let state = async |seed: &str| {
        let provider = MemoryIdentity::new().with_seed(seed);
        let request = provider.authorization_url(&ctx(), &offline()).await?;
        Ok::<_, Error>(request.pending.state)
    };
    let first = state("a").await?;
    assert!(first.matches(state("a").await?.expose()));
    assert!(!first.matches(state("b").await?.expose()));
    Ok(())
}
