//! Refresh tokens.

use super::super::{Stop, ensure};
use super::{Subject, expect_kind, expect_one_of, expect_spent, refresh_token, skipped};
use crate::identity::{RefreshOptions, TokenSet};
use crate::{Capability, Error, ErrorKind, Secret, TokenFault};

async fn refresh(subject: &Subject<'_>, token: &Secret) -> Result<TokenSet, Error> {
    subject.provider.refresh(&subject.ctx, token, &RefreshOptions::default()).await
}

pub(super) async fn a_refresh_token_brings_new_tokens(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let sub = tokens.claims.as_ref().map(|claims| claims.sub.clone()).unwrap_or_default();
    let options = RefreshOptions::default().subject(&sub);
    let new = subject.provider.refresh(&subject.ctx, refresh_token(&tokens)?, &options).await?;
    ensure!(!new.access_token.matches(tokens.access_token.expose()), "the access token is the old one");
    ensure!(new.id_token.is_some() == new.claims.is_some(), "an ID token came and its claims did not");
    if subject.claims(Capability::VerifyAccessToken) {
        let options = subject.driver.access_token().subject(&sub);
        subject.provider.verify_token(&subject.ctx, &new.access_token, &options).await?;
    }
    Ok(())
}

pub(super) async fn an_unknown_refresh_token_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let unknown = refresh(subject, &Secret::new("no-such-refresh-token")).await;
    expect_kind(unknown, "an unknown refresh token", &ErrorKind::GrantRefused)?;
    Ok(())
}

pub(super) async fn a_refresh_token_is_good_once_or_stays_good(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let first = refresh_token(&tokens)?;
    let new = refresh(subject, first).await?;
    if !subject.claims(Capability::RefreshRotation) {
        refresh(subject, new.refresh_token.as_ref().unwrap_or(first)).await?;
        return Ok(());
    }
    let Some(second) = &new.refresh_token else {
        return Err(Stop::Failed("rotation is claimed, and no new refresh token came".to_owned()));
    };
    ensure!(!second.matches(first.expose()), "rotation is claimed, and the refresh token is the old one");
    let third = refresh(subject, second).await?;
    ensure!(third.refresh_token.is_some(), "the second refresh brought no refresh token");
    reused(refresh(subject, first).await)
}

pub(super) async fn a_refresh_token_used_twice_ends_its_family(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::RefreshRotation)?;
    let (_, tokens) = subject.sign_in().await?;
    let first = refresh_token(&tokens)?;
    let new = refresh(subject, first).await?;
    reused(refresh(subject, first).await)?;
    let Some(second) = &new.refresh_token else { return Err(skipped("no new refresh token came")) };
    let after = refresh(subject, second).await;
    expect_kind(after, "the newest refresh token of a stolen family", &ErrorKind::GrantRefused)?;
    Ok(())
}

/// An adapter that did not see the first use (before a restart, say) has only the issuer's word, which does not tell
/// a token used twice from one that is not known.
fn reused(result: Result<TokenSet, Error>) -> Result<(), Stop> {
    let kinds = [ErrorKind::RefreshReused, ErrorKind::GrantRefused];
    expect_one_of(result, "a refresh token used a second time", &kinds).map(drop)
}

pub(super) async fn a_refresh_for_another_subject_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let options = RefreshOptions::default().subject("another-subject");
    match subject.provider.refresh(&subject.ctx, refresh_token(&tokens)?, &options).await {
        Ok(new) if new.id_token.is_none() => Err(skipped("no ID token comes of a refresh")),
        result => expect_spent(result, "a refresh for another subject", TokenFault::WrongSubject),
    }
}
