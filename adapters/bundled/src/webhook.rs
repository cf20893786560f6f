//! Webhook deliveries signed with a shared secret, in the scheme of Stripe.
//!
//! One header field holds `t=<seconds since 1970>,v1=<hexadecimal>`, possibly with several `v1` while a secret is
//! rotated, and with elements of other names, which mean nothing here. Each `v1` is the HMAC-SHA-256 of
//! `<t>.<raw body>` under one secret.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use companyos_adapter_traits::payment::{ReplayGuard, WebhookDelivery, WebhookOptions};
use companyos_adapter_traits::{Context, Error, ErrorKind};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that provider and receiver share. Never printed.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// Wraps the secret, whose text is the key as it stands: `whsec_` and the like are part of it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is shorter than 16 bytes, which somebody could guess.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, Error> {
        let secret = secret.into();
        if secret.len() < 16 {
            return Err(Error::new(ErrorKind::InvalidInput, "a webhook secret has at least 16 bytes"));
        }
        Ok(Self(secret))
    }

    /// The value of the header field that signs `body` at `time`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a time before 1970.
    pub fn sign(&self, time: SystemTime, body: &[u8]) -> Result<String, Error> {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_err(|cause| {
                Error::new(ErrorKind::InvalidInput, "nothing is signed before 1970").with_source(cause)
            })?
            .as_secs();
        let mac = self.mac(&seconds.to_string(), body)?.finalize().into_bytes();
        Ok(format!("t={seconds},v1={}", hexadecimal(&mac)))
    }

    fn mac(&self, seconds: &str, body: &[u8]) -> Result<Hmac<Sha256>, Error> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|cause| {
            Error::new(ErrorKind::Internal, "HMAC takes no key of this length").with_source(cause)
        })?;
        Ok(mac.chain_update(seconds).chain_update(".").chain_update(body))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(***)")
    }
}

/// Checks that a delivery is genuine, fresh and new, in this order: a forgery learns nothing about the clock or about
/// what was seen before, and is not remembered.
///
/// `secrets` are all that are valid now, more than one while they are rotated.
///
/// # Errors
/// [`ErrorKind::WebhookForged`], [`ErrorKind::WebhookOutsideTolerance`], [`ErrorKind::WebhookReplayed`], and those of
/// the guard.
pub async fn verify(
    ctx: &Context,
    delivery: &WebhookDelivery,
    header: &str,
    secrets: &[WebhookSecret],
    now: SystemTime,
    options: &WebhookOptions,
    guard: &dyn ReplayGuard,
) -> Result<(), Error> {
    let (signed, mac) = genuine(delivery, header, secrets)?;
    let apart = now.duration_since(signed).unwrap_or_else(|ahead| ahead.duration());
    if apart > options.tolerance {
        let why = format!(
            "the webhook was signed {} s from now, more than the {} s that are tolerated",
            apart.as_secs(),
            options.tolerance.as_secs()
        );
        return Err(Error::new(ErrorKind::WebhookOutsideTolerance, why));
    }
    if guard.remember(ctx, &mac, signed + options.tolerance).await? {
        return Ok(());
    }
    Err(Error::new(ErrorKind::WebhookReplayed, "the webhook delivery was verified before"))
}

/// The time of the signature and the MAC that fits, in one spelling whatever the header's.
fn genuine(
    delivery: &WebhookDelivery,
    header: &str,
    secrets: &[WebhookSecret],
) -> Result<(SystemTime, String), Error> {
    let forged = |why: &str| Error::new(ErrorKind::WebhookForged, why);
    let mut fields = delivery.header(header);
    let (Some(value), None) = (fields.next(), fields.next()) else {
        return Err(forged("the webhook does not have exactly one signature header"));
    };
    let mut seconds = None;
    let mut macs = Vec::new();
    for (name, value) in value.split(',').filter_map(|element| element.trim().split_once('=')) {
        match name {
            // The text is what is signed, so it is the text that is kept; a second one could only mislead.
            "t" if seconds.is_none() => seconds = Some(value),
            "t" => return Err(forged("the webhook's signature states two times")),
            "v1" => macs.extend(bytes(value)),
            _ => {}
        }
    }
    let seconds = seconds.ok_or_else(|| forged("the webhook's signature states no time"))?;
    for secret in secrets {
        // The body is hashed once per secret, however many signatures a stranger sent.
        let expected = secret.mac(seconds, &delivery.body)?;
        for candidate in &macs {
            // Compares in constant time.
            if expected.clone().verify_slice(candidate).is_ok() {
                let since: u64 = seconds
                    .parse()
                    .map_err(|_| forged("the time of the webhook's signature is no number"))?;
                let signed = UNIX_EPOCH
                    .checked_add(Duration::from_secs(since))
                    .ok_or_else(|| forged("the time of the webhook's signature is no time"))?;
                return Ok((signed, hexadecimal(candidate)));
            }
        }
    }
    Err(forged("no signature of the webhook fits"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    // The length first: it bounds the work on what a stranger sent.
    if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).ok()).collect()
}
