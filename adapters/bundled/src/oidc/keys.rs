//! The issuer's public keys.

use openidconnect::JsonWebKey;
use openidconnect::core::CoreJsonWebKey;
use serde::Deserialize;
use serde_json::Value;

use super::SignatureAlgorithm;
use super::jws::Jws;

/// The smallest RSA modulus that is accepted, in bytes (RFC 7518 section 3.3).
const SMALLEST_MODULUS: usize = 2048 / 8;

/// More keys than any issuer publishes. A token without a key id is tried against each.
const MOST_KEYS: usize = 64;

/// The keys of a JWK set (RFC 7517) that can verify a signature here.
#[derive(Debug)]
pub(super) struct Keys(Vec<CoreJsonWebKey>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// What the keys say about a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    /// None of the keys could have made it.
    NoKey,
}

impl Keys {
    /// Reads a JWK set. A key of a kind not known here is skipped, because an issuer may publish keys for others; so
    /// is one that is too weak, and one that is not public.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(bytes)?;
        let usable = document.keys.into_iter().filter(is_sound).take(MOST_KEYS);
        Ok(Self(usable.filter_map(|key| serde_json::from_value(key).ok()).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Verifies a token's signature with the keys that its header points to: those of its key id, or all of them
    /// when it names none. A key that states its own algorithm is used with no other.
    pub(super) fn verify(&self, token: &Jws<'_>) -> Verdict {
        let mut verdict = Verdict::NoKey;
        for key in self.matching(token.kid(), token.algorithm) {
            if key.verify_signature(&token.algorithm.jws(), token.signed, &token.signature).is_ok() {
                return Verdict::Good;
            }
            verdict = Verdict::Bad;
        }
        verdict
    }

    /// The left half of the hash that goes with the key that signed `token`: what `at_hash` is made of (OpenID
    /// Connect Core section 3.1.3.6).
    pub(super) fn half_hash(&self, token: &Jws<'_>, text: &str) -> Option<Vec<u8>> {
        let mut keys = self.matching(token.kid(), token.algorithm);
        let mut hash = keys.find_map(|key| key.hash_bytes(text.as_bytes(), &token.algorithm.jws()).ok())?;
        hash.truncate(hash.len() / 2);
        Some(hash)
    }

    fn matching(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> impl Iterator<Item = &CoreJsonWebKey> {
        let algorithm = algorithm.jws();
        self.0.iter().filter(move |key| {
            let named = kid.is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
            // Hashing nothing is how the library tells whether type, use and stated algorithm of a key allow this one.
            named && key.hash_bytes(&[], &algorithm).is_ok()
        })
    }
}

fn is_sound(key: &Value) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    // A private key that was published can be used by anybody.
    if key.get("d").is_some() {
        return false;
    }
    match text("kty") {
        // Three quarters of the length in base64url; exact enough to tell 2048 bits from less.
        Some("RSA") => text("n").is_some_and(|n| n.trim_start_matches('A').len() * 3 / 4 >= SMALLEST_MODULUS),
        Some("EC" | "OKP") => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_key_set_makes_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            kty in "RSA|EC|OKP|oct|.*",
            value in "[A-Za-z0-9_-]{0,600}",
            crv in "P-256|P-384|P-521|Ed25519|.*",
            alg in prop::option::of("RS256|ES256|EdDSA|none|.*"),
        ) {
            let _ = Keys::parse(&bytes);
            let members = ["n", "e", "x", "y"].map(|name| (name.to_owned(), Value::from(value.clone())));
            let mut key: serde_json::Map<_, _> = members.into_iter().collect();
            key.insert("kty".to_owned(), kty.into());
            key.insert("crv".to_owned(), crv.into());
            key.insert("alg".to_owned(), alg.into());
            let set = serde_json::json!({ "keys": [key] }).to_string();
            if let Ok(keys) = Keys::parse(set.as_bytes()) {
                for algorithm in SignatureAlgorithm::ALL {
                    let text = format!("{}.e30.AAAA", encoded(&format!(r#"{{"alg":"{}"}}"#, algorithm.as_str())));
                    let token = Jws::parse(&text, &[algorithm], &[None]).unwrap();
                    prop_assert_ne!(keys.verify(&token), Verdict::Good);
                }
            }
        }
    }

    fn encoded(text: &str) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    }
}
