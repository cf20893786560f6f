//! Signing and verifying keys, always Ed25519.

mod jwk;
mod set;
mod software;

pub use jwk::{Jwk, thumbprint};
pub use set::KeySet;
pub use software::SoftwareSigner;

/// Holds one private Ed25519 key and signs with it.
///
/// Where the key lives (memory, a file, a hardware module) is the implementation's business. Ed25519 is deterministic
/// (RFC 8032), so an implementation must return the same signature for the same message: issuing a receipt twice gives
/// the same bytes because of it.
pub trait Signer: Send + Sync {
    /// The public key.
    fn public_key(&self) -> &[u8; 32];

    /// The public key's RFC 7638 thumbprint ([`thumbprint`]), which receipts name as `kid`.
    fn key_id(&self) -> &str;

    /// Signs a message with pure Ed25519.
    ///
    /// # Errors
    ///
    /// When the key cannot be used now. Nothing was signed then, and the caller may try again.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why a [`Signer`] could not sign.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SignError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SignError {
    /// An error with a message only.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error that keeps its cause.
    #[must_use]
    pub fn with_source(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}
