//! What is accepted as an ID token.

use super::super::{Stop, ensure};
use super::{Subject, expect_fault, expect_one_of, id_token, skipped};
use crate::identity::{AuthenticationRequirement, Claims, TokenSet, VerifyOptions};
use crate::{Error, ErrorKind, Secret, TokenFault};

/// `{"alg":"none"}`
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0";

async fn verify(subject: &Subject<'_>, token: &Secret, options: &VerifyOptions) -> Result<Claims, Error> {
    subject.provider.verify_token(&subject.ctx, token, options).await
}

/// Verifies the ID token of a new sign-in against options that it does not meet.
async fn refused(
    subject: &Subject<'_>,
    what: &str,
    fault: TokenFault,
    unmet: impl FnOnce(VerifyOptions) -> VerifyOptions,
) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let result = verify(subject, id_token(&tokens)?, &unmet(VerifyOptions::id_token())).await;
    expect_fault(result, what, fault)
}

pub(super) async fn an_id_token_says_who_signed_in(subject: &Subject<'_>) -> Result<(), Stop> {
    let (request, tokens) = subject.sign_in().await?;
    let came = |tokens: &TokenSet| tokens.claims.as_ref().map(|claims| claims.sub.clone());
    let expected = VerifyOptions::id_token()
        .nonce(request.pending.nonce.clone())
        .issued_with(tokens.access_token.clone());
    let claims = verify(subject, id_token(&tokens)?, &expected).await?;
    let client = subject.provider.client_id();
    ensure!(claims.iss == subject.provider.issuer(), "the issuer is {}", claims.iss);
    ensure!(!claims.sub.is_empty(), "the subject is empty");
    ensure!(claims.aud.iter().any(|one| one == client), "the audience {:?} lacks {client}", claims.aud);
    ensure!(came(&tokens).as_ref() == Some(&claims.sub), "the exchange told of another subject");
    let again = verify(subject, id_token(&tokens)?, &expected.subject(&claims.sub)).await?;
    ensure!(again == claims, "the same token says something else the second time");
    let (_, other) = subject.sign_in().await?;
    ensure!(came(&other) == Some(claims.sub), "one person has two subjects");
    Ok(())
}

pub(super) async fn an_id_token_for_another_audience_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let what = "verifying for another audience";
    refused(subject, what, TokenFault::WrongAudience, |options| options.audience("another-client")).await
}

pub(super) async fn an_id_token_about_another_subject_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let what = "verifying for another subject";
    refused(subject, what, TokenFault::WrongSubject, |options| options.subject("another-subject")).await
}

pub(super) async fn an_id_token_with_another_nonce_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let other = Secret::new("the-nonce-of-another-flow");
    refused(subject, "verifying with another nonce", TokenFault::WrongNonce, |options| options.nonce(other))
        .await
}

pub(super) async fn an_id_token_of_another_access_token_is_refused(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let token = id_token(&tokens)?;
    let claims = verify(subject, token, &VerifyOptions::id_token()).await?;
    if claims.at_hash.is_none() {
        return Err(skipped("the ID token states no hash of its access token"));
    }
    let other = VerifyOptions::id_token().issued_with(Secret::new("another-access-token"));
    let result = verify(subject, token, &other).await;
    expect_fault(result, "verifying with another access token", TokenFault::WrongAccessToken)
}

pub(super) async fn the_way_of_signing_in_can_be_required(subject: &Subject<'_>) -> Result<(), Stop> {
    let any = AuthenticationRequirement::default;
    for (what, unmet) in [
        ("requiring a class that was not used", any().acr(["urn:example:no-such-class".to_owned()])),
        ("requiring a method that was not used", any().amr(["no-such-method".to_owned()])),
    ] {
        let fault = TokenFault::InsufficientAuthentication;
        refused(subject, what, fault, |options| options.authentication(unmet)).await?;
    }
    Ok(())
}

pub(super) async fn a_tampered_token_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let [header, payload, signature] = parts(id_token(&tokens)?)?;
    let tampered = Secret::new(format!("{header}.{payload}.{}", changed(signature)));
    let result = verify(subject, &tampered, &VerifyOptions::id_token()).await;
    expect_fault(result, "verifying a token with a changed signature", TokenFault::BadSignature)?;
    let tampered = Secret::new(format!("{header}.{}.{signature}", changed(payload)));
    let result = verify(subject, &tampered, &VerifyOptions::id_token()).await;
    // A changed payload may not be JSON any more, and an adapter may look before it checks the signature.
    let faults = [TokenFault::BadSignature, TokenFault::Malformed].map(ErrorKind::Token);
    expect_one_of(result, "verifying a token with a changed payload", &faults)?;
    Ok(())
}

pub(super) async fn an_unsigned_token_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    let [_, payload, signature] = parts(id_token(&tokens)?)?;
    for signature in ["", signature] {
        let unsigned = Secret::new(format!("{UNSIGNED}.{payload}.{signature}"));
        let result = verify(subject, &unsigned, &VerifyOptions::id_token()).await;
        expect_fault(result, "verifying a token with the algorithm none", TokenFault::AlgorithmRefused)?;
    }
    Ok(())
}

pub(super) async fn what_is_no_token_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    for text in ["", ".", "..", "no-token", "e30.e30.e30", "\u{e9}.\u{e9}.\u{e9}"] {
        let result = verify(subject, &Secret::new(text), &VerifyOptions::id_token()).await;
        // `e30` is an empty object: it has no algorithm, which may be reported as either.
        let faults = [TokenFault::Malformed, TokenFault::AlgorithmRefused].map(ErrorKind::Token);
        expect_one_of(result, &format!("verifying {text:?}"), &faults)?;
    }
    Ok(())
}

pub(super) async fn an_access_token_is_no_id_token(subject: &Subject<'_>) -> Result<(), Stop> {
    let (_, tokens) = subject.sign_in().await?;
    match verify(subject, &tokens.access_token, &VerifyOptions::id_token()).await {
        Ok(_) => Err(Stop::Failed("an access token was accepted as an ID token".to_owned())),
        Err(error) => {
            let refused = matches!(error.kind(), ErrorKind::Token(_));
            ensure!(refused, "an access token as an ID token failed with \"{error}\"");
            Ok(())
        }
    }
}

/// Header, payload and signature of a token in the form of a signed JWT.
fn parts(token: &Secret) -> Result<[&str; 3], Stop> {
    let parts: Vec<_> = token.expose().split('.').collect();
    parts.try_into().map_err(|_| skipped("the ID token is not of the form of a signed JWT"))
}

/// The part with its first character changed, all bits of which count in base64url.
fn changed(part: &str) -> String {
    let first = if part.starts_with('A') { 'B' } else { 'A' };
    let rest: String = part.chars().skip(1).collect();
    format!("{first}{rest}")
}
