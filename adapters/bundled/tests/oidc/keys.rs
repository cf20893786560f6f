//! The cache of the issuer's keys: what it fetches, how often, and how long it lasts.

use std::time::{Duration, Instant};

use companyos_adapters::oidc::{OidcProvider, SignatureAlgorithm};
use companyos_adapters::traits::identity::{IdentityProvider, VerifyOptions};
use companyos_adapters::traits::{Context, ErrorKind, Outcome, RetryClass, Secret, TokenFault};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::support::forge::{Forge, verify};
use crate::support::keys::KeyPair;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A token whose key nobody knows.
fn forged(forge: &Forge, kid: &str) -> Secret {
    let stranger = KeyPair::generate(SignatureAlgorithm::Es256, kid);
    Secret::new(stranger.sign(&forge.claims(json!({}))))
}

async fn kind(provider: &OidcProvider, token: &Secret) -> Result<(), ErrorKind> {
    verify(provider, token).await.map(drop).map_err(|error| error.kind().clone())
}

#[tokio::test]
async fn invented_key_ids_cause_one_fetch_per_interval_however_many_there_are() {
    let forge = Forge::start().await;
    let provider = forge.provider();
    kind(&provider, &forge.id_token(json!({}))).await.unwrap();
    assert_eq!(forge.requests("/jwks").await, 1);

    for interval in 1..=3 {
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (provider, token) = (provider.clone(), forged(&forge, &format!("{interval}-{n}")));
                tokio::spawn(async move { kind(&provider, &token).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Err(ErrorKind::Token(TokenFault::UnknownKey)));
        }
        assert_eq!(forge.requests("/jwks").await, 1 + interval);
        forge.clock.advance(Duration::from_secs(29));
        assert_eq!(
            kind(&provider, &forged(&forge, "late")).await,
            Err(ErrorKind::Token(TokenFault::UnknownKey))
        );
        assert_eq!(forge.requests("/jwks").await, 1 + interval, "29 s are within the interval");
        forge.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(forge.requests("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn many_callers_at_once_fetch_once() {
    let mut forge = Forge::start().await;
    let slow = json!({ "keys": [forge.key.jwk()] });
    forge
        .answer("/jwks", ResponseTemplate::new(200).set_body_json(slow).set_delay(Duration::from_millis(200)))
        .await;
    let provider = forge.provider();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (provider, token) = (provider.clone(), forge.id_token(json!({})));
            tokio::spawn(async move { kind(&provider, &token).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(forge.requests("/jwks").await, 1);
    assert_eq!(forge.requests("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn a_withdrawn_key_is_believed_for_the_maximum_age_and_no_longer() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    let token = |forge: &Forge| forge.id_token(json!({ "exp": forge.time(7200) }));
    kind(&provider, &token(&forge)).await.unwrap();
    forge.publish(&[KeyPair::generate(SignatureAlgorithm::Es256, "second").jwk()]).await;

    forge.clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(kind(&provider, &token(&forge)).await, Ok(()));
    forge.clock.advance(Duration::from_secs(1));
    assert_eq!(kind(&provider, &token(&forge)).await, Err(ErrorKind::Token(TokenFault::UnknownKey)));
}

#[tokio::test]
async fn an_outage_is_survived_for_the_grace_period_and_has_its_own_name_afterwards() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    let token = |forge: &Forge| forge.id_token(json!({}));
    kind(&provider, &token(&forge)).await.unwrap();
    let keys = json!({ "keys": [forge.key.jwk()] });
    forge.answer("/jwks", ResponseTemplate::new(503)).await;

    forge.clock.advance(HOUR);
    for _ in 0..10 {
        assert_eq!(kind(&provider, &token(&forge)).await, Ok(()), "held keys are still good");
    }
    assert_eq!(forge.requests("/jwks").await, 2, "one attempt per interval");
    forge.clock.advance(MINUTE);
    assert_eq!(kind(&provider, &token(&forge)).await, Ok(()));
    assert_eq!(forge.requests("/jwks").await, 3);

    forge.clock.advance(DAY);
    let error = verify(&provider, &token(&forge)).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::KeysUnavailable);
    assert_eq!((error.outcome(), error.retry()), (Outcome::NotSent, RetryClass::Temporary));
    let before = forge.requests("/jwks").await;
    assert_eq!(kind(&provider, &token(&forge)).await, Err(ErrorKind::KeysUnavailable));
    assert_eq!(forge.requests("/jwks").await, before, "not asked again within a second");

    forge.answer_json("/jwks", 200, &keys).await;
    forge.clock.advance(Duration::from_secs(1));
    assert_eq!(kind(&provider, &token(&forge)).await, Ok(()));
}

#[tokio::test]
async fn an_unknown_key_during_an_outage_is_not_called_forged() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    kind(&provider, &forge.id_token(json!({}))).await.unwrap();
    forge.answer("/jwks", ResponseTemplate::new(503)).await;
    let new = forged(&forge, "perhaps new");
    for _ in 0..5 {
        assert_eq!(kind(&provider, &new).await, Err(ErrorKind::KeysUnavailable));
        assert_eq!(kind(&provider, &forge.id_token(json!({}))).await, Ok(()));
    }
    assert_eq!(forge.requests("/jwks").await, 2);
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_spoil_the_fetch_for_others() {
    let mut forge = Forge::start().await;
    let keys = json!({ "keys": [forge.key.jwk()] });
    let slow = ResponseTemplate::new(200).set_body_json(keys).set_delay(Duration::from_millis(500));
    forge.answer("/jwks", slow).await;
    let provider = forge.provider();
    let deadline = Instant::now() + Duration::from_millis(150);
    // The manual clock began about now, so its deadlines are those of the machine.
    let hasty = Context::builder("acme", "eu-central").deadline(deadline).build();
    let token = forge.id_token(json!({}));
    let error = provider.verify_token(&hasty, &token, &VerifyOptions::id_token()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::DeadlineExceeded, Outcome::NotSent));
    assert_eq!(kind(&provider, &token).await, Ok(()));
    assert_eq!(forge.requests("/jwks").await, 1);
}

#[tokio::test]
async fn a_key_set_that_is_none_is_an_outage() {
    let mut forge = Forge::start().await;
    let huge = vec![b' '; (1 << 20) + 1];
    for answer in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(200),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200).set_body_json(json!({ "keys": [] })),
        ResponseTemplate::new(200).set_body_json(json!({ "keys": "none" })),
        ResponseTemplate::new(200).set_body_bytes(huge),
        ResponseTemplate::new(302).insert_header("location", "http://169.254.169.254/latest/meta-data"),
    ] {
        forge.answer("/jwks", answer).await;
        assert_eq!(
            kind(&forge.provider(), &forge.id_token(json!({}))).await,
            Err(ErrorKind::KeysUnavailable)
        );
    }
}
