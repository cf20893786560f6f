//! Proof key for code exchange (RFC 7636), and the hash that ties an ID token to its access token.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::Secret;

/// The `S256` challenge of a verifier.
///
/// ```
/// use companyos_adapter_traits::{Secret, identity::pkce};
///
/// // RFC 7636, appendix B
/// let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
/// assert_eq!(pkce::challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
/// ```
#[must_use]
pub fn challenge(verifier: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

/// Whether a verifier is of the form of RFC 7636, section 4.1: 43 to 128 unreserved characters.
#[must_use]
pub fn is_verifier(verifier: &Secret) -> bool {
    let text = verifier.expose();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

/// The `at_hash` of an access token, for an ID token whose algorithm hashes with SHA-256 (OpenID Connect Core,
/// section 3.1.3.6): the left half of the digest.
#[must_use]
pub fn at_hash_sha256(access_token: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token.expose())[..16])
}
