use ed25519_dalek::{Signature, VerifyingKey};

use super::Jwk;
use crate::Error;
use crate::json::Json;

/// The public keys whose signatures are trusted.
///
/// A verifier trusts nothing but this set: keys are never taken from what is being verified.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    // A handful of keys: a scan is faster than a map, and keeps the order of the file.
    keys: Vec<TrustedKey>,
}

#[derive(Debug, Clone)]
pub(crate) struct TrustedKey {
    pub(crate) jwk: Jwk,
    key: VerifyingKey,
}

impl TrustedKey {
    /// Strict verification: no small-order keys, no malleable signatures.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl KeySet {
    /// A set of raw public keys.
    ///
    /// # Errors
    ///
    /// When a key is not a point of the curve, is of small order, or stands twice.
    pub fn from_public_keys(public_keys: &[[u8; 32]]) -> Result<Self, Error> {
        let mut set = Self::default();
        for key in public_keys {
            set.insert(Jwk::new(*key))?;
        }
        Ok(set)
    }

    /// Reads a JWK set (RFC 7517 section 5).
    ///
    /// Keys of other types are skipped. An Ed25519 key must be flawless: `kid` is its RFC 7638 thumbprint, `use` and
    /// `alg` fit, `x` is canonical base64url, and no private part is there.
    ///
    /// # Errors
    ///
    /// When the text is not a JWK set, an Ed25519 key in it is not acceptable, or there is none.
    pub fn from_jwks(text: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(text).map_err(|_| Error::keys("it is not UTF-8"))?;
        let members = Json::parse_object(text).map_err(|e| Error::keys(e.to_string()))?;
        let Some(Json::Array(keys)) = members.get("keys") else {
            return Err(Error::keys("it is not a JWK set: there is no array `keys`"));
        };
        let mut set = Self::default();
        for key in keys {
            if let Some(jwk) = Jwk::from_value(key)? {
                set.insert(jwk)?;
            }
        }
        if set.keys.is_empty() {
            return Err(Error::keys("it holds no Ed25519 key"));
        }
        Ok(set)
    }

    /// The JWK set as JSON.
    #[must_use]
    pub fn to_jwks(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| key.jwk.to_json()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The key with this RFC 7638 thumbprint.
    #[must_use]
    pub fn get(&self, key_id: &str) -> Option<&Jwk> {
        self.trusted(key_id).map(|key| &key.jwk)
    }

    /// The keys, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Jwk> {
        self.keys.iter().map(|key| &key.jwk)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nothing is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn trusted(&self, key_id: &str) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.jwk.key_id() == key_id)
    }

    pub(crate) fn trusted_keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    fn insert(&mut self, jwk: Jwk) -> Result<(), Error> {
        let key = VerifyingKey::from_bytes(jwk.public_key()).ok().filter(|key| !key.is_weak()).ok_or_else(
            || Error::keys(format!("key `{}` is not a usable Ed25519 public key", jwk.key_id())),
        )?;
        if self.trusted(jwk.key_id()).is_some() {
            return Err(Error::keys(format!("key `{}` stands twice", jwk.key_id())));
        }
        self.keys.push(TrustedKey { jwk, key });
        Ok(())
    }
}
