use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};

use super::{SignError, Signer, thumbprint};

/// A private key in memory, for tests and small tools.
///
/// The key is wiped when this is dropped, and `Debug` prints the public half only.
pub struct SoftwareSigner {
    key: SigningKey,
    public_key: [u8; 32],
    key_id: String,
}

impl SoftwareSigner {
    /// The key pair that RFC 8032 derives from a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let public_key = key.verifying_key().to_bytes();
        Self { key_id: thumbprint(&public_key), key, public_key }
    }
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    fn key_id(&self) -> &str {
        &self.key_id
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.key.sign(message).to_bytes())
    }
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
