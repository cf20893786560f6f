//! `private_key_jwt`: the client proves who it is with a signature (OpenID Connect Core section 9, RFC 7523).
//!
//! Signing is done by aws-lc, in constant time. The crate `rsa`, which comes with `openidconnect`, is not used for it:
//! its private-key operations leak through timing (RUSTSEC-2023-0071).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_adapter_traits::{Error, ErrorKind, Outcome, Secret};
use openidconnect::Nonce;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;

use super::SignatureAlgorithm;

/// How long an assertion is good. It is made for one request.
const LIFETIME: Duration = Duration::from_secs(60);

/// The private key a client signs assertions with. It does not print.
#[derive(Clone)]
pub struct ClientKey {
    pair: Arc<Pair>,
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl ClientKey {
    /// Reads a private key in PKCS #8 (`BEGIN PRIVATE KEY`) for `algorithm`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is no such file, or its key is not one for the algorithm.
    pub fn from_pem(pem: &Secret, algorithm: SignatureAlgorithm) -> Result<Self, Error> {
        // The causes are left out: what they quote comes from the key.
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes())
            .map_err(|_| refuse("the client's key is not PKCS #8 in PEM"))?;
        let der = der.secret_pkcs8_der();
        use SignatureAlgorithm as A;
        let pair = match algorithm {
            A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512 => {
                RsaKeyPair::from_pkcs8(der).map(Pair::Rsa)
            }
            A::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ec),
            A::Es384 => EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der).map(Pair::Ec),
            A::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Pair::Ed),
        };
        let pair = pair.map_err(|_| refuse("the client's key is not one for its algorithm"))?;
        Ok(Self { pair: Arc::new(pair), algorithm, kid: None })
    }

    /// Names the key as the client's registration does. Needed when more than one is registered.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// An assertion that whoever holds this key is `client_id`, for `audience`, now.
    pub(super) fn assert(&self, client_id: &str, audience: &str, now: SystemTime) -> Result<Secret, Error> {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut header = json!({ "alg": self.algorithm.as_str(), "typ": "JWT" });
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            // 128 random bits: the issuer takes an assertion once.
            "jti": Nonce::new_random().secret(),
            "iat": seconds,
            "exp": seconds + LIFETIME.as_secs(),
        });
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.sign(signed.as_bytes()).map_err(|_| {
            let message = "the client's assertion cannot be signed";
            Error::new(ErrorKind::Internal, message).with_outcome(Outcome::NotSent)
        })?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(self.padding(), &random, message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Pair::Ed(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }

    fn padding(&self) -> &'static dyn RsaEncoding {
        match self.algorithm {
            SignatureAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
            SignatureAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
            SignatureAlgorithm::Ps256 => &RSA_PSS_SHA256,
            SignatureAlgorithm::Ps384 => &RSA_PSS_SHA384,
            SignatureAlgorithm::Ps512 => &RSA_PSS_SHA512,
            _ => &RSA_PKCS1_SHA256,
        }
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

fn refuse(message: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}
