//! The key that signs receipts and checkpoints.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use companyos_receipt::key::{SignError, Signer, thumbprint};

use crate::kernel::ids::Ids;

/// Signs with an Ed25519 key that was read from a file, by AWS-LC, which overwrites its copy when it is freed.
pub struct FileSigner {
    pair: Ed25519KeyPair,
    public_key: [u8; 32],
    key_id: String,
}

impl FileSigner {
    /// The key of a seed (RFC 8032 section 5.1.5).
    pub(super) fn new(seed: &[u8; 32], ids: &dyn Ids) -> Result<Self, &'static str> {
        let refused = "it is not a usable Ed25519 key";
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| refused)?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| refused)?;
        let signer = Self { pair, public_key, key_id: thumbprint(&public_key) };
        // A key that cannot sign is found now, not at the first receipt.
        let mut probe = [0; 32];
        ids.fill(&mut probe);
        signer.sign(&probe).map_err(|_| refused)?;
        Ok(signer)
    }

    /// The key id of a seed.
    pub(super) fn kid_of(seed: &[u8; 32], ids: &dyn Ids) -> Result<String, &'static str> {
        Self::new(seed, ids).map(|signer| signer.key_id)
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    fn key_id(&self) -> &str {
        &self.key_id
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.pair.try_sign(message).map_err(|_| SignError::new("AWS-LC did not sign"))?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| SignError::new("AWS-LC made a signature of the wrong length"))
    }
}
