//! Which algorithms may sign a token.

use openidconnect::core::CoreJwsSigningAlgorithm as Jws;

/// A JWS algorithm with a public key (RFC 7518 section 3, RFC 8037).
///
/// `none` and the HMAC algorithms are not among them and cannot be allowed: the first is no signature, and the others
/// would let whoever knows the issuer's public key, which is everybody, sign with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// Ed25519
    EdDsa,
}

impl SignatureAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in a JOSE header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub(super) fn jws(self) -> Jws {
        match self {
            Self::Rs256 => Jws::RsaSsaPkcs1V15Sha256,
            Self::Rs384 => Jws::RsaSsaPkcs1V15Sha384,
            Self::Rs512 => Jws::RsaSsaPkcs1V15Sha512,
            Self::Ps256 => Jws::RsaSsaPssSha256,
            Self::Ps384 => Jws::RsaSsaPssSha384,
            Self::Ps512 => Jws::RsaSsaPssSha512,
            Self::Es256 => Jws::EcdsaP256Sha256,
            Self::Es384 => Jws::EcdsaP384Sha384,
            Self::EdDsa => Jws::EdDsa,
        }
    }
}
