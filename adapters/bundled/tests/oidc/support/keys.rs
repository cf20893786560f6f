//! Keys that tests sign with.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use companyos_adapters::oidc::SignatureAlgorithm;
use companyos_adapters::traits::Secret;
use serde_json::{Value, json};

/// A private key with a key id.
pub(crate) struct KeyPair {
    kind: Kind,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) kid: String,
}

enum Kind {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Kind {
    Kind::Ec(EcdsaKeyPair::generate(algorithm).unwrap(), curve)
}

impl KeyPair {
    pub(crate) fn generate(algorithm: SignatureAlgorithm, kid: &str) -> Self {
        let kind = match algorithm {
            SignatureAlgorithm::Es256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            SignatureAlgorithm::Es384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            SignatureAlgorithm::EdDsa => Kind::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Kind::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { kind, algorithm, kid: kid.to_owned() }
    }

    /// The public half.
    pub(crate) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.kind {
            Kind::Rsa(pair) => {
                // RSAPublicKey of 2048 bits in DER (RFC 8017): nine bytes of heads, the modulus, a head of two, 65537.
                let der = pair.public_key().as_ref();
                let (n, e) = (&der[9..9 + 256], &der[der.len() - 3..]);
                json!({ "kty": "RSA", "n": encode(n), "e": encode(e) })
            }
            Kind::Ec(pair, curve) => {
                // An uncompressed point: 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Kind::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm.as_str());
        jwk["use"] = json!("sig");
        jwk
    }

    /// The private half, in PKCS #8.
    pub(crate) fn pem(&self) -> Secret {
        let der = match &self.kind {
            Kind::Rsa(pair) => pair.as_der().unwrap().as_ref().to_vec(),
            Kind::Ec(pair, _) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Kind::Ed(pair) => pair.to_pkcs8().unwrap().as_ref().to_vec(),
        };
        Secret::new(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        ))
    }

    /// A token with this header, this payload and a good signature by this key (of an RSA key: RS256).
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.kind {
            Kind::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = &RSA_PKCS1_SHA256;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Kind::Ec(pair, _) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Kind::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token of the usual header.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": self.algorithm.as_str(), "kid": self.kid, "typ": "JWT" }), claims)
    }
}
