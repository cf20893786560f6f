//! Webhook signatures: what is genuine, what is not, and which error says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use companyos_adapter_traits::payment::{MemoryReplayGuard, WebhookDelivery, WebhookOptions};
use companyos_adapter_traits::{Context, Error, ErrorKind};
use companyos_adapters::webhook::{WebhookSecret, verify};

const HEADER: &str = "Signature";
/// HMAC-SHA-256 of `1700000000.{"id":"evt_1"}` under `whsec_0123456789abcdef`, made with OpenSSL.
const SIGNED: &str = "t=1700000000,v1=dea1657bd5053cb0f8a75ebf0bd3d22e0cdeb79563b44db6b88864e522fb8bc4";

fn secret(text: &str) -> Result<WebhookSecret, Error> {
    WebhookSecret::new(text)
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn delivery(signature: &str) -> WebhookDelivery {
    WebhookDelivery::new(r#"{"id":"evt_1"}"#, vec![(HEADER.to_owned(), signature.to_owned())])
}

/// Verifies with a fresh memory, at a time.
async fn verify_at(signature: &str, seconds: u64) -> Result<(), Error> {
    let secrets = [secret("whsec_0123456789abcdef")?];
    let (ctx, options) = (Context::builder("acme", "eu").build(), WebhookOptions::default());
    let guard = MemoryReplayGuard::default();
    verify(&ctx, &delivery(signature), HEADER, &secrets, at(seconds), &options, &guard).await
}

async fn kind_at(signature: &str, seconds: u64) -> Option<ErrorKind> {
    verify_at(signature, seconds).await.err().map(|error| error.kind().clone())
}

#[tokio::test]
async fn a_signature_of_another_implementation_fits() -> Result<(), Error> {
    verify_at(SIGNED, 1_700_000_000).await?;
    let ours = secret("whsec_0123456789abcdef")?.sign(at(1_700_000_000), br#"{"id":"evt_1"}"#)?;
    assert_eq!(ours, SIGNED);
    Ok(())
}

#[tokio::test]
async fn one_fitting_signature_among_others_is_enough() -> Result<(), Error> {
    let (time, mac) = SIGNED.split_once(',').unwrap_or_default();
    let other = format!("v1={}", "ab".repeat(32));
    verify_at(&format!("{time},{other},{mac},v0=6ffbb59b2300aae63f27"), 1_700_000_000).await?;
    let shouted = format!("{time}, {}", mac.to_uppercase().replace("V1", "v1"));
    verify_at(&shouted, 1_700_000_000).await
}

#[tokio::test]
async fn whatever_does_not_fit_is_forged() {
    let (time, mac) = SIGNED.split_once(',').unwrap_or_default();
    let last = if mac.ends_with('0') { "1" } else { "0" };
    let altered = format!("{time},{}{last}", &mac[..mac.len() - 1]);
    let forgeries = [
        String::new(),
        altered,
        mac.to_owned(),
        time.to_owned(),
        format!("t=1700000001,{mac}"),
        format!("t=01700000000,{mac}"),
        format!("t=1700000001,{time},{mac}"),
        format!("{time},{}", mac.replace("v1", "v0")),
        format!("{time},{}", &mac[..mac.len() - 2]),
        format!("{time},v1={}", "\u{e9}".repeat(32)),
    ];
    for forgery in forgeries {
        assert_eq!(kind_at(&forgery, 1_700_000_000).await, Some(ErrorKind::WebhookForged), "{forgery}");
        // A forgery is a forgery also when it is late: the clock is not asked.
        assert_eq!(kind_at(&forgery, 1_900_000_000).await, Some(ErrorKind::WebhookForged), "{forgery}");
    }
}

#[tokio::test]
async fn the_tolerance_has_two_sides_and_an_exact_edge() {
    for (seconds, expected) in [
        (1_700_000_300, None),
        (1_700_000_301, Some(ErrorKind::WebhookOutsideTolerance)),
        (1_699_999_700, None),
        (1_699_999_699, Some(ErrorKind::WebhookOutsideTolerance)),
    ] {
        assert_eq!(kind_at(SIGNED, seconds).await, expected, "{seconds}");
    }
}

#[tokio::test]
async fn two_secrets_are_valid_while_they_are_rotated() -> Result<(), Error> {
    let (old, new) = (secret("whsec_0123456789abcdef")?, secret("whsec_fedcba9876543210")?);
    let (ctx, options) = (Context::builder("acme", "eu").build(), WebhookOptions::default());
    let (guard, now) = (MemoryReplayGuard::default(), at(1_700_000_000));
    let both = [new.clone(), old];
    verify(&ctx, &delivery(SIGNED), HEADER, &both, now, &options, &guard).await?;
    let signed = new.sign(now, br#"{"id":"evt_1"}"#)?;
    verify(&ctx, &delivery(&signed), HEADER, &both, now, &options, &guard).await?;
    let forged = verify(&ctx, &delivery(SIGNED), HEADER, &both[..1], now, &options, &guard).await;
    assert_eq!(forged.map_err(|error| error.kind().clone()), Err(ErrorKind::WebhookForged));
    Ok(())
}

#[tokio::test]
async fn a_replay_is_one_whatever_its_spelling() -> Result<(), Error> {
    let secrets = [secret("whsec_0123456789abcdef")?];
    let (ctx, options) = (Context::builder("acme", "eu").build(), WebhookOptions::default());
    let (guard, now) = (MemoryReplayGuard::default(), at(1_700_000_000));
    let spellings = [
        SIGNED.to_owned(),
        format!("{SIGNED},v0=1"),
        SIGNED.to_uppercase().replace("T=", "t=").replace("V1", "v1"),
    ];
    for (number, signature) in spellings.iter().enumerate() {
        let result = verify(&ctx, &delivery(signature), HEADER, &secrets, now, &options, &guard).await;
        let expected = if number == 0 { Ok(()) } else { Err(ErrorKind::WebhookReplayed) };
        assert_eq!(result.map_err(|error| error.kind().clone()), expected, "{signature}");
    }
    Ok(())
}

#[tokio::test]
async fn two_signature_headers_are_one_too_many() -> Result<(), Error> {
    let mut twice = delivery(SIGNED);
    twice.headers.push((HEADER.to_lowercase(), SIGNED.to_owned()));
    let (ctx, options) = (Context::builder("acme", "eu").build(), WebhookOptions::default());
    let (guard, secrets) = (MemoryReplayGuard::default(), [secret("whsec_0123456789abcdef")?]);
    let result = verify(&ctx, &twice, HEADER, &secrets, at(1_700_000_000), &options, &guard).await;
    assert_eq!(result.map_err(|error| error.kind().clone()), Err(ErrorKind::WebhookForged));
    Ok(())
}

#[test]
fn a_secret_is_neither_short_nor_printed() -> Result<(), Error> {
    assert!(WebhookSecret::new("short").is_err());
    assert_eq!(format!("{:?}", secret("whsec_0123456789abcdef")?), "WebhookSecret(***)");
    assert!(!format!("{:?}", delivery(SIGNED)).contains("v1="));
    Ok(())
}
