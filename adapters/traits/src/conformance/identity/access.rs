//! What is accepted as an access token.

use super::super::{Stop, ensure};
use super::{Subject, expect_fault, expect_unsupported};
use crate::identity::operations;
use crate::{Capability, TokenFault};

pub(super) async fn an_access_token_is_verified_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let options = subject.driver.access_token();
    let result = subject.provider.verify_token(&subject.ctx, &tokens.access_token, &options).await;
    if !subject.claims(Capability::VerifyAccessToken) {
        return expect_unsupported(subject, result, operations::VERIFY_ACCESS_TOKEN);
    }
    let claims = result?;
    ensure!(claims.iss == subject.provider.issuer(), "the issuer is {}", claims.iss);
    let sub = tokens.claims.map(|claims| claims.sub);
    ensure!(sub.as_ref() == Some(&claims.sub), "the access token is about {}, not {sub:?}", claims.sub);
    // An ID token is for the client; whoever takes it for an access token lets every client in.
    if let Some(id_token) = tokens.id_token {
        let result = subject.provider.verify_token(&subject.ctx, &id_token, &options).await;
        ensure!(result.is_err(), "an ID token was accepted as an access token");
    }
    Ok(())
}

pub(super) async fn an_access_token_for_another_audience_is_refused(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    subject.skip_unless(Capability::VerifyAccessToken)?;
    let (_, tokens) = subject.sign_in().await?;
    let other = subject.driver.access_token().audience("https://another-resource.example");
    let result = subject.provider.verify_token(&subject.ctx, &tokens.access_token, &other).await;
    expect_fault(result, "verifying for another resource", TokenFault::WrongAudience)
}

pub(super) async fn a_scope_can_be_required(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::VerifyAccessToken)?;
    let (_, tokens) = subject.sign_in().await?;
    let more = subject.driver.access_token().scopes(["no-such-scope".to_owned()]);
    let result = subject.provider.verify_token(&subject.ctx, &tokens.access_token, &more).await;
    expect_fault(result, "requiring a scope that was not granted", TokenFault::InsufficientScope)
}
