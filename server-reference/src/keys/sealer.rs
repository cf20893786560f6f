//! The key that seals what lies in the database and may hold a secret.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cmac;
use zeroize::Zeroizing;

use crate::kernel::ids::Ids;

/// First byte of what is sealed: the format.
const FORMAT: u8 = 1;

/// Bytes of an XAES-256-GCM nonce.
const XNONCE_LEN: usize = 24;

/// Something cannot be sealed, or was not sealed by this key for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this key for this purpose, or changed since")]
pub struct SealError;

/// Seals by XAES-256-GCM (C2SP): AES-256-GCM under a key derived for each message from a random 192-bit nonce.
///
/// Plain AES-256-GCM with random 96-bit nonces must not seal more than 2^32 messages per key, which a busy server
/// reaches within days. `Debug` shows nothing of the key.
#[derive(Clone)]
pub struct Sealer {
    key: cmac::Key,
    ids: Arc<dyn Ids>,
}

impl Sealer {
    /// A key of its 32 bytes, and where its nonces come from.
    ///
    /// # Errors
    /// When the crypto library refuses the key.
    pub fn new(secret: &[u8; 32], ids: Arc<dyn Ids>) -> Result<Self, SealError> {
        Ok(Self { key: cmac::Key::new(cmac::AES_256, secret).map_err(|_| SealError)?, ids })
    }

    /// Seals a message. It opens only with the same `purpose`, such as the key of the row it is stored in.
    ///
    /// # Errors
    /// When the crypto library refuses.
    pub fn seal(&self, purpose: &[u8], message: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; XNONCE_LEN];
        self.ids.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(1 + XNONCE_LEN + message.len() + AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        let mut body = message.to_vec();
        self.encrypt(&nonce, purpose, &mut body)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] returned.
    ///
    /// # Errors
    /// When it was sealed by another key or for another purpose, or was changed.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (format, rest) = sealed.split_first().ok_or(SealError)?;
        let (nonce, body) = rest.split_first_chunk::<XNONCE_LEN>().ok_or(SealError)?;
        if *format != FORMAT {
            return Err(SealError);
        }
        let (key, nonce) = self.derive(nonce)?;
        let mut body = body.to_vec();
        let len = key.open_in_place(nonce, Aad::from(purpose), &mut body).map_err(|_| SealError)?.len();
        body.truncate(len);
        Ok(body)
    }

    fn encrypt(&self, nonce: &[u8; XNONCE_LEN], purpose: &[u8], body: &mut Vec<u8>) -> Result<(), SealError> {
        let (key, nonce) = self.derive(nonce)?;
        key.seal_in_place_append_tag(nonce, Aad::from(purpose), body).map_err(|_| SealError)
    }

    /// The message's own key and nonce: SP 800-108 in counter mode with CMAC, label `X`, context the nonce's first half.
    fn derive(&self, nonce: &[u8; XNONCE_LEN]) -> Result<(LessSafeKey, Nonce), SealError> {
        let (context, rest) = nonce.split_at(XNONCE_LEN - NONCE_LEN);
        let mut key = Zeroizing::new([0; 32]);
        for (counter, half) in [1_u8, 2].into_iter().zip(key.chunks_exact_mut(16)) {
            let mut block = [0; 16];
            block[1] = counter;
            block[2] = b'X';
            block[4..].copy_from_slice(context);
            half.copy_from_slice(cmac::sign(&self.key, &block).map_err(|_| SealError)?.as_ref());
        }
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(rest).map_err(|_| SealError)?;
        Ok((LessSafeKey::new(key), nonce))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::RandomIds;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn sealer(secret: [u8; 32]) -> Sealer {
        Sealer::new(&secret, Arc::new(RandomIds)).unwrap()
    }

    /// The test vectors of c2sp.org/XAES-256-GCM.
    #[test]
    fn the_standards_vectors_come_out() {
        let nonce = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
        let mut body = b"XAES-256-GCM".to_vec();
        sealer([1; 32]).encrypt(&nonce, b"", &mut body).unwrap();
        assert_eq!(hex(&body), "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
        let mut body = b"XAES-256-GCM".to_vec();
        sealer([3; 32]).encrypt(&nonce, b"c2sp.org/XAES-256-GCM", &mut body).unwrap();
        assert_eq!(hex(&body), "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only() {
        let sealed = sealer([1; 32]).seal(b"row 1", b"secret").unwrap();
        assert_eq!(sealer([1; 32]).open(b"row 1", &sealed).unwrap(), b"secret");
        assert_eq!(sealer([1; 32]).open(b"row 2", &sealed), Err(SealError));
        assert_eq!(sealer([2; 32]).open(b"row 1", &sealed), Err(SealError));
    }

    #[test]
    fn nothing_that_was_changed_or_cut_opens() {
        let sealed = sealer([1; 32]).seal(b"", b"secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer([1; 32]).open(b"", &changed), Err(SealError), "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(sealer([1; 32]).open(b"", &sealed[..len]), Err(SealError), "{len} bytes");
        }
    }
}
