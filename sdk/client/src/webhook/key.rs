//! The keys webhooks are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::core::error::{Error, Kind};

#[derive(Clone)]
pub(super) enum Key {
    /// `v1`: HMAC-SHA256, keyed once.
    Secret(Hmac<Sha256>),
    /// `v1a`: Ed25519.
    Public(VerifyingKey),
}

impl Key {
    pub(super) fn secret(text: &str) -> Result<Self, Error> {
        let invalid = || Error::new(Kind::Config, "a webhook secret is whsec_ and base64 of 24 to 64 bytes");
        let secret =
            decode(text, "whsec_").filter(|secret| (24..=64).contains(&secret.len())).ok_or_else(invalid)?;
        Hmac::new_from_slice(&secret).map(Self::Secret).map_err(|_| invalid())
    }

    pub(super) fn public(text: &str) -> Result<Self, Error> {
        decode(text, "whpk_")
            .and_then(|key| <[u8; 32]>::try_from(key).ok())
            .and_then(|key| VerifyingKey::from_bytes(&key).ok())
            .filter(|key| !key.is_weak())
            .map(Self::Public)
            .ok_or_else(|| {
                Error::new(Kind::Config, "a webhook public key is whpk_ and base64 of an Ed25519 key")
            })
    }

    /// Returns whether this key made the signature; comparing takes the same time wherever they differ.
    pub(super) fn verifies(&self, version: &str, signature: &str, signed: &[u8]) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        match (self, version) {
            (Key::Secret(hmac), "v1") => hmac.clone().chain_update(signed).verify_slice(&signature).is_ok(),
            (Key::Public(key), "v1a") => Signature::from_slice(&signature)
                .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok()),
            _ => false,
        }
    }
}

fn decode(text: &str, prefix: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim().strip_prefix(prefix)?).ok()
}
