use sha2::{Digest, Sha256};

use crate::json::Json;
use crate::{Error, b64};

/// The RFC 7638 thumbprint of an Ed25519 public key: unpadded base64url of SHA-256 over its canonical JWK.
#[must_use]
pub fn thumbprint(public_key: &[u8; 32]) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64::url(public_key));
    b64::url(&Sha256::digest(canonical))
}

/// An Ed25519 public key as a JSON Web Key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    public_key: [u8; 32],
    key_id: String,
}

impl Jwk {
    /// The JWK of a public key; its `kid` is the thumbprint.
    #[must_use]
    pub fn new(public_key: [u8; 32]) -> Self {
        Self { key_id: thumbprint(&public_key), public_key }
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The `kid`, which is always the RFC 7638 thumbprint.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The JSON text, members in lexical order.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!(
            r#"{{"alg":"Ed25519","crv":"Ed25519","kid":"{}","kty":"OKP","use":"sig","x":"{}"}}"#,
            self.key_id,
            b64::url(&self.public_key)
        )
    }

    /// Reads one member of a JWK set.
    ///
    /// A member of an unknown `kty` or `crv` is `None`, as RFC 7517 section 5 asks: sets may hold keys for other uses.
    pub(super) fn from_value(value: &Json<'_>) -> Result<Option<Self>, Error> {
        let Json::Object(members) = value else {
            return Err(Error::keys("a member of `keys` is not an object"));
        };
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_ref())),
            Some(_) => Err(Error::keys(format!("`{name}` of a key is not a string"))),
        };
        if text("kty")? != Some("OKP") || text("crv")? != Some("Ed25519") {
            return Ok(None);
        }
        if members.get("d").is_some() {
            return Err(Error::keys(
                "it holds a private key (`d`); a set of trusted keys has public keys only",
            ));
        }
        if !matches!(text("use")?, None | Some("sig")) {
            return Err(Error::keys("an Ed25519 key has a `use` other than `sig`"));
        }
        if !matches!(text("alg")?, None | Some("Ed25519" | "EdDSA")) {
            return Err(Error::keys("an Ed25519 key has an `alg` other than `Ed25519` and `EdDSA`"));
        }
        let public_key = text("x")?
            .and_then(b64::url_decode_array)
            .ok_or_else(|| Error::keys("`x` of a key is not unpadded base64url of 32 bytes"))?;
        let jwk = Self::new(public_key);
        if text("kid")? != Some(&jwk.key_id) {
            return Err(Error::keys(format!(
                "`kid` of a key is not its RFC 7638 thumbprint `{}`",
                jwk.key_id
            )));
        }
        Ok(Some(jwk))
    }
}
