//! The authorization code flow.

use super::super::{Stop, ensure};
use super::{Subject, expect_kind, expect_spent, skipped};
use crate::identity::{
    AuthenticationRequirement, AuthorizationOptions, DiscoverOptions, ExchangeOptions, PendingAuthorization,
    TokenSet, pkce, url,
};
use crate::{Error, ErrorKind, Outcome, RetryClass, Secret, TokenFault};

/// A verifier that no flow has drawn.
const OTHER_VERIFIER: &str = "another-verifier-that-no-flow-of-this-provider-has-drawn";

async fn exchange(
    subject: &Subject<'_>,
    code: &Secret,
    pending: &PendingAuthorization,
) -> Result<TokenSet, Error> {
    subject.provider.exchange(&subject.ctx, code, pending, &ExchangeOptions::default()).await
}

pub(super) async fn the_metadata_are_of_the_issuer(subject: &Subject<'_>) -> Result<(), Stop> {
    let provider = subject.provider;
    for options in [DiscoverOptions::default(), DiscoverOptions::default().refresh()] {
        let metadata = provider.discover(&subject.ctx, &options).await?;
        let issuer = provider.issuer();
        ensure!(metadata.issuer == issuer, "the metadata are of {}, not of {issuer}", metadata.issuer);
        ensure!(metadata.authorization_endpoint.is_some(), "the metadata have no authorization endpoint");
        ensure!(metadata.token_endpoint.is_some(), "the metadata have no token endpoint");
    }
    Ok(())
}

pub(super) async fn every_flow_has_secrets_of_its_own(subject: &Subject<'_>) -> Result<(), Stop> {
    let options = AuthorizationOptions::default();
    let first = subject.provider.authorization_url(&subject.ctx, &options).await?.pending;
    let second = subject.provider.authorization_url(&subject.ctx, &options).await?.pending;
    for (name, one, other) in [
        ("state", &first.state, &second.state),
        ("nonce", &first.nonce, &second.nonce),
        ("verifier", &first.verifier, &second.verifier),
    ] {
        ensure!(!one.matches(other.expose()), "two flows have the same {name}");
        // 128 bits in base64url, which RFC 6749, section 10.10 asks for.
        ensure!(one.expose().len() >= 22, "a {name} of {} characters can be guessed", one.expose().len());
    }
    ensure!(!first.state.matches(first.nonce.expose()), "state and nonce are the same");
    ensure!(pkce::is_verifier(&first.verifier), "the verifier is not of the form of RFC 7636");
    Ok(())
}

pub(super) async fn the_url_asks_for_a_code_with_pkce(subject: &Subject<'_>) -> Result<(), Stop> {
    let options = subject.driver.authorization_options();
    let request = subject.provider.authorization_url(&subject.ctx, &options).await?;
    let parameter = |name| url::parameter(request.url.expose(), name).unwrap_or_default();
    if !parameter("request_uri").is_empty() || !parameter("request").is_empty() {
        return Err(skipped("the request is not in the URL"));
    }
    ensure!(!request.url.expose().contains(request.pending.verifier.expose()), "the URL shows the verifier");
    let pending = &request.pending;
    for (name, expected) in [
        ("response_type", "code"),
        ("client_id", subject.provider.client_id()),
        ("redirect_uri", &pending.redirect_uri),
        ("state", pending.state.expose()),
        ("nonce", pending.nonce.expose()),
        ("code_challenge_method", "S256"),
        ("code_challenge", &pkce::challenge(&pending.verifier)),
    ] {
        ensure!(parameter(name) == expected, "{name} is {:?}, expected {expected:?}", parameter(name));
    }
    let scope = parameter("scope");
    for expected in ["openid"].into_iter().chain(options.scopes.iter().map(String::as_str)) {
        ensure!(scope.split(' ').any(|scope| scope == expected), "the scope {expected} is not asked for");
    }
    Ok(())
}

pub(super) async fn a_code_becomes_tokens(subject: &Subject<'_>) -> Result<(), Stop> {
    let (request, tokens) = subject.sign_in().await?;
    ensure!(tokens.token_type.eq_ignore_ascii_case("bearer"), "the token is of type {}", tokens.token_type);
    ensure!(!tokens.access_token.expose().is_empty(), "the access token is empty");
    super::id_token(&tokens)?;
    let Some(claims) = tokens.claims else {
        return Err(Stop::Failed("an ID token came and its claims did not".to_owned()));
    };
    ensure!(claims.iss == subject.provider.issuer(), "the claims are of the issuer {}", claims.iss);
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    ensure!(request.pending.nonce.matches(nonce), "the claims do not have the nonce of the flow");
    Ok(())
}

pub(super) async fn a_code_is_good_once(subject: &Subject<'_>) -> Result<(), Stop> {
    let (request, response) = subject.begin().await?;
    exchange(subject, &response.code, &request.pending).await?;
    let again = exchange(subject, &response.code, &request.pending).await;
    expect_kind(again, "a second exchange of one code", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn a_code_without_its_verifier_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (mut request, response) = subject.begin().await?;
    request.pending.verifier = Secret::new(OTHER_VERIFIER);
    let stolen = exchange(subject, &response.code, &request.pending).await;
    expect_kind(stolen, "an exchange with another verifier", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn a_code_for_another_redirect_uri_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (mut request, response) = subject.begin().await?;
    request.pending.redirect_uri.push_str("/elsewhere");
    let other = exchange(subject, &response.code, &request.pending).await;
    expect_kind(other, "an exchange with another redirect URI", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn an_unknown_code_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let options = subject.driver.authorization_options();
    let request = subject.provider.authorization_url(&subject.ctx, &options).await?;
    let unknown = exchange(subject, &Secret::new("no-such-code"), &request.pending).await;
    expect_kind(unknown, "an exchange of an unknown code", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn an_id_token_of_another_flow_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (mut request, response) = subject.begin().await?;
    request.pending.nonce = Secret::new("the-nonce-of-another-flow");
    let other = exchange(subject, &response.code, &request.pending).await;
    expect_spent(other, "an exchange with another nonce", TokenFault::WrongNonce)
}

pub(super) async fn a_sign_in_that_is_too_weak_brings_no_tokens(subject: &Subject<'_>) -> Result<(), Stop> {
    let (request, response) = subject.begin().await?;
    let required = AuthenticationRequirement::default().amr(["no-such-method".to_owned()]);
    let options = ExchangeOptions::default().authentication(required);
    let weak = subject.provider.exchange(&subject.ctx, &response.code, &request.pending, &options).await;
    expect_spent(weak, "a sign-in without a required method", TokenFault::InsufficientAuthentication)
}

pub(super) async fn an_exchange_without_keys_brings_no_tokens(subject: &Subject<'_>) -> Result<(), Stop> {
    let (request, response) = subject.begin().await?;
    if !subject.driver.set_keys_available(false).await? {
        return Err(skipped("the driver does not take the issuer's keys away"));
    }
    let during = exchange(subject, &response.code, &request.pending).await;
    subject.driver.set_keys_available(true).await?;
    if during.is_ok() {
        return Err(skipped("the adapter still had the key, which is as it should be"));
    }
    let error = expect_kind(during, "an exchange without keys", &ErrorKind::KeysUnavailable)?;
    let (outcome, retry) = (error.outcome(), error.retry());
    ensure!(
        outcome == Outcome::MaybeSent && retry == RetryClass::Permanent,
        "an exchange without keys used up the code, and failed as {outcome:?}, {retry:?}"
    );
    Ok(())
}
