//! Tokens that are wrong in ways only their issuer can make.

use super::super::{Stop, ensure};
use super::{Flaw, Subject, expect_fault, id_token, skipped};
use crate::ErrorKind;
use crate::identity::VerifyOptions;

async fn refused(subject: &Subject<'_>, flaw: Flaw) -> Result<(), Stop> {
    let Some(token) = subject.driver.flawed_token(flaw).await? else {
        return Err(skipped(format!("the driver produces no token with the flaw {flaw:?}")));
    };
    let result = subject.provider.verify_token(&subject.ctx, &token, &VerifyOptions::id_token()).await;
    expect_fault(result, &format!("verifying a token with the flaw {flaw:?}"), flaw.fault())
}

pub(super) async fn an_expired_token_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::Expired).await
}

pub(super) async fn a_token_from_the_future_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::NotYetValid).await
}

pub(super) async fn a_token_of_another_issuer_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::OtherIssuer).await
}

pub(super) async fn a_token_for_another_client_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::OtherAudience).await
}

pub(super) async fn a_token_with_another_authorized_party_is_refused(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    refused(subject, Flaw::OtherAuthorizedParty).await
}

pub(super) async fn a_token_with_an_unknown_key_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::UnknownKey).await
}

pub(super) async fn a_token_with_a_symmetric_signature_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::SymmetricAlgorithm).await
}

pub(super) async fn a_token_without_expiry_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    refused(subject, Flaw::NoExpiry).await
}

pub(super) async fn without_keys_nothing_is_accepted(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let token = id_token(&tokens)?;
    if !subject.driver.set_keys_available(false).await? {
        return Err(skipped("the driver does not take the issuer's keys away"));
    }
    let during = subject.provider.verify_token(&subject.ctx, token, &VerifyOptions::id_token()).await;
    subject.driver.set_keys_available(true).await?;
    match during {
        Ok(_) => return Err(skipped("the adapter still had the key, which is as it should be")),
        Err(error) => {
            ensure!(
                *error.kind() == ErrorKind::KeysUnavailable,
                "verifying without keys failed with \"{error}\""
            );
        }
    }
    subject.provider.verify_token(&subject.ctx, token, &VerifyOptions::id_token()).await?;
    Ok(())
}
