//! Operations an adapter may leave out.

use super::super::{Stop, ensure};
use super::{Subject, expect_fault, expect_one_of, expect_unsupported, id_token};
use crate::identity::{
    EndSessionOptions, IntrospectOptions, RefreshOptions, RevokeOptions, UserinfoOptions, operations, url,
};
use crate::{Capability, ErrorKind, Secret, TokenFault};

pub(super) async fn userinfo_tells_who_or_is_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (provider, ctx) = (subject.provider, &subject.ctx);
    let (_, tokens) = subject.sign_in().await?;
    let sub = tokens.claims.as_ref().map(|claims| claims.sub.clone()).unwrap_or_default();
    let options = UserinfoOptions::default().subject(&sub);
    let told = provider.userinfo(ctx, &tokens.access_token, &options).await;
    if !subject.claims(Capability::Userinfo) {
        return expect_unsupported(subject, told, operations::USERINFO);
    }
    let told = told?;
    ensure!(told.sub == sub, "userinfo tells of {}, who signed in is {sub}", told.sub);
    let other = UserinfoOptions::default().subject("another-subject");
    let told = provider.userinfo(ctx, &tokens.access_token, &other).await;
    expect_fault(told, "userinfo about another subject", TokenFault::WrongSubject)?;
    let told = provider.userinfo(ctx, &Secret::new("no-such-token"), &UserinfoOptions::default()).await;
    expect_fault(told, "userinfo for an unknown token", TokenFault::Inactive)
}

pub(super) async fn introspection_knows_good_from_bad_or_is_unsupported(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (provider, ctx, options) = (subject.provider, &subject.ctx, IntrospectOptions::default());
    let (_, tokens) = subject.sign_in().await?;
    let answer = provider.introspect(ctx, &tokens.access_token, &options).await;
    if !subject.claims(Capability::Introspect) {
        return expect_unsupported(subject, answer, operations::INTROSPECT);
    }
    let answer = answer?;
    ensure!(answer.active, "a new access token is not active");
    let sub = tokens.claims.map(|claims| claims.sub);
    let same = answer.sub.is_none() || answer.sub == sub;
    ensure!(same, "introspection tells of {:?}, who signed in is {sub:?}", answer.sub);
    let answer = provider.introspect(ctx, &Secret::new("no-such-token"), &options).await?;
    ensure!(!answer.active, "an unknown token is active");
    ensure!(answer.sub.is_none() && answer.scope.is_empty(), "more is told of a token that is not active");
    Ok(())
}

pub(super) async fn a_revoked_token_is_over_or_revocation_is_unsupported(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (provider, ctx, options) = (subject.provider, &subject.ctx, RevokeOptions::default());
    let (_, tokens) = subject.sign_in().await?;
    let token = tokens.refresh_token.as_ref().unwrap_or(&tokens.access_token);
    let revoked = provider.revoke(ctx, token, &options).await;
    if !subject.claims(Capability::Revoke) {
        return expect_unsupported(subject, revoked, operations::REVOKE);
    }
    revoked?;
    provider.revoke(ctx, token, &options).await?;
    provider.revoke(ctx, &Secret::new("no-such-token"), &options).await?;
    if let Some(token) = &tokens.refresh_token {
        let after = provider.refresh(ctx, token, &RefreshOptions::default()).await;
        // An issuer that answers a revoked token as it does a reused one is right, too.
        let kinds = [ErrorKind::GrantRefused, ErrorKind::RefreshReused];
        expect_one_of(after, "a refresh token that was revoked", &kinds)?;
    }
    if subject.claims(Capability::Introspect) {
        let answer = provider.introspect(ctx, token, &IntrospectOptions::default()).await?;
        ensure!(!answer.active, "a token that was revoked is active");
    }
    Ok(())
}

pub(super) async fn logout_has_a_url_or_is_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let token = id_token(&tokens)?;
    let options =
        EndSessionOptions::default().id_token_hint(token.clone()).state(Secret::new("state of the logout"));
    let logout = subject.provider.end_session_url(&subject.ctx, &options).await;
    if !subject.claims(Capability::EndSession) {
        return expect_unsupported(subject, logout, operations::END_SESSION_URL);
    }
    let logout = logout?;
    ensure!(logout.expose().starts_with("http"), "the URL is not one of HTTP");
    let hint = url::parameter(logout.expose(), "id_token_hint").unwrap_or_default();
    ensure!(token.matches(&hint), "the URL does not name the session by its ID token");
    let state = url::parameter(logout.expose(), "state");
    ensure!(state.as_deref() == Some("state of the logout"), "the URL has lost the state");
    Ok(())
}

pub(super) async fn a_client_has_a_token_of_its_own_or_that_is_unsupported(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (provider, ctx) = (subject.provider, &subject.ctx);
    let tokens = provider.client_credentials(ctx, &subject.driver.client_credentials()).await;
    if !subject.claims(Capability::ClientCredentials) {
        return expect_unsupported(subject, tokens, operations::CLIENT_CREDENTIALS);
    }
    let tokens = tokens?;
    ensure!(!tokens.access_token.expose().is_empty(), "the access token is empty");
    ensure!(tokens.id_token.is_none(), "an ID token came, though nobody signed in");
    if subject.claims(Capability::Introspect) {
        let answer = provider.introspect(ctx, &tokens.access_token, &IntrospectOptions::default()).await?;
        ensure!(answer.active, "the client's own token is not active");
    }
    Ok(())
}
